"""What jobs ask for: more for more data, more at every attempt, a line for every rule."""

import re
from pathlib import Path

import pytest
import report_tables
from biornn import demands
from biornn.files import InputError

ROOT = Path(__file__).parents[2]
#: They run where Snakemake runs and need no allocation.
LOCAL = {"fetch", "fetch_published", "lock", "download", "choose_settings", "describe_run",
         "render_index", "render_published", "published", "all", "plan", "status"}  # fmt: skip


def rules_of_the_workflow() -> dict[str, str]:
    """The text of every rule, by name."""
    found = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        parts = re.split(r"^rule (\w+):\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found |= dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


@pytest.mark.parametrize("rule", demands.DEMANDS)
def test_more_data_and_another_attempt_ask_for_more(rule):
    for ask in (demands.memory, demands.runtime):
        assert isinstance(ask(rule, 0.3), int) and ask(rule, 0) >= 5
        assert ask(rule, 1) < ask(rule, 30)
        assert ask(rule, 30, 1) < ask(rule, 30, 2) < ask(rule, 30, 3)


def test_more_passes_take_longer():
    assert demands.runtime("train_model", 10, passes=100) == 30 + 100
    assert demands.runtime("train_model", 10, 2, passes=100) == 2 * (30 + 100)


def test_no_job_asks_for_more_time_than_partitions_give():
    assert demands.runtime("train_model", 1000, 3, passes=1000) == demands.LONGEST


def test_a_rule_without_a_line_is_named():
    with pytest.raises(InputError, match="the rule paint has no line"):
        demands.memory("paint", 1)


def test_every_rule_that_is_sent_to_a_cluster_says_what_it_needs():
    rules = rules_of_the_workflow()
    assert set(demands.DEMANDS) == set(rules) - LOCAL
    for rule in demands.DEMANDS:
        assert f'mem_mb=memory("{rule}")' in rules[rule], rule
        assert f'runtime=runtime("{rule}"' in rules[rule], rule


def test_every_rule_that_is_not_sent_says_so_itself():
    """Names in `localrules:` are not those of the rules of a module, which have a prefix."""
    rules = rules_of_the_workflow()
    said = {name for name, text in rules.items() if "\n    localrule: True\n" in text}
    assert said == LOCAL - {"all"}
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        assert "localrules:" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("device", "training", "searching"),
    [
        ("cpu", {"threads": 3 * 4 * 2, "gpus": 0}, {"threads": 3, "gpus": 0}),
        ("gpu", {"threads": 3 * 4 * 2, "gpus": 4 * 2}, {"threads": 3, "gpus": 1}),
    ],
)
def test_the_plan_counts_cores_and_gpus_as_the_rules_ask_for_them(device, training, searching):
    analysis = report_tables.analysis(
        tune={"net": {"search": {"learning_rate": [0.01, 0.1]}, "trials": 4, "workers": 2}},
        training={"threads": 3, "devices": 4, "nodes": 2, "device": device},
    )
    file = ROOT / "workflow/rules/resources.smk"
    there = {"ANALYSES": {"x": analysis}, "GPUS_ARE_THERE": False, "clusters": lambda _: []}
    exec(compile(file.read_text(encoding="utf-8"), file, "exec"), there)
    jobs = {each.pop("rule"): each for each in there["jobs_of"]("x")}
    assert jobs["train_model"] == {"analysis": "x", "count": 2} | training
    assert jobs["tune_model"] == {"analysis": "x", "count": 2} | searching
