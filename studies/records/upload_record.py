"""What of a record W&B has: a small file beside it, so that an upload is never repeated and goes on where it was."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from studies.records.storage import to_json, write_atomically


@dataclass(frozen=True)
class Upload:
    """Where something lies in W&B.

    Args:
        server: the address of the server's API.
        entity: whose it is.
        project: in which project.
        identity: its id there.
        url: where a person reads it; empty where it has not been uploaded.
        content: a digest of what was uploaded whole; empty where the upload is not complete.
        error: why it is not, in a line.
    """

    server: str
    entity: str
    project: str
    identity: str
    url: str = ""
    content: str = ""
    error: str = ""


def read_upload(path: Path) -> Upload | None:
    """Return what a file says, None where there is none or it cannot be read: the upload is then made anew."""
    try:
        return Upload(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write_upload(path: Path, upload: Upload) -> None:
    """Write down where something lies in W&B."""
    write_atomically(path, to_json(asdict(upload)))


def content_of(files: Iterable[Path]) -> str:
    """Return a digest of the contents of `files`, of which some may be absent."""
    contents = {file.name: file.read_bytes() if file.exists() else b"" for file in files}
    return digest_of(b"".join(f"{name} {len(each)}\n".encode() + each for name, each in contents.items()))


def digest_of(content: str | bytes) -> str:
    """Return a digest of a content."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:16]
