"""What the presets that follow a paper train with, against what the paper says; nothing leaks in from `quick`."""

from dataclasses import dataclass
from typing import Any

import pytest

from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.evidence.claims import Claim

PRESETS = [(name, preset) for name in STUDIES.names() for preset in STUDIES[name].presets]


@dataclass(frozen=True)
class Protocol:
    """What a source trains with, where it says so.

    Args:
        values: by config key.
        looked_up: whether the values were looked up in the source; else they are from the notes on it that protocols
            and docstrings hold.
    """

    values: dict[str, Any]
    looked_up: bool


SGD = {"optim.name": "sgd", "optim.momentum": 0.9}
TENTHS = {"optim.schedule": "multistep", "optim.milestones": [0.5, 0.75], "optim.decay_factor": 0.1}
STEPS_64K = {**SGD, **TENTHS, "optim.lr": 0.1, "optim.weight_decay": 1e-4, "data.batch_size": 128,
             "trainer.epochs": 182, "data.augment": "cifar", "data.validation": 0.1}  # fmt: skip
SOURCES = {
    "He et al. 2015, 4.2": Protocol({**STEPS_64K, "data.name": "cifar10", "data.centring": "pixel_mean"}, True),
    "He et al. 2015, 4.2, each channel standardised": Protocol({**STEPS_64K, "data.name": "cifar10"}, True),
    "He et al. 2015, 3.4": Protocol(
        {**SGD, "optim.lr": 0.1, "optim.weight_decay": 1e-4, "optim.schedule": "plateau", "optim.decay_factor": 0.1,
         "data.batch_size": 256, "trainer.epochs": 120, "data.centring": "pixel_mean", "data.image_size": 224,
         "data.test_crops": 10}, False,
    ),
    "Ioffe & Szegedy 2015, 4.1": Protocol(
        {"optim.name": "sgd", "optim.weight_decay": 0.0, "data.name": "mnist", "data.binary": True,
         "data.batch_size": 60, "trainer.epochs": 60, "data.validation": 1 / 6, "data.augment": "none",
         "init.scheme": "normal"}, True,
    ),
    "Huang et al. 2016, 4.2": Protocol(
        {**SGD, **TENTHS, "optim.nesterov": True, "optim.lr": 0.1, "optim.weight_decay": 1e-4, "data.batch_size": 64,
         "trainer.epochs": 300, "data.name": "cifar10", "data.augment": "cifar"}, False,
    ),
    "Xie et al. 2016, 5.2": Protocol(
        {**SGD, **TENTHS, "optim.lr": 0.1, "optim.weight_decay": 5e-4, "data.batch_size": 128, "trainer.epochs": 300,
         "data.name": "cifar10", "data.augment": "cifar"}, False,
    ),
    "Zagoruyko & Komodakis 2016, 3": Protocol(
        {**SGD, "optim.nesterov": True, "optim.lr": 0.1, "optim.weight_decay": 5e-4, "data.batch_size": 128,
         "trainer.epochs": 200, "optim.schedule": "multistep", "optim.milestones": [0.3, 0.6, 0.8],
         "optim.decay_factor": 0.2, "data.augment": "cifar"}, False,
    ),
    "Krizhevsky et al. 2012, 5": Protocol(
        {**SGD, "optim.lr": 0.01, "optim.weight_decay": 5e-4, "optim.schedule": "plateau", "data.batch_size": 128,
         "trainer.epochs": 90, "data.augment": "alexnet"}, False,
    ),
    "Simonyan & Zisserman 2014, 3.1": Protocol(
        {**SGD, "optim.lr": 0.01, "optim.weight_decay": 5e-4, "optim.schedule": "plateau", "data.batch_size": 256,
         "trainer.epochs": 74}, False,
    ),
    "torchvision's training of ResNets": Protocol(
        {**SGD, "optim.lr": 0.1, "optim.weight_decay": 1e-4, "optim.schedule": "multistep",
         "optim.milestones": [1 / 3, 2 / 3], "data.batch_size": 256, "trainer.epochs": 90,
         "data.augment": "imagenet"}, False,
    ),
    "Ronneberger et al. 2015, 3": Protocol({"optim.name": "sgd", "optim.momentum": 0.99, "data.batch_size": 1}, True),
}  # fmt: skip
HE, HE_STANDARDISED, HE_IMAGENET, IOFFE, HUANG, XIE, ZAGORUYKO, KRIZHEVSKY, SIMONYAN, TORCHVISION, UNET = SOURCES

