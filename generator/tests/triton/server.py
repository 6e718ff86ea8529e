"""Triton itself, from the package nvidia-pytriton, for the checks beside this file."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path


def install(folder: Path) -> Path:
    """A copy of Triton below `folder` whose Python backend runs this Python; its root."""
    spec = find_spec("pytriton")
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).parent / "tritonserver"
    root = folder / "tritonserver"
    shutil.copytree(source / "backends", root / "backends")
    # The programs find their libraries relative to where they are.
    (root / "bin").mkdir()
    wrapper = root / "bin" / "tritonserver"
    wrapper.write_text(
        f'#!/bin/sh\nexec "{source}/bin/tritonserver" --backend-directory="{root}/backends" "$@" $MORE_FLAGS\n'
    )
    wrapper.chmod(0o755)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    libraries = Path(spec.origin).parent.parent / "nvidia_pytriton.libs"
    stub = source / "python_backend_stubs" / version / "triton_python_backend_stub"
    shutil.copy(stub, root / "backends" / "python" / "triton_python_backend_stub")
    os.environ["LD_LIBRARY_PATH"] = f"{libraries}:{sys.base_prefix}/lib:{os.environ.get('LD_LIBRARY_PATH', '')}"
    return root


def free_port() -> int:
    """A free port that no calling socket is given: one that polls it could otherwise be connected to itself."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, lowest), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@contextlib.contextmanager
def serving(project: Path, triton: Path, **more: str) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """The project's own entry point, with the address that answers and the file of its log."""
    port = free_port()
    log = project / "serve.log"
    environ = {
        **os.environ,
        "PATH": f"{triton / 'bin'}:{os.environ['PATH']}",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "MODEL_DIR": str(project / "nothing-mounted"),
        "MODEL_REPOSITORY": str(project / "model_repository"),
        **more,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(project / "code/serve"), "serve"], env=environ, stdout=out, stderr=out
        )
    try:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 120
        while call(f"{url}/ping")[0] != 200:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"it does not serve:\n{log.read_text(errors='replace')[-6000:]}")
            time.sleep(0.2)
        yield url, process, log
    finally:
        process.kill()
        process.wait()


def call(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""
