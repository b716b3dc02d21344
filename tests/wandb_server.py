"""A stand-in for the server of W&B on this machine: it speaks the calls that the client makes, and keeps what came."""

import base64
import hashlib
import json
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "0123456789" * 4
"""An API key of the right length, which opens nothing."""

ENTITY = "someone"


@dataclass
class SentRun:
    """A run as the server holds it: what was upserted, the lines of its history, its last summary."""

    upserts: list[dict[str, Any]] = field(default_factory=list)
    history: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    complete: bool = False

    def latest(self, name: str) -> Any:
        """Return what was last said of a property of the run, such as `groupName` or `tags`; None where nothing was."""
        return next((each[name] for each in reversed(self.upserts) if each.get(name) is not None), None)

    @property
    def config(self) -> dict[str, Any]:
        """The config, each value without its envelope."""
        return {key: each["value"] for key, each in json.loads(self.latest("config")).items() if key != "_wandb"}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The history in its order, without what the client adds to it."""
        return [
            {key: value for key, value in row.items() if key not in ("_runtime", "_timestamp", "_step")}
            for _, row in sorted(self.history.items())
        ]


class WandbServer:
    """What the stand-in has been sent, and how it is to fail.

    `failing` says for a request, by its path and operation, how it is answered: with a status, with `hang` for
    nothing at all, with `cut` for a connection that breaks before the answer; None where all is well.
    """

    def __init__(self) -> None:
        self.runs: dict[str, SentRun] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.operations: list[str] = []
        self.failing: Callable[[str], int | str | None] = lambda operation: None
        self.url = ""

    def answer(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data that a GraphQL operation is answered with."""
        match operation:
            case "Viewer" | "GetViewer":
                return {"viewer": self._viewer()}
            case "GetDefaultEntity":
                return {"viewer": self._viewer()}
            case "ServerFeaturesQuery":
                return {"serverInfo": {"features": [], "__typename": "ServerInfo"}}
            case "RunResumeStatus":
                return {"model": self._resume(variables)}
            case "UpsertBucket":
                return {"upsertBucket": self._upsert(variables)}
            case "CreateRunFiles":
                return {"createRunFiles": self._run_files(variables)}
            case "GetProjects":
                node = {
                    **self._project(),
                    "__typename": "Project",
                    "createdAt": "2026-01-01T00:00:00Z",
                    "isBenchmark": False,
                    "user": None,
                }
                page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
                return {"models": {"pageInfo": page, "edges": [{"node": node}]}}
            case "ProjectInternalId":
                return {"project": {"id": "project", "internalId": "UHJvamVjdDox"}}
            case "upsertView":
                return {"upsertView": self._view(variables)}
            case "SpecificReport":
                return {"view": self.views.get(variables["reportId"])}
        return {}

    def _viewer(self) -> dict[str, Any]:
        teams = {"edges": [{"node": {"id": "team", "name": ENTITY}}]}
        return {
            "id": "viewer",
            "name": ENTITY,
            "username": ENTITY,
            "entity": ENTITY,
            "email": "",
            "admin": False,
            "flags": "{}",
            "teams": teams,
            "apiKeys": {"edges": []},
            "deletedAt": None,
        }

    def _project(self) -> dict[str, Any]:
        return {"id": "project", "name": "litmus", "entityName": ENTITY, "entity": {"id": "entity", "name": ENTITY}}

    def _resume(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(variables["name"])
        if run is None or not run.upserts:
            return {"bucket": None}
        tail = [json.dumps(row) for _, row in sorted(run.history.items())[-1:]]
        bucket = {
            "name": variables["name"], "historyLineCount": len(run.history), "eventsLineCount": 0, "logLineCount": 0,
            "historyTail": json.dumps(tail), "eventsTail": "[]", "summaryMetrics": json.dumps(run.summary),
            "config": run.latest("config") or "{}", "tags": run.latest("tags") or [],
            "wandbConfig": json.dumps({"t": 1}), "displayName": run.latest("displayName"), "id": "bucket",
        }  # fmt: skip
        return {"bucket": bucket}

    def _upsert(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(variables["name"], SentRun())
        inserted = not run.upserts
        run.upserts.append(variables)
        bucket = {
            "id": "bucket",
            "name": variables["name"],
            "displayName": variables.get("displayName") or "",
            "description": "",
            "config": variables.get("config") or "{}",
            "sweepName": variables.get("sweep"),
            "project": self._project(),
            "historyLineCount": len(run.history),
        }
        return {"bucket": bucket, "inserted": inserted}

    def _run_files(self, variables: dict[str, Any]) -> dict[str, Any]:
        files = [
            {"name": name, "uploadUrl": f"{self.url}/storage/{variables['run']}/{name}"} for name in variables["files"]
        ]
        return {"runID": "bucket", "uploadHeaders": [], "files": files}

    def _view(self, variables: dict[str, Any]) -> dict[str, Any]:
        identity = variables["id"] or base64.b64encode(f"View:{len(self.views) + 1}".encode()).decode()
        inserted = identity not in self.views
        project = {"id": "project", "name": variables["projectName"], "entityName": variables["entityName"]}
        self.views[identity] = {**variables, "id": identity, "project": project}
        return {"view": self.views[identity], "inserted": inserted}

    def stream(self, run: str, sent: dict[str, Any]) -> None:
        """Keep what a file stream brought: lines of the history by their step, the summary, the exit code."""
        kept = self.runs.setdefault(run, SentRun())
        for name, part in sent.get("files", {}).items():
            if name == "wandb-history.jsonl":
                for line in part["content"]:
                    row = json.loads(line)
                    kept.history[row["_step"]] = row
            if name == "wandb-summary.json":
                kept.summary = json.loads(part["content"][-1])
        if sent.get("complete"):
            kept.complete, kept.exit_code = True, sent.get("exitcode")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: WandbServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._respond(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.rstrip("/") == "/graphql":
            asked = json.loads(body)
            found = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            operation = asked.get("operationName") or (found[1] if found else "")
            self._serve(operation, lambda: {"data": self.state.answer(operation, asked.get("variables") or {})})
        elif self.path.endswith("/file_stream"):
            run = self.path.split("/")[-2]
            self._serve("file_stream", lambda: self.state.stream(run, json.loads(body)) or {})
        else:
            self._serve(self.path, dict)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve("upload", dict)

    def _serve(self, operation: str, content: Callable[[], dict[str, Any]]) -> None:
        self.state.operations.append(operation)
        failure = self.state.failing(operation)
        if isinstance(failure, int):
            return self._respond(failure, {"errors": [{"message": f"status {failure}"}]})
        if failure == "hang":
            time.sleep(60)
        if failure in ("hang", "cut"):
            self.close_connection = True
            return self.connection.close()
        return self._respond(200, content())

    def _respond(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", hashlib.md5(body).hexdigest())
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client may leave whenever it likes."""


@contextmanager
def serving() -> Iterator[WandbServer]:
    """Serve on a free port of this machine for as long as the block lasts."""
    state = WandbServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server: socketserver.BaseServer = _Server(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
