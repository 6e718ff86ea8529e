"""What Triton calls: texts to records and back. The model itself is in handler.py, which is the file to edit."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

# The Python inside of Triton reads no PYTHONPATH, so the packages of requirements.txt are found by this.
sys.path[:0] = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
sys.path.insert(0, str(Path(__file__).resolve().parent))

from handler import Handler  # noqa: E402


class TritonPythonModel:
    """One instance of the model. Each text of a request is a record in JSON, each text of the answer a prediction."""

    def initialize(self, args: dict[str, str]) -> None:
        folder = Path(args["model_repository"]) / args["model_version"]
        self.handler = Handler(folder)

    def execute(self, requests: list[Any]) -> list[Any]:
        # Requests that were gathered are predicted in one call. One that is wrong spoils only its own answer.
        answers: list[Any] = [None] * len(requests)
        records: list[Any] = []
        spans: list[tuple[int, int, tuple[int, ...]]] = []
        for number, request in enumerate(requests):
            try:
                found, shape = read(request)
            except ValueError as error:
                answers[number] = refusal(error)
                continue
            spans.append((number, len(found), shape))
            records += found
        if spans:
            self.answer(records, spans, answers)
        return answers

    def answer(self, records: list[Any], spans: list[tuple[int, int, tuple[int, ...]]], answers: list[Any]) -> None:
        try:
            predictions = self.predict(records)
        except ValueError as error:
            if len(spans) == 1:
                answers[spans[0][0]] = refusal(error)
                return
            start = 0
            for span in spans:
                self.answer(records[start : start + span[1]], [span], answers)
                start += span[1]
            return
        start = 0
        for number, length, shape in spans:
            texts = [json.dumps(finite(item)) for item in predictions[start : start + length]]
            tensor = pb_utils.Tensor("prediction", np.array(texts, dtype=np.object_).reshape(shape))
            answers[number] = pb_utils.InferenceResponse(output_tensors=[tensor])
            start += length

    def predict(self, records: list[Any]) -> list[Any]:
        predictions = self.handler.predict(records)
        if len(predictions) != len(records):
            raise RuntimeError(f"the handler gave {len(predictions)} predictions for {len(records)} records")
        return predictions


def read(request: Any) -> tuple[list[Any], tuple[int, ...]]:
    """The records of a request, and the shape to answer in."""
    tensor = pb_utils.get_input_tensor_by_name(request, "record").as_numpy()
    records = []
    for row, text in enumerate(tensor.flatten(), start=1):
        try:
            records.append(json.loads(text, parse_constant=finite_number, parse_float=finite_number))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"record {row} is malformed JSON: {error}") from None
    return records, tensor.shape


def finite_number(text: str) -> float:
    """A number of JSON, which has no NaN and no infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is not a number of JSON: write null for a missing value")
    return value


def refusal(error: Exception) -> Any:
    """A caller gets one line, without what would steer a terminal."""
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    line = "".join(char if char.isprintable() else " " for char in line)[:500]
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(line, pb_utils.TritonError.INVALID_ARG))


def finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return value
