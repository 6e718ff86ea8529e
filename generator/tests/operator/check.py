"""Holds manifests against the operator's own schema: check.py SCHEMA FILE..., which may have documents of other kinds too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import yaml


def main(schema: str, paths: list[str]) -> int:
    validator = jsonschema.Draft7Validator(json.loads(Path(schema).read_text()))
    found, checked = 0, 0
    for path in paths:
        for document in yaml.safe_load_all(Path(path).read_text()):
            if document and document.get("kind") == "InferenceEndpointConfig":
                checked += 1
                for error in validator.iter_errors(document):
                    found += 1
                    print(f"{path}: {error.json_path}: {error.message}")
    if not checked:
        print("there is no InferenceEndpointConfig")
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
