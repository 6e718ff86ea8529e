"""The WSGI application: routes, and nothing else. What they do is in inference.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from inference import Reply, Service, as_json

service = Service()


def answer(environ: dict[str, Any]) -> Reply:
    match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
        case "GET", "/ping":
            return service.ping()
        case "GET", "/execution-parameters":
            return service.execution_parameters()
        case "POST", "/invocations":
            body = environ["wsgi.input"].read()
            return service.invoke(body, environ.get("CONTENT_TYPE") or None, environ.get("HTTP_ACCEPT"))
        case _:
            return as_json(404, {"error": "there is no such path"})


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    reply = answer(environ)
    status = f"{reply.status} {HTTPStatus(reply.status).phrase}"
    start_response(status, [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))])
    return [reply.body]
