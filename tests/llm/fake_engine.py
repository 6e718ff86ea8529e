#!/usr/bin/env python3
"""A stand-in for a serving engine: it notes how it was started, loads for a while, and serves until it is told to end.

FAKE_STATE names a folder: `started.json` appears in it with arguments and environment. FAKE_PORT is where it
listens whatever it was told, FAKE_LOAD_S how long it loads, FAKE_END what it does instead of loading: `exit:N` or
`kill:N`. A GET of /end/exit:N makes it end later. FAKE_STUBBORN makes it ignore SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def end(how: str) -> None:
    verb, number = how.split(":")
    if verb == "kill":
        os.kill(os.getpid(), int(number))
    os._exit(int(number))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/end/"):
            end(self.path.removeprefix("/end/"))
        self.send_response(200 if self.path == "/ping" else 404)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


def main() -> None:
    state = Path(os.environ["FAKE_STATE"])

    def stop(number: int, _frame: object) -> None:
        (state / "signals").open("a").write(f"{number}\n")
        if "FAKE_STUBBORN" not in os.environ:
            os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    started = {"argv": sys.argv[1:], "environ": dict(os.environ)}
    (state / "started.json.part").write_text(json.dumps(started))
    (state / "started.json.part").rename(state / "started.json")
    if "FAKE_END" in os.environ:
        end(os.environ["FAKE_END"])
    time.sleep(float(os.environ.get("FAKE_LOAD_S", "0")))
    HTTPServer(("127.0.0.1", int(os.environ["FAKE_PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
