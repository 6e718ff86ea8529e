"""serve_python.py WORK PROJECT: the sample is trained and served by Triton, as it would be on SageMaker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from server import call, install, serving


def request(texts: list[str]) -> bytes:
    tensor = {"name": "record", "shape": [len(texts), 1], "datatype": "BYTES", "data": texts}
    return json.dumps({"inputs": [tensor]}).encode()


def main(work: Path, project: Path) -> None:
    triton = install(work)
    model = project / "model_repository/model/1"
    subprocess.run([sys.executable, project / "sample_model/train.py", model / "model.json"], check=True)
    # As in the image, packages are in a folder of their own.
    packages = work / "packages"
    packages.mkdir()
    (packages / "only_here.py").write_text("")
    handler = model / "handler.py"
    handler.write_text(handler.read_text().replace("import numpy", "import only_here  # noqa: F401\nimport numpy", 1))
    with serving(project, triton, PYTHONPATH=str(packages)) as (url, process, log):
        status, body = call(f"{url}/invocations", (project / "test/payload.json").read_bytes())
        assert status == 200, (status, body, log.read_text()[-3000:])
        output = json.loads(body)["outputs"][0]
        assert output["name"] == "prediction" and output["shape"] == [2, 1], output
        rings = [json.loads(text) for text in output["data"]]
        assert all(3 < ring < 20 for ring in rings), rings

        for wrong, reason in [
            (request(["{not json"]), b"malformed JSON"),
            (request(["[1, 2]"]), b"8 features"),
            (request(['"text"']), b"list of numbers"),
            (b'{"inputs": []}', b""),
        ]:
            status, body = call(f"{url}/invocations", wrong)
            assert status == 400 and reason in body, (wrong, status, body)
            assert b"Traceback" not in body, body
        assert call(f"{url}/ping")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, log.read_text()[-3000:]

    # A model that cannot be loaded ends the container with an error.
    (model / "model.json").write_text("{}")
    try:
        with serving(project, triton, PYTHONPATH=str(packages)):
            raise AssertionError("a broken model is served")
    except SystemExit as refusal:
        assert "KeyError" in str(refusal), refusal
    print("served")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
