"""Every claim of every study, on records whose right verdict its sentence says, and the form of all studies."""

import math
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import claims
import numpy
import pandas as pd
import pytest
from claims.base.says import Says
from claims.base.world import Left, World
from synthetic_records import Truth, synthetic
from tiny_runs import TINY

from litmus import run
from litmus.core.keyed_random import derive
from litmus.core.metrics import TASKS, Task
from litmus.design.plan import Arm, expand
from litmus.design.study_files import STUDIES
from litmus.evidence import measures
from litmus.evidence.claims import Claim
from litmus.evidence.results import Analysis, ArmResult
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.probes.probe import PROBES
from litmus.report.claims import claim_rows
from litmus.report.figures import probes
from litmus.training.config import resolve
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place, Run

SEEDS = 5
STUDY_NAMES = STUDIES.names()
CLAIMED: dict[str, Any] = {
    module.name: import_module(f"claims.{module.name}")
    for module in pkgutil.iter_modules(claims.__path__)
    if not module.ispkg
}
"""The files of `tests/claims` by the name of their study."""
BY_CLAIM = [
    pytest.param(study, sentence, id=f"{study}-{number}")
    for study, module in CLAIMED.items()
    for number, sentence in enumerate(module.CLAIMS)
]
COSTS = {"parameters", "flops", "activations"}
each_claim = pytest.mark.parametrize(("study", "sentence"), BY_CLAIM)


def accuracies(task: Task) -> dict[str, str]:
    """Return what records call the accuracies of a task's runs, by the split that they are of."""
    return {
        "test": f"test_{task.primary_metric}",
        "val": f"val_{task.primary_metric}",
        "train": f"fit_{task.trained}",
    }


def says(study: str, sentence: str) -> Says:
    what: Says = CLAIMED[study].CLAIMS[sentence]
    return what


def claim_of(study: str, sentence: str) -> Claim:
    return next(claim for claim in STUDIES[study].claims if claim.sentence == sentence)


def noise(*key: str | int) -> float:
    """Return a number in [-1, 1], a function of the key."""
    return 2 * derive(0, *key) / 2**63 - 1


def truth_of(world: World) -> Callable[[Arm, int], Truth]:
    """Return a world's records: seeds share a large part of their noise, as runs do that share data and order."""

    def truth(arm: Arm, seed: int) -> Truth:
        left: Left = dict(world(arm.label))
        columns = accuracies(TASKS[ARCHITECTURES[arm.config.model["name"]].task])
        shared = 0.008 * noise("seed", seed)

        def accuracy(name: str) -> float:
            return float(left[name]) + shared + 0.0002 * noise(arm.label, name, seed)

        record: dict[str, Any] = {column: accuracy(split) for split, column in columns.items()}
        for name, column in {"loss": "fit_loss", "test_loss": "test_loss"}.items():
            if name in left:
                record[column] = left[name] * (1 + 0.002 * noise(arm.label, name, seed))
        if "steps" in left:
            best_at = round(left["steps"] + 8 * noise(arm.label, "steps", seed))
            curve = ((5, 0.1), (best_at, 0.999), (1000, record[columns["val"]]))
            record["curve"] = [{"step": step, columns["val"]: value} for step, value in curve]
        if "probes" in left:
            record["probes"] = [
                (*row, value * (1 + 0.002 * noise(arm.label, "probe", *row, seed))) for *row, value in left["probes"]
            ]
        if "seconds" in left:
            record["seconds"] = left["seconds"] * (1 + 0.002 * noise(arm.label, "seconds", seed))
        if "logits" in left:
            record["logits"] = left["logits"](seed)
        return record | ({"cost": left["cost"]} if "cost" in left else {})

    return truth


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Analysis]:
    """Return the records of a study in the literature's world, or in the opposite one."""

    @cache
    def of(study: str, opposite: bool = False) -> Analysis:
        world = CLAIMED[study].WRONG if opposite else CLAIMED[study].RIGHT
        return synthetic(tmp_path_factory.mktemp(study), STUDIES[study], truth_of(world), SEEDS)

    return of


def anew(analysis: Analysis) -> Analysis:
    """Return the analysis without the values that were read before."""
    return replace(analysis, arms=tuple(map(replace, analysis.arms)))


def changed(analysis: Analysis, labels: Collection[str], change: Callable[[ArmResult], ArmResult]) -> Analysis:
    """Return the analysis with `change` made to the arms of these labels."""
    assert set(labels) <= {result.label for result in analysis.arms}
    return replace(analysis, arms=tuple(change(each) if each.label in labels else each for each in analysis.arms))


def lacking_a_run(analysis: Analysis, labels: Collection[str]) -> Analysis:
    """Return the analysis without a record of seed 2 in these arms."""

    def change(result: ArmResult) -> ArmResult:
        curves, probes = ({s: rows for s, rows in each.items() if s != 2} for each in (result.curves, result.probes))
        return replace(result, records=result.records[result.records["seed"] != 2], curves=curves, probes=probes)

    return changed(analysis, labels, change)


