"""The server's side of `kubectl port-forward`: SPDY/3.1, as far as port forwarding uses it.

A forwarded connection is a pair of streams: first the one for errors, then the one for data.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import zlib

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1


class Forward:
    """Answers on `client`, whose request head has been read, until it goes; data goes to `target`."""

    def __init__(self, client: ssl.SSLSocket, rest: bytes, target: tuple[str, int]) -> None:
        self.client, self.buffer, self.target = client, rest, target
        self.errors: list[int] = []
        self.data: dict[int, socket.socket] = {}
        self.error_of: dict[int, int] = {}
        self.headers = zlib.compressobj()

    def control(self, kind: int, body: bytes) -> None:
        self.client.sendall(struct.pack(">HHI", 0x8003, kind, len(body)) + body)

    def send(self, stream: int, body: bytes, flags: int = 0) -> None:
        self.client.sendall(struct.pack(">II", stream, flags << 24 | len(body)) + body)

    def frame(self) -> tuple[int, int, bytes] | None:
        """The next whole frame in the buffer: its kind (0 for data), its flags or stream, what is in it."""
        if len(self.buffer) < 8:
            return None
        first, second = struct.unpack(">II", self.buffer[:8])
        end = 8 + (second & 0xFFFFFF)
        if len(self.buffer) < end:
            return None
        body, self.buffer = self.buffer[8:end], self.buffer[end:]
        if first & 0x80000000:
            return first & 0xFFFF, second >> 24, body
        return 0, first, bytes([second >> 24]) + body

    def handle(self, kind: int, about: int, body: bytes) -> None:
        if kind == SYN_STREAM:
            stream = struct.unpack(">I", body[:4])[0]
            none = self.headers.compress(struct.pack(">I", 0)) + self.headers.flush(zlib.Z_SYNC_FLUSH)
            self.control(SYN_REPLY, struct.pack(">I", stream) + none)
            if not self.errors:
                self.errors.append(stream)
            else:
                self.error_of[stream] = self.errors.pop()
                self.data[stream] = socket.create_connection(self.target)
        elif kind == PING:
            self.control(PING, body)
        elif kind == RST_STREAM:
            self.end(struct.unpack(">I", body[:4])[0])
        elif kind == 0 and about in self.data:
            self.data[about].sendall(body[1:])
            if body[0] & FIN:
                self.data[about].shutdown(socket.SHUT_WR)

    def end(self, stream: int) -> None:
        if stream in self.data:
            self.data.pop(stream).close()

    def run(self) -> None:
        """One thread does it all: a TLS connection is not to be used by two."""
        while True:
            while frame := self.frame():
                if frame[0] == GOAWAY:
                    return
                self.handle(*frame)
            ready = [self.client] if self.client.pending() else []
            ready = ready or select.select([self.client, *self.data.values()], [], [])[0]
            if self.client in ready:
                got = self.client.recv(65536)
                if not got:
                    return
                self.buffer += got
            for stream, upstream in list(self.data.items()):
                if upstream in ready:
                    got = upstream.recv(65536)
                    self.send(stream, got, 0 if got else FIN)
                    if not got:
                        self.send(self.error_of[stream], b"", FIN)
                        self.end(stream)


def read_head(client: ssl.SSLSocket) -> tuple[str, dict[str, str], bytes]:
    """The request line, the headers in lower case, and what has come after them."""
    text = b""
    while b"\r\n\r\n" not in text:
        got = client.recv(65536)
        if not got:
            raise ConnectionError
        text += got
    head, _, rest = text.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}, rest
