"""Every probe leaves its run as it was, has each row once whatever interrupts it, and sees all devices as one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pandas as pd
import pytest
from tiny_runs import TINY, assert_same_bits, prepared

from litmus import run
from litmus.design.study import Study
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.probes.probe import PROBES
from litmus.records.run_record import Heartbeat
from litmus.training import callbacks
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place, Run

RESNET = {
    "model.name": "resnet_cifar", "model.depth": 8, "model.width": 4, "model.norm": "batch",
    "model.squeeze_excite": True, "data.batch_size": 100, "optim.lr": 0.05,
    "trainer.epochs": 2, "trainer.log_every_n_steps": 5, "trainer.probe_every_n_steps": 4, "trainer.keep": "last",
}  # fmt: skip
MLP = {**TINY, "model.dropout": 0.3, "model.norm": "batch", "data.augment": "crop", "trainer.probe_every_n_steps": 4}
NETWORKS: dict[str, dict[str, Any]] = {"resnet": RESNET, "mlp": MLP}


class Interrupted(Exception):
    pass


def trained(directory: Path, settings: dict[str, Any]) -> Run:
    this_run = prepared(directory, settings)
    assert attempt(this_run, Execution(checkpoint_seconds=0), Place(), lambda _: None, attempt_number=1) == "finished"
    return this_run


@pytest.mark.parametrize("network", NETWORKS)
def test_a_run_ends_in_the_same_bits_with_and_without_all_probes(network: str, tmp_path: Path) -> None:
    plain = trained(tmp_path / "plain", NETWORKS[network])
    probed = trained(tmp_path / "probed", {**NETWORKS[network], "trainer.probes": PROBES.names()})
    assert_same_bits(probed.record, plain.record)
    rows = pd.read_csv(probed.record.probes_file, keep_default_na=False)
    without_rows = {"logits"} if network == "resnet" else {"logits", "excitations"}
    assert set(rows["probe"]) == set(PROBES.names()) - without_rows
    assert not rows.duplicated(["step", "probe", "layer", "quantity"]).any()


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
@pytest.mark.slow
def test_all_probes_leave_other_precisions_alone(precision: str, tmp_path: Path) -> None:
    settings = {**RESNET, "model.norm": "ghost_batch", "trainer.precision": precision, "trainer.epochs": 1}
    plain = trained(tmp_path / "plain", settings)
    probed = trained(tmp_path / "probed", {**settings, "trainer.probes": PROBES.names()})
    assert_same_bits(plain.record, probed.record)


def _fail_once_at_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    original = LitClassifier.on_test_epoch_end

    def fail(self: LitClassifier) -> None:
        monkeypatch.setattr(LitClassifier, "on_test_epoch_end", original)
        raise Interrupted

    monkeypatch.setattr(LitClassifier, "on_test_epoch_end", fail)


@pytest.mark.parametrize(("network", "moment"), [("resnet", "in the second epoch"), ("mlp", "in the test")])
def test_an_interrupted_run_has_every_row_once(
    network: str, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "BEAT_SECONDS", 0.0)
    settings = {**NETWORKS[network], "trainer.probes": PROBES.names()}
    whole = trained(tmp_path / "whole", settings)
    this_run = prepared(tmp_path / "interrupted", settings)

    def progress(heartbeat: Heartbeat) -> None:
        if heartbeat.fraction > 0.6:
            raise Interrupted

    on_progress: Callable[[Heartbeat], None] = progress
    if moment == "in the test":
        _fail_once_at_the_test(monkeypatch)
        on_progress = lambda _: None  # noqa: E731
    with pytest.raises(Interrupted):
        attempt(this_run, Execution(checkpoint_seconds=0), Place(), on_progress, attempt_number=1)
    assert this_run.record.checkpoint.exists()
    resumed = trained(tmp_path / "interrupted", settings)
    assert_same_bits(resumed.record, whole.record)
    assert resumed.record.logits_file.read_bytes() == whole.record.logits_file.read_bytes()


def test_a_diverged_run_keeps_what_was_measured(tmp_path: Path) -> None:
    settings = {**MLP, "optim.lr": 1e30, "model.norm": "none", "trainer.probes": PROBES.names()}
    this_run = prepared(tmp_path, settings)
    assert attempt(this_run, Execution(), Place(), lambda _: None, attempt_number=1) == "diverged"
    rows = pd.read_csv(this_run.record.probes_file, keep_default_na=False)
    assert {"gradient_norms", "activations", "update_ratio", "covariate_shift"} <= set(rows["probe"])
    assert "lesion" not in set(rows["probe"])
    assert not this_run.record.logits_file.exists()


@pytest.mark.slow
def test_two_devices_measure_what_one_measures(tmp_path: Path) -> None:
    # 201 samples: unequal shares. Evaluation batches of 50: three, of which one device gets two.
    settings = {
        **RESNET, "data.batch_size": 201, "data.eval_batch_size": 50, "trainer.epochs": 1,
        "trainer.probes": PROBES.names(), "trainer.probe_every_n_steps": 4,
    }  # fmt: skip
    study = Study("probed", "Do two measure like one?", settings, {"model.norm": ["batch"]}, {"model.norm": "batch"})
    records = []
    for devices in (1, 2):
        out = tmp_path / str(devices)
        conducted = run(study, seeds=1, out=out, workers=1, devices=devices, wandb="disabled")
        assert conducted.crashed == {}
        records.append(conducted.report.parent / conducted.records["run"].item())
    key = ["step", "probe", "layer", "quantity"]
    one, two = (pd.read_csv(each / "probes.csv", keep_default_na=False) for each in records)
    assert one[key].equals(two[key])
    assert set(one["probe"]) == set(PROBES) - {"logits"}
    for frame in (one, two):
        # The two runs' weights part by rounding: later steps are only alike.
        frame["value"] = frame["value"].astype(float)
    first = one["step"] == 0
    assert {"gradient_norms", "activations", "covariate_shift", "gradient_predictiveness"} <= set(one[first]["probe"])
    numpy.testing.assert_allclose(two[first]["value"], one[first]["value"], rtol=2e-3, atol=1e-5)
    accuracy = one["probe"].isin(["lesion", "per_class_accuracy"])
    assert (two[accuracy]["value"] - one[accuracy]["value"]).abs().max() < 0.15
    with numpy.load(records[0] / "logits.npz") as alone, numpy.load(records[1] / "logits.npz") as shared:
        assert set(alone) == set(shared)
        for name in alone:
            numpy.testing.assert_allclose(shared[name], alone[name], rtol=0.02, atol=0.02, err_msg=name)
