"""The picture as a model is shown it."""

from io import BytesIO

from mediaindex.types import RGB


def jpeg_for_model(pixels: RGB, max_px: int) -> bytes:
    """Return a JPEG whose longer side is at most `max_px`."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()
