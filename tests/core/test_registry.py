"""Registries find what one file defines, and name the nearest match of what they do not have."""

from typing import Any

import pytest

from litmus.core.errors import UserError, unknown_name
from litmus.core.registry import Registry, declared
from litmus.datamodules.loading.registry import DATASETS
from litmus.probes.probe import PROBES


def test_a_wrong_name_gets_the_nearest_and_all_valid_ones() -> None:
    registry: Registry[int] = Registry("net", "litmus")
    registry.add("resnet20", 0, __name__)
    registry.add("lenet5", 1, __name__)
    with pytest.raises(UserError) as caught:
        registry["resnt20"]
    assert str(caught.value) == "unknown net 'resnt20'; did you mean 'resnet20'? valid: lenet5, resnet20"
    assert "did you mean" not in str(unknown_name("net", "zzz", ["a", "b"]))


def test_what_is_read_from_the_source_is_what_the_registries_hold() -> None:
    datasets = declared("datamodules")
    assert list(datasets) == of_the_package(DATASETS)
    assert {name: texts["summary"] for name, texts in datasets.items()} == {
        name: DATASETS[name].summary for name in datasets
    }
    probes = declared("litmus.probes")
    assert list(probes) == of_the_package(PROBES)
    for name, texts in probes.items():
        assert (texts["summary"], texts["cost"]) == (PROBES[name].summary, PROBES[name].cost)


def of_the_package(registry: Registry[Any]) -> list[str]:
    """Return the sorted names that the package registers, without those of other tests in this process."""
    return sorted(name for name in registry if str(registry.module_of(name)).startswith("litmus."))
