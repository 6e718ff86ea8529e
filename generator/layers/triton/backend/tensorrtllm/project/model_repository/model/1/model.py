"""TensorRT-LLM behind Triton: each request is handed to the engine, which batches those in flight by itself."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

# Requests that wait for the engine at once; it decides how many of them it works on.
IN_FLIGHT = 256
FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


def load(options: dict[str, Any]) -> Any:
    """The engine: built before, when the folder has one, or made of the checkpoint now."""
    folder = Path(options["model"])
    if (folder / "rank0.engine").is_file():
        # Layout of a built engine: engine/ with its files, tokenizer/ beside it.
        try:
            from tensorrt_llm._tensorrt_engine import LLM
        except ModuleNotFoundError:
            # Up to 0.21 the class that loads engines has the usual name; a later release without it loads none.
            import tensorrt_llm

            if not tensorrt_llm.__version__.startswith("0."):
                raise RuntimeError(
                    f"TensorRT-LLM {tensorrt_llm.__version__} no longer loads engines that were built before: "
                    "serve the checkpoint, or take an image with the release that built the engine"
                ) from None
            LLM = tensorrt_llm.LLM
        if (folder.parent / "tokenizer").is_dir():
            options.setdefault("tokenizer", str(folder.parent / "tokenizer"))
    else:
        from tensorrt_llm import LLM
    return LLM(**options)


class TritonPythonModel:
    """The only instance: it holds the engine, which may be split over several GPUs."""

    def initialize(self, args: dict[str, str]) -> None:
        folder = Path(args["model_repository"]) / args["model_version"]
        self.llm = load(json.loads((folder / "model.json").read_text(encoding="utf-8")))
        self.pool = ThreadPoolExecutor(IN_FLIGHT)

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            self.pool.submit(self.answer, request, request.get_response_sender())

    def answer(self, request: Any, sender: Any) -> None:
        try:
            prompt = value(request, "text_input", b"").decode()
            echo = "" if value(request, "exclude_input_in_output", False) else prompt
            sampling = sampling_of(value(request, "sampling_parameters", b"{}"))
            if value(request, "stream", False):
                self.stream(prompt, echo, sampling, sender)
            else:
                result = self.llm.generate_async(prompt, sampling).result()
                sender.send(text(echo + result.outputs[0].text))
            sender.send(flags=FINAL)
        except Exception as error:
            # Whatever it is, the caller must get an answer, and other requests are not its business.
            response = pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(str(error)))
            sender.send(response, flags=FINAL)

    def stream(self, prompt: str, echo: str, sampling: Any, sender: Any) -> None:
        result = self.llm.generate_async(prompt, sampling, streaming=True)
        sent = 0
        for partial in result:
            if sender.is_cancelled():
                result.abort()
                return
            piece = partial.outputs[0].text
            if len(piece) > sent:
                sender.send(text(echo + piece[sent:]))
                echo, sent = "", len(piece)

    def finalize(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.llm.shutdown()


def value(request: Any, name: str, default: Any) -> Any:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return default if tensor is None else tensor.as_numpy().flatten()[0]


def sampling_of(given: bytes) -> Any:
    """The engine's sampling parameters, from an object in JSON."""
    from tensorrt_llm import SamplingParams

    fields = json.loads(given)
    if not isinstance(fields, dict):
        raise ValueError("sampling_parameters must be an object in JSON")
    return SamplingParams(**fields)


def text(content: str) -> Any:
    tensor = pb_utils.Tensor("text_output", np.array([content.encode()], dtype=np.object_))
    return pb_utils.InferenceResponse(output_tensors=[tensor])
