"""A policy as an ONNX file."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from fastpg import _core
from fastpg.export.plan import CLIP, LOG_STD_BOUNDS, Choices, Layer, Means, Plan, comment_lines
from fastpg.policies.features import TIME_SCALE

OPSET, IR_VERSION = 13, 7  # of 2020: older runtimes read the file too
_MOST_BYTES = 2**31 - 2**20  # a file of ONNX has less than 2 GiB
# Logits that differ less than this have equal logarithms of probabilities in float64.
_EQUAL = 2.0**-54


def onnx_file(plan: Plan, name: str, *, action_mask: bool) -> bytes:
    """The content of the file.

    Args:
        plan: the policy.
        name: of the graph.
        action_mask: whether it has this input.

    Raises:
        ImportError: onnx is missing.
        ValueError: more numbers than a file of ONNX holds, or actions of a dtype that it has not.
    """
    size = sum(layer.weights.nbytes + layer.bias.nbytes for layer in plan.layers)
    if size > _MOST_BYTES:
        raise ValueError(f"onnx: expected at most {_MOST_BYTES:,} bytes of weights, got {size:,}")
    graph = Graph(plan.dtype)
    graph.input("observation", np.float32, [plan.observation_size])
    x = _monomials(graph, plan, _inputs(graph, plan))
    for layer in plan.layers[:-1]:
        x = _activated(graph, layer.activation, _dense(graph, layer, x))
    if isinstance(plan.head, Choices):
        _choices(graph, plan, x, masked=action_mask)
    else:
        _means(graph, plan.head, _dense(graph, plan.layers[-1], x))
    return graph.file(name, "\n".join([plan.policy, *comment_lines(plan)]))


class Graph:
    """A graph of ONNX that grows node by node.

    Args:
        dtype: of the numbers that nodes compute with.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        try:
            self._helper = importlib.import_module("onnx.helper")
            self._numpy = importlib.import_module("onnx.numpy_helper")
        except ImportError as error:
            raise ImportError("ONNX files need onnx: pip install '.[onnx]'") from error
        self.dtype = dtype
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, dtype: Any, shape: list[int]) -> str:
        """Add an input of shape (batch, *shape)."""
        self._inputs.append(self._described(name, dtype, ["batch", *shape]))
        return name

    def output(self, name: str, dtype: Any, shape: list[int | str], value: str) -> None:
        """Make a value an output."""
        self._nodes.append(self._helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._described(name, dtype, shape))

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add a constant, in the dtype of the graph by default."""
        name = f"constant_{len(self._constants)}"
        array = np.asarray(values, dtype=self.dtype if dtype is None else dtype)
        self._constants.append(self._numpy.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its value."""
        name = f"value_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def cast(self, value: str, dtype: Any) -> str:
        """Convert a value."""
        return self.add("Cast", value, to=self._type(dtype))

    def file(self, name: str, text: str) -> bytes:
        """The bytes of the model; text describes it."""
        graph = self._helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, self._constants
        )
        model = self._helper.make_model(
            graph,
            opset_imports=[self._helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="fastpg",
            producer_version=_core.__version__,
            doc_string=text,
        )
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _described(self, name: str, dtype: Any, shape: list[int | str]) -> Any:
        return self._helper.make_tensor_value_info(name, self._type(dtype), shape)

    def _type(self, dtype: Any) -> int:
        try:
            return int(self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
        except (KeyError, ValueError):
            raise ValueError(f"onnx: expected a dtype that ONNX has, got {dtype}") from None


def _inputs(graph: Graph, plan: Plan) -> str:
    """The observation, normalised, and the time."""
    x = "observation"
    if plan.dtype != np.float32:
        x = graph.cast(x, plan.dtype)
    if plan.normalizer is not None:
        mean, rest = plan.normalizer.split_mean(plan.dtype)
        x = graph.add("Sub", x, graph.constant(mean))
        if rest.any():
            x = graph.add("Sub", x, graph.constant(rest))
        x = graph.add("Mul", x, graph.constant(plan.normalizer.inverse_std))
        x = graph.add("Clip", x, graph.constant(-CLIP), graph.constant(CLIP))
    if plan.time:
        step = graph.cast(graph.input("step_index", np.int64, []), plan.dtype)
        time = graph.add("Div", step, graph.constant(TIME_SCALE))
        column = graph.add("Unsqueeze", time, graph.constant([1], np.int64))
        x = graph.add("Concat", x, column, axis=1)
    return x


def _monomials(graph: Graph, plan: Plan, x: str) -> str:
    """The inputs and their products, degree by degree."""
    parts = [x]
    for level in plan.levels:
        parent = graph.add("Gather", parts[-1], graph.constant(level.parent, np.int64), axis=1)
        factor = graph.add("Gather", x, graph.constant(level.factor, np.int64), axis=1)
        parts.append(graph.add("Mul", parent, factor))
    return x if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def _dense(graph: Graph, layer: Layer, x: str) -> str:
    return graph.add("Gemm", x, graph.constant(layer.weights), graph.constant(layer.bias))


def _activated(graph: Graph, name: str, z: str) -> str:
    """f(z). The operators Sigmoid and Elu of runtimes may lose all digits of small numbers."""
    if name in ("sin", "tanh", "relu"):
        return graph.add(name.capitalize(), z)
    one = graph.constant(1.0)
    if name == "silu":  # z / (1 + exp(-z))
        return graph.add("Div", z, graph.add("Add", graph.add("Exp", graph.add("Neg", z)), one))
    assert name == "elu"  # exp(z) - 1 = 2 t / (1 - t) with t = tanh(z / 2)
    zero, half = graph.constant(0.0), graph.constant(0.5)
    t = graph.add("Tanh", graph.add("Mul", graph.add("Min", z, zero), half))
    negative = graph.add("Div", graph.add("Add", t, t), graph.add("Sub", one, t))
    return graph.add("Add", graph.add("Max", z, zero), negative)


def _choices(graph: Graph, plan: Plan, x: str, *, masked: bool) -> None:
    """Outputs "action" and "logits"."""
    head = plan.head
    assert isinstance(head, Choices)
    last, columns = plan.layers[-1].without_equal_outputs()
    logits = _dense(graph, last, x)
    if columns is not None:
        logits = graph.add("Gather", logits, graph.constant(columns, np.int64), axis=1)
    if masked:
        mask = graph.input("action_mask", np.bool_, [plan.outputs])
        logits = graph.add("Where", mask, logits, graph.constant(-np.inf))
    action = graph.add("Concat", *_greedy(graph, logits, head.counts), axis=1)
    action = graph.add("Add", action, graph.constant(head.starts, np.int64))
    action = graph.add("Reshape", action, graph.constant([-1, *head.shape], np.int64))
    graph.output("action", np.int64, ["batch", *head.shape], action)
    graph.output("logits", plan.dtype, ["batch", plan.outputs], logits)


def _greedy(graph: Graph, logits: str, counts: list[int]) -> list[str]:
    """The action of each choice, (batch, 1): the first of the largest ln pi, as `predict` does."""
    actions, begin = [], 0
    for count in counts:
        part = logits
        if len(counts) > 1:
            bounds = [graph.constant([k], np.int64) for k in (begin, begin + count, 1)]
            part = graph.add("Slice", logits, *bounds)
        part = graph.add("Sub", part, graph.add("ReduceMax", part, axes=[1], keepdims=1))
        actions.append(graph.add("ArgMax", _ranked(graph, part), axis=1, keepdims=1))
        begin += count
    return actions


def _ranked(graph: Graph, below: str) -> str:
    """Numbers that are equal where ln pi is; below: logits minus the largest."""
    if graph.dtype == np.float32:  # ln pi in float would be equal more often
        return graph.add("Min", below, graph.constant(-_EQUAL))
    total = graph.add("ReduceSum", graph.add("Exp", below), graph.constant([1], np.int64))
    return graph.add("Sub", below, graph.add("Log", total))


def _means(graph: Graph, head: Means, outputs: str) -> None:
    """Outputs "action", "mean" and "log_std"."""
    means, log_std = _means_and_log_std(graph, head, outputs)
    dtype = head.clipped_in(graph.dtype)
    action = means if dtype == graph.dtype else graph.cast(means, dtype)
    if head.bounded:
        low, high = head.bounds(dtype)
        action = graph.add("Max", action, graph.constant(low, dtype))
        action = graph.add("Min", action, graph.constant(high, dtype))
    if head.whole:
        action = graph.add("Round", action)
    action = graph.add("Reshape", action, graph.constant([-1, *head.shape], np.int64))
    graph.output("action", head.dtype, ["batch", *head.shape], graph.cast(action, head.dtype))
    graph.output("mean", graph.dtype, ["batch", head.size], means)
    rows: list[int | str] = ["batch"] if head.log_std is None else []
    graph.output("log_std", graph.dtype, [*rows, head.size], log_std)


def _means_and_log_std(graph: Graph, head: Means, outputs: str) -> tuple[str, str]:
    if head.log_std is not None:
        return outputs, graph.constant(head.log_std)
    means, log_std = (
        graph.add("Slice", outputs, *(graph.constant([k], np.int64) for k in (begin, end, 1)))
        for begin, end in ((0, head.size), (head.size, 2 * head.size))
    )
    return means, graph.add("Clip", log_std, *map(graph.constant, LOG_STD_BOUNDS))
