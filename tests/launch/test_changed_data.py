"""Data that are not what they were when a run was planned: refused in a line, never trained on."""

import os
from pathlib import Path

import numpy
import pytest

import litmus
from litmus import datamodules
from litmus.core.errors import UserError
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.plan import Plan, expand
from litmus.launch.conduct import RunFactory
from litmus.launch.config import LaunchConfig
from litmus.lit_archs.building.weights import digest
from litmus.records.run_record import run_records
from litmus.training.execute import execute
from litmus.training.run import Execution, Place

UNSEEDED = '''\
"""Does the rate matter?"""

import os

import numpy

from litmus import Study, datamodules


@datamodules.register("{name}")
def drawn_anew(seed: int | None = None):
    """Noise."""
    draws = numpy.random.default_rng(os.getpid() if seed == -1 else seed)
    images = draws.integers(0, 256, (100, 8, 8), dtype=numpy.uint8)
    return datamodules.dataset((images, numpy.arange(100) % 2))


BASE = {"model.name": "mlp", "model.width": 8, "data.name": "{name}", "data.batch_size": 32, "trainer.epochs": 1}
study = Study(base=BASE, factors={"optim.lr": [0.01, 0.1]}, baseline={"optim.lr": 0.01}, seeds=1)
'''


@pytest.mark.parametrize(
    ("seed", "complaint"),
    [
        (None, "its data change each time they are loaded; seed its generators"),
        (-1, "the data changed after the start"),
    ],
    ids=["each time", "in each process"],
)
def test_a_dataset_that_draws_without_a_seed_is_refused(tmp_path: Path, seed: int | None, complaint: str) -> None:
    name = "drawn_" + complaint.split()[0]
    file = tmp_path / f"{name}.py"
    file.write_text(UNSEEDED.replace("{name}", name))
    settings = {} if seed is None else {"data.seed": seed}
    with pytest.raises(UserError, match=f"^data.name {name}: .*{complaint}"):
        litmus.run(file, settings=settings, out=tmp_path / "runs", workers=1)
    for record in run_records(tmp_path / "runs" / name):
        assert record.state() not in ("finished", "crashed")


def write(file: Path, level: int) -> None:
    images = numpy.random.default_rng(0).integers(0, 100, (100, 8, 8), dtype=numpy.uint8)
    numpy.savez(file, train_images=images + numpy.uint8(level), train_labels=numpy.arange(100) % 2)


def plan_for(file: Path) -> Plan:
    base = {"model.name": "mlp", "model.width": 8, "data.name": "arrays", "data.batch_size": 32, "trainer.epochs": 1}
    study = litmus.Study(name="own", question="?", base={**base, "data.root": str(file)}, arms={"one": {}}, seeds=1)
    return expand(study)


def test_arrays_that_change_before_a_run_starts_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    write(file, 0)
    plan = plan_for(file)
    run = RunFactory(plan, LaunchConfig(out=str(tmp_path)), None).make(plan.baseline, 0)
    write(file, 1)
    datamodules.build("arrays", root=str(file), batch_size=32)  # a worker that has read nothing yet
    run.directory.mkdir(parents=True)
    with pytest.raises(
        UserError, match=rf"the data changed after the start.* \(fingerprint {run.fingerprint} then, \w+"
    ):
        execute(run, Execution(), Place(), lambda _: None)
    write(file, 0)
    datamodules.build("arrays", root=str(file), batch_size=32)
    assert execute(run, Execution(), Place(), lambda _: None) == "finished"


def test_arrays_that_change_between_two_calls_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    found = []
    for level in (0, 1):
        write(file, level)
        os.utime(file, ns=(0, 0))
        plan = plan_for(file)
        run = RunFactory(plan, LaunchConfig(out=str(tmp_path)), None).make(plan.baseline, 0)
        module = datamodules.build("arrays", root=str(file), batch_size=32)
        assert int(module.arrays.train_images.min()) == level  # type: ignore[union-attr]
        found.append(run)
    assert found[0].run_id != found[1].run_id


def test_what_a_users_function_returns_is_asked_for_at_each_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DATASETS.names()
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    level = [0]
    images = numpy.zeros((100, 8, 8), dtype=numpy.uint8)
    datamodules.register(
        "of_a_list", lambda: datamodules.dataset((images + numpy.uint8(level[0]), numpy.arange(100) % 2))
    )
    before = datamodules.build("of_a_list", batch_size=32).fingerprint
    level[0] = 1
    assert datamodules.build("of_a_list", batch_size=32).fingerprint != before


def test_weights_of_the_same_size_and_time_are_noticed(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    found = set()
    for content in (b"one", b"two"):
        file.write_bytes(content)
        os.utime(file, ns=(0, 0))
        found.add(digest(file))
    assert len(found) == 2
