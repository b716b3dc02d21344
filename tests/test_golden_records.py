"""Records and identities of an earlier version: read and reported the same, and never run again.

`golden/runs` was written by the code before the folders were given their present order, `golden/*.txt` is what its
reports said, and `golden/identities.json` holds its identities of every run of every study. Studies that have since
been changed on purpose, or are new, have theirs in `golden/changed_identities.json`: `CHANGED` says by what.
"""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lit_archs.building.registry import names
from studies import load
from studies.design.plan import expand
from studies.design.study_files import STUDIES
from studies.training.config import resolve
from studies.training.identity import run_id

GOLDEN = Path(__file__).parent / "golden"
CURE = "recorded runs changed their names: a later key belongs into NEUTRAL_DEFAULTS of studies/training/identity.py"
IDENTITIES: dict[str, Any] = json.loads((GOLDEN / "identities.json").read_text())
CHANGED_IDENTITIES: dict[str, Any] = json.loads((GOLDEN / "changed_identities.json").read_text())

SHIFTS = "networks without norm keep their shifts"
PIXEL_MEAN = "He et al.'s images are not divided by their deviation"
CHANGED = {
    "architectures": "the papers' widths, rivals with and without norm",
    "augmentation": "photometric distortion without cutout, another network; " + SHIFTS,
    "batch_norm": SHIFTS + "; paper is that of batch_norm_mnist",
    "batch_norm_mnist": "three rates; paper has as many validations",
    "batch_norm_recipe": "arms that leave one change out; α of local response norm; epochs",
    "batch_size": "a fully connected net, other batches",
    "bottleneck paper": PIXEL_MEAN,
    "covariate_shift quick": SHIFTS,
    "dense_connectivity": "40 layers of equal parameters",
    "ensembling": "400 images for validation; " + SHIFTS,
    "gradient_flow": "circular padding, He et al.'s centring; " + SHIFTS,
    "initialisation": "the classifier is not scaled; epochs; " + SHIFTS,
    "large_batches": "new",
    "lenet_to_alexnet": "sigmoids, Glorot & Bengio's initialisation, epochs, Adam; arms of filters, stride and output",
    "lesion": "the plain network has 20 layers; " + PIXEL_MEAN,
    "norm_placement": "before and after are compared in a VGG",
    "residual_depth paper": PIXEL_MEAN,
    "shortcuts paper": PIXEL_MEAN,
    "squeeze_excite": "16 channels, images of 16 pixels",
    "unet_skips paper": "a constant rate",
}
"""What changed the identities of a study's runs, or of a preset's, on purpose."""
Litmus = Callable[..., "subprocess.CompletedProcess[str]"]

MLP = "--model mlp --model.width 4 --model.depth 1 --data digits"
COMMANDS = {
    "finished": f"vary {MLP} --model.activation relu --data.batch_size 128 --trainer.epochs 2 "
    "--trainer.log_every_n_steps 4 --trainer.probes [update_ratio] --trainer.probe_every_n_steps 8 "
    "--vary model.norm=none,batch --vary optim.lr=0.1,1e9 --seeds 2 --name finished",
    "segmented": "train --model unet --model.depth 1 --model.width 2 --data shapes --data.image_size 8 "
    "--data.train_images 60 --data.test_images 20 --data.batch_size 16 --trainer.epochs 2 --seeds 2 --name segmented",
}


def test_every_run_of_every_study_has_the_identity_that_it_had() -> None:
    for name, expected in {**IDENTITIES["studies"], **CHANGED_IDENTITIES}.items():
        study, _, options = name.partition(" ")
        data = options.removeprefix("--data ")
        settings = {"data.name": data} if data != options else {}
        plan = expand(STUDIES[study], preset="quick" if settings else options, settings=settings)
        found = {arm.label: [run_id(arm.config.with_seed(seed), "d") for seed in plan.seeds] for arm in plan.arms}
        assert found == expected, f"{name}: {CURE}"
    assert {name.partition(" ")[0] for name in IDENTITIES["studies"]} <= set(STUDIES.names())


