"""`python -m mediaindex` is `mediaindex`."""

from mediaindex.cli.main import main

main()
