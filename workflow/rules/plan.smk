"""What a run will take, and where it is.

Needs: nothing; `plan` is better with the benchmarks of earlier runs, `status` reads their logs.
Makes: nothing; `snakemake plan` and `snakemake status --nolock` print a table each.
"""


rule plan:
    input:
        code=library("plans"),
    log:
        "results/logs/plan.log",
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        jobs=[jobs for name in ASKED for jobs in jobs_of(name)],
        results=RESULTS,
    script:
        "../scripts/print_plan.py"


rule status:
    input:
        code=library("progress"),
    log:
        "results/logs/status.log",
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        results=RESULTS,
    script:
        "../scripts/print_status.py"
