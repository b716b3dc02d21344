"""The local modules of a file: all that it could import, and nothing that was installed."""

import sys
from pathlib import Path

import pytest

from litmus.training.own_code import is_local, local_code

FILES = {
    "study.py": "import numpy, torch.nn\nimport plain\nfrom nets.blocks import Gate\nimport litmus\n"
    "def late():\n    import lazy\n    from importlib import import_module\n    return import_module('named')\n",
    "plain.py": "import os, json\nimport plain_again\n",
    "plain_again.py": "import plain, study\n",
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


def test_all_that_is_imported_is_found_once(folder: Path) -> None:
    code = local_code(folder / "study.py")
    assert set(code.contents) == FILES.keys() - {"unused.py", "nets/unused.py"}
    assert all(code.contents[name] == FILES[name].encode() for name in code.contents)
    assert all(code.paths[name].resolve() == (folder / name).resolve() for name in code.paths)
    assert not {"plain", "lazy", "nets"} & sys.modules.keys()  # nothing was run


def test_what_is_installed_and_what_is_ours_is_not_local(tmp_path: Path) -> None:
    import json

    import numpy

    assert not is_local(Path(json.__file__))
    assert not is_local(Path(numpy.__file__))
    assert not is_local(tmp_path / ".venv/lib/python3.12/site-packages/thing.py")
    assert is_local(tmp_path / "thing.py")
