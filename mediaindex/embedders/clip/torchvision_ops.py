"""Makes `import torchvision` (and so `import open_clip`) work beside a CPU build of torch.

PyPI's torchvision is a CUDA build. Its compiled operators do not load beside the CPU torch, and its
import ends in `RuntimeError: operator torchvision::nms does not exist`, although nothing here uses
those operators: open_clip only wants torchvision's transforms. Declaring the two operators that
the import looks for is enough. Where they load (a matching pair), nothing is done.
"""

from types import ModuleType
from typing import Any

_declared: list[Any] = []
"""Keeps the operator library alive: torch forgets the declarations with the object."""

MISSING = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def load_open_clip() -> ModuleType:
    """Import and return open_clip; takes seconds, and brings torch with it."""
    import torch

    try:
        import torchvision  # noqa: F401 - imported to see whether it can be
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call] # torch's
        for name in MISSING:
            library.define(name + SIGNATURE)
        _declared.append(library)
    import open_clip

    module: ModuleType = open_clip
    return module
