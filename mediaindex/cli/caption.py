"""`mediaindex caption`: what the model says of a picture now, or what several models say."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from mediaindex import looking
from mediaindex.cli.captioned import as_json, put_looks, put_trouble
from mediaindex.cli.compare import compare_models
from mediaindex.cli.output import printable, put_json, settings_of
from mediaindex.cli.waiting import Waiting
from mediaindex.config import Config
from mediaindex.errors import RetryLater, ServerOff, Unusable
from mediaindex.looking import Look, View
from mediaindex.remote import check_told

NOTHING_KEPT, NOT_NOW = 1, 3

EXAMPLES = """\b
Examples:
  mediaindex caption photo.jpg --model gemma3:4b
  mediaindex caption film.mp4 --at 90
  mediaindex caption --compare qwen3-vl:4b-instruct,gemma3:4b ~/Pictures --to models.html
"""


@click.command(epilog=EXAMPLES)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, readable=False))
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

    FILES are photos, indexed or not, and indexed videos. The model is told neither date nor place
    here, whatever caption.tell_facts says. Exit codes: 0 described, 1 nothing worth keeping was
    said of a file or it cannot be used, 2 a mistake, 3 no server, none that answers, or no such
    model.
    """
    config = settings_of(ctx)
    _check_files(files, is_comparison=models is not None)
    if models is None:
        if to is not None or _is_given(ctx, "number"):
            raise click.UsageError("-n and --to belong to --compare")
        with _advising(how["model"]):
            return _caption(config, files, wants_json=wants_json, **how)
    if any(_is_given(ctx, name) for name in ("at_s", "model", "verbose")) or len(files) > 1:
        raise click.UsageError("--compare takes one folder, -n, --to and --json, and no more")
    return compare_models(config, models, files[0], number, to, wants_json=wants_json)


def _check_files(files: Sequence[Path], *, is_comparison: bool) -> None:
    if is_comparison and not files:
        raise click.UsageError("--compare needs pictures: say which folder")
    if not files:
        raise click.UsageError("name photos, or indexed videos")
    folders = [file for file in files if file.expanduser().is_dir()]
    if folders and not is_comparison:
        shown = printable(str(folders[0]))
        raise click.UsageError(f"{shown} is a folder; name photos, or use --compare")


@contextmanager
def _advising(model: str | None) -> Iterator[None]:
    """Have the advice to download a model name the one that was asked for here."""
    try:
        yield
    except ServerOff as error:
        advice = "mediaindex model pull"
        said = str(error)
        if model is None or f"no model {model!r}" not in said:
            raise
        raise ServerOff(said.replace(advice, f"{advice} {shlex.quote(model)}")) from error


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
            with waiting.watching(lambda: looking.is_waiting(describer)):
                looks = [looking.look(config, describer, view, waiting.stop) for view in views]
            waiting.clear()
            code = max(code, _code(looks))
            if wants_json:
                results.append(as_json(file, looks, trouble))
            elif trouble is not None:
                put_trouble(file, trouble)
            else:
                put_looks(looks, is_verbose=verbose)
    if wants_json:
        put_json({"version": 1, "files": results})
    return code


def _code(looks: Sequence[Look]) -> int:
    """Return the exit code for one file; that a server failed is not the picture's fault."""
    if any(look.caption for look in looks):
        return 0
    return NOT_NOW if any(look.has_failed for look in looks) else NOTHING_KEPT


def _views(config: Config, file: Path, at_s: float | None) -> tuple[list[View], str | None]:
    """Return what a file shows, or why it cannot be used."""
    try:
        check_told(config, file)
        return looking.views(config, file, at_s), None
    except (RetryLater, Unusable) as error:  # no server was asked yet
        return [], str(error)


def _progress(number: int, files: Sequence[Path], config: Config, model: str | None) -> str:
    of = f"{number} of {len(files)}: " if len(files) > 1 else ""
    asked = model or config.settings.caption.model
    return f"{of}asking {asked} about {printable(files[number - 1].name)}"
