"""Judge requests and answers of AWS calls, as they went over the wire, by botocore's own models and signer.

    oracle.py FILE

FILE has one JSON object a line: service, operation, url, method, path, headers, body, status, answer. Exits 1 with one
line for each defect; prints how many calls it judged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests" / "oracle"))
from payloads import defects  # noqa: E402

NAMES = {"servicequotas": "service-quotas", "monitoring": "cloudwatch"}
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


def main() -> int:
    calls = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    found = [defect for call in calls for defect in judge(call)]
    found += [defect for call in calls if (defect := signed(call, sys.argv[2], sys.argv[3]))]
    print("\n".join(sorted(set(found))) or f"{len(calls)} calls")
    return 1 if found or not calls else 0


if __name__ == "__main__":
    sys.exit(main())
