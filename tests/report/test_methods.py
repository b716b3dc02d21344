"""The methods paragraph: what a paper has to say, as the records have it, and nothing that they do not show."""

import json
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, Range, Study, Tuning, sooner, trend
from litmus.design.plan import Arm, expand
from litmus.evidence.summary import summarise
from litmus.launch.history import append_to_history
from litmus.records.study_record import Start
from litmus.report.methods import methods

NONE = {"model.norm": "none"}
BASE = {
    "model.name": "lenet5", "model.width": 0.5, "data.name": "digits", "data.batch_size": 64, "data.augment": "crop",
    "optim.weight_decay": 5e-4, "optim.schedule": "cosine", "optim.warmup": 0.05, "trainer.epochs": 6,
}  # fmt: skip
IMAGES = {"images": {"train": 1293, "validation": 144, "test": 360}, "image_shape": [1, 8, 8]}
ENVIRONMENT = {"python": "3.12.4", "torch": "2.11.0", "lightning": "2.6.6", "device": "cuda", "hardware": "NVIDIA H200"}
STARTS = {"norm none": Start(10, 10), "norm batch": Start(10, 10)}


def truth(arm: Arm, seed: int) -> Truth:
    value = 0.8 + 0.1 * (arm.label == "norm batch") + 0.001 * seed * (1 + arm.is_baseline)
    cost = {"parameters": 21_386 + 452 * (arm.label == "norm batch")}
    environment = {**ENVIRONMENT, "devices": 1}
    return {"test_top1": value, "val_top1": value, "data": IMAGES, "environment": environment, "cost": cost}


def paragraph(directory: Path, study: Study, seeds: int = 4, **arguments: Any) -> str:
    synthetic(directory, study, truth, seeds=seeds, **arguments)
    return methods(summarise(directory, study.claims))


def pair(base: dict[str, Any] | None = None, **changes: Any) -> Study:
    return Study(
        **{"name": "pair", "base": {**BASE, **(base or {})}, "factors": {"model.norm": ["none", "batch"]}, **changes}
    )


def test_the_paragraph_says_what_a_paper_has_to(tmp_path: Path) -> None:
    tuning = Tuning({"optim.lr": Range(0.01, 1.0)}, trials=4)

    def trial(arm: Arm, seed: int) -> Truth:
        return {"val_top1": 0.9 - abs(arm.config.optim.lr - (0.5 if arm.label == "norm batch" else 0.05))}

    study = pair(tune=tuning)
    text = paragraph(tmp_path, study, trial=trial, starts=STARTS)
    rates = sorted(point["optim.lr"] for point in tuning.points)
    slow, fast = (min(rates, key=lambda rate: abs(rate - best)) for best in (0.05, 0.5))
    assert text == (
        "We compared 2 configurations that differ in norm (none, batch). Each was trained with 4 random seeds (0 to "
        "3). The baseline is norm none. "
        "The network was lenet5 (width 0.5), with 21,386 to 21,838 trainable parameters. Weights were set by the "
        "scheme kaiming_normal. "
        "The dataset was digits (augmentation crop): 1,293 for training, 144 for validation, 360 for test, each 1×8×8, "
        "in 10 classes. The validation images are 10 % of the training set, drawn with split seed 0; every choice was "
        "made on them. Each run was evaluated once on the test set, at the end of training. "
        "Networks were trained for 6 epochs on batches of 64 images with SGD (schedule cosine, warm-up 0.05, momentum "
        "0.9, weight decay 0.0005). "
        "Within a seed, all configurations saw the same training images in the same order with the same augmentation. "
        "Each parameter was drawn from a generator keyed by the seed and its name; parameters that a "
        "configuration shares with the baseline start equal. All other settings were equal. "
        "Every configuration chose its own learning rate (0.01 to 1): each tried the same 4 settings, with 1 seed "
        "that the comparison does not use, and took the one with the highest validation "
        f"accuracy. They chose learning rate {slow:g} for norm none; learning rate {fast:g} for norm batch. "
        "Differences in test accuracy are paired by seed and tested by two-sided paired t tests; we report means and "
        "95 % intervals. The smallest difference that is detected with 80 % power is 0.27 points. "
        "Runs were computed in precision 32-true with deterministic algorithms on NVIDIA H200 by Litmus "
        "(code abc) with Python 3.12.4, PyTorch 2.11.0 and Lightning 2.6.6."
    )


