"""Mistakes in names are reported before PyTorch is imported, which takes seconds: the package's files show the names.

Config keys and further options are left to the commands, whose parsers need PyTorch.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import litmus
from litmus.cli.command import read_some
from litmus.core.errors import unknown_name
from litmus.core.registry import HINTS, declared
from litmus.core.suggestions import in_any_case
from litmus.lit_archs.cost.table import read_table


def check_names(command: str, arguments: Sequence[str]) -> None:
    """Raise `UserError` for an unknown study, preset, architecture or dataset of the arguments of a command.

    A file of the user's and another library bring names of their own: where arguments name one, the command looks.
    """
    if any(".py" in word or word.startswith("--source") or word in ("-h", "--help") for word in arguments):
        return
    first = arguments[0] if arguments and not arguments[0].startswith("-") else None
    typed = read_some(arguments, "model.name", "data.name", "preset")
    if command == "run" and first is not None and "/" not in first:
        studies = [file.stem for file in Path(litmus.__file__).parent.glob("studies/[a-z]*.py")]
        if in_any_case(first, studies) is None:
            raise unknown_name("study", first, sorted(studies))
        from litmus.design.study_files import STUDIES  # which loads pandas, as not every command has to

        presets = ["quick", *STUDIES[first].presets]
        if (preset := typed.get("preset", "quick")) and in_any_case(preset, presets) is None:
            raise unknown_name(f"preset of {first}", preset, dict.fromkeys(presets))
    model = first if command == "profile" else typed.get("model.name")
    if model is not None and model.isidentifier():
        _check_architecture(model)
    for name in typed.get("data.name", "").split(","):
        dataset, known = name.strip().partition(":")[0], list(declared("litmus.datamodules"))
        if dataset and in_any_case(dataset, known) is None:
            raise unknown_name("dataset", dataset, known, HINTS["dataset"])


def _check_architecture(name: str) -> None:
    """Raise `UserError` for an unknown architecture; `resnet26` may be one of the depths of `resnet20`."""
    known = [row.name for row in read_table()]
    families = {re.sub(r"\d+", "0", each) for each in known}
    in_a_file = any(name in file.read_text(errors="ignore") for file in Path().glob("*.py"))
    if re.sub(r"\d+", "0", name.lower()) not in families and in_any_case(name, known) is None and not in_a_file:
        raise unknown_name("architecture", name, known, HINTS["architecture"])
