"""Where a run's rows and summary also go while it trains: W&B, or one of Lightning's own loggers."""

import contextlib
import hashlib
import importlib.util
import json
import math
import netrc
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlparse

import lightning.pytorch as lightning
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from litmus.core.config_keys import flatten
from litmus.core.errors import UserError, require_choice
from litmus.core.metrics import metric_of
from litmus.probes.probe import Probe
from litmus.records.frames import read_metrics, read_probes
from litmus.records.run_record import FINAL_STATES, RunRecord, Upload, content_of, read_upload, write_upload
from litmus.records.storage import CorruptRecord
from litmus.training.checkpoints import Paused
from litmus.training.identity import normalisation_regime
from litmus.training.recorder import Recorder
from litmus.training.run import Execution, Place, Run

MODES = ("online", "offline", "disabled")
PROJECT = "litmus"
"""The project of W&B that runs go to where `WANDB_PROJECT` names none."""
ANSWER_SECONDS = 10.0
ARRIVAL_TRIES = 8
NO_KEY = "no API key is configured (wandb login, or WANDB_API_KEY)"


@dataclass(frozen=True)
class Account:
    """Where runs go: the server, the entity and the project; `problem` says why nothing can be uploaded, if so."""

    server: str
    entity: str
    project: str
    problem: str = ""


def mode_from_environment(asked: str | None) -> str:
    """Return the mode: what was asked, else `WANDB_MODE`, else online with a configured key, else disabled.

    A variable that is set but empty counts as not set. Raises `UserError` for another mode.
    """
    mode = asked or os.environ.get("WANDB_MODE", "").strip()
    if mode:
        require_choice("W&B mode", mode, MODES)
        return mode
    return "online" if _key() or os.environ.get("WANDB_IDENTITY_TOKEN_FILE") else "disabled"


def server() -> str:
    """Return the address of the server's API."""
    return (os.environ.get("WANDB_BASE_URL", "").strip() or "https://api.wandb.ai").rstrip("/")


def project() -> str:
    """Return the project that runs go to."""
    return os.environ.get("WANDB_PROJECT", "").strip() or PROJECT


def account() -> Account:
    """Return where runs go, asked of the server once in a process, with the reason where nothing can be uploaded."""
    return _account(server(), project(), os.environ.get("WANDB_ENTITY", "").strip(), _key())


def has_arrived(entity: str, project: str, run: str, state: str) -> bool:
    """Whether the server has the end of a run: the client says nothing where it was refused in the middle.

    The server may need a moment. Where it does not answer the question, the client is believed.
    """
    for _ in range(ARRIVAL_TRIES):
        try:
            found = _asked(_ARRIVED, {"entity": entity, "project": project, "run": run})["project"]["run"]
            if json.loads(found["summaryMetrics"] or "{}").get("state") == state:
                return True
        except _Refused:
            return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return True
        time.sleep(1.0)
    return False


_VIEWER = "query Viewer { viewer { id entity } }"
_ARRIVED = """query RunArrived($entity: String!, $project: String!, $run: String!) {
    project(name: $project, entityName: $entity) { run(name: $run) { summaryMetrics } } }"""


class _Refused(Exception):
    """The server refuses the key."""


