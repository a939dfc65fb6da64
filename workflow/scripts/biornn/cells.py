"""Recurrent cells: RNN, LSTM (with and without peepholes), GRU, minGRU and minLSTM.

Each docstring gives the equations and the gradients; `recurrence` has what the cells share, and
`kernels` the arithmetic over time.

References
----------
Elman 1990, Cogn. Sci. 14:179 (RNN); Werbos 1990, Proc. IEEE 78:1550 (back-propagation through
time); Hochreiter & Schmidhuber 1997, Neural Comput. 9:1735 (LSTM); Gers & Schmidhuber 2000, IJCNN
(peepholes); Cho et al. 2014, EMNLP (GRU); Feng et al. 2024, arXiv:2410.01201 (minGRU, minLSTM).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from . import kernels
from .recurrence import Cell


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, not {value!r}")


class RNN(Cell):
    """Recurrent layer: h_t = f(W_xh x_t + b_ih + W_hh h_{t-1} + b_hh) (Elman 1990).

    Parameters
    ----------
    activation : {"tanh", "relu", "sigmoid"}
        f. The other parameters are those of `Cell`.

    Notes
    -----
    Gradients by back-propagation through time (Werbos 1990), a_t the pre-activation, δ the gradient
    of the loss: δh_t = (from the output and later layers) + W_hhᵀ δa_{t+1}; δa_t = f′(a_t) ⊙ δh_t;
    δW_hh = Σ_t δa_t h_{t-1}ᵀ; δW_xh = Σ_t δa_t x_tᵀ; δb = Σ_t δa_t. f′ is h(1 - h) for the
    sigmoid, 1 - h² for tanh, [h > 0] for ReLU. The product of the W_hhᵀ diag(f′) over time is what
    vanishes or explodes.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, *,
        activation: str = "tanh", **options: Any,
    ) -> None:  # fmt: skip
        _check_choice("activation", activation, ("tanh", "relu", "sigmoid"))
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.activation = activation
        self.fused = {"tanh": "rnn_tanh", "relu": "rnn_relu"}.get(activation)

    def _run(
        self, x: Tensor, state: tuple[Tensor, ...], suffix: str, record: list[kernels.Flow] | None
    ) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = self._weights(suffix)
        return (kernels.rnn(x, *state, w_ih, w_hh, b_ih + b_hh, self.activation, record),)


class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014), with the reset gate after the product, as in torch.

    r_t = σ(W_xr x_t + b_xr + W_hr h_{t-1} + b_hr)
    z_t = σ(W_xz x_t + b_xz + W_hz h_{t-1} + b_hz)
    n_t = tanh(W_xn x_t + b_xn + r_t ⊙ (W_hn h_{t-1} + b_hn))
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Parameters are those of `Cell`.

    Notes
    -----
    Gradients (a_• are pre-activations): δa_n = δh_t ⊙ (1 - z_t) ⊙ (1 - n_t²);
    δa_z = δh_t ⊙ (h_{t-1} - n_t) ⊙ z_t(1 - z_t);
    δa_r = δa_n ⊙ (W_hn h_{t-1} + b_hn) ⊙ r_t(1 - r_t);
    δh_{t-1} = δh_t ⊙ z_t + W_hrᵀ δa_r + W_hzᵀ δa_z + W_hnᵀ (δa_n ⊙ r_t). Gate order in the weights:
    r, z, n.
    """

    gates, fused = 3, "gru"

    def _run(
        self, x: Tensor, state: tuple[Tensor, ...], suffix: str, record: list[kernels.Flow] | None
    ) -> tuple[Tensor, ...]:
        return (kernels.gru(x, *state, *self._weights(suffix), record),)


class LSTM(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), with or without peepholes.

    i_t = σ(W_xi x_t + W_hi h_{t-1} + W_ci c_{t-1} + b_i)
    f_t = σ(W_xf x_t + W_hf h_{t-1} + W_cf c_{t-1} + b_f)
    g_t = tanh(W_xg x_t + W_hg h_{t-1} + b_g)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
    o_t = σ(W_xo x_t + W_ho h_{t-1} + W_co c_t + b_o)
    h_t = o_t ⊙ tanh(c_t)

    The peepholes W_ci, W_cf, W_co (Gers & Schmidhuber 2000) let the input and forget gates see the
    cell before the step and the output gate the cell after it. Each b is the sum of two biases.

    Parameters
    ----------
    peephole : {None, "diagonal", "full"}
        `weight_ch_l{k}` (and `_reverse`), in the order i, f, o: [replicate, 3, hidden] when
        diagonal, [replicate, 3·hidden, hidden] when full. The other parameters are those of `Cell`.

    Notes
    -----
    Gradients, in the order in which the backward pass takes them (a_• are pre-activations):
    δa_o = δh_t ⊙ tanh(c_t) ⊙ o_t(1 - o_t)
    δc_t = (from step t+1) + δh_t ⊙ o_t ⊙ (1 - tanh²c_t) + W_coᵀ δa_o
    δa_i = δc_t ⊙ g_t ⊙ i_t(1 - i_t); δa_f = δc_t ⊙ c_{t-1} ⊙ f_t(1 - f_t);
    δa_g = δc_t ⊙ i_t ⊙ (1 - g_t²)
    δc_{t-1} = δc_t ⊙ f_t + W_ciᵀ δa_i + W_cfᵀ δa_f; δh_{t-1} = Σ_k W_hkᵀ δa_k
    δW_ci = Σ δa_i ⊙ c_{t-1}, δW_cf = Σ δa_f ⊙ c_{t-1}, δW_co = Σ δa_o ⊙ c_t (outer products for
    full matrices). Gate order in the weights: i, f, g, o.
    """

    gates, states = 4, 2

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, *,
        peephole: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        _check_choice("peephole", peephole, (None, "diagonal", "full"))
        self.peephole = peephole
        super().__init__(input_size, hidden_size, num_layers, **options)
        self.fused = None if peephole else "lstm"

    def _shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        shapes = super()._shapes(width)
        if self.peephole:
            rows = 3 if self.peephole == "diagonal" else 3 * self.hidden_size
            shapes["weight_ch"] = (rows, self.hidden_size)
        return shapes

    def _run(
        self, x: Tensor, state: tuple[Tensor, ...], suffix: str, record: list[kernels.Flow] | None
    ) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh, *w_ch = self._weights(suffix)
        return kernels.lstm(x, *state, w_ih, w_hh, b_ih + b_hh, w_ch[0] if w_ch else None, record)


