"""Suggestions: what the field calls a thing leads to what it is called here, and typing errors to what was meant."""

import pytest

from litmus.cli.main import COMMANDS
from litmus.cli.options import all_config_keys
from litmus.core.config_keys import unknown_key
from litmus.core.errors import unknown_name
from litmus.core.suggestions import SYNONYMS, nearest
from litmus.datamodules.loading.registry import DATASETS
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.training.config import config_keys

NORMS = ("none", "batch", "sync_batch", "ghost_batch", "group", "layer", "instance")
VALUES = {
    "bn": "batch", "BatchNorm2d": "batch", "batch-norm": "batch", "SyncBN": "sync_batch", "btch": "batch",
}  # fmt: skip
KEYS = {
    "optim.learning_rate": "optim.lr", "model.lr": "optim.lr", "lr": "optim.lr", "batchsize": "data.batch_size",
    "dropout_rate": "model.dropout", "trainer.max_epochs": "trainer.epochs", "optim.momemtum": "optim.momentum",
}  # fmt: skip


@pytest.mark.parametrize("written", VALUES)
def test_a_norm_is_found_by_the_names_that_the_field_has_for_it(written: str) -> None:
    assert nearest(written, NORMS) == VALUES[written]
    assert f"did you mean '{VALUES[written]}'?" in str(unknown_name("norm", written, NORMS))


@pytest.mark.parametrize("written", KEYS)
def test_a_config_key_is_found_by_its_meaning_in_whichever_section_it_was_looked_for(written: str) -> None:
    message = str(unknown_key(written, config_keys("lenet5"), "lenet5"))
    assert f"did you mean '{KEYS[written]}'?" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ResNet20", "resnet20"), ("VGG_16", "vgg16"), ("resnt20", "resnet20"), ("CIFAR-10", "cifar10"),
     ("fmnist", "fashion-mnist")],
)  # fmt: skip
def test_an_architecture_or_dataset_is_found_however_it_is_written(written: str, meant: str) -> None:
    assert nearest(written, [*ARCHITECTURES.names(), *DATASETS.names()]) == meant


def test_meaning_goes_before_spelling() -> None:
    assert nearest("batchnorm", ["batch_form", "batch"]) == "batch"
    assert nearest("adam", ["sgd", "adamw"]) == "adamw"
    assert nearest("zzz", NORMS) is None


def test_every_synonym_leads_somewhere() -> None:
    values = {str(choice) for key in all_config_keys().values() for choice in key.choices}
    options = {"workers", "devices", "accelerator", "seeds", "out", "model", "data"}
    metrics = {"test_top1", "val_top1", "train_top1"}
    known = {*all_config_keys(), *values, *options, *metrics, *COMMANDS, *DATASETS.names(), *NORMS}
    assert {word for words in SYNONYMS.values() for word in words} <= known
