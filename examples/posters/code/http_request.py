"""One HTTP request, read strictly: what two readers might read differently is refused.

The servers behind the front bring HTTP libraries, but no two the same one, and the one that all have (h11) takes
bare line feeds; the front answers one request of two kinds per connection, which needs little.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

MAX_HEAD = 64 << 10
MAX_HEADERS = 200
CHUNK = 64 << 10
# A body may take this long, and longer as far as it comes at this rate.
BODY_S = 20.0
BODY_BYTES_PER_S = 16 << 10
# Chunks cost time, not only their bytes.
MAX_CHUNKS = 1 << 16
MEAN_CHUNK = 4 << 10

LINE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\r\n")
REQUEST = re.compile(r"([A-Z]{1,20}) ([!-~]+) HTTP/(1\.[01])")
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LENGTH = re.compile(r"[0-9]{1,15}")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]{0,200})?\r\n")
# A second one would be another request to another reader.
ONCE = {"content-length", "transfer-encoding", "host", "content-type", "expect"}

Result = TypeVar("Result")


class Refusal(Exception):
    """A request that is answered here, with a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Head:
    """What comes before the body."""

    method: str
    target: str
    version: str
    headers: Mapping[str, str]


async def read_head(reader: asyncio.StreamReader) -> Head:
    room = MAX_HEAD
    first = await read_line(reader, room)
    request = REQUEST.fullmatch(first)
    if request is None:
        raise Refusal(400, "this is not an HTTP request")
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        room -= len(first)
        first = await read_line(reader, room)
        if not first:
            return Head(request[1], request[2], request[3], headers)
        name, colon, value = first.partition(":")
        if not colon or NAME.fullmatch(name) is None:
            raise Refusal(400, "a header is malformed")
        name, value = name.lower(), value.strip(" \t")
        if name in headers and name in ONCE:
            raise Refusal(400, f"{name} is there twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise Refusal(431, "there are too many headers")


async def read_line(reader: asyncio.StreamReader, room: int) -> str:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise Refusal(431, "the headers are too long") from None
    if len(line) > room:
        raise Refusal(431, "the headers are too long")
    if LINE.fullmatch(line) is None:
        raise Refusal(400, "a line has a control character or does not end in CR LF")
    return line[:-2].decode("latin-1")


async def read_body(
    reader: asyncio.StreamReader, head: Head, most: int, body: bytearray, hold: Callable[[int], None]
) -> None:
    """Read the body into `body`; `hold` is told of all that comes, and may refuse it."""
    since = time.monotonic()

    async def paced(what: Awaitable[Result]) -> Result:
        until = since + BODY_S + len(body) / BODY_BYTES_PER_S
        try:
            return await asyncio.wait_for(what, max(0.0, until - time.monotonic()))
        except asyncio.TimeoutError:
            raise Refusal(408, "the body took too long") from None

    async def take(size: int) -> None:
        while size:
            part = await paced(reader.read(min(size, CHUNK)))
            if not part:
                raise asyncio.IncompleteReadError(b"", size)
            hold(len(part))
            body.extend(part)
            size -= len(part)

    coding = head.headers.get("transfer-encoding")
    length = head.headers.get("content-length")
    if coding is None:
        if LENGTH.fullmatch(length or "0") is None:
            raise Refusal(400, "content-length is not a number")
        if int(length or "0") > most:
            raise Refusal(413, f"the body has over {most} bytes")
        await take(int(length or "0"))
        return
    if coding.lower() != "chunked" or length is not None or head.version == "1.0":
        raise Refusal(400, "this transfer encoding is not taken")
    for number in range(MAX_CHUNKS + most // MEAN_CHUNK):
        try:
            line = CHUNK_SIZE.fullmatch(await paced(reader.readuntil(b"\n")))
        except asyncio.LimitOverrunError:
            line = None
        if line is None:
            raise Refusal(400, "a chunk has no size")
        size = int(line[1], 16)
        if len(body) + size > most:
            raise Refusal(413, f"the body has over {most} bytes")
        await take(size)
        if await paced(reader.readexactly(2)) != b"\r\n":
            raise Refusal(400, "a chunk does not end where it should, or a trailer follows")
        if size == 0:
            return
        if number % 64 == 0:
            # Chunks that are already here would keep all others waiting.
            await asyncio.sleep(0)
    raise Refusal(400, "the chunks are too small")
