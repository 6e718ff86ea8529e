"""A stand-in for the engine: the part of its interface that a project uses, without a GPU."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any


@dataclass
class SamplingParams:
    max_tokens: int = 32
    temperature: float | None = None


@dataclass
class Output:
    text: str


class Result:
    def __init__(self, text: str) -> None:
        self.text = text
        self.outputs = [Output("")]

    def result(self) -> Result:
        self.outputs = [Output(self.text)]
        return self

    def __iter__(self) -> Any:
        for end in range(0, len(self.text) + 9, 9):
            self.outputs = [Output(self.text[:end])]
            yield self


class LLM:
    def __init__(self, **options: Any) -> None:
        with open(os.environ["FAKE_ENGINE_SAW"], "w") as file:
            json.dump(options, file)

    def generate_async(self, prompt: str, sampling: SamplingParams, streaming: bool = False) -> Result:
        return Result(f"{sampling.max_tokens} tokens after {prompt}")

    def shutdown(self) -> None:
        pass
