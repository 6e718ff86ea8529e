"""From a request to its answer, whatever the web server: app.py only hands over bytes and headers."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import codec
from model_handler import ModelHandler
from settings import settings

logging.basicConfig(stream=sys.stderr, level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
log = logging.getLogger("inference")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = codec.JSON


def as_json(status: int, content: dict[str, Any]) -> Reply:
    """An answer with a JSON object, such as {"error": reason}."""
    return Reply(status, (json.dumps(content) + "\n").encode())


def refuse(status: int, reason: str) -> Reply:
    """An answer to a request that is wrong; a reason can quote the request, so it is cut."""
    reason = reason if len(reason) <= 500 else reason[:500] + "..."
    log.warning("rejected (%d): %s", status, reason)
    return as_json(status, {"error": reason})


class Service:
    """The model behind /ping and /invocations.

    A model that cannot be loaded does not end the process: /ping says 503 with the reason,
    which is then in the log as well, and SageMaker sends no traffic.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self.handler: ModelHandler | None = None
        self._one_at_a_time = threading.Lock()  # parallel predictions come from parallel workers
        self._busy_since: float | None = None
        started = time.monotonic()
        try:
            if not settings.model_path.exists():
                raise ValueError("there is no such file or folder in the image")
            self.handler = ModelHandler(settings.model_path)
        except Exception as error:  # whatever a foreign file makes its loader raise
            self.problem = f"cannot load {settings.model_path}: {error}"
            log.error(self.problem, exc_info=not isinstance(error, ValueError))
        else:
            log.info("loaded %s in %.1f s", settings.model_path, time.monotonic() - started)

    def warm_up(self) -> None:
        """Predict once, so that the first caller does not wait and /ping knows that the model can.

        With a warm_up.json (a request in JSON) beside the model, that must work. Otherwise a
        record of zeros is tried, which a model may well refuse: that is no fault.
        """
        if self.handler is None or self.problem:
            return
        example = settings.model_path.parent / "warm_up.json"
        try:
            if example.exists():
                records = codec.decode(example.read_bytes(), codec.JSON)
            else:
                records = self.handler.example()
            if records:
                self._predict(self.handler, records)
        except Exception as error:
            if example.exists():
                self.problem = f"the model cannot predict {example}: {error}"
                log.exception("the model cannot predict %s", example)
            else:
                log.info("no warm-up, the model refuses a record of zeros: %s", error)

    def ping(self) -> Reply:
        """200 if, and only if, the model is loaded and can predict."""
        busy_since = self._busy_since
        if self.problem is None and busy_since is not None and time.monotonic() - busy_since > settings.timeout_s:
            return as_json(503, {"error": f"a prediction has taken more than {settings.timeout_s} s"})
        return as_json(503, {"error": self.problem}) if self.problem else as_json(200, {"status": "ready"})

    def execution_parameters(self) -> Reply:
        """What batch transform asks for, where a job does not say it itself."""
        concurrent = min(settings.workers, 100)
        payload = min(settings.max_body_mb, 100 // concurrent)  # SageMaker: their product is 100 MB at most
        return as_json(
            200,
            {"MaxConcurrentTransforms": concurrent, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": payload},
        )

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Reply:
        """Answer one request: 200, 4xx with the reason if the caller is wrong, 500 if we are."""
        try:
            kind, header = codec.input_type(content_type or settings.content_type)
            wanted = codec.output_type(accept or "", kind)
            if self.handler is None or self.problem:
                return as_json(503, {"error": self.problem})
            if len(body) > settings.max_body_mb * 2**20:
                raise codec.Rejected(413, f"the body is larger than {settings.max_body_mb} MB")
            predictions = self._predict(self.handler, codec.decode(body, kind, header))
            return Reply(200, codec.encode(predictions, wanted), wanted)
        except codec.Rejected as error:
            return refuse(error.status, error.reason)
        except (ValueError, OverflowError) as error:  # what codec, handler and frameworks raise for bad input
            return refuse(400, str(error))
        except Exception:
            log.exception("prediction failed")
            return as_json(500, {"error": "the prediction failed: see the log of the container"})

    def _predict(self, handler: ModelHandler, records: list[Any]) -> list[Any]:
        with self._one_at_a_time:
            self._busy_since = time.monotonic()
            try:
                predictions = handler.predict(records)
            finally:
                self._busy_since = None
        if len(predictions) != len(records):
            raise RuntimeError(f"{len(predictions)} predictions for {len(records)} records")
        return predictions
