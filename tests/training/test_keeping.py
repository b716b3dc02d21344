"""Copies of a user's files: whole, once for each version, with what git says of them."""

import subprocess
from pathlib import Path

from litmus.records.code_record import SameCode, is_kept, kept_code
from litmus.training.own_code import LocalCode, keep


def code_in(folder: Path) -> LocalCode:
    paths = {"study.py": folder / "study.py", "nets/gate.py": folder / "nets/gate.py"}
    return LocalCode("study.py", paths, {name: path.read_bytes() for name, path in paths.items()})


def files_in(folder: Path, gate: str = "GATE = 1\n") -> LocalCode:
    (folder / "nets").mkdir(parents=True, exist_ok=True)
    (folder / "study.py").write_text("import nets.gate\n")
    (folder / "nets/gate.py").write_text(gate)
    return code_in(folder)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    command = ("git", *identity, "-C", str(folder), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_each_version_is_kept_once_and_whole(tmp_path: Path) -> None:
    user, study = tmp_path / "user", tmp_path / "runs"
    kept = keep(files_in(user), study)
    assert kept == keep(files_in(user), study) == kept_code(study, kept.path.name)
    assert (kept.path / "nets/gate.py").read_text() == "GATE = 1\n"
    assert kept.source == kept.path / "study.py"
    assert is_kept(kept.source)
    assert not is_kept(user / "study.py")
    assert kept.is_current()
    other = keep(files_in(user, "GATE = 1  # a comment\n"), study)
    assert other.path != kept.path
    assert not kept.is_current()
    assert sorted(path.name for path in (study / "code").iterdir()) == sorted([kept.path.name, other.path.name])
    (user / "study.py").unlink()
    assert not other.is_current()


def test_commit_and_difference_lie_beside_them(tmp_path: Path) -> None:
    user = tmp_path / "user"
    files_in(user)
    git(user, "init", "-q")
    assert keep(code_in(user), tmp_path / "a").manifest["checkouts"] == []  # no commit yet
    git(user, "add", ".")
    git(user, "commit", "-qm", "first")
    clean = {"folder": git(user, "rev-parse", "--show-toplevel"), "commit": git(user, "rev-parse", "HEAD")}
    assert keep(code_in(user), tmp_path / "b").manifest["checkouts"] == [clean]
    kept = keep(files_in(user, "GATE = 2\n"), tmp_path / "c")
    assert kept.manifest["checkouts"] == [{**clean, "difference": "difference.patch"}]
    assert "+GATE = 2" in (kept.path / "difference.patch").read_text()


def test_versions_that_are_the_same_as_a_third_are_the_same(tmp_path: Path) -> None:
    same = SameCode(tmp_path)
    assert not same.are_same("a", "b")
    same.declare("a", "b")
    same.declare("c", "d")
    assert not SameCode(tmp_path).are_same("a", "c")
    same.declare("b", "d")
    assert all(SameCode(tmp_path).are_same(one, other) for one in "abcd" for other in "abcd")
    assert not SameCode(tmp_path).are_same("a", "e")
