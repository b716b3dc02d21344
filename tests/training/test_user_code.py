"""The user's code in a run's identity: all local modules, whatever their layout, and nothing that a study declares."""

import json
import sys
from pathlib import Path

import numpy
import pytest

from litmus.core.errors import UserError
from litmus.core.source import import_source
from litmus.records.user_code import KeptCode, RunCode, changed_files, code_version
from litmus.training.user_code import UserCode, is_local, keep_copies, read_user_code, require_read, syntax_hash

STUDY = '''\
"""Does a gate help?"""

from torch import nn

import litmus
from gate import Gate
from litmus.lit_archs import register
from litmus import Claim, Levels, Study, more

WIDTH = 16
ON: Levels = {"model.gate": True}


@register("gatenet", input_shape=(1, 8, 8))
def gatenet(num_classes=10, in_channels=1, image_size=8, *, gate=False):
    """A network."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, WIDTH), Gate(WIDTH), nn.Linear(WIDTH, num_classes))  # 10


helps = [Claim("A gate helps.", more("test_top1", ON, than={"model.gate": False}))]
study = litmus.Study(
    base={"model.name": "gatenet"}, factors={"model.gate": [False, True]}, baseline={"model.gate": False}, claims=helps,
)

if __name__ == "__main__":
    study.main()
'''

DECLARATIONS = {
    "the question": ('"""Does a gate help?"""', '"""Does it?"""'),
    "a docstring": ('"""A network."""', '"""The network."""'),
    "a comment": ("# 10", "# as many as there are digits"),
    "formatting": ("nn.Linear(64, WIDTH)", "nn.Linear(\n        64,\n        (WIDTH),\n    )"),
    "a claim": ("A gate helps.", "A gate is of help."),
    "a level": ("[False, True]", "[False, True, None]"),
    "what the script does": ("study.main()", "study.main()\n    print(study)"),
    "a protocol": ("WIDTH = 16", "from litmus.design.protocols import HE_2015_CIFAR\nWIDTH = 16"),
}
CODE = {
    "a constant": ("WIDTH = 16", "WIDTH = 8"),
    "the type of a number": ("WIDTH = 16", "WIDTH = 16.0"),
    "a decorator": ('register("gatenet", ', 'register("gatenet", num_classes=3, '),
    "a default": ("gate=False", "gate=True"),
    "a call": ("WIDTH = 16", "WIDTH = 16\nnn.init.seed(3)"),
    "what another import than the script does": ("study.main()\n", "study.main()\nelse:\n    WIDTH = 3\n"),
    "a declaration that does more": ("study = litmus.Study(", "study, WIDTH = 3, litmus.Study("),
}


def changed(old: str, new: str) -> bytes:
    assert old in STUDY
    return STUDY.replace(old, new).encode()


@pytest.mark.parametrize("case", DECLARATIONS)
def test_a_hash_is_the_same_whatever_the_study_declares(case: str) -> None:
    assert syntax_hash(changed(*DECLARATIONS[case])) == syntax_hash(STUDY.encode())


@pytest.mark.parametrize("case", CODE)
def test_any_other_change_gives_another_hash(case: str) -> None:
    assert syntax_hash(changed(*CODE[case])) != syntax_hash(STUDY.encode())


