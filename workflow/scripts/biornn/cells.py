"""Recurrent cells, forward and backward: RNN, LSTM (with and without peepholes) and GRU.

The modules take and return what `torch.nn.LSTM(batch_first=True)` does, with its parameter names,
shapes and gate order, and accept the `lengths` of padded sequences. Where torch has a fused kernel
for exactly the cell, that kernel runs; the peephole LSTM and the sigmoid RNN, which torch does not
have, are our own (`kernels`), with back-propagation through time by hand.

Padding is dealt with by masks and not by packed sequences, which are many times slower on a CPU:
inputs at padded steps are set to zero, so that every state is finite; outputs there are set to
zero, so that no gradient comes from them; final states are read at each sequence's last step.

References
----------
Elman 1990, Cogn. Sci. 14:179 (RNN); Werbos 1990, Proc. IEEE 78:1550 (back-propagation through
time); Hochreiter & Schmidhuber 1997, Neural Comput. 9:1735 (LSTM); Gers & Schmidhuber 2000, IJCNN
(peepholes); Cho et al. 2014, EMNLP (GRU).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import kernels


class _Masked:
    """What the cells share: layers and directions over padded sequences, one at a time."""

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        """One direction of one layer: x [batch, time, input], state each [batch, hidden].

        Returns the states after every step, each [batch, time, hidden].
        """
        raise NotImplementedError(type(self).__name__)

    def _weights(self, suffix: str) -> list[Tensor]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, f"{name}_{suffix}") for name in names]

    def _layered(
        self, x: Tensor, state: tuple[Tensor, ...] | None, lengths: Tensor | None, n_states: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers; states are [layers x directions, batch, hidden]."""
        batch, steps, _ = x.shape
        directions = 2 if self.bidirectional else 1
        if state is None:
            zeros = x.new_zeros(self.num_layers * directions, batch, self.hidden_size)
            state = (zeros,) * n_states
        expected = (self.num_layers * directions, batch, self.hidden_size)
        for each in state:
            if each.shape != expected:  # would be broadcast, or read in part, in silence
                raise ValueError(f"hx must have shape {expected}, not {tuple(each.shape)}")
        outside = backwards = None
        if lengths is not None:
            time = torch.arange(steps, device=x.device)[None, :]
            outside = (time >= lengths[:, None])[:, :, None]
            backwards = torch.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)
            x = x.masked_fill(outside, 0)
        finals: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                index = layer * directions + direction
                suffix = f"l{layer}{'_reverse' if direction else ''}"
                turned = _turn(x, backwards) if direction else x
                states = self._run(turned, tuple(s[index] for s in state), suffix)
                finals.append(tuple(_last(s, lengths) for s in states))
                output = _turn(states[0], backwards) if direction else states[0]
                outputs.append(output if outside is None else output.masked_fill(outside, 0))
            x = torch.cat(outputs, dim=2)
            if layer + 1 < self.num_layers:
                x = nn.functional.dropout(x, self.dropout, self.training)
        return x, tuple(torch.stack(each) for each in zip(*finals, strict=True))


def _turn(x: Tensor, backwards: Tensor | None) -> Tensor:
    """Reverse every sequence of [batch, time, channel] within its own length."""
    if backwards is None:
        return x.flip(1)
    return x.gather(1, backwards[:, :, None].expand_as(x))


