"""The daemon's door for programs: HTTP on a Unix socket and, if configured, on TCP."""
