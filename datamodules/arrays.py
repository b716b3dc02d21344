"""The user's images in a NumPy file."""

import zipfile
from pathlib import Path
from typing import Any

import numpy

from litmus.core.errors import UserError, unknown_name
from litmus.datamodules.loading.custom import dataset
from litmus.datamodules.loading.registry import ImageArrays, register

TARGETS = ("labels", "masks")


@register("arrays")
def arrays(root: str) -> ImageArrays:
    """Your arrays: data.root is an .npz with train_images, train_labels or train_masks, and test_*.

    Without test_images a fifth is set aside as the test set; `classes` names the classes. See `datamodules.dataset` for
    the forms of the arrays.
    """
    path = Path(root)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "absent"
        raise UserError(f"arrays: data.root {root!r} is {found}; expected an .npz file of arrays")
    try:
        with numpy.load(path, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"arrays: {root} is not an .npz file of arrays ({' '.join(str(error).split())[:120]})"
        ) from None
    valid = [f"{split}_{kind}" for split in ("train", "test") for kind in ("images", *TARGETS)]
    for name in held:
        if name not in (*valid, "classes"):
            raise unknown_name(f"array of {root}", name, [*valid, "classes"])
    test = _pair(root, held, "test") if any(name.startswith("test_") for name in held) else None
    return dataset(_pair(root, held, "train"), test, classes=held["classes"].tolist() if "classes" in held else None)


def _pair(root: str, held: dict[str, Any], split: str) -> tuple[Any, Any]:
    present = [f"{split}_{kind}" for kind in TARGETS if f"{split}_{kind}" in held]
    if f"{split}_images" not in held or len(present) != 1:
        raise UserError(
            f"arrays: {root} needs {split}_images and one of {split}_labels and {split}_masks; it has {', '.join(held)}"
        )
    return held[f"{split}_images"], held[present[0]]
