"""biornn: recurrent networks on biological sequences, beside the simple models they must beat.

The rooms of the library, from the ground up, are listed in CONTRIBUTING.md; a module imports only
modules below it. The library knows nothing of Snakemake.
"""

__version__ = "0.1.0"
