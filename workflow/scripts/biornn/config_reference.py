"""The configuration's schema and reference page, generated from the models of the configuration.

`python -m biornn.config_reference config` writes them; a test fails when they drift.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from .config import AnalysisConfig, RunConfig
from .files import write_text

_INTRODUCTION = """\
# Configuration reference

<!-- Generated from workflow/scripts/biornn/config*.py by `make reference`. Do not edit. -->

`config/config.yaml` says which analyses to run. An analysis is one YAML file in `config/analyses/`;
its results are in `results/{analysis}/`. A key that is not in these tables is refused, with the
nearest key that exists. Files are read as YAML 1.2: `no` and `001` are text, `1e-3` is a number,
and a key may be given once.

An editor with a YAML language server completes and checks the files by the schemas in
`config/schemas/`, which the first line of each file names.

In a project of your own, `config/analyses/` is that of the project; a name that is not there is
looked up among the analyses that come with the workflow. A workflow that imports this one as a
module gives the keys of `config/config.yaml` as its `config:`, and its `prefix:` moves the results
and nothing else.
"""

#: Jobs: build, split, encode (with others of its kind), train, simple models in groups of four,
#: explain, evaluate, report. Dry runs: benchmarks/scale.py.
_SCALE = """\
## How large an analysis may be

A training job holds all seeds of a model on a fold. With `profiles/slurm` short jobs go to the
queue in groups of four, tiny ones run where Snakemake runs, and at most 200 jobs are in the queue
at a time. For sequences with the seven simple models of the defaults; processor time and peak
memory of the dry run:

| networks | models × folds × seeds | training jobs | jobs in the queue | `snakemake -n` | memory |
|---|---|---|---|---|---|
| 1 | 1 × 1 × 1 | 1 | 9 | 2.2 s | 170 MB |
| 100 | 4 × 5 × 5 | 20 | 38 | 2.2 s | 170 MB |
| 10,000 | 10 × 100 × 10 | 1,000 | 1,190 | 5.2 s | 220 MB |
| 30,000 | 100 × 100 × 3 | 10,000 | 10,280 | 34 s | 620 MB |

A dry run takes 2.2 s and another 3.2 s a thousand training jobs (`benchmarks/scale.py`). Memory and
time of every job grow with its data and with each attempt: `workflow/scripts/biornn/demands.py`.
`snakemake --cores 1 plan` says what a run will take, by the benchmarks of earlier ones.

Hundreds of jobs on one machine: add `--max-jobs-per-timespan 1000/20s`. Snakemake 9.27 looks at its
ready jobs after each span (1 s by default) once for every job that has ended; after 74 of 374 it
took 60 % of a core by that. (It waits for the last span before it exits.)
"""


def render() -> dict[str, str]:
    """The generated files, by their path below `config/`."""
    schemas = {
        "schemas/config.schema.json": RunConfig,
        "schemas/analysis.schema.json": AnalysisConfig,
    }
    files = {path: _schema_text(model) for path, model in schemas.items()}
    files["README.md"] = "\n".join(
        [
            _INTRODUCTION,
            _SCALE,
            *_page("`config/config.yaml`", RunConfig),
            *_page("An analysis, `config/analyses/{analysis}.yaml`", AnalysisConfig),
        ]
    )
    return files


def _schema_text(model: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | model.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def _page(title: str, model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    lines = [f"## {title}", "", *_table(schema)]
    # in the order in which a reader meets them
    todo, seen = _mentioned(schema), set()
    while todo:
        name = todo.pop(0)
        if name not in seen:
            seen.add(name)
            definition = definitions[name]
            lines += [f"### {name}", "", definition.get("description", ""), ""]
            lines += _table(definition)
            todo = _mentioned(definition) + todo
    return lines


def _table(schema: dict[str, Any]) -> list[str]:
    required = set(schema.get("required", []))
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in schema.get("properties", {}).items():
        default = "required" if key in required else _default(field.get("default"))
        meaning = field.get("description", "").replace("|", "\\|").replace("\n", " ")
        lines.append(f"| `{key}` | {_type(field)} | {default} | {meaning} |")
    return [*lines, ""]


def _default(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= 60 else "see below"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    options = field.get("oneOf") or field.get("anyOf")
    if options:
        return " or ".join(_type(option) for option in options if option.get("type") != "null")
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if field.get("type") == "object":
        if field.get("additionalProperties") is True:
            return "settings"
        # keys with a pattern are names of ours, other keys any text
        named = list(field.get("patternProperties", {}).values())
        return (
            f"name: {_type(named[0])}" if named else f"text: {_type(field['additionalProperties'])}"
        )
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true/false",
    }
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {field[key]:g}" for key, sign in limits.items() if key in field]
    return " ".join([words.get(field.get("type", ""), "any"), " and ".join(bounds)]).strip()


def _mentioned(schema: dict[str, Any]) -> list[str]:
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.append(value["$ref"].rsplit("/", 1)[-1])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(schema.get("properties", {}))
    return list(dict.fromkeys(found))


def main(folder: str) -> None:
    """Write the generated files below `folder`."""
    for path, text in render().items():
        write_text(Path(folder) / path, text)


if __name__ == "__main__":
    main(sys.argv[1])
