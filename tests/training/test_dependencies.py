"""What of a user's code a run depends on: every change that could reach it counts, and what cannot does not."""

import pytest

from litmus.training.own_code import LocalCode, dependencies

STUDY = '''\
"""Does a gate help?"""

import torch
from torch import nn

from gate import Gate
from litmus.lit_archs import register
from litmus import Claim, Levels, Study, measure, more

WIDTH = 16
SEEDS = 3


def gated(on: bool) -> Levels:
    """Return the levels."""
    return {"model.gate": on}


def helper(x):
    return x + 1


@register("gatenet", input_shape=(1, 8, 8))
def gatenet(num_classes=10, in_channels=1, image_size=8, *, gate=False):
    """A network."""
    layers = [nn.Linear(64, WIDTH), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers, Gate(WIDTH), nn.Linear(helper(15), num_classes))


@register("other", input_shape=(1, 8, 8))
def other(num_classes=10, in_channels=1, image_size=8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))


@measure("points")
def late(result, seed):
    return 1.0


study = Study(
    base={"model.name": "gatenet"},
    factors={"model.gate": [False, True]},
    baseline=gated(False),
    seeds=SEEDS,
    claims=[Claim("A gate helps.", more("test_top1", gated(True), than=gated(False)))],
    measures={"late": late},
)

if __name__ == "__main__":
    from litmus.cli.main import run_script

    run_script(study)
'''
GATE = '''\
"""A block."""
import torch
from torch import nn


class Gate(nn.Module):
    """Scales."""

    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x):
        scale = torch.sigmoid(self.linear(x))  # from 0 to 1
        return x * scale
'''


def of(study: str = STUDY, gate: str = GATE, names: tuple[str, ...] = ("gatenet", "digits", "none")) -> dict[str, str]:
    contents = {"study.py": study.encode(), "gate.py": gate.encode()}
    return dependencies(LocalCode("study.py", {}, contents), names)


def changed(old: str, new: str, text: str) -> str:
    assert old in text
    return text.replace(old, new)


