"""Which font can write a line: Pillow's own knows English, file names know every script."""

from functools import cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "Arial.ttf",
    "Arial Unicode.ttf",
)
"""Asked for in this order; those that a machine has not are passed over."""

UNASSIGNED = "\uffff"
"""A character that no font has; what is drawn for it is drawn for all that are missing."""


def font_for(line: str, size_px: int) -> Font:
    """Return the first font that has every character of a line; else the one that lacks fewest."""
    return min(_fonts(size_px), key=lambda font: _lacking(font, line))


@cache
def _fonts(size_px: int) -> list[Font]:
    found: list[Font] = [ImageFont.load_default(size_px)]
    for name in SYSTEM_FONTS:
        try:
            found.append(ImageFont.truetype(name, size_px))
        except OSError:
            continue
    return found


def _lacking(font: Font, line: str) -> int:
    missing = bytes(font.getmask(UNASSIGNED))
    return sum(bytes(font.getmask(c)) == missing for c in set(line) if not c.isspace())