FOLLOWS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("architectures", "paper"): (HE_STANDARDISED, {"optim.schedule": "cosine"}),
    ("architectures", "imagenet"): (TORCHVISION, {"optim.schedule": "cosine"}),
    ("augmentation", "paper"): (HE_STANDARDISED, {}),
    ("augmentation", "imagenet"): (TORCHVISION, {}),
    ("augmentation_kinds", "paper"): (HE_STANDARDISED, {}),
    ("batch_noise", "paper"): (HE_STANDARDISED, {"data.batch_size": 64}),
    ("batch_norm", "paper"): (IOFFE, {}),
    ("batch_norm_mnist", "paper"): (IOFFE, {}),
    ("cardinality", "paper"): (XIE, {}),
    ("cardinality", "imagenet"): (TORCHVISION, {}),
    ("dense_connectivity", "paper"): (HUANG, {}),
    ("dense_layers", "paper"): (HE_STANDARDISED, {"optim.schedule": "cosine"}),
    ("depth_data", "paper"): (HE_STANDARDISED, {}),
    ("ensembling", "paper"): (HE_STANDARDISED, {}),
    ("gradient_flow", "paper"): (HE, {}),
    ("inference_statistics", "paper"): (HE_STANDARDISED, {}),
    ("kernel_size", "imagenet"): (SIMONYAN, {}),
    ("layer_adaptation", "paper"): (HE, {}),
    ("lesion", "paper"): (HE, {}),
    ("multi_crop", "paper"): (KRIZHEVSKY, {}),
    ("norm_placement", "paper"): (HE, {}),
    ("norms", "paper"): (HE_STANDARDISED, {}),
    ("residual_depth", "paper"): (HE, {}),
    ("residual_depth", "imagenet"): (HE_IMAGENET, {}),
    ("residual_imagenet", "paper"): (HE_IMAGENET, {}),
    ("residual_imagenet", "cifar"): (HE_STANDARDISED, {}),
    ("residual_paths", "paper"): (HE, {}),
    ("shortcuts", "paper"): (HE, {}),
    ("shortcuts_without_norm", "paper"): (HE, {"optim.schedule": "cosine"}),
    ("squeeze_excite", "paper"): (HE_STANDARDISED, {}),
    ("squeeze_excite", "imagenet"): (TORCHVISION, {}),
    ("training_recipe", "paper"): (HE_STANDARDISED, {}),
    ("unet_skips", "paper"): (UNET, {}),
    ("width_depth", "paper"): (ZAGORUYKO, {}),
}
"""By study and preset the protocol that it follows, and where its docstring says that it does not."""

OF_THEIR_OWN = {
    ("activations", "paper"), ("auxiliary_heads", "paper"), ("batch_norm_recipe", "paper"), ("batch_size", "paper"),
    ("batch_size", "worst_case"), ("batch_norm", "cifar16"), ("batch_size", "cifar16"), ("residual_depth", "cifar16"),
    ("norms", "cifar16"), ("squeeze_excite", "cifar16"), ("augmentation", "cifar16"), ("deep_residual_recipe", "paper"),
    ("covariate_shift", "paper"), ("gradient_descent", "paper"),
    ("inception_paths", "paper"), ("initialisation", "paper"), ("input_scaling", "paper"),
    ("kernel_size", "paper"), ("large_batches", "paper"), ("lenet_to_alexnet", "paper"), ("losses", "paper"),
    ("norm_affine", "paper"), ("norm_gradient", "paper"), ("norm_regulariser", "paper"), ("pooling", "paper"),
    ("residual_imagenet", "subset"), ("saturating_activations", "paper"), ("scale_invariance", "paper"),
    ("optimisers", "paper"), ("warm_up", "paper"), ("regularisers", "paper"), ("resnet_to_convnext", "paper"),
}  # fmt: skip
"""Those at the scale of a paper whose source trains another network, on other data, or does not say how."""


def test_every_preset_follows_a_protocol_or_has_one_of_its_own() -> None:
    assert FOLLOWS.keys() | OF_THEIR_OWN == set(PRESETS)
    assert not FOLLOWS.keys() & OF_THEIR_OWN


@pytest.mark.parametrize(("name", "preset"), FOLLOWS)
def test_a_preset_trains_as_its_source(name: str, preset: str) -> None:
    source, instead = FOLLOWS[name, preset]
    plan = expand(STUDIES[name], preset=preset)
    tuned = plan.tuning.space if plan.tuning is not None else {}
    for key, value in {**SOURCES[source].values, **instead}.items():
        if key in tuned:
            assert value in tuned[key], f"{key}: {source} has {value}, which is not tried"  # type: ignore[operator]
            continue
        if key == "optim.milestones" and "optim.schedule" in instead:
            continue
        for arm in plan.arms:
            if key not in arm.levels:
                assert arm.config.flat()[key] == pytest.approx(value), f"{arm.label}, {key}: {source} has {value}"


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_says_itself_what_is_held_out(name: str, preset: str) -> None:
    study = STUDIES[name]
    settings = study.presets[preset]
    if not isinstance(settings, Study) and "data.validation" in study.base:
        assert settings.get("data.name") in (None, study.base["data.name"]) or "data.validation" in settings


@pytest.mark.parametrize(("name", "preset"), [(name, "quick") for name in STUDIES.names()] + PRESETS)
def test_one_to_three_claims_are_primary(name: str, preset: str) -> None:
    claims: list[Claim] = list(STUDIES[name].at(preset).claims)
    assert 1 <= sum(claim.primary for claim in claims) <= 3
