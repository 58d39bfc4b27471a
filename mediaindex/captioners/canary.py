"""A question that whoever sees at all can answer: is a picture to blame, or the server?"""

from functools import cache
from io import BytesIO

from mediaindex.captioners import Ask

SIZE_PX = (672, 504)
"""As large as what is asked about: a server that is short of memory may manage a smaller one."""


@cache
def canary() -> Ask:
    """Return a question about a plain grey picture, of which any answer will do."""
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", SIZE_PX, "grey").save(file, "JPEG")
    return Ask("Which colour is this picture?", pictures=(file.getvalue(),), max_tokens=16)
