"""How far the gates of squeeze-and-excitation depend on the class."""

from pathlib import Path

import numpy
import pytest
import torch
from probed_steps import rows_of
from tiny_runs import TINY, trained

from litmus import load_model
from litmus.datamodules import build

NETWORK = {
    "model.name": "resnet_cifar", "model.depth": 8, "model.width": 4, "model.squeeze_excite": True,
    "model.reduction": 2, "data.name": "digits", "trainer.probes": ["excitations"],
}  # fmt: skip


def test_the_variance_of_the_gates_is_divided_as_an_analysis_of_variance_does(tmp_path: Path) -> None:
    kept = {key: value for key, value in TINY.items() if not key.startswith(("model.", "data."))}
    finished = trained(tmp_path, {**kept, **NETWORK})
    rows = rows_of(finished, "excitations").pivot(index="layer", columns="quantity", values="value")
    assert len(rows) == 3
    module = load_model(finished.directory)
    network = module.network.eval()
    gates: dict[str, list[torch.Tensor]] = {name: [] for name in rows.index}
    for name, seen in gates.items():
        network.get_submodule(f"{name}.gate").register_forward_hook(lambda _, __, out, seen=seen: seen.append(out))
    data = build("digits")
    labels = []
    with torch.no_grad():
        for batch in data.val_dataloader():
            network(batch.images)
            labels.append(batch.labels)
    classes = torch.cat(labels).numpy()
    for name, seen in gates.items():
        values = torch.cat(seen).flatten(1).double().numpy()
        whole = ((values - values.mean(0)) ** 2).sum()
        means = numpy.stack([values[classes == each].mean(0) for each in classes])
        between = ((means - values.mean(0)) ** 2).sum()
        assert rows.loc[name, "between_classes"] == pytest.approx(between / whole, rel=1e-6)
        assert rows.loc[name, "excitation"] == pytest.approx(values.mean(), rel=1e-6)
        assert 0 < between / whole < 1
