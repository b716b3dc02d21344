"""One study on several datasets, as it is typed."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus.cli.run_plan import datasets_of
from litmus.core.errors import UserError

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]


def test_each_dataset_gets_the_keys_that_it_has(tmp_path: Path) -> None:
    settings = {"data.name": f"digits, shapes,folder:{tmp_path}", "data.image_size": "64", "optim.lr": "0.1"}
    digits, shapes, folder = datasets_of(settings)
    assert (digits.name, digits.settings) == ("digits", {"data.name": "digits", "optim.lr": "0.1"})
    assert shapes.settings["data.image_size"] == "64"
    assert folder.name == f"folder-{tmp_path.name}"
    assert folder.settings["data.root"] == str(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.name": "digits,shaps"}, "unknown dataset 'shaps'; did you mean 'shapes'"),
        ({"data.name": "digits,digits"}, "--data names digits twice"),
        ({"data.name": "digits,mnist", "data.image_size": "64"}, "'data.image_size' for digits and mnist"),
    ],
)
def test_a_mistake_is_told(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        datasets_of(settings)


@pytest.mark.slow
def test_a_study_on_two_datasets_from_first_command_to_last(litmus: Litmus, tmp_path: Path) -> None:
    (tmp_path / "norms.py").write_text(
        '"""Does it help?"""\n'
        "from litmus import Claim, Study, more\n"
        f"study = Study(base={TINY!r}, factors={{'model.norm': ['none', 'batch']}},\n"
        "    baseline={'model.norm': 'none'},\n"
        "    claims=[Claim('It helps.', more('test_top1', {'model.norm': 'batch'}, than={'model.norm': 'none'}))])\n"
    )
    first = litmus("run", "./norms.py", "--data", "digits,shapes", "--seeds", "2", "--data.train_images", "200")
    assert first.returncode == 0, first.stderr
    together = first.stdout.partition("norms on 2 datasets:\n")[2]
    assert re.search(r"^  digits +\w+ ", together, re.MULTILINE)
    assert re.search(r"^  together +\w+ ", together, re.MULTILINE)
    assert "report: runs/norms.datasets/report.html" in together
    assert (tmp_path / "runs/norms.shapes/report.html").is_file()
    assert (tmp_path / "runs/norms.datasets/report.html").is_file()
    again = litmus("report", "norms.datasets")
    assert again.stdout == "norms on 2 datasets:\n" + together
