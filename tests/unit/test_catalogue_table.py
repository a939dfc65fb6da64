"""The README's table of published analyses is that of the stored run."""

from pathlib import Path

import made_catalogue
import pytest
from biornn import catalogue, catalogue_table
from biornn.config import load_variants
from biornn.files import InputError, read_yaml, write_tsv

ROOT = Path(__file__).parents[2]
STORED = ROOT / "resources/published.tsv"


def test_the_readme_has_the_stored_numbers_and_no_others():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = catalogue_table.read(STORED)
    assert list(table.columns) == catalogue.CATALOGUE_COLUMNS and len(table)
    assert catalogue_table.updated(readme, table) == readme, "run `make published-table`"
    # what is edited by hand does not stay
    row = next(line for line in readme.splitlines() if line.startswith(f"| {table['analysis'][0]}"))
    digit = next(each for each in row if each.isdigit())
    edited = readme.replace(row, row.replace(digit, str((int(digit) + 1) % 10), 1))
    assert edited != readme and catalogue_table.updated(edited, table) == readme


def test_the_stored_numbers_are_those_of_the_analyses_as_they_are():
    """No analysis, and no published value, was added or changed without a run after it."""
    stored = catalogue_table.read(STORED)
    entries = read_yaml(ROOT / "config/config.yaml")[0]["catalogue"]
    analyses = {
        f"{entry}_{variant}" if variant else entry: analysis
        for entry in entries
        for variant, analysis in load_variants(ROOT / f"config/analyses/{entry}.yaml").items()
    }
    assert list(stored["analysis"].drop_duplicates()) == list(analyses)
    for name, analysis in analyses.items():
        rows = stored[stored["analysis"] == name]
        found = [(row.model, row.metric) for row in rows.itertuples()]
        wanted = [(entry.name, entry.metric) for entry in analysis.published]
        assert not wanted or found == wanted, name
        for entry, value in zip(analysis.published, rows["published"], strict=False):
            assert entry.predictions or value == entry.value, (name, entry.name)
        assert set(rows["task"]) == {analysis.paper.task}
        of_networks = rows[rows["our_model"].isin(list(analysis.models))]
        assert set(of_networks["seeds"]) <= {len(analysis.training.seeds)}, name


def test_the_section_is_written_between_its_marks(tmp_path):
    one = made_catalogue.repeated("one")
    write_tsv(catalogue.table_of([one, made_catalogue.repeated("two")]), tmp_path / "t.tsv")
    readme = tmp_path / "README.md"
    before = f"# Title\n\n{catalogue_table.BEGIN}\nold\n{catalogue_table.END}\n\nafter\n"
    readme.write_text(before, encoding="utf-8")
    for _ in range(2):  # a second time changes nothing
        catalogue_table.main(str(tmp_path / "t.tsv"), str(readme))
        text = readme.read_text(encoding="utf-8")
        assert text.startswith("# Title\n\n") and text.endswith("-->\n\nafter\n")
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len(rows) == 4 and "old" not in text
    ours = one.summary["network"]
    assert "2.13.0+cpu; 3 minutes of jobs in all" in text and "Run on 2026-11-27 by" in text
    # texts of a paper are no markup
    assert "<script" not in text and "&lt;script&gt;" in text and "\\*\\*&amp;\\*\\*" in text
    assert rows[2].replace("\\|", "").count("|") == 9 and ours["model"] in rows[2]


def test_a_readme_without_its_marks_is_refused(tmp_path):
    write_tsv(catalogue.table_of([made_catalogue.repeated()]), tmp_path / "t.tsv")
    with pytest.raises(InputError, match="once each"):
        catalogue_table.updated("# Title\n", catalogue_table.read(tmp_path / "t.tsv"))
