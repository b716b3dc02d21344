"""What of the user's code a run depends on: of the files, by what the run's config names."""

from collections.abc import Iterator
from typing import Any

from studies.own_code.dependencies import dependencies
from studies.own_code.local_modules import LocalCode
from studies.records.code_record import RunCode
from studies.training.config import RunConfig
from studies.training.identity import run_id


def run_code(config: RunConfig, code: LocalCode, fingerprint: str, devices: int = 1) -> RunCode:
    """Return the own code of the runs of `config`, whatever their seed, on data of this fingerprint."""
    return RunCode(run_id(config.with_seed(0), fingerprint, devices), files_of(config, code))


def files_of(config: RunConfig, code: LocalCode) -> dict[str, str]:
    """Return a hash of what the runs of `config` depend on in each file, without those in which that is nothing."""
    return dependencies(code, set(_texts(config.as_dict())))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
