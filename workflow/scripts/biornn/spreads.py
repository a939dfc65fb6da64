"""What does not vary, told by the values: the standard deviation of equal ones may be above 0."""

from __future__ import annotations

import numpy as np


def all_equal(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Whether the values along an axis are all one number; NaNs are left out.

    The mean of equal numbers is rounded, so that their standard deviation may be 1e-17: to divide
    by it would make the next value that differs as large as 1e16.

    Parameters
    ----------
    values : numpy.ndarray
        float, of any shape; a line of NaNs alone is not equal to anything.

    Returns
    -------
    numpy.ndarray
        Boolean, of the shape of `values` without the axis.
    """
    return np.fmax.reduce(values, axis=axis) == np.fmin.reduce(values, axis=axis)


def exact(sd: np.ndarray, values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Standard deviations of the values along an axis, 0 where these are all one number."""
    return np.where(all_equal(values, axis), 0, sd)
