"""What the tests share: the command line as a user's shell runs it, and the real data."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from forked_command import Forked
from hypothesis import settings
from wandb_server import KEY, WandbServer, serving

torch.set_num_threads(1)

# How long an example takes is a matter of what else the machine does.
settings.register_profile("litmus", deadline=None)
settings.load_profile("litmus")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests first, so that no process waits at the end for a long one of another."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a user without a W&B account."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WANDB")}
    return {**kept, "WANDB_MODE": "disabled", "COLUMNS": "80"}


@pytest.fixture
def litmus(tmp_path: Path, environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a folder of the test's own, to its end."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        process = Forked(arguments, {**environment, **more}, tmp_path)
        printed = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode or 0, *printed)

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; in continuous integration it is always there."""
    root = os.environ.get("LITMUS_DATA")
    if root is None:
        pytest.skip("LITMUS_DATA names no folder of real data")
    return Path(root)


@pytest.fixture
def wandb_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[WandbServer]:
    """A stand-in for W&B's server on this machine, to which all that is tracked in the test goes."""
    import wandb

    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "no.netrc"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setattr("litmus.training.loggers._stays_offline", False)
    with serving() as state:
        monkeypatch.setenv("WANDB_BASE_URL", state.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield state
        # The client keeps the address of its first server otherwise.
        wandb.teardown()
