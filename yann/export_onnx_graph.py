"""Graph: the nodes and constants of an ONNX graph while it is written, and the two steps that all its layers take."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from yann.errors import NetworkError

if TYPE_CHECKING:
    import onnx

OPSET = 17
"""The set of operators: of early 2022, and the last whose reductions take their axes as attributes."""

FORMAT = 8
"""The version of the file format that came with it."""

Value = str | np.ndarray | Tensor
"""A value of the graph by name, or a constant."""


class Graph:
    """Nodes in the order of their computation, and constants by name; each method returns the name of a value."""

    def __init__(self, most: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self._room = most

    def add(self, operator: str, *inputs: Value, output: str | None = None, **attributes: Any) -> str:
        """Add a node and return the name of its value, `output` or a number."""
        from onnx import helper  # noqa: PLC0415 - it is an extra: all but this works without it

        output = output or f"v{len(self.nodes)}"
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def product(self, weight: Value, region: str, rows: str) -> str:
        """Return W[region] x (B, k) for rows x (B, j) and weights W (p, k, j)."""
        own = self.add("Gather", weight, region)
        columns = self.add("MatMul", own, self.add("Unsqueeze", rows, np.array([2])))
        return self.add("Squeeze", columns, np.array([2]))

    def affine(self, weight: Value, bias: Value, region: str, rows: str) -> str:
        """Return W[region] x + b[region] (B, k) for biases b (p, k)."""
        return self.add("Add", self.product(weight, region, rows), self.add("Gather", bias, region))

    def model(self, outputs: Mapping[str, tuple[type, int | None]], states: int, notes: Mapping[str, str]) -> bytes:
        """Return the file: input x (batch, states), outputs by name with type and width (None: one axis), checked.

        `notes` has the descriptions of x and the outputs by name, and of the graph as "".
        """
        import onnx  # noqa: PLC0415 - it is an extra: all but this works without it
        from onnx import helper, numpy_helper  # noqa: PLC0415

        def value(name: str, kind: type, width: int | None) -> onnx.ValueInfoProto:
            shape = ["batch"] if width is None else ["batch", width]
            return helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape, notes[name]
            )

        constants = [numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        ends = [value(name, *form) for name, form in outputs.items()]
        graph = helper.make_graph(self.nodes, "policy", [value("x", np.float64, states)], ends, constants, notes[""])
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT, doc_string=notes[""]
        )
        model.producer_name = "yann-control"
        helper.set_model_props(model, {key: text for key, text in notes.items() if key not in {"", "x", *outputs}})
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)

    def _constant(self, value: np.ndarray | Tensor) -> str:
        array = value.detach().numpy(force=True) if isinstance(value, Tensor) else value
        self._room -= array.nbytes
        if self._room < 0:
            raise NetworkError(
                f"`policy` needs more constants than an ONNX file holds, a table of {array.shape} among them; pass one "
                "with fewer regions or neurons"
            )
        name = f"c{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(array)
        return name
