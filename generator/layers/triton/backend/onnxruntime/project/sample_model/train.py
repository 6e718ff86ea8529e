"""Train the sample model: python train.py MODEL_FILE (.onnx)."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper

import linear


def main(path: Path) -> None:
    fitted = linear.fit()
    constants = {"mean": fitted.mean, "scale": fitted.scale, "weights": fitted.weights, "bias": fitted.bias}
    graph = helper.make_graph(
        nodes=[
            helper.make_node("Sub", ["features", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "scale"], ["scaled"]),
            helper.make_node("Gemm", ["scaled", "weights", "bias"], ["rings"]),
        ],
        name="abalone",
        inputs=[helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", len(fitted.mean)])],
        outputs=[helper.make_tensor_value_info("rings", TensorProto.FLOAT, ["batch", 1])],
        initializer=[numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    # Old versions of both, so that every release of the server reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)

    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
