"""One matrix written in every format and both orientations."""

import csv

import anndata as ad
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse

ENDINGS = {
    "csv": "m.csv", "tsv": "m.tsv", "parquet": "m.parquet", "excel": "m.xlsx", "mtx": "m.mtx",
    "h5ad": "m.h5ad", "series_matrix": "G_series_matrix.txt", "orange_tab": "m.tab",
}  # fmt: skip


def write(kind, folder, values, samples, genes, place="rows"):
    """Write values [samples, genes] with the genes in `place`; return path and read options."""
    path = folder / ENDINGS[kind]
    rows, columns, table = samples, genes, values
    if place == "rows":
        rows, columns, table = genes, samples, values.T
    options = {"genes": place}
    if kind in ("csv", "tsv", "orange_tab"):
        header = [["name", *columns]]
        if kind == "orange_tab":
            header = [
                ["what", *columns, "name"],
                ["d", *["continuous"] * len(columns), "string"],
                ["class", *[""] * len(columns), "meta"],
            ]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="," if kind == "csv" else "\t")
            writer.writerows(header)
            for name, row in zip(rows, table, strict=True):
                cells = [text(value) for value in row]
                writer.writerow(["no", *cells, name] if kind == "orange_tab" else [name, *cells])
    elif kind == "parquet":
        frame = pd.DataFrame(table, columns=columns)
        frame.insert(0, "the name", rows, allow_duplicates=True)
        frame.to_parquet(path)
    elif kind == "excel":
        frame = pd.DataFrame(table, index=pd.Index(rows, dtype=object), columns=columns)
        frame.to_excel(path)
    elif kind == "mtx":
        scipy.io.mmwrite(path, scipy.sparse.csr_matrix(table))
        for key, names in (("gene_names", genes), ("sample_names", samples)):
            with (folder / f"{key}.tsv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, delimiter="\t").writerows([name, "other"] for name in names)
            options[key] = {}
    elif kind == "h5ad":
        obs, var = (pd.DataFrame(index=pd.Index(names, dtype=object)) for names in (rows, columns))
        ad.AnnData(np.array(table, dtype=float), obs=obs, var=var).write_h5ad(path)
    else:
        lines = ['!Series_title\t"made up"', *tsv("!Sample_geo_accession", samples)]
        lines += ["", "!series_matrix_table_begin", *tsv('"ID_REF"', samples)]
        for name, row in zip(rows, table, strict=True):
            lines.append("\t".join([f'"{name}"', *map(text, row)]))
        path.write_text("\n".join([*lines, "!series_matrix_table_end", ""]), encoding="utf-8")
    return path, options


def names_of_mtx(folder):
    return {key: folder / f"{key}.tsv" for key in ("gene_names", "sample_names")}


def tsv(first, names):
    return ["\t".join([first, *(f'"{name}"' for name in names)])]


def text(value):
    if np.isnan(value):
        return "NA"
    return str(int(value)) if value == int(value) else repr(float(value))
