"""What a conducted study adds to W&B at its end, its summary run, and what the terminal is told of it."""

from studies.design.study import Study
from studies.launch.conduct import Conducted
from studies.launch.tracked import not_uploaded
from studies.report.html import Report


def wandb_lines(conducted: Conducted, report: Report, study: Study) -> tuple[str, ...]:
    """Write the summary run of a study whose runs were tracked online, and return the lines that say so.

    Where a run was not uploaded, one line says which, and nothing more is tried.
    """
    if conducted.wandb != "online":
        return ()
    missing = not_uploaded(conducted.runs)
    if missing:
        return (missing,)
    from studies.report.wandb_summary import publish_summary
    from studies.tracking.publish import UploadFailed

    try:
        upload = publish_summary(report.summary, report.answer, study.source)
    except UploadFailed as error:
        again = f"litmus wandb sync {conducted.directory.name}"
        return (f"W&B: the summary was not uploaded ({error}); the records are whole, {again} uploads it",)
    return (f"W&B: {upload.url}",)