NOTHING_CHANGES = {
    "a comment": ("# from 0 to 1", "# between nought and one"),
    "a docstring": ('"""Scales."""', '"""Scales what passes."""'),
    "no docstring": ('    """Scales."""\n\n', ""),
    "the module's docstring": ('"""A block."""', '"""A gating block."""'),
    "formatting": ("torch.sigmoid(self.linear(x))", "torch.sigmoid(\n            self.linear( x ),\n        )"),
    "another class": ("class Gate", "class Unused(nn.Module):\n    pass\n\n\nclass Gate"),
    "another function": ("class Gate", "def unused(x):\n    return x\n\n\nclass Gate"),
    "an import that only the unused needs": (
        "class Gate", "import einops\n\n\ndef unused(x):\n    return einops.pack(x)\n\n\nclass Gate",
    ),
    "an unused import of Python's own": ("import torch\n", "import math\nimport torch\n"),
    "an import for types": (
        "class Gate", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import einops\n\n\nclass Gate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTHING_CHANGES)
def test_what_cannot_reach_a_run_does_not_count_in_an_imported_file(case: str) -> None:
    assert of(gate=changed(*NOTHING_CHANGES[case], GATE)) == of()


IN_THE_STUDY = {
    "a seed": ("SEEDS = 3", "SEEDS = 4"),
    "the question": ("Does a gate help?", "Does it?"),
    "a claim's text": ("A gate helps.", "A gate is of help."),
    "another claim": (
        "than=gated(False)))]",
        'than=gated(False))), Claim("Or not.", more("test_top1", gated(False), than=gated(True)))]',
    ),
    "a level": ("[False, True]", "[False, True, None]"),
    "a function of levels": ('return {"model.gate": on}', 'return {"model.gate": bool(on)}'),
    "a measure": ("return 1.0", "return 2.0"),
    "a network that is not the run's": ("nn.Linear(64, num_classes))", "nn.Linear(32, num_classes))"),
    "what a script does": ("    run_script(study)", "    print(study)\n    run_script(study)"),
    "a folder to import from": ("WIDTH = 16", 'import sys\nsys.path.insert(0, "..")\nWIDTH = 16'),
}


@pytest.mark.parametrize("case", IN_THE_STUDY)
def test_what_a_study_declares_does_not_count(case: str) -> None:
    assert of(changed(*IN_THE_STUDY[case], STUDY)) == of()


COUNTS = {
    "a function that is called": (("return x + 1", "return x + 2"), ("", "")),
    "a constant": (("WIDTH = 16", "WIDTH = 8"), ("", "")),
    "an option of the registration": (('register("gatenet", ', 'register("gatenet", num_classes=3, '), ("", "")),
    "an import under the same name": (("from torch import nn", "import torch.nn.modules as nn"), ("", "")),
    "a default": (("gate=False):", "gate=True):"), ("", "")),
    "a call at the top": (("WIDTH = 16", "torch.manual_seed(1)\nWIDTH = 16"), ("", "")),
    "a call in the declaration": (("seeds=SEEDS", "seeds=torch.manual_seed(1)"), ("", "")),
    "a call in a function of the declaration": (
        ('return {"model', 'torch.manual_seed(1)\n    return {"model'), ("", ""),
    ),
    "an attribute that is set": (("WIDTH = 16", "nn.ReLU.forward = helper\nWIDTH = 16"), ("", "")),
    "a constant that is changed": (("SEEDS = 3", "SEEDS = 3\nnn.modules.WIDTH = 4"), ("", "")),
    "a module imported for what it does": (("import torch\n", "import torch\nimport side_effects\n"), ("", "")),
    "another registration under the run's name": (('register("other", ', 'register("other", "gatenet", '), ("", "")),
    "a registration under names that it does not tell": (('register("other"', 'register(*NAMES'), ("", "")),
    "another function in the imported file": (("", ""), ("sigmoid", "tanh")),
    "a local variable's name": (("", ""), ("scale", "factor")),
    "a number": (("", ""), ("return x * scale", "return 1.0 * x * scale")),
    "a type of number": (("", ""), ("nn.Linear(width, width)", "nn.Linear(width, width, True)")),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTS)
def test_what_can_reach_a_run_counts(case: str) -> None:
    study, gate = COUNTS[case]
    assert of(changed(*study, STUDY), changed(*gate, GATE)) != of()


def test_1_and_true_are_different_programs() -> None:
    versions = [of(gate=GATE.replace("width, width)", f"width, width, {bias})")) for bias in ("1", "True", "1.0")]
    assert versions[0] != versions[1] != versions[2] != versions[0]


def test_a_run_of_the_packages_networks_depends_on_none_of_it() -> None:
    assert of(names=("lenet5", "digits")) == {}


def test_only_the_file_that_changed_has_another_hash() -> None:
    before, after = of(), of(gate=GATE.replace("sigmoid", "tanh"))
    assert before["study.py"] == after["study.py"]
    assert before["gate.py"] != after["gate.py"]


@pytest.mark.parametrize(
    "lookup",
    [
        "import gate\nBLOCK = getattr(gate, KIND)",
        "BLOCK = globals()[KIND]",
        "BLOCK = eval(KIND)",
        "import sys\nBLOCK = getattr(sys.modules['gate'], KIND)",
    ],
)
def test_where_names_are_looked_up_everything_counts(lookup: str) -> None:
    study = STUDY.replace("WIDTH = 16", f"KIND = 'Ga' + 'te'\n{lookup}\nWIDTH = BLOCK and 16")
    unused = "class Unused:\n    pass\n\n\nclass Gate"
    assert of(study) != of(study, GATE.replace("class Gate", unused))


def test_the_mode_of_a_network_is_no_lookup() -> None:
    study = STUDY.replace("layers = [", "nn.ReLU().eval()\n    layers = [")
    unused = "class Unused:\n    pass\n\n\nclass Gate"
    assert of(study) == of(study, GATE.replace("class Gate", unused))


def test_a_network_that_is_registered_by_a_function_counts() -> None:
    study = STUDY.replace('base={"model.name": "gatenet"}', "base=made(3)").replace(
        "study = Study", 'def made(depth):\n    register("deep", input_shape=(1, 8, 8))(other)\n'
        '    return {"model.name": "deep"}\n\n\nstudy = Study',
    )  # fmt: skip
    names = ("deep", "digits")
    assert of(study, names=names) != of(study.replace("nn.Linear(64, num", "nn.Linear(32, num"), names=names)


def test_a_class_that_keeps_a_list_of_those_that_inherit_from_it_counts() -> None:
    gate = "BLOCKS = []\n\n\nclass Kept:\n    def __init_subclass__(cls):\n        BLOCKS.append(cls)\n\n\n" + GATE
    assert of(gate=gate) != of(gate=gate.replace("append(cls)", "insert(0, cls)"))


def test_a_file_that_is_no_python_any_more_counts_as_a_whole() -> None:
    assert of(gate="def (")["gate.py"] != of(gate="def ((")["gate.py"]
