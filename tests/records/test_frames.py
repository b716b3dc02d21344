"""Records as frames: a short set of columns, the others by name, curves and probes a row each."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from synthetic_records import synthetic

from litmus import load, load_probes
from litmus.core.errors import UserError
from litmus.design.study import Study
from litmus.records.study_record import read_study_record

STUDY = Study(
    "norms", "?", {"model.name": "lenet5"}, {"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0]},
    {"model.norm": "none", "optim.lr": 0.1},
)  # fmt: skip


def truth(arm: object, seed: int) -> object:
    if arm.levels["optim.lr"] == 1.0 and seed == 0:  # type: ignore[attr-defined]
        return "diverged"
    curve = [{"step": step, "val_top1": step / 100, "val_loss": 1.0} for step in (10, 20)]
    probes = [(0, "conv1", "norm", 0.5), (10, "conv1", "norm", 0.25)] if seed == 1 else []
    return {"test_top1": 0.9, "val_top1": 0.8, "val_loss": 0.1, "curve": curve, "probes": probes}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("records")
    synthetic(path, STUDY, truth, seeds=2)  # type: ignore[arg-type]
    return path


def test_by_default_the_columns_are_few(folder: Path) -> None:
    frame = load(folder)
    metrics = ["train_loss", "test_top1", "val_top1", "val_loss"]
    cost = ["diverged_at_step", "parameters", "flops", "seconds"]
    assert list(frame) == ["run", "arm", "seed", "state", "model.norm", "optim.lr", *metrics, *cost]
    assert len(frame) == 8
    assert set(frame["model.norm"]) == {"none", "batch"}


def test_the_others_come_by_name_or_all(folder: Path) -> None:
    assert list(load(folder, columns=["seed", "optim.momentum"])) == ["seed", "optim.momentum"]
    everything = load(folder, columns="all")
    assert len(everything.columns) > 70
    assert {"environment.torch", "data.fingerprint", "trainer.epochs", "error"} <= set(everything)
    with pytest.raises(UserError, match=r"no run has a column 'optim.momentun'; did you mean 'optim.momentum'\?"):
        load(folder, columns=["optim.momentun"])
    with pytest.raises(UserError, match="columns must be 'all' or a list of names, got 'every'"):
        load(folder, columns="every")  # type: ignore[arg-type]


def test_curves_have_a_row_for_each_that_the_run_left(folder: Path) -> None:
    frame = load(folder, curves=True)
    assert list(frame)[:7] == ["run", "arm", "seed", "state", "model.norm", "optim.lr", "kind"]
    assert frame[frame["state"] == "finished"].groupby("run").size().tolist() == [2] * 6
    for run, rows in frame.groupby("run"):
        written = pd.read_csv(folder / str(run) / "metrics.csv")
        pd.testing.assert_frame_equal(rows[list(written)].reset_index(drop=True), written, check_dtype=False)
        status = json.loads((folder / str(run) / "status.json").read_text())
        assert (set(rows["arm"]), set(rows["seed"])) == ({status["arm"]}, {status["seed"]})
    # The accuracy of the step, not that of the end of the run.
    chosen = load(folder, columns=["run", "val_top1", "optim.momentum"], curves=True)
    assert set(chosen["val_top1"].dropna()) == {0.1, 0.2}
    assert set(chosen["optim.momentum"]) == {0.9}


def test_probes_have_a_row_for_each_thing_measured(folder: Path, tmp_path: Path) -> None:
    frame = load_probes(folder)
    assert len(frame) == 2 * 4
    assert set(frame["seed"]) == {1}
    assert list(frame)[-5:] == ["step", "layer", "quantity", "value", "probe"]
    assert set(frame["value"]) == {0.5, 0.25}
    (tmp_path / "0123456789ab").mkdir()
    with pytest.raises(UserError, match="has measurements"):
        load_probes(tmp_path)
    with pytest.raises(UserError, match="no records in"):
        load(tmp_path / "nowhere", curves=True)


def test_rows_stand_arm_by_arm_and_by_seed_whatever_the_identities(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "norms")
    record = json.loads((tmp_path / "norms" / "study.json").read_text())
    first = record["arms"][0]["runs"]["0"]
    (tmp_path / "norms" / first).rename(tmp_path / "norms" / "ffffffffffff")
    record["arms"][0]["runs"]["0"] = "ffffffffffff"
    record["arms"].reverse()
    (tmp_path / "norms" / "study.json").write_text(json.dumps(record))
    frame = load(tmp_path / "norms")
    labels = [arm["label"] for arm in record["arms"]]
    assert list(zip(frame["arm"], frame["seed"], strict=True)) == [(label, seed) for label in labels for seed in (0, 1)]
    assert frame["run"].iloc[-2] == "ffffffffffff"
    assert list(load(tmp_path / "norms", curves=True)["run"].unique()) == list(frame["run"])


def test_records_of_another_format_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "norms")
    file = tmp_path / "norms" / "study.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UserError, match=r"study\.json has record format 2, and this version of Litmus reads 1;"):
        read_study_record(tmp_path / "norms")
    file.write_text('{"format": 1, "study": "norms"}')
    with pytest.raises(UserError, match=r"study\.json cannot be read \(.* the same litmus run command writes it again"):
        read_study_record(tmp_path / "norms")
