"""Registries find what one file defines, and name the nearest match of what they do not have."""

import pytest

from litmus.core.errors import UserError, unknown_name
from litmus.core.registry import Registry


def test_a_wrong_name_gets_the_nearest_and_all_valid_ones() -> None:
    registry: Registry[int] = Registry("net", "litmus")
    registry.add("resnet20", 0, __name__)
    registry.add("lenet5", 1, __name__)
    with pytest.raises(UserError) as caught:
        registry["resnt20"]
    assert str(caught.value) == "unknown net 'resnt20'; did you mean 'resnet20'? valid: lenet5, resnet20"
    assert "did you mean" not in str(unknown_name("net", "zzz", ["a", "b"]))
