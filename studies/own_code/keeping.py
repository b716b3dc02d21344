"""Copies of a user's files beside the runs of a study, once for each version, with the state of their git checkout."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from studies.own_code.local_modules import LocalCode
from studies.records.code_record import MANIFEST, KeptCode, kept_code
from studies.records.storage import storage_errors, to_json

DIGITS = 12
GIT_SECONDS = 20


def keep(code: LocalCode, study_directory: Path) -> KeptCode:
    """Copy the files into the study's folder of code, unless this version lies there, and return where they are.

    Beside them lie a manifest, and for each git checkout that holds some of them its difference to its commit.
    """
    kept = kept_code(study_directory, _version(code))
    if kept.manifest_file.is_file():
        return kept
    with storage_errors(kept.path):
        kept.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=kept.path.parent, prefix=f".{kept.path.name}."))
        try:
            for place, content in code.contents.items():
                (temporary / place).parent.mkdir(parents=True, exist_ok=True)
                (temporary / place).write_bytes(content)
            files = {place: str(path) for place, path in code.paths.items()}
            manifest = {"source": code.source, "files": files, "checkouts": _checkouts(code, temporary)}
            (temporary / MANIFEST).write_text(to_json(manifest))
            os.chmod(temporary, 0o755)
            os.rename(temporary, kept.path)
        except OSError:
            if not kept.manifest_file.is_file():  # else another launcher was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return kept


def _version(code: LocalCode) -> str:
    digest = hashlib.sha256()
    for place, content in sorted(code.contents.items()):
        digest.update(f"{place}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:DIGITS]


def _checkouts(code: LocalCode, target: Path) -> list[dict[str, str]]:
    """Return the git checkouts that hold the files, with their commits, and write the files' differences to these."""
    by_root: dict[str, list[Path]] = {}
    for path in code.paths.values():
        root = _git(path.parent, "rev-parse", "--show-toplevel").strip()
        if root:
            by_root.setdefault(root, []).append(path)
    found = []
    for number, (root, paths) in enumerate(sorted(by_root.items()), start=1):
        commit = _git(Path(root), "rev-parse", "HEAD").strip()
        if not commit:
            continue  # a checkout without a commit
        entry = {"folder": root, "commit": commit}
        difference = _git(Path(root), "diff", "HEAD", "--", *map(str, paths))
        if difference:
            entry["difference"] = f"difference-{number}.patch" if len(by_root) > 1 else "difference.patch"
            (target / entry["difference"]).write_text(difference)
        found.append(entry)
    return found


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says, nothing where it is not there, or this is no checkout."""
    command = ("git", "-C", str(folder), *arguments)
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=True, timeout=GIT_SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
