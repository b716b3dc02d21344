"""The pages of the documentation that are made of the code.

    python docs/pages.py

writes `docs/config_keys.md`, `docs/metrics.md` and `docs/lecture_figures.md` anew; a test holds that they are current.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from litmus.core.config_keys import Key, Keys, Role
from litmus.core.metrics import METRICS, TASKS, metric_of
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.study import columns
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.cost.lecture_figures import lecture_figures
from litmus.training.config import DEFAULT_ARCHITECTURE, config_keys

FOLDER = Path(__file__).parent


def config_keys_page() -> str:
    """Return the config keys of every run, then those of the architectures and of the datasets."""
    everywhere = {name: key for name, key in config_keys(DEFAULT_ARCHITECTURE).items() if not name.startswith("model.")}
    architectures = [(_family(name), ARCHITECTURES[name].keys("model")) for name in _own_architectures()]
    everywhere["data.name"] = dataclasses.replace(everywhere["data.name"], type=Literal[tuple(DATASETS)])
    datasets = [(name, DATASETS[name].keys("data")) for name in DATASETS]
    shown = {name: key for name, key in everywhere.items() if name not in dict(datasets)["digits"]}
    return "\n".join(
        [
            "# Config keys",
            "",
            "Every key is an option of `litmus run`, `vary` and `train` (`--optim.lr 0.03`), an entry of a study's "
            "`base` and `presets`, and a line of a run's `config.yaml`. All can be `factors` but `seed`, the speed "
            "settings and the keys that are no part of a run. This page is written by `python docs/pages.py`.",
            "",
            "## Of every run",
            "",
            *_table(shown),
            "",
            "## Of the architectures",
            "",
            "`model.name` chooses one; the options of one are listed by `litmus train --model NAME --help`. The files "
            "of `lit_archs/` in brackets have the option; a name may fix it, as `resnet20` its depth.",
            "",
            *_owned_table(architectures),
            "",
            "## Of the datasets",
            "",
            "`data.name` chooses one.",
            "",
            *_owned_table(datasets),
            "",
        ]
    )


def metrics_page() -> str:
    """Return what each metric is, and what each task's records call it."""
    units = {
        "share": "fraction; percent in reports",
        "loss": "nats of cross-entropy, or the unit of `optim.loss`",
        "seconds": "seconds",
        "count": "number",
    }
    held: dict[str, list[str]] = defaultdict(list)
    own = {metric.name for task in TASKS.values() for metric in task.metrics}
    for column in columns():
        metric = metric_of(column)
        assert metric is not None
        if metric.name in own:
            continue  # of a task that is none of the package's
        held[metric.name].append(f"`{column}`")
    rows = [
        f"| {metric.display_name} | {', '.join(held[name])} | {units[metric.scale]} "
        f"| {'higher' if metric.higher_is_better else 'lower'} |"
        for name, metric in METRICS.items()
        if name in held
    ]
    tasks = [
        f"- **{task.name}** compares runs by `test_{task.primary_metric}`, and finds a run's best evaluation by "
        f"`val_{task.primary_metric}`."
        for task in TASKS.values()
        if not task.metrics
    ]
    return "\n".join(
        [
            "# Metrics",
            "",
            "The names that claims, `litmus power --metric` and `litmus.load` use: columns of the records, made of "
            "the split and the metric. This page is written by `python docs/pages.py` from `litmus/core/metrics.py`.",
            "",
            "| metric | columns | values | better |",
            "|---|---|---|---|",
            *rows,
            "",
            *tasks,
            "",
            "Claims may name an error, which is one minus the accuracy; records and `litmus.load` hold the "
            "accuracy. `train_*` are means over the training batches between the last two evaluations, as they "
            "were trained on: with augmentation, dropout and batch statistics. `best_val_*` is the best of a run's "
            "evaluations. A claim's `threshold` is in the records' values: 0.002 is a fifth of a percentage point. "
            "`litmus power --effect` is in points.",
            "",
        ]
    )


def lecture_figures_page() -> str:
    """Return what lectures quote of the networks' costs, beside what was measured."""
    rows = [
        f"| {figure.statement} | {figure.quoted:,.0f} | {figure.measured:,.0f} | {'yes' if figure.right else 'no'} |"
        for figure in lecture_figures()
    ]
    return "\n".join(
        [
            "# Figures that lectures quote",
            "",
            "Each is measured anew by `python docs/pages.py`, which writes this page. A multiply-add counts as one "
            "FLOP. A figure is right if it is within 5 % of the quoted one.",
            "",
            "The inception block is GoogLeNet's first (3a: 192 channels in, 256 out, on a map of 28×28), without "
            "biases and norms. Its parameters and those of the convolutions it is compared with are ten times what is "
            "quoted, while the quoted multiply-adds are right: a decimal point seems to have moved.",
            "",
            "| figure | quoted | measured | right |",
            "|---|---:|---:|---|",
            *rows,
            "",
        ]
    )


def _own_architectures() -> list[str]:
    """Return the package's own architectures, without what a user's file registers."""
    return [name for name in ARCHITECTURES if ARCHITECTURES[name].make.__module__.startswith("litmus.lit_archs.")]


PAGES = {
    "config_keys.md": config_keys_page,
    "metrics.md": metrics_page,
    "lecture_figures.md": lecture_figures_page,
}


ROLES = {
    Role.IDENTITY: "",
    Role.SPEED: "**Speed setting**: one choice for all arms of a study.",
    Role.PLACE: "**No part of a run's identity.**",
    Role.FILES: "**The files' content is part of a run's identity**, the place is not.",
}
"""What a key's role means for its reader."""


def _table(keys: Keys) -> list[str]:
    return [
        "| key | values | default | what it is |",
        "|---|---|---|---|",
        *(_row(key, key.help) for key in keys.values()),
    ]


def _family(name: str) -> str:
    return ARCHITECTURES[name].make.__module__.rpartition(".")[2]


def _owned_table(owned: Iterable[tuple[str, Keys]]) -> list[str]:
    """Return a row for each key, with who has it; a default that differs between them is left out."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    found: dict[tuple[str, str], list[Key]] = defaultdict(list)
    for owner, keys in owned:
        for name, key in keys.items():
            owners[name, key.help].append(owner)
            found[name, key.help].append(key)
    rows = []
    for (name, help), alike in sorted(found.items()):
        default = "" if len({str(key.default) for key in alike}) == 1 else "by name"
        rows.append(_row(alike[0], f"{help} *({', '.join(sorted(set(owners[name, help])))})*", default))
    return ["| key | values | default | what it is *(who has it)* |", "|---|---|---|---|", *rows]


def _row(key: Key, what: str, default: str = "") -> str:
    value = (
        "null" if key.default is None else str(key.default).lower() if isinstance(key.default, bool) else key.default
    )
    if isinstance(key.default, tuple):
        value = f"[{', '.join(map(str, key.default))}]"
    shown = default or (f"`{value}`" if value != "" else "")
    text = f"{what} {ROLES[key.role]}".strip().replace("|", "/")
    return f"| `{key.name}` | {key.expected} | {shown} | {text} |"


if __name__ == "__main__":
    for page, content in PAGES.items():
        (FOLDER / page).write_text(content())
