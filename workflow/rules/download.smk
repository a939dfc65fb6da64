"""Get the files that the analyses name.

Needs: the network, or the file already in its place.
Makes: `{store}/{digest}/{file}`, complete and with the right checksum; `fetch` asks for all.
"""


localrules:
    download,
    fetch,


rule fetch:
    # `snakemake fetch`: all downloads and nothing else, for machines whose jobs have no network.
    input:
        list(DOWNLOADS),


rule download:
    # No `code=` here: a file is what its checksum says, whichever code fetched it.
    output:
        file=f"{RUN.download.store}/{{digest}}/{{file}}",
    log:
        "results/logs/download/{digest}-{file}.log",
    benchmark:
        "results/benchmarks/download/{digest}-{file}.tsv"
    conda:
        "../../envs/biornn.yaml"
    params:
        source=lambda wildcards, output: DOWNLOADS[output.file],
    script:
        "../scripts/download.py"
