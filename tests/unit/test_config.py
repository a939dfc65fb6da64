"""The analysis file: what is accepted, and what is said of mistakes."""

import re
from pathlib import Path

import pytest
from biornn.checking import validate
from biornn.config import AnalysisConfig, RunConfig, load_analysis, load_variants, section
from biornn.files import InputError, read_yaml

ROOT = Path(__file__).parents[2]
MPSA = ROOT / "config/analyses/mpsa.yaml"
TEXT = MPSA.read_text(encoding="utf-8")


@pytest.fixture
def broken(tmp_path):
    """The message for mpsa.yaml with one piece replaced."""

    def message(old: str, new: str) -> str:
        assert old in TEXT
        path = tmp_path / "broken.yaml"
        path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            load_analysis(path)
        return str(caught.value)

    return message


def line_of(piece: str) -> int:
    return TEXT[: TEXT.index(piece)].count("\n") + 1


@pytest.mark.parametrize("path", sorted((ROOT / "config/analyses").glob("*.yaml")), ids=str)
def test_every_shipped_analysis_is_valid_and_names_its_schema(path):
    load_variants(path)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/analysis.schema.json"


def test_the_analyses_in_the_readme_are_valid(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 5
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block, encoding="utf-8")
        load_analysis(tmp_path / f"{number}.yaml")


def test_a_mistyped_key_names_the_nearest_key_the_file_and_the_line(broken):
    message = broken("batch_size", "batchsize")
    assert f"broken.yaml, line {line_of('batch_size')}: unknown key 'training.batchsize'" in message
    assert "did you mean 'batch_size'?" in message


def test_a_mistyped_key_inside_a_union(broken):
    message = broken("denominator: tot_ct", "denominatr: tot_ct")
    assert "'expression.normalization.0.denominatr' (did you mean 'denominator'?)" in message
    assert f"line {line_of('denominator')}" in message


def test_a_mistyped_key_inside_a_named_model(broken):
    message = broken("lstm: {cell: lstm, hidden_size", "lstm: {cell: lstm, hiddensize")
    assert "'models.lstm.hiddensize' (did you mean 'hidden_size'?)" in message


def test_genes_as_targets():
    value = {
        "sources": {"t": {"type": "path", "path": "t.csv"}, "m": {"type": "path", "path": "m.csv"}},
        "examples": {"source": "t", "id": "gene"},
        "expression": {
            "matrix": {"source": "m"}, "target": {}, "normalization": [{"method": "tmm"}]
        },
    }  # fmt: skip
    analysis = validate(AnalysisConfig, value, "x")
    assert not analysis.has_profiles and analysis.example_sources == ["t", "m"]
    for key, changes, expected in (
        ("examples", {"id": None}, "expression.target needs examples.id"),
        ("expression", {"samples": {"source": "m"}}, "target needs a matrix, and no table"),
        ("expression", {"matrix": None, "counts": ["n"]}, "target needs a matrix"),
        ("expression", {"normalization": [{"method": "z_score"}]}, "'z_score' can't be used"),
        ("target", {"column": "y"}, "not both"),
        ("replicate", {"source": "m"}, "replicate is for the counts of sequences"),
    ):
        with pytest.raises(InputError, match=expected):
            broken_value = value | {key: value.get(key, {}) | changes}
            validate(AnalysisConfig, broken_value, "x")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("type: pypi", "type: pypy", "'pypy'"),
        ("examples:\n  source: mavenn", "examples:\n  source: maven", "sources has only mavenn"),
        ("numerator: ex_ct", "numerator: exct", "'exct' is not among the columns"),
        ("seeds: [1, 2, 3, 4, 5]", "seeds: [1, 1]", "each seed may be given once"),
        ("seeds: [1, 2, 3, 4, 5]", "seeds: [-1]", "greater than or equal to 0"),
        ("epochs: 7", "epochs: many", "given: 'many'"),
        ("mean: {kind: mean}", "rnn: {kind: mean}", "of a model and of a baseline"),
        ("gru: {cell: gru", "replicate: {cell: gru", "reserved word"),
        ("gru: {cell: gru", "../gru: {cell: gru", "models"),
        ("cell: rnn, activation: tanh", "cell: gru, activation: relu", "is for cell: rnn"),
        ("cell: gru", "cell: gru, peephole: full", "peephole is for cell: lstm"),
        ("metric: information", "metric: f1", "f1 is no metric of target.task: regression"),
        ("model: ridge_pairwise", "model: ridge_pairwis", "did you mean 'ridge_pairwise'?"),
        ('pattern: "...GU...."', 'pattern: "(GU"', "not a regular expression"),
        ("sha256: b54077ee", "sha256: xyz", "sha256"),
        ("file: mavenn-1.1.4-py3-none-any.whl", "file: ../../evil.whl", "file"),
        ("package: mavenn", 'package: "mavenn; touch PWNED"', "package"),
        ("package: mavenn", 'package: "--index-url=http://evil"', "package"),
        ("version: 1.1.4", 'version: "1.1.4\\n"', "version"),
        ("doi: 10.1186/s13059-022-02661-7", 'doi: "10.1186/x\\"><script>"', "doi"),
    ],
)  # fmt: skip
def test_mistakes_are_named(broken, old, new, expected):
    assert expected in broken(old, new)


