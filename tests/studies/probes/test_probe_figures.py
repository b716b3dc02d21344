"""What the probes report, against calculations by hand."""

import copy
import itertools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pandas as pd
import pytest
import torch
from scipy import stats
from tiny_runs import TINY
from torch import Tensor, nn
from torch.nn import functional

from datamodules.batches.image_data import ImageDataModule
from lit_archs.building.registry import build
from lit_archs.learning.classifier import LitClassifier
from lit_archs.learning.optimiser import OptimConfig
from litmus.batch import Batch
from studies.probes.base.probe import PROBES, Probe
from studies.probes.covariate_shift import evenly_chosen
from studies.probes.gradient_norms import decay_factor
from studies.probes.lesion import deleted, exchangeable_pairs, find_blocks, reordered
from studies.records.run_record import RunRecord
from studies.training.config import resolve
from studies.training.execute import attempt
from studies.training.run import Execution, Place, Run

Figures = dict[tuple[str, str], float]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def example(network: nn.Module, *shape: int, classes: int = 3, lr: float = 0.1) -> tuple[LitClassifier, Batch, Any]:
    """A module at its step 0, a batch of `shape`, and what stands for the trainer."""
    module = LitClassifier(network, classes, OptimConfig(lr=lr, momentum=0.0), total_steps=10)
    trainer: Any = SimpleNamespace(global_step=0, current_epoch=0, global_rank=0, world_size=1)
    module.trainer = trainer
    labels = torch.arange(shape[0]) % classes
    return module, Batch(random(*shape), labels, shape[0]), trainer


def probe(name: str) -> Probe:
    return PROBES[name](RunRecord(Path("nowhere")), every_n_steps=1, seed=0)


def before_the_step(name: str, module: LitClassifier, batch: Batch, trainer: Any) -> Figures:
    each = probe(name)
    each.on_train_batch_start(trainer, module, batch, 0)
    return figures(each)


def over_the_step(name: str, module: LitClassifier, batch: Batch, trainer: Any, after: dict[str, Tensor]) -> Figures:
    """Measure a step that ends in the parameters `after`."""
    each = probe(name)
    each.on_train_batch_start(trainer, module, batch, 0)
    module.network.load_state_dict(after)
    trainer.global_step = 1
    each.on_train_batch_end(trainer, module, None, batch, 0)
    return figures(each)


def figures(each: Probe) -> Figures:
    assert {row["step"] for row in each.rows} == {0}
    return {(row["layer"], row["quantity"]): row["value"] for row in each.rows}


def gradient(network: nn.Module, batch: Batch, name: str) -> Tensor:
    network.zero_grad()
    functional.cross_entropy(network(batch.images), batch.labels).backward()
    found = network.get_parameter(name).grad
    assert found is not None
    return found.clone()


def linear_stack(factor: float, layers: int, width: int = 8) -> nn.Sequential:
    """Linear layers that are rotations times `factor`, and a classifier."""
    stack = [nn.Linear(width, width, bias=False) for _ in range(layers)]
    with torch.no_grad():
        for index, layer in enumerate(stack):
            layer.weight.copy_(factor * torch.linalg.qr(random(width, width, seed=index)).Q)
    return nn.Sequential(*stack, nn.Linear(width, 3))


@pytest.mark.parametrize("factor", [0.9, 0.2, 1.5])
def test_the_decay_factor_of_a_linear_network_is_that_of_its_layers(factor: float) -> None:
    network = linear_stack(factor, layers=12)
    module, batch, trainer = example(network, 16, 8)
    measured = before_the_step("gradient_norms", module, batch, trainer)
    assert measured["", "decay_factor"] == pytest.approx(factor, rel=1e-5)
    assert measured["", "decay_layers"] == 12
    assert measured["4", "output_gradient_rms"] / measured["11", "output_gradient_rms"] == pytest.approx(factor**7)


