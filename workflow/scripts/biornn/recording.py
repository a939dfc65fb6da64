"""Recording: what the backward passes can tell of the gradients that run through them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Flow(NamedTuple):
    """Norms of gradients of the states, by step.

    Attributes
    ----------
    h : Tensor
        [replicate, batch, time], Euclidean norm of ∂L/∂h_t over the units: of all that comes to the
        state, from the output of its step and from the steps after it.
    c : Tensor or None
        The same of the cell ∂L/∂c_t; None for cells without one.
    """

    h: Tensor
    c: Tensor | None = None
