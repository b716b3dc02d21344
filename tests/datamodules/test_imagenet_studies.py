"""The studies' networks of 224 pixels on real images of ImageNet."""

from pathlib import Path

import pytest

from litmus.design.plan import expand
from litmus.design.study_files import STUDIES
from litmus.launch.checks import check

PRESETS = {"architectures": "imagenet", "augmentation": "imagenet", "multi_crop": "paper"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_every_arm_takes_a_step_on_the_imagenet_subset(name: str, imagenette: Path, tmp_path: Path) -> None:
    settings = {
        "data.root": str(imagenette), "data.cache": str(tmp_path), "data.per_class": 10, "data.validation": 0.1,
        "data.batch_size": 4,
    }  # fmt: skip
    for arm in expand(STUDIES[name], preset=PRESETS[name], settings=settings).arms:
        check(arm.config, devices=1)