def test_gradients_are_those_of_the_mean_loss() -> None:
    network = build("resnet_cifar", depth=8, width=4, shortcut="B", in_channels=1, image_size=8)
    network.train()
    module, batch, trainer = example(network, 12, 1, 8, 8)
    measured = before_the_step("gradient_norms", module, batch, trainer)
    name = "stage2.0.branch.conv1"
    kept: dict[str, Tensor] = {}

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
        output.retain_grad()
        kept[name] = output

    handle = network.get_submodule(name).register_forward_hook(keep)
    by_weight = gradient(network, batch, f"{name}.weight")
    handle.remove()
    assert measured[name, "weight_gradient_norm"] == pytest.approx(float(by_weight.norm()), rel=1e-5)
    by_output = kept[name].grad
    assert by_output is not None
    assert measured[name, "output_gradient_rms"] == pytest.approx(float(by_output.square().mean().sqrt()), rel=1e-5)
    layers = {layer for layer, _ in measured if layer}
    hidden = [layer for layer in layers if "shortcut" not in layer and layer != "classifier"]
    assert len(layers) - 1 - len(hidden) == 2  # two projections
    assert measured["", "decay_layers"] == len(hidden) == 7


def test_gradients_without_a_logarithm_do_not_count() -> None:
    line = [0.9 ** (5 - index) for index in range(6)]
    assert decay_factor(line) == (pytest.approx(0.9), 6)
    assert decay_factor([0.0, *line[1:4], math.inf, line[5]]) == (pytest.approx(0.9), 4)
    assert math.isnan(decay_factor([0.0, 1.0, math.nan])[0])


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "scaled_tanh"])
def test_activation_statistics(activation: str) -> None:
    network = build("mlp", in_channels=1, image_size=4, depth=1, width=20, activation=activation, num_classes=3)
    layer: Any = network.get_submodule("linear1")
    with torch.no_grad():
        layer.weight.mul_(3)
        layer.bias[5] = -1000.0
    module, batch, trainer = example(network, 50, 1, 4, 4)
    measured = before_the_step("activations", module, batch, trainer)
    entering = (batch.images.flatten(1) @ layer.weight.T + layer.bias).detach().double().numpy()
    name = "norm1.activation"
    assert measured[name, "mean"] == pytest.approx(entering.mean(), rel=1e-5)
    assert measured[name, "sd"] == pytest.approx(entering.std(), rel=1e-5)
    for percent in (15, 50, 85):
        expected = numpy.percentile(entering[:, 0], percent)
        assert measured[name, f"p{percent}"] == pytest.approx(expected, rel=1e-4)
    for unit in (0, 7, 15):
        low, middle, high = numpy.percentile(entering[:, unit], [15, 50, 85])
        assert measured[name, f"median_of_unit_{unit}"] == pytest.approx(middle, rel=1e-4)
        assert measured[name, f"spread_of_unit_{unit}"] == pytest.approx(high - low, rel=1e-4)
    assert (name, "median_of_unit_16") not in measured
    if activation == "relu":
        assert measured[name, "dead_fraction"] == 1 / 20
        assert (name, "saturated_fraction") not in measured
        return
    # atanh(0.95) = 1.8318, and sigmoid(x) = (1 + tanh(x / 2)) / 2.
    edge = math.atanh(0.95) * {"tanh": 1.0, "sigmoid": 2.0, "scaled_tanh": 1.5}[activation]
    assert measured[name, "saturated_fraction"] == pytest.approx((abs(entering) > edge).mean())
    assert (name, "dead_fraction") not in measured


def test_the_unit_of_a_map_is_its_centre_and_a_dead_one_a_channel() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(5 * 6 * 8, 3))
    module, batch, trainer = example(network, 30, 5, 6, 8)
    images = batch.images.clone()
    images[:, 3] = -1.0
    images[4, 3, 0, 0] = 1.0  # once, in a corner: alive
    images[:, 2] = -1.0
    measured = before_the_step("activations", module, batch._replace(images=images), trainer)
    assert measured["0", "p85"] == pytest.approx(numpy.percentile(images[:, 0, 3, 4], 85), rel=1e-5)
    assert measured["0", "median_of_unit_1"] == pytest.approx(numpy.percentile(images[:, 1, 3, 4], 50), rel=1e-5)
    assert measured["0", "dead_fraction"] == 1 / 5


