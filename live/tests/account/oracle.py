"""Judge calls of AWS and their answers by the service models in botocore.

oracle.py PAYLOADS FILE

FILE has what a stand-in recorded, one JSON object a line. PAYLOADS is the folder of payloads.py, whose checks are used.
Exits 1 with one line for each defect.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import botocore.session
from botocore import parsers
from botocore.model import OperationModel, Shape

sys.path.insert(0, sys.argv[1])
from payloads import defects

session = botocore.session.get_session()


def from_form(shape: Shape, form: dict[str, str], prefix: str) -> Any:
    """The members that a form has, by the names that the protocol of EC2 gives them."""
    if shape.type_name == "structure":
        out = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("queryName") or member.serialization.get("name", name)
            wire = wire[0].upper() + wire[1:]
            value = from_form(member, form, f"{prefix}{wire}")
            if value is not None:
                out[name] = value
        return out or (None if prefix else {})
    if shape.type_name == "list":
        out = []
        while True:
            name = f"{prefix}.{len(out) + 1}"
            inner = f"{name}." if shape.member.type_name == "structure" else name
            value = from_form(shape.member, form, inner)
            if value is None:
                return out or None
            out.append(value)
    value = form.pop(prefix, None)
    if value is not None and shape.type_name in {"integer", "long"}:
        return int(value)
    return value


def from_rest(operation: OperationModel, call: dict[str, Any]) -> dict[str, Any]:
    template, _, fixed = operation.http["requestUri"].partition("?")
    if call["service"] == "s3":
        # botocore's own endpoint rules put the bucket there.
        template = template if template.startswith("/{Bucket}") else "/{Bucket}" + template
    pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(template).replace("\\+", "\\+"))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
    found = re.fullmatch(pattern + "/?", call["path"])
    if not found or operation.http["method"] != call["method"]:
        raise ValueError(f"{call['method']} {call['path']} is not {operation.http}")
    query = dict(call["query"])
    for part in filter(None, fixed.split("&")):
        name, _, value = part.partition("=")
        if query.pop(name, None) != value:
            raise ValueError(f"{name}={value} is missing")
    out: dict[str, Any] = {}
    body = dict(call["input"] or {})
    for name, member in operation.input_shape.members.items():
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "uri":
            out[name] = found.group(wire)
        elif where == "querystring" and wire in query:
            value = query.pop(wire)
            out[name] = int(value) if member.type_name in {"integer", "long"} else value
        elif where is None and wire in body:
            out[name] = body.pop(wire)
    if body:
        raise ValueError(f"{sorted(body)} of the body are no members")
    if query:
        raise ValueError(f"{sorted(query)} are no members")
    return out


def judge(call: dict[str, Any]) -> list[str]:
    service = session.get_service_model(call["service"])
    where = f"{call['service']} {call['operation']}"
    try:
        operation = service.operation_model(call["operation"])
    except Exception:  # noqa: BLE001
        return [f"{where}: there is no such operation"]
    try:
        if service.metadata["protocol"] == "ec2":
            form = dict(call["input"])
            given = from_form(operation.input_shape, form, "")
            if form:
                return [f"{where}: {sorted(form)} are no members"]
        elif service.metadata["protocol"].startswith("rest"):
            given = from_rest(operation, call)
        else:
            given = call["input"]
    except ValueError as error:
        return [f"{where}: {error}"]
    found = list(defects(operation.input_shape, given, where))
    if call["status"] == 200 and call["method"] != "HEAD":
        found += answer(service, operation, call, where)
    return found


def answer(service: Any, operation: OperationModel, call: dict[str, Any], where: str) -> list[str]:
    protocol = service.metadata["protocol"]
    shape = operation.output_shape
    if call["operation"] == "GetObject":
        return []
    if protocol in {"json", "rest-json"}:
        # As it was sent: a parser drops what it does not know.
        return list(defects(shape, json.loads(call["body"]), f"{where} answers"))
    response = {"body": call["body"].encode(), "headers": call["headers"], "status_code": 200}
    parsed = parsers.create_parser(protocol).parse(response, shape)
    parsed.pop("ResponseMetadata", None)
    found = list(defects(shape, parsed, f"{where} answers"))
    # Whatever text is there must have been found under its name.
    told = set(re.findall(r">([^<>]+)</", call["body"]))
    text = json.dumps(parsed, default=str)
    lost = [one for one in told if not re.match(r"\d{4}-\d\d-\d\dT", one) and one not in text and one not in {"true", "false"}]
    return found + [f"{where} answers: {one!r} is no member" for one in lost]


def main() -> int:
    lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    found = sorted({defect for line in lines for defect in judge(json.loads(line))})
    for defect in found:
        print(defect)
    print(f"{len(lines)} calls, {len(found)} defects", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
