"""Which mode of W&B is meant, and whether its server can be reached with the key that is configured."""

import json
import netrc
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlparse

from litmus.errors import require_choice

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
