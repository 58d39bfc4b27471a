"""Thin typed HTTP clients of the servers in the house: a status becomes one of our errors."""
