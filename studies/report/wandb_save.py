"""Save a study's report in W&B: the first time a new one, later the same, whose id lies beside the records."""

import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from studies.records.upload_record import Upload, write_upload
from studies.tracking import account, names
from studies.tracking.publish import UploadFailed
from studies.tracking.wandb_run import client, uploaded_here

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_workspaces.reports.v2 import Report

FILE = "wandb_report.json"


def save(report: "Report", directory: "Path") -> Upload:
    """Save `report` of the study in `directory` and return where it lies. Raises `UploadFailed`."""
    client()
    file = directory / FILE
    known = uploaded_here(file)
    try:
        if known is not None and known.entity == report.entity and _is_there(type(report), known):
            report.id = known.identity
        # The client prints where it saved it; the command says so itself.
        with contextlib.redirect_stderr(None):
            report.save()
    except Exception as error:  # whatever the client raises
        raise UploadFailed(names.shortened(f"{type(error).__name__}: {error}".partition("\n")[0], 300)) from None
    upload = Upload(account.server(), report.entity, report.project, report.id, _url(report))
    write_upload(file, replace(upload, content=report.id))
    return upload


def _url(report: "Report") -> str:
    """Return the report's address; what its title adds there is for the eye, and must be no part of an address."""
    app = urlsplit(report.url)
    title = "-".join(re.findall(r"[A-Za-z0-9]+", report.title))[:60].strip("-")
    return f"{app.scheme}://{app.netloc}/{quote(report.entity)}/{quote(report.project)}/reports/{title}--{report.id.rstrip('=')}"


def _is_there(kind: type, known: Upload) -> bool:
    """Whether the report that was saved before is still there: somebody may have deleted it."""
    try:
        kind.from_url(known.url, as_model=True)  # type: ignore[attr-defined]
    except (TypeError, KeyError):
        return False  # what is gone is answered with nothing
    return True
