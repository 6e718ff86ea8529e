"""CUDA libraries that let an image run on a GPU driver older than its CUDA."""

from __future__ import annotations

import subprocess
from collections.abc import MutableMapping
from pathlib import Path

from supervise import log

# AWS's images bring it, and their own entry points, which this project replaces, source it. It adds the image's
# forward-compatibility libraries to LD_LIBRARY_PATH where the driver of the host is older than they are.
SCRIPT = Path("/usr/local/bin/start_cuda_compat.sh")
DRIVER = Path("/proc/driver/nvidia/version")
TIMEOUT_S = 60


def use_cuda_compat(environ: MutableMapping[str, str]) -> None:
    """Set LD_LIBRARY_PATH as the image's script does, if there are a GPU and a script."""
    if not (SCRIPT.is_file() and DRIVER.is_file()):
        return
    script = 'source "$1" >&2; printf %s "${LD_LIBRARY_PATH-}"'
    try:
        found = subprocess.run(
            ["bash", "-c", script, "bash", str(SCRIPT)],
            env=dict(environ),
            stdout=subprocess.PIPE,
            timeout=TIMEOUT_S,
            check=True,
            text=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        # The driver may suffice as it is; if not, the engine says so itself.
        log(f"{SCRIPT} failed: {error}")
        return
    if found != environ.get("LD_LIBRARY_PATH", ""):
        log("the GPU driver is older than the image's CUDA: using its forward-compatibility libraries")
        environ["LD_LIBRARY_PATH"] = found
