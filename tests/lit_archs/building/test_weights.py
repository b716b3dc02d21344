"""`model.weights`: a run starts from a file's weights."""

from pathlib import Path

import pytest
import torch
from tiny_runs import TINY
from torch import nn

from litmus.core.errors import UserError
from litmus.lit_archs import build
from litmus.lit_archs.building.weights import load_weights
from litmus.training.config import resolve
from litmus.training.network import build_network, network_options

SHAPE = {"in_channels": 1, "image_size": 8}


def saved(path: Path, network: nn.Module, prefix: str = "", **more: object) -> Path:
    state = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state, **more} if more else state, path)
    return path


def test_all_that_fits_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    file = saved(tmp_path / "old.pt", build("mlp", num_classes=4, seed=7, **SHAPE))
    network = build("mlp", num_classes=9, seed=0, **SHAPE)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    loaded = load_weights(network, file)
    assert loaded.kept == ("classifier.weight", "classifier.bias")
    assert loaded.unused == ()
    assert torch.equal(network.linear1.weight, build("mlp", num_classes=4, seed=7, **SHAPE).linear1.weight)
    assert torch.equal(network.classifier.weight, start["classifier.weight"])


def test_a_run_starts_from_them(tmp_path: Path) -> None:
    plain = resolve(TINY)
    options = network_options(plain, 10, (1, 8, 8))
    other = build_network(plain.with_seed(1), options)
    config = resolve({**TINY, "model.weights": str(saved(tmp_path / "one.pt", other))})
    assert all(map(torch.equal, build_network(config, options).parameters(), other.parameters()))


def test_what_is_no_file_of_weights_for_the_network_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no weights")
    for file, said in (
        (tmp_path / "text.pt", "not a state dict that is safe to load"),
        (saved(tmp_path / "other.pt", nn.Linear(2, 2)), "has no weight for Sequential: it has weight, bias"),
    ):
        with pytest.raises(UserError, match=said):
            load_weights(build("mlp", **SHAPE), file)