def _asked(query: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the server answers. Raises `_Refused`, `ValueError` for no answer of its kind, and `OSError`."""
    import requests

    answer = requests.post(
        f"{server()}/graphql",
        json={"query": query, "variables": dict(variables or {})},
        auth=("api", _key()),
        timeout=ANSWER_SECONDS,
    )
    if answer.status_code in (401, 403):
        raise _Refused
    if not answer.ok:
        raise ValueError(f"answers with status {answer.status_code}")
    return dict(answer.json()["data"])


@lru_cache(maxsize=8)
def _account(server: str, project: str, entity: str, key: str) -> Account:
    if not key:
        # A token in a file is exchanged by W&B's client alone.
        token = os.environ.get("WANDB_IDENTITY_TOKEN_FILE")
        return Account(server, entity, project, problem="" if token else NO_KEY)
    import requests

    try:
        viewer = _asked(_VIEWER)["viewer"]
        return Account(server, entity or str(viewer["entity"] or ""), project)
    except _Refused:
        problem = "refuses the API key"
    except requests.Timeout:
        problem = f"does not answer within {ANSWER_SECONDS:.0f} s"
    except requests.ConnectionError as error:
        # The error's own text holds the request.
        problem = f"cannot be reached ({type(error).__name__})"
    except (OSError, ValueError, KeyError) as error:
        problem = str(error) if str(error).startswith("answers") else "answers with something else than W&B does"
    except TypeError:
        problem = "refuses the API key"  # there is no viewer
    return Account(server, entity, project, f"{server} {problem}")


def _key() -> str:
    key = os.environ.get("WANDB_API_KEY", "").strip()
    if key:
        return key
    try:
        found = netrc.netrc(os.environ.get("NETRC") or None).authenticators(urlparse(server()).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return ""
    return str(found[2]) if found is not None and found[2] else ""


AXES = ("epoch", "images")
"""What a plot can be drawn over beside the step: epochs, and training images seen so far."""

Values = dict[str, float | list[float]]
"""What is logged at a step: numbers, and lists of numbers, which become histograms."""

_UNIT = re.compile(r"_of_unit_\d+$")


class History:
    """Collects rows and gives them back step by step, each step once and whole.

    Args:
        images_per_step: images of a global batch.
        steps_per_epoch: steps of an epoch.
    """

    def __init__(self, images_per_step: int, steps_per_epoch: float) -> None:
        self.images_per_step = images_per_step
        self.steps_per_epoch = steps_per_epoch
        self._steps: dict[int, Values] = {}
        self._spread: dict[int, dict[str, list[float]]] = {}

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Add a row of `metrics.csv`."""
        numbers = {key: _number(value) for key, value in row.items() if key not in ("kind", "step", "epoch")}
        self._at(int(row["step"])).update({key: value for key, value in numbers.items() if value is not None})

    def add_measured(self, row: Mapping[str, Any]) -> None:
        """Add a row of `probes.csv`: a curve of its own, and a part of the histogram over layers or units."""
        value = _number(row["value"])
        step, probe, layer, quantity = int(row["step"]), str(row["probe"]), str(row["layer"]), str(row["quantity"])
        values = self._at(step)
        if value is None:
            return
        spread = self._spread.setdefault(step, {})
        if _UNIT.search(quantity):
            # A curve for each unit of each layer would be thousands.
            spread.setdefault(key(probe, _UNIT.sub(" by unit", quantity), layer), []).append(value)
            return
        values[key(probe, quantity, layer)] = value
        if layer:
            spread.setdefault(key(probe, f"{quantity} by layer"), []).append(value)

    def steps(self, before: float = math.inf) -> Iterator[tuple[int, Values]]:
        """Return what was added of the steps below `before`, in their order, and forget it."""
        for step in sorted(each for each in self._steps if each < before):
            values = self._steps.pop(step)
            for key, numbers in self._spread.pop(step, {}).items():
                if len(numbers) > 1:
                    values[key] = numbers
            yield step, values

    def _at(self, step: int) -> Values:
        axes: Values = {"epoch": step / self.steps_per_epoch, "images": step * self.images_per_step}
        return self._steps.setdefault(step, axes)


def recorded(rows: Iterable[Mapping[str, Any]], measured: Iterable[Mapping[str, Any]], images_per_step: int) -> History:
    """Return the history of a run that lies on the disk, from the rows of its metrics and of its probes."""
    rows = list(rows)
    per_epoch = next((row["step"] / row["epoch"] for row in reversed(rows) if row.get("epoch", 0) > 0), 1.0)
    history = History(images_per_step, per_epoch)
    for row in rows:
        history.add_row(row)
    for row in measured:
        history.add_measured(row)
    return history


def _number(value: Any) -> float | None:
    number = float(value) if isinstance(value, int | float) else math.nan
    return number if math.isfinite(number) else None


START_SECONDS = 20.0
"""How long the start of a run waits for the server."""


def client() -> Any:
    """Return the module of W&B's client, which from here on prints nothing: what goes wrong is told in our own line."""
    os.environ["WANDB_SILENT"] = "true"
    # To the client a variable that is set but empty is a wrong value; to people it is not set.
    for name in [name for name, value in os.environ.items() if name.startswith("WANDB_") and not value.strip()]:
        del os.environ[name]
    # Imported here because it takes half a second, and who does not track needs none of it.
    import wandb

    return wandb


def settings(patience: float) -> Any:
    """Return the settings of a run: the client prints nothing, and gives up `patience` seconds after its end."""
    return client().Settings(
        silent=True,
        console="off",
        init_timeout=START_SECONDS,
        finish_timeout=patience,
        finish_timeout_raises=True,
    )


def identity_of(study: str, record: RunRecord) -> str:
    """Return the id of a run of `study` in the project of W&B that runs go to."""
    known = uploaded_here(record.upload_file)
    return known.identity if known is not None and known.identity else identity(study, record.run_id)


def uploaded_here(file: Path) -> Upload | None:
    """Return what a file says of an upload to the server and project that runs go to, None where it says nothing."""
    known = read_upload(file)
    here = known is not None and (known.server, known.project) == (server(), project())
    return known if here else None


@dataclass(frozen=True)
class Told:
    """What W&B is told of a run before its first step.

    Args:
        study: its study.
        arm: its arm's label.
        levels: the arm's levels.
        seed: its seed.
        config: all of its config, nested.
        normalisation: over how many samples batch norm takes its statistics, and whether over all devices.
        record: its record, beside which the client's files lie.
        trial: what a trial of the tuning sets, else empty.
    """

    study: str
    arm: str
    levels: Mapping[str, Any]
    seed: int
    config: Mapping[str, Any]
    normalisation: Mapping[str, Any]
    record: RunRecord
    trial: str = ""

    @property
    def name(self) -> str:
        """What the run is called: as in the terminal."""
        return shortened(f"{self.arm}{f', trial {self.trial}' if self.trial else ''}, seed {self.seed}")

    def as_config(self) -> dict[str, Any]:
        """Return what W&B keeps as the config: the run's own, and what it can be grouped and filtered by."""
        about = {"study": self.study, "arm": self.arm, "run": self.record.run_id, "levels": dict(self.levels)}
        return {**self.config, **about, "normalisation": dict(self.normalisation)}


class WandbRun:
    """A run in W&B, opened anew or gone on with; every step that it has already is passed over.

    `mode` is online or offline, `patience` how many seconds the end waits until all is uploaded. Raises whatever the
    client raises.
    """

    def __init__(self, told: Told, mode: str, patience: float) -> None:
        self._wandb = wandb = client()
        self.record = told.record
        self._run = wandb.init(
            project=project(),
            id=identity_of(told.study, told.record),
            resume="allow" if mode == "online" else None,
            group=group(told.study, told.arm),
            job_type="trial" if told.trial else "run",
            name=told.name,
            tags=tags(told.study, told.levels, ["trial"] if told.trial else []),
            config=told.as_config(),
            dir=told.record.path,
            mode=mode,
            settings=settings(patience),
        )
        self._first_step = int(self._run.starting_step or 0)
        self._known: set[str] = set()
        for axis in AXES:
            self._run.define_metric(axis, hidden=True)

    @property
    def upload(self) -> Upload:
        """Where the run lies."""
        run = self._run
        entity = "" if run.offline else str(run.entity or "")
        url = "" if run.offline else str(run.url or "")
        return Upload(server(), entity, project(), str(run.id), url)

    def log(self, step: int, values: Values) -> None:
        """Log what belongs to a step, whole; lists of numbers become histograms."""
        self._define(values)
        if step >= self._first_step:
            self._run.log({key: self._logged(value) for key, value in values.items()}, step=step)

    def attach(self, kind: str, name: str, files: Mapping[str, Path]) -> None:
        """Keep files, by their names within it, as an artifact; the same content is kept once."""
        artifact = self._wandb.Artifact(name, type=kind)
        for inside, file in files.items():
            artifact.add_file(str(file), name=inside)
        self._run.log_artifact(artifact)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the final metrics, cost and state, as a run's `summary.json` has them, and close the run."""
        curves = ("train_", "val_")  # their last and best values are there by what was logged
        metrics = {key: value for key, value in summary["metrics"].items() if not key.startswith(curves)}
        diverged_at = summary.get("diverged_at_step")
        reason = "" if diverged_at is None else f"the loss was not finite at step {diverged_at}"
        about = {key: summary[key] for key in ("seconds", "diverged_at_step", "environment", "data") if key in summary}
        self._end(0, {**metrics, **summary["cost"], **about}, str(summary["state"]), reason)

    def stop(self, state: str, reason: str) -> None:
        """Close a run that has no result, because it crashed or was interrupted."""
        self._end(1, {}, state, reason)

    def _end(self, exit_code: int, final: Mapping[str, Any], state: str, reason: str) -> None:
        self._run.summary.update({**final, "state": state, "reason": shortened(reason, 500) if reason else ""})
        others = [tag for tag in self._run.tags or () if tag not in ("finished", "diverged", "crashed", "interrupted")]
        self._run.tags = (*others, state)
        self._run.finish(exit_code=exit_code)

    def _define(self, values: Values) -> None:
        """Let each curve be drawn over epochs, and its summary hold its last and its best value."""
        for key in values:
            if key in self._known or key in AXES:
                continue
            self._known.add(key)
            metric = metric_of(key)
            best = "" if metric is None else ",max" if metric.higher_is_better else ",min"
            self._run.define_metric(key.replace("*", "∗"), step_metric=AXES[0], summary=f"last{best}" if best else None)

    def _logged(self, value: float | list[float]) -> Any:
        return self._wandb.Histogram(value) if isinstance(value, list) else value


REST_SECONDS = 600.0
"""After a failure, how long the runs of a process do without W&B: none of them waits for a server that is gone."""


class Mirror:
    """A run in W&B, as long as W&B takes it.

    `mode` is online or offline, `patience` how many seconds the end waits for the upload. `error` says what went wrong,
    in a line; what is missing then is uploaded from the record. After a failure those that `rest` do not try again for
    a while.
    """

    failed_at: float = -math.inf
    """When one failed in this process, by the monotonic clock."""

    def __init__(self, told: Told, mode: str, patience: float, rest: bool = True) -> None:
        self.record = told.record
        self.error = ""
        self._run: WandbRun | None = None
        self._upload: Upload | None = None
        self._online = mode == "online"
        if rest and self._online and time.monotonic() < Mirror.failed_at + REST_SECONDS:
            self.error = "W&B failed in the run before"
        else:
            self._run = self._guarded(lambda: WandbRun(told, mode, patience))
        if self._run is not None and self._online:
            self._upload = self._run.upload
        self._note()

    @property
    def upload(self) -> Upload | None:
        """Where the run lies on the server, None where it does not."""
        return self._upload

    def log(self, step: int, values: Values) -> None:
        """Log what belongs to a step."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.log(step, values))

    def attach(self, kind: str, name: str, files: Mapping[str, Path]) -> None:
        """Keep files, by their names within it, as an artifact of W&B."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.attach(kind, name, files))

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Close the run with its result."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.finish(summary))
            self._close(str(summary["state"]))

    def stop(self, state: str, reason: str) -> None:
        """Close the run without a result."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.stop(state, reason))
            self._close(state)

    def _close(self, state: str) -> None:
        self._run = None
        upload = self._upload
        if upload is None:
            return
        if not self.error and not has_arrived(upload.entity, upload.project, upload.identity, state):
            self._failed(f"{upload.server} did not take all of it")
        if not self.error:
            self._upload = replace(upload, content=content(self.record))
        self._note()

    def _guarded(self, action: Any) -> Any:
        try:
            return action()
        except Exception as error:  # whatever the client raises, the experiment goes on
            self._failed(f"{type(error).__name__}: {error}")
            return None

    def _failed(self, error: str) -> None:
        self._run = None
        self.error = self.error or shortened(error.partition("\n")[0], 300)
        if self._online:
            Mirror.failed_at = time.monotonic()
        print(f"W&B: {self.error}")
        self._note()

    def _note(self) -> None:
        if self._upload is not None:
            write_upload(self.record.upload_file, replace(self._upload, error=self.error))
        elif self.error:
            known = read_upload(self.record.upload_file) or Upload(server(), "", project(), "")
            write_upload(self.record.upload_file, replace(known, content="", error=self.error))


def content(record: RunRecord) -> str:
    """Return a digest of all of a record that W&B is told."""
    return content_of((record.config_file, record.metrics_file, record.probes_file, record.summary_file))


TAG_LENGTH = 64
NAME_LENGTH = 128


def shortened(text: str, length: int = NAME_LENGTH) -> str:
    """Return `text` in one line of at most `length` characters; of a longer one the start, and what tells it apart.

    Characters that are not shown go: line breaks, and those that turn the direction of what stands beside them.
    """
    shown = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text)
    line = " ".join("".join(each for each in shown if unicodedata.category(each) not in ("Cf", "Cs")).split())
    if not line:
        return "–"
    return line if len(line) <= length else f"{line[: length - 8].rstrip()}… {_digest(text)}"


def identity(study: str, run: str) -> str:
    """Return the id of a run of `study` in W&B: two studies may share an arm, and each has a run of its own there."""
    return f"{run}-{_digest(study)}"


def group(study: str, arm: str) -> str:
    """Return the group that an arm's seeds are in: by it W&B draws a mean with a band for each arm."""
    return shortened(f"{shortened(study, 48)}: {arm}")


def tags(study: str, levels: Mapping[str, Any], more: Sequence[str] = ()) -> list[str]:
    """Return a run's tags: its study, a tag for each of its levels, and `more`."""
    texts = [study, *(f"{key}={value}" for key, value in levels.items()), *more]
    return list(dict.fromkeys(shortened(text, TAG_LENGTH) for text in texts))


def key(*parts: str) -> str:
    """Return the name of a curve in W&B of its parts, sections first: `gradient_norms/weight_gradient_norm/conv1`."""
    return "/".join(shortened(part.replace("/", "∕"), TAG_LENGTH) for part in parts if part)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]