def test_identities_changed_only_where_it_is_said_by_what() -> None:
    for name, now in CHANGED_IDENTITIES.items():
        assert CHANGED.get(name) or CHANGED.get(name.partition(" ")[0]), f"{name}: say in CHANGED what changed"
        assert now != IDENTITIES["studies"].get(name)
    assert {name.partition(" ")[0] for name in CHANGED} == {name.partition(" ")[0] for name in CHANGED_IDENTITIES}


def test_every_architecture_and_setting_has_the_identity_that_it_had() -> None:
    found = {name: run_id(resolve({"model.name": name}), "d") for name in IDENTITIES["variants"]}
    assert found == IDENTITIES["variants"], CURE
    assert set(IDENTITIES["variants"]) <= set(names())
    for settings, devices, expected in IDENTITIES["settings"]:
        assert run_id(resolve(settings), "d", devices) == expected, f"{settings}: {CURE}"


def visible_text(page: str) -> list[str]:
    """Return the lines that a reader of the report sees, without the time of its writing."""
    page = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)
    lines = [" ".join(html.unescape(line).split()) for line in re.sub(r"<[^>]+>", "\n", page).splitlines()]
    return [line for line in lines if line and not re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", line)]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN / "runs", tmp_path / "runs")
    return tmp_path / "runs"


def content(folder: Path) -> dict[str, bytes]:
    """Return what every file of a study's runs holds."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.glob("*/*")) if file.is_file()}


UNCOUNTED = "; an earlier version did not count which start equal"
COUNTED = ": those that arms share start equal in all arms of a seed"
CHECKED = "yes: counted on the built networks before the first run"


@pytest.mark.parametrize("study", COMMANDS)
def test_finished_records_are_reported_the_same_and_nothing_is_added_to_them(
    study: str, runs: Path, litmus: Litmus
) -> None:
    folder, expected = runs / study, (GOLDEN / f"{study}.txt").read_text().splitlines()
    before, statistics = content(folder), pd.read_csv(folder / "statistics.csv")
    (folder / "statistics.csv").unlink()
    reported = litmus("report", study)
    assert reported.returncode == 0, reported.stderr
    assert visible_text((folder / "report.html").read_text()) == expected
    # The root that the least effect is found by ends a digit earlier or later from one build of Python to another.
    pd.testing.assert_frame_equal(pd.read_csv(folder / "statistics.csv"), statistics, rtol=1e-12, atol=1e-12)

    again = litmus(*COMMANDS[study].split())
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""  # no run was started
    assert content(folder) == before
    # Which parameters start equal was not counted then, and is now; a run that is trained alone has another name.
    counted = [line.replace(UNCOUNTED, COUNTED).replace("single arm", "unet on shapes") for line in expected]
    counted = [CHECKED if line.startswith("not checked in 3 of 3 arms") else line for line in counted]
    assert visible_text((folder / "report.html").read_text()) == counted


def test_records_are_read_as_one_frame(runs: Path) -> None:
    frame = load(runs / "finished")
    assert frame["state"].value_counts().to_dict() == {"finished": 6, "diverged": 2}
    assert frame.set_index("run").loc["e9153949666d", "test_top1"] == 0.4027777910232544


@pytest.mark.slow
def test_a_run_that_was_cut_off_starts_anew_and_says_so(runs: Path, litmus: Litmus) -> None:
    again = litmus(*f"train {MLP} --trainer.epochs 400 --name cut_off".split())
    assert again.returncode == 0, again.stderr
    assert "record set aside as c3e49486cb0e.corrupt-1 and repeated: " in again.stderr
    assert "an earlier version left it in the middle of the run, which starts anew" in again.stderr
    assert (runs / "cut_off/c3e49486cb0e.corrupt-1/checkpoints/last.ckpt").is_file()
    assert load(runs / "cut_off")["state"].tolist() == ["finished"]
