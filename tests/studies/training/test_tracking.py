"""W&B: offline without an account, one run a run, and a mode that follows the environment."""

from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus.errors import UserError
from studies import run
from studies.design.study import Study
from studies.training.tracking import mode_from_environment


def test_the_mode_is_what_was_asked_then_the_environments_then_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
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


def test_offline_runs_leave_their_config_metrics_and_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789secretsecretsecretsecretsecret")
    study = Study("tracked", "Is it?", TINY, {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=1)
    result = run(study, out=tmp_path, workers=1, wandb="offline")
    assert result.crashed == {}
    for run_id in result.records["run"]:
        [file] = (tmp_path / "tracked" / run_id).glob("wandb/offline-run-*/run-*.wandb")
        content = file.read_bytes()
        for expected in (run_id, "tracked", "val_top1", "test_top1", "optim", "seed 0"):
            assert expected.encode() in content, expected
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"secretsecret" not in file.read_bytes(), file
