"""Every config key is declared once, with its type, its help and its role, and every section refuses wrong values."""

from dataclasses import replace
from typing import Any

import pytest

from litmus.core.config_keys import Key, Role, keys_of_class
from litmus.core.errors import UserError
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.plan import expand
from litmus.design.study_files import STUDIES
from litmus.launch.config import LaunchConfig, SlurmConfig
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys, resolve


def declared() -> dict[str, Key]:
    """Return every key of Litmus by where it is declared."""
    keys = dict(config_keys(DEFAULT_ARCHITECTURE))
    for registry, section in ((ARCHITECTURES, "model"), (DATASETS, "data")):
        for name in registry:
            # Other tests of the same process register networks too.
            if str(registry.module_of(name)).startswith("litmus."):
                keys |= {f"{name} {key}": each for key, each in registry[name].keys(section).items()}
    for config in (LaunchConfig, SlurmConfig):
        keys |= keys_of_class(config, config.__name__)
    return keys


def test_every_key_has_type_help_and_role() -> None:
    keys = declared()
    assert len(keys) > 500
    assert [where for where, key in keys.items() if not key.help or key.type is Any or key.role not in Role] == []


def test_every_default_is_a_value_that_its_declaration_takes() -> None:
    for where, key in declared().items():
        assert key.convert(key.default) == key.default, where


def test_the_roles_are_those_that_an_ablation_relies_on() -> None:
    roles: dict[Role, set[str]] = {}
    for key in declared().values():
        if "." in key.name and not key.name.startswith(("LaunchConfig", "SlurmConfig")):
            roles.setdefault(key.role, set()).add(key.name)
    trainer = {f"trainer.{key}" for key in ("precision", "compile", "channels_last", "deterministic")}
    assert roles[Role.SPEED] == trainer
    assert roles[Role.PLACE] == {"trainer.keep", "data.cache", "data.storage", "data.decode_workers"}
    assert roles[Role.FILES] == {"data.root", "model.weights"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.name": "resnet20", "model.width": -1}, "model.width must be greater than 0, got -1"),
        ({"data.name": "shapes", "data.num_classes": 7}, "data.num_classes must be at most 6, got 7"),
        ({"data.augment": "cifr"}, "unknown data.augment 'cifr'; did you mean 'cifar'?"),
        ({"optim.milestones": [0.5, 1.5]}, "optim.milestones must be less than 1, got 1.5"),
        ({"optim.nesterov": True, "optim.name": "adam"}, "optim.nesterov needs sgd"),
        ({"trainer.probes": ["gradient_norm"]}, "unknown trainer.probes 'gradient_norm'; did you mean"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_key_and_what_is_valid(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        resolve(settings)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_names_may_be_of_any_case_everywhere() -> None:
    typed = {
        "model.name": "ResNet20", "model.norm": "Group", "model.activation": "GELU", "data.name": "Digits",
        "data.augment": "Crop", "optim.name": "AdamW", "optim.schedule": "Cosine", "optim.loss": "Cross_Entropy",
        "trainer.precision": "BF16-mixed", "trainer.probes": "[Gradient_Norms, LOGITS]", "init.pairing": "Place",
    }  # fmt: skip
    assert resolve(typed) == resolve({key: value.lower() for key, value in typed.items()})
    assert resolve({"trainer.probes": ["Logits"]}).trainer.probes == ("logits",)
    study = replace(STUDIES["Batch_Norm"], claims=())
    plan = expand(study, preset="PAPER", settings={"data.name": "DIGITS"}, vary={"model.norm": ["None", "LAYER"]})
    assert (plan.preset, plan.settings["data.name"]) == ("paper", "digits")
    assert {arm.levels["model.norm"] for arm in plan.arms} == {"none", "layer"}
