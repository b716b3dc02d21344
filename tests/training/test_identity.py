"""Promise 6: a run's identity is a hash of its resolved config, the data and the record format."""

import dataclasses

import pytest
from tiny_runs import TINY

from litmus import datamodules
from litmus.core.config_keys import flatten
from litmus.datamodules.augmentation.geometry import Crop
from litmus.datamodules.augmentation.mixing import REVISIONS
from litmus.datamodules.loading.registry import ImageArrays
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.training import identity
from litmus.training.config import resolve
from litmus.training.identity import normalisation_regime, run_id

BASE = {"model.name": "lenet5"}


def test_identity_is_the_same_however_the_config_was_written() -> None:
    assert run_id(resolve(BASE), "d") == run_id(resolve({**BASE, "optim.lr": "1e-1", "model.norm": "none"}), "d")
    assert run_id(resolve({**BASE, "optim.lr": 1}), "d") == run_id(resolve({**BASE, "optim.lr": "1.0"}), "d")
    round_trip = flatten(resolve(BASE).as_dict())
    assert run_id(resolve(round_trip), "d") == run_id(resolve(BASE), "d")


# The recipe decides data.transforms: that its definition counts is tested with the data's config. Of weights the file's
# content counts, which is tested with them.
NOT_SETTABLE = ("model.name", "data.root", "data.transforms", "model.weights", "trainer.keep")


@pytest.mark.parametrize("key", [key for key in resolve(BASE).flat() if key not in NOT_SETTABLE])
def test_every_key_is_part_of_the_identity(key: str) -> None:
    config = resolve(BASE)
    value = config.flat()[key]
    others = {
        "model.norm": "batch", "model.activation": "tanh", "model.pooling": "average", "init.scheme": "normal",
        "init.pairing": "place", "init.scaled": "hidden",
        "model.first_kernel": 7, "model.first_stride": 2, "model.connections": "partial",
        "model.output": "rbf_map", "norm.placement": "after", "data.test_crops": 5,
        "norm.evaluation_statistics": "batch", "norm.noise_scale": 1.5, "norm.gradient": "stopped",
        "data.name": "mnist", "data.augment": "crop", "data.mix": "mixup", "data.centring": "pixel",
        "optim.name": "adamw", "optim.loss": "hinge", "optim.schedule": "cosine", "norm.eps": 1e-3,
        "trainer.precision": "bf16-mixed", "optim.milestones": [0.5], "optim.options": ["dampening=0.1"],
        "trainer.probes": ["update_ratio"], "trainer.test": "best",
    }  # fmt: skip
    if key in others:
        changed = others[key]
    elif isinstance(value, bool):
        changed = not value
    else:
        changed = value + 1 if isinstance(value, int) else 0.4
    assert run_id(resolve({**BASE, key: changed}), "d") != run_id(config, "d")


def test_a_changed_default_makes_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(BASE)
    stale = dataclasses.replace(config, optim=dataclasses.replace(config.optim, momentum=0.8))
    assert run_id(stale, "d") != run_id(config, "d")
    before = run_id(config, "d")
    monkeypatch.setattr(identity, "RECORD_FORMAT", identity.RECORD_FORMAT + 1)
    assert run_id(config, "d") != before


def test_a_later_key_leaves_runs_at_its_neutral_value_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, pooled = resolve(BASE), resolve({**BASE, "model.pooling": "average"})
    without_the_key = resolve({"model.name": "resnet20"})
    now = [run_id(config, "d") for config in (plain, pooled, without_the_key)]
    monkeypatch.setattr(identity, "NOT_IDENTITY", (*identity.NOT_IDENTITY, "model.pooling"))
    before_the_key = run_id(plain, "d")
    monkeypatch.undo()
    monkeypatch.setitem(identity.NEUTRAL_DEFAULTS, "model.pooling", "max")
    assert [run_id(config, "d") for config in (plain, pooled, without_the_key)] == [before_the_key, *now[1:]]
    assert before_the_key != now[0]


def test_a_revision_makes_another_run_of_the_networks_that_it_concerns_and_of_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    concerned = [{"model.norm": "none"}, {"norm.affine": False}, {"model.norm": "none", "model.pre_activation": True}]
    others = [{}, {"model.norm": "group"}, {"model.norm": "none", "model.fixup": True}]

    def identities(settings: list[dict[str, object]]) -> list[str]:
        return [run_id(resolve({"model.name": "resnet20", **each}), "d") for each in settings]

    now = identities(concerned), identities(others)
    monkeypatch.setattr(identity, "revisions", lambda config: {})
    before = identities(concerned), identities(others)
    assert not set(before[0]) & set(now[0])
    assert before[1] == now[1]


def test_loss_recipe_and_mix_have_revisions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = resolve(BASE)
    moved = [resolve({**BASE, "data.augment": "crop"}), resolve({**BASE, "data.mix": "cutmix"})]
    before = [run_id(config, "d") for config in (plain, *moved)]
    monkeypatch.setattr(Crop, "revision", 2)
    assert run_id(resolve({**BASE, "data.augment": "crop"}), "d") != before[1]
    monkeypatch.undo()
    monkeypatch.setitem(REVISIONS, "cutmix", 2)
    assert [run_id(config, "d") == old for config, old in zip((plain, *moved), before, strict=True)] == [1, 1, 0]
    monkeypatch.setattr(LitClassifier, "revision", 2)
    assert not {run_id(config, "d") for config in (plain, *moved)} & set(before)


def test_where_the_data_lies_does_not_matter_but_what_it_is_does() -> None:
    assert run_id(resolve({**BASE, "data.root": "/elsewhere"}), "d") == run_id(resolve(BASE), "d")
    assert run_id(resolve(BASE), "other") != run_id(resolve(BASE), "d")


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


def test_resolving_fills_in_every_default() -> None:
    flat = resolve(TINY).flat()
    assert flat["optim.momentum"] == 0.9
    assert flat["model.dropout"] == 0.0
    assert flat["data.split_seed"] == 0
    assert resolve({"model.name": "resnet20"}).model["depth"] == 20
