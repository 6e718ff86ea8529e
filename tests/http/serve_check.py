#!/usr/bin/env python3
"""Run a generated HTTP project as its container would, and hold it to SageMaker's contract.

    serve_check.py PROJECT --venvs DIR [--python-version 3.12] [--model FILE]

Installs the project's own requirements into a virtual environment (kept in DIR under a hash of
them), trains its sample, starts `code/serve serve` with the environment of its Dockerfile behind
a real nginx, and calls it. Standard library only.

Exit status: 0 all held, 1 something did not, 77 a tool is missing (the reason is the last line).
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77
JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"
PARALLEL = 64
MAX_BODY_MB = 2  # small, so that an oversized body is sent quickly


class Missing(Exception):
    """Something that is not part of the project and not there."""


def find_python(version: str) -> str:
    """An interpreter of this version: on PATH, or installed by pyenv."""
    names = [shutil.which(f"python{version}"), shutil.which("python3")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python3"), reverse=True)]
    for name in filter(None, names):
        script = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
        found = subprocess.run([name, "-c", script], capture_output=True, text=True, check=False)
        if found.stdout.strip() == version:
            return name
    raise Missing(f"python{version}: no such interpreter with venv")


def make_venv(requirements: Path, python: str, venvs: Path) -> Path:
    """A virtual environment with the requirements, made once for each set of them."""
    digest = hashlib.sha256((python + requirements.read_text()).encode()).hexdigest()[:16]
    venv, done = venvs / digest, venvs / digest / "complete"
    venvs.mkdir(parents=True, exist_ok=True)
    with (venvs / f"{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two tests may want the same one
        if not done.exists():
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([python, "-m", "venv", venv], check=True)
            pip = [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements]
            result = subprocess.run(pip, capture_output=True, text=True, timeout=1200, check=False)
            if result.returncode != 0:
                offline = re.search("resolution|connection|timed out|getaddrinfo|unreachable", result.stderr, re.I)
                if offline and "No matching distribution" not in result.stderr:
                    raise Missing(f"pip: cannot reach a package index: {result.stderr.strip().splitlines()[-1]}")
                raise AssertionError(f"requirements.txt cannot be installed:\n{result.stderr}")
            done.touch()
    return venv


def dockerfile_environment(project: Path) -> dict[str, str]:
    """What the ENV instructions of the Dockerfile set."""
    text = (project / "Dockerfile").read_text().replace("\\\n", " ")
    pairs = [pair for line in text.splitlines() if line.startswith("ENV ") for pair in line[4:].split()]
    return dict(pair.split("=", 1) for pair in pairs)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running `serve`."""

    def __init__(self, project: Path, venv: Path, model_dir: Path, **extra: str) -> None:
        self.port = free_port()
        path = f"{venv / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin"
        environment = {"PATH": path, "HOME": "/nonexistent", "LANG": "C.UTF-8"} | dockerfile_environment(project)
        environment |= {"MODEL_DIR": str(model_dir), "PORT": str(self.port), "MAX_BODY_MB": str(MAX_BODY_MB)} | extra
        self.log = tempfile.NamedTemporaryFile("w+", prefix="serve-log-")
        self.process = subprocess.Popen(
            [venv / "bin/python", project / "code/serve", "serve"],
            env=environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def __enter__(self) -> Server:
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

    def wait_for_ping(self, wanted: int = 200, seconds: float = 120) -> bytes:
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
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if parent == self.process.pid and "model_server.py" in command:
                return int(entry.name)
        raise AssertionError("serve has no model server among its children")


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def numbers(values: list[object]) -> list[float]:
    """Predictions of the sample, whose model may wrap each in a list."""
    return [float(value[0] if isinstance(value, list) else value) for value in values]  # type: ignore[arg-type]


def same(left: list[float], right: list[float]) -> bool:
    return len(left) == len(right) and all(abs(a - b) < 1e-3 for a, b in zip(left, right, strict=True))


def check_answers(server: Server, project: Path) -> None:
    payload = {kind: (project / f"test/payload.{suffix}").read_bytes() for kind, suffix in
               ((JSON, "json"), (LINES, "jsonl"), (CSV, "csv"))}
    rows = json.loads(payload[JSON])["instances"]

    status, kind, content = server.invoke(payload[JSON])
    assert (status, kind) == (200, JSON), (status, kind, content)
    truth = numbers(json.loads(content)["predictions"])
    assert len(truth) == 2 and all(1 < value < 30 for value in truth), f"no plausible rings of abalones: {truth}"
    assert abs(truth[0] - truth[1]) > 0.01, f"different snails, one answer: {truth}"

    def as_lines(content: bytes) -> list[float]:
        return numbers([json.loads(line)["prediction"] for line in content.decode().splitlines()])

    def as_csv(content: bytes) -> list[float]:
        return [float(line) for line in content.decode().splitlines()]

    readers = {JSON: lambda content: numbers(json.loads(content)["predictions"]), LINES: as_lines, CSV: as_csv}
    for sent, body in payload.items():
        for accept, wanted in [(kind, kind) for kind in payload] + [("*/*", sent), ("", sent)]:
            headers = {"Accept": accept} if accept else {}
            status, kind, content = server.invoke(body, sent, **headers)
            assert (status, kind) == (200, wanted), (sent, accept, status, kind, content)
            assert same(readers[wanted](content), truth), (sent, accept, content, truth)

    # the other forms that mean the same
    bodies = [
        (json.dumps(rows), JSON),
        (json.dumps({"instances": [{"features": row} for row in rows]}), JSON + "; charset=utf-8"),
        ("\n".join(json.dumps({"features": row}) for row in rows), "application/x-jsonlines"),
        ("\r\n".join(",".join(map(str, row)) for row in rows) + "\r\n\r\n", CSV),
    ]
    for body, sent in bodies:
        status, _, content = server.invoke(body.encode(), sent, Accept=JSON)
        assert status == 200 and same(readers[JSON](content), truth), (body, status, content)
    status, _, content = server.invoke(json.dumps(rows[0]).encode())
    assert status == 200 and same(readers[JSON](content), truth[:1]), (status, content)

    # several records in one body: what batch transform sends with MultiRecord, a line for each
    many = payload[LINES] * 50
    status, kind, content = server.invoke(many, LINES)
    assert (status, kind) == (200, LINES) and same(as_lines(content), truth * 50), (status, kind, content[:200])

    # a request without Content-Type is taken as the default one
    status, _, content = server.call("POST", "/invocations", payload[JSON])
    assert status == 200, (status, content)

    # the most wanted of several accepted types
    accept = "text/html, text/csv;q=0.5, application/jsonlines;q=0.9, application/json;q=0.1"
    status, kind, _ = server.invoke(payload[JSON], Accept=accept)
    assert (status, kind) == (200, LINES), (status, kind)


def check_named(server: Server) -> None:
    """Features by name, in any order: for models that know the names."""
    names = ["sex", "length", "diameter", "height", "whole_weight", "shucked_weight", "viscera_weight", "shell_weight"]
    row = [2, 0.455, 0.365, 0.095, 0.514, 0.2245, 0.101, 0.15]
    truth = json.loads(server.invoke(json.dumps([row]).encode())[2])["predictions"]
    named = dict(reversed(list(zip(names, row, strict=True))))
    header = ",".join(named) + "\n" + ",".join(map(str, named.values())) + "\n"
    for body, kind in ((json.dumps(named), JSON), (json.dumps(named), LINES), (header, CSV + "; header=present")):
        status, _, content = server.invoke(body.encode(), kind, Accept=JSON)
        assert status == 200 and json.loads(content)["predictions"] == truth, (kind, status, content)
    del named["height"]
    status, _, content = server.invoke(json.dumps(named).encode())
    assert status == 400 and b"height" in content, (status, content)


def check_refusals(server: Server) -> None:
    row = [1, 0.53, 0.42, 0.135, 0.677, 0.2565, 0.1415, 0.21]
    text = ["abc", *row[1:]]
    refusals = [
        (400, b"", JSON, {}, "empty"),
        (400, b"   \n", CSV, {}, "empty"),
        (400, b"", LINES, {}, "empty"),
        (400, b'{"instances": []}', JSON, {}, "no records"),
        (400, b"[]", JSON, {}, "no records"),
        (400, b'{"instances": [[1, 2', JSON, {}, "JSON"),
        (400, b'{"instances": 3}', JSON, {}, "instances"),
        (400, b"7", JSON, {}, "instances"),
        (400, b'{"instances": [[NaN]]}', JSON, {}, "NaN"),
        (400, b"[" * 100_000, JSON, {}, "JSON"),
        (400, b"\xff\xfe\x00", JSON, {}, "UTF-8"),
        (400, json.dumps([row, row[:5]]).encode(), JSON, {}, "record 2"),
        (400, json.dumps([row[:5]]).encode(), JSON, {}, "expected 8"),
        (400, json.dumps([[[1], *row[1:]]]).encode(), JSON, {}, ""),
        (400, json.dumps([{"no_such_feature": 1}]).encode(), JSON, {}, ""),
        (400, json.dumps([text]).encode(), JSON, {}, ""),
        (400, (json.dumps(row) + "\n{oops\n").encode(), LINES, {}, "line 2"),
        (400, json.dumps({"instances": [row]}).encode(), LINES, {}, "one record"),
        (400, b'1,"2\n', CSV, {}, "CSV"),
        (400, b"1,2,3\n", CSV, {}, "expected 8"),
        (415, b"<x/>", "application/xml", {}, "application/json"),
        (415, json.dumps([row]).encode(), "application/x-www-form-urlencoded", {}, "application/json"),
        (406, json.dumps([row]).encode(), JSON, {"Accept": "image/png"}, "application/json"),
    ]
    for wanted, body, kind, headers, reason in refusals:
        status, answered, content = server.invoke(body, kind, **headers)
        case = (wanted, body[:80], kind, headers, status, content)
        assert status == wanted and answered.startswith(JSON), case
        said = json.loads(content)["error"]
        assert reason in said and "Traceback" not in said and len(said) < 2000, case

    big = b"[" + b"1," * (MAX_BODY_MB * 2**19) + b"1]"
    status, _, content = server.invoke(big)
    assert status == 413 and f"{MAX_BODY_MB} MB" in json.loads(content)["error"], (status, content)

    for method, path, wanted in (("GET", "/nothing", 404), ("GET", "/invocations", 405)):
        status, kind, content = server.call(method, path)
        assert status == wanted and kind.startswith(JSON) and json.loads(content)["error"], (path, status, content)
    assert server.call("GET", "/ping")[0] == 200, "bad requests must leave the server as it was"


def check_load(server: Server, project: Path) -> None:
    """Many callers at once, good and bad ones, and /ping answered meanwhile."""
    body = (project / "test/payload.json").read_bytes()

    def one(number: int) -> None:
        if number % 4 == 3:
            assert server.invoke(b"{", JSON)[0] == 400
        elif number % 16 == 0:
            started = time.monotonic()
            assert server.call("GET", "/ping")[0] == 200
            assert time.monotonic() - started < 10, "/ping is answered too slowly under load"
        else:
            assert server.invoke(body)[0] == 200

    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(one, range(PARALLEL * 4)))