def test_all_problems_are_listed_at_once(broken):
    assert (
        len(broken("epochs: 7\n  batch_size: 256", "epochs: 0\n  batchsize: 1").splitlines()) == 2
    )


def test_the_path_of_a_table_is_an_analysis():
    analysis = validate(AnalysisConfig, {"sources": {"t": {"type": "path", "path": "t.csv"}}}, "x")
    assert analysis.examples.source == "t"
    assert set(analysis.models) == {"rnn", "lstm", "lstm_peephole", "gru"}
    two = {"a": {"type": "path", "path": "a"}, "b": {"type": "path", "path": "b"}}
    with pytest.raises(InputError, match="give `source`, one of `sources`, or `classes`"):
        validate(AnalysisConfig, {"sources": two}, "x")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"expression": "matrix"}, "expression"),
        ({"target": {"classes": ["a", "a"]}}, "each class may be given once"),
        ({"target": {"values": {"a": 1}, "task": "classification"}}, "leave it out for classes"),
        ({"target": {"masked": ["x"], "per": "sequence"}}, "are for per: position"),
        ({"target": {"classes": ["a", "b"], "task": "regression"}}, "is for task: classification"),
        ({"target": {"task": "ordinal"}}, "needs `classes`, the lowest first"),
        ({"target": {"task": "multilabel", "per": "position"}}, "is for whole sequences"),
        ({"target": {"task": "multilabel", "classes": ["a;b", "c"]}}, "'a;b' has the separator"),
        ({"target": {"task": "count", "classes": ["a", "b"]}}, "is for task: classification"),
        ({"target": {"task": "next_value", "column": "y"}}, "makes its targets from the inputs"),
        ({"target": {"task": "count"}, "replicate": {"source": "t"}}, "replicate is not for"),
        ({"baselines": {"p": {"kind": "persistence"}}}, "persistence is for target.task: next_v"),
        (
            {"target": {"task": "next_value"}, "models": {"m": {"cell": "gru",
                                                                 "bidirectional": True}}},
            "models.m: bidirectional: true would see the value that is to be",
        ),
        (
            {"target": {"task": "count"}, "models": {"m": {"cell": "gru", "loss": "mse"}}},
            "models.m: loss: mse does not fit target.task: count",
        ),
        (
            {"target": {"classes": ["a", "b"]}, "models": {"m": {"cell": "gru", "loss": "huber"}}},
            "loss: huber does not fit target.task: classification",
        ),
        (
            {"target": {"task": "count"}, "training": {"class_weights": "balanced"}},
            "class_weights is for classes",
        ),
        (
            {"target": {"task": "ordinal", "classes": ["a", "b"]},
             "training": {"label_smoothing": 0.1}},
            "label_smoothing is for classes without an order, not for ordinal",
        ),
        ({"examples": {"join": [{"source": "t", "take": {"a": "b"}}]}}, "join needs `id`"),
        ({"examples": {"id": "i", "join": [{"source": "u", "take": {"a": "b"}}]}}, "is 'u', but"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(change, expected):
    value = {"sources": {"t": {"type": "path", "path": "t.csv"}}} | change
    with pytest.raises(InputError, match=expected):
        validate(AnalysisConfig, value, "x")


TABLE = {"sources": {"t": {"type": "path", "path": "t.csv"}}}


def test_the_next_value_is_predicted_in_one_direction():
    value = TABLE | {"target": {"task": "next_value"}}
    analysis = validate(AnalysisConfig, value, "x")
    assert set(analysis.models) == {"rnn", "lstm", "lstm_peephole", "gru"}
    assert not any(model.bidirectional for model in analysis.models.values())
    assert next(iter(analysis.baselines)) == "persistence" and "linear" in analysis.baselines
    own = {
        "models": {"m": {"cell": "gru", "loss": "gaussian"}},
        "baselines": {"b": {"kind": "mean"}},
    }
    analysis = validate(AnalysisConfig, value | own, "x")
    assert not analysis.models["m"].bidirectional and list(analysis.baselines) == ["b"]
    again = AnalysisConfig.model_validate(analysis.model_dump(mode="json"))
    assert again == analysis
    assert validate(AnalysisConfig, TABLE, "x").models["gru"].bidirectional


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"examples": "samples", "profile": {"method": "rank"}}, "values in an order, not ranks"),
        ({"examples": "samples", "profile": {"method": "order"}}, "genes_per_step: 1"),
        ({"normalization": [{"method": "row_z_score"}]}, "row_z_score makes each value depend"),
        ({"normalization": [{"method": "missing", "fill": "knn"}]}, "missing makes each value"),
        ({"normalization": [{"method": "missing", "fill": "median"}]}, None),
    ],
)
def test_a_next_value_is_not_shown_by_the_normalisation(change, expected):
    expression = {"examples": "genes", "matrix": {"source": "t"}, "profile": {"method": "time"}}
    value = TABLE | {"target": {"task": "next_value"}, "expression": expression | change}
    if expected is None:
        assert validate(AnalysisConfig, value, "x").has_profiles
        return
    with pytest.raises(InputError, match=expected):
        validate(AnalysisConfig, value, "x")


