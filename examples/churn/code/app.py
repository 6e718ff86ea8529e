"""The Flask application: routes, and nothing else. What they do is in inference.py."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from inference import Reply, Service, as_json

app = Flask(__name__)
service = Service()


def respond(reply: Reply) -> Response:
    return Response(reply.body, reply.status, content_type=reply.content_type)


@app.get("/ping")
def ping() -> Response:
    return respond(service.ping())


@app.post("/invocations")
def invocations() -> Response:
    body = request.get_data(cache=False)
    return respond(service.invoke(body, request.headers.get("Content-Type"), request.headers.get("Accept")))


@app.get("/execution-parameters")
def execution_parameters() -> Response:
    return respond(service.execution_parameters())


@app.errorhandler(HTTPException)
def refuse(error: HTTPException) -> Response:
    """Flask's own refusals (unknown path, wrong method) as JSON, like ours."""
    return respond(as_json(error.code or 500, {"error": error.name}))
