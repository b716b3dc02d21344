"""Run a study from Python: `litmus.run` does what the command `litmus run` does, and returns the result."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litmus.core.config_keys import Settings
from litmus.design.plan import expand, registering_file
from litmus.design.study import Study
from litmus.design.study_files import lookup_study
from litmus.launch.conduct import StudyResult, conduct
from litmus.launch.config import LaunchConfig
from litmus.launch.until_decided import conduct_until_decided, seeds_to_start_with
from litmus.report.images import changed_images, image_numbers, write_pictures
from litmus.report.page import Result, summary_of, write_report_of


def run(
    study: str | Path | Study,
    *,
    preset: str = "quick",
    seeds: int | None = None,
    first_seed: int = 0,
    splits: int = 1,
    settings: Settings | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    max_seeds: int | None = None,
    name: str = "",
    out: str | Path = "runs",
    **launch: Any,
) -> Result:
    """Run what is missing of a study, write its report and return the result, as `litmus run` does.

    Raises `UserError` for a wrong name or value.

    Args:
        study: a name, the path of a study's file, or a `Study`. The networks, datasets and probes of a `Study` may be
            registered by a file of yours that was imported, or by the script itself, which then calls `run` under
            `if __name__ == "__main__"`.
        preset: one of the study's presets.
        seeds: seeds of each arm; by default the study's.
        first_seed: the first of them.
        splits: how many validation splits the seeds take in turn.
        settings: dotted config keys on top of the preset.
        vary: levels that replace those of a factor.
        max_seeds: add seeds until every primary claim is decided, at most so many to each arm.
        name: the experiment's name, which is its folder's; by default the study's with what was asked for.
        out: the folder of records.
        launch: fields of `LaunchConfig`: workers, devices, accelerator, wandb, ...
    """
    chosen, source = (study, None) if isinstance(study, Study) else lookup_study(study)
    chosen = chosen.at(preset)
    if max_seeds is not None:
        seeds = seeds_to_start_with(chosen, seeds)
    plan = expand(
        chosen,
        preset=preset,
        seeds=seeds,
        settings=settings,
        vary=vary,
        first_seed=first_seed,
        splits=splits,
        name=name,
    )
    source = source or registering_file(plan)
    config = LaunchConfig(out=str(out), **launch)
    if max_seeds is None:
        return finish(chosen, conduct(plan, config, source))
    return finish(chosen, conduct_until_decided(plan, config, source, max_seeds))


def finish(study: Study, conducted: StudyResult) -> Result:
    """Write the report of a study whose runs have ended, and return the result."""
    summary, _ = summary_of(conducted.directory, study)
    configs = [run.config for run in conducted.runs]
    write_pictures(conducted.directory, configs, image_numbers(changed_images(summary.analysis)))
    report = write_report_of(summary, study)
    return Result(
        report.answer,
        report.summary.analysis.records,
        report.path,
        conducted.crashed,
        conducted.notes,
        summary,
    )
