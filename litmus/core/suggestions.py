"""What a user meant by an unknown name: the same thing under PyTorch's or Lightning's name for it, or the nearest."""

import difflib
import re
from collections.abc import Iterable

_WORDS = {
    "optim.lr": "learningrate", "optim.momentum": "momentum", "optim.name": "optimizer optimiser",
    "optim.schedule": "scheduler lrscheduler", "optim.decay_factor": "gamma lrdecay", "optim.weight_decay": "wd l2",
    "optim.clip_norm": "gradclip gradientclipval", "trainer.epochs": "maxepochs numepochs", "trainer.precision": "amp",
    "trainer.accumulate": "accumulategradbatches", "data.batch_size": "bs", "data.eval_batch_size": "testbatchsize",
    "data.validation": "valsplit", "data.augment": "transform transforms augmentation", "data.root": "datadir datapath",
    "data.name": "dataset", "data": "dataset", "model": "arch architecture network",
    "model.name": "arch architecture network", "model.dropout": "dropoutrate", "model.depth": "layers numlayers",
    "model.norm": "norm normlayer normalisation normalization", "model.width": "hidden channels",
    "init.scheme": "weightinit initialisation initialization", "workers": "numworkers jobs",
    "devices": "gpu gpus ngpus numgpus", "accelerator": "device", "seeds": "repeats", "out": "output outputdir outdir",
    "batch": "bn batchnorm batchnorm1d batchnorm2d", "sync_batch": "syncbn syncbatchnorm", "ghost_batch": "ghostbn",
    "group": "gn groupnorm", "layer": "ln layernorm", "layer_2d": "layernorm2d",
    "instance": "instancenorm instancenorm2d", "none": "identity off",
    "silu": "swish", "multistep": "step steplr multisteplr", "cosine": "cosineannealing cosineannealinglr",
    "16-mixed": "fp16 float16", "bf16-mixed": "bf16 bfloat16", "32-true": "fp32 float32", "64-true": "fp64 float64",
    "fashion-mnist": "fmnist", "folder": "imagefolder imagenet", "test_top1": "testacc testaccuracy",
    "val_top1": "valacc valaccuracy", "train_top1": "trainacc trainaccuracy", "train": "fit",
}  # fmt: skip
"""What PyTorch, Lightning and others call things here, in lower case without separators."""

SYNONYMS = {
    word: tuple(name for name, words in _WORDS.items() if word in words.split())
    for all_words in _WORDS.values()
    for word in all_words.split()
}
"""The names here that another's name stands for, the likeliest first."""


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `name` means, else the one that is spelled most like it; None where none is near."""
    valid = list(choices)
    return by_meaning(name, valid) or by_spelling(name, valid)


def in_any_case(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is `name` but for its case; None where none is, or several are."""
    alike = [choice for choice in choices if choice.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


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
