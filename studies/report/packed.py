"""Long texts within a page, compressed: a browser unpacks them without the network."""

import base64
import gzip


def packed(text: str) -> str:
    """Return a text compressed and as ASCII; the same text gives the same."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode("ascii")
