#!/usr/bin/env bash
# Guess: onnxruntime's float32 Sigmoid is 1 / (1 + exp(-x)) to float32's precision, as in NumPy or
# torch, so that silu(x) = x Sigmoid(x) exported to ONNX agrees with the trained network.
# Fact: on the CPU it is a bounded approximation with an absolute error of about 5e-8. Below -15 no
# digit is right, it rises from -16 to -17 although the function falls, and below -18 it is 0.
# Multiplied by a large x the error counts. As Div(x, 1 + Exp(-x)) the same graph is exact to
# rounding.
# Version: onnxruntime 1.32.0 (the same in 1.19.2), onnx 1.23.2.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > "$folder/sigmoid.py" <<'PY'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def run(nodes, x):
    """The output y of a graph of these nodes for the input x."""
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"]
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    graph = helper.make_graph(nodes, "g", sides[:1], sides[1:], [one])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7
    ).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


x = np.float32([-15, -16, -17, -18, -20])
exact = 1 / (1 + np.exp(-x.astype(float)))
built_in = run([helper.make_node("Sigmoid", ["x"], ["y"])], x)
by_parts = run(
    [
        helper.make_node("Neg", ["x"], ["minus"]),
        helper.make_node("Exp", ["minus"], ["e"]),
        helper.make_node("Add", ["one", "e"], ["below"]),
        helper.make_node("Div", ["one", "below"], ["y"]),
    ],
    x,
)
print("onnxruntime", onnxruntime.__version__)
for row in zip(x, exact, built_in, by_parts, strict=True):
    print("x = {:g}: exact {:.3g}, Sigmoid {:.3g}, from Exp and Div {:.3g}".format(*row))
wrong = np.abs(built_in / exact - 1).max() > 0.1 and built_in[2] > built_in[1]
right = np.abs(by_parts / exact - 1).max() < 1e-6
sys.exit(not (wrong and right))
PY
"$folder/venv/bin/python" "$folder/sigmoid.py"
