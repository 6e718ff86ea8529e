"""Judge calls of AWS, their signatures and their answers by botocore's own models and signers.

oracle.py PAYLOADS FILE [SECRET]

FILE has what a stand-in recorded, one JSON object a line. PAYLOADS is the folder of payloads.py, whose checks are used;
SECRET is what the calls are signed with: without it signatures are not judged. Exits 1 with one line for each defect.

oracle.py PAYLOADS --hosts-hold    whether hosts.txt beside this file is what botocore's endpoint rules say
oracle.py PAYLOADS --hosts         writes that file
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import botocore.endpoint_provider
import botocore.exceptions
import botocore.session
from botocore import parsers
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import OperationModel, Shape

sys.path.insert(0, sys.argv[1])
from payloads import defects

# What signatures call services that botocore calls otherwise.
NAMES = {"servicequotas": "service-quotas"}
session = botocore.session.get_session()


def model_of(call: dict[str, Any]) -> Any:
    """The service that has the call's operation: signatures call two services of Bedrock by one name."""
    name = call["service"]
    if name == "bedrock" and call["operation"] not in session.get_service_model(name).operation_names:
        name = "bedrock-runtime"
    return session.get_service_model(NAMES.get(name, name))


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
    service = model_of(call)
    where = f"{call['service']} {call['operation']}"
    try:
        operation = service.operation_model(call["operation"])
    except Exception:  # noqa: BLE001
        return [f"{where}: there is no such operation"]
    try:
        if service.metadata["protocol"] in {"ec2", "query"}:
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


def signed(call: dict[str, Any], secret: str) -> list[str]:
    """What is wrong with the signature, by botocore's own."""
    first, *lines = call["head"].split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    words = dict(part.split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(", "))
    key, _, region, service, _ = words["Credential"].split("/")
    names = words["SignedHeaders"].split(";")
    kept = {name: headers[name] for name in names}
    url = f"http://{headers['host']}{target}"
    request = AWSRequest(method=method, url=url, data=call["sent"].encode(), headers=kept)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(key, secret), service, region)
    own = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    where = f"{service} {call['operation']}"
    found = [] if own == words["Signature"] else [f"{where}: botocore signs it otherwise"]
    return found + [f"{where}: {name} is not signed" for name in ("host", "x-amz-date") if name not in names]


REGIONS = ("us-east-1", "eu-west-2", "us-gov-west-1", "cn-north-1", "cn-northwest-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1")
SERVICES = ("sts", "pricing", "service-quotas", "sagemaker", "eks", "ec2", "ecr", "s3", "secretsmanager", "bedrock")


def hosts() -> str:
    """Where each service is, by botocore's rules: service, Region, whether FIPS and dual-stack, host."""
    loader = session.get_component("data_loader")
    partitions = loader.load_data("partitions")
    lines = []
    for name in SERVICES:
        service = session.get_service_model(name)
        rules = loader.load_service_model(name, "endpoint-rule-set-1")
        provider = botocore.endpoint_provider.EndpointProvider(rules, partitions)
        for region in REGIONS:
            for fips, dual in ((False, False), (True, False), (False, True), (True, True)):
                where = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
                bucket = {"Bucket": "bucket"} if name == "s3" else {}
                try:
                    url = provider.resolve_endpoint(**where, **bucket).url
                except botocore.exceptions.EndpointProviderError:
                    continue  # such endpoints are refused there
                host = url.removeprefix("https://").removeprefix("bucket.")
                lines.append(f"{service.service_id}|{region}|{int(fips)}|{int(dual)}|{host}")
    return "\n".join(lines) + "\n"


def main() -> int:
    kept = Path(__file__).parent / "hosts.txt"
    if sys.argv[2] == "--hosts":
        kept.write_text(hosts(), encoding="utf-8")
        return 0
    if sys.argv[2] == "--hosts-hold":
        holds = kept.read_text(encoding="utf-8") == hosts()
        print("" if holds else "hosts.txt is not what botocore's rules say: --hosts writes it")
        return 0 if holds else 1
    lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    calls = [json.loads(line) for line in lines]
    secret = sys.argv[3] if len(sys.argv) > 3 else None
    of_all = ([*judge(call), *(signed(call, secret) if secret else [])] for call in calls)
    found = sorted({defect for of_one in of_all for defect in of_one})
    for defect in found:
        print(defect)
    print(f"{len(lines)} calls, {len(found)} defects", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
