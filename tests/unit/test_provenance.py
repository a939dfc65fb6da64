"""What is written of a run is what the run did."""

import pytest
import report_tables
from biornn import provenance
from biornn.files import sha256


@pytest.fixture
def source(tmp_path):
    (tmp_path / "t.csv").write_text("x\n")
    return {"s": str(tmp_path / "t.csv")}


def test_versions_and_machine_name_no_person_and_no_place():
    versions = provenance.software_versions()
    assert {"biornn", "python", "torch", "numpy"} <= set(versions)
    machine = provenance.describe_machine()
    assert set(machine) == {"system", "processor", "cores"}
    assert "/" not in machine["system"]


def test_sources_have_their_checksum_and_their_address(source, tmp_path):
    (row,) = provenance.describe_sources(report_tables.analysis(), source)
    assert row == {
        "name": "s", "origin": "local file", "file": "t.csv", "sha256": sha256(source["s"]),
        "size": "2",
    }  # fmt: skip
    package = {"type": "pypi", "package": "p", "version": "1.0", "file": "p.whl",
               "sha256": "0" * 64}  # fmt: skip
    analysis = report_tables.analysis(
        sources={
            "s": package,
            "u": {"type": "url", "url": "https://a:b@data.example/t.csv", "file": "t.csv",
                  "sha256": "0" * 64},
        }
    )  # fmt: skip
    packaged, fetched = provenance.describe_sources(analysis, source | {"u": source["s"]})
    assert packaged["page"] == "https://pypi.org/project/p/1.0/" and "url" not in packaged
    assert fetched["url"] == fetched["origin"] == "https://data.example/t.csv"
