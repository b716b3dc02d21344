"""Promise 6: a run's identity is a hash of its resolved config, the data and the record format."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from litmus import datamodules
from litmus.core.config_keys import Role, flatten
from litmus.datamodules.loading.registry import ImageArrays
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.training import identity
from litmus.training.config import resolve
from litmus.training.identity import normalisation_regime, run_id

BASE = {"model.name": "lenet5"}


def test_identity_is_the_same_however_the_config_was_written() -> None:
    assert run_id(resolve(BASE), "d") == run_id(resolve({**BASE, "optim.lr": "1e-1", "model.norm": "none"}), "d")
    assert run_id(resolve({**BASE, "optim.lr": 1}), "d") == run_id(resolve({**BASE, "optim.lr": "1.0"}), "d")
    round_trip = flatten(resolve(BASE).as_dict())
    assert run_id(resolve(round_trip), "d") == run_id(resolve(BASE), "d")


def settable(role: tuple[Role, ...]) -> list[str]:
    return [name for name, key in resolve(BASE).keys().items() if key.role in role and name != "model.name"]


@pytest.mark.parametrize("key", settable((Role.IDENTITY, Role.SPEED)))
def test_every_key_is_part_of_the_identity(key: str) -> None:
    config = resolve(BASE)
    value, choices = config.flat()[key], config.keys()[key].choices
    others = {
        "data.name": "mnist", "norm.eps": 1e-3, "norm.noise_scale": 1.5, "optim.milestones": [0.5],
        "optim.options": ["dampening=0.1"], "trainer.probes": ["update_ratio"],
    }  # fmt: skip
    if key in others:
        changed = others[key]
    elif choices:
        changed = next(choice for choice in choices if choice != value)
    elif isinstance(value, bool):
        changed = not value
    else:
        changed = value + 1 if isinstance(value, int) else 0.4
    assert run_id(resolve({**BASE, key: changed}), "d") != run_id(config, "d")


def test_another_record_format_makes_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(BASE)
    before = run_id(config, "d")
    monkeypatch.setattr(identity, "RECORD_FORMAT", identity.RECORD_FORMAT + 1)
    assert run_id(config, "d") != before


def test_another_revision_of_an_architecture_makes_other_runs_of_it_and_of_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs = [resolve({"model.name": name}) for name in ("lenet5", "resnet20")]
    before = [run_id(config, "d") for config in configs]
    changed = dataclasses.replace(ARCHITECTURES["lenet5"], revision=2)
    monkeypatch.setitem(ARCHITECTURES._entries, "lenet5", changed)
    assert [run_id(config, "d") == old for config, old in zip(configs, before, strict=True)] == [False, True]


@pytest.mark.parametrize("key", settable((Role.PLACE, Role.FILES)))
def test_a_place_is_no_part_of_the_identity(tmp_path: Path, key: str) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")
    elsewhere = shutil.copy(file, tmp_path / "copy.pt")
    places = {"model.weights": (str(file), elsewhere), "trainer.keep": ("none", "both")}
    first, second = places.get(key, ("here", "there"))
    assert run_id(resolve({**BASE, key: first}), "d") == run_id(resolve({**BASE, key: second}), "d")


def test_the_content_of_data_and_weights_is_part_of_the_identity(tmp_path: Path) -> None:
    assert run_id(resolve(BASE), "other") != run_id(resolve(BASE), "d")
    identities = {run_id(resolve(BASE), "d")}
    for content in (b"some", b"other"):
        file = tmp_path / f"{content.decode()}.pt"
        file.write_bytes(content)
        identities.add(run_id(resolve({**BASE, "model.weights": str(file)}), "d"))
    assert len(identities) == 3


def test_the_fingerprint_covers_every_pixel_and_label() -> None:
    arrays = datamodules.build("digits").arrays
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        tensor = getattr(arrays, name).clone()
        tensor.view(-1)[-1] += 1
        changed: ImageArrays = dataclasses.replace(arrays, **{name: tensor})
        assert changed.fingerprint != arrays.fingerprint, name


def test_devices_matter_only_where_they_change_what_batch_norm_sees() -> None:
    together = resolve({**BASE, "trainer.sync_batchnorm": True})
    apart = resolve({**BASE, "trainer.sync_batchnorm": False})
    assert run_id(together, "d", devices=2) == run_id(together, "d", devices=1)
    assert run_id(apart, "d", devices=2) != run_id(apart, "d", devices=1)
    assert normalisation_regime(apart, 2) == {
        "global_batch": 128,
        "batch_per_device": 64,
        "synchronised": False,
        "statistics_over": 64,
    }