def with_diverged(analysis: Analysis, labels: Collection[str], seeds: Collection[int] = range(SEEDS)) -> Analysis:
    """Return the analysis with these arms' runs diverged after their first evaluation."""

    def change(result: ArmResult) -> ArmResult:
        records = result.records.copy()
        those = records["seed"].isin(list(seeds))
        records.loc[those, "state"] = "diverged"
        records.loc[those, list(accuracies(analysis.task).values())] = math.nan
        curves = {seed: rows[:1] if seed in seeds else rows for seed, rows in result.curves.items()}
        return replace(result, records=records, curves=curves)

    return changed(analysis, labels, change)


def assert_verdict(study: str, sentence: str, analysis: Analysis, verdict: str) -> None:
    found = claim_of(study, sentence).find(analysis)
    assert found.verdict == verdict, f"{sentence} {found.evidence}"


@pytest.mark.parametrize("name", sorted({*STUDY_NAMES, *CLAIMED}))
def test_every_study_and_claim_has_its_worlds(name: str) -> None:
    assert name in CLAIMED, f"write tests/claims/{name}.py: what its claims say, RIGHT and WRONG; see its neighbours"
    assert name in STUDY_NAMES, f"tests/claims/{name}.py is about no study"
    assert [claim.sentence for claim in STUDIES[name].claims] == list(CLAIMED[name].CLAIMS)


@each_claim
def test_where_the_literature_is_right_the_claim_is_supported(study: str, sentence: str, records: Any) -> None:
    assert_verdict(study, sentence, records(study), "supported")


@each_claim
def test_in_the_opposite_world_the_verdict_is_the_opposite_or_smaller(study: str, sentence: str, records: Any) -> None:
    found = claim_of(study, sentence).find(records(study, opposite=True))
    verdicts = ("opposite", "smaller") if says(study, sentence).refuted else ("opposite", "smaller", "inconclusive")
    assert found.verdict in verdicts, f"{sentence} {found.evidence}"


@each_claim
def test_a_missing_run_leaves_no_verdict_on_claims_about_its_arm_and_on_no_other(
    study: str, sentence: str, records: Any
) -> None:
    rests = says(study, sentence).rests
    for label in rests:
        assert_verdict(study, sentence, lacking_a_run(records(study), [label]), "inconclusive")
    others = {result.label for result in records(study).arms} - set(rests)
    assert_verdict(study, sentence, lacking_a_run(records(study), others), "supported")


@each_claim
def test_the_verdict_rests_on_nothing_but_the_results_that_the_claim_is_about(
    study: str, sentence: str, records: Any
) -> None:
    analysis = records(study)
    others = {*accuracies(analysis.task).values(), *COSTS} - set(says(study, sentence).of)

    def change(result: ArmResult) -> ArmResult:
        return replace(result, records=result.records.assign(**dict.fromkeys(others, math.nan)))

    everywhere = {result.label for result in analysis.arms}
    assert_verdict(study, sentence, changed(analysis, everywhere, change), "supported")


@each_claim
def test_diverged_runs_guess_where_accuracy_is_compared_and_leave_no_verdict_on_a_measurement(
    study: str, sentence: str, records: Any
) -> None:
    what = says(study, sentence)
    if not what.better:
        for label in what.rests:
            assert_verdict(study, sentence, with_diverged(records(study), [label], seeds=[3]), "inconclusive")
        return
    for labels, verdict in zip((what.better, what.worse), what.diverged, strict=True):
        assert_verdict(study, sentence, with_diverged(records(study), labels), verdict)


def test_a_diverged_run_is_no_member_of_the_ensemble_and_changes_no_verdict(records: Any) -> None:
    for sentence in CLAIMED["ensembling"].CLAIMS:
        diverged = with_diverged(records("ensembling"), ["norm none", "norm batch"], seeds=[3])
        assert_verdict("ensembling", sentence, diverged, "supported")


def test_a_run_that_left_no_logits_leaves_no_verdict_on_the_ensemble(records: Any) -> None:
    analysis = anew(records("ensembling"))
    file = analysis.directory / analysis.arms[1].arm.runs[3] / "logits.npz"
    content = file.read_bytes()
    file.unlink()
    try:
        verdicts = [claim.find(analysis).verdict for claim in STUDIES["ensembling"].claims]
    finally:
        file.write_bytes(content)
    assert verdicts == ["inconclusive", "supported"]


