"""Conduct a study: check it before anything runs, launch what is missing, keep what was asked."""

import dataclasses
import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from litmus.core.config_keys import Settings
from litmus.core.errors import UserError
from litmus.core.formatting import listed
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.design.plan import Arm, Plan
from litmus.design.study_files import being_imported
from litmus.evidence.registration import claim_key
from litmus.launch.first_step import advice, starts, try_step
from litmus.launch.forecast import packed
from litmus.launch.local import Launcher
from litmus.launch.machine import LaunchConfig, execution_of, settled, team_execution
from litmus.launch.older_code import OlderCode
from litmus.launch.progress import Progress
from litmus.launch.run_queue import Outcome, try_again
from litmus.launch.slurm import SlurmLauncher, jobs_for, script
from litmus.launch.torchrun import Team, TeamLauncher, part, torchrun_team
from litmus.launch.tune import tune, values_text
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.probes.base.probe import PROBES
from litmus.records.code_record import RunCode
from litmus.records.run_record import FINAL_STATES
from litmus.records.storage import storage_errors
from litmus.records.study_record import (
    PlanEntry,
    Start,
    StudyJobs,
    TuningRecord,
    append_plan,
    hash_of,
    read_study_record,
    write_study_record,
)
from litmus.training.config import RunConfig, TrainerConfig
from litmus.training.identity import NOT_IDENTITY, normalisation_regime, run_code, run_id
from litmus.training.own_code import keep as keep_copies
from litmus.training.own_code import local_code
from litmus.training.run import Run


def check(config: RunConfig, devices: int) -> str:
    """Return the fingerprint of the run's data, having built its data module and taken a step of its network.

    Raises `UserError` where the run could not be executed on `devices` devices.
    """
    datamodule = ImageDataModule(config.data)
    _check_task(config, datamodule)
    if config.trainer.validations_per_epoch > datamodule.steps_per_epoch:
        raise UserError(
            f"trainer.validations_per_epoch {config.trainer.validations_per_epoch} exceeds the "
            f"{datamodule.steps_per_epoch} steps of an epoch"
        )
    _check_shares(config, datamodule, devices)
    try_step(config, datamodule, devices)
    return datamodule.fingerprint


def _check_task(config: RunConfig, datamodule: ImageDataModule) -> None:
    task = ARCHITECTURES[config.model["name"]].task
    for probe in config.trainer.probes:
        if task != "classification" and not PROBES[probe].for_segmentation:
            raise UserError(
                f"trainer.probes {probe} measures classifiers, and model.name {config.model['name']} is for {task}"
            )
    if task == "classification" and datamodule.arrays.train_labels.is_floating_point():
        raise UserError(
            f"model.name {config.model['name']} classifies, and the labels of data.name {config.data.name} are numbers "
            "to predict: a task of one's own takes them"
        )
    if task == "segmentation" and datamodule.arrays.train_masks is None:
        raise UserError(
            f"model.name {config.model['name']} segments images, and data.name {config.data.name} has no masks; "
            "shapes and mask_folder have"
        )


def _check_shares(config: RunConfig, datamodule: ImageDataModule, devices: int) -> None:
    parts, batch = config.trainer.accumulate, config.data.batch_size
    shares, shared_by = devices * parts, f"the {devices} devices"
    if parts > 1:
        shared_by = f"{parts} parts" if devices == 1 else f"{parts} parts on each of {devices} devices"
    if batch < shares:
        raise UserError(f"data.batch_size {batch} is less than {shared_by} that share it")
    last = len(datamodule.train_indices) % batch
    if not config.data.drop_last and 0 < last < shares:
        raise UserError(
            f"the last batch of an epoch has {last} samples for {shared_by}; drop it with --data.drop_last true, "
            "or choose another data.batch_size"
        )


def register(plan: Plan, directory: Path, runs: Sequence[Run], fingerprints: Sequence[str], looked: bool) -> None:
    """Add `plan` to the history of its folder, unless it stands there already; `runs` are those that it asks for.

    `looked` says that results decide how many seeds follow; planned are then those that the study has by itself.
    """
    varied = {key for arm in plan.arms for key in arm.levels} | {*NOT_IDENTITY, "seed"}
    shared = {key: value for key, value in plan.baseline.config.flat().items() if key not in varied}
    first_seed = plan.seeds[0]
    if plan.splits > 1:
        shared["splits"] = plan.splits
    space = plan.tuning.space if plan.tuning is not None else {}
    append_plan(
        directory,
        PlanEntry(
            time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            experiment=hash_of({"config": shared, "data": sorted(set(fingerprints)), "first_seed": first_seed}),
            preset=plan.preset,
            arms={arm.label: arm.levels for arm in plan.arms},
            seeds=tuple(range(first_seed, first_seed + plan.study.seeds)) if looked else plan.seeds,
            looked=looked,
            claims=tuple(claim_key(claim) for claim in plan.study.claims),
            tuned={key: values_text(values) for key, values in space.items()},
            results_before=sum(run.record.state() in FINAL_STATES for run in runs),
        ),
    )


