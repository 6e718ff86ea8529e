"""uvicorn with the FastAPI application, on the socket that nginx forwards to.

uvicorn's own `workers` load the application once each. Here the model is loaded first and
the workers are forked, so that they share its memory, where the framework survives that.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback

import uvicorn

from inference import is_shared, load_in_workers
from settings import settings

QUICK_S = 5  # a worker that ends sooner than this after its start will not do better next time


def run_worker(listener: socket.socket) -> None:
    from app import app, service

    service.warm_up()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=20)
    uvicorn.Server(config).run(sockets=[listener])


def start_worker(listener: socket.socket, workers: dict[int, float]) -> None:
    # SIGTERM waits meanwhile: it must reach the worker too, and never find it half made
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            run_worker(listener)
            status = 0
        except BaseException:
            traceback.print_exc()
        os._exit(status)  # never back into the loop of the parent
    workers[pid] = time.monotonic()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def main() -> int:
    if is_shared():
        from app import service  # loads the model, which the workers then find loaded

        load_in_workers(service)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(settings.socket))
    listener.listen(2048)

    workers: dict[int, float] = {}  # process id -> when it was started
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        for pid in workers:
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while len(workers) < settings.workers and not stopping:
        start_worker(listener, workers)
    while workers:
        pid, status = os.wait()
        started = workers.pop(pid, 0.0)
        if stopping:
            continue
        print(f"a worker ended with status {os.waitstatus_to_exitcode(status)}", file=sys.stderr, flush=True)
        if time.monotonic() - started < QUICK_S:
            return 1  # `serve` ends the other workers
        start_worker(listener, workers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
