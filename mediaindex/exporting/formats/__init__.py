"""One file for each format; see `mediaindex.exporting`."""
