"""The front of a generated project, called as SageMaker calls it, before a model server that this file plays.

usage: front_check.py FOLDER, where FOLDER is the code/ of a project.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import sys
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, sys.argv.pop(1))

import front

ROUTES = {"messages": "/v1/chat/completions", "prompt": "/v1/completions"}


class Engine(BaseHTTPRequestHandler):
    """A model server: says what it was asked, streams when asked to."""

    protocol_version = "HTTP/1.1"
    well = True
    cut_off = threading.Event()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.reply(200 if Engine.well or self.path != "/health" else 503, {"path": self.path})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        asked = json.loads(body) if body.startswith(b"{") else {}
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
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(3):
            line = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.flush()
            time.sleep(0.3)
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
            cls.engine.server_port, ROUTES, allowed=frozenset({"/v1/files"}), check=check, max_body=1 << 20
        )
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

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(data)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer

    def test_the_body_decides_the_path(self) -> None:
        for member, path in ROUTES.items():
            status, answer = self.call("POST", "/invocations", {"model": "m", member: "x"})
            self.assertEqual((status, answer["path"]), (200, path))

    def test_other_paths_are_the_servers(self) -> None:
        self.assertEqual(self.call("GET", "/v1/models?a=1"), (200, {"path": "/v1/models?a=1"}))

    def test_a_custom_attribute_names_a_path(self) -> None:
        name = "X-Amzn-SageMaker-Custom-Attributes"
        form = {"content-type": "multipart/form-data; boundary=x", name: "a=b,route=/v1/files"}
        status, answer = self.call("POST", "/invocations", b"--x--", form)
        self.assertEqual((status, answer["path"], answer["bytes"]), (200, "/v1/files", 5))
        status, answer = self.call("POST", "/invocations", {"prompt": "x"}, {name: "route=/admin"})
        self.assertEqual(status, 400)
        self.assertIn("/v1/files", answer["error"]["message"])

    def test_wrong_requests_are_refused_with_a_reason(self) -> None:
        cases = [
            (b"{", {}, 400, "no JSON"),
            (b"\xff\xfe", {}, 400, "no JSON"),
            (b"[1]", {}, 400, "object"),
            (b"{}", {}, 400, "messages, prompt"),
            (b"a,b", {"content-type": "text/csv"}, 415, "application/json"),
            (b'{"prompt": "refuse"}', {}, 400, "not for /v1/completions"),
            (b"x" * ((1 << 20) + 1), {}, 413, "over"),
            # More than the sockets hold: the caller is still sending when it is refused.
            (b"x" * (32 << 20), {}, 413, "over"),
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
        ]:
            with self.subTest(head=head):
                self.assertTrue(self.raw(head).startswith(b"HTTP/1.1 400"), self.raw(head))
        self.assertTrue(self.raw(b"GET / HTTP/1.1\r\na: " + b"x" * 100_000).startswith(b"HTTP/1.1 431"))

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
        for path in ("/invocations", "/v1/models"):
            status, answer = self.call("POST", path, {"prompt": "x"}, port=port)
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
