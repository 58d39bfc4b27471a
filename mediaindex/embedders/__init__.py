"""What an embedder is, and how one is found by name.

To add one, add one file here with a `build(options)` function; config.yaml then names it:
`embedder: {use: open_clip, ...}`. A name with a colon (`my_package.my_module:build`) is looked up
outside this package, so nobody has to fork.
"""

from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol, cast

from mediaindex.errors import ConfigError

if TYPE_CHECKING:  # numpy takes long to load, and a model's name is looked at without it
    from mediaindex.types import RGB, Vectors


class Embedder(Protocol):
    """Puts pictures and words into one space, where near means alike."""

    #: Names architecture *and* weights; vectors of different ids are never compared.
    model_id: str
    dim: int
    #: False for an embedder that knows no meaning (colours only): never called semantic search.
    semantic: bool

    def embed_images(self, images: "Sequence[RGB]") -> "Vectors":
        """Return float32 (len(images), dim), unit rows, in the order given."""

    def embed_texts(self, texts: Sequence[str]) -> "Vectors":
        """Return float32 (len(texts), dim), unit rows. Text past the context is cut off."""

    def split_text(self, text: str) -> list[str]:
        """Return `text` in pieces that each fit the model's context, at sentence ends if it can.

        None where the text says nothing to this model.
        """


def load(use: str, options: Mapping[str, object]) -> Embedder:
    """Build the embedder that config.yaml names. Cheap: weights are read on first use.

    Args:
        use: A module of this package (`open_clip`), or `package.module:function`.
        options: The rest of the config section plus `models_dir`, handed to `build` as it is.

    Raises:
        ConfigError: No such module, or it has no `build`.
        RetryLater: The weights are not on this machine; the text names the exact remedy.
    """
    path = use if ":" in use else f"{__name__}.{use}:build"
    try:
        build = resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"embedder {use!r}: nothing at {path}") from error
    return cast("Embedder", build(options))
