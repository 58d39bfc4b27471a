"""From files to searchable moments, one stage a file."""
