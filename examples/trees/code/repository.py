"""Which model repository Triton serves, and the command line that serves it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

# SageMaker (a deployment with model data) and `do/run --model` put a repository here, which then goes first.
MOUNTED = Path(os.environ.get("MODEL_DIR", "/opt/ml/model"))
PACKED = Path(os.environ.get("MODEL_REPOSITORY", "/opt/program/model_repository"))
# What the base image starts with: it reports on the GPU and its driver, and then runs the rest.
BASE_ENTRYPOINT = "/opt/nvidia/nvidia_entrypoint.sh"

# The names that the SageMaker images of Triton read, and what each one sets.
FLAGS = {
    "SAGEMAKER_SAFE_PORT_RANGE": "--sagemaker-safe-port-range={}",
    "SAGEMAKER_TRITON_THREAD_COUNT": "--sagemaker-thread-count={}",
    "SAGEMAKER_TRITON_BUFFER_MANAGER_THREAD_COUNT": "--buffer-manager-thread-count={}",
    "SAGEMAKER_TRITON_LOG_VERBOSE": "--log-verbose={}",
    "SAGEMAKER_TRITON_LOG_INFO": "--log-info={}",
    "SAGEMAKER_TRITON_LOG_WARNING": "--log-warning={}",
    "SAGEMAKER_TRITON_LOG_ERROR": "--log-error={}",
    "SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": "--backend-config=python,shm-default-byte-size={}",
    "SAGEMAKER_TRITON_SHM_GROWTH_BYTE_SIZE": "--backend-config=python,shm-growth-byte-size={}",
}
# Docker gives a container 64 MB of shared memory; Triton's own default for each instance is all of it.
DEFAULTS = {
    "SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": "16777216",
    "SAGEMAKER_TRITON_SHM_GROWTH_BYTE_SIZE": "1048576",
}


class RepositoryError(Exception):
    """What is wrong with the model repository, for a person to read."""


def models(repository: Path) -> list[str]:
    """The models of a repository: its folders that hold a configuration or a version."""
    if not repository.is_dir():
        return []
    folders = (path for path in sorted(repository.iterdir()) if path.is_dir() and not path.name.startswith("."))
    return [path.name for path in folders if (path / "config.pbtxt").is_file() or (path / "1").is_dir()]


def choose() -> Path:
    """The repository that is mounted, or else the one in the image."""
    if (MOUNTED / "config.pbtxt").is_file():
        raise RepositoryError(f"{MOUNTED} is a model and not a repository: its files belong into {MOUNTED}/NAME/")
    for repository in (MOUNTED, PACKED):
        if models(repository):
            return repository
    raise RepositoryError(f"there is no model in {MOUNTED} or {PACKED}")


def default_model(repository: Path, environ: Mapping[str, str]) -> str:
    """The model that /invocations calls."""
    names = models(repository)
    wanted = environ.get("SAGEMAKER_TRITON_DEFAULT_MODEL_NAME", "")
    if wanted in names:
        return wanted
    if len(names) == 1:
        return names[0]
    raise RepositoryError(
        f"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME is {wanted!r}: it must be one of {', '.join(names)}, in {repository}"
    )


def environment(repository: Path, environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": default_model(repository, environ)}


def command(repository: Path, environ: Mapping[str, str]) -> list[str]:
    """All models of the repository are loaded; one that cannot be ends the server, and so the container."""
    server = shutil.which("tritonserver") or "/opt/tritonserver/bin/tritonserver"
    words = [BASE_ENTRYPOINT] if os.access(BASE_ENTRYPOINT, os.X_OK) else []
    words += [
        server,
        f"--model-repository={repository}",
        "--allow-sagemaker=true",
        f"--sagemaker-port={environ.get('SAGEMAKER_BIND_TO_PORT') or 8080}",
        "--allow-http=false",
        "--allow-grpc=false",
        "--allow-metrics=false",
    ]
    for name, flag in FLAGS.items():
        value = environ.get(name) or DEFAULTS.get(name)
        if value:
            words.append(flag.format(value))
    return words
