#!/usr/bin/env python3
"""Run a generated HTTP project as its container would, and hold it to SageMaker's contract.

    serve_check.py PROJECT --venvs DIR [--python-version 3.12] [--level brief|normal|full] [--keep DIR]
    serve_check.py PROJECT --user
    serve_check.py --pythons

Installs the project's own requirements into a virtual environment (kept in DIR under a hash of
them), trains its sample, starts `code/serve serve` with the environment of its Dockerfile behind
a real nginx, and calls it. Standard library only.

Exit status: 0 all held, 1 something did not, 77 something is missing here (the last line says what).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import answers
import lifecycle
from server import Missing, Server, dockerfile_environment, find_python, make_venv

SKIPPED = 77
PYTHONS = ("3.12", "3.11", "3.13")  # what images there are for, the default first


def train(project: Path, python: Path, model: Path) -> None:
    """The sample, which must say which data it had."""
    command = [python, project / "sample_model/train.py", model]
    trained = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert trained.returncode == 0, trained.stderr
    assert re.search("downloaded|synthetic", trained.stdout), "training does not say which data it used"
    print(trained.stdout.strip())


def run(project: Path, venvs: Path, version: str, level: str, keep: Path | None) -> None:
    python = make_venv((project / "requirements.txt").read_text(), find_python(version), venvs) / "bin/python"
    model_file = dockerfile_environment(project)["MODEL_FILE"]
    by_name = "=abalone.FEATURES" in (project / "sample_model/train.py").read_text()
    fork_safe = "fork_safe = True" in (project / "code/model_handler.py").read_text()

    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        train(project, python, Path(folder) / model_file)
        if keep:
            shutil.copytree(folder, keep)
        with Server(project, python, Path(folder)) as server:
            server.wait_for_ping()
            print(f"/ping after {time.monotonic() - server.started:.1f} s, {server.memory_mb():.0f} MB in all")
            if fork_safe:
                lifecycle.check_loaded_once(server)
            answers.check_answers(server, project)
            if by_name:
                answers.check_named(server)
            if level != "brief":
                answers.check_refusals(server)
                answers.check_batch(server)
                answers.check_load(server, project)
                assert "Traceback" not in server.logged(), "bad input must not leave tracebacks"
                lifecycle.check_worker_death(server)
            lifecycle.check_death(server)
        if level != "brief":
            with Server(project, python, Path(folder)) as server:
                server.wait_for_ping()
                lifecycle.check_stop(server, project)
        if level == "full" and model_file.endswith((".pkl", ".joblib")):
            lifecycle.check_build(project, python, Path(folder) / model_file)
            lifecycle.check_other_version(project, python, Path(folder) / model_file)
    if level == "full":
        lifecycle.check_broken(project, python, model_file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path, nargs="?")
    parser.add_argument("--venvs", type=Path, help="where virtual environments are kept")
    parser.add_argument("--python-version", default=PYTHONS[0], help="as in the project's base image")
    parser.add_argument("--level", choices=("brief", "normal", "full"), default="full", help="how much is checked")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="copy the trained model to this new folder")
    parser.add_argument("--user", action="store_true", help="check only that `serve` gives up root")
    parser.add_argument("--pythons", action="store_true", help="print the version of Python to generate projects for")
    arguments = parser.parse_args()
    try:
        if arguments.pythons:
            print(usable_python())
            return 0
        if arguments.project is None or not (arguments.venvs or arguments.user):
            parser.error("a PROJECT and --venvs, or --user, are needed")
        project = arguments.project.resolve()
        if shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            raise Missing("nginx (Debian: nginx-light)")
        if arguments.user:
            lifecycle.check_user(project)
        else:
            run(project, arguments.venvs.resolve(), arguments.python_version, arguments.level, arguments.keep)
    except Missing as missing:
        print(missing)
        return SKIPPED
    print("ok")
    return 0


def usable_python() -> str:
    for version in PYTHONS:
        try:
            find_python(version)
        except Missing:
            continue
        return version
    raise Missing(f"Python {', '.join(PYTHONS[:-1])} or {PYTHONS[-1]}")


if __name__ == "__main__":
    sys.exit(main())
