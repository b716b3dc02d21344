"""What every architecture costs at the size that the literature quotes it at, as measured beforehand in `costs.csv`.

`litmus list archs` shows the table, which can be read without PyTorch. A test holds it against the networks, and
`python tests/network_tables.py` writes it anew.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("costs.csv")


@dataclass(frozen=True)
class Row:
    """An architecture's line in the table; `image` is channels×height×width, `summary` says what the network is."""

    name: str
    parameters: int
    flops: int
    activations: int
    image: str
    summary: str


def read_table() -> list[Row]:
    """Return the table's rows."""
    with FILE.open(newline="") as file:
        return [
            Row(name, int(parameters), int(flops), int(activations), image, summary)
            for name, parameters, flops, activations, image, summary in list(csv.reader(file))[1:]
        ]


def measure(name: str) -> Row:
    """Return the row of an architecture, measured now."""
    # Imported here because PyTorch takes seconds, which reading the table need not wait for.
    from litmus.lit_archs.building.registry import ARCHITECTURES
    from litmus.lit_archs.cost.profile import native_profile, total

    entry, cost = ARCHITECTURES[name], total(native_profile(name))
    shape = "×".join(map(str, entry.input_shape or ()))
    return Row(name, cost.parameters, cost.flops, cost.activations, shape, entry.summary)
