"""Run the model server as the container's main process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

DRAIN_S = 25  # SageMaker and Kubernetes kill 30 s after SIGTERM


def log(message: str) -> None:
    print(f"serve: {message}", file=sys.stderr, flush=True)


def supervise(command: Sequence[str], environ: Mapping[str, str], *, group: bool = False) -> int:
    """Start `command` and return the status that the container ends with.

    Signals are passed on. A server that ends by itself has failed, whatever its own status says: engines
    are known to end with 0 after their workers have died, and a container that ends with 0 looks stopped
    on purpose. `group` is for commands that are scripts, which do not pass signals on: all that they
    started gets them.
    """
    stopping: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def send(number: int) -> None:
        if child is None:
            return
        if not group:
            child.send_signal(number)
            return
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            pass

    def pass_on(number: int, _frame: object) -> None:
        stopping.append(number)
        send(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    try:
        child = subprocess.Popen(command, env=dict(environ), start_new_session=group)
    except OSError as error:
        log(f"cannot start {command[0]}: {error}")
        return 127
    if stopping:
        send(stopping[0])
    killed_at = None
    while child.poll() is None:
        try:
            child.wait(0.5)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if stopping and killed_at is None:
                killed_at = now + DRAIN_S
            elif killed_at is not None and now > killed_at:
                log(f"the server did not end within {DRAIN_S} s: killed")
                send(signal.SIGKILL)
                child.wait()
    status = child.returncode
    if stopping:
        if group:
            drain(child.pid)
        return 0
    if status < 0:
        status = 128 - status
    log(f"the server ended by itself with status {status}")
    return status or 1


def drain(group: int) -> None:
    """Wait for what a script that has ended left behind; as the first process of the container we inherit it."""
    until = time.monotonic() + DRAIN_S
    while time.monotonic() < until:
        try:
            os.waitpid(-group, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(0.2)
