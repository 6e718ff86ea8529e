"""What vLLM's port answers: GET /ping and POST /invocations, and nothing else.

The engine has paths beside them that pause it, exchange its weights or scale it, without any key, and on
Kubernetes every pod of the cluster reaches the port. Its own /invocations reads JSON only, so recordings go on to the
path for transcripts: a form, or the recording alone as audio/wav and its like.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

ANSWERED = frozenset({("GET", "/ping"), ("POST", "/invocations")})
NOT_FOUND = b'{"error": {"code": 404, "message": "there is GET /ping and POST /invocations"}}'
TRANSCRIPTIONS = "/v1/audio/transcriptions"
# What X-Amzn-SageMaker-Custom-Attributes may name as route=, as for AWS's own entry point.
ROUTES = frozenset({TRANSCRIPTIONS, "/v1/audio/translations"})
NO_ROUTE = b'{"error": {"code": 400, "message": "route= may be /v1/audio/transcriptions or /v1/audio/translations"}}'

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class OnlyInvocations:
    """A middleware of ASGI, which the engine puts before everything else."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        # The same text that the engine finds its routes by.
        root = scope.get("root_path") or ""
        path = scope["path"].removeprefix(root)
        if scope["type"] == "http" and (scope["method"], path) in ANSWERED:
            route = route_of(scope) if scope["method"] == "POST" else None
            if route is None:
                await self.app(scope, receive, send)
            elif route not in ROUTES:
                await answer(send, 400, NO_ROUTE)
            else:
                scope = {**scope, "path": root + route, "raw_path": (root + route).encode()}
                await self.app(*as_form(scope, receive), send)
        elif scope["type"] == "http":
            await answer(send, 404, NOT_FOUND)
        else:
            # Before it is accepted, this refuses a web socket.
            await send({"type": "websocket.close", "code": 1000})


async def answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name), "")


def kind_of(scope: Scope) -> str:
    return header(scope, b"content-type").partition(";")[0].strip().lower()


def route_of(scope: Scope) -> str | None:
    """The engine's path for a recording; none for what its own /invocations reads."""
    for part in header(scope, b"x-amzn-sagemaker-custom-attributes").split(","):
        if part.strip().startswith("route="):
            return part.strip().removeprefix("route=")
    kind = kind_of(scope)
    return TRANSCRIPTIONS if kind == "multipart/form-data" or kind.startswith("audio/") else None


def as_form(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """A recording alone as the one file of a form, as it comes; a form stays as it is."""
    kind = kind_of(scope)
    if not kind.startswith("audio/"):
        return scope, receive
    boundary = secrets.token_hex(16).encode()
    first = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="recording"\r\nContent-Type: %b\r\n\r\n' % (
        boundary,
        kind.encode("latin-1"),
    )
    last = b"\r\n--%b--\r\n" % boundary
    own = {b"content-type", b"content-length"}
    headers = [(key, value) for key, value in scope["headers"] if key.lower() not in own]
    headers.append((b"content-type", b"multipart/form-data; boundary=" + boundary))
    length = header(scope, b"content-length")
    if length.isdecimal():
        headers.append((b"content-length", b"%d" % (len(first) + int(length) + len(last))))
    begun = False

    async def wrapped() -> Scope:
        nonlocal begun
        message = await receive()
        if message["type"] != "http.request":
            return message
        body = message.get("body", b"")
        if not begun:
            begun, body = True, first + body
        if not message.get("more_body", False):
            body += last
        return {**message, "body": body}

    return {**scope, "headers": headers}, wrapped
