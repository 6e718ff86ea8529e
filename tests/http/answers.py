"""What a served project answers: predictions in every form, and refusals with their reasons."""

from __future__ import annotations

import concurrent.futures
import json
import re
import socket
import time
from pathlib import Path

from server import CSV, JSON, LINES, MAX_BODY_MB, WORKERS, Server

PARALLEL = 64


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
        (400, json.dumps([{"no_such_feature" * 10_000: 1}]).encode(), JSON, {}, ""),
        (400, json.dumps([[10**400, *row[1:]]]).encode(), JSON, {}, ""),
        (400, json.dumps([text]).encode(), JSON, {}, "must be a number"),
        (400, json.dumps([["1", *row[1:]]]).encode(), JSON, {}, "must be a number"),  # a text, whatever it looks like
        (400, json.dumps([row]).replace("0.53", "1e400").encode(), JSON, {}, "too large"),
        (400, ",".join(["1e400", *map(str, row[1:])]).encode(), CSV, {}, "must be a number"),
        (400, ",".join(["inf", *map(str, row[1:])]).encode(), CSV, {}, "must be a number"),
        (415, b"a text\n", "text/plain", {}, "application/json"),
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
        assert reason in said and len(said) < 2000, case
        assert said.isprintable() and not re.search("Traceback|Stack trace|Graph execution|/src/", said), case

    big = b"[" + b"1," * (MAX_BODY_MB * 2**19) + b"1]"
    status, _, content = server.invoke(big)
    assert status == 413 and f"{MAX_BODY_MB} MB" in json.loads(content)["error"], (status, content)

    with socket.create_connection(("127.0.0.1", server.port), 10) as raw:
        raw.sendall(b"this is no HTTP\r\n\r\n")
        answered = raw.recv(65536)
        assert b" 400 " in answered.splitlines()[0] and b'"error"' in answered, answered

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
    assert said["BatchStrategy"] == "MULTI_RECORD" and said["MaxConcurrentTransforms"] == WORKERS, said
    assert 1 <= said["MaxPayloadInMB"] <= MAX_BODY_MB, said
    assert said["MaxPayloadInMB"] * said["MaxConcurrentTransforms"] <= 100, said