def check_batch(server: Server) -> None:
    status, kind, content = server.call("GET", "/execution-parameters")
    said = json.loads(content)
    assert status == 200 and kind == JSON, (status, kind)
    assert said["BatchStrategy"] == "MULTI_RECORD" and said["MaxConcurrentTransforms"] >= 1, said
    assert 1 <= said["MaxPayloadInMB"] <= MAX_BODY_MB, said
    assert said["MaxPayloadInMB"] * said["MaxConcurrentTransforms"] <= 100, said


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


def check_broken(project: Path, venv: Path, model_file: str) -> None:
    """A model that cannot be loaded: /ping says why, nothing is predicted, `serve check` fails the build."""
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / model_file).write_bytes(b"this is no model")
        with Server(project, venv, Path(empty)) as server:
            content = server.wait_for_ping(503)
            assert model_file in json.loads(content)["error"], content
            status, _, content = server.invoke(b"[[1, 2, 3]]")
            assert status == 503 and json.loads(content)["error"], (status, content)
            assert "cannot load" in server.logged(), "the log does not say why"
        environment = {"PATH": f"{venv}/bin:/usr/sbin:/usr/bin:/bin", "MODEL_DIR": empty, "MODEL_FILE": model_file}
        checked = subprocess.run(
            [venv / "bin/python", project / "code/serve", "check"],
            env=environment, capture_output=True, text=True, check=False,
        )
        assert checked.returncode == 1 and "cannot load" in checked.stderr, checked