def test_beside_a_profile_there_may_be_covariates_and_weights():
    value = TABLE | {"target": {"column": "y"}, "expression": {"matrix": {"source": "t"}}}
    beside = {"covariates": ["age"], "weight": "w", "incomplete": "drop"}
    assert validate(AnalysisConfig, value | {"examples": beside}, "x").has_profiles
    with pytest.raises(InputError, match="there is covariates, incomplete, weight"):
        validate(AnalysisConfig, value | {"examples": beside | {"id": "a"}}, "x")


def test_a_file_that_is_a_list_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("- a\n")
    with pytest.raises(InputError, match="expected keys and values, found list"):
        load_analysis(tmp_path / "a.yaml")


def test_run_config_refuses_unknown_keys():
    with pytest.raises(InputError, match=r"unknown key 'analysis' \(did you mean 'analyses'\?\)"):
        validate(RunConfig, {"analysis": ["mpsa"]}, "config.yaml")


@pytest.mark.parametrize("key", AnalysisConfig.model_fields)
def test_a_section_survives_the_way_through_plain_values(key):
    analysis = load_analysis(MPSA)
    assert section(key, analysis.model_dump(mode="json")[key]) == getattr(analysis, key)


# -- variants --------------------------------------------------------------------------------------

WITH_VARIANTS = """\
sources: {s: {type: path, path: t.csv}}
split: {method: random, test: 0.3}
models: {a: {cell: rnn}, b: {cell: gru}}
variants:
  grouped:
    split: {groups: {by: column, column: family}, compare_random: true}
  fewer:
    like: grouped
    title: Fewer
    models: {b: null}
    split: {seed: 7}
"""


