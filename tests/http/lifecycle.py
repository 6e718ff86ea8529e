"""How a served project lives and ends: workers that die, a dead model server, SIGTERM, models that do not load."""

from __future__ import annotations

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server import LINES, MAX_BODY_MB, WORKERS, Missing, Server, children, install, own_uv


def check_loaded_once(server: Server) -> None:
    """The workers predict with a model that was loaded before they were forked."""
    # /ping is answered as soon as the first of them is there
    deadline = time.monotonic() + 30
    while (workers := len(children(server.model_server()))) < WORKERS and time.monotonic() < deadline:
        time.sleep(0.1)
    loads = server.logged().count(" loaded ")
    assert workers == WORKERS and loads == 1, f"{workers} workers, the model was loaded {loads} times"


def check_worker_death(server: Server) -> None:
    """One worker that dies is replaced; callers notice nothing afterwards."""
    master = server.model_server()
    # a worker is only replaced, rather than taken for a crash at start, once it has lived a while
    time.sleep(6)
    before = children(master)
    os.kill(before[0], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while before[0] in (now := children(master)) or len(now) < len(before):
        assert time.monotonic() < deadline, "the dead worker was not replaced"
        assert server.process.poll() is None, "one worker took the whole container with it"
        time.sleep(0.1)
    server.wait_for_ping()


def check_death(server: Server) -> None:
    """Without the model server there is no container."""
    master = server.model_server()
    workers = children(master)
    os.kill(master, signal.SIGKILL)
    status = server.process.wait(10)
    assert status not in (0, -signal.SIGKILL), f"serve ended with {status}"
    deadline = time.monotonic() + 10
    while left := [pid for pid in workers if Path(f"/proc/{pid}/exe").exists()]:
        assert time.monotonic() < deadline, f"workers {left} live on"
        time.sleep(0.1)


def check_stop(server: Server, project: Path) -> None:
    """SIGTERM ends it cleanly, and what was asked before is answered."""
    body = b"\n".join([(project / "test/payload.jsonl").read_bytes().strip()] * 5000)
    body = body[: MAX_BODY_MB * 2**20 // 2].rpartition(b"\n")[0]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(server.invoke, body, LINES) for _ in range(8)]
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        answered = [call.result()[0] for call in calls if not isinstance(call.exception(), OSError)]
    assert server.process.wait(35) == 0, f"serve ended with {server.process.returncode} after SIGTERM"
    assert answered and set(answered) == {200}, f"answers after SIGTERM: {answered}"
    try:
        socket.create_connection(("127.0.0.1", server.port), 1).close()
    except OSError:
        return
    raise AssertionError("something still listens after SIGTERM")


def check_broken(project: Path, python: Path, model_file: str) -> None:
    """A model that cannot be loaded: /ping says why, nothing is predicted, `serve check` fails the build."""
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / model_file).write_bytes(b"this is no model")
        with Server(project, python, Path(empty)) as server:
            content = server.wait_for_ping(503)
            assert model_file in json.loads(content)["error"], content
            status, _, content = server.invoke(b"[[1, 2, 3]]")
            assert status == 503 and json.loads(content)["error"], (status, content)
            assert "cannot load" in server.logged(), "the log does not say why"
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "MODEL_DIR": empty, "MODEL_FILE": model_file}
        command = [python, project / "code/serve", "check"]
        checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert checked.returncode == 1 and "cannot load" in checked.stderr, checked


def check_other_version(project: Path, python: Path, model: Path) -> None:
    """A pickle that says it comes from another scikit-learn is refused, unless that is allowed."""
    script = (
        "import pickle, sys, sklearn\n"
        "model = pickle.load(open(sys.argv[1], 'rb'))\n"
        "sklearn.base.__version__ = '1.0.2'\n"
        "pickle.dump(model, open(sys.argv[2], 'wb'))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-c", script, model, Path(folder) / model.name], check=True)
        with Server(project, python, Path(folder)) as server:
            said = json.loads(server.wait_for_ping(503))["error"]
            assert "scikit-learn 1.0.2" in said and "ALLOW_VERSION_MISMATCH" in said, said
        with Server(project, python, Path(folder), ALLOW_VERSION_MISMATCH="1") as server:
            server.wait_for_ping()
            assert "InconsistentVersionWarning" in server.logged(), "allowed, but not a word in the log"