def test_it_says_start_equal_only_where_that_was_counted_in_every_arm(tmp_path: Path) -> None:
    assert "start equal" not in paragraph(tmp_path / "none", pair())
    three = pair(factors={"model.norm": ["none", "batch", "layer"]})
    assert "start equal" not in paragraph(tmp_path / "one", three, seeds=2, starts=STARTS)
    other = Start(8, 10, ("head.weight", "head.bias"))
    text = paragraph(tmp_path / "some", pair(), starts={**STARTS, "norm batch": other})
    assert (
        "; parameters that a configuration shares with the baseline start equal but for 2 of 10 in norm batch "
        "(head.weight, head.bias)." in text
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"optim.name": "adamw", "optim.momentum": 0.8},
            "AdamW (learning rate 0.1, schedule cosine, warm-up 0.05, mom",
        ),
        ({"optim.weight_decay": 0.0, "optim.schedule": "constant"}, "constant, warm-up 0.05, momentum 0.9). "),
        ({"optim.nesterov": True}, "momentum 0.9, nesterov yes, weight decay 0.0005)"),
        ({"optim.schedule": "multistep"}, "schedule multistep, warm-up 0.05, mom"),
        ({"optim.schedule": "multistep"}, "milestones 0.5, 0.75, decay factor 0.1)"),
        ({"data.augment": "none", "data.mix": "mixup"}, "digits (mixing of images mixup):"),
        ({"trainer.test": "best"}, "once on the test set, with the weights of its best evaluation on the validation"),
        ({"trainer.precision": "bf16-mixed"}, "computed in precision bf16-mixed with deterministic algorithms"),
        ({"init.scheme": "own", "init.gain": 2.0}, "by the scheme own (gain of the initialisation 2)."),
    ],
)
def test_settings_are_written_as_a_reader_knows_them(settings: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    assert sentence in paragraph(tmp_path, pair(settings), seeds=2)


def test_what_the_arms_vary_is_not_called_equal(tmp_path: Path) -> None:
    study = Study("aug", base=BASE, factors={"data.augment": ["none", "crop"], "optim.lr": [0.1, 0.5]})
    text = paragraph(tmp_path / "augment", study, starts={})
    assert (
        "We compared 4 configurations: all combinations of augmentation (none, crop) and learning rate (0.1, 0" in text
    )
    assert "the same training images in the same order. " in text
    assert "(schedule cosine, warm-up 0.05, momentum 0.9, weight decay 0.0005)" in text
    study = Study("fraction", base=BASE, factors={"data.train_fraction": [0.5, 1.0]})
    assert "same training images" not in paragraph(tmp_path / "fraction", study)


def test_a_batch_over_several_devices_says_so(tmp_path: Path) -> None:
    synthetic(tmp_path, pair(), truth, seeds=2)
    for path in tmp_path.glob("*/summary.json"):
        summary = json.loads(path.read_text())
        summary["normalisation"] = {"global_batch": 256, "batch_per_device": 64, "statistics_over": 64}
        summary["environment"]["devices"] = 4
        path.write_text(json.dumps(summary))
    text = methods(summarise(tmp_path))
    assert "of 256 images, 64 on each of 4 devices (batch normalisation takes its statistics over 64) with" in text
    assert "on 4 × NVIDIA H200 by Litmus" in text


def test_seeds_beyond_the_plan_are_tested_by_a_confidence_sequence(tmp_path: Path) -> None:
    study = pair()
    synthetic(tmp_path, study, truth, seeds=4)
    plan = expand(study, seeds=3)
    append_to_history(plan, tmp_path, (), plan.record((), data=("f",)), looked=False)
    text = methods(summarise(tmp_path))
    assert (
        "tested by anytime-valid t-mixture confidence sequences (Wang and Ramdas 2023), since 3 seeds were planned and "
        "more were added; we report means and 95 % intervals." in text
    )
    assert "t tests" not in text


def test_the_tests_of_claims_that_are_no_difference_are_named(tmp_path: Path) -> None:
    factors = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.5]}
    claims = [
        Claim("Sooner.", sooner({"model.norm": "batch"}, than=NONE)),
        Claim("A trend.", trend("test_top1", "optim.lr", NONE)),
    ]
    study = Study("claims", base=BASE, factors=factors, claims=claims)
    text = paragraph(tmp_path, study)
    assert "least-squares slope over the ranks of the levels" in text
    assert "never reaches the target counts with all its steps, which makes the ratio a bound" in text
    assert "so that the first seed is not compared" in text
    assert "difference of two differences" not in text
