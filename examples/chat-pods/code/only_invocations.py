"""What vLLM's port answers: GET /ping and POST /invocations, and nothing else.

The engine has paths beside them that pause it, exchange its weights or scale it, without any key, and on
Kubernetes every pod of the cluster reaches the port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

ANSWERED = frozenset({("GET", "/ping"), ("POST", "/invocations")})
NOT_FOUND = b'{"error": {"code": 404, "message": "there is GET /ping and POST /invocations"}}'

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
        path = scope["path"].removeprefix(scope.get("root_path") or "")
        if scope["type"] == "http" and (scope["method"], path) in ANSWERED:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(NOT_FOUND))]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": NOT_FOUND})
        else:
            # Before it is accepted, this refuses a web socket.
            await send({"type": "websocket.close", "code": 1000})