def build_check(project: Path, python: Path, folder: Path, **extra: str) -> tuple[int, str, dict[str, object]]:
    """What the check of the image build ends with, what it says, and the facts that it writes."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "MODEL_DIR": str(folder), "RUN_AS": "root"} | extra
    facts = folder / "model-facts.json"
    command = [python, project / "code/serve", "check", facts]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return checked.returncode, checked.stderr, json.loads(facts.read_text() or "{}")


def check_build(project: Path, python: Path, model: Path) -> None:
    """The build's check says which requests work, says loudly when none does, and refuses a method there is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(model, folder)
        settings = {"MODEL_FILE": model.name}
        status, said, facts = build_check(project, python, folder, **settings)
        shown = ["a record made up from what the model says", *(f"test/payload.{s}" for s in ("csv", "json", "jsonl"))]
        assert status == 0 and facts["requests_shown_to_work"] == shown and "WARNING" not in said, (status, said, facts)
        for method in ("predict_nothing", "fit", "get_params", "__class__"):
            status, said, _ = build_check(project, python, folder, PREDICT_METHOD=method, **settings)
            assert (status, method) == (1, method) and "PREDICT_METHOD" in said and "predict" in said, (status, said)
        # Columns of the wrong type: no request can work, and the build goes on.
        script = (
            "import joblib, pandas, sys, sklearn.linear_model as linear\n"
            "table = pandas.DataFrame([[i == j for i in range(8)] for j in range(8)], columns=list('abcdefgh'))\n"
            "joblib.dump(linear.LinearRegression().fit(table, range(8)), sys.argv[1])\n"
        )
        subprocess.run([python, "-c", script, folder / model.name], check=True)
        columns = [{"name": name, "type": "category", "categories": ["x"]} for name in "abcdefgh"]
        (folder / "columns.json").write_text(json.dumps({"columns": columns}))
        status, said, facts = build_check(project, python, folder, **settings)
        assert status == 0 and not facts["requests_shown_to_work"], (status, said, facts)
        assert "NO REQUEST WAS SHOWN TO WORK" in said and said.count("\nWARNING  ") > 3, said
        (folder / "columns.json").write_text('{"colums": []}')
        status, said, _ = build_check(project, python, folder, **settings)
        assert status == 1 and "columns.json" in said, (status, said)
        # joblib's own file under the name of a pickle
        (folder / "columns.json").unlink()
        shutil.copy(model, folder)
        script = "import joblib, sys; joblib.dump(joblib.load(sys.argv[1]), sys.argv[1], compress=3)"
        subprocess.run([python, "-c", script, folder / model.name], check=True)
        status, said, facts = build_check(project, python, folder, **settings)
        assert status == 0 and facts["requests_shown_to_work"] == shown, (status, said, facts)


# Answers with the user that predicts: what is checked is `serve`, not a model.
WHO = """
import os

class ModelHandler:
    fork_safe = True

    def __init__(self, path):
        pass

    def example(self):
        return [[0]]

    def predict(self, records):
        return [os.getuid() for _ in records]
"""


def check_user(project: Path) -> None:
    """A container that starts as root predicts, and reads the network, as somebody else."""
    if os.geteuid() != 0:
        print("not started as root: nothing to give up")
        return
    runs = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    for python in (shutil.which("python3", path="/usr/bin:/usr/local/bin"), sys.executable):
        try:
            if python and subprocess.run([python, "-c", "pass"], check=False, **runs).returncode == 0:  # type: ignore[call-overload]
                break
        except PermissionError:
            continue
    else:
        raise Missing("a Python that every user can run")
    servers = ("flask", "gunicorn", "fastapi", "uvicorn")
    wanted = [line for line in (project / "requirements.txt").read_text().splitlines() if line.startswith(servers)]
    with tempfile.TemporaryDirectory(prefix="user-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(project / "code", folder / "project/code")
        shutil.copy(project / "Dockerfile", folder / "project")
        (folder / "project/code/model_handler.py").write_text(WHO)
        (folder / "model").mkdir()
        (folder / "model/any").touch()
        if uv := own_uv():
            install([uv, "pip", "install", "--quiet", "--python", python, "--target", folder / "packages", *wanted])
        else:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder / "packages"]
            install([*pip, "--python-version", python_version(python), "--only-binary", ":all:", *wanted])
        settings = {"MODEL_FILE": "any", "PYTHONPATH": str(folder / "packages"), "RUN_AS": "nobody"}
        with Server(folder / "project", python, folder / "model", **settings) as server:
            server.wait_for_ping()
            status, _, content = server.invoke(b"[[1]]")
            assert status == 200 and json.loads(content)["predictions"] != [0], (status, content)
            for pid in server.family():
                assert Path(f"/proc/{pid}").stat().st_uid != 0, Path(f"/proc/{pid}/cmdline").read_text()
        assert server.process.returncode == 0, server.logged()


def python_version(python: str) -> str:
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