def test_batch_statistics() -> None:
    norm = nn.BatchNorm2d(4)
    without = nn.BatchNorm2d(4, track_running_stats=False)
    network = nn.Sequential(norm, without, nn.Flatten(), nn.Linear(4 * 9, 3))
    module, batch, trainer = example(network, 10, 4, 3, 3)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(torch.tensor([0.5, -1.0, 2.0, 0.0]))
    norm.running_var.copy_(torch.tensor([1.0, 4.0, 0.25, 2.0]))
    measured = before_the_step("batch_statistics", module, batch, trainer)
    values = batch.images.transpose(0, 1).flatten(1).double().numpy()
    mean, variance = values.mean(1), values.var(1, ddof=1) + norm.eps
    running_mean, running_variance = numpy.array([0.5, -1.0, 2.0, 0.0]), numpy.array([1.0, 4.0, 0.25, 2.0]) + norm.eps
    distance = numpy.sqrt(numpy.mean((mean - running_mean) ** 2 / running_variance))
    assert measured["0", "mean_distance"] == pytest.approx(distance, rel=1e-6)
    ratio = numpy.abs(numpy.log(variance / running_variance)).mean()
    assert measured["0", "variance_log_ratio"] == pytest.approx(ratio, rel=1e-6)
    assert {layer for layer, _ in measured} == {"0"}
    assert norm.running_mean.tolist() == [0.5, -1.0, 2.0, 0.0]


def test_covariate_shift_follows_its_definition() -> None:
    network = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 3))
    module, batch, trainer = example(network, 20, 6)
    before = copy.deepcopy(network)
    after = {key: value + 0.3 * random(*value.shape, seed=9) for key, value in network.state_dict().items()}
    measured = over_the_step("covariate_shift", module, batch, trainer, after)
    for layer, updated in {"2": ("0.",), "4": ("0.", "2.")}.items():
        partly = copy.deepcopy(before)
        partly.load_state_dict({**before.state_dict(), **{k: v for k, v in after.items() if k.startswith(updated)}})
        first, second = (gradient(each, batch, f"{layer}.weight").double() for each in (before, partly))
        shift = float((first - second).norm())
        assert shift > 0
        assert measured[layer, "shift"] == pytest.approx(shift, rel=1e-5)
        assert measured[layer, "relative_shift"] == pytest.approx(shift / float(first.norm()), rel=1e-5)
        cosine = float((first * second).sum() / first.norm() / second.norm())
        assert measured[layer, "cosine"] == pytest.approx(cosine, rel=1e-5)
    assert {layer for layer, _ in measured} == {"2", "4"}
    assert all(torch.equal(value, after[key]) for key, value in network.state_dict().items())


def test_a_step_that_leaves_the_layers_before_alone_shifts_nothing() -> None:
    # With dropout: both passes have to draw the same masks.
    network = nn.Sequential(nn.Linear(6, 7), nn.Dropout(0.5), nn.Linear(7, 5), nn.Linear(5, 3))
    module, batch, trainer = example(network, 20, 6)
    last = {key: value + key.startswith("3.") for key, value in network.state_dict().items()}
    measured = over_the_step("covariate_shift", module, batch, trainer, last)
    assert measured["2", "shift"] == measured["3", "shift"] == 0.0


def test_at_most_eight_layers_are_chosen_evenly() -> None:
    layers: Any = {str(index): nn.Linear(1, 1) for index in range(20)}
    chosen = [int(name) for name in evenly_chosen(layers, 8)]
    assert len(chosen) == 8
    assert chosen[-1] == 19
    assert {b - a for a, b in itertools.pairwise(chosen)} <= {2, 3}
    assert list(evenly_chosen(dict(list(layers.items())[:4]), 8)) == ["1", "2", "3"]


class Quadratic(nn.Module):
    """L = ½ Σ a x², whatever the images are."""

    def __init__(self, a: Tensor, x: Tensor) -> None:
        super().__init__()
        self.a = a
        self.x = nn.Parameter(x)

    def forward(self, images: Tensor) -> Tensor:
        return self.x.expand(len(images), -1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return 0.5 * (self.a * logits**2).sum(1)


def test_predictiveness_on_a_quadratic_loss() -> None:
    a, x, lr = torch.tensor([1.0, 3.0, 0.5]), torch.tensor([2.0, -1.0, 4.0]), 0.1
    network = Quadratic(a, x.clone())
    module, batch, trainer = example(network, 6, 3, lr=lr)
    measured = before_the_step("gradient_predictiveness", module, batch, trainer)
    g = a * x
    losses = [float(0.5 * (a * (x - step * lr * g) ** 2).sum()) for step in (0.5, 1, 2, 4)]
    expected = {
        "loss": float(0.5 * (a * x**2).sum()),
        "loss_lowest": min(losses),
        "loss_highest": max(losses),
        "loss_range": max(losses) - min(losses),
        "gradient_norm": float(g.norm()),
        "gradient_change": float((4 * lr * a * g).norm()),
        "smoothness": float((a * g).norm() / g.norm()),
    }
    assert measured == {("", key): pytest.approx(value, rel=1e-5) for key, value in expected.items()}
    assert torch.equal(network.x, x)


def test_update_ratio_of_plain_gradient_descent() -> None:
    network = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 3))
    module, batch, trainer = example(network, 20, 6)
    weight = network[0].weight.detach().clone()
    found = gradient(network, batch, "0.weight")
    after = {key: value - 0.1 * gradient(network, batch, key) for key, value in network.state_dict().items()}
    measured = over_the_step("update_ratio", module, batch, trainer, after)
    assert measured["0", "update_ratio"] == pytest.approx(0.1 * float(found.norm() / weight.norm()), rel=1e-4)


