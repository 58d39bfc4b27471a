"""`mediaindex caption`: what the model says of a picture now, or what several models say."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from mediaindex import looking
from mediaindex.cli.captioned import as_json, put_looks, put_trouble
from mediaindex.cli.compare import compare_models
from mediaindex.cli.output import printable, put_json, settings_of
from mediaindex.cli.waiting import Waiting
from mediaindex.config import Config
from mediaindex.errors import RetryLater, Unusable
from mediaindex.looking import View

NOTHING_KEPT = 1

EXAMPLES = """\b
Examples:
  mediaindex caption photo.jpg --model gemma3:4b
  mediaindex caption film.mp4 --at 90
  mediaindex caption --compare qwen3-vl:4b-instruct,gemma3:4b ~/Pictures --to models.html
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option(
    "--at", "at_s", type=click.FloatRange(0), help="Of a video, the moment nearest to this second."
)
@click.option("--model", help="Ask this model, and not the one in the settings.")
@click.option("-v", "--verbose", is_flag=True, help="Also show the raw answer that was rejected.")
@click.option("--compare", "models", help="Compare these models, A,B or more, over a folder.")
@click.option(
    "-n", "--number", type=click.IntRange(1, 500), default=12, help="Compare over so many pictures."
)
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the comparison to this .html. An older sheet is replaced, any other file is not.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def caption(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    models: str | None,
    wants_json: bool,
    number: int,
    to: Path | None,
    **how: Any,  # noqa: ANN401 - what only one of the two ways takes
) -> int:
    """Show what the model says of each of FILES now. Stores nothing.

    FILES are photos, indexed or not, and indexed videos. Exit codes: 0 described, 1 nothing worth
    keeping was said of a file or it cannot be used, 2 a mistake, 3 no server or no such model.
    """
    config = settings_of(ctx)
    if models is None:
        if to is not None or _is_given(ctx, "number"):
            raise click.UsageError("-n and --to belong to --compare")
        return _caption(config, files, wants_json=wants_json, **how)
    if any(_is_given(ctx, name) for name in ("at_s", "model", "verbose")) or len(files) > 1:
        raise click.UsageError("--compare takes one folder, -n, --to and --json, and no more")
    return compare_models(config, models, files[0], number, to, wants_json=wants_json)


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _caption(
    config: Config,
    files: Sequence[Path],
    *,
    wants_json: bool,
    at_s: float | None,
    model: str | None,
    verbose: bool,
) -> int:
    describer = looking.describer(config, model)
    results: list[dict[str, Any]] = []
    code, is_open = 0, False
    with Waiting() as waiting, closing(describer.pool):
        for number, file in enumerate(files, start=1):
            views, trouble = _views(config, file, at_s)
            waiting.say(_progress(number, files, config, model))
            if views and not is_open:
                # Not before there is a picture: it may take minutes.
                describer.pool.open()
                is_open = True
            looks = [looking.look(describer, view, waiting.stop) for view in views]
            waiting.clear()
            code = code if any(look.caption for look in looks) else NOTHING_KEPT
            if wants_json:
                results.append(as_json(file, looks, trouble))
            elif trouble is not None:
                put_trouble(file, trouble)
            else:
                put_looks(looks, is_verbose=verbose)
    if wants_json:
        put_json({"version": 1, "files": results})
    return code


def _views(config: Config, file: Path, at_s: float | None) -> tuple[list[View], str | None]:
    """Return what a file shows, or why it cannot be used."""
    try:
        return looking.views(config, file, at_s), None
    except (RetryLater, Unusable) as error:  # no server was asked yet
        return [], str(error)


def _progress(number: int, files: Sequence[Path], config: Config, model: str | None) -> str:
    of = f"{number} of {len(files)}: " if len(files) > 1 else ""
    asked = model or config.settings.caption.model
    return f"{of}asking {asked} about {printable(files[number - 1].name)}"
