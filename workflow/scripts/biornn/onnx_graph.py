"""ONNX graphs as they grow: nodes, constants, and bodies of loops.

Operators are those of opset 17, which runtimes of 2022 and later have. `onnx` is imported where a
graph is made: it is an extra of the package, and nothing but export needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Version of the operators, and of the file format that came with it.
OPSET, IR_VERSION = 17, 8

#: A tensor: the name of one, or a constant (whole numbers are int64, others float32).
Operand = str | np.ndarray | int | float | Sequence[int] | Sequence[float]


class Graph:
    """Nodes of a graph and the constants that they read.

    Parameters
    ----------
    outer : Graph, optional
        The graph of which this is the body of a loop: names are unique over both.
    """

    def __init__(self, outer: Graph | None = None) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[Any] = []
        self._numbers: list[int] = [0] if outer is None else outer._numbers

    def _name(self, kind: str) -> str:
        self._numbers[0] += 1
        return f"{kind}_{self._numbers[0]}"

    def constant(self, value: Operand) -> str:
        """The name of a constant; equal ones are stored once."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype.kind == "f" and array.dtype != np.float64:
            array = array.astype(np.float32)
        elif array.dtype == np.float64 and not isinstance(value, np.ndarray):
            array = array.astype(np.float32)
        elif array.dtype.kind in "iu" and not isinstance(value, np.ndarray):
            array = array.astype(np.int64)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._constants[key] = self._name("constant")
            self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return self._constants[key]

    def add(self, operator: str, *operands: Operand, **attributes: Any) -> str:
        """Add a node with one output, whose name comes back; `""` stands for no operand."""
        return self.several(operator, 1, *operands, **attributes)[0]

    def several(
        self, operator: str, n_outputs: int, *operands: Operand, **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs."""
        from onnx import helper

        inputs = [each if isinstance(each, str) else self.constant(each) for each in operands]
        outputs = [self._name(operator.lower()) for _ in range(n_outputs)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def parts(self, x: str, n: int, width: int) -> list[str]:
        """The last axis in `n` pieces of `width` each."""
        return self.several("Split", n, x, [width] * n, axis=-1)

    def linear(self, x: Operand, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        """x Wᵀ + b, x [..., in], weight [out, in], bias [out]."""
        product = self.add("MatMul", x, np.ascontiguousarray(weight.T))
        return product if bias is None else self.add("Add", product, bias)

    def log_sigmoid(self, x: str) -> str:
        """ln σ(x) = -softplus(-x), exact for large x too."""
        return self.add("Neg", self.add("Softplus", self.add("Neg", x)))

    def scan(
        self,
        body: Graph,
        states: Sequence[tuple[Operand, str, str]],
        inputs: Sequence[tuple[str, str]],
        output: str,
        *,
        backward: bool = False,
    ) -> list[str]:
        """Add a loop over the first axis of its inputs.

        Parameters
        ----------
        body : Graph
            One step.
        states : sequence of (Operand, str, str)
            Of each state the tensor to start with, and its names in the body before and after a
            step.
        inputs : sequence of (str, str)
            Of each input the tensor, and the name of one step's slice in the body.
        output : str
            What is gathered of each step, a name in the body.
        backward : bool
            Whether to go from the last step to the first; what is gathered keeps its place.

        Returns
        -------
        list of str
            The final states, and what was gathered.
        """
        from onnx import helper

        graph = helper.make_graph(
            body._nodes,
            self._name("step"),
            [_untyped(before) for _, before, _ in states] + [_untyped(name) for _, name in inputs],
            [_untyped(after) for *_, after in states] + [_untyped(output)],
            body._initializers,
        )
        return self.several(
            "Scan",
            len(states) + 1,
            *[start for start, *_ in states],
            *[tensor for tensor, _ in inputs],
            body=graph,
            num_scan_inputs=len(inputs),
            scan_input_directions=[int(backward)] * len(inputs),
            scan_output_directions=[int(backward)],
        )

    def input(self, kind: str) -> str:
        """A new name, for an input of the body of a loop."""
        return self._name(kind)

    def model(
        self,
        name: str,
        inputs: Sequence[tuple[str, str, Sequence[str | int]]],
        outputs: Sequence[tuple[str, str, Sequence[str | int]]],
        metadata: dict[str, str],
        documentation: str,
    ) -> Any:
        """The whole as a checked `onnx.ModelProto`.

        Parameters
        ----------
        name : str
        inputs : sequence of (str, str, sequence)
            Name, dtype (`int64` or `float32`) and shape; a word in a shape is an axis of any size.
        outputs : sequence of (str, str, sequence)
            The name it gets, the tensor, and its shape; float32.
        metadata : dict
            Text by key.
        documentation : str
        """
        import onnx
        from onnx import TensorProto, checker, helper

        types = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}
        named = [
            helper.make_node("Identity", [tensor], [public]) for public, tensor, _ in outputs
        ]  # fmt: skip
        graph = helper.make_graph(
            self._nodes + named,
            name,
            [
                helper.make_tensor_value_info(each, types[kind], shape)
                for each, kind, shape in inputs
            ],
            [
                helper.make_tensor_value_info(public, TensorProto.FLOAT, shape)
                for public, _, shape in outputs
            ],
            self._initializers,
            doc_string=documentation,
        )
        model = helper.make_model(
            graph,
            producer_name="biornn",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        helper.set_model_props(model, metadata)
        checker.check_model(model, full_check=True)
        assert isinstance(model, onnx.ModelProto)
        return model


def _untyped(name: str) -> Any:
    """A value whose type and shape follow from the graph around the loop."""
    import onnx

    return onnx.ValueInfoProto(name=name)
