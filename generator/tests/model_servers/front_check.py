"""The front of a generated project, called as SageMaker calls it, before a model server that this file plays.

usage: front_check.py FOLDER, where FOLDER is the code/ of a project.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import http.client
import json
import socket
import sys
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

sys.path.insert(0, sys.argv.pop(1))

import front
import http_request

ROUTES = {"messages": "/v1/chat/completions", "prompt": "/v1/completions"}
MAX_BODY = 25 << 20
# What engines have beside what they are for.
MANAGEMENT = (
    "/load_lora_adapter", "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/update_weights_from_disk",
    "/collective_rpc", "/sleep", "/wake_up", "/pause", "/scale_elastic_ep", "/flush_cache", "/start_profile",
    "/release_memory_occupation", "/set_internal_state", "/update_weights", "/server_info", "/prometheus_metrics",
)  # fmt: skip


class Engine(BaseHTTPRequestHandler):
    """A model server: says what it was asked, streams when asked to."""

    protocol_version = "HTTP/1.1"
    well = True
    cut_off = threading.Event()
    # The paths that it was asked for.
    seen: ClassVar[list[str]] = []
    # The body that it got last.
    last: ClassVar[bytes] = b""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.reply(200 if Engine.well or self.path != "/health" else 503, {"path": self.path})

    def parse_request(self) -> bool:
        good = super().parse_request()
        Engine.seen.append(self.path if good else "?")
        return good

    def do_POST(self) -> None:
        Engine.last = body = self.rfile.read(int(self.headers["content-length"]))
        # What is large is not read: it would be read by the process of the front.
        asked = json.loads(body) if body.startswith(b"{") and len(body) < 1 << 16 else {}
        if asked.get("stream"):
            self.stream()
        elif asked.get("slow"):
            self.wait_for_caller()
        elif asked.get("die"):
            self.connection.close()
        else:
            self.reply(200, {"path": self.path, "bytes": len(body), "headers": dict(self.headers.items())})

    def reply(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        chunked = self.request_version == "HTTP/1.1"
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(3):
            line = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n" if chunked else line)
            self.wfile.flush()
            time.sleep(0.3)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def wait_for_caller(self) -> None:
        self.connection.settimeout(10)
        try:
            gone = self.connection.recv(1) == b""
        except OSError:
            gone = True
        if gone:
            Engine.cut_off.set()


class EngineServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(made: front.Front) -> int:
    port = free_port()
    threading.Thread(target=lambda: asyncio.run(made.serve(port)), daemon=True).start()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return port
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the front does not listen")


class FrontTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.engine = EngineServer(("127.0.0.1", 0), Engine)
        threading.Thread(target=cls.engine.serve_forever, daemon=True).start()

        def check(path: str, body: dict[str, object]) -> None:
            if body.get("prompt") == "refuse":
                raise front.Refusal(400, f"not for {path}")

        cls.front = front.Front(
            cls.engine.server_port, {**ROUTES, "film": "/v1/form"}, allowed=frozenset({"/v1/files", "/v1/form"}),
            forms=frozenset({"/v1/form"}), check=check, max_body=MAX_BODY,
        )  # fmt: skip
        cls.port = start(cls.front)
        until = time.monotonic() + 10
        while cls.call("GET", "/ping")[0] != 200:
            assert time.monotonic() < until, "never ready"
            time.sleep(0.05)

    @classmethod
    def call(
        cls, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, port: int = 0
    ) -> tuple[int, object]:
        connection = http.client.HTTPConnection("127.0.0.1", port or cls.port, timeout=20)
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, sent, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def raw(self, data: bytes, patience: float = 10) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), patience) as connection:
            connection.sendall(data)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer

    def test_the_body_decides_the_path(self) -> None:
        for member, path in ROUTES.items():
            status, answer = self.call("POST", "/invocations", {"model": "m", member: "x"})
            self.assertEqual((status, answer["path"]), (200, path))

    def test_nothing_but_two_requests_reaches_the_engine(self) -> None:
        """Its other paths stop it, change what it serves, or read files."""
        Engine.seen.clear()
        for method, path in [
            *[("POST", path) for path in MANAGEMENT],
            *[("GET", path) for path in ("/", "/health", "/docs", "/metrics", "/v1/models", "/openapi.json", *MANAGEMENT)],
            *[("POST", path) for path in (*ROUTES.values(), "/ping/", "/invocations/", "//invocations", "/Invocations")],
            *[("POST", f"/invocations{rest}") for rest in ("/../sleep", "%2f..%2fsleep", "/v1/sleep", ";/sleep", "\\..\\sleep")],
            *[("POST", path) for path in ("/%69nvocations", "/./invocations", "/ping/../sleep", "http://localhost/sleep")],
            *[("POST", path) for path in ("http://localhost/invocations", "invocations", "*", "localhost:8080")],
        ]:
            with self.subTest(method=method, path=path):
                self.assertEqual(self.status(method, path), 404)
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"):
            with self.subTest(method=method):
                self.assertEqual(self.status(method, "/invocations"), 405)
                if method != "GET":
                    self.assertEqual(self.status(method, "/ping"), 405)
        self.assertEqual(self.status("CONNECT", "localhost:30000"), 404)
        self.assertEqual(self.status("post", "/invocations"), 400)
        self.assertEqual([path for path in Engine.seen if path != "/health"], [])

    def status(self, method: str, path: str) -> int:
        body = b'{"prompt": "x"}'
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        return int(self.raw(head.encode() + body).split(b" ")[1])

    def test_a_query_goes_no_further(self) -> None:
        status, answer = self.call("POST", "/invocations?/../sleep", {"prompt": "x"})
        self.assertEqual((status, answer["path"]), (200, "/v1/completions"))
        self.assertEqual(self.call("GET", "/ping?x=1")[0], 200)

    def test_one_request_per_connection(self) -> None:
        """What comes after the first is neither answered nor passed on, whatever the connection is to become."""
        body = b'{"prompt": "x"}'
        second = b"POST /sleep HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
        for more in (b"", b"upgrade: websocket\r\nconnection: upgrade, keep-alive\r\n", b"connection: keep-alive\r\n"):
            with self.subTest(more=more):
                Engine.seen.clear()
                head = b"POST /invocations HTTP/1.1\r\ncontent-length: %d\r\n%s\r\n" % (len(body), more)
                answer = self.raw(head + body + second + second)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
                self.assertIn(b"200 OK", answer)
                self.assertNotIn(b"upgrade", answer.lower())
                self.assertEqual([path for path in Engine.seen if path != "/health"], ["/v1/completions"])

    def test_headers_of_the_connection_stay_on_it(self) -> None:
        more = {"connection": "x-once, close", "x-once": "1", "te": "trailers", "x-kept": "2", "x-amzn-trace-id": "3"}
        status, answer = self.call("POST", "/invocations", {"prompt": "x"}, more)
        passed = {name.lower(): value for name, value in answer["headers"].items()}
        self.assertEqual((status, passed["x-kept"], passed["x-amzn-trace-id"]), (200, "2", "3"))
        self.assertFalse({"x-once", "te"} & set(passed), passed)

    def test_callers_of_the_older_version_are_answered_without_chunks(self) -> None:
        for stream in (False, True):
            body = json.dumps({"prompt": "x", "stream": stream}).encode()
            answer = self.raw(b"POST /invocations HTTP/1.0\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            self.assertIn(b"200 OK", answer.partition(b"\r\n")[0])
            self.assertNotIn(b"chunked", answer)
        self.assertTrue(answer.endswith(b"data: 0\n\ndata: 1\n\ndata: 2\n\n"), answer)
        self.assertIn(b"200 OK", self.raw(b"GET /ping HTTP/1.0\r\n\r\n"))

    def test_a_custom_attribute_names_a_path(self) -> None:
        name = "X-Amzn-SageMaker-Custom-Attributes"
        form = {"content-type": "multipart/form-data; boundary=x", name: "a=b,route=/v1/files"}
        status, answer = self.call("POST", "/invocations", b"--x--", form)
        self.assertEqual((status, answer["path"], answer["bytes"]), (200, "/v1/files", 5))
        status, answer = self.call("POST", "/invocations", {"prompt": "x"}, {name: "route=/admin"})
        self.assertEqual(status, 400)
        self.assertIn("/v1/files", answer["error"]["message"])

    def test_json_becomes_a_form_where_the_engine_takes_one(self) -> None:
        body = {"film": "a \u00e9\r\n--x", "size": None, "n": 3, "on": True, "lora": {"name": "l"}}
        status, answer = self.call("POST", "/invocations", body)
        self.assertEqual((status, answer["path"]), (200, "/v1/form"))
        head = f"content-type: {answer['headers']['content-type']}\r\n\r\n".encode()
        sent = Engine.last
        self.assertEqual(int(answer["headers"]["content-length"]), len(sent))
        form = email.message_from_bytes(head + sent, policy=email.policy.HTTP)
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
            for part in form.iter_parts()
        }
        self.assertEqual(parts, {"film": body["film"], "n": "3", "on": "true", "lora": '{"name": "l"}'})
        # A form stays as it is, and what is no name of a field, or too large, is refused.
        name = "X-Amzn-SageMaker-Custom-Attributes"
        form = {"content-type": "multipart/form-data; boundary=x", name: "route=/v1/form"}
        self.assertEqual(self.call("POST", "/invocations", b"--x--", form)[1]["bytes"], 5)
        self.assertEqual(self.call("POST", "/invocations", {"film": "x", 'a"\r\nb': "y"})[0], 400)
        self.assertEqual(self.call("POST", "/invocations", {"film": "x" * (front.SMALL + 1)})[0], 413)
        self.assertEqual(self.front.held, 0)

    def test_what_cannot_be_checked_goes_only_where_nothing_is(self) -> None:
        """Servers read some bodies as JSON that are not called application/json."""
        name = "X-Amzn-SageMaker-Custom-Attributes"
        refused = b'{"prompt": "refuse"}'
        for kind in ("application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json", "text/x+JSON"):
            got, answer = self.call("POST", "/invocations", refused, {"content-type": kind, name: "route=/v1/completions"})
            self.assertEqual((got, answer["error"]["message"]), (400, "not for /v1/completions"), kind)
        for kind in ("text/plain", "", "multipart/form-data; boundary=x", "application/jsonx", "text/plain, application/json"):
            got, _ = self.call("POST", "/invocations", refused, {"content-type": kind, name: "route=/v1/completions"})
            self.assertEqual(got, 415, kind)
        twice = b"content-type: application/json\r\ncontent-type: text/plain\r\n"
        head = b"POST /invocations HTTP/1.1\r\n%scontent-length: 2\r\n\r\n{}" % twice
        self.assertTrue(self.raw(head).startswith(b"HTTP/1.1 400"))

    def test_wrong_requests_are_refused_with_a_reason(self) -> None:
        cases = [
            (b"{", {}, 400, "not valid JSON"),
            (b"\xff\xfe", {}, 400, "not valid JSON"),
            ('{"prompt": "x"}'.encode("utf-16"), {}, 400, "not valid JSON"),
            (b'{"prompt": "x", "top_p": NaN}', {}, 400, "NaN"),
            (b'{"prompt": "x", "top_p": [-Infinity]}', {}, 400, "Infinity"),
            (b'{"prompt": "x", "top_p": {"a": 1e400}}', {}, 400, "too large"),
            (b'{"prompt": ' + b"[" * 100_000, {}, 400, "nested"),
            (b'{"prompt": ' + b"[" * 500_000, {}, 400, "nested"),
            (b'{"prompt": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", {}, 400, "nested"),
            (json.dumps({str(number): 0 for number in range(2000)}).encode(), {}, 400, "members"),
            (b"[1]", {}, 400, "object"),
            (b"{}", {}, 400, "messages, prompt"),
            (b"a,b", {"content-type": "text/csv"}, 415, "application/json"),
            (b'{"prompt": "refuse"}', {}, 400, "not for /v1/completions"),
            # More than the sockets hold: the caller is still sending when it is refused.
            (b"x" * (MAX_BODY + 1), {}, 413, "over"),
        ]
        for body, headers, status, reason in cases:
            with self.subTest(body=body[:20]):
                got, answer = self.call("POST", "/invocations", body, headers)
                self.assertEqual(got, status)
                self.assertIn(reason, answer["error"]["message"])
        self.assertEqual(self.call("GET", "/invocations")[0], 405)

    def test_malformed_http_is_refused_and_nothing_is_smuggled(self) -> None:
        for head in [
            b"nonsense\r\n\r\n",
            b"POST /invocations HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            b"POST /invocations HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
            b"POST /invocations HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            b"POST /invocations HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            b"POST /invocations HTTP/1.1\r\nname : x\r\n\r\n",
            b"POST /invocations HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
            b"POST /invocations HTTP/1.1\r\n: x\r\n\r\n",
            b"POST /invocations HTTP/1.1\r\na: b\nx-evil: 1\r\ncontent-length: 2\r\n\r\n{}",
            b"POST /invocations HTTP/1.1\r\na: b\rx-evil: 1\r\ncontent-length: 2\r\n\r\n{}",
            b"POST /invocations HTTP/1.1\ncontent-length: 2\n\n{}",
            b"POST /invocations\nx HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
            b"POST /invocations?\x01 HTTP/1.1\r\n\r\n",
            b"POST /invocations?\xc3\xa9 HTTP/1.1\r\n\r\n",
            b"POST /invocations?\x7f HTTP/1.1\r\n\r\n",
            b"POST  /invocations HTTP/1.1\r\n\r\n",
            b"POST\t/invocations HTTP/1.1\r\n\r\n",
            b"POST /invocations HTTP/2.0\r\n\r\n",
            b"POST /invocations HTTP/1.10\r\n\r\n",
            b"POST /invocations http/1.1\r\n\r\n",
            b"POST /invocations\r\n\r\n",
            b"POST /invocations HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            *[
                b"POST /invocations HTTP/1.1\r\na: b%sc\r\n\r\n" % bytes([code])
                for code in (*range(9), *range(10, 32), 127)
            ],
            *[
                b"POST /invocations HTTP/1.1\r\ncontent-length: %s\r\n\r\n{}" % length
                for length in (b"9" * 5000, b"0x2", b"+2", b"2_0", b"2 2", b"2, 2", b"\xb2", b"2.0", b"two", b"2;")
            ],
            *[
                b"POST /invocations HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n%s" % chunks
                for chunks in (
                    b"0x2\r\n{}\r\n0\r\n\r\n", b"0_2\r\n{}\r\n0\r\n\r\n", b"+2\r\n{}\r\n0\r\n\r\n",
                    b"-2\r\n{}\r\n0\r\n\r\n", b" 2\r\n{}\r\n0\r\n\r\n", b"2 \r\n{}\r\n0\r\n\r\n",
                    b"2\n{}\r\n0\r\n\r\n", b"2\r\n{}\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n",
                    b"\r\n{}\r\n0\r\n\r\n", b"2;\n\r\n{}\r\n0\r\n\r\n", b"2;\x00\r\n{}\r\n0\r\n\r\n",
                    b"00000000002\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nx: y\r\n\r\n", b"2" * 70_000,
                )
            ],
            *[
                b"POST /invocations HTTP/1.1\r\n%s\r\n2\r\n{}\r\n0\r\n\r\n" % headers
                for headers in (
                    b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
                    b"transfer-encoding: gzip, chunked\r\n", b"transfer-encoding: identity\r\n",
                    b"transfer-encoding: xchunked\r\n", b"transfer-encoding:\r\n",
                )
            ],
            b"POST /invocations HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ]:  # fmt: skip
            with self.subTest(head=head[:200]):
                self.assertTrue(self.raw(head).startswith(b"HTTP/1.1 400"), self.raw(head))
        self.assertTrue(self.raw(b"GET / HTTP/1.1\r\na: " + b"x" * 100_000).startswith(b"HTTP/1.1 431"))
        self.assertTrue(self.raw(b"GET / HTTP/1.1\r\n" + b"a: x\r\n" * 1000).startswith(b"HTTP/1.1 431"))

    def test_chunked_bodies_and_expectations_are_taken(self) -> None:
        body = b'5\r\n{"pro\r\n8;x=y\r\nmpt":"x"\r\n1\r\n}\r\n0\r\n\r\n'
        head = b"POST /invocations HTTP/1.1\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n"
        answer = self.raw(head + body)
        self.assertTrue(answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), answer)
        self.assertIn(b'"bytes": 14', answer)

    def test_answers_stream(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            body = b'{"prompt": "x", "stream": true}'
            connection.sendall(
                b"POST /invocations HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
            )
            arrived: list[float] = []
            answer = b""
            while part := connection.recv(65536):
                answer += part
                arrived.append(time.monotonic())
        self.assertIn(b"data: 2", answer)
        self.assertGreater(arrived[-1] - arrived[0], 0.4, "the answer came in one piece")

    def test_a_caller_that_goes_away_frees_the_engine(self) -> None:
        Engine.cut_off.clear()
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            body = b'{"prompt": "x", "slow": true}'
            connection.sendall(
                b"POST /invocations HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
            )
            time.sleep(0.3)
        self.assertTrue(Engine.cut_off.wait(5), "the engine went on working for nobody")

    def test_an_engine_that_hangs_up_is_a_502(self) -> None:
        status, answer = self.call("POST", "/invocations", {"prompt": "x", "die": True})
        self.assertEqual(status, 502)
        self.assertIn("closed", answer["error"]["message"])

    def pings_while(self, sent: bytes) -> tuple[bytes, float]:
        """The answer to a body, and the longest that /ping took meanwhile."""
        found: list[bytes] = []
        head = b"POST /invocations HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(sent)
        thread = threading.Thread(target=lambda: found.append(self.raw(head + sent, 120)))
        thread.start()
        longest = 0.0
        while thread.is_alive():
            since = time.monotonic()
            self.assertEqual(self.call("GET", "/ping")[0], 200)
            longest = max(longest, time.monotonic() - since)
            time.sleep(0.02)
        return found[0], longest

    def test_a_large_body_keeps_nobody_waiting(self) -> None:
        lists = b"[" + b"[]," * (8 << 20) + b"[]]"
        text = b'{"prompt": "refuse", "image": "' + b"A" * (24 << 20) + b'"}'
        for body, status, reason in [
            (lists, b"400", b"values"),
            (b'{"prompt": "x", "a": ' + lists + b"}", b"400", b"values"),
            (b'{"prompt": "x", "a": [' + b"1.5," * (6 << 20) + b"1]}", b"200", b"/v1/completions"),
            (text, b"400", b"not for /v1/completions"),
            (text.replace(b"refuse", b"answer"), b"200", b"/v1/completions"),
            (b'{"prompt": "x", "a": "' + b"A" * (24 << 20) + b'", "b": 1e400}', b"400", b"too large"),
        ]:
            with self.subTest(body=body[:60]):
                answer, longest = self.pings_while(body)
                self.assertEqual(answer.split(b" ")[1], status, answer)
                self.assertIn(reason, answer)
                self.assertLess(longest, 1.0, "the front was busy with one body")

    def test_bodies_are_let_go(self) -> None:
        self.call("POST", "/invocations", {"prompt": "x" * (2 << 20)})
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(b"POST /invocations HTTP/1.1\r\ncontent-length: 90000\r\n\r\n" + b"x" * 50_000)
            time.sleep(0.3)
            self.assertGreaterEqual(self.front.held, 50_000)
        until = time.monotonic() + 10
        while self.front.held or self.front.relayed or self.front.waiting:
            self.assertLess(time.monotonic(), until, "something is kept for callers that are gone")
            time.sleep(0.05)

    def test_tiny_chunks_are_refused(self) -> None:
        head = b"POST /invocations HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        self.assertTrue(self.raw(head + b"1\r\nx\r\n" * 100_000, 60).startswith(b"HTTP/1.1 400"))

    def test_slow_callers_are_ended_and_give_way(self) -> None:
        made = front.Front(self.engine.server_port, ROUTES)
        deadline, front.HEAD_S = front.HEAD_S, 1.0
        slow_body, http_request.BODY_S = http_request.BODY_S, 1.0
        places, front.PLACES = front.PLACES, 50
        try:
            port = start(made)
            until = time.monotonic() + 10
            while self.call("GET", "/ping", port=port)[0] != 200:
                self.assertLess(time.monotonic(), until)
            half = [
                b"GET /ping HTT", b"POST /invocations HTTP/1.1\r\nhost: x\r\n",
                b"POST /invocations HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
                b"POST /invocations HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2",
            ]  # fmt: skip
            for sent in half:
                with self.subTest(sent=sent), socket.create_connection(("127.0.0.1", port), 10) as connection:
                    connection.sendall(sent)
                    self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 408"))
            front.HEAD_S = http_request.BODY_S = 60.0
            held = []
            for number in range(200):
                connection = socket.create_connection(("127.0.0.1", port), 10)
                connection.sendall(half[number % len(half)])
                held.append(connection)
            for _ in range(10):
                since = time.monotonic()
                self.assertEqual(self.call("GET", "/ping", port=port)[0], 200)
                self.assertEqual(self.call("POST", "/invocations", {"prompt": "x"}, port=port)[0], 200)
                self.assertLess(time.monotonic() - since, 2)
            self.assertLessEqual(len(made.waiting), 50)
            for connection in held:
                connection.close()
        finally:
            front.HEAD_S, http_request.BODY_S, front.PLACES = deadline, slow_body, places

    def test_many_at_once(self) -> None:
        found: list[int] = []

        def one() -> None:
            found.append(self.call("POST", "/invocations", {"prompt": "x" * 50_000})[0])

        threads = [threading.Thread(target=one) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [200] * 40)

    def test_before_the_engine_is_there_ping_says_503(self) -> None:
        port = start(front.Front(free_port(), ROUTES))
        self.assertEqual(self.call("GET", "/ping", port=port)[0], 503)
        status, answer = self.call("POST", "/invocations", {"prompt": "x"}, port=port)
        self.assertEqual((status, answer["error"]["message"]), (503, "the model is loading"))

    def test_an_engine_that_is_stuck_for_long_is_not_well(self) -> None:
        made = front.Front(1, ROUTES)
        self.assertFalse(made.is_well())
        made.seen_well = time.monotonic()
        self.assertTrue(made.is_well())
        made.seen_well -= front.STUCK_AFTER_S + 1
        self.assertFalse(made.is_well())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
