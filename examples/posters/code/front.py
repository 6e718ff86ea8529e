"""The container's port: GET /ping and POST /invocations, and nothing else, for a model server that has more.

The server's other paths change what it serves, stop it or read files, and on Kubernetes every pod of the cluster
reaches this port. Bodies are passed on byte for byte and answers as they come, so streaming works. /ping answers
at once, from what a probe of the server said last.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import json_body
from http_request import CHUNK, MAX_HEAD, Head, Refusal, read_body, read_head
from supervise import log

PROBE_EVERY_S = 5.0
PROBE_TIMEOUT_S = 30.0
# A busy server misses probes; one that misses them for this long is stuck.
STUCK_AFTER_S = 120.0
# How long a caller may take for the head of a request.
HEAD_S = 10.0
# How long a caller that was answered may go on sending what it began to.
LINGER_S = 5.0
# How long a caller may leave an answer unread.
UNREAD_S = 120.0
# Bodies up to here are read as JSON at once, which takes milliseconds; larger ones in a process of their own.
SMALL = 128 << 10
JSON_S = 60.0
JSON_PROCESSES = 2
# Connections that wait for their callers, and as many that wait for the server.
PLACES = 1024
# All bodies that are held at a time, beside two of the largest.
MAX_HELD = 512 << 20
# Of one connection to the next hop: the proxy's own, not to be passed on.
HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "transfer-encoding", "expect"}
METHODS = {"/ping": "GET", "/invocations": "POST"}

Check = Callable[[str, dict[str, object]], None]
Result = TypeVar("Result")


@dataclass
class Front:
    """What the port does with requests."""

    # Port of the model server on the loopback address.
    upstream: int
    # Path of /invocations by the member that a JSON body has; the first that is there decides.
    routes: Mapping[str, str]
    # Path of the server that tells whether it is well.
    health: str = "/health"
    # Paths that a request may ask for by `X-Amzn-SageMaker-Custom-Attributes: route=/path`.
    allowed: frozenset[str] = frozenset()
    # Paths of the server that take a form: a JSON body for one of them is written as that.
    forms: frozenset[str] = frozenset()
    # Refuses bodies before they cost anything. Of large ones it sees an outline: long texts and what is nested are cut.
    check: Check | None = None
    # Largest body, in bytes.
    max_body: int = 25 << 20
    seen_well: float | None = field(default=None, init=False)
    # Connections that wait for their callers, oldest first.
    waiting: dict[asyncio.Task[None], None] = field(default_factory=dict, init=False)
    relayed: int = field(default=0, init=False)
    places: int = field(default=PLACES, init=False)
    held: int = field(default=0, init=False)

    def is_well(self) -> bool:
        return self.seen_well is not None and time.monotonic() - self.seen_well < STUCK_AFTER_S

    async def route(self, headers: Mapping[str, str], body: bytearray) -> str:
        """The server's path for an invocation."""
        wanted = next(
            (
                part.strip().removeprefix("route=")
                for part in headers.get("x-amzn-sagemaker-custom-attributes", "").split(",")
                if part.strip().startswith("route=")
            ),
            None,
        )
        known = self.allowed | set(self.routes.values())
        if wanted is not None and wanted not in known:
            raise Refusal(400, f"route={wanted[:100]} is none of {', '.join(sorted(known))}")
        kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            # What is not read here cannot be checked, so it goes only where nothing is.
            if wanted not in self.allowed:
                raise Refusal(415, "send application/json, or name a path for it with CustomAttributes route=/v1/…")
            return wanted
        try:
            parsed = json_body.read(body) if len(body) <= SMALL else await self.outline(body)
        except json_body.NoBody as error:
            raise Refusal(400, str(error)) from None
        path = wanted or next((self.routes[name] for name in self.routes if name in parsed), None)
        if path is None:
            raise Refusal(400, f"the body needs one of {', '.join(self.routes)}")
        if self.check is not None:
            self.check(path, parsed)
        return path

    async def outline(self, body: bytearray) -> dict[str, object]:
        """The members of a large JSON body, read by a process with bounds of its own."""
        # Eight times the text, which is what numbers take; of very large bodies most must be text.
        most = (256 << 20) + 8 * min(len(body), 64 << 20) + 3 * len(body)
        async with self.json_processes:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", json_body.__file__, str(most), stdin=-1, stdout=-1, limit=64 << 20
            )
            try:
                said, _ = await asyncio.wait_for(child.communicate(body), JSON_S)
                answer = json.loads(said)
            except (asyncio.TimeoutError, ValueError):
                raise json_body.NoBody("the body is too large to be read as JSON") from None
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        if "error" in answer:
            raise json_body.NoBody(answer["error"])
        return answer["outline"]

    async def serve(self, port: int) -> None:
        self.json_processes = asyncio.Semaphore(JSON_PROCESSES)
        # A connection that is relayed takes two files, one that waits takes one.
        self.places = max(16, min(PLACES, (files_at_most(4 * PLACES) - 64) // 3))
        server = await asyncio.start_server(self.connection, "0.0.0.0", port, limit=MAX_HEAD, backlog=PLACES)
        probe = asyncio.create_task(self.probe())
        async with server:
            await asyncio.gather(server.serve_forever(), probe)

    async def probe(self) -> None:
        while True:
            try:
                if await asyncio.wait_for(self.ask(), PROBE_TIMEOUT_S):
                    if self.seen_well is None:
                        log("the model server is ready")
                    self.seen_well = time.monotonic()
            except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(PROBE_EVERY_S if self.seen_well is not None else 1.0)

    async def ask(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            writer.write(f"GET {self.health} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return (await reader.readline()).split(b" ")[1:2] == [b"200"]
        finally:
            writer.close()

    @contextmanager
    def waits_for_caller(self) -> Iterator[None]:
        """While it waits for its caller, a connection gives way to newer ones when there are too many."""
        task = asyncio.current_task()
        assert task is not None
        self.waiting[task] = None
        if len(self.waiting) > self.places:
            oldest = next(iter(self.waiting))
            del self.waiting[oldest]
            oldest.cancel()
        try:
            yield
        finally:
            self.waiting.pop(task, None)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            try:
                await self.request(reader, writer)
            except Refusal as refusal:
                answer(writer, refusal.status, str(refusal))
            with self.waits_for_caller():
                await linger(reader, writer)
        except asyncio.CancelledError:
            # It gave way, or the front ends.
            writer.transport.abort()
        except (asyncio.IncompleteReadError, OSError):
            pass
        except Exception as error:
            log(f"a request failed: {type(error).__name__}: {error}")
            answer(writer, 502, "the model server did not answer")
        finally:
            try:
                writer.close()
                await writer.wait_closed()
            except (OSError, RuntimeError, asyncio.CancelledError):
                pass

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self.waits_for_caller():
            head = await within(HEAD_S, read_head(reader), "the headers took too long")
        # The path as it was sent: what another reader might take for the same is not the same here.
        path = head.target.partition("?")[0]
        if path not in METHODS:
            raise Refusal(404, "there is GET /ping and POST /invocations")
        if head.method != METHODS[path]:
            raise Refusal(405, f"send a {METHODS[path]}")
        if path == "/ping":
            well = self.is_well()
            answer(writer, 200 if well else 503, "ready" if well else "the model is loading")
            return
        if self.seen_well is None:
            raise Refusal(503, "the model is loading")
        if self.relayed >= self.places:
            raise Refusal(503, "too many requests at a time")
        body = bytearray()
        try:
            with self.waits_for_caller():
                if head.headers.get("expect", "").lower() == "100-continue" and head.version == "1.1":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await read_body(reader, head, self.max_body, body, self.hold)
            self.relayed += 1
            try:
                path = await self.route(head.headers, body)
                if path in self.forms:
                    self.as_form(head, body)
                await self.relay(head, path, body, reader, writer)
            finally:
                self.relayed -= 1
        finally:
            self.let_go(body)

    def as_form(self, head: Head, body: bytearray) -> None:
        """Write a JSON body as the form that the path takes; a form stays as it is."""
        kind = head.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return
        if len(body) > SMALL:
            raise Refusal(413, f"a JSON body for this path has at most {SMALL} bytes; send multipart/form-data")
        try:
            form, content_type = json_body.form(json_body.read(body))
        except json_body.NoBody as error:
            raise Refusal(400, str(error)) from None
        self.hold(len(form) - len(body))
        body[:] = form
        head.headers = {**head.headers, "content-type": content_type}

    def hold(self, more: int) -> None:
        if self.held + more > MAX_HELD + 2 * self.max_body:
            raise Refusal(503, "too many large requests at a time")
        self.held += more

    def let_go(self, body: bytearray) -> None:
        self.held -= len(body)
        body.clear()

    async def relay(
        self,
        head: Head,
        path: str,
        body: bytearray,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.upstream, limit=MAX_HEAD)
        except OSError:
            raise Refusal(503, "the model is loading") from None
        # A caller that goes away must not keep the model busy.
        gone = asyncio.create_task(reader.read(1))
        copied = asyncio.create_task(self.copy(head, path, body, back, forth, writer))
        try:
            await asyncio.wait({gone, copied}, return_when=asyncio.FIRST_COMPLETED)
            if not copied.done() and not gone.result():
                return
            await copied
        finally:
            gone.cancel()
            copied.cancel()
            await asyncio.wait({gone, copied})
            forth.close()

    async def copy(
        self,
        head: Head,
        path: str,
        body: bytearray,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        named = head.headers.get("connection", "").lower().split(",")
        own = HOP | {"content-length"} | {name.strip() for name in named}
        # An older caller does not know chunks, and in its version the server sends none.
        lines = [f"POST {path} HTTP/{head.version}"]
        lines += [f"{name}: {value}" for name, value in head.headers.items() if name not in own]
        if "host" not in head.headers:
            lines.append("host: localhost")
        lines += [f"content-length: {len(body)}", "connection: close", "", ""]
        forth.write("\r\n".join(lines).encode("latin-1"))
        try:
            for at in range(0, len(body), CHUNK):
                forth.write(bytes(body[at : at + CHUNK]))
                await forth.drain()
        except ConnectionError:
            # A server that refuses does not read to the end; what it says is still there to be read.
            pass
        self.let_go(body)
        try:
            chunk = await back.read(CHUNK)
        except ConnectionError:
            chunk = b""
        if not chunk:
            raise Refusal(502, "the model server closed the connection")
        # From here on the answer has begun: whatever goes wrong, it can only be cut off.
        try:
            while chunk:
                writer.write(chunk)
                await asyncio.wait_for(writer.drain(), UNREAD_S)
                chunk = await back.read(CHUNK)
        except (asyncio.TimeoutError, ConnectionError):
            writer.transport.abort()


async def within(seconds: float, what: Awaitable[Result], reason: str) -> Result:
    try:
        return await asyncio.wait_for(what, seconds)
    except asyncio.TimeoutError:
        raise Refusal(408, reason) from None


def files_at_most(wanted: int) -> int:
    """Raise the limit on open files as far as needed and permitted; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    known = [limit for limit in (wanted, hard) if limit != resource.RLIM_INFINITY]
    if soft != resource.RLIM_INFINITY and soft < min(known):
        soft = min(known)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


def answer(writer: asyncio.StreamWriter, status: int, reason: str) -> None:
    body = json.dumps({"status": reason} if status == 200 else {"error": {"code": status, "message": reason}})
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode())


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on after the answer: closed on a caller that still sends, it would be lost with the connection."""

    async def rest() -> None:
        while await reader.read(CHUNK):
            pass

    try:
        await asyncio.wait_for(writer.drain(), LINGER_S)
        if writer.can_write_eof():
            writer.write_eof()
        await asyncio.wait_for(rest(), LINGER_S)
    except (OSError, RuntimeError, asyncio.TimeoutError):
        pass


def start(front: Front, port: int = 8080) -> None:
    """Serve `port` on a thread of its own; if that ends, so does the container."""

    def run() -> None:
        try:
            asyncio.run(front.serve(port))
        except BaseException as error:
            log(f"the front ended: {type(error).__name__}: {error}")
        os._exit(1)

    threading.Thread(target=run, name="front", daemon=True).start()
