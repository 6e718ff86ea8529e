"""Judge requests and answers of AWS calls, as they went over the wire, by botocore's own models and signer.

    oracle.py FILE KEY SECRET

FILE has one JSON object a line: service, operation, url, method, path, headers, body, status, answer. Exits 1 with one
line for each defect; prints how many calls it judged. hosts.txt beside this file is judged by botocore's endpoint rules.

    oracle.py --hosts

writes that file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import botocore.endpoint_provider
import botocore.exceptions
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests" / "oracle"))
from payloads import defects

NAMES = {"servicequotas": "service-quotas"}
session = botocore.session.get_session()


def signed(call: dict[str, Any], key: str, secret: str) -> str | None:
    """What is wrong with the signature, by botocore's own."""
    headers = call["headers"]
    words = dict(part.split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(", "))
    _, _, region, service, _ = words["Credential"].split("/")
    names = words["SignedHeaders"].split(";")
    kept = {name: headers[name] for name in names}
    request = AWSRequest(method=call["method"], url=call["url"] + call["path"], data=call["body"].encode(), headers=kept)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(key, secret), service, region)
    own = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if own != words["Signature"]:
        return f"{call['operation']}: botocore signs it otherwise"
    for name in ("host", "x-amz-date"):
        if name not in names:
            return f"{call['operation']}: {name} is not signed"
    return None


def judge(call: dict[str, Any]) -> list[str]:
    service = session.get_service_model(NAMES.get(call["service"], call["service"]))
    if call["operation"] not in service.operation_names:
        return [f"{call['service']} has no operation {call['operation']}"]
    operation = service.operation_model(call["operation"])
    where = f"{call['service']} {call['operation']}"
    found: list[str] = []
    if "targetPrefix" in service.metadata:
        target = f"{service.metadata['targetPrefix']}.{call['operation']}"
        if call["headers"].get("x-amz-target") != target:
            found.append(f"{where}: the target is not {target}")
        version = service.metadata["jsonVersion"]
        if call["headers"].get("content-type") != f"application/x-amz-json-{version}":
            found.append(f"{where}: the content type is not of JSON {version}")
        found += defects(operation.input_shape, json.loads(call["body"]), where)
        if call["status"] == 200:
            found += defects(operation.output_shape, json.loads(call["answer"]), f"{where} answered")
    else:
        form = dict(parse_qsl(call["body"], strict_parsing=True))
        if form.pop("Action") != call["operation"] or form.pop("Version") != service.metadata["apiVersion"]:
            found.append(f"{where}: action or version is another")
        if form:
            found.append(f"{where}: members of forms are not judged here: {form}")
    return found


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
    if sys.argv[1] == "--hosts":
        kept.write_text(hosts(), encoding="utf-8")
        return 0
    calls = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    found = [defect for call in calls for defect in judge(call)]
    if kept.read_text(encoding="utf-8") != hosts():
        found.append("hosts.txt is not what botocore's rules say: oracle.py --hosts")
    found += [defect for call in calls if (defect := signed(call, sys.argv[2], sys.argv[3]))]
    print("\n".join(sorted(set(found))) or f"{len(calls)} calls")
    return 1 if found or not calls else 0


if __name__ == "__main__":
    sys.exit(main())
