"""The suite's face for Python: run a study by name and get its records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from litmus.core.config_keys import Settings
from litmus.design.plan import expand, registering_file
from litmus.design.study import Study
from litmus.design.study_files import STUDIES, is_path, load_study
from litmus.evidence.summary import Undecided, undecided
from litmus.launch.conduct import Conducted, conduct
from litmus.launch.machine import LaunchConfig, not_uploaded
from litmus.launch.pictures import draw_pictures
from litmus.launch.until_decided import conduct_until_decided, most_seeds, seeds_to_start_with
from litmus.report.images import image_tables, named_images
from litmus.report.page import Report, summary_of, write_report_of


def wandb_lines(conducted: Conducted, report: Report, study: Study) -> tuple[str, ...]:
    """Write the summary run of a study whose runs were tracked online, and return the lines that say so.

    Where a run was not uploaded, one line says which, and nothing more is tried.
    """
    if conducted.wandb != "online":
        return ()
    missing = not_uploaded(conducted.runs)
    if missing:
        return (missing,)
    from litmus.report.wandb import publish_summary
    from litmus.training.loggers import UploadFailed

    try:
        upload = publish_summary(report.summary, report.answer, study.source)
    except UploadFailed as error:
        again = f"litmus wandb sync {conducted.directory.name}"
        return (f"W&B: the summary was not uploaded ({error}); the records are whole, {again} uploads it",)
    return (f"W&B: {upload.url}",)


@dataclass(frozen=True)
class Result:
    """A conducted study: its answer, records and report, and the errors of runs that crashed, by identity.

    `details` are lines for a terminal that go on from the answer; `undecided` is what stayed inconclusive, with the
    seeds that would decide it.
    """

    answer: str
    records: pd.DataFrame
    report: Path
    crashed: dict[str, str]
    details: tuple[str, ...] = ()
    undecided: tuple[Undecided, ...] = ()


def names() -> list[str]:
    """Return the name of every study."""
    return STUDIES.names()


def run(
    study: str | Path | Study,
    *,
    preset: str = "quick",
    seeds: int | None = None,
    first_seed: int = 0,
    splits: int = 1,
    settings: Settings | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    until: Literal["decided"] | None = None,
    max_seeds: int | None = None,
    out: str | Path = "runs",
    **launch: Any,
) -> Result:
    """Run what is missing of `study`, write its report and return both: the same as `litmus run`.

    `study` is a name, the path of a study's file, or a study; what the last is made of may be registered by an imported
    file of your own, or by the script itself, which then runs its studies under `if __name__ == "__main__"`.
    `settings` are dotted config keys on top of the preset, `vary` replaces the levels of factors, `splits` is how many
    validation splits the seeds take in turn, `launch` are the fields of `LaunchConfig` (workers, devices, accelerator,
    wandb, ...). With `until="decided"` seeds are added, at most `max_seeds` to an arm, until every primary claim is
    decided. Raises `UserError` for a wrong name or value.
    """
    source = None
    if isinstance(study, Study):
        chosen = study
    elif isinstance(study, Path) or is_path(study):
        chosen, source = load_study(study), Path(study).resolve()
    else:
        chosen = STUDIES[study]
    chosen = chosen.at(preset)
    most = most_seeds(until, max_seeds)
    if most is not None:
        seeds = seeds_to_start_with(chosen, seeds)
    plan = expand(
        chosen, preset=preset, seeds=seeds, settings=settings, vary=vary, first_seed=first_seed, splits=splits
    )
    if isinstance(study, Study):
        source = registering_file(plan)
    config = LaunchConfig(out=str(out), **launch)
    if most is not None:
        return finish(chosen, conduct_until_decided(plan, config, settings or {}, source, most))
    return finish(chosen, conduct(plan, config, settings or {}, source))


def finish(study: Study, conducted: Conducted) -> Result:
    """Write the report of a conducted study, and return what it says with the records that it was written from."""
    summary, _ = summary_of(conducted.directory, study)
    draw_pictures(conducted.directory, conducted.runs, named_images(image_tables(summary.analysis)))
    report = write_report_of(summary, study)
    analysis = report.summary.analysis
    return Result(
        report.answer,
        analysis.records,
        report.path,
        conducted.outcome.crashed,
        (*report.details, *conducted.notes, *wandb_lines(conducted, report, study)),
        tuple(undecided(report.summary)),
    )
