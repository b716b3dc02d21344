"""Every claim of every study, on records whose right verdict its sentence tells, and the form of all studies."""

import math
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy
import pandas as pd
import pytest
from claimed_arms import CLAIMS, LEVELS, Says
from claimed_worlds import WORLDS, Left, World
from synthetic_records import Truth, synthetic
from tiny_runs import TINY

import studies
from litmus.keyed import derive
from studies.design.study import Arm, Study, expand
from studies.evidence import measures
from studies.evidence.claims import Claim
from studies.evidence.results import Analysis, ArmResult
from studies.probes.base.probe import PROBES
from studies.report import plots
from studies.training.config import resolve
from studies.training.run import Execution, Place, Task
from studies.training.runner import attempt

SEEDS = 5
STUDY_NAMES = [module.name for module in pkgutil.iter_modules(studies.__path__) if not module.ispkg]
WITH_TESTS_OF_THEIR_OWN = {"unet_skips"}
BY_CLAIM = [
    pytest.param(study, sentence, id=f"{study}-{number}")
    for study, claims in CLAIMS.items()
    for number, sentence in enumerate(claims)
]
RESULTS = {"test_top1", "val_top1", "train_top1", "parameters", "flops", "activations"}
each_claim = pytest.mark.parametrize(("study", "sentence"), BY_CLAIM)


def study_of(name: str) -> Study:
    study: Study = import_module(f"studies.{name}").study
    return study


def claim_of(study: str, sentence: str) -> Claim:
    return next(claim for claim in study_of(study).claims if claim.sentence == sentence)


def noise(*key: str | int) -> float:
    """Return a number in [-1, 1], a function of the key."""
    return 2 * derive(0, *key) / 2**63 - 1


def truth_of(world: World) -> Callable[[Arm, int], Truth]:
    """Return a world's records: seeds share a large part of their noise, as runs do that share data and order."""

    def truth(arm: Arm, seed: int) -> Truth:
        left: Left = dict(world(arm.label))
        shared = 0.008 * noise("seed", seed)

        def accuracy(name: str) -> float:
            return float(left[name]) + shared + 0.0002 * noise(arm.label, name, seed)

        record: dict[str, Any] = {f"{split}_top1": accuracy(split) for split in ("test", "val", "train")}
        if "steps" in left:
            best_at = round(left["steps"] + 8 * noise(arm.label, "steps", seed))
            curve = ((5, 0.1), (best_at, 0.999), (1000, record["val_top1"]))
            record["curve"] = [{"step": step, "val_top1": value} for step, value in curve]
        if "probes" in left:
            own = 1 + 0.002 * noise(arm.label, "probe", seed)
            record["probes"] = [(*row, value * own) for *row, value in left["probes"]]
        if "logits" in left:
            record["logits"] = left["logits"](seed)
        return record | ({"cost": left["cost"]} if "cost" in left else {})

    return truth


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Analysis]:
    """Return the records of a study in the literature's world, or in the opposite one."""

    @cache
    def of(study: str, opposite: bool = False) -> Analysis:
        directory = tmp_path_factory.mktemp(study)
        return synthetic(directory, study_of(study), truth_of(WORLDS[study][opposite]), SEEDS)

    return of


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
        records.loc[those, [f"{split}_top1" for split in ("test", "val", "train")]] = math.nan
        curves = {seed: rows[:1] if seed in seeds else rows for seed, rows in result.curves.items()}
        return replace(result, records=records, curves=curves)

    return changed(analysis, labels, change)


def assert_verdict(study: str, sentence: str, analysis: Analysis, verdict: str) -> None:
    found = claim_of(study, sentence).find(analysis)
    assert found.verdict == verdict, f"{sentence} {found.evidence}"


def test_every_study_and_claim_has_its_worlds() -> None:
    assert set(STUDY_NAMES) - WITH_TESTS_OF_THEIR_OWN == set(WORLDS) == set(CLAIMS)
    for name, claims in CLAIMS.items():
        assert [claim.sentence for claim in study_of(name).claims] == list(claims)


@each_claim
def test_where_the_literature_is_right_the_claim_is_supported(study: str, sentence: str, records: Any) -> None:
    assert_verdict(study, sentence, records(study), "supported")


@each_claim
def test_in_the_opposite_world_the_claim_is_contradicted(study: str, sentence: str, records: Any) -> None:
    assert_verdict(study, sentence, records(study, opposite=True), "contradicted")


@each_claim
def test_a_missing_run_leaves_no_verdict_on_claims_about_its_arm_and_on_no_other(
    study: str, sentence: str, records: Any
) -> None:
    rests = CLAIMS[study][sentence].rests
    for label in rests:
        assert_verdict(study, sentence, lacking_a_run(records(study), [label]), "inconclusive")
    others = {result.label for result in records(study).arms} - set(rests)
    assert_verdict(study, sentence, lacking_a_run(records(study), others), "supported")


@each_claim
def test_the_verdict_rests_on_nothing_but_the_results_that_the_claim_is_about(
    study: str, sentence: str, records: Any
) -> None:
    others = sorted(RESULTS - set(CLAIMS[study][sentence].of))

    def change(result: ArmResult) -> ArmResult:
        return replace(result, records=result.records.assign(**dict.fromkeys(others, math.nan)))

    analysis = records(study)
    everywhere = {result.label for result in analysis.arms}
    assert_verdict(study, sentence, changed(analysis, everywhere, change), "supported")


