"""For each study two worlds, written from its claims' sentences: one where they all hold, one where all are wrong.

A world says by an arm's label what its runs end with. What a claim does not speak of is set to mislead: accuracies that
are not given run against the test accuracy, the arms that no claim is about are the best or the worst.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

Left = dict[str, Any]
"""Means of a run: `test`, `val` and `train` accuracy; `steps`, at which it is at its best; `cost`; `probes` rows;
`logits`, the arrays of a seed."""

World = Callable[[str], Left]
"""What the runs of the arm of a label end with."""


def world(test: Mapping[str, float], other: float = 0.99, **more: Mapping[str, Any]) -> World:
    """Return the world of these test accuracies by label, `other` that of all other arms, and of more by its name."""

    def of(label: str) -> Left:
        accuracy = test.get(label, other)
        left = {"test": accuracy, "val": 1.1 - accuracy, "train": 1.1 - accuracy}
        return left | {name: by_label[label] for name, by_label in more.items() if label in by_label}

    return of


def ranked(*labels: str, lowest: float = 0.5, step: float = 0.05) -> dict[str, float]:
    """Return accuracies that rise by `step` from the first label to the last."""
    return {label: lowest + step * place for place, label in enumerate(labels)}


def wandering(by_label: Mapping[str, float]) -> dict[str, list[Any]]:
    """Return rows of medians that move that much in the last layer; in the first, the more the less in the last."""
    return {
        label: [
            row
            for step in range(4)
            for layer, size in (("first", 0.1 / amount), ("last", amount))
            for row in ((step, layer, "median_of_unit_0", size * (step % 2)), (step, layer, "spread_of_unit_0", 1.0))
        ]
        for label, amount in by_label.items()
    }


def measured(quantity: str, misleading: str, by_label: Mapping[str, float], layers: Sequence[str]) -> Mapping[str, Any]:
    """Return rows of a probe's quantity, the same at all layers, and of another one that runs against it."""
    return {
        label: [
            row
            for step in (0, 10)
            for layer in layers
            for row in ((step, layer, quantity, value), (step, layer, misleading, 1 / value))
        ]
        for label, value in by_label.items()
    }


def initial(quantity: str, layers: Sequence[str], by_label: Mapping[str, float], later: float) -> Mapping[str, Any]:
    """Return rows of a quantity at the start in the last of `layers`; its inverse before it, `later` for the rest."""
    return {
        label: [(0, layer, quantity, 1 / value) for layer in layers[:-1]]
        + [(0, layers[-1], quantity, value)]
        + [(step, layers[-1], quantity, later) for step in (10, 20)]
        for label, value in by_label.items()
    }


