"""A run's network as a file for other programs: its weights in safetensors, or all of it in TorchScript or ONNX."""

import contextlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import torch

from litmus.core.errors import UserError
from litmus.export.load_model import ImageModel, Normalised
from litmus.records.storage import storage_errors, to_json, write_atomically

Format = Literal["safetensors", "torchscript", "onnx"]

SUFFIXES: dict[Format, str] = {"safetensors": ".safetensors", "torchscript": ".pt", "onnx": ".onnx"}
"""What a file of each format is called."""

BATCH = 3
"""Images of the batch on which an exported network is compared with the network that it was made of."""

TOLERANCE = 1e-4
"""The largest difference between their outputs, relative to the largest output."""


def export(model: ImageModel, about: dict[str, Any], path: Path, format: Format) -> Path:
    """Write `model` to `path`, and a JSON file next to it with `about`, the class names and the normalisation.

    safetensors holds the network's state dict, under the names of `lit_archs.build`'s network. TorchScript and ONNX
    hold the network with its normalisation, for uint8 images [N, C, H, W] of the size that it sees, any number of them;
    TorchScript's takes float ones of 0 to 1 too. Returns the JSON file. Raises `UserError` where the format's packages
    are absent, and where the network cannot be written in it.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[format](model, path)
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


def _torchscript(model: ImageModel, path: Path) -> None:
    images = _example(model)
    with _one_line_errors(model, "TorchScript"), torch.no_grad():
        # One image is traced and several are compared: a network may treat a batch of one differently.
        floats = images[:1].float() * model.normalised.scale + model.normalised.shift
        traced = torch.jit.trace(model.network, floats)
        scripted = torch.jit.script(Normalised(traced, model.input).eval())
        expected, found = model.normalised(images), scripted(images)
    difference = (found - expected).abs().max() / expected.abs().max().clamp(min=1e-12)
    if not difference <= TOLERANCE:
        raise UserError(f"{model.name}: its TorchScript differs from it by {difference:.1e}")
    with storage_errors(path):
        scripted.save(str(path))


def _onnx(model: ImageModel, path: Path) -> None:
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"--format onnx needs the package {package}, which is not installed: "
                "pip install 'litmus-ablations[onnx]'; valid without: safetensors, torchscript"
            )
    with _one_line_errors(model, "ONNX"), storage_errors(path):
        torch.onnx.export(
            model.normalised,
            (_example(model),),
            str(path), input_names=["images"], output_names=["outputs"],
            dynamic_shapes={"images": {0: torch.export.Dim("images", min=1)}},
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


@contextlib.contextmanager
def _one_line_errors(model: ImageModel, format: str) -> Iterator[None]:
    """Turn an exporter's errors into a `UserError` of one line, and silence its warnings, which are for developers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # the exporters raise errors of many types
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{model.name} cannot be written in {format}: {reason}") from None


def _example(model: ImageModel) -> torch.Tensor:
    """Return a batch of uint8 images [BATCH, C, H, W]."""
    size = model.input.shape
    pixels = torch.arange(size[0] * size[1] * size[2]) % 256
    return pixels.to(torch.uint8).reshape(1, *size).repeat(BATCH, 1, 1, 1)


_WRITERS: dict[Format, Callable[[ImageModel, Path], None]] = {
    "safetensors": _safetensors, "torchscript": _torchscript, "onnx": _onnx
}  # fmt: skip
