"""The daemon: watches, sweeps, works and answers, in one process, for years."""
