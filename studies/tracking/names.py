"""Names as W&B takes them: labels of any content, shortened to its limits and told apart."""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

TAG_LENGTH = 64
NAME_LENGTH = 128


def shortened(text: str, length: int = NAME_LENGTH) -> str:
    """Return `text` in one line of at most `length` characters; of a longer one the start, and what tells it apart.

    Characters that are not shown go: line breaks, and those that turn the direction of what stands beside them.
    """
    shown = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text)
    line = " ".join("".join(each for each in shown if unicodedata.category(each) not in ("Cf", "Cs")).split())
    if not line:
        return "–"
    return line if len(line) <= length else f"{line[: length - 8].rstrip()}… {_digest(text)}"


def identity(study: str, run: str) -> str:
    """Return the id of a run of `study` in W&B: two studies may share an arm, and each has a run of its own there."""
    return f"{run}-{_digest(study)}"


def group(study: str, arm: str) -> str:
    """Return the group that an arm's seeds are in: by it W&B draws a mean with a band for each arm."""
    return shortened(f"{shortened(study, 48)}: {arm}")


def tags(study: str, levels: Mapping[str, Any], more: Sequence[str] = ()) -> list[str]:
    """Return a run's tags: its study, a tag for each of its levels, and `more`."""
    texts = [study, *(f"{key}={value}" for key, value in levels.items()), *more]
    return list(dict.fromkeys(shortened(text, TAG_LENGTH) for text in texts))


def key(*parts: str) -> str:
    """Return the name of a curve in W&B of its parts, sections first: `gradient_norms/weight_gradient_norm/conv1`."""
    return "/".join(shortened(part.replace("/", "∕"), TAG_LENGTH) for part in parts if part)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]