def residual_network(depth: int = 14, **options: Any) -> Any:
    network: Any = build("resnet_cifar", depth=depth, width=4, in_channels=1, image_size=8, **options).eval()
    return network


IMAGES = random(5, 1, 8, 8)


def test_deleting_a_residual_block_leaves_its_shortcut() -> None:
    network = residual_network()
    blocks = find_blocks(network, IMAGES[:1])
    names = [f"stage{stage}.{index}" for stage in (1, 2, 3) for index in (0, 1)]
    assert [block.name for block in blocks] == names
    assert [block.keeps_shape for block in blocks] == [True, True, False, True, False, True]
    intact = network(IMAGES)
    for name in ("stage1.1", "stage2.0"):
        with deleted([block for block in blocks if block.name == name]):
            result = network(IMAGES)
        x = network.norm(network.conv(IMAGES))
        for each in names:
            block = network.get_submodule(each)
            x = functional.relu(block.shortcut(x)) if each == name else block(x)
        expected = network.classifier(x.mean((2, 3)))
        torch.testing.assert_close(result, expected)
        assert not torch.allclose(result, intact, atol=1e-3)
    assert torch.equal(network(IMAGES), intact)


def test_deleting_a_block_whose_branch_is_zero_changes_nothing() -> None:
    network = residual_network(zero_gamma=True)
    blocks = find_blocks(network, IMAGES[:1])
    intact = network(IMAGES)
    with deleted(blocks):
        assert torch.equal(network(IMAGES), intact)


def test_a_plain_block_is_deleted_whole_where_it_keeps_the_shape() -> None:
    network = residual_network(residual=False)
    blocks = find_blocks(network, IMAGES[:1])
    assert not any(block.residual for block in blocks)
    without = copy.deepcopy(network)
    without.stage1[1] = nn.Identity()
    with deleted([blocks[1]]):
        assert torch.equal(network(IMAGES), without(IMAGES))


def test_layers_of_a_plain_stack_are_blocks() -> None:
    network: Any = build("vgg16", norm="batch", width=4, head="average", in_channels=1, image_size=32).eval()
    images = random(2, 1, 32, 32)
    blocks = find_blocks(network, images[:1])
    assert len(blocks) == 13
    # Doubling channels at the start of a stage, up to the fourth.
    assert [block.name for block in blocks if not block.keeps_shape] == [f"stage{n}.conv1" for n in (1, 2, 3, 4)]
    without = copy.deepcopy(network)
    without.stage3.conv2, without.stage3.norm2 = nn.Identity(), nn.Identity()
    with deleted([block for block in blocks if block.name == "stage3.conv2"]):
        assert torch.equal(network(images), without(images))


def test_exchanged_blocks_change_places_and_return() -> None:
    whole = residual_network(depth=20)
    blocks = find_blocks(whole, IMAGES[:1])
    assert exchangeable_pairs(blocks) == [(0, 1), (0, 2), (1, 2), (4, 5), (7, 8)]
    swapped = copy.deepcopy(whole)
    swapped.stage2[1], swapped.stage2[2] = whole.stage2[2], whole.stage2[1]
    intact = whole(IMAGES)
    with reordered(blocks, [0, 1, 2, 3, 5, 4, 6, 7, 8]):
        result = whole(IMAGES)
    assert torch.equal(result, swapped(IMAGES))
    assert not torch.equal(result, intact)
    assert torch.equal(whole(IMAGES), intact)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {**TINY, "model.name": "resnet_cifar", "model.depth": 14, "model.width": 4, "optim.lr": 0.05}
    probes = ["lesion", "logits", "per_class_accuracy"]
    config = resolve({**settings, "data.eval_batch_size": 100, "trainer.probes": probes})
    this_run = Run("0123456789ab", "example", "an arm", {}, config, tmp_path_factory.mktemp("finished"))
    assert attempt(this_run, Execution(), Place(), lambda fraction: None, attempts=1) == "finished"
    return this_run


