"""Every SQL statement. Functions take a Session and never commit: the caller owns it."""
