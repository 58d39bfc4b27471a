"""What people are told of files that seem to be gone, and are not believed to be."""

import shlex

from mediaindex.cli.output import counted


def held_back_words(files: int, library: str) -> str:
    """Return how many files of a library wait for a person's word, and how to give it."""
    seem = "seems" if files == 1 else "seem"
    return (
        f"{counted(files, 'file')} {seem} to be gone. That is much at once, so nothing was "
        f"forgotten. If you deleted them: mediaindex confirm-removal {shlex.quote(library)}"
    )
