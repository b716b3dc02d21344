"""The pages that are made of the code are current, and what is typed in the others is there."""

import pytest

from docs.pages import FOLDER, PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_made_of_the_code_is_current(page: str) -> None:
    assert (FOLDER / page).read_text() == PAGES[page](), "python docs/pages.py writes it anew"