def together(*rows: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Return several probes' rows as one, by label."""
    return {label: [row for each in rows for row in each.get(label, ())] for label in rows[0]}


def costs(**by_name: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return costs by label from the labels' values by the cost's name."""
    labels = dict.fromkeys(label for values in by_name.values() for label in values)
    return {label: {name: values[label] for name, values in by_name.items()} for label in labels}


def inverse(values: Mapping[str, float], by: float = 1e6) -> dict[str, float]:
    """Return values in the opposite order."""
    return {label: by / value for label, value in values.items()}


def without_blocks(by_label: Mapping[str, float]) -> dict[str, list[Any]]:
    """Return rows of the accuracy with one block deleted, and against it that with two deleted."""
    return {
        label: [(9, "", "top1_intact", 0.5), (9, "", "top1_deleted_2", 1 - value)]
        + [(9, block, "top1_without", value) for block in ("block 1", "block 2")]
        for label, value in by_label.items()
    }


def _logits(right: numpy.ndarray[Any, Any], validated: bool) -> dict[str, Any]:
    labels = numpy.arange(len(right)) % 10
    answers = numpy.where(right, labels, (labels + 1) % 10)
    validation_answers = labels if validated else (labels + 1) % 10
    return {
        "test_logits": 5.0 * numpy.eye(10)[answers],
        "test_labels": labels,
        "val_logits": 5.0 * numpy.eye(10)[validation_answers],
        "val_labels": labels,
    }


def errors_of_their_own(seed: int) -> dict[str, Any]:
    """Return logits of seeds that err on different images; the one that errs on none is bad on the validation split."""
    images = numpy.arange(200)
    return _logits((images % 5 != seed) | (seed == 4), validated=seed != 4)


def errors_in_common(seed: int) -> dict[str, Any]:
    """Return logits of seeds that all err on the same half, but for the one that is best on the validation split."""
    images = numpy.arange(200)
    return _logits((images % 2 == 0) if seed else (images % 10 != 0), validated=seed == 0)


def _batch_norm(with_it: str, without: str) -> World:
    """The norm `with_it` is faster, better and trains at higher rates; the test set would choose other rates."""
    val = {
        with_it: {"0.01": 0.85, "0.03": 0.88, "0.1": 0.92, "0.3": 0.9, "1.0": 0.9, "3.0": 0.1},
        without: {"0.01": 0.80, "0.03": 0.95, "0.1": 0.85, "0.3": 0.2, "1.0": 0.1, "3.0": 0.1},
    }
    best = {with_it: ("0.1", 0.9, 100), without: ("0.03", 0.8, 400)}

    def of(label: str) -> Left:
        norm, lr = label.removeprefix("norm ").split(", lr ")
        chosen, test, steps = best[norm]
        if lr != chosen:
            test, steps = (0.3, 900) if norm == with_it else (0.97, 20)
        return {"test": test, "val": val[norm][lr], "train": 0.5, "steps": steps}

    return of


def _named(form: str, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the values by the label that `form` makes of their key."""
    return {form.format(*(key if isinstance(key, tuple) else (key,))): value for key, value in values.items()}


RECIPE = (
    "without", "+ batch norm", "+ lr x5", "+ no dropout", "+ L2 /5", "+ decay x6", "+ no LRN", "+ reshuffling",
    "+ less distortion",
)  # fmt: skip
ZOO_SIZES = {"LeNet-5": 62e3, "AlexNet": 715e3, "VGG-11": 146e3, "ResNet-20": 68e3}
OTHER_SIZES = {"LeNet-5": 62e3, "AlexNet": 500e3, "VGG-11": 146e3, "ResNet-20": 200e3}
STACK_FLOPS = _named("block {}", {"reduced": 128.0, "naive": 500.0, "single3": 346.0, "single5": 963.0})
OTHER_STACK_FLOPS = {**STACK_FLOPS, "block reduced": 300.0}
AUGMENT = "augment {}, norm {}"
INFERENCE = "evaluation_statistics {}, momentum {}, eval_batch_size {}"
SATURATING = "activation {}, norm {}, depth {}"
RESIDUAL = "residual {}, depth {}"
INIT = "norm {}, gain {}"
KINDS = ("plain, 56 layers", "batch norm, 56 layers", "residual + batch norm, 56 layers")
NORMS = ("norm none", "norm batch", "norm noisy_batch")


def _by(labels: Sequence[str], *values: float) -> dict[str, float]:
    return dict(zip(labels, values, strict=True))


def _shift_world(
    test: Sequence[float], shift: Sequence[float], wander: Sequence[float], slope: Sequence[float]
) -> World:
    rows = together(
        measured("relative_shift", "shift", _by(NORMS, *shift), ("first", "last")),
        wandering(_by(NORMS, *wander)),
        measured("smoothness", "gradient_change", _by(NORMS, *slope), ("",)),
    )
    return world(_by(NORMS, *test), train=_by(NORMS, *test), probes=rows)


def _depths(values: Sequence[float], residual: bool) -> dict[str, float]:
    return {RESIDUAL.format(residual, depth): value for depth, value in zip((20, 32, 44, 56), values, strict=True)}


WORLDS: dict[str, tuple[World, World]] = {
    "architectures": (
        world(
            ranked("LeNet-5", "AlexNet", "VGG-11", "ResNet-20"),
            cost=costs(parameters=ZOO_SIZES, flops=inverse(ZOO_SIZES)),
        ),
        world(
            ranked("ResNet-20", "VGG-11", "AlexNet", "LeNet-5"),
            cost=costs(parameters=OTHER_SIZES, flops=inverse(OTHER_SIZES)),
        ),
    ),
    "augmentation": (
        world(
            _named(AUGMENT, {
                ("none", "batch"): 0.70, ("cifar", "batch"): 0.85, ("cifar_heavy", "batch"): 0.60,
                ("none", "none"): 0.95, ("cifar", "none"): 0.80, ("cifar_heavy", "none"): 0.79,
            }),
            train=_named(AUGMENT, {("none", "batch"): 0.99, ("cifar", "batch"): 0.92}),
        ),
        world(
            _named(AUGMENT, {
                ("none", "batch"): 0.80, ("cifar", "batch"): 0.60, ("cifar_heavy", "batch"): 0.90,
                ("none", "none"): 0.20, ("cifar", "none"): 0.90, ("cifar_heavy", "none"): 0.50,
            }),
            train=_named(AUGMENT, {("none", "batch"): 0.85, ("cifar", "batch"): 0.95}),
        ),
    ),
    "batch_norm": (_batch_norm("batch", without="none"), _batch_norm("none", without="batch")),
    "batch_norm_mnist": (
        world(
            {"norm none": 0.8, "norm batch": 0.9},
            steps={"norm none": 400, "norm batch": 100},
            probes=wandering({"norm none": 1.0, "norm batch": 0.1}),
        ),
        world(
            {"norm none": 0.9, "norm batch": 0.8},
            steps={"norm none": 100, "norm batch": 400},
            probes=wandering({"norm none": 0.1, "norm batch": 1.0}),
        ),
    ),
    "batch_norm_recipe": (world(ranked(*RECIPE)), world(ranked(*reversed(RECIPE)))),
    "batch_size": (
        world(
            _named("{}, batch {}", {
                ("batch", 2): 0.60, ("batch", 64): 0.90, ("batch", 256): 0.80, ("group", 2): 0.88, ("group", 64): 0.89,
                ("batch", 4): 0.20, ("batch", 16): 0.30,
            }),
            train=_named("batch, batch {}", {2: 0.60, 4: 0.70, 16: 0.80, 64: 0.90, 256: 0.95}),
        ),
        world(
            _named("{}, batch {}", {
                ("batch", 2): 0.90, ("batch", 64): 0.70, ("batch", 256): 0.80, ("group", 2): 0.60, ("group", 64): 0.80,
                ("batch", 4): 0.20, ("batch", 16): 0.30,
            }),
            train=_named("batch, batch {}", {2: 0.95, 4: 0.90, 16: 0.80, 64: 0.70, 256: 0.60}),
        ),
    ),
    "bottleneck": (
        world(
            {"bottleneck, 29 layers": 0.95, "basic, 20 layers": 0.90, "bottleneck, 20 layers": 0.30},
            cost=costs(
                flops={"bottleneck, 29 layers": 105.0, "basic, 20 layers": 100.0, "bottleneck, 20 layers": 70.0},
                parameters={"bottleneck, 29 layers": 200.0, "basic, 20 layers": 100.0, "bottleneck, 20 layers": 70.0},
            ),
        ),
        world(
            {"bottleneck, 29 layers": 0.90, "basic, 20 layers": 0.95, "bottleneck, 20 layers": 0.99},
            cost=costs(
                flops={"bottleneck, 29 layers": 115.0, "basic, 20 layers": 100.0, "bottleneck, 20 layers": 100.0},
                parameters={"bottleneck, 29 layers": 100.0, "basic, 20 layers": 100.0, "bottleneck, 20 layers": 100.0},
            ),
        ),
    ),
    "cardinality": (
        world(
            {"8 × 4 channels": 0.9, "1 × 16 channels": 0.8, "2 × 10 channels": 0.99, "4 × 6 channels": 0.2},
            train={"8 × 4 channels": 0.95, "1 × 16 channels": 0.85},
        ),
        world(
            {"8 × 4 channels": 0.8, "1 × 16 channels": 0.9, "2 × 10 channels": 0.2, "4 × 6 channels": 0.99},
            train={"8 × 4 channels": 0.85, "1 × 16 channels": 0.95},
        ),
    ),
    "covariate_shift": (
        _shift_world(test=(0.8, 0.9, 0.895), shift=(1.0, 0.5, 2.0), wander=(0.3, 0.1, 1.0), slope=(10.0, 1.0, 5.0)),
        _shift_world(test=(0.9, 0.8, 0.6), shift=(0.5, 1.0, 0.1), wander=(1.0, 2.0, 0.3), slope=(1.0, 10.0, 0.1)),
    ),
    "dense_connectivity": (
        world({"dense, growth 6": 0.9, "not dense, growth 12": 0.8, "not dense, growth 6": 0.7}),
        world({"dense, growth 6": 0.6, "not dense, growth 12": 0.7, "not dense, growth 6": 0.8}),
    ),
    "ensembling": (
        world({"norm none": 0.8, "norm batch": 0.9}, logits=dict.fromkeys(NORMS, errors_of_their_own)),
        world({"norm none": 0.8, "norm batch": 0.9}, logits=dict.fromkeys(NORMS, errors_in_common)),
    ),
    "gradient_flow": (
        world(
            {},
            train={KINDS[1]: 0.8, KINDS[2]: 0.9},
            probes=initial("decay_factor", [""], _by(KINDS, 0.9, 1.2, 0.98), later=0.5),
        ),
        world(
            {},
            train={KINDS[1]: 0.9, KINDS[2]: 0.8},
            probes=initial("decay_factor", [""], _by(KINDS, 0.6, 0.7, 2.0), later=0.9),
        ),
    ),
    "inception_paths": (
        world(
            {"block reduced": 0.895, "block naive": 0.9, "block single3": 0.9, "block single5": 0.2},
            cost=costs(flops=STACK_FLOPS, parameters=inverse(STACK_FLOPS)),
        ),
        world(
            {"block reduced": 0.7, "block naive": 0.9, "block single3": 0.8, "block single5": 0.2},
            cost=costs(flops=OTHER_STACK_FLOPS, parameters=inverse(STACK_FLOPS)),
        ),
    ),
    "inference_statistics": (
        world(_named(INFERENCE, {
            ("running", 0.1, 2): 0.95, ("running", 0.1, 360): 0.95, ("batch", 0.1, 2): 0.6, ("batch", 0.1, 360): 0.952,
            ("running", 0.01, 360): 0.5,
        })),
        world(_named(INFERENCE, {
            ("running", 0.1, 2): 0.6, ("running", 0.1, 360): 0.8, ("batch", 0.1, 2): 0.9, ("batch", 0.1, 360): 0.7,
            ("running", 0.01, 360): 0.95,
        })),
    ),
    "initialisation": (
        world(
            _named(INIT, {
                ("batch", 0.1): 0.9, ("batch", 1.0): 0.9, ("batch", 10.0): 0.89,
                ("none", 0.1): 0.6, ("none", 1.0): 0.9, ("none", 10.0): 0.5,
            }),
            probes=initial(
                "sd",
                ["first", "last"],
                _named(INIT, {("batch", 1.0): 1.0, ("batch", 10.0): 1.0, ("none", 0.1): 0.02, ("none", 1.0): 50.0}),
                later=1000.0,
            ),
        ),
        world(
            _named(INIT, {
                ("batch", 0.1): 0.5, ("batch", 1.0): 0.9, ("batch", 10.0): 0.6,
                ("none", 0.1): 0.9, ("none", 1.0): 0.8, ("none", 10.0): 0.9,
            }),
            probes=initial(
                "sd",
                ["first", "last"],
                _named(INIT, {("batch", 1.0): 1.0, ("batch", 10.0): 9.0, ("none", 0.1): 1.0, ("none", 1.0): 3.0}),
                later=1000.0,
            ),
        ),
    ),
    "kernel_size": (
        world(
            {"convolutions single": 0.8, "convolutions stacked": 0.9},
            train={"convolutions single": 0.85, "convolutions stacked": 0.95},
        ),
        world(
            {"convolutions single": 0.9, "convolutions stacked": 0.8},
            train={"convolutions single": 0.95, "convolutions stacked": 0.85},
        ),
    ),
    "lenet_to_alexnet": (
        world(ranked("LeNet-5", "ReLU", "max pooling", "dropout", "augmentation", "all")),
        world(ranked("all", "augmentation", "dropout", "max pooling", "ReLU", "LeNet-5")),
    ),
    "lesion": (
        world(
            {"residual False": 0.2, "residual True": 0.99},
            val={"residual False": 0.95, "residual True": 0.96},
            probes=without_blocks({"residual False": 0.2, "residual True": 0.93}),
        ),
        world(
            {"residual False": 0.99, "residual True": 0.2},
            val={"residual False": 0.95, "residual True": 0.96},
            probes=without_blocks({"residual False": 0.93, "residual True": 0.4}),
        ),
    ),
    "norm_placement": (
        world({"before activation": 0.90, "after activation": 0.903, "pre-activation": 0.95}),
        world({"before activation": 0.90, "after activation": 0.95, "pre-activation": 0.85}),
    ),
    "residual_depth": (
        world(
            {**_depths((0.9, 0.85, 0.8, 0.7), False), **_depths((0.90, 0.91, 0.92, 0.93), True)},
            train={**_depths((0.95, 0.85, 0.75, 0.6), False), **_depths((0.96, 0.97, 0.97, 0.98), True)},
        ),
        world(
            {**_depths((0.7, 0.8, 0.85, 0.9), False), **_depths((0.90, 0.87, 0.83, 0.8), True)},
            train={**_depths((0.6, 0.75, 0.85, 0.95), False), **_depths((0.8, 0.75, 0.7, 0.6), True)},
        ),
    ),
    "saturating_activations": (
        world(_named(SATURATING, {
            ("sigmoid", "batch", 8): 0.95, ("sigmoid", "none", 8): 0.12, ("tanh", "batch", 8): 0.95,
            ("tanh", "none", 8): 0.90, ("relu", "batch", 8): 0.97, ("relu", "none", 8): 0.96,
            ("sigmoid", "batch", 2): 0.95, ("sigmoid", "none", 2): 0.90,
        })),
        world(_named(SATURATING, {
            ("sigmoid", "batch", 8): 0.80, ("sigmoid", "none", 8): 0.70, ("tanh", "batch", 8): 0.80,
            ("tanh", "none", 8): 0.90, ("relu", "batch", 8): 0.95, ("relu", "none", 8): 0.50,
            ("sigmoid", "batch", 2): 0.90, ("sigmoid", "none", 2): 0.50,
        })),
    ),
    "shortcuts": (
        world({"none": 0.5, "A": 0.8, "B": 0.85, "C": 0.853, "A, pre-activation": 0.9, "A, zero γ": 0.95}),
        world({"none": 0.95, "A": 0.9, "B": 0.8, "C": 0.7, "A, pre-activation": 0.6, "A, zero γ": 0.5}),
    ),
    "squeeze_excite": (
        world(ranked("without", "without, wider", "max squeeze", "average squeeze")),
        world(ranked("average squeeze", "max squeeze", "without, wider", "without")),
    ),
    "sync_batch_norm": (
        world({
            "synchronised": 0.9, "local, 2 devices": 0.893, "local, 8 devices": 0.85, "local, 16 devices": 0.8,
            "local, 32 devices": 0.7, "group norm": 0.88,
        }),
        world({
            "synchronised": 0.805, "local, 2 devices": 0.7, "local, 8 devices": 0.72, "local, 16 devices": 0.74,
            "local, 32 devices": 0.8, "group norm": 0.6,
        }),
    ),
}  # fmt: skip
"""By study: the world in which the literature is right, and the one in which it is wrong in every claim."""
