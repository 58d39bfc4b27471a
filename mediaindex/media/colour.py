"""Any colour space -> sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageCms


def to_srgb(picture: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Return the picture as sRGB, mode RGB.

    A profile that is broken, or is not of the picture's kind, is passed over: most such pictures
    are sRGB all the same.

    Args:
        picture: RGB, L, CMYK or LAB, eight bits a channel.
        icc_profile: As the file carries it, or None.
    """
    if icc_profile:
        try:
            transform = _transform(icc_profile, picture.mode)
            converted = ImageCms.applyTransform(picture, transform)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return picture.convert("RGB")
        return converted if converted is not None else picture.convert("RGB")
    return picture.convert("RGB")


@lru_cache(maxsize=32)
def _transform(icc_profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    # Cached: an archive has a handful of profiles and each costs milliseconds to work out.
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
    return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
