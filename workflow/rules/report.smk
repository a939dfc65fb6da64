"""The page a biologist reads, and the record of the run.

Needs: every table of the analysis, the histories and predictions of the models.
Makes: `report.html`, `figures/*.svg`; `config.yaml`, `methods.md`, `dome.json`,
`ro-crate-metadata.json`.
"""


rule render_report:
    input:
        code=library("report"),
    output:
        report="results/{analysis}/report.html",
    log:
        "results/{analysis}/logs/render_report.log",
    benchmark:
        "results/{analysis}/benchmarks/render_report.tsv"
    script:
        "../scripts/render_report.py"
