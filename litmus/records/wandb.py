"""A run in Weights & Biases: whether it is logged there, and what it is called."""

import json
import os
import secrets
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from litmus.core.errors import require_choice
from litmus.records.run_record import RunRecord
from litmus.records.storage import storage_errors

MODES = ("online", "offline", "disabled")
ANSWER_SECONDS = 10.0
"""How long the server may take to answer a question."""
INIT_SECONDS = 20.0
"""How long the start of a run waits for the server."""
FINISH_SECONDS = 60.0
"""How long the end of a run waits until everything is uploaded."""
STEP = "trainer/global_step"
"""The metric over which Lightning's WandbLogger draws curves."""


class WandbError(Exception):
    """W&B cannot be used; the message is the reason, in one line."""


def requested_mode(asked: str | None) -> str:
    """Return the mode that `asked` or `WANDB_MODE` names, by default online with an API key and disabled without.

    Raises `UserError` for an unknown mode.
    """
    mode = asked or os.environ.get("WANDB_MODE", "").strip()
    if mode:
        require_choice("W&B mode", mode, MODES)
        return mode
    return "online" if _api_key() else "disabled"


def available_mode(asked: str | None, directory: Path, announce: bool = True) -> str:
    """Return the mode in which the runs of the study in `directory` are logged, and print it once to standard error.

    Without an API key, or where the server does not answer, `online` becomes `offline`. Raises `UserError` for an
    unknown mode.
    """
    mode, line, reason = requested_mode(asked), "", ""
    if mode == "online":
        try:
            line = f"W&B is online: runs go to {entity()}/{project()}"
        except WandbError as error:
            mode, reason = "offline", f": {error}"
    if mode == "offline":
        line = f"W&B is offline{reason}. Upload later with: {sync_command(directory / '*')}"
    if announce and line:
        _print_once(f"litmus: {line}")
    return mode


def sync_command(run: Path) -> str:
    """Return W&B's command that uploads what the client wrote in the folder of a run, or of several."""
    return f"wandb sync {run}/wandb/*run-*"


@lru_cache(maxsize=8)
def _print_once(line: str) -> None:
    # Cached, because a command may start a study's runs several times.
    print(line, file=sys.stderr)


def project() -> str:
    """Return the W&B project of all runs: `WANDB_PROJECT`, by default `litmus`."""
    return os.environ.get("WANDB_PROJECT", "").strip() or "litmus"


def entity() -> str:
    """Return the user or team that owns the project. Raises `WandbError` where nothing could be uploaded."""
    import requests  # runs without W&B need no network

    if not _api_key():
        raise WandbError("no API key")
    request = {"query": "query Viewer { viewer { entity } }"}
    try:
        # W&B's own client would retry for minutes where there is no network.
        answer = requests.post(f"{_server()}/graphql", json=request, auth=("api", _api_key()), timeout=ANSWER_SECONDS)
        viewer = {} if answer.status_code in (401, 403) else json.loads(answer.text)["data"]["viewer"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        # The error's own text may hold the request.
        raise WandbError(f"{_server()} does not answer ({type(error).__name__})") from None
    if not viewer:
        raise WandbError(f"{_server()} refuses the API key")
    return os.environ.get("WANDB_ENTITY", "").strip() or str(viewer["entity"] or "")


def _server() -> str:
    return (os.environ.get("WANDB_BASE_URL", "").strip() or "https://api.wandb.ai").rstrip("/")


def _api_key() -> str:
    key = os.environ.get("WANDB_API_KEY", "").strip()
    if not key:
        from requests.utils import get_netrc_auth

        key = (get_netrc_auth(_server()) or ("", ""))[1]
    return key


def client() -> Any:
    """Return the module `wandb`, which prints nothing from here on."""
    os.environ["WANDB_SILENT"] = "true"
    # The client takes a variable that is set but empty for a wrong value.
    for name in [name for name, value in os.environ.items() if name.startswith("WANDB_") and not value.strip()]:
        del os.environ[name]
    # Imported here because it takes half a second.
    import wandb

    return wandb


def init_arguments(record: RunRecord) -> dict[str, Any]:
    """Return the arguments of `wandb.init` for a run, but for its folder and mode. Raises `CorruptRecord`."""
    status, config = record.read_status(), record.read_config()
    levels, trial = dict(status.get("levels") or {}), status.get("trial")
    tags = [status["experiment"], *(f"{key}={value}" for key, value in levels.items()), *(["trial"] if trial else [])]
    name = ", ".join([status["arm"], *([f"trial {trial}"] if trial else []), f"seed {config['seed']}"])
    about = {"experiment": status["experiment"], "arm": status["arm"], "run": record.run_id, "levels": levels}
    return {
        "project": project(),
        "id": wandb_id(record),
        "resume": "allow",
        "group": printable(f"{status['experiment']}: {status['arm']}"),
        "job_type": "trial" if trial else "run",
        "name": printable(name),
        "tags": list(dict.fromkeys(printable(tag, 64) for tag in tags)),
        "config": {**config, **about},
        "settings": client().Settings(
            silent=True,
            console="off",
            init_timeout=INIT_SECONDS,
            finish_timeout=FINISH_SECONDS,
            finish_timeout_raises=True,
        ),
    }


def printable(text: str, length: int = 128) -> str:
    """Return `text` on one line of at most `length` printable characters, as W&B's names and tags need it."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line[:length].rstrip() or "–"


def wandb_id(record: RunRecord) -> str:
    """Return the id of a run in W&B; the same run in two folders has two ids."""
    return f"{record.run_id}-{folder_number(record.path.parent)}"


def folder_number(directory: Path) -> str:
    """Return the random number of a study's folder, which is drawn once.

    A copy of the folder has its number, and uploads to the same runs, until `wandb_number.txt` is deleted in it.
    """
    file = directory / "wandb_number.txt"
    if not file.exists():
        drawn = directory / f".wandb_number.{secrets.token_hex(4)}"
        with storage_errors(file):
            drawn.write_text(secrets.token_hex(4))
            try:
                os.link(drawn, file)
            except FileExistsError:
                pass  # another process has been faster
            finally:
                drawn.unlink()
    return file.read_text().strip()


def probe_key(probe: str, quantity: str, layer: str = "") -> str:
    """Return the name of a probe's curve: `gradient_norms/weight_gradient_norm/conv1`."""
    return "/".join(part for part in (probe, quantity, layer) if part)