def variants_of(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return load_variants(path)


def test_variants_change_key_by_key(tmp_path):
    found = variants_of(tmp_path, WITH_VARIANTS)
    assert list(found) == ["", "grouped", "fewer"]
    assert found[""].split.groups.by == "sequence" and not found["grouped"].variants
    assert found["grouped"].split.test == 0.3 and found["grouped"].split.compare_random
    fewer = found["fewer"]
    assert fewer.title == "Fewer" and list(fewer.models) == ["a"]
    assert (fewer.split.seed, fewer.split.groups.column) == (7, "family")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 7", "sead: 7", "variant fewer, line 11: unknown key 'split.sead'"),
        ("like: grouped", "like: groupd", r"like is 'groupd', which .*did you mean 'grouped'"),
        ("models: {b: null}", "models: null", ""),
    ],
)
def test_a_mistake_in_a_variant_is_named(tmp_path, old, new, said):
    text = WITH_VARIANTS.replace(old, new)
    if not said:  # without models there are those by default
        assert len(variants_of(tmp_path, text)["fewer"].models) == 4
        return
    with pytest.raises(InputError, match=said):
        variants_of(tmp_path, text)


def test_ranges_of_columns_are_spelled_out():
    table = {"source": "s", "columns": ["a", "v8..v11", "x..y"]}
    spelt = section("replicate", table).columns
    assert spelt == ["a", "v8", "v9", "v10", "v11", "x..y"]
    with pytest.raises(ValueError, match=r"'v9\.\.v2' is no range"):
        section("replicate", table | {"columns": ["v9..v2"]})


def test_what_strata_and_series_are_taken_from(tmp_path):
    memory = (ROOT / "config/analyses/memory.yaml").read_text(encoding="utf-8")
    path = tmp_path / "memory.yaml"
    for old, new, said in (
        ("column: lag}", "column: lag, pattern: A}", "either `pattern` or `column`"),
        ("[value, marker]", "[value, marker], column: value", "one of column, columns and"),
        ("channels: [value, marker]", "channels: [value]", "at least 2"),
        ("task: cued_recall", "task: recall", "task"),
    ):
        assert old in memory
        path.write_text(memory.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError, match=said):
            load_variants(path)


def test_a_published_value_of_a_stratum_of_a_column_is_judged(tmp_path):
    memory = (ROOT / "config/analyses/memory.yaml").read_text(encoding="utf-8")
    entry = "{name: a, metric: accuracy, value: 1, subset: %s, model: rnn, source: b}"
    path = tmp_path / "memory.yaml"
    path.write_text(f"{memory}\npublished: [{entry % 'test/lag-50'}]\n", encoding="utf-8")
    load_variants(path)
    path.write_text(f"{memory}\npublished: [{entry % 'test/leg-50'}]\n", encoding="utf-8")
    with pytest.raises(InputError, match="no subset 'test/leg-50'"):
        load_variants(path)


def test_the_usual_baselines_fit_the_inputs():
    plain = {"sources": {"s": {"type": "path", "path": "t.csv"}}}
    usual = ["mean", "linear", "boosting", "nearest", "shuffled"]
    of_letters = AnalysisConfig.model_validate(plain)
    assert list(of_letters.baselines) == [*usual, "kmer_linear", "kmer_boosting"]
    assert of_letters.baselines["shuffled"].shuffle_labels
    of_numbers = AnalysisConfig.model_validate(plain | {"examples": {"numbers": {"column": "x"}}})
    assert list(of_numbers.baselines) == usual
    future = AnalysisConfig.model_validate(
        plain | {"examples": {"numbers": {"column": "x"}}, "target": {"task": "next_value"}}
    )
    assert list(future.baselines) == ["persistence", *usual]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"explain": {"models": ["lstn"]}},
            "explain.models: 'lstn' is no model here (did you mean 'lstm'?)",
        ),
        ({"explain": {"motifs": {"source": "x"}}}, "explain.motifs.source is 'x'"),
        ({"explain": {"gene_sets": {"source": "s"}}}, "gene_sets is for expression profiles"),
        ({"learning_curve": [1.0, 0.1]}, "the smallest first"),
        ({"learning_curve": [0.1, 0.1]}, "each share once"),
        ({"learning_curve": [0.5], "split": {"method": "leave_one_out"}}, "one test example"),
        ({"learning_curve": [0.0]}, "greater than 0"),
    ],
)
def test_explanations_and_curves_that_cannot_be_are_refused(change, said):
    plain = {"sources": {"s": {"type": "path", "path": "t.csv"}}}
    with pytest.raises(ValueError, match=re.escape(said)):
        AnalysisConfig.model_validate(plain | change)