PATIENCE_SECONDS = 300.0
"""How long the end of an upload waits for W&B: its user waits for nothing else."""

Published = Literal["uploaded", "there already", "at work", "unreadable"]


class UploadFailed(Exception):
    """An upload did not end well; the message is why, in a line."""


def publish(record: RunRecord, weights: bool = False) -> Published:
    """Upload a run's record, unless it is there already, and return what was done; with `weights` its checkpoints too.

    A run that is at work is left to what tracks it. Raises `UploadFailed`.
    """
    state = record.state()
    if state == "running":
        return "at work"
    try:
        told, summary, status = told_from(record), record.read_summary(), record.read_status()
    except (CorruptRecord, KeyError):
        return "unreadable"
    known = uploaded_here(record.upload_file)
    same = known is not None and known.identity == identity_of(told.study, record)
    if known is not None and same and known.content == content(record) and not known.error and not weights:
        return "there already"
    mirror = Mirror(told, "online", PATIENCE_SECONDS, rest=False)
    rows, measured = read_metrics(record), read_probes(record)
    history = recorded(
        [] if rows is None else rows.to_dict("records"),  # type: ignore[arg-type]
        [] if measured is None else measured.to_dict("records"),  # type: ignore[arg-type]
        int(told.config["data"]["batch_size"]),
    )
    for step, values in history.steps():
        mirror.log(step, values)
    files = {file.name: file for file in (record.checkpoint, record.best_checkpoint) if file.exists()}
    if weights and files:
        mirror.attach("model", f"weights-{record.run_id}", files)
    if state in FINAL_STATES and summary:
        mirror.finish(summary)
    else:
        mirror.stop(state, str(status.get("error", "")))
    if mirror.error:
        raise UploadFailed(mirror.error)
    return "uploaded"


