"""W&B's mode follows what was asked, the environment, the keys; a server that cannot be used is told in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from wandb_server import ENTITY, KEY, WandbServer

from litmus.core.errors import UserError
from litmus.training import loggers as account
from litmus.training.loggers import NO_KEY, mode_from_environment


@pytest.fixture
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing of W&B."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ENTITY", "WANDB_PROJECT", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    account._account.cache_clear()


@pytest.mark.usefixtures("nothing_set")
def test_the_mode_is_what_was_asked_then_the_environments_then_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mode_from_environment(None) == "disabled"
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert mode_from_environment(None) == "online"
    (tmp_path / ".netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "x")
    assert mode_from_environment(None) == "online"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert mode_from_environment(None) == "offline"
    assert mode_from_environment("disabled") == "disabled"
    with pytest.raises(UserError, match="did you mean 'offline'"):
        mode_from_environment("oflin")


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("empty", ["", "  "])
def test_variables_that_are_set_but_empty_are_not_set(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_PROJECT", "NETRC"):
        monkeypatch.setenv(name, empty)
    assert mode_from_environment(None) == "disabled"
    assert (account.server(), account.project()) == ("https://api.wandb.ai", "litmus")


@pytest.mark.usefixtures("nothing_set")
def test_without_a_key_no_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://192.0.2.1")  # nothing is there; asking it would take seconds
    assert account.account().problem == NO_KEY


def test_the_account_is_asked_once(wandb_server: WandbServer) -> None:
    for _ in range(3):
        assert account.account() == account.Account(wandb_server.url, ENTITY, "litmus")
    assert wandb_server.operations == ["Viewer"]
    assert wandb_server.keys == {KEY}


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (401, "refuses the API key"),
        (403, "refuses the API key"),
        (500, "answers with status 500"),
        ("hang", "does not answer within 0 s"),
        ("cut", "cannot be reached (ConnectionError)"),
    ],
)
def test_a_server_that_cannot_be_used_is_told(
    wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch, failure: int | str, told: str
) -> None:
    monkeypatch.setattr(account, "ANSWER_SECONDS", 0.3)
    wandb_server.failing = lambda operation: failure
    problem = account.account().problem
    assert problem == f"{wandb_server.url} {told}"
    assert KEY not in problem


def _viewer(answer: object) -> Callable[..., object]:
    return lambda *_: answer


def test_something_else_than_wandb_is_told(wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb_server, "answer", _viewer({"something": "else"}))
    assert account.account().problem.endswith("answers with something else than W&B does")
    account._account.cache_clear()
    monkeypatch.setattr(wandb_server, "answer", _viewer({"viewer": None}))
    assert account.account().problem.endswith("refuses the API key")