@dataclass(frozen=True)
class Conducted:
    """A study that was conducted: its folder, its runs and how they ended; `notes` are lines that go on from there."""

    directory: Path
    runs: list[Run]
    outcome: Outcome
    notes: tuple[str, ...] = ()
    is_first: bool = True
    """Whether this process, of those that `torchrun` started, is the one that writes and tells."""
    wandb: str = "disabled"
    """The mode of W&B in which the runs were tracked."""


def conduct(
    plan: Plan, launch: LaunchConfig, settings: Settings, source: Path | None = None, *, looked: bool = False
) -> Conducted:
    """Run what is missing of `plan` under `launch.out`, and record what the study consists of.

    `settings` is what the user asked for on top of the study, kept in its record; `source` is the file of a study that
    lies outside the package, which every worker runs before it builds anything; `looked` says that its results
    decide whether more seeds follow. What is planned is written down before the first run. Raises `UserError` before
    any run starts where one could not: a network that cannot be built, a folder that cannot be written, a GPU that is
    not there.
    """
    importing = being_imported()
    if importing is not None:
        raise UserError(
            f"{importing} runs a study whenever it is imported; that belongs under if __name__ == '__main__'"
        )
    directory = plan.directory(launch.out)
    team = torchrun_team()
    if team is not None:
        launch = _of_team(launch, team)
    first = team is None or team.rank == 0
    launch = settled(launch, tell=first)
    fingerprints: dict[str, str] = {}
    own = None if source is None else local_code(source)
    codes: dict[str, RunCode] = {}
    older = OlderCode(directory, launch.devices, launch.same_code)

    def make_run(arm: Arm, seed: int, trial: str = "") -> Run:
        config = arm.config.with_seed(seed) if trial else plan.config(arm, seed)
        key = repr(arm.config)
        if key not in fingerprints:
            fingerprints[key] = _checked(arm, launch.devices, alone=len(plan.arms) == 1)
        if own is not None and key not in codes:
            codes[key] = run_code(arm.config, own, fingerprints[key], launch.devices)
        code = codes.get(key)
        identity = run_id(config, fingerprints[key], launch.devices, code.version if code is not None else "")
        path = directory / identity
        run = Run(identity, plan.study.name, arm.label, arm.levels, config, path, source, code, trial)
        return run if code is None else older.in_place_of(run, fingerprints[key])

    def execute(runs: Sequence[Run]) -> Outcome:
        if first and (launch.launcher == "slurm" or team is not None):
            try_again(runs)
        launcher = _launcher(plan, directory, launch, runs, team)
        if first:
            for line in older.told():
                launcher.progress.notice(line)
        if first and own is not None and not all(run.record.outcome().is_complete for run in runs):
            kept = keep_copies(own, directory).path.name
            runs = [replace(run, code=run.code and replace(run.code, kept=kept)) for run in runs]
        return launcher.execute(runs)

    if launch.launcher == "local" and team is None:
        execution_of(launch)  # what this machine has not is told before anything is read
    runs = [make_run(arm, seed) for arm, seed in plan.runs()]
    for point in plan.tuning.points if plan.tuning is not None else ():
        for arm in plan.arms:
            make_run(arm.at(point), plan.seeds[0])  # a trial that could not be built is told here
    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    if first:
        register(plan, directory, runs, list(fingerprints.values()), looked)
    tuning: TuningRecord | None = None
    if plan.tuning is not None:
        untuned = plan

        def keep(record: TuningRecord) -> None:
            if first:
                write_study_record(directory, untuned.record((), settings, source, tuning=record))

        tuned, tuning, outcome = tune(plan, plan.tuning, directory, make_run, execute, keep)
        if tuned is None:
            return Conducted(directory, [], outcome, is_first=first)
        plan = tuned
        runs = [make_run(arm, seed) for arm, seed in plan.runs()]
    starting = _starts(plan, runs, directory)
    if first:
        _tell_what_was_not_kept(runs)
        _tell_what_is_accumulated(plan, launch.devices)
        for line in advice(starting, plan.study.factors, plan.baseline.config.init.pairing == "place"):
            print(f"litmus: {line}", file=sys.stderr)
        write_study_record(directory, plan.record(runs, settings, source, starting, tuning))
    outcome = execute(runs)
    if team is not None:
        part()
    return Conducted(directory, runs, outcome, is_first=first, wandb=launch.wandb or "disabled")