def told_from(record: RunRecord) -> Told:
    """Return what W&B is told of a run that lies on the disk. Raises `CorruptRecord`, `KeyError`."""
    status, config, summary = record.read_status(), record.read_config(), record.read_summary()
    levels, normalisation = dict(status.get("levels") or {}), summary.get("normalisation", {})
    trial = str(status.get("trial") or "")
    seed = int(config["seed"])
    return Told(str(status["study"]), str(status["arm"]), levels, seed, config, normalisation, record, trial)


LOGGERS = ("tensorboard", "csv")
TRACKING_PATIENCE_SECONDS = 30.0
"""How long the end of a run waits for W&B: the worker has other runs to train."""


class Tracker(Protocol):
    """Where a run's rows and summary also go."""

    def log(self, step: int, values: Values) -> None: ...

    def finish(self, summary: dict[str, Any]) -> None: ...

    def stop(self, state: str, reason: str) -> None: ...


class LoggedByLightning:
    """One of Lightning's own loggers, in the run's folder; a run that goes on is logged anew from its first row."""

    def __init__(self, run: Run, name: str) -> None:
        shutil.rmtree(run.directory / name, ignore_errors=True)
        shown = "".join(each if each.isalnum() or each in "._=+-" else "_" for each in shortened(run.name, 80))
        logger = TensorBoardLogger if name == "tensorboard" else CSVLogger
        self._logger: Logger = logger(run.directory, name=name, version=shown)
        self._logger.log_hyperparams({**flatten(run.config.as_dict()), "arm": run.arm, "run": run.run_id})

    def log(self, step: int, values: Values) -> None:
        """Log the numbers of a step; these loggers know no histograms."""
        self._logger.log_metrics({key: value for key, value in values.items() if not isinstance(value, list)}, step)

    def finish(self, summary: dict[str, Any]) -> None:
        """Log what is known at the end, at the last step, and write all of it."""
        numbers = {**summary["metrics"], **summary["cost"], "seconds": summary["seconds"]}
        finite = {f"end/{key}": float(value) for key, value in numbers.items() if value is not None}
        self._logger.log_metrics(finite, int(summary["metrics"].get("steps", 0)))
        self._logger.finalize("success")

    def stop(self, state: str, reason: str) -> None:
        """Write all of it."""
        self._logger.finalize("failed")


