"""A run's network as a file for other programs: its weights in safetensors, or all of it in ONNX."""

import importlib.util
import warnings
from pathlib import Path
from typing import Any, Literal

import torch

from litmus.core.errors import UserError
from litmus.export.load_model import ImageModel
from litmus.records.storage import storage_errors, to_json, write_atomically

Format = Literal["safetensors", "onnx"]


def export(model: ImageModel, about: dict[str, Any], path: Path, format: Format) -> Path:
    """Write `model` to `path`, and a JSON file next to it with `about`, the class names and the normalisation.

    safetensors holds the network's state dict, under the names of `lit_archs.build`'s network. ONNX holds the network
    with its normalisation, for uint8 images [N, C, H, W] of the size that it sees, any number of them. Returns the JSON
    file. Raises `UserError` where ONNX's packages are absent, and where the network cannot be written in ONNX.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    (_onnx if format == "onnx" else _safetensors)(model, path)
    described = path.with_suffix(".json")
    write_atomically(described, to_json({**about, "format": format, **description(model)}))
    return described


def description(model: ImageModel) -> dict[str, Any]:
    """Return what another program needs to use the network."""
    channels, height, width = model.input.shape
    # Mean and standard deviation of pixels from 0 to 1: of each channel, or the mean of each pixel of a channel.
    std = 1.0 / (model.input.scale * 255.0)
    mean = -model.input.shift * std
    return {
        "task": model.task,
        "classes": list(model.classes),
        "input": {
            "channels": channels,
            "height": height,
            "width": width,
            "resized_to": list(model.input.stored),
            "resize": model.input.resize,
            "binary": model.input.binary,
            "mean": mean.flatten().tolist() if mean[0, 0].numel() == 1 else mean[0].tolist(),
            "std": std.flatten().tolist(),
        },
    }


def _safetensors(model: ImageModel, path: Path) -> None:
    from safetensors.torch import save

    # The format refuses tensors that share memory.
    state = {name: tensor.contiguous().clone() for name, tensor in model.network.state_dict().items()}
    write_atomically(path, save(state, metadata={"format": "pt"}))


def _onnx(model: ImageModel, path: Path) -> None:
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"--format onnx needs the package {package}, which is not installed: "
                "pip install 'litmus-ablations[onnx]'; valid without: safetensors"
            )
    # Several images: a network may treat a batch of one differently.
    images = torch.zeros(3, *model.input.shape, dtype=torch.uint8)
    with warnings.catch_warnings(), storage_errors(path):
        warnings.simplefilter("ignore")  # the exporter's are for developers
        try:
            torch.onnx.export(
                model.normalised,
                (images,),
                str(path), input_names=["images"], output_names=["outputs"],
                dynamic_shapes={"images": {0: torch.export.Dim("images", min=1)}},
                dynamo=True, external_data=False, verbose=False,
            )  # fmt: skip
        except Exception as error:  # the exporter raises errors of many types
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{model.name} cannot be written in ONNX: {reason}") from None
