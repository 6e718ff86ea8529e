"""Packs models as a generated project does, and compares what is served with the library's own answer.

usage: check.py SKLEARN_PROJECT XGBOOST_PROJECT [--records N] [--served N] [--only NAME]

The library answers on the right table: the columns and types of the training. For each model records with missing,
unseen, extreme and empty values are asked alone and in batches, as JSON, JSON Lines and CSV. Every 200 must be the
library's answer whatever stands beside it, and what the library refuses must be a 400 in one line.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

import models
from models import Trained
from server import CSV, JSON, LINES, Server, dockerfile_environment

OURS = ("codec", "columns", "describe", "inference", "model_handler", "settings")
TEXT_VALUES = ["", "unseen", "1,x", 'a"b', "07", " Rome", "null", "café"]
NUMBER_VALUES = [0, -1, 1e6, -1e6, 1e-9, 3.5, 7, 1e30, 1e39]


class Wrong(AssertionError):
    pass


def records_of(trained: Trained, rng: np.random.Generator, count: int) -> list[Any]:
    """Records of the training, a part of them with something else in them."""
    table = trained.table
    if isinstance(table, list) and isinstance(table[0], str):
        return [str(rng.choice(TEXT_VALUES)) if rng.random() < 0.1 else table[n % len(table)] for n in range(count)]
    if isinstance(table, list):
        return [dict(table[n % len(table)]) for n in range(count)]
    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
    rows = frame.astype(object).to_numpy().tolist()
    texts = [any(isinstance(value, str) for value in frame[name]) for name in frame]
    found = []
    for number in range(count):
        row = list(rows[int(rng.integers(len(rows)))])
        for place, text in enumerate(texts):
            chance = rng.random()
            if chance < 0.06 and number % 3:
                row[place] = None
            elif chance < 0.12 and number % 3:
                choice = TEXT_VALUES if text else NUMBER_VALUES
                row[place] = choice[int(rng.integers(len(choice)))]
        row = [None if isinstance(value, float) and math.isnan(value) else value for value in row]
        found.append(dict(zip(frame.columns, row, strict=True)) if trained.named else row)
    return found


def right_table(trained: Trained, records: list[Any]) -> Any:
    """The records with the columns and types of the training; what is missing is NaN."""
    if isinstance(trained.table, list):
        return records
    if not trained.named:
        values = [[np.nan if v is None else v for v in record] for record in records]
        return np.array(values, dtype=trained.table.dtype)
    columns = {}
    for name, kind in trained.table.dtypes.items():
        values = pd.Series([record[name] for record in records], dtype=object)
        if isinstance(kind, pd.CategoricalDtype):
            known = kind.categories
            columns[name] = pd.Series(pd.Categorical([v if v in known else np.nan for v in values], dtype=kind))
        elif kind == object or str(kind).startswith("str"):
            columns[name] = values.where(values.notna(), np.nan)
        else:
            columns[name] = values.map(lambda v: np.nan if v is None else v).astype(float)
    return pd.DataFrame(columns)


def truth_of(trained: Trained, records: list[Any]) -> list[Any]:
    """The library's answer to each; the exception where it has none."""
    if trained.framework == "xgboost" or trained.strange_refused:
        # XGBoost's own DMatrix refuses what no float of 32 bits can be; its estimator takes it for something else.
        # And what its estimator makes of a category that the training had not depends on the version.
        kinds = trained.table.dtypes if trained.strange_refused else {}
        known = {name: set(kind.categories) for name, kind in kinds.items() if isinstance(kind, pd.CategoricalDtype)}
        strange = [any(r[n] is not None and r[n] not in values for n, values in known.items()) for r in records]
        large = 3.4e38 if trained.framework == "xgboost" else math.inf
        huge = [any(isinstance(v, (int, float)) and abs(v) > large for v in r.values()) for r in records]
        odd = [a or b for a, b in zip(strange, huge, strict=True)]
        if any(odd):
            rest = iter(truth_of(trained, [r for r, out in zip(records, odd, strict=True) if not out]))
            return [ValueError("refused") if out else next(rest) for out in odd]
    if not records:
        return []
    try:
        output = getattr(trained.model, trained.method)(right_table(trained, records))
    except Exception as error:  # noqa: BLE001  (whatever a library raises)
        if len(records) == 1:
            return [error]
        half = len(records) // 2
        return truth_of(trained, records[:half]) + truth_of(trained, records[half:])
    if isinstance(output, list):
        return [list(record) for record in zip(*(part.tolist() for part in output), strict=True)]
    return (output.toarray() if hasattr(output, "toarray") else np.asarray(output)).tolist()


