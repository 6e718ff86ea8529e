"""The handler of DJL Serving, with a Transformers that this file plays. usage: handler_check.py FOLDER, a code/."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import types
import unittest
from typing import Any, ClassVar

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))


class Output:
    """What djl_python's does, as far as a handler sees it."""

    def __init__(self) -> None:
        self.code, self.properties, self.content, self.streamed = 200, {}, None, None

    def add_property(self, name: str, value: str) -> Output:
        self.properties[name] = value
        return self

    def add_as_json(self, value: object) -> Output:
        self.content = json.loads(json.dumps(value))
        return self

    def add_stream_content(self, content: Any) -> None:
        self.streamed = content

    def error(self, error: str, code: int = 424, message: str = "") -> Output:
        self.code, self.content = code, {"code": code, "message": message, "error": error}
        return self


class Input:
    def __init__(self, body: bytes | None, **properties: str) -> None:
        self.body, self.properties = body, properties

    def is_empty(self) -> bool:
        return self.body is None

    def get_properties(self) -> dict[str, str]:
        return self.properties

    def get_as_json(self) -> Any:
        return json.loads(self.body)


class Ids(list):
    @property
    def shape(self) -> tuple[int, int]:
        return (1, len(self[0]))


class Encoded(dict):
    def to(self, _device: str) -> Encoded:
        return self


class Tokenizer:
    pad_token_id = None
    eos_token_id = 2

    def __call__(self, text: str, **_: Any) -> Encoded:
        return Encoded(input_ids=Ids([text.split()]))

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> str:
        if messages and messages[0].get("role") == "system":
            raise ValueError("no system prompts")
        return "<user> " + messages[0]["content"]

    def decode(self, tokens: list[str], **_: Any) -> str:
        return " ".join(tokens)


class Model:
    device = "cuda:0"
    asked: ClassVar[dict[str, Any]] = {}

    def eval(self) -> None:
        pass

    def generate(self, input_ids: Ids, **arguments: Any) -> Ids:
        Model.asked = arguments
        words = ["one", "two", "three"][: arguments["max_new_tokens"]]
        if "streamer" in arguments:
            if arguments.get("top_k") == 13:
                raise RuntimeError("out of memory")
            for word in words:
                arguments["streamer"].put(word)
            arguments["streamer"].end()
        return Ids([[*input_ids[0], *words]])


class Streamer:
    def __init__(self, *_: Any, **__: Any) -> None:
        self.words: list[str | None] = []
        self.ready = threading.Condition()

    def put(self, word: str | None) -> None:
        with self.ready:
            self.words.append(word)
            self.ready.notify()

    def end(self) -> None:
        self.put(None)

    def __iter__(self) -> Any:
        while True:
            with self.ready:
                self.ready.wait_for(lambda: self.words, 10)
                word = self.words.pop(0)
            if word is None:
                return
            yield word


loaded: dict[str, Any] = {}


def from_pretrained(what: Any) -> Any:
    def load(name: str, **arguments: Any) -> Any:
        loaded[what.__name__] = (name, arguments)
        return what()

    return types.SimpleNamespace(from_pretrained=load)


sys.modules["djl_python"] = types.SimpleNamespace(Input=Input, Output=Output)
sys.modules["torch"] = types.SimpleNamespace(inference_mode=contextlib.nullcontext)
sys.modules["transformers"] = types.SimpleNamespace(
    __version__="5.3.0",
    AutoModelForCausalLM=from_pretrained(Model),
    AutoTokenizer=from_pretrained(Tokenizer),
    TextIteratorStreamer=Streamer,
)

import model

PROPERTIES = {
    "model_id": "/opt/ml/model", "dtype": "bf16", "trust_remote_code": "true", "revision": "v1", "max_model_len": "20",
    "load_arguments": '{"attn_implementation":"sdpa"}',
}  # fmt: skip


def ask(body: object) -> Output:
    return model.handle(Input(json.dumps(body).encode(), **PROPERTIES))


class HandlerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        assert model.handle(Input(None, **PROPERTIES)) is None, "the first call is empty and only loads"

    def test_it_loads_what_the_properties_say(self) -> None:
        name, arguments = loaded["Model"]
        self.assertEqual(name, "/opt/ml/model")
        self.assertEqual(
            arguments,
            {
                "device_map": "auto", "dtype": "bfloat16", "trust_remote_code": True, "revision": "v1",
                "attn_implementation": "sdpa",
            },
        )  # fmt: skip

    def test_chats_completions_and_inputs(self) -> None:
        chat = ask({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}).content
        self.assertEqual(chat["choices"][0]["message"], {"role": "assistant", "content": "one two"})
        self.assertEqual((chat["choices"][0]["finish_reason"], chat["model"]), ("length", "m"))
        self.assertEqual(chat["usage"], {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4})
        completion = ask({"prompt": "a b", "max_tokens": 9}).content
        self.assertEqual(completion["choices"][0]["text"], "one two three")
        self.assertEqual(completion["choices"][0]["finish_reason"], "stop")
        own = ask({"inputs": "a", "parameters": {"max_new_tokens": 1}}).content
        self.assertEqual(own, {"generated_text": "one"})

    def test_parameters_reach_generate(self) -> None:
        ask({"prompt": "a", "max_tokens": 3, "temperature": 0.5, "top_p": 0.9, "stop": ["x"]})
        asked = {name: Model.asked[name] for name in ("temperature", "top_p", "do_sample", "stop_strings")}
        self.assertEqual(asked, {"temperature": 0.5, "top_p": 0.9, "do_sample": True, "stop_strings": ["x"]})
        self.assertIn("tokenizer", Model.asked)
        ask({"prompt": "a", "max_tokens": 3, "temperature": 0, "top_p": 0.9})
        self.assertFalse(Model.asked["do_sample"])
        self.assertNotIn("top_p", Model.asked)

    def test_bad_requests_are_400_with_a_reason(self) -> None:
        for body, reason in [
            ([1], "object"),
            ({}, "messages"),
            ({"prompt": 3}, "text"),
            ({"messages": "hi"}, "list"),
            ({"messages": [{"role": "system", "content": "x"}]}, "no system prompts"),
            ({"prompt": "x", "max_tokens": 0}, "max_tokens"),
            ({"prompt": "x", "max_tokens": "9"}, "max_tokens"),
            ({"prompt": "x", "temperature": -1}, "temperature"),
            ({"prompt": "x", "max_tokens": 20}, "limit of 20"),
        ]:
            with self.subTest(body=body):
                answer = ask(body)
                self.assertEqual(answer.code, 400)
                self.assertIn(reason, answer.content["error"])
        self.assertEqual(model.handle(Input(b"{", **PROPERTIES)).code, 400)

    def test_it_streams(self) -> None:
        answer = ask({"prompt": "a", "max_tokens": 3, "stream": True})
        self.assertEqual(answer.properties["content-type"], "application/jsonlines")
        lines = [json.loads(line) for line in answer.streamed]
        self.assertEqual([line["token"]["text"] for line in lines], ["one", "two", "three"])
        failed = ask({"prompt": "a", "max_tokens": 3, "temperature": 1, "top_k": 13, "stream": True})
        with self.assertLogs(level="ERROR"):
            self.assertIn("error", [json.loads(line) for line in failed.streamed][-1])
        self.assertEqual(ask({"prompt": "a", "max_tokens": 0, "stream": True}).code, 400)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
