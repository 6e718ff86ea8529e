"""A client of the API server, as small as the other files here need it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

Object = dict[str, Any]
MERGE = "application/merge-patch+json"


class Api:
    def __init__(self, server: str, token: str, authority: str) -> None:
        self.server, self.token = server, token
        self.context = ssl.create_default_context(cadata=authority)

    def call(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, "Accept": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.msg = f"{method} {path}: {error.read().decode()[:2000]}"
            raise

    def find(self, path: str) -> Object | None:
        try:
            return self.call("GET", path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def items(self, path: str) -> list[Object]:
        return self.call("GET", path)["items"]

    def patch(self, path: str, body: Object) -> Object:
        return self.call("PATCH", path, body, MERGE)