def _last(states: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return states[:, -1]
    return states[torch.arange(len(states), device=states.device), lengths - 1]


def _check_lengths(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    """`lengths` where something is padded, None where nothing is."""
    if lengths is None:
        return None
    whole = not lengths.dtype.is_floating_point and lengths.dtype != torch.bool
    if lengths.dim() != 1 or not whole or x.dim() != 3:
        raise ValueError("lengths must be whole numbers [batch] for inputs [batch, time, channel]")
    batch, steps = x.shape[:2]
    if len(lengths) != batch:
        raise ValueError(f"{len(lengths)} lengths were given for a batch of {batch} sequences")
    if batch == 0:
        return None
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < 1 or longest > steps:
        raise ValueError(f"lengths must be from 1 to {steps}, but are from {shortest} to {longest}")
    return None if shortest == steps else lengths.to(x.device)


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, not {value!r}")


class RNN(_Masked, nn.RNN):
    """Recurrent layer: h_t = f(W_xh x_t + b_ih + W_hh h_{t-1} + b_hh) (Elman 1990).

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    activation : {"tanh", "relu", "sigmoid"}
        f.
    dropout : float
        Between layers, in training.
    bidirectional : bool

    Notes
    -----
    Gradients by back-propagation through time (Werbos 1990), a_t the pre-activation, δ the gradient
    of the loss: δh_t = (from the output and later layers) + W_hhᵀ δa_{t+1}; δa_t = f′(a_t) ⊙ δh_t;
    δW_hh = Σ_t δa_t h_{t-1}ᵀ; δW_xh = Σ_t δa_t x_tᵀ; δb = Σ_t δa_t. f′ is h(1 - h) for the
    sigmoid, 1 - h² for tanh, [h > 0] for ReLU. The product of the W_hhᵀ diag(f′) over time is what
    vanishes or explodes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        activation: str = "tanh",
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        _check_choice("activation", activation, ("tanh", "relu", "sigmoid"))
        super().__init__(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout,
            bidirectional=bidirectional,
            # the sigmoid has the parameters of the tanh, but a forward pass of its own
            nonlinearity="relu" if activation == "relu" else "tanh",
        )  # fmt: skip
        self.activation = activation

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        weights = self._weights(suffix)
        if self.activation == "sigmoid":
            w_ih, w_hh, b_ih, b_hh = weights
            return kernels.run(kernels.SigmoidFunction, x, state, w_ih, w_hh, b_ih + b_hh)
        kernel = torch.rnn_relu if self.activation == "relu" else torch.rnn_tanh
        h0 = state[0][None].contiguous()
        return (kernel(x, h0, weights, True, 1, 0.0, self.training, False, True)[0],)

    def forward(
        self, x: Tensor, hx: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Hidden states and final state.

        Parameters
        ----------
        x : Tensor
            [batch, time, input], or [time, input] without `lengths`.
        hx : Tensor, optional
            h_0 [layers x directions, batch, hidden]; zeros when absent.
        lengths : Tensor, optional
            int [batch], from 1 to time. What x holds beyond has no influence.

        Returns
        -------
        output : Tensor
            [batch, time, directions x hidden], zero beyond each length.
        h_n : Tensor
            [layers x directions, batch, hidden]: forward after the last step of each sequence,
            backward after its first.

        Raises
        ------
        ValueError
            When `lengths` or `hx` does not fit x.
        """
        lengths = _check_lengths(lengths, x)
        if x.dim() == 2:
            output, h_n = self(x[None], None if hx is None else hx[:, None])
            return output[0], h_n[:, 0]
        if lengths is None and self.activation != "sigmoid":
            return super().forward(x, hx)
        output, (h_n,) = self._layered(x, None if hx is None else (hx,), lengths, 1)
        return output, h_n


class GRU(_Masked, nn.GRU):
    """Gated recurrent unit (Cho et al. 2014), with the reset gate after the product, as in torch.

    r_t = σ(W_xr x_t + b_xr + W_hr h_{t-1} + b_hr)
    z_t = σ(W_xz x_t + b_xz + W_hz h_{t-1} + b_hz)
    n_t = tanh(W_xn x_t + b_xn + r_t ⊙ (W_hn h_{t-1} + b_hn))
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Parameters
    ----------
    input_size, hidden_size, num_layers : int
    dropout : float
        Between layers, in training.
    bidirectional : bool

    Notes
    -----
    Gradients (a_• are pre-activations): δa_n = δh_t ⊙ (1 - z_t) ⊙ (1 - n_t²);
    δa_z = δh_t ⊙ (h_{t-1} - n_t) ⊙ z_t(1 - z_t);
    δa_r = δa_n ⊙ (W_hn h_{t-1} + b_hn) ⊙ r_t(1 - r_t);
    δh_{t-1} = δh_t ⊙ z_t + W_hrᵀ δa_r + W_hzᵀ δa_z + W_hnᵀ (δa_n ⊙ r_t). Torch's fused kernel
    computes them. Gate order in the weights: r, z, n.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout,
            bidirectional=bidirectional,
        )  # fmt: skip

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        weights, h0 = self._weights(suffix), state[0][None].contiguous()
        return (torch.gru(x, h0, weights, True, 1, 0.0, self.training, False, True)[0],)

    def forward(
        self, x: Tensor, hx: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Hidden states and final state; shapes and errors as in `RNN.forward`."""
        lengths = _check_lengths(lengths, x)
        if lengths is None:
            return super().forward(x, hx)
        output, (h_n,) = self._layered(x, None if hx is None else (hx,), lengths, 1)
        return output, h_n


class LSTM(_Masked, nn.LSTM):
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
    input_size, hidden_size, num_layers : int
    peephole : {None, "diagonal", "full"}
        `weight_ch_l{k}` (and `_reverse`), in the order i, f, o: [3, hidden] when diagonal,
        [3·hidden, hidden] when full.
    dropout : float
        Between layers, in training.
    bidirectional : bool

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

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        peephole: str | None = None,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        _check_choice("peephole", peephole, (None, "diagonal", "full"))
        super().__init__(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout,
            bidirectional=bidirectional,
        )  # fmt: skip
        self.peephole = peephole
        if peephole:
            shape = (3 if peephole == "diagonal" else 3 * hidden_size, hidden_size)
            for layer in range(num_layers):
                for suffix in ("", "_reverse")[: 2 if bidirectional else 1]:
                    weight = nn.Parameter(torch.empty(shape))
                    nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)
                    self.register_parameter(f"weight_ch_l{layer}{suffix}", weight)

    def _run(self, x: Tensor, state: tuple[Tensor, ...], suffix: str) -> tuple[Tensor, ...]:
        w_ih, w_hh, b_ih, b_hh = self._weights(suffix)
        w_ch = getattr(self, f"weight_ch_{suffix}") if self.peephole else None
        return kernels.run(kernels.LSTMFunction, x, state, w_ih, w_hh, b_ih + b_hh, w_ch)

    def forward(
        self,
        x: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Hidden states and final states (h_n, c_n); shapes and errors as in `RNN.forward`.

        With `lengths` our own kernel runs also without peepholes: torch's fused one does not give
        the cell at each sequence's last step.
        """
        lengths = _check_lengths(lengths, x)
        if x.dim() == 2:
            output, (h_n, c_n) = self(x[None], hx and (hx[0][:, None], hx[1][:, None]))
            return output[0], (h_n[:, 0], c_n[:, 0])
        if lengths is None and self.peephole is None:
            return super().forward(x, hx)
        output, (h_n, c_n) = self._layered(x, hx, lengths, 2)
        return output, (h_n, c_n)


def build_cell(
    kind: str,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    *,
    dropout: float = 0.0,
    bidirectional: bool = False,
    activation: str = "tanh",
    peephole: str | None = None,
) -> nn.Module:
    """The module of a kind: `rnn`, `lstm` or `gru`.

    Raises
    ------
    ValueError
        For another kind.
    """
    _check_choice("kind", kind, ("rnn", "lstm", "gru"))
    sizes = (input_size, hidden_size, num_layers)
    if kind == "rnn":
        return RNN(*sizes, activation=activation, dropout=dropout, bidirectional=bidirectional)
    if kind == "gru":
        return GRU(*sizes, dropout=dropout, bidirectional=bidirectional)
    return LSTM(*sizes, peephole=peephole, dropout=dropout, bidirectional=bidirectional)


@torch.no_grad()
def initialize(cell: RNN | LSTM | GRU) -> None:
    """Draw weights that let gradients through many steps, in place of torch's uniform ones.

    Recurrent matrices of each gate are orthogonal, so that a product of them neither grows nor
    shrinks a vector (Saxe et al. 2014); input matrices are uniform by fan-in and fan-out (Glorot &
    Bengio 2010); biases are zero, but the forget gate's is one, so that an LSTM begins by
    remembering (Gers et al. 2000; Jozefowicz et al. 2015). Peepholes keep torch's small values.
    """
    size = cell.hidden_size
    for name, parameter in cell.named_parameters():
        if name.startswith("weight_hh"):
            for gate in parameter.split(size):
                nn.init.orthogonal_(gate)
        elif name.startswith("weight_ih"):
            for gate in parameter.split(size):
                nn.init.xavier_uniform_(gate)
        elif name.startswith("bias"):
            parameter.zero_()
            if isinstance(cell, LSTM) and name.startswith("bias_ih"):
                parameter[size : 2 * size] = 1  # i, f, g, o
