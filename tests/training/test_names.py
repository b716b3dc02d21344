"""Labels of any content become names within W&B's limits, and stay apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litmus.training import loggers as names

HOSTILE = (
    "<script>alert(1)</script>",
    'a "quoted" \\ name',
    "../../etc/passwd",
    "\u202egnp.exe",
    "نموذج",
    "模型🦊",
    "a\nb\tc",
    "x" * 500,
)


@given(st.text(max_size=300), st.integers(min_value=16, max_value=200))
def test_a_name_is_one_line_within_its_length(text: str, length: int) -> None:
    shown = names.shortened(text, length)
    assert 1 <= len(shown) <= length
    assert shown == shown.strip()
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(alphabet="ab", min_size=100, max_size=200), st.text(alphabet="ab", min_size=100, max_size=200))
def test_long_names_with_equal_starts_stay_apart(first: str, second: str) -> None:
    one, other = names.shortened("x" * 60 + first, 64), names.shortened("x" * 60 + second, 64)
    assert (one == other) == (first == second)


@pytest.mark.parametrize("label", HOSTILE)
def test_tags_have_at_most_64_characters(label: str) -> None:
    tags = names.tags(label, {label: label, "model.norm": "none"}, [label])
    assert all(1 <= len(tag) <= 64 for tag in tags)
    assert "model.norm=none" in tags


def test_what_is_readable_stays_as_it_is() -> None:
    assert names.shortened("نموذج <b>") == "نموذج <b>"
    assert names.key("gradient_norms", "rms", "a/b") == "gradient_norms/rms/a∕b"
    assert names.group("study", "norm none") == "study: norm none"


def test_two_studies_that_share_a_run_have_a_run_each() -> None:
    assert names.identity("one", "0123456789ab") != names.identity("two", "0123456789ab")
