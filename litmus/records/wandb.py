"""A run in Weights & Biases: what it is called there, and its upload from the record on disk."""

import json
import math
import os
import re
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from litmus.core.errors import require_choice
from litmus.records.frames import read_metrics, read_probes
from litmus.records.run_record import STATES_WITH_RESULT, RunRecord
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
RUNS_PER_QUERY = 100


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


def available_mode(asked: str | None, study: str, announce: bool = True) -> str:
    """Return the mode in which the runs of `study` are logged, and print it once to standard error.

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
        line = f"W&B is offline{reason}. Upload later with: litmus wandb sync {study}"
    if announce and line:
        _print_once(f"litmus: {line}")
    return mode


@lru_cache(maxsize=8)
def _print_once(line: str) -> None:
    # Cached, because a command may start a study's runs several times.
    print(line, file=sys.stderr)


def project() -> str:
    """Return the W&B project of all runs: `WANDB_PROJECT`, by default `litmus`."""
    return os.environ.get("WANDB_PROJECT", "").strip() or "litmus"


def entity() -> str:
    """Return the user or team that owns the project. Raises `WandbError` where nothing could be uploaded."""
    viewer = _query("query Viewer { viewer { id entity } }", {}).get("viewer")
    if not viewer:
        raise WandbError(f"{_server()} refuses the API key")
    return os.environ.get("WANDB_ENTITY", "").strip() or str(viewer["entity"] or "")


def uploaded_states(records: Sequence[RunRecord]) -> dict[str, str]:
    """Return the state that W&B has of each of `records` that it knows, by run id. Raises `WandbError`."""
    owner, states = entity(), {}
    for start in range(0, len(records), RUNS_PER_QUERY):
        runs = {wandb_id(record): record.run_id for record in records[start : start + RUNS_PER_QUERY]}
        variables = {"entity": owner, "project": project(), "filters": json.dumps({"name": {"$in": list(runs)}})}
        found = (_query(_STATES, variables).get("project") or {"runs": {"edges": []}})["runs"]["edges"]
        for node in (edge["node"] for edge in found):
            states[runs[node["name"]]] = str(json.loads(node["summaryMetrics"] or "{}").get("state", ""))
    return states


_STATES = f"""query RunStates($entity: String!, $project: String!, $filters: JSONString) {{
    project(name: $project, entityName: $entity) {{
        runs(filters: $filters, first: {RUNS_PER_QUERY}) {{ edges {{ node {{ name summaryMetrics }} }} }} }} }}"""


def lacking_runs(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return those of `records` that W&B lacks, or has in another state. Raises `WandbError`."""
    uploaded = uploaded_states(records)
    return [record for record in records if uploaded.get(record.run_id) != record.state()]


def _query(query: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the server's answer. W&B's own client would retry for minutes where there is no network."""
    import requests

    if not _api_key():
        raise WandbError("no API key")
    url = f"{_server()}/graphql"
    request = {"query": query, "variables": dict(variables)}
    try:
        answer = requests.post(url, json=request, auth=("api", _api_key()), timeout=ANSWER_SECONDS)
        if answer.status_code in (401, 403):
            raise WandbError(f"{_server()} refuses the API key")
        answer.raise_for_status()
        return dict(answer.json()["data"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        # The error's own text may hold the request.
        raise WandbError(f"{_server()} does not answer ({type(error).__name__})") from None


def _server() -> str:
    return (os.environ.get("WANDB_BASE_URL", "").strip() or "https://api.wandb.ai").rstrip("/")


def _api_key() -> str:
    key = os.environ.get("WANDB_API_KEY", "").strip()
    if not key:
        # Imported here because runs without W&B need no network.
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
        "settings": client_settings(),
    }


def client_settings() -> Any:
    """Return the client's settings: it prints nothing, and raises an error where the server takes too long."""
    return client().Settings(
        silent=True,
        console="off",
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=True,
    )


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


def curves(
    rows: Iterable[Mapping[str, Any]], probe_rows: Iterable[Mapping[str, Any]], after: int = -1
) -> Iterator[dict[str, float]]:
    """Yield what W&B is sent of each step after `after`: the finite values of `metrics.csv` and `probes.csv`."""
    steps: dict[int, dict[str, float]] = defaultdict(dict)
    for row in rows:
        # Lightning's loggers count the steps that were done before the one that is logged.
        step = max(int(row["step"]) - 1, 0)
        steps[step].update({key: row[key] for key in row if key not in ("kind", "step") and _is_finite(row[key])})
    for row in probe_rows:
        if _is_finite(row["value"]) and not re.search(r"_of_unit_\d+$", row["quantity"]):  # thousands of curves
            steps[int(row["step"])][probe_key(row["probe"], row["quantity"], row["layer"])] = row["value"]
    for step in sorted(steps):
        if step > after and steps[step]:
            yield {**steps[step], STEP: step}


def probe_key(probe: str, quantity: str, layer: str = "") -> str:
    """Return the name of a probe's curve: `gradient_norms/weight_gradient_norm/conv1`."""
    return "/".join(part for part in (probe, quantity, layer) if part)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def final_values(record: RunRecord) -> dict[str, Any]:
    """Return what W&B keeps of a run's end: its state, and with a result its metrics, cost and time.

    Raises `CorruptRecord`.
    """
    status, summary = record.read_status(), record.read_summary()
    values = {"state": record.state(), **({"error": status["error"]} if "error" in status else {})}
    if summary:
        more = ("seconds", "diverged_at_step", "normalisation", "environment", "data")
        values |= {**summary["metrics"], **summary["cost"], **{key: summary.get(key) for key in more}}
    return values


def upload(record: RunRecord, checkpoints: bool = False) -> None:
    """Upload a run's record, with its `checkpoints` as an artifact; W&B gets only the steps that it lacks.

    Raises `WandbError`, and `CorruptRecord`.
    """
    wandb = client()
    arguments, final = init_arguments(record), final_values(record)
    rows, probe_rows = (_rows(table) for table in (read_metrics(record), read_probes(record)))
    try:
        run = wandb.init(**arguments, dir=record.path, mode="online")
        run.define_metric(STEP)
        run.define_metric("*", step_metric=STEP, step_sync=True)
        for values in curves(rows, probe_rows, after=int(run.summary.get(STEP, -1))):
            run.log(values)
        if checkpoints:
            artifact = wandb.Artifact(f"weights-{run.id}", type="model")
            for file in (record.checkpoint, record.best_checkpoint):
                if file.exists():
                    artifact.add_file(str(file))
            run.log_artifact(artifact)
        run.summary.update(final)
        run.finish(exit_code=0 if final["state"] in STATES_WITH_RESULT else 1)
    except Exception as error:  # the client raises dozens of types
        raise WandbError(printable(f"{type(error).__name__}: {error}", 300)) from None


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    return [] if table is None else [{str(key): row[key] for key in row} for row in table.to_dict("records")]
