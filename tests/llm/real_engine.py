#!/usr/bin/env python3
"""Serve a tiny model through a generated project with the real engine, on the CPU.

    real_engine.py install PLACE                the engine's CPU build, once (6 GB)
    real_engine.py model PLACE MODEL            a two-layer Llama with random weights and a tokenizer of its own
    real_engine.py serve PLACE MODEL PROJECT    start the project's entry point and hold it to the contract

The engine is the release that projects pin. Its command line is the real one: an option that it does not know or a
value that it cannot read ends the start.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RELEASE = "0.27.1"
TORCH = "2.13.0"
ENGINE = "vllm"
PATIENCE_S = 900  # 40 s on a quiet machine
MAKE_MODEL = """
import sys
from tokenizers import Tokenizer, models, pre_tokenizers, decoders, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
import torch

torch.manual_seed(0)
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(
    ["The three largest cities of Italy are Rome, Milan and Naples."] * 50,
    trainers.BpeTrainer(vocab_size=512, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
fast.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
fast.save_pretrained(sys.argv[1])
config = LlamaConfig(
    vocab_size=512, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=64, max_position_embeddings=512, bos_token_id=0, eos_token_id=1, torch_dtype="bfloat16",
)
LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(sys.argv[1])
"""


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def install(place: Path) -> None:
    if (place / "complete").is_file():
        return
    shutil.rmtree(place, ignore_errors=True)
    run(sys.executable, "-m", "venv", place)
    pip = [place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-deps", f"{ENGINE}-cpu=={RELEASE}")
    packages = Path(run(place / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    described = packages / f"{ENGINE}_cpu-{RELEASE}.dist-info"
    wanted = []
    for line in (described / "METADATA").read_text().splitlines():
        requirement = line.removeprefix("Requires-Dist: ")
        # The builds of these with +cpu are not on the package index, and two pins of setuptools contradict each other.
        if requirement != line and "extra ==" not in line and not re.match(r"torch|setuptools", requirement):
            wanted.append(requirement)
    run(*pip, f"torch=={TORCH}", "torchvision", "torchaudio", "setuptools==77.0.3", *wanted)
    # The engine asks for its own version by the name of its usual distribution, and for "cpu" in it.
    alias = packages / f"{ENGINE}-{RELEASE}+cpu.dist-info"
    shutil.copytree(described, alias)
    metadata = (alias / "METADATA").read_text()
    metadata = metadata.replace(f"Name: {ENGINE}-cpu", f"Name: {ENGINE}").replace(
        f"Version: {RELEASE}", f"Version: {RELEASE}+cpu"
    )
    (alias / "METADATA").write_text(metadata)
    (place / "complete").touch()


def free_port() -> int:
    """A free port that no calling socket is given: one that polls it could otherwise be connected to itself."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, lowest), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Serving:
    """The project's own entry point with the model that it was made for, on a port of this machine."""

    def __init__(self, place: Path, model: Path, project: Path, code: Path) -> None:
        shutil.copytree(project / "code", code, dirs_exist_ok=True)
        self.port = free_port()
        serve = code / "serve"
        serve.write_text(serve.read_text().replace("--port=8080", f"--port={self.port}"))
        settings = json.loads((code / "engine-args.json").read_text())
        # What only a GPU decides: everything else is as it was generated.
        settings["options"].pop("gpu-memory-utilization", None)
        (code / "engine-args.json").write_text(json.dumps(settings))
        self.names = settings["options"]["served-model-name"]
        environ = {
            **os.environ,
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
            "MODEL_DIR": str(model),
            "MODEL_CACHE_DIR": str(code.parent / "cache"),
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }
        settings["model"] = str(model)
        (code / "engine-args.json").write_text(json.dumps(settings))
        self.log = (code.parent / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, serve, "serve"], env=environ, stdout=self.log, stderr=subprocess.STDOUT
        )

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def said(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()[-6000:]

    def wait(self) -> float:
        begun = time.monotonic()
        while True:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.said()}"
            assert time.monotonic() - begun < PATIENCE_S, f"/ping never answered:\n{self.said()}"
            try:
                status, _ = self.call("GET", "/ping")
                assert status == 200, status
                return time.monotonic() - begun
            except OSError:
                time.sleep(0.5)


def serve(place: Path, model: Path, project: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="real-engine-"))
    serving = Serving(place, model, project, folder / "code")
    try:
        print(f"/ping after {serving.wait():.0f} s")
        payload = json.loads((project / "test/payload.json").read_text())
        status, body = serving.call("POST", "/invocations", payload)
        assert status == 200 and json.loads(body)["choices"], (status, body)
        chat = {"model": serving.names[-1], "messages": [{"role": "user", "content": "Rome"}], "max_tokens": 4}
        status, body = serving.call("POST", "/invocations", chat)
        assert status == 200 and json.loads(body)["choices"][0]["message"], (status, body)
        status, body = serving.call("POST", "/invocations", {**chat, "stream": True})
        assert status == 200 and body.count("data: ") > 1, (status, body)
        for bad in ("{", {"nothing": 1}, {**chat, "max_tokens": -1}):
            status, body = serving.call("POST", "/invocations", bad)
            assert 400 <= status < 500, (bad, status, body)
        print("chat, completion and streaming answered; bad requests refused")
        serving.process.terminate()
        status = serving.process.wait(60)
        assert status == 0, f"stopped with {status}:\n{serving.said()}"
    finally:
        if serving.process.poll() is None:
            serving.process.terminate()
            serving.process.wait(60)
    settings = json.loads((folder / "code/engine-args.json").read_text())
    settings["options"]["no-such-option"] = True
    (folder / "code/engine-args.json").write_text(json.dumps(settings))
    environ = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "MODEL_CACHE_DIR": str(folder / "cache")}
    refused = subprocess.run(
        [sys.executable, folder / "code/serve"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert refused.returncode == 2 and "no-such-option" in refused.stderr, refused
    print("an unknown option ends the container with the engine's own message")
    shutil.rmtree(folder)


def main() -> None:
    match sys.argv[1:]:
        case ["install", place]:
            install(Path(place).resolve())
        case ["model", place, model]:
            run(Path(place).resolve() / "bin/python", "-c", MAKE_MODEL, model)
        case ["serve", place, model, project]:
            serve(*(Path(path).resolve() for path in (place, model, project)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
