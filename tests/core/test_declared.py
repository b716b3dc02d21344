"""What `litmus list` reads from the source is what the registries hold once it is run."""

from litmus.core.registry import declared
from litmus.datamodules.loading.registry import DATASETS
from litmus.probes.probe import PROBES


def test_datasets_and_probes_are_declared_as_they_are_registered() -> None:
    datasets = declared("datamodules")
    assert list(datasets) == sorted(DATASETS.names())
    assert {name: texts["summary"] for name, texts in datasets.items()} == {
        name: DATASETS[name].summary for name in DATASETS
    }
    probes = declared("litmus.probes")
    assert list(probes) == sorted(PROBES.names())
    for name, texts in probes.items():
        assert (texts["summary"], texts["cost"]) == (PROBES[name].summary, PROBES[name].cost)