class Tracking(lightning.Callback):
    """Hands each step's rows to trackers, in order, once the step is over; of a resumed run also those before."""

    def __init__(self, trackers: Sequence[Tracker], recorder: Recorder, probes: Sequence[Probe], history: History):
        self.trackers = trackers
        self.recorder = recorder
        self.probes = probes
        self.history = history
        self._seen: dict[int, int] = {}

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        self.send(before=trainer.global_step)

    def send(self, before: float = math.inf) -> None:
        """Hand over what has been measured at the steps below `before`."""
        if not self.trackers:
            return
        self._collect(0, self.recorder.rows, self.history.add_row)
        for index, probe in enumerate(self.probes, start=1):
            self._collect(index, probe.rows, self.history.add_measured)
        for step, values in self.history.steps(before):
            for tracker in self.trackers:
                tracker.log(step, values)

    def _collect(self, source: int, rows: Sequence[dict[str, Any]], add: Callable[[dict[str, Any]], None]) -> None:
        for row in rows[self._seen.get(source, 0) :]:
            add(row)
        self._seen[source] = len(rows)


def told_of(run: Run, devices: int) -> Told:
    """Return what W&B is told of a run."""
    normalisation = normalisation_regime(run.config, devices)
    seed, config = run.config.seed, run.config.as_dict()
    return Told(run.study, run.arm, run.levels, seed, config, normalisation, run.record, run.trial)


