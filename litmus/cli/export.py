"""`litmus export`: a run's weights in safetensors, or its network in TorchScript or ONNX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.cli.parser import Parser, records_key
from litmus.core.config_keys import Key
from litmus.core.errors import UserError
from litmus.export.export import SUFFIXES, Format, export, folded
from litmus.export.load_model import Which, load_record, record_with_weights
from litmus.lit_archs.layers.fold_batch_norm import Folding
from litmus.records.run_record import RunRecord
from litmus.records.storage import in_bytes

WEIGHTS = Key("weights", Which | None, None, "last, or best by validation (default: those that were tested)")


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
