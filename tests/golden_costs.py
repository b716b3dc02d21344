"""The table of every variant's cost, and its measurement.

After a change that is meant to move them: `PYTHONPATH=. python tests/golden_costs.py` writes the table anew.
"""

import csv
from pathlib import Path

import torch
from reduced_networks import variants

from lit_archs.building.registry import ARCHITECTURES, construct
from lit_archs.cost.cost import Cost, cost

TABLE = Path(__file__).parent / "lit_archs" / "golden_costs.csv"


def measured(name: str) -> Cost:
    """Return the cost at the native size; U-Net's at 188 pixels, as 572 takes ten seconds."""
    entry = ARCHITECTURES[name]
    channels, height, width = entry.input_shape
    if name == "unet":
        height = width = 188
    with torch.device("meta"):
        network = construct(name, num_classes=entry.num_classes, in_channels=channels, image_size=height)
    return cost(network.to_empty(device="cpu"), (channels, height, width))


def table() -> dict[str, Cost]:
    """Return the table's rows by architecture."""
    with TABLE.open() as file:
        rows = csv.DictReader(file)
        return {row.pop("name"): Cost(**{key: int(value) for key, value in row.items()}) for row in rows}


def main() -> None:
    """Write the table anew."""
    with TABLE.open("w") as file:
        file.write("name,parameters,flops,activations\n")
        for name in variants():
            row = measured(name)
            file.write(f"{name},{row.parameters},{row.flops},{row.activations}\n")


if __name__ == "__main__":
    main()
