"""Request bodies to records, predictions to response bodies: JSON, JSON Lines and CSV.

A record is what one prediction is made from: a list of features, an object of named ones, or a text. JSON says
which of its values are text and which are numbers. CSV does not, so its cells stay what they are until somebody
who knows the type of the column (columns.py) reads them.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

JSON = "application/json"
JSON_LINES = "application/jsonlines"
CSV = "text/csv"
TEXT = "text/plain"  # a text on each line, for models that take texts
ALIASES = {
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/csv": CSV,
}
SUPPORTED = (JSON, JSON_LINES, CSV)


class Cell(str):
    """The text of a CSV cell: a number, a text or nothing, as the column has it."""

    __slots__ = ()


class BadInput(ValueError):
    """What is wrong with a request, in words of our own: nothing that a framework said."""


class Rejected(Exception):
    """A request that cannot be answered as it is asked: an HTTP status and the reason for the caller."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def input_type(header: str) -> tuple[str, bool]:
    """The format that a Content-Type names, and whether it says that the first CSV line is a header."""
    name, *parameters = (part.strip().lower() for part in header.split(";"))
    kind = ALIASES.get(name, name)
    if kind not in (*SUPPORTED, TEXT):
        raise Rejected(415, f"content type {name!r} is not supported: send one of {', '.join(SUPPORTED)}")
    return kind, "header=present" in parameters


def output_type(header: str, source: str) -> str:
    """The format to answer in: the most wanted one of an Accept header, by default that of the request."""
    source = JSON_LINES if source == TEXT else source
    wanted: list[tuple[float, str]] = []
    for media_range in header.split(","):
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            wanted.append((float(quality), ALIASES.get(name, name)))
        except ValueError:
            raise Rejected(400, f"cannot read q={quality!r} in the Accept header") from None
    for quality, kind in sorted(wanted, key=lambda item: -item[0]):  # a stable sort: first named, first served
        kind = {"": source, "*/*": source, "application/*": JSON, "text/*": CSV}.get(kind, kind)
        if quality > 0 and kind in SUPPORTED:
            return kind
    raise Rejected(406, f"cannot answer in {header!r}: accept one of {', '.join(SUPPORTED)}")


def decode(body: bytes, kind: str, header: bool = False, texts: bool = False, single: bool = False) -> list[Any]:
    """The records of a request body. Raises BadInput, with the reason, for a body that has none.

    With `texts` a record is a text, so a list of strings is a list of records. With `single` a record has one
    value, so that an empty line between others in CSV is a record with nothing in it.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the body is not UTF-8 text: {error.reason} at byte {error.start}") from None
    if not text.strip():
        raise BadInput("the body is empty")
    if kind == TEXT:
        if not texts:
            raise Rejected(415, f"this model takes no plain texts: send one of {', '.join(SUPPORTED)}")
        records: list[Any] = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    elif kind == CSV:
        records = _from_csv(text, header, texts or single)
    elif kind == JSON_LINES:
        lines = enumerate(text.split("\n"), start=1)
        records = [_unwrap(_parse(line, f"line {number}: ")) for number, line in lines if line.strip()]
    else:
        records = _from_json(_parse(text, ""), texts)
    if not records:
        raise BadInput("the body holds no records")
    return records


def _parse(text: str, where: str) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON: write null for a missing value")

    try:
        return json.loads(text, parse_constant=refuse, parse_float=_finite_float)
    except ValueError as error:
        raise BadInput(f"{where}malformed JSON: {error}") from None
    except RecursionError:
        raise BadInput(f"{where}malformed JSON: nested too deeply") from None


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number")
    return number


def _from_json(document: Any, texts: bool) -> list[Any]:
    if isinstance(document, dict) and "instances" in document:
        document = document["instances"]
        if not isinstance(document, list):
            raise BadInput('"instances" must be a list of records')
    elif isinstance(document, dict) or (texts and isinstance(document, str)):
        document = [document]  # one bare record
    elif not isinstance(document, list):
        raise BadInput('expected {"instances": [record, ...]}, a list of records, or one record')
    elif document and not texts and not _nested(document):
        document = [document]
    return [_unwrap(record) for record in document]


def _nested(items: list[Any]) -> bool:
    return any(isinstance(item, (list, dict)) for item in items)


def _unwrap(record: Any) -> Any:
    """SageMaker's own form of a record is {"features": [...]}."""
    if isinstance(record, dict) and record.keys() == {"features"} and isinstance(record["features"], list):
        return record["features"]
    if isinstance(record, dict) and "instances" in record:
        raise BadInput('with JSON Lines each line is one record, not {"instances": [...]}')
    return record


def _from_csv(text: str, header: bool, single: bool) -> list[Any]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadInput(f"malformed CSV: {error}") from None
    while rows and not rows[-1]:
        rows.pop()
    rows = [row or [""] for row in rows] if single else [row for row in rows if row]
    if not header:
        return [[Cell(cell) for cell in row] for row in rows]
    names = [name.strip() for name in rows.pop(0)]
    if len(set(names)) < len(names):
        raise BadInput("the header names a column twice")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise BadInput(f"record {number} has {len(row)} cells, the header {len(names)}")
    return [dict(zip(names, map(Cell, row), strict=True)) for row in rows]


def table(records: list[Any], names: Sequence[str] = (), width: int | None = None) -> list[list[Any]]:
    """Records as rows of equal length, named features in the order of `names`. BadInput names a wrong record."""
    if not names and isinstance(records[0], dict):
        raise BadInput("the model does not know its features by name: send lists of features in training order")
    rows = []
    for number, record in enumerate(records, start=1):
        if isinstance(record, dict):
            missing = [name for name in names if name not in record]
            unknown = [name for name in record if name not in names]
            if missing or unknown:
                raise BadInput(f"record {number}: missing features {missing}, unknown features {unknown}")
            record = [record[name] for name in names]
        if not isinstance(record, list):
            raise BadInput(f"record {number} must be a list of features or an object of named ones")
        width = len(record) if width is None else width
        if len(record) != width:
            raise BadInput(f"record {number} has {len(record)} features, expected {width}")
        if _nested(record):
            raise BadInput(f"record {number}: a feature must be a number, a string, true, false or null")
        rows.append(record)
    return rows


def encode(predictions: list[Any], kind: str) -> bytes:
    """Predictions as a response body. JSON has no NaN or infinity: they become null; CSV writes nan and inf."""
    if kind == CSV:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for prediction in predictions:
            row = prediction if isinstance(prediction, list) else [prediction]
            if isinstance(prediction, dict) or _nested(row):
                raise Rejected(406, f"the predictions of this model are no table: accept {JSON} or {JSON_LINES}")
            writer.writerow(row)
        return text.getvalue().encode()
    finite = [_finite(prediction) for prediction in predictions]
    if kind == JSON_LINES:
        return "".join(json.dumps({"prediction": item}, default=_plain) + "\n" for item in finite).encode()
    return (json.dumps({"predictions": finite}, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    """A number of numpy as Python's own."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a prediction is a {type(value).__name__}, which JSON has not")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):  # TensorFlow's strings
        return value.decode(errors="replace")
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
