"""A model whose loading starts threads (LightGBM's) is served: no thread survives the fork of the workers.

usage: threads.py SKLEARN_PROJECT...
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

import models
import numpy as np
from server import Server, children


def main() -> int:
    trained = {name: models.all_models()[name](np.random.default_rng(0)) for name in ("lightgbm_numbers", "linear")}
    for project in map(Path, sys.argv[1:]):
        for name, model in trained.items():
            with tempfile.TemporaryDirectory(prefix="threads-") as folder:
                joblib.dump(model.model, Path(folder) / "model.pkl")
                served(project, folder, model, shared=name == "linear")
            print(f"{project.name}: {name} is served", flush=True)
        nothing_predicts_before_the_fork(project, trained["linear"])
    return 0


def served(project: Path, folder: str, trained: models.Trained, shared: bool) -> None:
    settings = {"MODEL_FILE": "model.pkl", "RUN_AS": "root", "WORKERS": "1", "OMP_NUM_THREADS": "2"}
    with Server(project, sys.executable, Path(folder), **settings) as server:
        server.wait_for_ping(seconds=30)
        rows = trained.table[:5]
        status, _, content = server.invoke(json.dumps({"instances": rows.tolist()}).encode())
        assert status == 200, (status, content)
        assert np.allclose(json.loads(content)["predictions"], trained.model.predict(rows)), content
        parent = server.model_server()
        assert len(children(parent)) == 1, "the worker is no child of the model server"
        assert ("every worker loads its own" in server.logged()) != shared, server.logged()
        if shared:
            assert server.logged().count(" loaded ") == 1, "a model that starts no threads is loaded once"


def nothing_predicts_before_the_fork(project: Path, trained: models.Trained) -> None:
    """The process that has loaded a model for its workers refuses to predict; one that it forks does."""
    with tempfile.TemporaryDirectory(prefix="threads-") as folder:
        joblib.dump(trained.model, Path(folder) / "model.pkl")
        environment = {"MODEL_DIR": folder, "MODEL_FILE": "model.pkl", "PATH": os.environ["PATH"]}
        script = (
            "import inference, os\n"
            "service = inference.Service()\n"
            "inference.load_in_workers(service)\n"
            "ask = lambda: service.invoke(b'[[1, 2, 3, 4, 5]]', 'application/json', None).status\n"
            "assert ask() == 500, 'the parent predicts'\n"
            "service.warm_up()\n"
            "assert not service.worked, 'the parent warms up'\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    os._exit(0 if ask() == 200 else 1)\n"
            "assert os.waitpid(pid, 0)[1] == 0, 'the worker does not predict'\n"
        )
        command = [sys.executable, "-B", "-c", script]
        done = subprocess.run(command, cwd=project / "code", env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]


if __name__ == "__main__":
    sys.exit(main())
