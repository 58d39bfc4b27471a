"""`mediaindex immich`: what concerns an Immich that lives beside us, one file a command."""

import importlib

import click

COMMANDS = {
    "connect": "Get to know an Immich with the key of one person; again to change something.",
    "status": "Show the accounts, what of them is here, and what hinders.",
    "sync": "Read now what changed in Immich.",
    "write": "Write descriptions and tags into Immich, as the settings say.",
    "revert": "Take all that we wrote out of Immich again.",
    "confirm": "Say why photos that vanished from Immich did: deleted, or locked.",
    "show": "Show a photo again that vanished from Immich.",
    "disconnect": "Forget an account, and all that was read of it.",
}


class Commands(click.Group):
    """Finds a command in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        name = f"immich_{cmd_name}"
        module = importlib.import_module(f"mediaindex.cli.{name}")
        return getattr(module, name)  # type: ignore[no-any-return] # found by its name

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands)
def immich() -> None:
    """Work beside Immich, on the same files.

    Once it is connected, searches know its people, albums, tags and favourites (person:anna,
    album:lisbon, is:favourite), and hits open there. Nothing is written into it unless the settings
    say so (immich.write), and what is locked there is not shown here.
    """
