"""A dataset's options and a recipe's transforms are config keys: resolved, recorded, part of a run's identity."""

import pytest

from litmus.core.errors import UserError
from litmus.datamodules.augmentation import recipes
from litmus.datamodules.augmentation.geometry import Crop
from litmus.datamodules.batches.config import DataConfig
from litmus.design.plan import expand
from litmus.design.study import Study
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
    for key, value in {"per_class": 31, "image_size": 64, "skip_unreadable": True, "mix": "cutmix"}.items():
        assert run_id(resolve({**FOLDER, f"data.{key}": value}), "data") != reference


def test_a_wrong_key_or_value_is_one_line() -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({**FOLDER, "data.per_clas": 3}, "'data.per_clas' for folder; did you mean 'data.per_class'"),
        ({"data.per_class": 3}, "unknown config key 'data.per_class' for digits"),
        ({**FOLDER, "data.per_class": "many"}, "data.per_class: expected an integer > 0 or null, got 'many'"),
        ({**FOLDER, "data.storage": "cach"}, "unknown data.storage 'cach'; did you mean 'cache'"),
        ({"data.augment": "cifr"}, "unknown data.augment 'cifr'; did you mean 'cifar'"),
        ({"data.mix": "mixp"}, "unknown data.mix 'mixp'; did you mean 'mixup'"),
        ({"data.mix_alpha": 0}, "data.mix_alpha must be greater than 0"),
        ({"data.centring": "chanel"}, "did you mean 'channel'? valid: channel, pixel, pixel_mean, unit, none"),
        ({"data.name": "foldr"}, "unknown dataset 'foldr'; did you mean 'folder'"),
    ]
    for settings, message in cases:
        with pytest.raises(UserError) as error:
            resolve(settings)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_recipes_mixes_and_datasets_can_be_factors() -> None:
    augment = Study("a", "?", factors={"data.augment": ["none", "cifar"]}, baseline={"data.augment": "none"})
    assert len(expand(augment).arms) == 2
    mix = Study("m", "?", factors={"data.mix": ["none", "cutmix"]}, baseline={"data.mix": "none"})
    assert len(expand(mix).arms) == 2
    sets = Study("d", "?", base={"data.batch_size": 64}, factors={"data.name": ["digits", "shapes"]}, baseline={})
    assert [arm.config.data.batch_size for arm in expand(sets).arms] == [64, 64]


def test_a_bases_options_go_with_their_dataset() -> None:
    study = Study("s", "?", base={"data.name": "shapes", "data.num_classes": 3, "data.batch_size": 32})
    (arm,) = expand(study, settings={"data.name": "digits"}).arms
    assert arm.config.data.name == "digits"
    assert arm.config.data.batch_size == 32
