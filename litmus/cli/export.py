"""A run's network in use: `litmus export` writes it for other programs, `litmus predict` applies it to images."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from litmus.cli.command import OUT, RUN_HELP, Parser
from litmus.core.config_keys import Key
from litmus.core.errors import require_positive
from litmus.export.export import Format, export
from litmus.export.load_model import ImageModel, Which, load_record, record_with_weights
from litmus.export.predict import Prediction, image_files, predictions, write_mask
from litmus.records.run_record import RunRecord
from litmus.records.storage import in_bytes

WEIGHTS = Key(
    "weights", Which | None, None, "last, or best on the validation split (default: the weights that were tested)"
)

PATH_WIDTH = 34
"""Characters of a path that `litmus predict` prints: the last ones."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "export",
        "Write the weights of a run as safetensors, or its network and input normalisation as ONNX. A JSON file "
        "of the same name holds the class names, the normalisation, the config and the results.",
    )
    parser.add_argument("run", help=RUN_HELP)
    parser.add_key(Key("format", Format, "safetensors", "safetensors or onnx"))
    parser.add_key(Key("output", Path | None, None, "the file (default: RUN with the format's ending)"))
    parser.add_key(WEIGHTS)
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    record = record_with_weights(options.run, Path(options.out))
    model = load_record(record, options.weights)
    path = options.output or Path(record.run_id).with_suffix(f".{options.format}")
    described = export(model, about(record, model.title), path, options.format)
    print(model.title)
    print(f"{path}: {in_bytes(path.stat().st_size)}")
    print(f"{described}: classes, normalisation, config, results")
    return 0


def about(record: RunRecord, title: str) -> dict[str, Any]:
    """Return what is recorded of a run, for the JSON file."""
    status, summary, config = record.read_status(), record.read_summary(), record.read_config()
    return {
        "run": record.run_id,
        "title": title,
        "study": status.get("study"),
        "arm": status.get("arm"),
        "model": config["model"],
        "metrics": summary["metrics"],
        "config": config,
        "environment": summary["environment"],
    }


def predict_parser() -> Parser:
    """Return the parser of `litmus predict`."""
    parser = Parser(
        "predict",
        "Classify images with the network of a run, and print probabilities, or scores if the loss was not "
        "cross-entropy. A segmentation network writes a mask for each image.",
    )
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("images", nargs="+", help="image files, or folders of them")
    parser.add_argument("--json", action="store_true", help="print JSON, with the probability or score of every class")
    parser.add_key(Key("top", int, 3, "classes to print for each image"))
    masks = "folder of the masks: class indices, 255 for pixels outside the network's input"
    parser.add_key(Key("masks", Path, Path("masks"), masks))
    parser.add_key(Key("batch_size", int, 64, "images at a time"))
    parser.add_key(WEIGHTS)
    parser.add_key(OUT)
    return parser


def predict(arguments: Sequence[str]) -> int:
    """Run `litmus predict` and return its exit status."""
    options = predict_parser().read(arguments)
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
    if model.probabilistic or mask is not None:
        shown = [f"{model.classes[index]} {100 * float(each.values[index]):.1f} %" for index in best]
    else:
        shown = [f"{model.classes[index]} {float(each.values[index]):+.2f}" for index in best]
    path = str(each.file.path)
    path = path.ljust(PATH_WIDTH) if len(path) <= PATH_WIDTH else f"…{path[1 - PATH_WIDTH :]}"
    if mask is None:
        return f"{path}  {', '.join(shown)}"
    return f"{path}  {mask}: {', '.join(text for text in shown if not text.endswith(' 0.0 %'))}"
