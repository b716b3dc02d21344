"""What each claim's sentence says: the arms that it rests on, which of them is the better, and whether in accuracy."""

from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["supported", "contradicted", "inconclusive"]


@dataclass(frozen=True)
class Says:
    """The arms of a claim, by label.

    Args:
        better, worse: accuracy in the one speaks for the claim, in the other against it. Empty where the claim is about
            a measurement, of which a diverged run has none.
        rests: the arms without whose runs there is no verdict.
        diverged: the verdicts where all runs of the better, and where all of the worse arms diverged.
        of: the results that it is about, beside what probes measured: without all others its verdict is the same.
    """

    better: tuple[str, ...]
    worse: tuple[str, ...]
    rests: tuple[str, ...]
    diverged: tuple[Verdict, Verdict] = ("contradicted", "supported")
    of: tuple[str, ...] = ("test_top1",)


def better(one: str, other: str, of: str = "test_top1") -> Says:
    """Return that an arm's accuracy is higher than another's."""
    return Says((one,), (other,), (one, other), of=(of,))


def alike(one: str, other: str, of: str = "test_top1") -> Says:
    """Return that two arms' accuracies are alike, which they are not where either guesses."""
    return Says((one,), (other,), (one, other), ("contradicted", "contradicted"), of=(of,))


def gains_more(one: str, over: str, than: str, over_its: str, of: str = "test_top1") -> Says:
    """Return that the first arm is more above the second than the third above the fourth."""
    return Says((one, over_its), (over, than), (one, over, than, over_its), of=(of,))


def rises(*arms: str, of: str = "test_top1") -> Says:
    """Return that accuracy rises from the first arm to the last."""
    return Says(arms[-1:], arms[:1], arms, of=(of,))


def measured(*arms: str, of: tuple[str, ...] = ()) -> Says:
    """Return that the claim is about what was measured in these arms."""
    return Says((), (), arms, of=of)


def _rates(norm: str, *rates: str) -> tuple[str, ...]:
    return tuple(f"norm {norm}, lr {rate}" for rate in rates)


RATES = ("0.01", "0.03", "0.1", "0.3", "1.0", "3.0")
# Where one arm is left to choose from after the others diverged, it is chosen; where none is, there is no verdict.
TUNED = Says(
    _rates("batch", *RATES),
    _rates("none", *RATES),
    ("norm batch, lr 0.1", "norm none, lr 0.03"),
    ("inconclusive", "inconclusive"),
    of=("val_top1", "test_top1"),
)
NONE, BATCH, NOISY = "norm none", "norm batch", "norm noisy_batch"
REDUCED, NAIVE, SINGLE3, SINGLE5 = "block reduced", "block naive", "block single3", "block single5"


def _augment(recipe: str, norm: str = "batch") -> str:
    return f"augment {recipe}, norm {norm}"


def _inference(statistics: str, batch: int, momentum: float = 0.1) -> str:
    return f"evaluation_statistics {statistics}, momentum {momentum}, eval_batch_size {batch}"


def _gain(norm: str, gain: float) -> str:
    return f"norm {norm}, gain {gain}"


def _plain(depth: int) -> str:
    return f"residual False, depth {depth}"


def _residual(depth: int) -> str:
    return f"residual True, depth {depth}"


def _units(activation: str, norm: str, depth: int = 8) -> str:
    return f"activation {activation}, norm {norm}, depth {depth}"


