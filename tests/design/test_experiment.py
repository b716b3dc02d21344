"""What an experiment is called: another name for another experiment, and the same for the same one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litmus import Study
from litmus.core.errors import UserError
from litmus.design.experiment import LONGEST, Asked, experiment_name, folder_name
from litmus.design.plan import Plan, expand
from litmus.design.study import require_folder_name
from litmus.design.tuning import Tuning
from litmus.launch.conduct import require_same_experiment
from litmus.records.study_record import write_study_record

NORMS = ["none", "batch", "group"]
STUDY = Study(
    name="attention",
    base={"model.name": "lenet5", "data.name": "digits", "trainer.epochs": 8},
    factors={"model.norm": NORMS},
    baseline={"model.norm": "none"},
    for_data={"shapes": {"trainer.epochs": 4}},
    presets={"paper": {"trainer.epochs": 100, "tune": {"optim.lr": [0.1, 0.3]}}},
    tune={"optim.lr": [0.1, 0.3]},
)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "attention"),
        ({"seeds": 7}, "attention"),
        ({"settings": {"trainer.keep": "last", "data.root": "/scratch"}}, "attention"),
        ({"settings": {"trainer.epochs": "8", "optim.name": "SGD", "data.name": "digits"}}, "attention"),
        ({"vary": {"model.norm": ["batch", "group", "none"]}}, "attention"),
        ({"tuning": Tuning({"optim.lr": [0.1, 0.3]})}, "attention"),
        ({"preset": "paper"}, "attention+paper"),
        ({"settings": {"data.name": "shapes", "trainer.epochs": 4}}, "attention+data=shapes"),
        ({"settings": {"trainer.epochs": 9, "data.name": "shapes"}}, "attention+data=shapes+trainer.epochs=9"),
        ({"settings": {"data.name": "folder", "data.root": "/x/photos"}}, "attention+data=folder-photos"),
        ({"settings": {"model.name": "torchvision/resnet18"}, "vary": {}}, "attention+model=torchvision-resnet18"),
        ({"settings": {"trainer.precision": "bf16-mixed"}}, "attention+trainer.precision=bf16-mixed"),
        ({"vary": {"model.norm": ["group", "none"]}}, "attention+model.norm=none,group"),
        ({"tuning": Tuning({"optim.lr": [0.3, 0.01]}, seeds=2)}, "attention+tune.optim.lr=0.01,0.3+tuning_seeds=2"),
        ({"first_seed": 100, "seeds": 6, "splits": 3}, "attention+first_seed=100+splits=3"),
    ],
)
def test_the_name_says_what_makes_it_another_experiment(asked: dict, name: str) -> None:
    assert expand(STUDY, **asked).name == name


LEVELS = st.permutations(NORMS).flatmap(lambda norms: st.integers(1, 3).map(lambda count: norms[:count]))
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.just("paper"),
        "seeds": st.integers(1, 4),
        "first_seed": st.sampled_from([0, 4]),
        "vary": LEVELS.map(lambda levels: {"model.norm": levels}),
        "settings": st.fixed_dictionaries(
            {},
            optional={
                "data.name": st.sampled_from(["digits", "shapes"]),
                "trainer.epochs": st.sampled_from([4, "8", 100]),
                "optim.name": st.sampled_from(["sgd", "adamw"]),
                "optim.weight_decay": st.sampled_from([0, "1e-3", 0.001]),
                "trainer.keep": st.sampled_from(["none", "last"]),
            },
        ).flatmap(lambda settings: st.permutations(list(settings.items())).map(dict)),
    },
)


def what_it_is(plan: Plan) -> object:
    """Return what is trained and compared, whatever asked for it."""
    configs = {arm.label: {**arm.config.flat(), "trainer.keep": ""} for arm in plan.arms}
    return sorted(configs.items()), plan.baseline.label, plan.seeds[0], plan.preset


@settings(max_examples=25)
@given(REQUESTS, REQUESTS)
def test_two_requests_have_one_name_where_they_are_one_experiment_and_two_where_they_are_not(
    one: dict, other: dict
) -> None:
    first, second = expand(STUDY, **one), expand(STUDY, **other)
    assert (first.name == second.name) == (what_it_is(first) == what_it_is(second)), (first.name, second.name)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="+/"), min_size=1, max_size=60)
ASKED = st.dictionaries(st.sampled_from(["model", "data", "optim.lr", "model.norm", "first_seed"]), TEXTS)


@settings(max_examples=50)
@given(ASKED, ASKED)
def test_folders_of_different_experiments_differ_and_every_file_system_takes_them(one: Asked, other: Asked) -> None:
    first, second = (folder_name(experiment_name("study", each)) for each in (one, other))
    assert (first == second) == (one == other)
    assert len(first) <= LONGEST
    require_folder_name(first)


def held(directory: Path, plan: Plan, data: tuple[str, ...] = ("a",)) -> Callable[..., None]:
    """Write what a folder holds, and return what asks whether it holds another plan."""
    write_study_record(directory, plan.record((), data=data))
    return lambda plan, data=("a",): require_same_experiment(plan, directory, data)


def test_a_folder_that_holds_another_experiment_is_refused(tmp_path: Path) -> None:
    require = held(tmp_path, expand(STUDY, name="short"))
    require(expand(STUDY, name="short", seeds=7))
    with pytest.raises(UserError, match=r"another experiment, attention; give attention\+paper a name .* --name"):
        require(expand(STUDY, name="short", preset="paper"))
    # What `/` became may be a name by itself.
    (slash, dash) = (expand(STUDY, settings={"model.name": "torchvision/resnet18"}) for _ in range(2))
    dash.asked["model"] = "torchvision-resnet18"
    assert slash.name == dash.name
    with pytest.raises(UserError, match="another experiment"):
        held(tmp_path, slash)(dash)


def test_two_image_folders_of_one_name_are_two_experiments_unless_they_hold_the_same_images(tmp_path: Path) -> None:
    one, moved = (
        expand(STUDY, settings={"data.name": "folder", "data.root": f"{tmp_path}/{place}/photos"}) for place in "ab"
    )
    require = held(tmp_path, one, ("images",))
    require(moved, ("images",))
    require(one, ("images and one more",))
    with pytest.raises(UserError, match=r"a/photos; give the one with those in .*b/photos a name"):
        require(moved, ("other images",))