class MinGRU(Cell):
    """GRU whose gate does not see the state, so that all steps run at once (Feng et al. 2024).

    z_t = σ(W_z x_t + b_z); h̃_t = W_h x_t + b_h; h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ h̃_t

    Parameters are those of `Cell`.

    Notes
    -----
    Gradients: δh_{t-1} = (from the output) + (1 - z_t) ⊙ δh_t, a product of numbers and not of
    matrices; δh̃_t = z_t ⊙ δh_t; δa_z = δh_t ⊙ (h̃_t - h_{t-1}) ⊙ z_t(1 - z_t). Gate order in the
    weights: z, h.
    """

    gates = 2

    def _shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        rows = self.gates * self.hidden_size
        return {"weight_ih": (rows, width), "bias_ih": (rows,)}

    def _projected(self, x: Tensor, suffix: str) -> tuple[Tensor, ...]:
        """The gates before their functions, each [replicate, batch, time, hidden]."""
        weight, bias = self._weights(suffix)
        flat = torch.baddbmm(bias[:, None], x.flatten(1, 2), weight.transpose(1, 2))
        return flat.view(*x.shape[:3], -1).chunk(self.gates, dim=3)

    def terms(self, x: Tensor, suffix: str) -> tuple[Tensor, Tensor]:
        """a_t and b_t of h_t = a_t ⊙ h_{t-1} + b_t, each [replicate, batch, time, hidden]."""
        update, candidate = self._projected(x, suffix)
        update = update.sigmoid()
        return 1 - update, update * candidate

    def _run(
        self, x: Tensor, state: tuple[Tensor, ...], suffix: str, record: list[kernels.Flow] | None
    ) -> tuple[Tensor, ...]:
        return (kernels.scan(*self.terms(x, suffix), *state, record),)


class MinLSTM(MinGRU):
    """LSTM whose gates do not see the state, so that all steps run at once (Feng et al. 2024).

    f_t = σ(W_f x_t + b_f); i_t = σ(W_i x_t + b_i); h̃_t = W_h x_t + b_h
    h_t = (f_t ⊙ h_{t-1} + i_t ⊙ h̃_t) / (f_t + i_t)

    Parameters are those of `Cell`.

    Notes
    -----
    Gradients: with f′ = f / (f + i) and i′ = i / (f + i), δh_{t-1} = (from the output) + f′_t ⊙
    δh_t; δh̃_t = i′_t ⊙ δh_t; δf′_t = δh_t ⊙ h_{t-1}; δi′_t = δh_t ⊙ h̃_t. Gate order in the weights:
    f, i, h.
    """

    gates = 3

    def terms(self, x: Tensor, suffix: str) -> tuple[Tensor, Tensor]:
        """As of `MinGRU`."""
        forget, accept, candidate = self._projected(x, suffix)
        # σ(a) / (σ(a) + σ(b)) = σ(log σ(a) - log σ(b)), which never divides by zero
        kept = (nn.functional.logsigmoid(forget) - nn.functional.logsigmoid(accept)).sigmoid()
        return kept, (1 - kept) * candidate


CELLS: dict[str, type[Cell]] = {
    "rnn": RNN, "lstm": LSTM, "gru": GRU, "mingru": MinGRU, "minlstm": MinLSTM
}  # fmt: skip


@torch.no_grad()
def initialize(cell: Cell) -> None:
    """Draw weights that let gradients through many steps, in place of torch's uniform ones.

    Recurrent matrices of each gate are orthogonal, so that a product of them neither grows nor
    shrinks a vector (Saxe et al. 2014); input matrices are uniform by fan-in and fan-out (Glorot &
    Bengio 2010); biases are zero, but the forget gate's is one, so that an LSTM begins by
    remembering (Gers et al. 2000; Jozefowicz et al. 2015). Peepholes keep torch's small values.
    """
    size = cell.hidden_size
    for name, stacked in cell.named_parameters():
        for parameter in stacked:  # one replicate after another
            if name.startswith("weight_hh"):
                for gate in parameter.split(size):
                    nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                for gate in parameter.split(size):
                    nn.init.xavier_uniform_(gate)
            elif name.startswith("bias"):
                parameter.zero_()
                if name.startswith("bias_ih") and isinstance(cell, LSTM):
                    parameter[size : 2 * size] = 1  # i, f, g, o


def build_cell(
    kind: str,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    *,
    activation: str = "tanh",
    peephole: str | None = None,
    **options: Any,
) -> Cell:
    """The module of a kind: `rnn`, `lstm`, `gru`, `mingru` or `minlstm`; options as of `Cell`.

    Raises
    ------
    ValueError
        For another kind.
    """
    _check_choice("kind", kind, tuple(CELLS))
    if kind == "rnn":
        options["activation"] = activation
    if kind == "lstm":
        options["peephole"] = peephole
    return CELLS[kind](input_size, hidden_size, num_layers, **options)
