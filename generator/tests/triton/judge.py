"""judge.py WORK PROJECT...: every config.pbtxt is a ModelConfig, requests fit it, and Triton itself takes it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from google.protobuf import text_format
from server import install
from tritonclient.grpc import model_config_pb2

ACCEPTED = "unable to find backend library for backend"


def check(project: Path, triton: Path) -> None:
    repository = project / "model_repository"
    for config_file in repository.glob("*/config.pbtxt"):
        config = text_format.Parse(config_file.read_text(), model_config_pb2.ModelConfig())
        assert config.name == config_file.parent.name, config_file
        payload = json.loads((project / "test/payload.json").read_text())
        if "inputs" in payload:
            fits(payload["inputs"], config)
        if config.backend != "python":
            # Triton has no such backend here, and says so only of a configuration that it has accepted.
            told = judged(project, triton)
            assert ACCEPTED in told, f"{project}: {told}"
    print(f"{project.name}: accepted")


def fits(inputs: list[dict], config: model_config_pb2.ModelConfig) -> None:
    known = {tensor.name: tensor for tensor in config.input}
    assert known.keys() == {tensor["name"] for tensor in inputs}, (known.keys(), inputs)
    for given in inputs:
        tensor = known[given["name"]]
        kind = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
        assert given["datatype"] == {"STRING": "BYTES"}.get(kind, kind), given
        shape = list(given["shape"])
        if config.max_batch_size:
            assert shape.pop(0) <= config.max_batch_size
        assert len(shape) == len(tensor.dims), (shape, tensor)
        assert all(dim in (-1, length) for dim, length in zip(tensor.dims, shape, strict=True)), (shape, tensor)
        length = 1
        for dim in given["shape"]:
            length *= dim
        assert len(given["data"]) == length


def judged(project: Path, triton: Path) -> str:
    words = ["--model-repository", str(project / "model_repository"), "--allow-http=false", "--allow-grpc=false"]
    server = [str(triton / "bin/tritonserver"), *words, "--allow-metrics=false", "--strict-readiness=true"]
    done = subprocess.run(server, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    lines = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in lines if "failed" in line or "unable" in line or "error" in line.lower())


def main(work: Path, projects: list[Path]) -> None:
    triton = install(work)
    # The Python backend would start the models that are written in Python: their own check does that.
    shutil.rmtree(triton / "backends" / "python")
    for project in projects:
        check(project, triton)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
