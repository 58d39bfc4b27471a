"""Which files exist."""
