"""Judge inputs of AWS calls by the service models in botocore.

payloads.py [--calls FILE]... [--operations FILE] [--project DIR]...

--calls FILE       calls that the stand-ins recorded, one JSON object a line: operation, api, input
--operations FILE  the stand-ins' table of operations: each must exist, with these members
--project DIR      the deploy/*.json of a generated project

Unlike botocore's own validation this checks enums, patterns and bounds as well. Exits 1 with one
line for each defect.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, Shape

SERVICES = {"s3api": "s3"}
# Commands of the CLI that are no operations of a service.
CUSTOM = {"s3 cp", "s3 sync", "s3 rm", "s3 ls", "logs tail", "ecr get-login-password", "eks update-kubeconfig"}
# Which operation a payload file of a project is for; what stands after a dot is only a label.
FILES = {
    "create-project": "codebuild",
    "create-repository": "ecr",
    "put-metric-alarm": "cloudwatch",
    "put-scaling-policy": "application-autoscaling",
    "register-scalable-target": "application-autoscaling",
    "tags": None,
    "environment": None,
}

session = botocore.session.get_session()


@cache
def service(name: str) -> Any:
    return session.get_service_model(SERVICES.get(name, name))


@cache
def operation(service_name: str, command: str) -> OperationModel:
    model = service(service_name)
    for name in model.operation_names:
        if xform_name(name, "-") == command:
            return model.operation_model(name)
    raise KeyError(f"{service_name} has no operation {command}")


def matches(pattern: str, value: str) -> bool:
    # The models use Java's classes; the nearest that Python's engine has, a little wider.
    pattern = pattern.replace(r"\p{L}", r"\w").replace(r"\p{Z}", r"\s").replace(r"\p{N}", r"\d")
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True  # a pattern that only Java understands


def bounds(shape: Shape, size: float, where: str, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"{where}: {what} {size} is below {low}"
    if high is not None and size > high:
        yield f"{where}: {what} {size} is above {high}"


def defects(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """What is wrong with `value` as a `shape`."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no object"
            return
        if getattr(shape, "is_document_type", False):
            return
        for name in sorted(set(shape.required_members) - set(value)):
            yield f"{where}: {name} is required"
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            yield f"{where}: exactly one of {sorted(shape.members)} must be there"
        for name, item in value.items():
            if name not in shape.members:
                yield f"{where}: there is no member {name}; there are {', '.join(shape.members)}"
            else:
                yield from defects(shape.members[name], item, f"{where}.{name}")
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        yield from bounds(shape, len(value), where, "the length")
        for index, item in enumerate(value):
            yield from defects(shape.member, item, f"{where}[{index}]")
    elif kind == "map":
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no map"
            return
        yield from bounds(shape, len(value), where, "the size")
        for name, item in value.items():
            yield from defects(shape.key, name, f"{where}: the key {name}")
            yield from defects(shape.value, item, f"{where}.{name}")
    elif kind in {"integer", "long", "float", "double"}:
        wanted = int if kind in {"integer", "long"} else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            yield f"{where}: {value!r} is no {kind}"
            return
        yield from bounds(shape, value, where, "")
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield f"{where}: {value!r} is neither true nor false"
    elif kind == "string":
        if not isinstance(value, str):
            yield f"{where}: {value!r} is no text"
            return
        yield from bounds(shape, len(value), where, "the length")
        enum = getattr(shape, "enum", [])
        if enum and value not in enum:
            yield f"{where}: {value!r} is none of {', '.join(enum[:12])}"
        pattern = shape.metadata.get("pattern")
        if pattern and not matches(pattern, value):
            yield f"{where}: {value!r} does not match {pattern}"


def judge(service_name: str, command: str, value: Any, where: str) -> list[str]:
    try:
        shape = operation(service_name, command).input_shape
    except KeyError as error:
        return [f"{where}: {error.args[0]}"]
    if shape is None:
        return [f"{where}: {command} takes no input"] if value else []
    return list(defects(shape, value, where))


def judge_calls(file: Path) -> tuple[int, list[str]]:
    found: list[str] = []
    count = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        call = json.loads(line)
        if call["operation"] in CUSTOM:
            continue
        count += 1
        service_name, command = call["operation"].split(" ")
        found += judge(service_name, command, call["input"], call["operation"])
    return count, found


def judge_operations(file: Path) -> tuple[int, list[str]]:
    found: list[str] = []
    lines = file.read_text(encoding="utf-8").splitlines()
    for line in lines:
        service_name, command, *members = line.split()
        if f"{service_name} {command}" in CUSTOM:
            continue
        try:
            shape = operation(service_name, command).input_shape
        except KeyError as error:
            found.append(str(error.args[0]))
            continue
        required = {m.rstrip("[]{}#?*!") for m in members if m.endswith("!")}
        known = set(shape.members) if shape else set()
        for name in (m.rstrip("[]{}#?*!") for m in members):
            # `outfile` is an argument of the CLI's own.
            if name not in known and name != "outfile":
                found.append(f"{line.split(' ', 2)[:2]}: there is no member {name}")
        for name in (shape.required_members if shape else []):
            if name not in required:
                found.append(f"{service_name} {command}: {name} is required")
    return len(lines), found


def judge_project(folder: Path) -> tuple[int, list[str]]:
    found: list[str] = []
    files = sorted((folder / "deploy").glob("*.json"))
    for file in files:
        command = file.name.split(".")[0]
        service_name = FILES.get(command, "sagemaker")
        if service_name:
            value = json.loads(file.read_text(encoding="utf-8"))
            found += judge(service_name, command, value, f"{folder.name}/deploy/{file.name}")
    return len(files), found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path, action="append", default=[])
    parser.add_argument("--operations", type=Path)
    parser.add_argument("--project", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    results = [judge_calls(file) for file in arguments.calls]
    results += [judge_project(folder) for folder in arguments.project]
    if arguments.operations:
        results.append(judge_operations(arguments.operations))
    found = sorted({defect for _, some in results for defect in some})
    for defect in found:
        print(defect)
    print(f"{sum(count for count, _ in results)} inputs, {len(found)} defects", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
