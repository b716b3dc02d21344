"""A run's network in use: `litmus export` writes it for other programs, `litmus predict` applies it to images."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from litmus.cli.parser import Parser, records_key
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, require_positive
from litmus.export.export import SUFFIXES, Format, export, folded
from litmus.export.load_model import ImageModel, Which, load_record, record_with_weights
from litmus.export.predict import Prediction, image_files, predictions, write_mask
from litmus.lit_archs.layers.fold_batch_norm import Folding
from litmus.records.run_record import RunRecord
from litmus.records.storage import in_bytes

WEIGHTS = Key("weights", Which | None, None, "last, or best by validation (default: those that were tested)")

PATH_WIDTH = 34
"""Characters of a path that `litmus predict` shows: its end."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "export",
        "A run's weights in safetensors, or its network with its normalisation in TorchScript or ONNX. A JSON file of "
        "the same name holds the class names, the normalisation, the config and the results.",
    )
    parser.add_argument("run", help="a run id, its first digits, or the run's folder")
    parser.add_key(Key("format", Format, "safetensors", "safetensors, torchscript or onnx"))
    parser.add_key(Key("output", Path | None, None, "the file (default: RUN with the format's ending)"))
    parser.add_key(WEIGHTS)
    parser.add_key(Key("fold", bool, False, "fold batch norms into the layers before them; torchscript and onnx"))
    parser.add_key(records_key())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    if options.fold and options.format == "safetensors":
        raise UserError(
            "--fold is for --format torchscript or onnx: safetensors holds the weights of the network that "
            "litmus.lit_archs.build makes, which has norms"
        )
    record = record_with_weights(options.run, Path(options.out))
    model = load_record(record, options.weights)
    known, lines = about(record, model.title), [model.title]
    if options.fold:
        model, folding = folded(model)
        known["batch_norm"] = {"folded_into": folding.folded, "left": folding.left}
        lines.append(_fold_line(folding))
    path = options.output or Path(record.run_id).with_suffix(SUFFIXES[options.format])
    described = export(model, known, path, options.format)
    lines += [f"{path}: {in_bytes(path.stat().st_size)}"]
    print("\n".join([*lines, f"{described}: classes, normalisation, config, results"]))
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


def _fold_line(folding: Folding) -> str:
    text = f"norms folded into the layers before them: {len(folding.folded)}"
    if folding.left:
        first, reason = next(iter(folding.left.items()))
        text += f"; left: {len(folding.left)}, e.g. {first}, which {reason}"
    return text


def predict_parser() -> Parser:
    """Return the parser of `litmus predict`."""
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
        entries = [_prediction_entry(model, each, mask) for each, mask in described]
        print(json.dumps({"title": model.title, "classes": list(model.classes), "images": entries}, indent=2))
        return 0
    print(model.title)
    for each, mask in described:
        print(_prediction_line(model, each, mask, options.top))
    return 0


def _prediction_entry(model: ImageModel, each: Prediction, mask: Path | None) -> dict[str, Any]:
    named = dict(zip(model.classes, each.values.tolist(), strict=True))
    if mask is not None:
        return {"image": str(each.file.path), "mask": str(mask), "shares": named}
    what = "probabilities" if model.probabilistic else "scores"
    return {"image": str(each.file.path), "class": max(named, key=named.__getitem__), what: named}


def _prediction_line(model: ImageModel, each: Prediction, mask: Path | None, top: int) -> str:
    best = each.values.argsort(descending=True, stable=True)[:top].tolist()
    pattern = "{:.1%}" if model.probabilistic or mask is not None else "{:+.2f}"
    shown = [f"{model.classes[index]} {pattern.format(each.values[index])}".replace("%", " %") for index in best]
    if mask is not None:
        shown = [each for each in shown if not each.endswith(" 0.0 %")]
        return f"{_end_of(each.file.path)}  {mask}: {', '.join(shown)}"
    return f"{_end_of(each.file.path)}  {', '.join(shown)}"


def _end_of(path: Path) -> str:
    text = str(path)
    return text.ljust(PATH_WIDTH) if len(text) <= PATH_WIDTH else f"…{text[1 - PATH_WIDTH :]}"