def same(left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return isinstance(left, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(right, float) and isinstance(left, (int, float)):
        return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)
    return left == right


def body_of(records: list[Any], kind: str) -> tuple[bytes, str]:
    if kind == JSON:
        return json.dumps({"instances": records}).encode(), JSON
    if kind == LINES:
        return "\n".join(map(json.dumps, records)).encode(), LINES
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    named = isinstance(records[0], dict)
    if named:
        writer.writerow(records[0])
    for record in records:
        writer.writerow(record.values() if named else record if isinstance(record, list) else [record])
    return text.getvalue().encode(), CSV + ("; header=present" if named else "")


def csv_has(record: Any) -> bool:
    """Whether CSV can say it: an empty text is a missing value there."""
    values = record.values() if isinstance(record, dict) else record if isinstance(record, list) else [record]
    return not any(value == "" for value in values)


def service_of(project: Path, environment: dict[str, str]) -> Any:
    """The project's own code, with this model, in this process."""
    for name in OURS:
        sys.modules.pop(name, None)
    os.environ.update(environment)
    if sys.path[0] != str(project / "code"):
        sys.path.insert(0, str(project / "code"))
    import inference

    service = inference.Service()
    service.warm_up()
    return service


def ask(call: Any, records: list[Any], kind: str) -> tuple[int, Any]:
    """Status and predictions, or the reason."""
    body, sent = body_of(records, kind)
    status, content = call(body, sent)
    document = json.loads(content)
    return status, document["predictions"] if status == 200 else document["error"]


def compare(name: str, trained: Trained, call: Any, count: int, rng: np.random.Generator) -> str:
    records = records_of(trained, rng, count)
    truth = truth_of(trained, records)
    answered = [n for n, value in enumerate(truth) if not isinstance(value, Exception)]
    refused = [n for n, value in enumerate(truth) if isinstance(value, Exception)]
    if not answered:
        raise Wrong(f"{name}: the library refuses all: {truth[0]!r}")

    def expect(numbers: list[int], kind: str) -> None:
        status, said = ask(call, [records[n] for n in numbers], kind)
        if status != 200:
            raise Wrong(f"{name} {kind}: {status} {said}; {[records[n] for n in numbers][:3]}")
        for number, value in zip(numbers, said, strict=True):
            if not same(value, json.loads(json.dumps(truth[number]))):
                raise Wrong(f"{name} {kind}: {records[number]} gives {value}, the library {truth[number]}")

    untyped = name in ("own_first", "objects")  # nobody has said what is a number, and CSV does not
    kinds = [JSON, LINES] if untyped else [JSON, LINES, CSV]
    for number, kind in zip(rng.permutation(answered)[:60], kinds * 60, strict=False):
        if kind != CSV or csv_has(records[int(number)]):
            expect([int(number)], kind)
    for kind in kinds:  # in any order, split anywhere
        numbers = [int(n) for n in rng.permutation(answered) if kind != CSV or csv_has(records[int(n)])]
        while numbers:
            size = int(rng.integers(1, 200))
            expect(numbers[:size], kind)
            numbers = numbers[size:]
    for number in refused[:60]:
        for kind in kinds:
            if kind == CSV and not csv_has(records[number]):
                continue
            status, said = ask(call, [records[number]], kind)
            if status != 400 or "\n" in said or "/src/" in said or "Stack trace" in said:
                raise Wrong(f"{name} {kind}: {records[number]} should be a 400 in one line, not {status} {said}")
    if refused:  # one that is wrong makes no other answer of the batch
        status, said = ask(call, [records[n] for n in [*answered[:3], refused[0]]], JSON)
        if status != 400:
            raise Wrong(f"{name}: a batch with a record that is refused: {status} {said}")
    return f"{len(answered)} answered, {len(refused)} refused"


def check(name: str, projects: dict[str, Path], count: int, served: int) -> str:
    rng = np.random.default_rng(sum(map(ord, name)))
    trained = models.all_models()[name](rng)
    project = projects[trained.framework]
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        path = Path(folder) / f"model.{trained.suffix}"
        if trained.framework == "xgboost":
            trained.model.save_model(path)
        elif name in ("forest", "sparse"):
            joblib.dump(trained.model, path)  # under .joblib, and under .pkl
        else:
            path.write_bytes(pickle.dumps(trained.model))
        declared = {"columns": trained.columns, "missing": trained.missing}
        declared = {key: value for key, value in declared.items() if value is not None}
        if declared:
            (path.parent / "columns.json").write_text(json.dumps(declared))
        environment = {"MODEL_DIR": folder, "MODEL_FILE": path.name, "PREDICT_METHOD": trained.method, "LOG_LEVEL": "error"}
        environment["PYTHONPATH"] = str(HERE)  # where the user's own module is
        base = {"PATH": f"{Path(sys.executable).parent}:/usr/sbin:{os.environ['PATH']}", "LANG": "C.UTF-8", "RUN_AS": "root"}
        facts = path.parent / "model-facts.json"
        command = [sys.executable, project / "code/serve", "check", facts]
        built = subprocess.run(command, env=base | environment, capture_output=True, text=True, check=False)
        if built.returncode:
            raise Wrong(f"{name}: the build's check fails: {built.stderr[-2000:]}")
        written = json.loads(facts.read_text())
        shown = bool(written["requests_shown_to_work"])
        if shown == ("NO REQUEST WAS SHOWN TO WORK" in built.stderr):
            raise Wrong(f"{name}: the check says {built.stderr[-2000:]}, the facts {written}")
        if not shown and name not in ("own_first", "objects"):
            raise Wrong(f"{name}: no request was shown to work\n{built.stderr[-1500:]}")
        service = service_of(project, environment)

        def call(body: bytes, kind: str) -> tuple[int, bytes]:
            reply = service.invoke(body, kind, JSON)
            return reply.status, reply.body

        said = compare(name, trained, call, count, rng)
        facts_free(project, environment, facts, trained, rng)
        if served:
            with Server(project, sys.executable, Path(folder), **environment, RUN_AS="root", WORKERS="1") as server:
                server.wait_for_ping()
                compare(name, trained, lambda body, kind: server.invoke(body, kind, Accept=JSON)[::2], served, rng)
            said += f", {served} through nginx"
        return said


def facts_free(project: Path, environment: dict[str, str], facts: Path, trained: Trained, rng: np.random.Generator) -> None:
    """The server that has the facts of the build answers like one that has to find them itself."""
    records = [r for r in records_of(trained, rng, 20) if not isinstance(truth_of(trained, [r])[0], Exception)]
    with_facts = service_of(project, environment)
    facts.rename(facts.with_suffix(".away"))
    without = service_of(project, environment)
    facts.with_suffix(".away").rename(facts)
    if with_facts.handler.facts.as_json() != without.handler.facts.as_json():
        raise Wrong(f"facts of the build {with_facts.handler.facts}, of the server {without.handler.facts}")
    body = body_of(records, JSON)
    if with_facts.invoke(*body, JSON).body != without.invoke(*body, JSON).body:
        raise Wrong("the facts of the build make another answer")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("sklearn", type=Path)
    parser.add_argument("xgboost", type=Path)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--served", type=int, default=30)
    parser.add_argument("--only")
    parser.add_argument("--served-only", default="", help="names, by comma, of the models that nginx is put before")
    arguments = parser.parse_args()
    projects = {"sklearn": arguments.sklearn.resolve(), "xgboost": arguments.xgboost.resolve()}
    for project in projects.values():
        dockerfile_environment(project)
    np.seterr(all="ignore")
    wrong = []
    names = [arguments.only] if arguments.only else list(models.all_models())
    some = arguments.served_only.split(",") if arguments.served_only else names
    for name in names:
        started = time.process_time()
        try:
            said = check(name, projects, arguments.records, arguments.served if name in some else 0)
        except Wrong as error:
            wrong.append(name)
            said = f"WRONG {error}"
        print(f"{name}: {said} ({time.process_time() - started:.1f} s)", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
