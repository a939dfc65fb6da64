"""One analysis: its sections, and what must agree between them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from .checking import listed, nearest
from .config_base import Name, Section
from .config_data import ExamplesConfig, TargetConfig
from .config_defaults import BASELINES, MODELS, filled_in
from .config_evaluation import METRICS, Citation, EvaluationConfig, Paper, Published
from .config_explain import ExplainConfig
from .config_expression import ExpressionConfig
from .config_models import (
    Baseline,
    ModelConfig,
    PersistenceBaseline,
    TrainingConfig,
    possible_losses,
)
from .config_normalization import BinMean, LogRatio
from .config_sources import Source
from .config_split import ALL_FOLDS, LeaveOneOutSplit, RandomSplit, Split
from .config_tables import TableRef
from .config_tune import TuneConfig

#: Steps of normalization that do to a value what its own column says.
_BY_COLUMN = ("log", "log1p", "missing", "z_score", "robust_scale")


class AnalysisConfig(Section):
    """One analysis: one YAML file, one results directory."""

    title: str = Field("A comparison of models", description="Title of the report.")
    question: str = Field("", description="What is asked, in a sentence or two.")
    sources: dict[Name, Source] = Field(min_length=1, description="Files to get, by name.")
    examples: ExamplesConfig = ExamplesConfig()
    expression: ExpressionConfig | None = None
    target: TargetConfig = TargetConfig()
    replicate: TableRef | None = Field(
        None,
        description="A second measurement of the same sequences, with the same columns: what it "
        "predicts of the first is the noise ceiling.",
    )
    split: Split = RandomSplit(method="random")
    models: dict[Name, ModelConfig] = Field(MODELS, min_length=1, description="Networks, by name.")
    training: TrainingConfig = TrainingConfig()
    tune: dict[Name, TuneConfig] = Field(
        {}, description="Search for hyperparameters, by the name of the network."
    )
    baselines: dict[Name, Baseline] = Field(
        BASELINES,
        min_length=1,
        description="Simple models to beat, by name; where none is named and the inputs are "
        "sequences, also `kmer_linear` and `kmer_boosting`.",
    )
    evaluation: EvaluationConfig = EvaluationConfig()
    paper: Paper | None = Field(
        None, description="The paper that the analysis repeats, for `snakemake published`."
    )
    published: list[Published] = Field([], description="Numbers to reproduce.")
    learning_curve: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [],
        description="Shares of the training examples, such as [0.1, 0.3, 1.0]: every model is also "
        "trained on these parts (of the first fold; each is within the next), so that the report "
        "shows what more data would bring. 1.0 is the training itself.",
    )
    explain: ExplainConfig = ExplainConfig()
    citations: list[Citation] = Field([], description="What to cite.")
    variants: dict[Name, dict[str, Any]] = Field(
        {},
        description="The same analysis with some settings changed: what is written here takes the "
        "place of what is above, key by key (`null` takes a key away; `like` names another variant "
        "to start from). Each is an analysis of its own, `{analysis}_{variant}`; the report of the "
        "first lists all.",
    )

    reserved: ClassVar[frozenset[str]] = frozenset({"replicate", "best_recurrent", "best_baseline"})

    @model_validator(mode="before")
    @classmethod
    def _what_is_silent_is_filled_in(cls, value: Any) -> Any:
        return filled_in(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _task_fits(self) -> AnalysisConfig:
        task, next_value = self.known_task, self.target.task == "next_value"
        for name, model in self.models.items():
            if next_value and model.bidirectional:
                raise ValueError(
                    f"models.{name}: bidirectional: true would see the value that is to be "
                    "predicted; leave it out"
                )
            if next_value and model.convolution:
                raise ValueError(
                    f"models.{name}: a convolution sees what comes after its middle, and so the "
                    "value that is to be predicted; leave it out"
                )
            if task != "auto" and model.loss not in ("auto", *possible_losses(task)):
                raise ValueError(
                    f"models.{name}: loss: {model.loss} does not fit target.task: {task}"
                )
        for name, baseline in self.baselines.items():
            if isinstance(baseline, PersistenceBaseline) and not next_value:
                raise ValueError(f"baselines.{name}: persistence is for target.task: next_value")
        if self.training.class_weights and task in ("regression", "count", "next_value"):
            raise ValueError("training.class_weights is for classes; the target is a number")
        if self.training.label_smoothing and task not in ("auto", "classification", "multilabel"):
            raise ValueError(
                f"training.label_smoothing is for classes without an order, not for {task}"
            )
        if next_value:
            self._inputs_have_a_next_value()
        if self.replicate and task in ("count", "next_value"):
            raise ValueError(f"replicate is not for target.task: {task}")
        return self

    def _inputs_have_a_next_value(self) -> None:
        if self.expression is None:
            return
        if not self.has_profiles:
            raise ValueError("target.task: next_value is for series of numbers as inputs")
        profile = self.expression.profile
        if profile.method == "rank":
            raise ValueError("target.task: next_value needs values in an order, not ranks")
        if getattr(profile, "genes_per_step", 1) != 1:
            raise ValueError(
                "target.task: next_value is for one value at a step; set "
                "expression.profile.genes_per_step: 1"
            )
        for step in self.expression.normalization:
            knn = step.method == "missing" and step.fill == "knn"
            if knn or step.method not in _BY_COLUMN:
                raise ValueError(
                    f"expression.normalization: {step.method} makes each value depend on the whole "
                    "row, so that later values would show in earlier ones; with target.task: "
                    f"next_value there are {listed(_BY_COLUMN)} (missing without knn)"
                )

    @model_validator(mode="after")
    def _names_agree(self) -> AnalysisConfig:
        profiles = self.has_profiles
        # what is known of a sample may go in beside its profile
        beside = {"covariates", "weight", "incomplete"}
        if (
            profiles
            and self.examples.model_copy(update=ExamplesConfig().model_dump(include=beside))
            != ExamplesConfig()
        ):
            raise ValueError(
                "examples: where there is a matrix, its samples are the examples; there is "
                f"{listed(beside)}"
            )
        if not profiles and self.examples.source is None and self.examples.classes is None:
            raise ValueError("examples: give `source`, one of `sources`, or `classes`")
        named = {"expression" if profiles else "examples": self.example_sources}
        if self.expression and self.expression.gene_lengths:
            named["expression.gene_lengths"] = [str(self.expression.gene_lengths.source)]
        if self.expression and self.expression.matrix and self.replicate:
            raise ValueError("replicate is for the counts of sequences, not for a matrix")
        if self.expression and self.expression.target and self.examples.id_column is None:
            raise ValueError(
                "expression.target needs examples.id, the column with the names of the genes"
            )
        if self.replicate:
            named["replicate"] = [str(self.replicate.source)]
        for key, sources in named.items():
            for source in sources:
                if source not in self.sources:
                    raise ValueError(
                        f"{key}.source is '{source}', but sources has only {listed(self.sources)}"
                    )
        if both := sorted(set(self.models) & set(self.baselines)):
            raise ValueError(f"{listed(both)} is the name of a model and of a baseline")
        if taken := sorted((set(self.models) | set(self.baselines)) & self.reserved):
            raise ValueError(f"{listed(taken)} is a reserved word and can't name a model")
        if self.target.gene and not (profiles and self.expression.examples == "samples"):
            raise ValueError("target.gene is for the samples of an expression matrix")
        if self.expression and not profiles:
            if self.target.column:
                raise ValueError("give target.column or an expression section, not both")
            if self.expression.counts:
                self._expression_agrees(self.expression)
        for name in self.examples.covariates:
            if name in self.target_columns:
                raise ValueError(
                    f"examples.covariates: '{name}' is what the target is made from; a model that "
                    "sees it has nothing to predict"
                )
        strata = [stratum.name for stratum in self.evaluation.strata]
        if len(set(strata)) != len(strata):
            raise ValueError("evaluation.strata: each name may be given once")
        if profiles and any(stratum.column for stratum in self.evaluation.strata):
            raise ValueError("evaluation.strata: a column is one of the table of examples")
        return self

    @model_validator(mode="after")
    def _published_fits(self) -> AnalysisConfig:
        known = {*self.models, *self.baselines, *self.reserved} - {"replicate"}
        strata = self.evaluation.strata
        of_columns = [stratum for stratum in strata if stratum.column]
        subsets = {"validation", "test", *(f"test/{stratum.name}" for stratum in strata)}
        for entry in self.published:
            if entry.model not in known:
                raise ValueError(
                    f"published: '{entry.model}' is no model here{nearest(entry.model, known)}"
                )
            there = METRICS.get(self.known_task, [entry.metric])
            if entry.metric not in there:
                raise ValueError(
                    f"published: {entry.metric} is no metric of target.task: {self.known_task}; "
                    f"there is {listed(there)}"
                )
            of_column = entry.subset.startswith(tuple(f"test/{s.name}-" for s in of_columns))
            if entry.subset not in subsets and not of_column:
                raise ValueError(f"published: no subset '{entry.subset}' among {listed(subsets)}")
            if entry.predictions and entry.value is not None and self.examples.sample:
                raise ValueError(
                    "published: a `value` beside `predictions` is recomputed on the whole table, "
                    "which examples.sample does not take; leave `value` or the sample out"
                )
            if entry.predictions and self.has_profiles:
                raise ValueError("published.predictions: a column is one of the table of examples")
            if entry.predictions and self.known_task not in ("auto", "regression", "count"):
                raise ValueError(
                    f"published.predictions are numbers; the task is {self.known_task}"
                )
        return self

    @model_validator(mode="after")
    def _searches_fit(self) -> AnalysisConfig:
        if self.tune and isinstance(self.split, LeaveOneOutSplit):
            raise ValueError(
                "tune: with split.method: leave_one_out every example would need a search of its "
                "own; take kfold"
            )
        for name, tune in self.tune.items():
            if name not in self.models:
                raise ValueError(f"tune: '{name}' is no model here{nearest(name, self.models)}")
            if self.target.task == "next_value" and True in _choices(tune, "bidirectional"):
                raise ValueError(
                    f"tune.{name}.search: bidirectional: true would see the value that is to be "
                    "predicted; leave it out"
                )
            try:
                tune.check(self.models[name], self.training_of(name))
            except ValueError as error:
                raise ValueError(f"tune.{name}.{error}") from None
        return self

    @model_validator(mode="after")
    def _curve_fits(self) -> AnalysisConfig:
        if sorted(set(self.learning_curve)) != self.learning_curve:
            raise ValueError("learning_curve: give each share once, the smallest first")
        if self.learning_curve and isinstance(self.split, LeaveOneOutSplit):
            raise ValueError(
                "learning_curve: split.method: leave_one_out has one test example a fold; take "
                "kfold"
            )
        return self

    @model_validator(mode="after")
    def _explanations_fit(self) -> AnalysisConfig:
        explain = self.explain
        for name in explain.models or []:
            if name not in self.models:
                raise ValueError(
                    f"explain.models: '{name}' is no model here{nearest(name, self.models)}"
                )
        for key, there in (("motifs", explain.motifs), ("gene_sets", explain.gene_sets)):
            if there and there.source not in self.sources:
                raise ValueError(
                    f"explain.{key}.source is '{there.source}', but sources has only "
                    f"{listed(self.sources)}"
                )
        if explain.gene_sets and not self.has_profiles:
            raise ValueError("explain.gene_sets is for expression profiles as inputs")
        for key in ("motifs", "site"):
            if getattr(explain, key) and self.has_profiles:
                raise ValueError(f"explain.{key} is for sequences; the inputs are profiles")
        return self

    def _expression_agrees(self, expression: ExpressionConfig) -> None:
        columns = list(expression.counts or [])
        for step in expression.normalization:
            if isinstance(step, LogRatio | BinMean):
                for column in step.columns:
                    if column not in columns:
                        raise ValueError(
                            f"expression: '{column}' is not among the columns at this step: "
                            f"{listed(columns)}"
                        )
                columns = [step.method]
        if len(columns) != 1:
            raise ValueError(
                "expression: a target is one column; after the last step there are "
                f"{listed(columns)}"
            )

    @property
    def known_task(self) -> str:
        """`target.task`, where it is `auto` what follows from other keys, or else `auto`."""
        if self.target.task != "auto":
            return self.target.task
        if self.target.classes:
            return "classification"
        made = self.expression is not None and not self.has_profiles
        return "regression" if made or self.target.gene or self.target.values else "auto"

    @property
    def target_columns(self) -> list[str]:
        """Columns that the target is read or made from, where they are named."""
        expression = self.expression
        names = [self.target.column, *((expression and expression.counts) or [])]
        names += [expression.check.column] if expression and expression.check else []
        return [name for name in names if name is not None]

    @property
    def has_profiles(self) -> bool:
        """Whether the examples are the samples of an expression matrix."""
        expression = self.expression
        return expression is not None and expression.matrix is not None and not expression.target

    @property
    def example_sources(self) -> list[str]:
        """Names of the sources that the examples are read from."""
        matrix = self.expression.tables if self.expression else []
        examples = [] if self.has_profiles else self.examples.tables
        return list(dict.fromkeys(examples + matrix))

    @property
    def parts(self) -> list[float]:
        """Shares of the training examples that are trained on beside the whole."""
        return [share for share in self.learning_curve if share < 1]

    @property
    def explained(self) -> list[str]:
        """Networks whose explanations are asked for."""
        if self.explain.models is not None:
            return self.explain.models
        return [name for name, model in self.models.items() if not model.shuffle_labels]

    def training_of(self, model: str) -> TrainingConfig:
        """How one model is trained: the common settings with the model's own in their place."""
        own = self.models[model].model_dump(include={"epochs", "learning_rate"}, exclude_none=True)
        return self.training.model_copy(update=own)

    @property
    def folds(self) -> list[str]:
        """What a job may be asked to do: one fold by its number, or all, one after another.

        How many folds `leave_one_out` makes is only known when the data are; they are small, and
        one job trains them all.
        """
        if isinstance(self.split, LeaveOneOutSplit):
            return [ALL_FOLDS]
        return [str(fold) for fold in range(self.split.n_folds)]


def _choices(tune: TuneConfig, key: str) -> list[Any]:
    space = tune.search.get(key)
    return space if isinstance(space, list) else []
