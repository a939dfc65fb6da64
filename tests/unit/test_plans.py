"""What a run will take, by what earlier runs took."""

import pytest
from biornn import plans
from biornn.files import InputError
from biornn.plans import Jobs


@pytest.fixture
def results(tmp_path):
    for name, seconds in (("one/benchmarks/train_model.gru.fold0", 10),
                          ("one/benchmarks/train_model.gru.fold1", 20),
                          ("two/benchmarks/train_model.rnn.fold0", 3600),
                          ("two/benchmarks/evaluate", 36)):  # fmt: skip
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t1.5\n")
    return tmp_path


def test_hours_follow_from_earlier_runs(results):
    jobs = [
        Jobs("two", "train_model", 10, threads=2, gpus=1),
        Jobs("one", "train_model", 240),
        Jobs("one", "evaluate", 100, threads=2),
        Jobs("one", "paint", 5),
        Jobs("one", "tune_model", 0),
    ]
    rows = plans.plan(jobs, results)
    assert [(row.cpu_hours, row.gpu_hours, row.source) for row in rows] == [
        (20, 10, "this analysis"), (1, 0, "this analysis"), (2, 0, "other analyses"),
        (0, 0, "never run"),
    ]  # fmt: skip
    assert [row.seconds for row in rows] == [3600, 15, 36, None]
    lines = plans.as_text(rows).splitlines()
    assert lines[-2].split() == ["all", "355", "23.00", "10.00"]
    assert lines[-1].startswith("5 jobs of rules that have never run here")


def test_without_earlier_runs_only_jobs_are_counted(tmp_path):
    (row,) = plans.plan([Jobs("one", "train_model", 7)], tmp_path / "none")
    assert row.count == 7 and row.seconds is None


def test_a_file_that_is_no_benchmark_is_named(results):
    path = results / "two/benchmarks/evaluate.tsv"
    path.write_text("x\n1\n")
    with pytest.raises(InputError, match=r"evaluate\.tsv: is no benchmark"):
        plans.measured(results)
