"""Only what the container's entry point calls."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def root() -> Path:
    return Path(os.environ["STUB_AWS"])


class Paginator:
    """Pages of one object each: more than one page is the case to get right."""

    def paginate(self, **call: str) -> list[dict[str, Any]]:
        folder = root() / "s3" / call["Bucket"]
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        keys = [path.relative_to(folder).as_posix() for path in found]
        sizes = {key: path.stat().st_size for key, path in zip(keys, found, strict=True)}
        return [{"Contents": [{"Key": key, "Size": sizes[key]}]} for key in keys if key.startswith(call["Prefix"])] or [
            {}
        ]


class Client:
    def __init__(self, service: str, region: str | None) -> None:
        self.service, self.region = service, region

    def note(self, call: str) -> None:
        with (root() / "calls").open("a") as calls:
            calls.write(f"{self.service} {self.region} {call}\n")

    def get_paginator(self, _name: str) -> Paginator:
        return Paginator()

    def get_object(self, **call: str) -> dict[str, Any]:
        self.note(f"get_object {call['Key']}")
        return {"Body": (root() / "s3" / call["Bucket"] / call["Key"]).open("rb")}

    def get_secret_value(self, **call: str) -> dict[str, str]:
        self.note(f"get_secret_value {call['SecretId']}")
        secrets = json.loads((root() / "secrets.json").read_text())
        if call["SecretId"] not in secrets:
            raise RuntimeError("AccessDeniedException: not authorized to perform secretsmanager:GetSecretValue")
        return {"SecretString": secrets[call["SecretId"]]}


class Session:
    def get_config_variable(self, _name: str) -> str:
        return "us-east-1"

    def create_client(self, service: str, region_name: str | None = None) -> Client:
        return Client(service, region_name)


def get_session() -> Session:
    return Session()