CLAIMS: dict[str, dict[str, Says]] = {
    "architectures": {
        "AlexNet is more accurate than LeNet-5.": better("AlexNet", "LeNet-5"),
        "VGG is more accurate than AlexNet.": better("VGG-11", "AlexNet"),
        "ResNet is more accurate than VGG.": better("ResNet-20", "VGG-11"),
        "ResNet has fewer parameters than VGG.": measured("ResNet-20", "VGG-11", of=("parameters",)),
        "Fully connected layers hold most parameters: AlexNet has ten times those of ResNet-20.": measured(
            "AlexNet", "ResNet-20", of=("parameters",)
        ),
    },
    "augmentation": {
        "Crops and flips raise test accuracy, with batch norm.": better(_augment("cifar"), _augment("none")),
        "They narrow the gap between training and test accuracy.": measured(
            _augment("cifar"), _augment("none"), of=("train_top1", "test_top1")
        ),
        "With batch norm, less distortion is better: crops and flips beat the heavy recipe.": better(
            _augment("cifar"), _augment("cifar_heavy")
        ),
        "Heavy augmentation costs more with batch norm than without.": gains_more(
            _augment("cifar"), _augment("cifar_heavy"), _augment("cifar", "none"), _augment("cifar_heavy", "none")
        ),
    },
    "batch_norm": {
        "Batch norm reaches the same accuracy in fewer steps.": TUNED,
        "Batch norm allows higher learning rates.": Says(
            _rates("batch", "0.1", "0.3", "1.0", "3.0"),
            _rates("none", "0.03", "0.1", "0.3", "1.0", "3.0"),
            _rates("batch", *RATES) + _rates("none", *RATES),
            of=("val_top1",),
        ),
        "Batch norm reaches a higher accuracy.": TUNED,
    },
    "batch_norm_mnist": {
        "With batch norm the net reaches a higher test accuracy.": better(BATCH, NONE),
        # How fast a net that diverges would have been is not known, but that it never arrives is.
        "With batch norm the net trains faster.": Says(
            (BATCH,), (NONE,), (BATCH, NONE), ("contradicted", "inconclusive"), of=("val_top1",)
        ),
        "Without batch norm the distribution of a layer's input wanders more.": measured(NONE, BATCH),
    },
    "batch_norm_recipe": {
        "Batch norm alone helps.": better("+ batch norm", "without"),
        "With batch norm, five times the learning rate helps.": better("+ lr x5", "+ batch norm"),
        "With batch norm, leaving out dropout helps.": better("+ no dropout", "+ lr x5"),
        "With batch norm, a fifth of the L2 penalty helps.": better("+ L2 /5", "+ no dropout"),
        "With batch norm, decaying six times as fast helps.": better("+ decay x6", "+ L2 /5"),
        "With batch norm, leaving out LRN helps.": better("+ no LRN", "+ decay x6"),
        "With batch norm, shuffling anew in each epoch helps.": better("+ reshuffling", "+ no LRN"),
        "With batch norm, distorting images less helps.": better("+ less distortion", "+ reshuffling"),
        "Batch norm and all seven together help.": better("+ less distortion", "without"),
    },
    "batch_size": {
        "With batch norm, batches of 2 are less accurate than batches of 64, by more than a point.": better(
            "batch, batch 64", "batch, batch 2"
        ),
        "In batches of 2, group norm is more accurate than batch norm, by more than a point.": better(
            "group, batch 2", "batch, batch 2"
        ),
        "Going from 64 to 2 costs batch norm more than group norm.": gains_more(
            "batch, batch 64", "batch, batch 2", "group, batch 64", "group, batch 2"
        ),
        "Too large a batch costs accuracy with batch norm.": better("batch, batch 64", "batch, batch 256"),
        "The larger the batch, the closer batch norm fits the training set.": rises(
            *(f"batch, batch {size}" for size in (2, 4, 16, 64, 256)), of="train_top1"
        ),
    },
    "bottleneck": {
        "At equal cost the deeper network of bottlenecks is more accurate.": better(
            "bottleneck, 29 layers", "basic, 20 layers"
        ),
        "The two cost the same FLOPs, to 10 %.": measured("bottleneck, 29 layers", "basic, 20 layers", of=("flops",)),
    },
    "cardinality": {
        "Eight paths are more accurate than one of the same cost.": better("8 × 4 channels", "1 × 16 channels"),
        "They fit the training set better.": better("8 × 4 channels", "1 × 16 channels", of="train_top1"),
    },
    "covariate_shift": {
        "Batch norm is more accurate than none.": better(BATCH, NONE),
        "Batch norm reduces internal covariate shift.": measured(BATCH, NONE),
        "Noise after batch norm makes the layers' inputs less steady than no norm does.": measured(NOISY, NONE),
        "With that noise it still fits the training set as well as without noise, to two points.": alike(
            NOISY, BATCH, of="train_top1"
        ),
        "Its test accuracy, where there is no noise, is as good, to two points.": alike(NOISY, BATCH),
        "Batch norm makes the gradient change less along its own direction.": measured(BATCH, NONE),
    },
    "dense_connectivity": {
        "At equal parameters the dense network is more accurate.": better("dense, growth 6", "not dense, growth 12"),
        "At equal growth it is, too.": better("dense, growth 6", "not dense, growth 6"),
    },
    "ensembling": {
        "An ensemble of networks with batch norm beats the best of them.": Says(
            (BATCH,), (), (BATCH,), ("inconclusive", "supported"), of=()
        ),
        "An ensemble of networks without batch norm beats the best of them.": Says(
            (NONE,), (), (NONE,), ("inconclusive", "supported"), of=()
        ),
    },
    "gradient_flow": {
        "In a deep plain network the initial factor a layer is within 0.05 of 0.9.": measured("plain, 56 layers"),
        "With batch norm a plain network's initial gradients do not vanish: the factor exceeds 0.9.": measured(
            "batch norm, 56 layers"
        ),
        "Without shortcuts, batch norm makes initial gradients grow towards the first layers.": measured(
            "batch norm, 56 layers"
        ),
        "With shortcuts and batch norm the initial factor is nearer to 1 than with batch norm alone.": measured(
            "residual + batch norm, 56 layers", "batch norm, 56 layers"
        ),
        "That shows in training: at 56 layers shortcuts lower the training error.": better(
            "residual + batch norm, 56 layers", "batch norm, 56 layers", of="train_top1"
        ),
    },
    "inception_paths": {
        "The reduced block costs half the FLOPs of a single 3×3 or less.": measured(REDUCED, SINGLE3, of=("flops",)),
        "The reduced block costs a fifth of a single 5×5 or less.": measured(REDUCED, SINGLE5, of=("flops",)),
        "Reductions cost no accuracy: the reduced block is as accurate as the naive one, to two points.": better(
            REDUCED, NAIVE
        ),
        "The reduced block is at least as accurate as a single 3×3, to two points.": better(REDUCED, SINGLE3),
    },
    "inference_statistics": {
        "With running averages, small evaluation batches give what large ones give.": alike(
            _inference("running", 2), _inference("running", 360)
        ),
        "In batches of two, running averages are more accurate than the batch's own, by more than a point.": better(
            _inference("running", 2), _inference("batch", 2)
        ),
        "In large batches the two agree to a percentage point.": alike(
            _inference("batch", 360), _inference("running", 360)
        ),
        "Averages that follow slowly (momentum 0.01) lag behind the weights and cost accuracy in a short run.": better(
            _inference("running", 360), _inference("running", 360, momentum=0.01)
        ),
    },
    "initialisation": {
        "Weights ten times too small cost less with batch norm.": gains_more(
            _gain("batch", 0.1), _gain("batch", 1.0), _gain("none", 0.1), _gain("none", 1.0)
        ),
        "Weights ten times too large cost less with batch norm.": gains_more(
            _gain("batch", 10.0), _gain("batch", 1.0), _gain("none", 10.0), _gain("none", 1.0)
        ),
        "BN(aWu) = BN(Wu): the scale of the weights does not reach the activations (a = 10).": measured(
            _gain("batch", 10.0), _gain("batch", 1.0)
        ),
        "Without batch norm it does: a factor of ten in the weights is more than that in the activations.": measured(
            _gain("none", 1.0), _gain("none", 0.1)
        ),
    },
    "kernel_size": {
        "The stack is more accurate.": better("convolutions stacked", "convolutions single"),
        "The stack fits the training set better, having twice the non-linearities.": better(
            "convolutions stacked", "convolutions single", of="train_top1"
        ),
    },
    "lenet_to_alexnet": {
        "ReLU instead of tanh helps.": better("ReLU", "LeNet-5"),
        "Max pooling instead of average helps.": better("max pooling", "LeNet-5"),
        "Dropout helps.": better("dropout", "LeNet-5"),
        "Augmentation helps.": better("augmentation", "LeNet-5"),
        "All four together help.": better("all", "LeNet-5"),
    },
    "lesion": {
        "Deleting one block costs a residual network less than a plain one, by more than ten points.": measured(
            "residual True", "residual False", of=("val_top1",)
        ),
        "A residual network keeps most of its accuracy without one block: above 80 % on average.": measured(
            "residual True"
        ),
    },
    "norm_placement": {
        "Before or after the activation makes no difference of a percentage point.": alike(
            "before activation", "after activation"
        ),
        "Pre-activation is more accurate.": better("pre-activation", "before activation"),
    },
    "residual_depth": {
        "A plain network of 56 layers has a higher training error than one of 20.": better(
            _plain(20), _plain(56), of="train_top1"
        ),
        "So it is not overfitting: training accuracy falls with the depth of plain networks.": rises(
            *(_plain(depth) for depth in (56, 44, 32, 20)), of="train_top1"
        ),
        "At 56 layers the residual network has the lower training error.": better(
            _residual(56), _plain(56), of="train_top1"
        ),
        "At 56 layers the residual network has the lower test error.": better(_residual(56), _plain(56)),
        "Shortcuts matter more at 56 layers than at 20.": gains_more(
            _residual(56), _plain(56), _residual(20), _plain(20), of="train_top1"
        ),
        "A residual network of 56 layers has a lower test error than one of 20.": better(_residual(56), _residual(20)),
    },
    "saturating_activations": {
        "A deep sigmoid net trains with batch norm and not without it: more than 20 points lie between.": better(
            _units("sigmoid", "batch"), _units("sigmoid", "none")
        ),
        "A deep tanh net is more accurate with batch norm.": better(_units("tanh", "batch"), _units("tanh", "none")),
        "Batch norm matters more to sigmoid than to ReLU nets.": gains_more(
            _units("sigmoid", "batch"), _units("sigmoid", "none"), _units("relu", "batch"), _units("relu", "none")
        ),
        "Batch norm matters more the deeper the sigmoid net is.": gains_more(
            _units("sigmoid", "batch"),
            _units("sigmoid", "none"),
            _units("sigmoid", "batch", depth=2),
            _units("sigmoid", "none", depth=2),
        ),
    },
    "shortcuts": {
        "Shortcut A is better than none.": better("A", "none"),
        "Shortcut B is better than none.": better("B", "none"),
        "Shortcut C is better than none.": better("C", "none"),
        "B is slightly better than A.": better("B", "A"),
        "Projections are not essential: C is within a point of B.": alike("C", "B"),
        "Pre-activation is better.": better("A, pre-activation", "A"),
        "Starting the last γ of each branch at zero is better.": better("A, zero γ", "A"),
    },
    "squeeze_excite": {
        "Squeeze-and-excitation is more accurate than none.": better("average squeeze", "without"),
        "It is more accurate than a wider network of more parameters.": better("average squeeze", "without, wider"),
        "Average pooling is the better squeeze.": better("average squeeze", "max squeeze"),
    },
    "sync_batch_norm": {
        "Two samples a device, not synchronised, cost a percentage point or more.": better(
            "synchronised", "local, 32 devices"
        ),
        "Shares of 32 samples, not synchronised, cost less than two percentage points.": better(
            "local, 2 devices", "synchronised"
        ),
        "The larger a device's share, the higher the accuracy.": rises(
            *(f"local, {devices} devices" for devices in (32, 16, 8, 2))
        ),
        "With two samples a device, group norm is more accurate than local batch norm.": better(
            "group norm", "local, 32 devices"
        ),
    },
}
"""By study and sentence."""