def _checked(arm: Arm, devices: int, alone: bool) -> str:
    """Return the fingerprint of an arm's data. Raises `UserError` that names the arm, unless it is `alone`."""
    try:
        return check(arm.config, devices)
    except UserError as error:
        raise UserError(str(error) if alone else f"arm {arm.label!r}: {error}") from None


def _starts(plan: Plan, runs: Sequence[Run], directory: Path) -> dict[str, Start]:
    """Return how each arm starts beside the baseline, from the study's record where it has just these runs."""
    first = {run.arm: run.run_id for run in reversed(runs)}
    try:
        recorded = {arm.label: arm for arm in read_study_record(directory).arms}
    except UserError:
        recorded = {}
    known = {
        label: arm.start
        for label, arm in recorded.items()
        if arm.start is not None and first.get(label) in arm.runs.values()
    }
    same_baseline = plan.baseline.label in known and recorded[plan.baseline.label].is_baseline
    return known if same_baseline and known.keys() == first.keys() else starts(plan, plan.seeds[0])


def _tell_what_was_not_kept(runs: Sequence[Run]) -> None:
    """Say where weights are asked for that finished runs did not keep: they have their result, and do not run again."""
    keep = runs[0].config.trainer.keep
    if keep == TrainerConfig.keep:
        return
    lacking = [run for run in runs if _lacks(run, keep)]
    if lacking:
        print(
            f"litmus: --keep {keep}: {len(lacking)} of {len(runs)} runs had finished before without keeping such "
            f"weights, e.g. {lacking[0].run_id}; delete their folders to train them again",
            file=sys.stderr,
        )


def _tell_what_is_accumulated(plan: Plan, devices: int) -> None:
    """Say over how many samples a norm over the batch takes its statistics, where a step's batch is cut into parts."""
    cut = [arm.config for arm in plan.arms if arm.config.trainer.accumulate > 1]
    if cut:
        parts = listed(sorted({str(config.trainer.accumulate) for config in cut}))
        samples = listed(sorted({f"{normalisation_regime(each, devices)['statistics_over']:g}" for each in cut}))
        print(
            f"litmus: trainer.accumulate {parts}: a norm over the batch takes its statistics over {samples} samples",
            file=sys.stderr,
        )


def _lacks(run: Run, keep: str) -> bool:
    return run.record.state() == "finished" and not all(file.exists() for file in run.record.weights_files(keep))


def _of_team(launch: LaunchConfig, team: Team) -> LaunchConfig:
    if launch.launcher != "local":
        raise UserError(f"--launcher {launch.launcher} starts processes itself; run it without torchrun")
    if launch.devices not in (1, team.size):
        raise UserError(f"--devices {launch.devices}: torchrun started {team.size} processes")
    return dataclasses.replace(launch, devices=team.size)


def _launcher(
    plan: Plan, directory: Path, launch: LaunchConfig, runs: Sequence[Run], team: Team | None
) -> Launcher | SlurmLauncher | TeamLauncher:
    study = plan.study.name
    if team is not None:
        quiet = None if team.rank == 0 else Console(quiet=True)
        return TeamLauncher(team, team_execution(launch, team), Progress(runs, 1, quiet))
    if launch.launcher == "slurm":
        return SlurmLauncher(study, directory, launch, Progress(runs, launch.slurm.parallel or 1))
    launch, told = packed(launch, [run for run in runs if not run.record.outcome().is_complete])
    execution, places = execution_of(launch)
    progress = Progress(runs, len(places))
    if told:
        progress.notice(told)
    return Launcher(execution, places, progress)


def dry_run(plan: Plan, launch: LaunchConfig) -> str:
    """Return the script that SLURM would get for `plan`, with nothing submitted or written.

    Raises `UserError` where another launcher is asked for.
    """
    if launch.launcher != "slurm":
        raise UserError("--dry-run prints what --launcher slurm would submit; give that too")
    jobs = jobs_for(launch, [arm.config.with_seed(seed) for arm, seed in plan.runs()]).count
    folder = StudyJobs(plan.directory(launch.out)).path
    return script(folder, plan.study.name, launch, launch.slurm, jobs)