FILES = {
    "study.py": "import numpy, torch.nn\nimport plain\nfrom nets.blocks import Gate\nimport litmus\n"
    "def late():\n    import lazy\n    from importlib import import_module\n    return import_module('named')\n",
    "plain.py": "import os, json\nimport plain_again\n",
    "plain_again.py": "import plain, study, __main__\n",
    "lazy.py": "",
    "named.py": "",
    "unused.py": "",
    "nets/__init__.py": "from . import sizes\n",
    "nets/blocks.py": "from .deep.inner import Inner\nfrom ..nowhere import x\n",
    "nets/sizes.py": "",
    "nets/unused.py": "",
    "nets/deep/inner.py": "from ..sizes import *\nfrom nets import heads\n",
    "nets/heads.py": "def broken(:\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def test_all_local_modules_are_found_and_none_is_run(folder: Path) -> None:
    code = read_user_code(folder / "study.py")
    assert set(code.contents) == FILES.keys() - {"unused.py", "nets/unused.py"}
    assert all(code.contents[name] == FILES[name].encode() for name in code.contents)
    assert all(code.files[name].resolve() == (folder / name).resolve() for name in code.files)
    assert not {"plain", "lazy", "nets"} & sys.modules.keys()


def test_a_change_in_any_module_is_another_version(folder: Path) -> None:
    before = read_user_code(folder / "study.py").hashes
    (folder / "nets/deep/inner.py").write_text("from ..sizes import *\nfrom nets import heads\nDEPTH = 3\n")
    after = read_user_code(folder / "study.py").hashes
    assert changed_files(before, after) == ("nets/deep/inner.py",)
    assert code_version(before) != code_version(after)
    assert RunCode("b" * 12, before).run_id != RunCode("b" * 12, after).run_id
    renamed = {f"renamed/{name}": digest for name, digest in before.items()}
    assert code_version(renamed) == code_version(before)


def test_installed_packages_are_not_local(tmp_path: Path) -> None:
    assert not is_local(Path(json.__file__))
    assert not is_local(Path(numpy.__file__))
    assert not is_local(tmp_path / ".venv/lib/python3.12/site-packages/thing.py")
    assert is_local(tmp_path / "thing.py")


def test_copies_of_a_version_are_made_once_and_whole(tmp_path: Path) -> None:
    user, study = tmp_path / "user", tmp_path / "runs"
    (user / "nets").mkdir(parents=True)
    (user / "study.py").write_text("import nets.gate\n")

    def code(gate: str) -> UserCode:
        (user / "nets/gate.py").write_text(gate)
        files = {name: user / name for name in ("study.py", "nets/gate.py")}
        return UserCode("study.py", files, {name: file.read_bytes() for name, file in files.items()})

    first = code("GATE = 1\n")
    kept = keep_copies(first, study)
    assert kept == KeptCode.of(study, first.hashes)
    assert (kept.path / "nets/gate.py").read_text() == "GATE = 1\n"
    assert kept.source == kept.path / "study.py"
    assert kept.is_current()
    assert keep_copies(code("GATE = 1  # a comment\n"), study) == kept
    assert not kept.is_current()
    other = keep_copies(code("GATE = 2\n"), study)
    assert sorted(path.name for path in (study / "code").iterdir()) == sorted([kept.path.name, other.path.name])
    (user / "study.py").unlink()
    assert not other.is_current()


COMPUTED = {
    "a computed name": "import importlib\nname = 'plain'\nimportlib.import_module(name)\n",
    "the text of a file": "from pathlib import Path\nexec(Path(__file__).with_name('plain.py').read_text())\n",
    "a spec, which leaves no module": "import importlib.util as u\nfrom pathlib import Path\n"
    "spec = u.spec_from_file_location('any', Path(__file__).with_name('plain.py'))\n"
    "spec.loader.exec_module(u.module_from_spec(spec))\n",
    "the path of a script": "import runpy\nfrom pathlib import Path\n"
    "runpy.run_path(str(Path(__file__).with_name('plain.py')))\n",
}


@pytest.mark.parametrize("way", COMPUTED)
def test_a_file_that_runs_without_an_import_statement_is_refused_by_name(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "plain", raising=False)
    (tmp_path / "plain.py").write_text("WIDTH = 4\n")
    source = tmp_path / f"study_{len(way)}.py"
    source.write_text(COMPUTED[way])
    import_source(source)
    with pytest.raises(UserError, match=rf"^{source.name} runs plain\.py, .* add import plain to {source.name}"):
        require_read(source)
    source.write_text(f"{COMPUTED[way]}if False:\n    import plain\n")
    require_read(source)
    assert set(read_user_code(source).files) == {source.name, "plain.py"}


@pytest.mark.parametrize(
    "statement",
    [
        "importlib.import_module(f'nets.{name}')",
        "importlib.import_module('nets.' + name)",
        "importlib.import_module('nets.%s' % name)",
    ],
)
def test_a_computed_name_in_a_package_stands_for_all_its_modules(folder: Path, statement: str) -> None:
    (folder / "study.py").write_text(f"import importlib\n{statement}\n")
    assert {"nets/unused.py", "nets/blocks.py", "nets/deep/inner.py"} - {"nets/deep/inner.py"} <= set(
        read_user_code(folder / "study.py").files
    )


def test_a_package_that_lists_its_modules_stands_for_all_of_them(folder: Path) -> None:
    (folder / "nets/__init__.py").write_text("import pkgutil\nfound = list(pkgutil.iter_modules(__path__))\n")
    assert "nets/unused.py" in read_user_code(folder / "study.py").files
