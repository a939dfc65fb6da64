"""A trained model on new inputs: `snakemake predict --config 'predict={"model": …}'`.

Needs: `model.json` and `weights.safetensors` of the model, which are trained first where they are of
an analysis of this run; the file of the inputs.
Makes: the file that `predict.output` names.
"""


rule predict:
    input:
        unpack(of_prediction),
        code=library("scoring", "config_predict"),
    output:
        RUN.predict.output if RUN.predict else [],
    log:
        "results/logs/predict.log",
    benchmark:
        "results/benchmarks/predict.tsv"
    conda:
        "../../envs/biornn.yaml"
    threads: RUN.predict.threads if RUN.predict else 1
    resources:
        mem_mb=memory("predict"),
        runtime=runtime("predict"),
    params:
        predict=RUN.predict.model_dump(mode="json") if RUN.predict else None,
    script:
        "../scripts/predict.py"