def check_other_version(project: Path, venv: Path, model: Path) -> None:
    """A pickle that says it comes from another scikit-learn is refused, unless that is allowed."""
    script = (
        "import pickle, sys, sklearn\n"
        "model = pickle.load(open(sys.argv[1], 'rb'))\n"
        "sklearn.base.__version__ = '1.0.2'\n"
        "pickle.dump(model, open(sys.argv[2], 'wb'))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([venv / "bin/python", "-c", script, model, Path(folder) / model.name], check=True)
        with Server(project, venv, Path(folder)) as server:
            said = json.loads(server.wait_for_ping(503))["error"]
            assert "scikit-learn 1.0.2" in said and "ALLOW_VERSION_MISMATCH" in said, said
        with Server(project, venv, Path(folder), ALLOW_VERSION_MISMATCH="1") as server:
            server.wait_for_ping()
            assert "InconsistentVersionWarning" in server.logged(), "allowed, but not a word in the log"


def run(project: Path, venvs: Path, version: str, model: str | None) -> None:
    if shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        raise Missing("nginx: not installed (Debian: nginx-light)")
    venv = make_venv(project / "requirements.txt", find_python(version), venvs)
    model_file = model or dockerfile_environment(project)["MODEL_FILE"]
    framework = (project / "sample_model/train.py").read_text()

    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        train = [venv / "bin/python", project / "sample_model/train.py", Path(folder) / model_file]
        trained = subprocess.run(train, capture_output=True, text=True, timeout=600, check=False)
        assert trained.returncode == 0, trained.stderr
        assert re.search("downloaded|synthetic", trained.stdout), "training does not say which data it used"
        print(trained.stdout.strip().splitlines()[-1])

        settings = {"MODEL_FILE": model_file}
        with Server(project, venv, Path(folder), **settings) as server:
            server.wait_for_ping()
            check_answers(server, project)
            if "FEATURES)" in framework:
                check_named(server)
            check_refusals(server)
            check_batch(server)
            check_load(server, project)
            assert "Traceback" not in server.logged(), "bad input must not leave tracebacks"
            check_worker_death(server)
            check_death(server)
        with Server(project, venv, Path(folder), **settings) as server:
            server.wait_for_ping()
            check_stop(server, project)
        if model_file.endswith((".pkl", ".joblib")):
            check_other_version(project, venv, Path(folder) / model_file)
    check_broken(project, venv, model_file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--venvs", type=Path, required=True, help="where virtual environments are kept")
    parser.add_argument("--python-version", default="3.12", help="as in the project's base image")
    parser.add_argument("--model", help="train and serve the sample under this name instead (another format)")
    arguments = parser.parse_args()
    try:
        run(arguments.project.resolve(), arguments.venvs.resolve(), arguments.python_version, arguments.model)
    except Missing as missing:
        print(missing)
        return SKIPPED
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
