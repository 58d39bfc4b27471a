"""What libraries would tell their makers."""

import os
import subprocess
import sys
from pathlib import Path

RUN = """
import mediaindex
import onnxruntime
from onnx import TensorProto, helper
one = helper.make_tensor_value_info("a", TensorProto.FLOAT, [1])
two = helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])
graph = helper.make_graph([helper.make_node("Neg", ["a"], ["b"])], "g", [one], [two])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"a": [1.0]})
"""


def test_onnx_runtime_gives_this_machine_no_id_and_notes_nothing_to_send(tmp_path: Path) -> None:
    # In CI it is silent by itself.
    others = {"CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environ = {name: value for name, value in os.environ.items() if name not in others}

    subprocess.run(
        [sys.executable, "-c", RUN], env=environ | {"HOME": str(tmp_path)}, check=True, timeout=60
    )

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
