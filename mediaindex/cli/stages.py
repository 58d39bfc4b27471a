"""What commands about one stage share."""

import click

from mediaindex.pipeline.stage import STAGES


def stage_of(stage: str | None) -> str:
    """Return the stage that was named.

    Raises:
        click.UsageError: None was; the text names those that there are.
    """
    if stage is None:
        raise click.UsageError(f"say which stage: caption, {', '.join(_others())}")
    return stage


def _others() -> list[str]:
    return [name for name in STAGES if name != "caption"]
