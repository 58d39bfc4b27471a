"""The command line: one file a command; no rules and no SQL here."""