def _shortcut(form: str = "A", residual: bool = True, before: bool = False, zero: bool = False) -> dict[str, Any]:
    return {
        "model.shortcut": form,
        "model.residual": residual,
        "model.pre_activation": before,
        "model.zero_gamma": zero,
    }


LEVELS: dict[str, dict[str, dict[str, Any]]] = {
    "batch_size": {
        f"{norm}, batch {size}": {"model.norm": norm, "data.batch_size": size, "optim.lr": rate}
        for norm in ("batch", "group", "layer", "instance", "ghost_batch", "none")
        for size, rate in ((2, 0.003125), (4, 0.00625), (16, 0.025), (64, 0.1), (256, 0.4))
    },
    "bottleneck": {
        f"{block}, {depth} layers": {"model.block": block, "model.depth": depth}
        for block, depth in (("basic", 20), ("bottleneck", 20), ("bottleneck", 29))
    },
    "cardinality": {
        f"{paths} × {width} channels": {"model.name": f"resnext11_{paths}x{width}d"}
        for paths, width in ((1, 16), (2, 10), (4, 6), (8, 4))
    },
    "dense_connectivity": {
        "dense, growth 6": {"model.dense": True, "model.growth_rate": 6},
        "not dense, growth 6": {"model.dense": False, "model.growth_rate": 6},
        "not dense, growth 12": {"model.dense": False, "model.growth_rate": 12},
    },
    "gradient_flow": {
        f"{kind}, {depth} layers": {"model.norm": norm, "model.residual": residual, "model.depth": depth}
        for kind, norm, residual in (
            ("plain", "none", False),
            ("batch norm", "batch", False),
            ("residual", "none", True),
            ("residual + batch norm", "batch", True),
        )
        for depth in (8, 20, 56)
    },
    "norm_placement": {
        "before activation": {"norm.placement": "before", "model.pre_activation": False},
        "after activation": {"norm.placement": "after", "model.pre_activation": False},
        "pre-activation": {"norm.placement": "before", "model.pre_activation": True},
    },
    "shortcuts": {
        "none": _shortcut(residual=False),
        "A": _shortcut("A"),
        "B": _shortcut("B"),
        "C": _shortcut("C"),
        "A, pre-activation": _shortcut("A", before=True),
        "A, zero γ": _shortcut("A", zero=True),
    },
    "squeeze_excite": {
        "without": {"model.squeeze_excite": False, "model.squeeze": "average", "model.width": 8},
        "without, wider": {"model.squeeze_excite": False, "model.squeeze": "average", "model.width": 9},
        "average squeeze": {"model.squeeze_excite": True, "model.squeeze": "average", "model.width": 8},
        "max squeeze": {"model.squeeze_excite": True, "model.squeeze": "max", "model.width": 8},
    },
    "sync_batch_norm": {
        "synchronised": {"model.norm": "batch", "norm.virtual_batch_size": 64},
        "local, 2 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 32},
        "local, 8 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 8},
        "local, 16 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 4},
        "local, 32 devices": {"model.norm": "ghost_batch", "norm.virtual_batch_size": 2},
        "group norm": {"model.norm": "group", "norm.virtual_batch_size": 64},
    },
}
"""Levels of the arms by study and label, where a claim names its arms by a label that the study gave them."""