@pytest.fixture(scope="module")
def trained(finished: Run) -> tuple[Any, ImageDataModule]:
    state = torch.load(finished.record.checkpoint, weights_only=True)["state_dict"]
    network = build("resnet_cifar", depth=14, width=4, in_channels=1, image_size=8)
    network.load_state_dict({k.removeprefix("network."): v for k, v in state.items() if k.startswith("network.")})
    return network.eval(), ImageDataModule(finished.config.data, finished.config.seed)


@torch.no_grad()
def accuracy(network: nn.Module, data: ImageDataModule) -> float:
    images = data.normalise(data.arrays.train_images[data.val_indices])
    return float((network(images).argmax(1) == data.arrays.train_labels[data.val_indices]).double().mean())


def rows_of(finished: Run, name: str) -> pd.DataFrame:
    rows = pd.read_csv(finished.record.probes_file, keep_default_na=False)
    return rows[rows["probe"] == name]


def test_stored_logits_are_those_of_the_final_weights(finished: Run, trained: tuple[Any, ImageDataModule]) -> None:
    network, data = trained
    arrays = data.arrays
    with numpy.load(finished.record.logits_file) as stored, torch.no_grad():
        for split, images, labels in (
            ("val", arrays.train_images[data.val_indices], arrays.train_labels[data.val_indices]),
            ("test", arrays.test_images, arrays.test_labels),
        ):
            expected = network(data.normalise(images)).numpy()
            assert stored[f"{split}_logits"].dtype == numpy.float32
            numpy.testing.assert_allclose(stored[f"{split}_logits"], expected, rtol=1e-4, atol=1e-4)
            assert (stored[f"{split}_labels"] == labels.numpy()).all()
        assert (stored["val_samples"] == data.val_indices.numpy()).all()
        metrics = finished.record.read_summary()["metrics"]
        right = stored["test_logits"].argmax(1) == stored["test_labels"]
        assert right.mean() == pytest.approx(metrics["test_top1"])


def test_accuracies_of_the_classes_are_those_of_the_logits(finished: Run) -> None:
    rows = rows_of(finished, "per_class_accuracy")
    last = rows[rows["step"] == rows["step"].max()].set_index("layer")["value"].astype(float)
    assert list(last.index) == [str(digit) for digit in range(10)]
    with numpy.load(finished.record.logits_file) as stored:
        labels, right = stored["val_labels"], stored["val_logits"].argmax(1) == stored["val_labels"]
    for digit in range(10):
        assert last[str(digit)] == pytest.approx(right[labels == digit].mean())
    assert rows["step"].nunique() == finished.config.trainer.epochs


def test_lesions_are_validation_accuracies_of_damaged_networks(
    finished: Run, trained: tuple[Any, ImageDataModule]
) -> None:
    network, data = trained
    rows = rows_of(finished, "lesion").set_index(["layer", "quantity"])["value"].astype(float)
    metrics = finished.record.read_summary()["metrics"]
    assert rows["", "top1_intact"] == pytest.approx(metrics["val_top1"])
    assert rows["", "blocks"] == 6
    for name in ("stage1.1", "stage2.1", "stage3.0"):
        damaged = copy.deepcopy(network)
        damaged.get_submodule(f"{name}.branch.norm_last").weight.data.zero_()
        damaged.get_submodule(f"{name}.branch.norm_last").bias.data.zero_()
        assert rows[name, "top1_without"] == pytest.approx(accuracy(damaged, data))
    singles = [rows[f"stage{stage}.{index}", "top1_without"] for stage in (1, 2, 3) for index in (0, 1)]
    assert min(singles) <= rows["", "top1_deleted_1"] <= max(singles)
    assert ("", "top1_deleted_4") in rows.index
    # The one exchange there is: the only stage whose two blocks keep the same shape is the first.
    swapped = copy.deepcopy(network)
    swapped.stage1[0], swapped.stage1[1] = network.stage1[1], network.stage1[0]
    assert rows["", "top1_shuffled_1"] == pytest.approx(accuracy(swapped, data))
    tau = stats.kendalltau(range(6), [1, 0, 2, 3, 4, 5]).statistic
    assert rows["", "kendall_tau_shuffled_1"] == pytest.approx(tau)
    assert ("", "top1_shuffled_2") not in rows.index
