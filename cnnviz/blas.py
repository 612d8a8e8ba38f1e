"""The library that multiplies NumPy's matrices, and how many threads it may use."""

import os

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def limit_threads() -> None:
    """Leave BLAS one thread, unless the environment says otherwise; called before NumPy is first imported.

    More of them take the processor away from the window and gain little on matrices of this size. As the number of
    threads also decides in which order sums are rounded, window and command line would no longer end in the same bits.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")


def library() -> str:
    """Return name and version of the BLAS that NumPy was built with, such as "scipy-openblas 0.3.30"."""
    import numpy as np

    built_with = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{built_with.get('name', 'unknown')} {built_with.get('version', '')}".strip()


def threads() -> int | None:
    """Return how many threads the environment leaves BLAS; None where it leaves that to the library."""
    name = library().lower()
    first = {"mkl": "MKL_NUM_THREADS", "accelerate": "VECLIB_MAXIMUM_THREADS"}
    specific = next((variable for key, variable in first.items() if key in name), "OPENBLAS_NUM_THREADS")
    for variable in (specific, "OMP_NUM_THREADS"):
        if (value := os.environ.get(variable, "")).isdecimal():
            return int(value)
    return None
