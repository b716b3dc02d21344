"""Which weights a run leaves and which the test set is read with; the best ones survive an interruption exactly."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import tiny_runs
import torch
from tiny_runs import TINY
from torch import Tensor

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.building.registry import build
from litmus.records.run_record import Heartbeat, RunOutcome
from litmus.training import checkpoints
from litmus.training.checkpoints import BestWeights
from litmus.training.execute import attempt
from litmus.training.network import network_options
from litmus.training.recorder import Recorder
from litmus.training.run import Execution, Place, Run

UNEVEN = {**TINY, "data.batch_size": 16, "trainer.epochs": 4, "trainer.validations_per_epoch": 3, "optim.lr": 1.5}
"""A rate at which validation accuracy goes up and down, so that the best evaluation is not the last."""


def prepared(directory: Path, **changes: object) -> Run:
    return tiny_runs.prepared(directory, {**UNEVEN, **changes})


def execute(this: Run, on_progress: Callable[[Heartbeat], None] = lambda _: None) -> str:
    return attempt(this, Execution(checkpoint_seconds=0), Place(), on_progress, attempt_number=1)


def weights(path: Path) -> dict[str, Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    this = prepared(tmp_path_factory.mktemp("whole") / "run", **{"trainer.keep": "both", "trainer.test": "best"})
    assert execute(this) == "finished"
    return this


def best_row(this: Run) -> pd.Series:
    rows = pd.read_csv(this.record.metrics_file)
    rows = rows[rows["kind"] == "evaluation"]
    assert rows["val_top1"].idxmax() != rows.index[-1], "the test is about runs whose best evaluation is not the last"
    return rows.loc[rows["val_top1"].idxmax()]


def test_the_best_weights_are_those_that_the_run_had_at_its_best_evaluation(whole: Run, tmp_path: Path) -> None:
    best = torch.load(whole.record.best_checkpoint, weights_only=True)
    row = best_row(whole)
    assert best["global_step"] == row["step"]
    seen: dict[int, dict[str, Tensor]] = {}
    this = prepared(tmp_path / "run")
    original = Recorder.on_validation_end

    def watched(recorder: object, trainer: object, module: torch.nn.Module) -> None:
        seen[trainer.global_step] = {k: v.clone() for k, v in module.state_dict().items()}  # type: ignore[attr-defined]
        original(recorder, trainer, module)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "on_validation_end", watched)
        execute(this)
    assert equal(best["state_dict"], seen[int(row["step"])])
    assert equal(weights(whole.record.checkpoint), weights(this.record.checkpoint))
    assert not equal(best["state_dict"], weights(whole.record.checkpoint))


def test_the_test_set_is_read_with_the_weights_that_are_asked_for(whole: Run, tmp_path: Path) -> None:
    plain = prepared(tmp_path / "plain")
    execute(plain)
    assert whole.record.metrics_file.read_text() == plain.record.metrics_file.read_text()
    of_best, of_last = whole.record.read_summary()["metrics"], plain.record.read_summary()["metrics"]
    row = best_row(whole)
    assert of_best["val_top1"] == row["val_top1"] == of_last["best_val_top1"] > of_last["val_top1"]
    assert of_best["val_loss"] == row["val_loss"]
    assert of_best["test_loss"] != of_last["test_loss"]
    # An independent reading of the test set with the weights that were left.
    data = ImageDataModule(plain.config.data)
    for file, metrics in ((whole.record.best_checkpoint, of_best), (plain.record.checkpoint, of_last)):
        network = build("mlp", **network_options(plain.config, data.num_classes, data.image_shape))
        network.load_state_dict({k.removeprefix("network."): v for k, v in weights(file).items()})
        [batch] = data.test_dataloader()
        with torch.no_grad():
            right = network.eval()(batch.images).argmax(1) == batch.labels
        assert right.double().mean().item() == pytest.approx(metrics["test_top1"], abs=1e-6)


def test_a_run_that_was_cut_off_before_its_test_keeps_the_same_best_weights(
    whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise RuntimeError("cut off")

    cut = prepared(tmp_path / "cut", **{"trainer.test": "best"})
    with monkeypatch.context() as patch:
        patch.setattr(BestWeights, "load_into", cut_off)
        with pytest.raises(RuntimeError, match="cut off"):
            execute(cut)
    # The last checkpoint goes without them: they are on disk once.
    size = cut.record.checkpoint.stat().st_size
    assert size == pytest.approx(whole.record.checkpoint.stat().st_size, rel=0.01)
    assert execute(cut) == "finished"
    assert cut.record.read_summary()["metrics"] == whole.record.read_summary()["metrics"]
    assert not cut.record.best_checkpoint.exists()


@pytest.mark.parametrize(
    ("keep", "files"), [("best", ["best.ckpt"]), ("none", []), ("both", ["best.ckpt", "last.ckpt"])]
)
def test_what_stays_is_what_was_asked_for_and_is_required(tmp_path: Path, keep: str, files: object) -> None:
    this = prepared(tmp_path / "run", **{"trainer.keep": keep, "trainer.epochs": 1})
    execute(this)
    left = sorted(file.name for file in this.record.checkpoint.parent.iterdir())
    assert left == files
    assert this.record.outcome().is_complete
    for file in this.record.weights_files(keep):
        content = file.read_bytes()
        file.unlink()
        assert this.record.outcome() == RunOutcome("corrupt", f"{file} is missing")
        file.write_bytes(content)


def test_a_diverged_run_leaves_the_best_weights_before(tmp_path: Path) -> None:
    this = prepared(
        tmp_path / "run", **{"trainer.keep": "both", "optim.lr": 1e-4, "optim.schedule": "exponential",
                             "optim.decay_factor": 1e40, "trainer.epochs": 6}
    )  # fmt: skip
    assert execute(this) == "diverged"
    left = torch.load(this.record.best_checkpoint, weights_only=True)
    assert 0 < left["global_step"] < this.record.read_summary()["diverged_at_step"]
    assert all(tensor.isfinite().all() for tensor in left["state_dict"].values())
    assert not this.record.checkpoint.exists(), "of which step it is depends on interruptions"
    assert this.record.outcome().is_complete


def test_where_no_evaluation_gives_a_number_the_last_weights_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints.math, "isfinite", lambda value: False)
    this = prepared(tmp_path / "run", **{"trainer.keep": "both", "trainer.test": "best", "trainer.epochs": 1})
    assert execute(this) == "not_finite"
    assert this.record.outcome().is_complete
    assert equal(weights(this.record.best_checkpoint), weights(this.record.checkpoint))