@contextlib.contextmanager
def tracked(run: Run, execution: Execution, place: Place) -> Iterator[list[Tracker]]:
    """Open what a run is tracked by, in the first of its processes alone.

    Where the block is left by an error, the trackers are told which.
    """
    trackers: list[Tracker] = []
    if execution.wandb != "disabled" and place.rank == 0:
        trackers.append(Mirror(told_of(run, execution.devices), execution.wandb, TRACKING_PATIENCE_SECONDS))
    if execution.logger is not None and place.rank == 0:
        trackers.append(LoggedByLightning(run, execution.logger))
    try:
        yield trackers
    except BaseException as error:
        state = "interrupted" if isinstance(error, Paused | CorruptRecord | KeyboardInterrupt) else "crashed"
        for tracker in trackers:
            tracker.stop(state, f"{type(error).__name__}: {error}" if state == "crashed" else "")
        raise


def check_logger(name: str | None) -> None:
    """Raise `UserError` unless `name` is one of Lightning's loggers that can be used here, or None."""
    if name is None:
        return
    if name == "wandb":
        raise UserError("logger wandb: W&B has an option of its own, --wandb online or offline")
    require_choice("logger", name, LOGGERS)
    if name == "tensorboard" and not any(map(importlib.util.find_spec, ("tensorboard", "tensorboardX"))):
        raise UserError("logger tensorboard needs a package: pip install tensorboard")
