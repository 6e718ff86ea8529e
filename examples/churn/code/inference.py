"""From a request to its answer, whatever the web server: app.py only hands over bytes and headers."""

from __future__ import annotations

import json
import logging
import os
import re
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
    """An answer to a request that is wrong; a reason can quote the request, so it is one line and cut."""
    reason = printable(reason)
    reason = reason if len(reason) <= 500 else reason[:500] + "..."
    log.warning("rejected (%d): %s", status, reason)
    return as_json(status, {"error": reason})


def printable(text: str) -> str:
    """A text on one line, without characters that steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


# Of XGBoost: the time, a line of its C++, and the condition that does not hold.
PLACE = re.compile(r"^\s*\[[\d:]+\]\s*\S+:\d+:\s*(?:Check failed: [^:]*:\s*)?")
PATH = re.compile(r"(?<![\w.:/'\"])/(?:[\w.+@-]+/)+[\w.+@-]+(?::\d+)?:?")
MARKS = re.compile(r"\x1b\[[\d;]*m|\{\{.*?\}\}")  # of Keras and TensorFlow: colours, and nodes of a graph
NOISE = re.compile(
    r"^(Graph execution error:|Exception encountered when calling .*|Detected at node .*|Stack trace:.*|Traceback .*"
    r"|\s*File \".*)?$"
)


def foreign(error: BaseException) -> str:
    """What a framework or a model says, as one line for a caller: no stack, no place in its source, no path."""
    if isinstance(error, codec.BadInput):
        return str(error)
    text = str(error) if not isinstance(error, KeyError) else f"there is no {error}"
    lines = [PLACE.sub("", MARKS.sub("", line)) for line in text[:20_000].splitlines()]
    line = next((line for line in lines if not NOISE.match(line.strip())), "")
    line = " ".join(PATH.sub("", printable(line)).split())
    return line or f"the model refuses it ({type(error).__name__})"


def is_refusal(error: Exception) -> bool:
    """Whether an error of a model is about what it was given: a value, type, name or shape that it cannot take."""
    kinds = (ValueError, TypeError, OverflowError, LookupError, AttributeError)
    return isinstance(error, kinds) or type(error).__name__ == "LightGBMError"


def native_threads() -> int:
    """Threads of this process, those of libraries included; 1 where the system does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def load_in_workers(service: Service) -> None:
    """Start this process again, as one that leaves loading to its workers, if loading has started threads.

    Some models do (LightGBM's): no thread survives a fork, and a worker would wait for them for ever. Predicting
    starts them as well, so from here on this process does not predict: its workers do.
    """
    service.parent = os.getpid()
    if service.has_threads:
        log.info("loading the model starts threads: every worker loads its own")
        os.environ["LOAD_IN_WORKERS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def is_shared() -> bool:
    """Whether the model is loaded once, before the workers are forked."""
    return ModelHandler.fork_safe and "LOAD_IN_WORKERS" not in os.environ


class Service:
    """The model behind /ping and /invocations.

    A model that cannot be loaded does not end the process: /ping says 503 with the reason,
    which is then in the log as well, and SageMaker sends no traffic.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self.handler: ModelHandler | None = None
        self.worked: list[str] = []  # the requests that a check has shown to be answered
        self.record: Any = None  # a record that warming up has shown to be answered
        self.parent: int | None = None  # the process that forks the workers, if one has loaded the model for them
        self._one_at_a_time = threading.Lock()  # parallel predictions come from parallel workers
        self._decoding = threading.BoundedSemaphore(2)  # a body takes many times its size while it is read
        self._busy_since: float | None = None
        started = time.monotonic()
        threads = native_threads()
        try:
            if not settings.model_path.exists():
                raise ValueError("there is no such file or folder in the image")
            self.handler = ModelHandler(settings.model_path)
        except Exception as error:  # whatever a foreign file makes its loader raise
            self.problem = f"cannot load {settings.model_path}: {printable(str(error))[:2000]}"
            log.error(self.problem, exc_info=not isinstance(error, ValueError))
        else:
            log.info("loaded %s in %.1f s", settings.model_path, time.monotonic() - started)
        self.has_threads = native_threads() > threads

    def warm_up(self) -> None:
        """Predict once, so that the first caller does not wait and /ping knows that the model can.

        With a warm_up.json (a request in JSON) beside the model, that must work. Otherwise a record
        is made up from what the model says of its columns. A model may well refuse it: that is not a fault.
        """
        if self.handler is None or self.problem:
            return
        example = settings.model_path.parent / "warm_up.json"
        try:
            if example.exists():
                records = self._decode(self.handler, example.read_bytes(), codec.JSON)
            else:
                records = self.handler.example()
            if records:
                self._predict(self.handler, records)
                self.record = self._named(self.handler, records[0])
                self.worked.append(example.name if example.exists() else "a record made up from what the model says")
        except Exception as error:
            if example.exists():
                self.problem = f"the model cannot predict {example}: {foreign(error)}"
                log.exception("the model cannot predict %s", example)
            else:
                log.info("no warm-up, the model refuses a record that was made up: %s", foreign(error))

    def _named(self, handler: ModelHandler, record: Any) -> Any:
        """A record as an object, if the model has names for its features."""
        names = getattr(getattr(handler, "facts", None), "names", None)
        whole = names and isinstance(record, list) and len(names) == len(record)
        return dict(zip(names, record, strict=True)) if whole else record

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
            predictions = self._answer(self.handler, self._decode(self.handler, body, kind, header))
            return Reply(200, codec.encode(predictions, wanted), wanted)
        except codec.Rejected as error:
            return refuse(error.status, error.reason)
        except codec.BadInput as error:
            return refuse(400, str(error))
        except Exception:
            log.exception("prediction failed")
            return as_json(500, {"error": "the prediction failed: see the log of the container"})

    def _answer(self, handler: ModelHandler, records: list[Any]) -> list[Any]:
        """Predictions; what the model cannot take is BadInput, in one line."""
        try:
            return self._predict(handler, records)
        except Exception as error:
            if not is_refusal(error):
                raise
            if not isinstance(error, (ValueError, OverflowError)):  # may be a fault of the model's own code
                log.warning("the model refused a request", exc_info=True)
            raise codec.BadInput(foreign(error)) from error

    def _decode(self, handler: ModelHandler, body: bytes, kind: str, header: bool = False) -> list[Any]:
        texts, width = getattr(handler, "texts", False), getattr(handler, "width", None)
        with self._decoding:
            return codec.decode(body, kind, header, texts, single=width == 1)

    def _predict(self, handler: ModelHandler, records: list[Any]) -> list[Any]:
        if os.getpid() == self.parent:
            raise RuntimeError("the process that forks the workers must not predict")
        with self._one_at_a_time:
            self._busy_since = time.monotonic()
            try:
                predictions = handler.predict(records)
            finally:
                self._busy_since = None
        if len(predictions) != len(records):
            raise RuntimeError(f"{len(predictions)} predictions for {len(records)} records")
        return predictions
