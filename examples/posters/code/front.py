"""The container's port: /ping and /invocations for a model server that has other paths.

Requests are passed on byte for byte and answers as they come, so streaming works. /ping answers at once,
from what a probe of the server said last. All other paths are the server's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from supervise import log

MAX_HEAD = 64 << 10
CHUNK = 64 << 10
PROBE_EVERY_S = 5.0
PROBE_TIMEOUT_S = 30.0
# A busy server misses probes; one that misses them for this long is stuck.
STUCK_AFTER_S = 120.0
# How long a refused caller may go on sending what it began to.
LINGER_S = 5.0
# Of one connection to the next hop: the proxy's own, not to be passed on.
HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "transfer-encoding", "expect"}


class Refusal(Exception):
    """A request that is answered here, with a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


Check = Callable[[str, dict[str, object]], None]


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
    # Refuses bodies before they cost anything.
    check: Check | None = None
    # Largest body, in bytes.
    max_body: int = 1 << 30
    seen_well: float | None = field(default=None, init=False)

    def is_well(self) -> bool:
        return self.seen_well is not None and time.monotonic() - self.seen_well < STUCK_AFTER_S

    def route(self, headers: Mapping[str, str], body: bytes) -> str:
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
        if not headers.get("content-type", "application/json").lower().startswith("application/json"):
            if wanted is None:
                raise Refusal(415, "send application/json, or name a path with CustomAttributes route=/v1/…")
            return wanted
        try:
            parsed = json.loads(body)
        except ValueError as error:
            raise Refusal(400, f"the body is no JSON: {error}") from None
        if not isinstance(parsed, dict):
            raise Refusal(400, "the body must be one JSON object")
        path = wanted or next((self.routes[name] for name in self.routes if name in parsed), None)
        if path is None:
            raise Refusal(400, f"the body needs one of {', '.join(self.routes)}")
        if self.check is not None:
            self.check(path, parsed)
        return path

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self.connection, "0.0.0.0", port, limit=MAX_HEAD, backlog=1024)
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
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
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

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.request(reader, writer)
        except Refusal as refusal:
            answer(writer, refusal.status, str(refusal))
            await linger(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception as error:
            log(f"a request failed: {type(error).__name__}: {error}")
            answer(writer, 502, "the model server did not answer")
        finally:
            try:
                writer.close()
                await writer.wait_closed()
            except (OSError, RuntimeError):
                pass

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, headers = await read_head(reader)
        if path.partition("?")[0] == "/ping":
            well = self.is_well()
            answer(writer, 200 if well else 503, "ready" if well else "the model is loading")
            return
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await read_body(reader, headers, self.max_body)
        if path.partition("?")[0] == "/invocations":
            if method != "POST":
                raise Refusal(405, "send a POST")
            path = self.route(headers, body)
            if self.seen_well is None:
                raise Refusal(503, "the model is loading")
        await self.relay(method, path, headers, body, reader, writer)

    async def relay(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.upstream, limit=MAX_HEAD)
        except OSError:
            raise Refusal(503, "the model is loading") from None
        # A caller that goes away must not keep the model busy.
        gone = asyncio.create_task(reader.read(1))
        copied = asyncio.create_task(self.copy(method, path, headers, body, back, forth, writer))
        try:
            await asyncio.wait({gone, copied}, return_when=asyncio.FIRST_COMPLETED)
            if not copied.done() and not gone.result():
                return
            await copied
        finally:
            gone.cancel()
            copied.cancel()
            forth.close()

    async def copy(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items() if name not in HOP | {"content-length"}]
        lines += [f"content-length: {len(body)}", "connection: close", "", ""]
        forth.write("\r\n".join(lines).encode("latin-1") + body)
        await forth.drain()
        try:
            chunk = await back.read(CHUNK)
        except ConnectionError:
            chunk = b""
        if not chunk:
            raise Refusal(502, "the model server closed the connection")
        # From here on the answer has begun: whatever goes wrong, it can only be cut off.
        while chunk:
            writer.write(chunk)
            await writer.drain()
            chunk = await back.read(CHUNK)


async def read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise Refusal(431, "the headers are too long") from None
    first, *lines = head[:-4].split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1].startswith("/"):
        raise Refusal(400, "this is no HTTP request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip() or not name:
            raise Refusal(400, "a header is malformed")
        name = name.lower()
        if name in headers and name in ("content-length", "transfer-encoding", "host"):
            raise Refusal(400, f"{name} is there twice")
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return words[0], words[1], headers


async def read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], most: int) -> bytes:
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked" or "content-length" in headers:
            raise Refusal(400, "this transfer encoding is not taken")
        return await read_chunks(reader, most)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refusal(400, "content-length is no number")
    if int(length) > most:
        raise Refusal(413, f"the body has over {most} bytes")
    return await reader.readexactly(int(length))


async def read_chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    body = bytearray()
    while True:
        size_text = (await reader.readline()).partition(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise Refusal(400, "a chunk has no size") from None
        if size < 0 or len(body) + size > most:
            raise Refusal(413, f"the body has over {most} bytes")
        body += await reader.readexactly(size)
        if size == 0:
            while (await reader.readline()).strip():
                pass
            return bytes(body)
        await reader.readexactly(2)


def answer(writer: asyncio.StreamWriter, status: int, reason: str) -> None:
    body = json.dumps({"status": reason} if status == 200 else {"error": {"code": status, "message": reason}})
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode())


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on after a refusal: closed on a caller that still sends, the answer would be lost with the connection."""

    async def rest() -> None:
        while await reader.read(CHUNK):
            pass

    try:
        await writer.drain()
        writer.write_eof()
        await asyncio.wait_for(rest(), LINGER_S)
    except (OSError, asyncio.TimeoutError):
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
