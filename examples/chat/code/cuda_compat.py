"""CUDA libraries that let an image run on a GPU driver older than its CUDA."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path

from supervise import log

# CUDA images bring the driver's user-space half of their own release here, for data-centre GPUs.
COMPAT = Path("/usr/local/cuda/compat")
DRIVER = Path("/proc/driver/nvidia/version")

Version = tuple[int, ...]


def use_cuda_compat(environ: MutableMapping[str, str]) -> None:
    """Put the image's forward-compatibility libraries first, if the driver of the host is older than they are.

    AWS's images do so in their own entry points, which this project replaces. Libraries older than the driver
    would break what works, so they are left alone.
    """
    driver, compat = driver_version(), compat_version()
    if driver and compat and driver < compat:
        log(f"the GPU driver {text(driver)} is older than the image's CUDA: using its libraries for {text(compat)}")
        path = environ.get("LD_LIBRARY_PATH")
        environ["LD_LIBRARY_PATH"] = f"{COMPAT}:{path}" if path else str(COMPAT)


def driver_version() -> Version | None:
    try:
        found = re.search(r"Kernel Module(?: for \S+)?\s+([\d.]+)", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        return None  # no GPU
    return numbers(found.group(1)) if found else None


def compat_version() -> Version | None:
    names = [path.name.removeprefix("libcuda.so.") for path in COMPAT.glob("libcuda.so.*.*")]
    return max((numbers(name) for name in names), default=None)


def numbers(version: str) -> Version:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def text(version: Version) -> str:
    return ".".join(map(str, version))
