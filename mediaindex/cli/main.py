"""`mediaindex`: the door. Commands are loaded when they are called, so that each starts quickly."""

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from mediaindex import __version__
from mediaindex.errors import (
    AlreadyRunning,
    ConfigError,
    MediaIndexError,
    QueryError,
    RetryLater,
)

COMMANDS = {
    "index": "Index folders of photos and videos; only what is new takes time.",
    "serve": "Watch the libraries, index what is new, and answer searches: the service.",
    "search": "Find photos and moments of videos by words, or by a similar picture.",
    "ask": "Answer a question from the pictures that fit it.",
    "caption": "Show what the model says of a picture now, or compare models.",
    "status": "Show what is indexed, what is waiting, and what failed.",
    "retry": "Try again what failed.",
    "pause": "Let a stage, such as caption, do nothing for a while.",
    "resume": "Let a paused stage go on.",
    "info": "Show everything that is known about a file.",
    "export": "Write what is known of photos and videos to files, for other programs.",
    "confirm-removal": "Let the index forget files that are gone, many at once.",
    "forget": "Take a library out of the index; its files stay.",
    "immich": "Work beside Immich: find by its people and albums, open hits there.",
    "model": "List the models that look at or describe pictures, or download one.",
    "backup": "Copy the database, also while the daemon is at work.",
    "restore": "Bring a backup of the database back.",
    "repair": "Find what is damaged, behind or left over, and put it right.",
    "doctor": "Check that everything is in order on this machine.",
    "config": "Show the settings in force, or write the prompts to change them.",
}

FAILED, ASKED_WRONGLY, NOT_NOW = 1, 2, 3
"""Exit codes; 0 is success. `search` ends with 1 if it found nothing, as grep does."""


class Commands(click.Group):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"mediaindex.cli.{name}")
        return getattr(module, name)  # type: ignore[no-any-return] # found by its name

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that was mistyped is an error with the likeliest that was meant."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(COMMANDS)}"
            ctx.fail(f"No such command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this config.yaml and no other.",
)
@click.version_option(__version__, prog_name="mediaindex")
@click.pass_context
def cli(ctx: click.Context, config_file: Path | None) -> None:
    """Find the photo, or the second of the video, in plain words, on your own machine."""
    ctx.obj = config_file


def main() -> None:
    """Run the command line; what is no bug of ours ends in one line and an exit code."""
    try:
        code: Any = cli.main(prog_name="mediaindex", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"mediaindex: {error.format_message()}", err=True)
        if isinstance(error, click.UsageError) and error.ctx is not None:
            click.echo(f"See: {error.ctx.command_path} --help", err=True)
        sys.exit(error.exit_code)
    except MediaIndexError as error:
        click.echo(f"mediaindex: {error}", err=True)
        sys.exit(_exit_code(error))
    except BrokenPipeError:
        # The reader of our pipe has seen enough (`| head`).
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        from mediaindex.cli.trouble import translated

        known = translated(error, sys.argv)
        if known is None:
            raise
        click.echo(f"mediaindex: {known}", err=True)
        sys.exit(_exit_code(known))
    sys.exit(code if isinstance(code, int) else 0)


def _exit_code(error: MediaIndexError) -> int:
    if isinstance(error, ConfigError | QueryError):
        return ASKED_WRONGLY
    if isinstance(error, AlreadyRunning | RetryLater):
        return NOT_NOW
    return FAILED
