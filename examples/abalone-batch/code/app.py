"""The FastAPI application: routes, and nothing else. What they do is in inference.py."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from inference import Reply, Service, as_json

app = FastAPI(title="Model")
service = Service()


def respond(reply: Reply) -> Response:
    return Response(reply.body, reply.status, headers={"Content-Type": reply.content_type})


@app.get("/ping")
async def ping() -> Response:
    return respond(service.ping())


@app.post("/invocations")
async def invocations(request: Request) -> Response:
    body = await request.body()
    content_type, accept = request.headers.get("content-type"), request.headers.get("accept")
    # off the event loop, so that /ping is answered while the model computes
    return respond(await run_in_threadpool(service.invoke, body, content_type, accept))


@app.get("/execution-parameters")
async def execution_parameters() -> Response:
    return respond(service.execution_parameters())


@app.exception_handler(HTTPException)
async def refuse(_request: Request, error: HTTPException) -> Response:
    """FastAPI's own refusals (unknown path, wrong method) as JSON, like ours."""
    return respond(as_json(error.status_code, {"error": error.detail}))
