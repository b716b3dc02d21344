"""`litmus export`: a run's weights in safetensors, or its network in TorchScript or ONNX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.cli.options import Parser, records_key
from litmus.core.config_keys import Key
from litmus.core.errors import UserError
from litmus.export.export import SUFFIXES, Format, export, folded
from litmus.export.load_model import Which, load_record, record_with_weights
from litmus.lit_archs.layers.fold_batch_norm import Folding
from litmus.records.run_record import RunRecord

WEIGHTS = Key("weights", Which | None, None, "last, or best by validation (default: those that were tested)")


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser(
        "export",
        "A run's weights in safetensors, or its network with its normalisation in TorchScript or ONNX; beside it a "
        "JSON file with the class names, the normalisation, the config and the results.",
    )
    parser.add_argument("run", help="a run's identity, its first digits, or its folder")
    parser.add_key(Key("format", Format, "safetensors", "safetensors, torchscript or onnx"))
    parser.add_key(Key("output", Path | None, None, "the file (default: RUN with the format's ending)"))
    parser.add_key(WEIGHTS)
    parser.add_key(Key("fold", bool, False, "fold batch norms into the layers before them; torchscript and onnx"))
    parser.add_key(records_key())
    options = parser.read(arguments)
    if options.fold and options.format == "safetensors":
        raise UserError(
            "--fold is for --format torchscript or onnx: safetensors holds the weights of the network that "
            "litmus.lit_archs.build makes, which has norms"
        )
    record = record_with_weights(options.run, Path(options.out))
    model = load_record(record, options.weights)
    known = about(record, model.title)
    told = ""
    if options.fold:
        model, folding = folded(model)
        known["batch_norm"] = {"folded_into": folding.folded, "left": folding.left}
        told = f"{_told(folding)}\n"
    path = options.output or Path(record.run_id).with_suffix(SUFFIXES[options.format])
    described = export(model, known, path, options.format)
    print(f"{model.title}\n{told}{path}: {_size(path)}\n{described}: classes, normalisation, config, results")
    return 0


def about(record: RunRecord, title: str) -> dict[str, Any]:
    """Return what a record says of a run, for the file beside its exported network."""
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


def _told(folding: Folding) -> str:
    """Return in a line what was folded, and what was not with the first reason."""
    text = f"norms folded into the layers before them: {len(folding.folded)}"
    if folding.left:
        first, why = next(iter(folding.left.items()))
        text += f"; left: {len(folding.left)}, e.g. {first}, which {why}"
    return text


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
