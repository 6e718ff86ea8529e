"""A generated HTTP project on this machine: its virtual environment and its running `serve`."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"
MAX_BODY_MB = 2  # small, so that an oversized body is sent quickly
WORKERS = 2  # whatever this machine has: one must not hide what two get wrong


class Missing(Exception):
    """Something that is not part of the project and not there."""


def find_python(version: str) -> str:
    """An interpreter of this version: on PATH, or installed by pyenv."""
    names = [shutil.which(f"python{version}"), shutil.which("python3")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python3"), reverse=True)]
    for name in filter(None, names):
        modules = "sys" if own_uv() else "sys, venv, ensurepip"
        script = f"import {modules}; print('%d.%d' % sys.version_info[:2])"
        found = subprocess.run([name, "-c", script], capture_output=True, text=True, check=False)
        if found.stdout.strip() == version:
            return name
    raise Missing(f"Python {version}")


def install(command: list[str | Path]) -> None:
    """Run an installer. Without a network that is something missing, and no fault of the requirements."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    if result.returncode == 0:
        return
    offline = re.search("resolution|connection|timed out|getaddrinfo|unreachable|dns error", result.stderr, re.IGNORECASE)
    if offline and "No matching distribution" not in result.stderr:
        raise Missing(f"a package index: it cannot be reached: {result.stderr.strip().splitlines()[-1]}")
    raise AssertionError(f"the requirements cannot be installed:\n{result.stderr}")


def own_uv() -> str | None:
    """uv: that of PATH, or the one that .ci/environment installed."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[2] / "target"))
    return shutil.which("uv") or shutil.which("uv", path=target / "uv/bin")


def make_venv(requirements: str, python: str, venvs: Path) -> Path:
    """A virtual environment with the requirements, made once for each set of them; by uv, if it is there."""
    digest = hashlib.sha256((python + requirements).encode()).hexdigest()[:16]
    venv, done = venvs / digest, venvs / digest / "complete"
    venvs.mkdir(parents=True, exist_ok=True)
    with (venvs / f"{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two tests may want the same one
        if not done.exists():
            shutil.rmtree(venv, ignore_errors=True)
            file = venvs / f"{digest}.txt"
            file.write_text(requirements)
            if uv := own_uv():
                install([uv, "venv", "--quiet", "--python", python, venv])
                install([uv, "pip", "install", "--quiet", "--python", venv / "bin/python", "--requirement", file])
            else:
                install([python, "-m", "venv", venv])
                pip = [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
                install([*pip, "--requirement", file])
            done.touch()
    return venv


def dockerfile_environment(project: Path) -> dict[str, str]:
    """What the ENV instructions of the Dockerfile set."""
    text = (project / "Dockerfile").read_text().replace("\\\n", " ")
    pairs = [pair for line in text.splitlines() if line.startswith("ENV ") for pair in line[4:].split()]
    return dict(pair.split("=", 1) for pair in pairs)


def free_port() -> int:
    """A free port that no calling socket is given: one that polls it could otherwise be connected to itself."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, lowest), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Server:
    """A running `serve`."""

    def __init__(self, project: Path, python: str | Path, model_dir: Path, **extra: str) -> None:
        self.port = free_port()
        path = f"{Path(python).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin"
        environment = {"PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8"} | dockerfile_environment(project)
        environment |= {"MODEL_DIR": str(model_dir), "PORT": str(self.port), "WORKERS": str(WORKERS)}
        environment |= {"LISTEN_ADDRESS": "127.0.0.1"}
        environment |= {"MAX_BODY_MB": str(MAX_BODY_MB)} | extra
        self.log = tempfile.NamedTemporaryFile("w+", prefix="serve-log-")  # noqa: SIM115  (closed with the server)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [python, project / "code/serve", "serve"],
            env=environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if error is not None:
            print(f"--- log of the server\n{self.logged()[-6000:]}", file=sys.stderr)

    def logged(self) -> str:
        return Path(self.log.name).read_text(errors="replace")

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer. A header's `_` stands for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
        except BrokenPipeError:  # the server may answer and close before an oversized body is sent
            pass
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers.get("Content-Type", ""), content

    def invoke(self, body: bytes, content_type: str = JSON, **headers: str) -> tuple[int, str, bytes]:
        return self.call("POST", "/invocations", body, Content_Type=content_type, **headers)

    def wait_for_ping(self, wanted: int = 200, seconds: float = 300) -> bytes:
        deadline = time.monotonic() + seconds
        status, content = 0, b""
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"serve ended with status {self.process.returncode}"
            try:
                status, _, content = self.call("GET", "/ping")
            except OSError:
                status = 0
            # 503 also comes from nginx while the model server starts: that is not yet its answer
            if status == wanted and b"not there yet" not in content:
                return content
            time.sleep(0.05)
        raise AssertionError(f"/ping did not become {wanted}: last was {status} {content!r}")

    def model_server(self) -> int:
        """Process id of the model server's master, the child of `serve` that is not nginx."""
        for pid in children(self.process.pid):
            if "model_server.py" in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
        raise AssertionError("serve has no model server among its children")

    def family(self) -> list[int]:
        """Process ids of `serve` and of all below it."""
        found, todo = [], [self.process.pid]
        while todo:
            found.append(pid := todo.pop())
            todo += children(pid)
        return found

    def memory_mb(self) -> float:
        """Memory of all its processes, shared pages counted once."""
        rolled = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.family()]
        return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) for text in rolled) / 1024  # type: ignore[index]


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
        except OSError:
            continue
    return found
