"""What somebody meant who wrote a name that there is not: by meaning where the field calls it so, else by spelling."""

import difflib
import re
from collections.abc import Iterable

ABSENT = {
    "lbfgs": "its step evaluates the loss several times over, and a step here draws augmentation and dropout once",
    "muon": "it is for matrices alone, and the other parameters of a network would need a second optimiser",
    "sparseadam": "it is for sparse gradients, which no network here has",
}
"""What exists elsewhere under a name, and why it is not offered."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    # config keys, and the options that are called like them
    "learningrate": ("optim.lr",),
    "momentum": ("optim.momentum",),
    "optimizer": ("optim.name",),
    "optimiser": ("optim.name",),
    "scheduler": ("optim.schedule",),
    "lrschedule": ("optim.schedule",),
    "lrscheduler": ("optim.schedule",),
    "lrdecay": ("optim.decay_factor",),
    "gamma": ("optim.decay_factor",),
    "wd": ("optim.weight_decay",),
    "l2": ("optim.weight_decay",),
    "smoothing": ("optim.label_smoothing",),
    "gradclip": ("optim.clip_norm",),
    "gradientclipval": ("optim.clip_norm",),
    "clipgradnorm": ("optim.clip_norm",),
    "warmupepochs": ("optim.warmup",),
    "nepochs": ("trainer.epochs",),
    "numepochs": ("trainer.epochs",),
    "maxepochs": ("trainer.epochs",),
    "accumulategradbatches": ("trainer.accumulate",),
    "gradaccumulation": ("trainer.accumulate",),
    "amp": ("trainer.precision",),
    "bs": ("data.batch_size",),
    "minibatch": ("data.batch_size",),
    "testbatchsize": ("data.eval_batch_size",),
    "valbatchsize": ("data.eval_batch_size",),
    "valsplit": ("data.validation",),
    "validationsplit": ("data.validation",),
    "augmentation": ("data.augment",),
    "transform": ("data.augment",),
    "transforms": ("data.augment",),
    "datadir": ("data.root",),
    "datapath": ("data.root",),
    "dataset": ("data", "data.name"),
    "arch": ("model", "model.name"),
    "architecture": ("model", "model.name"),
    "net": ("model", "model.name"),
    "network": ("model", "model.name"),
    "dropoutrate": ("model.dropout",),
    "dropoutp": ("model.dropout",),
    "droprate": ("model.dropout",),
    "norm": ("model.norm",),
    "normlayer": ("model.norm",),
    "normalisation": ("model.norm",),
    "normalization": ("model.norm",),
    "layers": ("model.depth",),
    "numlayers": ("model.depth",),
    "hidden": ("model.width",),
    "channels": ("model.width",),
    "initialisation": ("init.scheme",),
    "initialization": ("init.scheme",),
    "weightinit": ("init.scheme",),
    # how runs are executed
    "numworkers": ("workers",),
    "jobs": ("workers",),
    "gpu": ("devices",),
    "gpus": ("devices",),
    "ngpus": ("devices",),
    "numgpus": ("devices",),
    "numdevices": ("devices",),
    "device": ("accelerator",),
    "numseeds": ("seeds",),
    "nseeds": ("seeds",),
    "repeats": ("seeds",),
    "output": ("out",),
    "outputdir": ("out",),
    "outdir": ("out",),
    # norms
    "bn": ("batch",),
    "batchnorm": ("batch",),
    "batchnorm1d": ("batch",),
    "batchnorm2d": ("batch",),
    "syncbn": ("sync_batch",),
    "syncbatchnorm": ("sync_batch",),
    "ghostbn": ("ghost_batch",),
    "ghostbatchnorm": ("ghost_batch",),
    "gn": ("group",),
    "groupnorm": ("group",),
    "ln": ("layer",),
    "layernorm": ("layer",),
    "instancenorm": ("instance",),
    "instancenorm2d": ("instance",),
    "identity": ("none",),
    "off": ("none",),
    # activations, optimisers, schedules, arithmetic
    "swish": ("silu",),
    "adam": ("adamw",),
    "step": ("multistep",),
    "steplr": ("multistep",),
    "multisteplr": ("multistep",),
    "cosineannealing": ("cosine",),
    "cosineannealinglr": ("cosine",),
    "exponentiallr": ("exponential",),
    "fp16": ("16-mixed",),
    "float16": ("16-mixed",),
    "bf16": ("bf16-mixed",),
    "bfloat16": ("bf16-mixed",),
    "fp32": ("32-true",),
    "float32": ("32-true",),
    "fp64": ("64-true",),
    "float64": ("64-true",),
    # datasets
    "fmnist": ("fashion-mnist",),
    "imagefolder": ("folder",),
    "imagenet": ("folder",),
    # metrics
    "testacc": ("test_top1",),
    "testaccuracy": ("test_top1",),
    "valacc": ("val_top1",),
    "valaccuracy": ("val_top1",),
    "trainacc": ("train_top1",),
    "trainaccuracy": ("train_top1",),
    # commands
    "sweep": ("vary",),
    "fit": ("train",),
    "ls": ("list",),
}
"""What the field calls things, in lower case without separators, and what they are called here, the likeliest first."""


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `name` means, else the one that is spelled most like it; None where none is near."""
    valid = list(choices)
    return by_meaning(name, valid) or by_spelling(name, valid)


def by_meaning(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is `name` but for case and separators, or another word for it; None where none is.

    Of a dotted key, its last part may stand for it: `learning_rate` and `model.lr` mean `optim.lr`.
    """
    valid = {choice.lstrip("-"): choice for choice in reversed(list(choices))}
    alike = {_plain(choice): choice for choice in valid.values()}
    if _plain(name) in alike:
        return alike[_plain(name)]
    last = _plain(_last(name))
    for word in (*SYNONYMS.get(_plain(name), ()), *SYNONYMS.get(last, ())):
        for candidate in (word, _last(word)):
            if candidate in valid:
                return valid[candidate]
    ends = {_plain(_last(choice)): choice for choice in valid.values() if "." in choice}
    return ends.get(last)


def by_spelling(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that begins like `name`, or else is spelled most like it; None where none is near."""
    valid = list(choices)
    begins = [choice for choice in valid if _plain(choice).startswith(_plain(name))]
    if begins and len(_plain(name)) > 2:
        return begins[0]
    lowered = {choice.casefold(): choice for choice in reversed(valid)}
    found = difflib.get_close_matches(name.casefold(), list(lowered)[::-1], n=1, cutoff=0.5)
    return lowered[found[0]] if found else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _last(name: str) -> str:
    return name.rpartition(".")[2]
