"""What a person can do about a server that does not do its work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What a person can do about a server; each is the end of a sentence."""

    #: It is not there.
    start: str
    #: It refuses us.
    key: str
    #: It would send us on.
    sent_on: str
    #: What answers knows none of our paths.
    stranger: str


def from_settings(section: str, start: str) -> Advice:
    """Return the advice for a server that config.yaml names."""
    return Advice(
        start=f"{start}, or set {section}.url; or {section}.use: off",
        key=f"set {section}.api_key",
        sent_on=f"if that is right, name it in {section}.url",
        stranger=f"Check {section}.url and {section}.use",
    )
