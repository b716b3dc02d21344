"""Conduct a study: check it before anything runs, launch what is missing, keep what was asked."""

from dataclasses import dataclass
from pathlib import Path

from litmus.errors import UserError
from litmus.settings import Settings
from studies.design.plan import Plan
from studies.design.study_files import being_imported
from studies.launch.launcher import Launcher, Outcome
from studies.launch.machine import LaunchConfig, execution_of
from studies.launch.preflight import check
from studies.launch.progress import Progress
from studies.records.storage import storage_errors
from studies.records.study_record import write_study_record
from studies.training.identity import run_id
from studies.training.run import Run


@dataclass(frozen=True)
class Conducted:
    """A study that was conducted: its folder, its runs and how they ended."""

    directory: Path
    runs: list[Run]
    outcome: Outcome


def conduct(plan: Plan, launch: LaunchConfig, settings: Settings, source: Path | None = None) -> Conducted:
    """Run what is missing of `plan` under `launch.out`, and record what the study consists of.

    `settings` is what the user asked for on top of the study, kept in its record; `source` is the file of a study that
    lies outside the package, which every worker runs before it builds anything. Raises `UserError` before any run
    starts where one could not: a network that cannot be built, a folder that cannot be written, a GPU that is not
    there.
    """
    importing = being_imported()
    if importing is not None:
        raise UserError(
            f"{importing} runs a study whenever it is imported; that belongs under if __name__ == '__main__'"
        )
    execution, places = execution_of(launch)
    directory = Path(launch.out) / plan.study.name
    fingerprints = {arm.label: check(arm.config, launch.devices) for arm in plan.arms}
    runs = []
    for arm, seed in plan.runs():
        config = arm.config.with_seed(seed)
        identity = run_id(config, fingerprints[arm.label], launch.devices)
        runs.append(Run(identity, plan.study.name, arm.label, arm.levels, config, directory / identity, source))
    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    write_study_record(directory, plan.record(runs, settings, source))
    outcome = Launcher(execution, places, Progress(len(runs), len(places))).execute(runs)
    return Conducted(directory, runs, outcome)
