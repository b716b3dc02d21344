"""A dataset's options and a recipe's transforms are config keys: resolved, recorded, part of a run's identity."""

import pytest

from litmus.core.errors import UserError
from litmus.datamodules.augmentation import recipes
from litmus.datamodules.augmentation.geometry import Crop
from litmus.datamodules.batches.config import DataConfig
from litmus.training.config import resolve
from litmus.training.identity import run_id

FOLDER = {"data.name": "folder", "data.root": "/somewhere", "data.classes": "[b,a]", "data.per_class": "30"}


def test_a_recorded_config_resolves_to_itself() -> None:
    config = resolve({**FOLDER, "data.augment": "imagenet"})
    assert config.data.options["classes"] == ("b", "a")
    assert config.data.options["per_class"] == 30
    assert resolve(config.flat()) == config
    assert DataConfig.from_dict(config.data.as_dict()) == config.data


def test_the_recipe_is_written_out_and_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve({"data.augment": "cifar"})
    flat = config.flat()
    assert flat["data.transforms"] == "crop(padding=4) + flip(probability=0.5)"
    before = run_id(config, "data")
    monkeypatch.setitem(recipes.RECIPES, "cifar", (Crop(3),))  # type: ignore[arg-type]
    assert run_id(config, "data") != before
    with pytest.raises(UserError, match=r"data.transforms cannot be set: the recipe cifar is crop\(padding=3\), not"):
        resolve(flat)


def test_where_files_lie_is_no_part_of_the_identity() -> None:
    reference = run_id(resolve(FOLDER), "data")
    for key, value in {"root": "/x", "cache": "/y", "storage": "files", "decode_workers": 3}.items():
        assert run_id(resolve({**FOLDER, f"data.{key}": value}), "data") == reference
    for key, value in {"per_class": 31, "image_size": 64}.items():
        assert run_id(resolve({**FOLDER, f"data.{key}": value}), "data") != reference
