"""`litmus export`: a run's weights in safetensors, or its network in TorchScript or ONNX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.config_keys import Key
from studies.command.base.options import Parser, records_key
from studies.inference.export import SUFFIXES, Format, export
from studies.inference.load_model import Which, load_record, record_with_weights
from studies.records.run_record import RunRecord

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
    parser.add_key(records_key())
    options = parser.read(arguments)
    record = record_with_weights(options.run, Path(options.out))
    model = load_record(record, options.weights)
    path = options.output or Path(record.run_id).with_suffix(SUFFIXES[options.format])
    described = export(model, about(record, model.title), path, options.format)
    print(f"{model.title}\n{path}: {_size(path)}\n{described}: classes, normalisation, config, results")
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


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
