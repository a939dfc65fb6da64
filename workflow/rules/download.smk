"""Get the files that the analyses name.

Needs: the network, or the file already in its place.
Makes: `{store}/{digest}/{file}`, complete and with the right checksum; `fetch` asks for all of
the analyses that are asked for, `fetch_published` for all of the catalogue.
`lock` writes `config/locks/{analysis}.lock.tsv`: what databases have now.
"""


rule fetch:
    # `snakemake fetch`: all downloads and nothing else, for machines whose jobs have no network.
    input:
        downloads_of(ASKED),
    localrule: True


rule fetch_published:
    # `snakemake fetch_published`: the same of the catalogue.
    input:
        downloads_of(CATALOGUE),
    localrule: True


rule lock:
    # `snakemake lock`: no output, so that it looks again each time. And no benchmark, which
    # Snakemake would take for one.
    log:
        "results/logs/lock.log",
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        sources=sources_to_lock(),
    script:
        "../scripts/write_locks.py"


rule download:
    # No `code=` here: a file is what its checksum says, whichever code fetched it.
    output:
        file=unprefixed(f"{RUN.download.store}/{{digest}}/{{file}}"),
    log:
        "results/logs/download/{digest}-{file}.log",
    benchmark:
        "results/benchmarks/download/{digest}-{file}.tsv"
    localrule: True
    conda:
        "../../envs/biornn.yaml"
    params:
        source=lambda wildcards, output: DOWNLOADS[output.file][0],
        locked=lambda wildcards, output: DOWNLOADS[output.file][1],
        lock=lambda wildcards, output: DOWNLOADS[output.file][2],
    script:
        "../scripts/download.py"