@pytest.mark.parametrize("name", [name for name, module in CLAIMED.items() if hasattr(module, "LEVELS")])
def test_arms_that_a_function_makes_have_the_levels_that_their_labels_say(name: str) -> None:
    assert {arm.label: arm.levels for arm in expand(STUDIES[name]).arms} == CLAIMED[name].LEVELS


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_every_study_says_what_it_asks_varies_and_claims(name: str) -> None:
    study = STUDIES[name]
    assert study.name == name
    assert study.question.endswith("?")
    assert study.protocol.endswith(".")
    assert "paper" in study.presets, 'a study of the package has presets={"paper": {...}}'
    quick, paper = (expand(study, preset=preset) for preset in ("quick", "paper"))
    assert {arm.label for arm in quick.arms} <= {arm.label for arm in paper.arms}
    assert len(quick.arms) >= 2
    assert set().union(*(arm.levels for arm in quick.arms)) == set(study.factors)
    assert set(study.limits) <= {"quick", *study.presets}
    assert study.claims
    assert len({claim.sentence for claim in study.claims}) == len(study.claims)
    for claim in study.claims:
        assert claim.sentence.endswith(".")
        source = claim.source or study.source
        assert source, f"no source: {claim.sentence}"
        assert claim.cited(study.source) == (f"{source}, {claim.where}" if claim.where else source)
    assert set(study.probes) <= set(PROBES)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, set[str]], set[str]]:
    """Return the quantities that each probe measures in real runs, and the names of what else the runs leave."""
    short = {"trainer.epochs": 1, "trainer.probe_every_n_steps": 50, "data.batch_size": 200}
    residual = {"model.name": "resnet_cifar", "model.depth": 8, "model.width": 16, "model.squeeze_excite": True}
    segmenting = {"model.name": "unet", "model.depth": 1, "model.width": 4, "data.name": "shapes"}
    images = {"data.image_size": 12, "data.train_images": 300, "data.test_images": 50}
    quantities, results = defaultdict(set), set()
    # A sigmoid's units saturate, a ReLU's are dead.
    for settings in (
        {**residual, **short, "trainer.probes": PROBES.names()},
        {**TINY, **short, "model.activation": "sigmoid", "trainer.probes": ["activations"]},
        {**segmenting, **images, **short, "trainer.probes": ["gradient_norms"]},
    ):
        run = Run("0123456789ab", "example", "an arm", {}, resolve(settings), tmp_path_factory.mktemp("run"))
        assert attempt(run, Execution(), Place(), lambda _: None, attempt_number=1) == "finished"
        for probe, rows in pd.read_csv(run.record.probes_file).groupby("probe"):
            quantities[str(probe)] |= set(rows["quantity"])
        summary = run.record.read_summary()
        results |= summary["metrics"].keys() | summary["cost"].keys()
        if run.record.logits_file.exists():
            with numpy.load(run.record.logits_file) as arrays:
                results |= set(arrays)
    return dict(quantities), results


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The quantities that are looked up among what probes measured."""
    seen: set[str] = set()
    real, real_layers = measures.over_steps, probes.layers

    def over_steps(result: ArmResult, seed: int, quantity: str, layer: Any = None) -> Any:
        seen.add(quantity)
        return real(result, seed, quantity, layer)

    def layers(result: ArmResult, quantity: str) -> list[str]:
        seen.add(quantity)
        return real_layers(result, quantity)

    for module in (measures, probes):
        monkeypatch.setattr(module, "over_steps", over_steps)
    monkeypatch.setattr(probes, "layers", layers)
    return seen


@pytest.mark.parametrize("name", CLAIMED)
def test_what_a_study_looks_for_is_measured_by_its_probes(
    name: str, records: Any, measured: Any, asked_for: set[str]
) -> None:
    study, analysis = STUDIES[name], anew(records(name))
    for claim in study.claims:
        claim.find(analysis)
    for measure in study.measures.values():
        for result in analysis.arms:
            result.values(measure)
    probes.figures_asked(analysis, study.plots)
    assert asked_for <= set().union(*(measured[0].get(probe, set()) for probe in study.probes))


def test_the_worlds_are_made_of_what_real_runs_leave(records: Any, measured: Any) -> None:
    quantities, results = measured
    every_quantity = set().union(*quantities.values())
    for name, module in CLAIMED.items():
        for result in records(name).arms:
            for world in (module.RIGHT, module.WRONG):
                left = world(result.label)
                assert {row[2] for row in left.get("probes", ())} <= every_quantity
                assert set(left.get("cost", ())) <= results
                assert set(left["logits"](0) if "logits" in left else ()) <= results
    assert results >= COSTS.union(*(accuracies(task).values() for task in TASKS.values()))


@pytest.mark.slow
def test_a_study_of_probes_that_hardly_measured_has_a_report(tmp_path: Path) -> None:
    """One epoch, with a probe that measures once, and one that never does."""
    for steps in (20, 1000):
        settings = {"trainer.epochs": 1, "trainer.probe_every_n_steps": steps}
        ended = run("norm_gradient", seeds=1, vary={"optim.lr": [0.03]}, settings=settings, out=tmp_path, workers=1)
        assert ended.crashed == {}
        assert ended.report.exists()
        assert ended.summary is not None
        assert any(
            each.claim.sentence.startswith("They go on growing") and each.verdict == "inconclusive"
            for each in claim_rows(ended.summary)
        )
