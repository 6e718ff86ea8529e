"""What the container reads from its environment. Each name can be set at deploy time, without a new image."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The environment variables, in capitals, that set each field stand beside it."""

    model_path: Path  # MODEL_DIR / MODEL_FILE
    port: int  # SAGEMAKER_BIND_TO_PORT, else PORT
    listen_address: str  # LISTEN_ADDRESS: 127.0.0.1 outside of a container; without it all addresses of the machine
    workers: int  # WORKERS: processes, so predictions at once; without it one for each CPU, 8 at most
    threads: int  # THREADS: requests that one Flask worker holds at once, so that /ping is answered meanwhile
    timeout_s: int  # TIMEOUT_S: longest prediction (a real-time endpoint gives up after 60 s whatever this says)
    max_body_mb: int  # MAX_BODY_MB: larger requests are answered with 413
    content_type: str  # DEFAULT_CONTENT_TYPE: taken for a request without Content-Type
    run_dir: Path  # RUN_DIR: socket, pid and temporary files; made by `serve`
    log_level: str  # LOG_LEVEL

    @property
    def socket(self) -> Path:
        """Where nginx reaches the model server."""
        return self.run_dir / "model.sock"


def cpu_count() -> int:
    """CPUs that this container may use: those of the machine, less what a cgroup limit takes away."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cpus = min(cpus, int(quota) // int(period))
    except (OSError, ValueError):  # no cgroup v2, or no limit ("max")
        pass
    return max(cpus, 1)


def _number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SystemExit(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def _text(name: str, default: str) -> str:
    return os.environ.get(name, "").strip() or default


def _address(name: str) -> str:
    text = _text(name, "")
    try:
        address = ipaddress.ip_address(text) if text else None
    except ValueError:
        raise SystemExit(f"{name} must be an IP address, not {text!r}") from None
    return f"[{address}]" if address is not None and address.version == 6 else text


def read() -> Settings:
    """Read the environment; a value that makes no sense ends the process with its name and what would be right."""
    log_level = _text("LOG_LEVEL", "info").upper()
    if log_level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SystemExit(f"LOG_LEVEL must be debug, info, warning or error, not {log_level.lower()!r}")
    return Settings(
        model_path=Path(_text("MODEL_DIR", "/opt/ml/model")) / _text("MODEL_FILE", "model"),
        port=_number("SAGEMAKER_BIND_TO_PORT", _number("PORT", 8080, 1, 65535), 1, 65535),
        listen_address=_address("LISTEN_ADDRESS"),
        workers=_number("WORKERS", min(cpu_count(), 8), 1, 128),
        threads=_number("THREADS", 32, 1, 256),
        timeout_s=_number("TIMEOUT_S", 60, 1, 3600),
        max_body_mb=_number("MAX_BODY_MB", 25, 1, 1024),
        content_type=_text("DEFAULT_CONTENT_TYPE", "application/json"),
        run_dir=Path(_text("RUN_DIR", "/tmp/serve")),
        log_level=log_level,
    )


settings = read()
