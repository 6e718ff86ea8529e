"""serve_engine.py WORK PROJECT: the project's model.py under Triton, with a stand-in for the engine's package."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from server import call, free_port, install, serving


def main(work: Path, project: Path) -> None:
    triton = install(work)
    mounted = work / "mounted"
    mounted.mkdir()
    (mounted / "config.json").write_text("{}")
    options = project / "model_repository/model/1/model.json"
    options.write_text(json.dumps({**json.loads(options.read_text()), "model": str(mounted), "fail-fast": 1}))
    # Beside model.py, since the Python inside of Triton reads no PYTHONPATH.
    shutil.copytree(Path(__file__).parent / "fake/tensorrt_llm", options.parent / "tensorrt_llm")
    more = {
        "MODEL_CACHE_DIR": str(work / "cache"),
        "FAKE_ENGINE_SAW": str(work / "saw.json"),
    }
    # In its SageMaker mode, Triton can generate since 25.03; the one of this package is older, so it is asked by HTTP.
    port = free_port()
    more["MORE_FLAGS"] = f"--allow-http=true --http-address=127.0.0.1 --http-port={port}"
    for kind in ("generate", "generate_stream"):
        with serving(project, triton, **more) as (_, process, log):
            url = f"http://127.0.0.1:{port}/v2/models/model/{kind}"
            saw = json.loads((work / "saw.json").read_text())
            assert saw["model"] == str(mounted) and saw["fail_fast"] == 1, saw
            stream = kind == "generate_stream"
            body = {**json.loads((project / "test/payload.json").read_text()), "stream": stream}
            status, answer = call(url, json.dumps(body).encode())
            assert status == 200, (status, answer, log.read_text()[-3000:])
            if stream:
                events = [json.loads(line[6:]) for line in answer.decode().splitlines() if line.startswith("data: ")]
                text = "".join(event["text_output"] for event in events)
                assert len(events) > 1, answer
            else:
                text = json.loads(answer)["text_output"]
            assert text == "64 tokens after The three largest cities of Italy are", text
            if not stream:
                wrong = {**body, "sampling_parameters": "[1]"}
                status, answer = call(url, json.dumps(wrong).encode())
                assert status >= 400 and b"object in JSON" in answer, (status, answer)
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0, log.read_text()[-3000:]
    print("served")


if __name__ == "__main__":
    os.environ.pop("HF_TOKEN_SECRET_ARN", None)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