@each_claim
def test_diverged_runs_guess_where_accuracy_is_compared_and_leave_no_verdict_on_a_measurement(
    study: str, sentence: str, records: Any
) -> None:
    says: Says = CLAIMS[study][sentence]
    if not says.better:
        for label in says.rests:
            assert_verdict(study, sentence, with_diverged(records(study), [label], seeds=[3]), "inconclusive")
        return
    for labels, verdict in zip((says.better, says.worse), says.diverged, strict=True):
        assert_verdict(study, sentence, with_diverged(records(study), labels), verdict)


def test_a_diverged_run_is_no_member_of_the_ensemble_and_changes_no_verdict(records: Any) -> None:
    for sentence in CLAIMS["ensembling"]:
        diverged = with_diverged(records("ensembling"), ["norm none", "norm batch"], seeds=[3])
        assert_verdict("ensembling", sentence, diverged, "supported")


def test_a_run_that_left_no_logits_leaves_no_verdict_on_the_ensemble(records: Any) -> None:
    analysis: Analysis = records("ensembling")
    file = analysis.directory / analysis.arms[1].arm.runs[3] / "logits.npz"
    content = file.read_bytes()
    file.unlink()
    try:
        verdicts = [claim.find(analysis).verdict for claim in study_of("ensembling").claims]
    finally:
        file.write_bytes(content)
    assert verdicts == ["inconclusive", "supported"]


@pytest.mark.parametrize("name", LEVELS)
def test_arms_have_the_levels_that_their_labels_say(name: str) -> None:
    assert {arm.label: arm.levels for arm in expand(study_of(name)).arms} == LEVELS[name]


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_every_study_says_what_it_asks_varies_and_claims(name: str) -> None:
    study = study_of(name)
    assert study.name == name
    assert study.question.endswith("?")
    assert study.protocol.endswith(".")
    quick, paper = (expand(study, preset=preset) for preset in ("quick", "paper"))
    assert [arm.label for arm in quick.arms] == [arm.label for arm in paper.arms]
    assert len(quick.arms) >= 2
    assert set().union(*(arm.levels for arm in quick.arms)) == set(study.factors)
    assert set(study.limits) <= {"quick", *study.presets}
    assert study.claims
    assert len({claim.sentence for claim in study.claims}) == len(study.claims)
    for claim in study.claims:
        assert claim.sentence.endswith(".")
        assert claim.source
    assert set(study.probes) <= set(PROBES)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[dict[str, set[str]], set[str]]]:
    """Return the quantities that each probe measures in real runs, and the names of what else a run leaves."""

    @cache
    def of() -> tuple[dict[str, set[str]], set[str]]:
        short = {"trainer.epochs": 1, "trainer.probe_every_n_steps": 50, "data.batch_size": 200}
        network = {"model.name": "resnet_cifar", "model.depth": 8, "model.width": 16, "model.norm": "batch"}
        quantities, results = defaultdict(set), set()
        # A sigmoid's units saturate, a ReLU's are dead.
        for settings in (
            {**network, **short, "trainer.probes": PROBES.names()},
            {**TINY, **short, "model.activation": "sigmoid", "trainer.probes": ["activations"]},
        ):
            task = Task("0123456789ab", "example", "an arm", {}, resolve(settings), tmp_path_factory.mktemp("run"))
            assert attempt(task, Execution(), Place(), lambda fraction: None, attempts=1) == "finished"
            for probe, rows in pd.read_csv(task.record.probes_file).groupby("probe"):
                quantities[str(probe)] |= set(rows["quantity"])
            summary = task.record.read_summary()
            results |= summary["metrics"].keys() | summary["cost"].keys()
            if task.record.logits_file.exists():
                with numpy.load(task.record.logits_file) as arrays:
                    results |= set(arrays)
        return dict(quantities), results

    return of


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The quantities that are looked up among what probes measured."""
    seen: set[str] = set()
    real, real_layers = measures.over_steps, plots._layers

    def over_steps(result: ArmResult, seed: int, quantity: str, layer: Any = None) -> Any:
        seen.add(quantity)
        return real(result, seed, quantity, layer)

    def layers(result: ArmResult, quantity: str) -> list[str]:
        seen.add(quantity)
        return real_layers(result, quantity)

    for module in (measures, plots):
        monkeypatch.setattr(module, "over_steps", over_steps)
    monkeypatch.setattr(plots, "_layers", layers)
    return seen


@pytest.mark.parametrize("name", WORLDS)
def test_what_a_study_looks_for_is_measured_by_its_probes(
    name: str, records: Any, measured: Any, asked_for: set[str]
) -> None:
    study, analysis = study_of(name), records(name)
    for claim in study.claims:
        claim.find(analysis)
    for measure in study.measures.values():
        for result in analysis.arms:
            result.values(measure)
    for plot in study.plots:
        plot.draw(analysis)
    if asked_for:
        emitted = measured()[0]
        assert asked_for <= set().union(*(emitted.get(probe, set()) for probe in study.probes))


def test_the_worlds_are_made_of_what_real_runs_leave(records: Any, measured: Any) -> None:
    quantities, results = measured()
    every_quantity = set().union(*quantities.values())
    for name in WORLDS:
        for result in records(name).arms:
            for label_world in WORLDS[name]:
                left = label_world(result.label)
                assert {row[2] for row in left.get("probes", ())} <= every_quantity
                assert set(left.get("cost", ())) <= results
                assert set(left["logits"](0) if "logits" in left else ()) <= results
    assert results >= RESULTS


def test_what_the_worlds_say_of_an_arm_is_of_an_arm_of_the_study(records: Any) -> None:
    for name, claims in CLAIMS.items():
        labels = {result.label for result in records(name).arms}
        for says in claims.values():
            assert {*says.better, *says.worse, *says.rests} <= labels
