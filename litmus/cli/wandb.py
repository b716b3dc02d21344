"""`litmus wandb report`: the report of a study in Weights & Biases."""

import sys
from collections.abc import Sequence
from pathlib import Path

from litmus.cli.command import OUT, Parser
from litmus.cli.status import find_study
from litmus.core.errors import UserError, require_choice
from litmus.records.wandb import WandbError, entity

ACTIONS = ("report",)


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("wandb", "Write the report of a study in W&B, replace its previous one, and print its address.")
    parser.add_argument("action", help="report")
    parser.add_argument("study", help="name of an experiment, see `litmus status`")
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    require_choice("action of litmus wandb", options.action, ACTIONS)
    directory = find_study(options.study, Path(options.out)).resolve()
    try:
        import wandb_workspaces  # noqa: F401
    except ImportError:
        raise UserError("litmus wandb report needs a package: pip install wandb-workspaces") from None
    from litmus.report.page import summary_of
    from litmus.report.wandb import build_report, save_report

    try:
        print(f"report: {save_report(build_report(*summary_of(directory), entity()), directory)}")
    except WandbError as error:
        print(f"litmus: W&B: {error}", file=sys.stderr)
        return 1
    return 0