def test_all_networks_but_controls_are_explained_and_the_whole_is_no_part():
    plain = {"sources": {"s": {"type": "path", "path": "t.csv"}}}
    models = {"a": {"cell": "rnn"}, "b": {"cell": "gru", "shuffle_labels": True}}
    analysis = AnalysisConfig.model_validate(
        plain | {"models": models, "learning_curve": [0.1, 1.0]}
    )
    assert (analysis.explained, analysis.parts) == (["a"], [0.1])
    none = AnalysisConfig.model_validate(plain | {"explain": {"models": []}})
    assert none.explained == []


def test_the_catalogue_has_papers_and_numbers():
    run = read_yaml(ROOT / "config/config.yaml")[0]
    assert RunConfig.model_validate(run).catalogue
    for name in run["catalogue"]:
        for variant, analysis in load_variants(ROOT / f"config/analyses/{name}.yaml").items():
            assert analysis.paper is not None, (name, variant)
            assert analysis.published or variant, name


def test_a_paper_says_all_of_it_and_a_variant_may_say_something_else(tmp_path):
    mpsa = (ROOT / "config/analyses/mpsa.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mpsa.yaml"
    variants = (
        "variants: {other: {paper: {task: '<b>else</b>'}, published: []}, none: {paper: null}}"
    )
    path.write_text(f"{mpsa}\n{variants}\n", encoding="utf-8")
    found = load_variants(path)
    assert found["other"].paper.task == "<b>else</b>" and not found["other"].published
    assert found["other"].paper.asked == found[""].paper.asked and found["none"].paper is None
    for old, new, said in (
        ("  task: 5′ splice site → PSI\n", "", "paper.task"),
        ("  task: 5′ splice site → PSI\n", "  task: '  '\n", "paper.task"),
        ("  task: 5′ splice site → PSI\n", "  tasks: x\n", "unknown key 'paper.tasks'"),
    ):
        assert old in mpsa
        path.write_text(mpsa.replace(old, new), encoding="utf-8")
        with pytest.raises(InputError, match=said):
            load_variants(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "give `value`, or the column of `predictions`"),
        ({"predictions": {"column": "p", "factor": 0}}, "other than 0"),
        ({"predictions": {"column": ""}}, "at least 1 character"),
        ({"value": 1, "predictions": {"column": "p", "sign": -1}}, "predictions.sign"),
    ],
)
def test_a_published_number_is_a_value_or_a_column(change, said):
    entry = {"name": "a", "metric": "r2", "model": "best_recurrent", "source": "b"}
    plain = {"sources": {"s": {"type": "path", "path": "t.csv"}}}
    with pytest.raises(ValueError, match=re.escape(said)):
        AnalysisConfig.model_validate(plain | {"published": [entry | change]})
    column = {"predictions": {"column": "p", "factor": -1}}
    good = AnalysisConfig.model_validate(plain | {"published": [entry | column]})
    assert good.published[0].value is None and good.published[0].predictions.factor == -1
    sampled = plain | {"examples": {"sample": {"n": 5}}}
    for given in (column, {"value": 1}):
        assert AnalysisConfig.model_validate(sampled | {"published": [entry | given]})
    with pytest.raises(ValueError, match=r"on the whole table, which examples\.sample"):
        AnalysisConfig.model_validate(sampled | {"published": [entry | column | {"value": 1}]})
    classes = {"target": {"column": "y", "classes": ["a", "b"]}}
    with pytest.raises(ValueError, match="predictions are numbers; the task is classification"):
        of_classes = entry | column | {"metric": "accuracy"}
        AnalysisConfig.model_validate(plain | classes | {"published": [of_classes]})


def test_the_six_steps_of_a_published_analysis_fit_together(tmp_path):
    page = (ROOT / "resources/published/README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d)\.", page, re.MULTILINE) == list("123456")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    text = "".join(blocks).replace("64 digits", "0" * 64)
    text += "examples: {sequence: {column: x, alphabet: dna}}\nsplit: {method: random}\n"
    text += "target: {column: y, classes: [a, b]}\n"
    path = tmp_path / "one.yaml"
    path.write_text(text, encoding="utf-8")
    found = load_variants(path)
    assert found[""].paper and found[""].published[0].not_comparable
    assert found["homology"].split.by_homology and not found["homology"].published
