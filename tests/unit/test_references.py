"""A work that a text names is told in full."""

import re

from biornn import references


def test_works_are_those_that_the_text_names():
    text = "by Adam (Kingma & Ba 2015), after Holm 1979, not Holmes"
    found = references.cited(
        text, ["Zuse K. Title. Journal (1941).", "Zuse K. Title. Journal (1941)."]
    )
    assert [work.split(" ")[0] for work in found] == ["Holm", "Kingma", "Zuse"]
    assert references.cited("nothing") == []


def test_the_same_work_in_other_words_is_told_once():
    own = "Holm S. A simple sequentially rejective multiple test procedure. SJS 6 (1979)."
    assert references.cited("Holm 1979", [own]) == [own]


def test_names_and_years_are_those_of_the_works():
    for name, work in references.REFERENCES.items():
        authors, year = re.fullmatch(r"(.+) (\d{4})", name).groups()
        assert work.startswith(authors.split(" ")[0]) and f"({year})" in work and work[-1] == "."
        listed = work.split(". ")[0].split(", ")
        assert (len(listed) == 1) == (" " not in authors), name
        assert (len(listed) == 2) == (" & " in authors), name
