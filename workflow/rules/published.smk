"""Published analyses: what papers said, what comes out here, and a verdict for each.

Needs: what every analysis of the catalogue ends with.
Makes: `results/published.tsv`, a row for each published number, and `results/published.html`.
"""


rule published:
    # `snakemake published`: every analysis of `catalogue`, and the page over them.
    input:
        published_outputs,
    localrule: True


rule render_published:
    input:
        summaries=of_catalogue("summary.json"),
        published=of_catalogue("published.tsv"),
        metrics=of_catalogue("metrics.tsv"),
        folds=of_catalogue("folds.tsv"),
        memorization=of_catalogue("memorization.tsv"),
        descriptions=lambda wildcards: [
            path for name in CATALOGUE for path in trained(name, "model.json")
        ],
        # the last jobs of an analysis: the time of all its jobs is known when these are done
        crates=of_catalogue("ro-crate-metadata.json"),
        templates=[*PAGE, workflow.source_path("../report/published.html.j2")],
        css=PAGE_CSS,
        script=PAGE_SCRIPT,
        code=library("catalogue_page"),
    output:
        table=report("results/published.tsv", caption="../report/catalogue.rst"),
        page=report("results/published.html", caption="../report/catalogue.rst"),
    log:
        "results/logs/render_published.log",
    benchmark:
        "results/benchmarks/render_published.tsv"
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        analyses=lambda wildcards: {name: plain(name) for name in CATALOGUE},
        commands=lambda wildcards: {name: command_of(name) for name in CATALOGUE},
    script:
        "../scripts/render_published.py"
