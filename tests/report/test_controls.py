"""What was controlled says of each thing whether the records show it, and the page says when its claims were fixed."""

import json
from pathlib import Path

import yaml
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, more
from litmus.design.plan import Arm, expand
from litmus.evidence.preregistration import registration
from litmus.evidence.results import analyse
from litmus.evidence.summary import summarise
from litmus.launch.history import append_to_history
from litmus.records.study_record import PLAN_FILE
from litmus.report.controls import config_columns, controls_table, image_counts, plan_checked
from litmus.report.methods import methods
from litmus.report.page import write_report

BATCH, NONE = {"model.norm": "batch"}, {"model.norm": "none"}
CLAIM = Claim("With batch norm accuracy is higher.", more("test_top1", BATCH, than=NONE))
STUDY = Study("pair", "Does it?", {"model.name": "lenet5"}, {"model.norm": ["none", "batch"]}, NONE, claims=[CLAIM])


def truth(arm: Arm, seed: int) -> Truth:
    value = 0.8 + 0.1 * (arm.label == "norm batch") + 0.001 * seed
    return {"test_top1": value, "val_top1": value}


def change(directory: Path, run: int, part: str, name: str, value: object) -> None:
    """Change a value in a run's summary."""
    path = directory / f"{run:012x}" / "summary.json"
    summary = json.loads(path.read_text())
    summary[part][name] = value
    path.write_text(json.dumps(summary))


def checked(directory: Path) -> dict[str, str]:
    return {row["what"]: row["checked"] for row in controls_table(summarise(directory)).rows}


def test_equal_records_are_a_yes_and_what_nobody_counted_is_not_checked(tmp_path: Path) -> None:
    synthetic(tmp_path, STUDY, truth, seeds=3)
    found = checked(tmp_path)
    assert found["Factors"] == "yes: 6 records with their arm's levels"
    assert found["Data"] == found["Batch normalisation"] == found["Speed settings"] == "yes: equal in 6 records"
    assert found["Validation split"] == "yes: equal within each seed, in 6 records"
    assert found["Images"] == "not checked: not recorded"
    assert found["Initialisation"].startswith("not checked in 1 of 1 arm")
    assert all(each.startswith(("yes", "no")) for each in found.values())


def set_key(directory: Path, run: int, section: str, key: str, value: object) -> None:
    """Change a value in a run's config."""
    config = directory / f"{run:012x}" / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    settings[section][key] = value
    config.write_text(yaml.safe_dump(settings))


def test_other_places_are_no_difference_and_any_other_key_is(tmp_path: Path) -> None:
    synthetic(tmp_path, STUDY, truth, seeds=3)
    for section, key in (("data", "root"), ("trainer", "keep"), ("model", "weights")):
        set_key(tmp_path, 0, section, key, "elsewhere")
    assert checked(tmp_path)["All other config keys"] == "yes: before anything ran, and again in 6 records"
    set_key(tmp_path, 0, "optim", "lr", 0.7)
    assert checked(tmp_path)["All other config keys"] == "no: in the records differ too: optim.lr"


def test_what_differs_by_seed_alone_is_no_difference_between_arms(tmp_path: Path) -> None:
    synthetic(tmp_path, STUDY, truth, seeds=4, splits=2)
    found = checked(tmp_path)["All other config keys"]
    assert found == "yes: before anything ran, and again in 8 records; data.split_seed differs by seed"


def test_an_augmentation_that_is_varied_brings_its_transforms(tmp_path: Path) -> None:
    study = Study(
        "aug", "Does it?", {"model.name": "lenet5"}, {"data.augment": ["none", "crop"]}, {"data.augment": "none"}
    )
    synthetic(tmp_path, study, lambda arm, seed: {"test_top1": 0.8, "val_top1": 0.8}, seeds=2)
    assert checked(tmp_path)["All other config keys"].startswith("yes")


def test_images_have_their_number_and_shape(tmp_path: Path) -> None:
    synthetic(tmp_path, STUDY, truth, seeds=3)
    for run in range(6):
        change(tmp_path, run, "data", "images", {"train": 1150, "validation": 287, "test": 360})
        change(tmp_path, run, "data", "image_shape", [3, 32, 32])
    text = "1,150 for training, 287 for validation, 360 for test, each 3×32×32"
    assert image_counts(analyse(tmp_path)) == text
    assert text in methods(summarise(tmp_path))
    assert "data.image_shape" not in config_columns(analyse(tmp_path).records)


def test_records_that_differ_are_a_no(tmp_path: Path) -> None:
    synthetic(tmp_path, STUDY, truth, seeds=3)
    change(tmp_path, 0, "data", "fingerprint", "another")
    change(tmp_path, 1, "normalisation", "global_batch", 128)
    change(tmp_path, 2, "environment", "code", "another")
    set_key(tmp_path, 3, "model", "norm", "group")
    set_key(tmp_path, 4, "trainer", "precision", "bf16-mixed")
    found = checked(tmp_path)
    assert found["Data"] == "no: data.fingerprint differs"
    assert found["Speed settings"] == "no: trainer.precision differs"
    assert found["Batch normalisation"] == "no: normalisation.global_batch differs"
    assert found["Factors"] == "no: 1 record with other levels than its arm's"
    assert found["Code"] == "no: they differ"
    page = write_report(tmp_path, STUDY).path.read_text()
    assert page.index("they differ in code") < page.index("<main>")


def test_claims_fixed_after_results_are_named_at_the_top_and_in_the_methods(tmp_path: Path) -> None:
    folder = tmp_path / "pair"  # whose neighbours are no experiments
    synthetic(folder, STUDY, truth, seeds=3)
    planned = expand(STUDY, seeds=3)
    append_to_history(planned, folder, (), planned.record((), data=("f",)), looked=False)
    stated = summarise(folder, STUDY.claims)
    assert plan_checked(stated.registration) == "yes: written down before the first run"
    assert (
        "The claim was stated before the first run; it is supported if its whole interval lies beyond zero."
        in methods(stated)
    )
    plan = json.loads((folder / PLAN_FILE).read_text())
    (folder / PLAN_FILE).write_text(json.dumps({**plan, "results_before": 4}) + "\n")
    late = summarise(folder, STUDY.claims)
    assert plan_checked(registration(folder, late.analysis.study)) == "no: fixed after 4 results"
    assert "The claim was stated after 4 results; it is" in methods(late)
    page = write_report(folder, STUDY).path.read_text()
    assert page.index("Claims were fixed after 4 results.") < page.index("<main>")


def test_seeds_added_until_decided_say_how_many_there_are_and_what_is_open(tmp_path: Path) -> None:
    def unfinished(arm: Arm, seed: int) -> Truth:
        return "missing" if seed == 3 else truth(arm, seed)

    synthetic(tmp_path, STUDY, unfinished, seeds=4)
    plan = expand(STUDY, seeds=3)
    append_to_history(plan, tmp_path, (), plan.record((), data=("f",)), looked=True)
    page = write_report(tmp_path, STUDY).path.read_text()
    text = "until the claims are decided; now 3 seeds an arm with a result, 4 begun; 1 of 1 claim undecided."
    assert text in page
    assert "2 arms × 3 seeds · " in page
