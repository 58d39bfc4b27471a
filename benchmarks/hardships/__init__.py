"""What a home does to a daemon in years, in minutes: one file for each kind of hardship."""
