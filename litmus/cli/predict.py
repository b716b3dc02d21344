"""`litmus predict`: what a run's network says of images."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from litmus.cli.export import WEIGHTS
from litmus.cli.parser import Parser, records_key
from litmus.core.config_keys import Key
from litmus.core.errors import require_positive
from litmus.export.load_model import ImageModel, load_record, record_with_weights
from litmus.export.predict import Prediction, image_files, predictions, write_mask

PATH_WIDTH = 34
"""Characters of a path that are shown: its end."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "predict",
        "The classes that a run's network finds in images, with their probabilities, or scores where the loss was "
        "not cross-entropy; of a network that segments, a mask of each image.",
    )
    parser.add_argument("run", help="a run id, its first digits, or the run's folder")
    parser.add_argument("images", nargs="+", help="image files, or folders of them")
    parser.add_argument("--json", action="store_true", help="print JSON, with the probability or score of every class")
    parser.add_key(Key("top", int, 3, "classes that are shown of each image"))
    parser.add_key(
        Key(
            "masks",
            Path,
            Path("masks"),
            "folder of the masks: class indices, 255 for pixels outside the network's input",
        )
    )
    parser.add_key(Key("batch_size", int, 64, "images at a time"))
    parser.add_key(WEIGHTS)
    parser.add_key(records_key())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    require_positive(top=options.top, batch_size=options.batch_size)
    files = image_files(options.images)
    model = load_record(record_with_weights(options.run, Path(options.out)), options.weights)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    found = predictions(model, files, options.batch_size)
    described = [(each, write_mask(each, options.masks) if each.mask is not None else None) for each in found]
    if options.json:
        entries = [_entry(model, each, mask) for each, mask in described]
        print(json.dumps({"title": model.title, "classes": list(model.classes), "images": entries}, indent=2))
        return 0
    print(model.title)
    for each, mask in described:
        print(_line(model, each, mask, options.top))
    return 0


def _entry(model: ImageModel, each: Prediction, mask: Path | None) -> dict[str, Any]:
    named = dict(zip(model.classes, each.values.tolist(), strict=True))
    if mask is not None:
        return {"image": str(each.file.path), "mask": str(mask), "shares": named}
    what = "probabilities" if model.probabilistic else "scores"
    return {"image": str(each.file.path), "class": max(named, key=named.__getitem__), what: named}


def _line(model: ImageModel, each: Prediction, mask: Path | None, top: int) -> str:
    best = each.values.argsort(descending=True, stable=True)[:top].tolist()
    pattern = "{:.1%}" if model.probabilistic or mask is not None else "{:+.2f}"
    shown = [f"{model.classes[index]} {pattern.format(each.values[index])}".replace("%", " %") for index in best]
    if mask is not None:
        shown = [each for each in shown if not each.endswith(" 0.0 %")]
        return f"{_end(each.file.path)}  {mask}: {', '.join(shown)}"
    return f"{_end(each.file.path)}  {', '.join(shown)}"


def _end(path: Path) -> str:
    text = str(path)
    return text.ljust(PATH_WIDTH) if len(text) <= PATH_WIDTH else f"…{text[1 - PATH_WIDTH :]}"
