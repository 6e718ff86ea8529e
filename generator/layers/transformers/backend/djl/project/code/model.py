"""Handler of DJL Serving: text generation with Hugging Face Transformers.

The server calls `handle` for each request, and once with an empty input when it starts, which loads the model.
Requests are chats (`messages`), completions (`prompt`) or `inputs` with `parameters`; `"stream": true` answers
with JSON Lines.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from djl_python import Input, Output

from loading import load_model

# Parameters of a request by their name in the OpenAI API, and in generate().
PARAMETERS = {
    "max_tokens": "max_new_tokens",
    "max_completion_tokens": "max_new_tokens",
    "max_new_tokens": "max_new_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "repetition_penalty": "repetition_penalty",
    "stop": "stop_strings",
    "do_sample": "do_sample",
}
DEFAULT_NEW_TOKENS = 256


class BadRequest(Exception):
    """What is wrong with a request, for who sent it."""


class Generator:
    """The model, its tokenizer and what the properties say of them."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        from transformers import AutoTokenizer

        self.name = str(properties["model_id"])
        limit = properties.get("max_model_len")
        self.limit = int(limit) if limit else None
        common: dict[str, Any] = {"trust_remote_code": str(properties.get("trust_remote_code")).lower() == "true"}
        if properties.get("revision"):
            common["revision"] = properties["revision"]
        self.tokenizer = AutoTokenizer.from_pretrained(self.name, **common)
        arguments = {**common, **json.loads(properties.get("load_arguments") or "{}")}
        self.model = load_model(self.name, properties, arguments)
        self.model.eval()
        logging.info("loaded %s", self.name)

    def prompt_of(self, body: Mapping[str, Any]) -> str:
        if "messages" in body:
            if not isinstance(body["messages"], list):
                raise BadRequest("messages must be a list")
            try:
                return self.tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True)
            except Exception as error:
                raise BadRequest(f"the chat template refuses the messages: {error}") from error
        text = body.get("prompt", body.get("inputs"))
        if not isinstance(text, str):
            raise BadRequest("send messages, a prompt or inputs; the latter two are text")
        return text

    def prepared(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of generate()."""
        chat = "messages" in body
        encoded = self.tokenizer(self.prompt_of(body), return_tensors="pt", add_special_tokens=not chat)
        arguments = options_of(body)
        length = encoded["input_ids"].shape[-1]
        wanted = arguments.setdefault("max_new_tokens", DEFAULT_NEW_TOKENS)
        if self.limit is not None and length + wanted > self.limit:
            raise BadRequest(f"{length} tokens of prompt and {wanted} new ones are over the limit of {self.limit}")
        if "stop_strings" in arguments:
            arguments["tokenizer"] = self.tokenizer
        if self.tokenizer.pad_token_id is None:
            arguments["pad_token_id"] = self.tokenizer.eos_token_id
        return {**encoded.to(self.model.device), **arguments}

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        import torch

        arguments = self.prepared(body)
        length = arguments["input_ids"].shape[-1]
        with torch.inference_mode():
            tokens = self.model.generate(**arguments)[0][length:]
        reason = "length" if len(tokens) >= arguments["max_new_tokens"] else "stop"
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        usage = {
            "prompt_tokens": length,
            "completion_tokens": len(tokens),
            "total_tokens": length + len(tokens),
        }
        return answer(self.name, body, text, reason, usage)

    def stream(self, body: Mapping[str, Any]) -> Iterator[str]:
        from transformers import TextIteratorStreamer

        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        arguments = {**self.prepared(body), "streamer": streamer}
        failed: list[BaseException] = []

        def run() -> None:
            try:
                self.model.generate(**arguments)
            except BaseException as error:
                failed.append(error)
                streamer.end()

        threading.Thread(target=run, daemon=True).start()

        def lines() -> Iterator[str]:
            for text in streamer:
                yield json.dumps({"token": {"text": text}}, ensure_ascii=False) + "\n"
            if failed:
                logging.error("generation failed", exc_info=failed[0])
                yield json.dumps({"error": {"message": "generation failed"}}) + "\n"

        return lines()


def options_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of generate() that the request gives. Without a temperature the most likely token is taken."""
    given = {**body, **(body.get("parameters") or {})}
    options = {PARAMETERS[name]: value for name, value in given.items() if name in PARAMETERS and value is not None}
    tokens = options.get("max_new_tokens", 1)
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
        raise BadRequest("max_tokens must be a whole number from 1")
    temperature = options.get("temperature", 0)
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or temperature < 0:
        raise BadRequest("temperature must be a number from 0")
    if temperature == 0:
        for name in ("temperature", "top_p", "top_k"):
            options.pop(name, None)
    options.setdefault("do_sample", temperature > 0)
    return options


def answer(model: str, body: Mapping[str, Any], text: str, reason: str, usage: dict[str, int]) -> dict[str, Any]:
    if "inputs" in body:
        return {"generated_text": text}
    chat = "messages" in body
    choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
    choice.update({"message": {"role": "assistant", "content": text}} if chat else {"text": text})
    return {
        "id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}",
        "object": "chat.completion" if chat else "text_completion",
        "created": int(time.time()),
        "model": body.get("model", model),
        "choices": [choice],
        "usage": usage,
    }


def body_of(inputs: Input) -> dict[str, Any]:
    try:
        body = inputs.get_as_json()
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be one JSON object")
    return body


generator: Generator | None = None


def handle(inputs: Input) -> Output | None:
    global generator
    if generator is None:
        generator = Generator(inputs.get_properties())
    if inputs.is_empty():
        return None
    output = Output()
    try:
        body = body_of(inputs)
        if body.get("stream") is True:
            content = generator.stream(body)
            output.add_property("content-type", "application/jsonlines")
            output.add_stream_content(content)
            return output
        output.add_property("content-type", "application/json")
        return output.add_as_json(generator.complete(body))
    except BadRequest as error:
        return Output().error(str(error), code=400, message="bad request")
