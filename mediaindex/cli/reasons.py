"""Why nothing that a model said of a picture was kept, in plain words."""

PLAIN: dict[str, str] = {
    "refusal": "the model refused",
    "preamble_only": "it talked, but not about the picture",
    "repetition": "it repeated itself",
    "cut_off": "its answer was cut off before it said anything (caption.max_tokens)",
    "empty": "it answered nothing",
    "prompt_echo": "it only repeated what it was asked",
    "wrong_language": "it answered in another language (caption.language)",
    "broken_json": "its answer broke off",
    "not_a_caption": "what it answered is no description",
}
"""In words that go on after "nothing worth keeping was said:"; by the reasons of the guard.

That takes long to import, so a test holds the two together.
"""


def plain(rejected: str) -> str:
    """Return a stored reason for people, with what told: `the model refused: I cannot ...`.

    Args:
        rejected: A reason of the guard's, alone or with what told behind a colon. Anything else is
            returned as it is.
    """
    for reason, words in PLAIN.items():
        if rejected == reason:
            return words
        if rejected.startswith(f"{reason}:"):
            detail = rejected.removeprefix(f"{reason}:").strip()
            return f"{words}: {detail}" if detail else words
    return rejected
