"""One study on several datasets, as the command line names them: `--data digits,mnist,folder:DIR`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datamodules.loading.registry import DATASETS
from litmus.config_keys import Keys, unknown_key
from litmus.errors import UserError
from litmus.settings import Settings
from studies.command.base.conduct_and_report import conduct_and_report
from studies.design.plan import Plan
from studies.design.study import Study
from studies.evidence.datasets import write_datasets
from studies.launch.machine import LaunchConfig
from studies.launch.preflight import check
from studies.report.datasets import joint_lines
from studies.training.config import DEFAULT_ARCHITECTURE, config_keys


@dataclass(frozen=True)
class Dataset:
    """A dataset of several: what it is called, and the settings of a study on it."""

    name: str
    settings: dict[str, Any]


def datasets_of(settings: Settings) -> list[Dataset]:
    """Return the datasets that `data.name` names, each with the settings that apply to it.

    `folder:DIR` is the dataset `folder` with `data.root` DIR. Of the keys of `data` each gets those that it has. Raises
    `UserError` for an unknown dataset, a key that none of them has, and for the same one twice.
    """
    found: dict[str, Dataset] = {}
    names = [text.strip() for text in str(settings["data.name"]).split(",")]
    for key in settings:
        keys_of = [_keys(name.partition(":")[0]) for name in names]
        if key.startswith("data.") and not any(key in keys for keys in keys_of):
            raise unknown_key(key, {name: None for keys in keys_of for name in keys}, " and ".join(names))
    for text in names:
        dataset, _, root = text.partition(":")
        keys = _keys(dataset)
        own = {key: value for key, value in settings.items() if not key.startswith("data.") or key in keys}
        own["data.name"] = dataset
        if root:
            own["data.root"] = root
        name = f"{dataset}-{Path(root).resolve().name}" if root else dataset
        if name in found:
            raise UserError(f"--data names {text} twice")
        found[name] = Dataset(name, own)
    return list(found.values())


def _keys(dataset: str) -> Keys:
    return config_keys(DEFAULT_ARCHITECTURE, DATASETS[dataset].name)


def run_on_datasets(
    study: Study,
    datasets: list[Dataset],
    make_plan: Callable[[Settings], Plan],
    launch: LaunchConfig,
    source: Path | None,
    max_seeds: int | None,
) -> int:
    """Run `study` on each dataset, in a folder of its own, then tell what they say together; return the exit status.

    Raises `UserError` before any run starts where one could not.
    """
    plans = {each.name: replace(make_plan(each.settings), folder=f"{study.name}.{each.name}") for each in datasets}
    for plan in plans.values():
        for arm in plan.arms:
            check(arm.config, launch.devices)
    status = 0
    for each in datasets:
        print(f"{each.name}:")
        ended = conduct_and_report(plans[each.name], launch, each.settings, source, max_seeds)
        if ended > 1:
            return ended
        status = max(status, ended)
    together = Path(launch.out) / f"{study.name}.datasets"
    write_datasets(together, study.name, {name: plan.folder for name, plan in plans.items()})
    print("\n".join(joint_lines(together, study, {name: plan.directory(launch.out) for name, plan in plans.items()})))
    return status
