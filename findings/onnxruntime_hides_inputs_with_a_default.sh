#!/usr/bin/env bash
# Guess: an ONNX input that has an initializer of the same name is an optional input: onnxruntime
# lists it among the session's inputs, and who does not feed it gets the default.
# Fact: feeding it works and leaving it out gives the default, but get_inputs() does not name it. It
# is listed by get_overridable_initializers() alone, so that tools which read a model's signature
# (and feed what it names) never pass it, without any error.
# Version: onnxruntime 1.32.0, onnx 1.23.2.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > "$folder/optional.py" <<'PY'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

names = ("logits", "mask", "masked")
logits, mask, masked = (
    helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in names
)
allowed = helper.make_tensor("mask", TensorProto.FLOAT, [3], [0.0, 0.0, 0.0])
add = helper.make_node("Add", ["logits", "mask"], ["masked"])
graph = helper.make_graph([add], "g", [logits, mask], [masked], [allowed])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)

options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(
    model.SerializeToString(), options, providers=["CPUExecutionProvider"]
)
in_the_model = [each.name for each in model.graph.input]
listed = [each.name for each in session.get_inputs()]
overridable = [each.name for each in session.get_overridable_initializers()]
x = np.float32([1, 2, 3])
without = session.run(None, {"logits": x})[0]
fed = session.run(None, {"logits": x, "mask": np.float32([0, 0, -9])})[0]
print("onnxruntime", onnxruntime.__version__)
print("inputs of the model:", in_the_model)
print("session.get_inputs():", listed)
print("session.get_overridable_initializers():", overridable)
print("without the mask:", without, "with it:", fed)
same = listed == ["logits"] and overridable == ["mask"] and in_the_model == ["logits", "mask"]
sys.exit(not (same and list(without) == [1, 2, 3] and list(fed) == [1, 2, -6]))
PY
"$folder/venv/bin/python" "$folder/optional.py"
