"""Weights & Biases: one W&B run a run, grouped by study; offline without an account."""

import netrc
import os
from typing import Any, Protocol
from urllib.parse import urlparse

from litmus.errors import require_choice
from studies.training.run import Run

MODES = ("online", "offline", "disabled")


class Tracker(Protocol):
    """Where a run's rows and summary also go."""

    def log(self, row: dict[str, Any]) -> None: ...

    def finish(self, summary: dict[str, Any]) -> None: ...


class Disabled:
    """Tracks nothing."""

    def log(self, row: dict[str, Any]) -> None:
        """Ignore the row."""

    def finish(self, summary: dict[str, Any]) -> None:
        """Ignore the summary."""


class WandbRun:
    """One W&B run: group is the study, job type the arm, name arm and seed."""

    def __init__(self, run: Run, mode: str) -> None:
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "litmus"),
            group=run.study,
            job_type=f"trial of {run.arm}" if run.trial else run.arm,
            name=run.name,
            id=run.run_id,
            resume="allow",
            config={**run.config.as_dict(), "arm": run.arm, "run": run.run_id},
            dir=run.directory,
            mode=mode,  # type: ignore[arg-type]
            settings=wandb.Settings(silent=True, console="off"),
        )

    def log(self, row: dict[str, Any]) -> None:
        """Log an evaluation or a step of training, at its step."""
        values = {key: value for key, value in row.items() if key not in ("kind", "step")}
        self._run.log(values, step=row["step"])

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the final metrics, cost and state to the W&B summary and close the run."""
        final = {
            **summary["metrics"],
            **summary["cost"],
            "state": summary["state"],
            "seconds": summary["seconds"],
        }
        self._run.summary.update(final)
        self._run.finish(exit_code=0)


def start(run: Run, mode: str) -> Tracker:
    """Return the tracker of a run; a W&B that cannot be reached is left for offline, never a reason to fail."""
    if mode == "disabled":
        return Disabled()
    try:
        return WandbRun(run, mode)
    except Exception as error:  # whatever the client raises, the experiment goes on
        print(f"W&B {mode} failed ({type(error).__name__}: {error}); this run is tracked offline")
        return WandbRun(run, "offline") if mode == "online" else Disabled()


def mode_from_environment(asked: str | None) -> str:
    """Return the mode: what was asked, else `WANDB_MODE`, else online with a configured key, else disabled."""
    mode = asked or os.environ.get("WANDB_MODE")
    if mode is not None:
        require_choice("W&B mode", mode, MODES)
        return mode
    return "online" if _has_key() else "disabled"


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
