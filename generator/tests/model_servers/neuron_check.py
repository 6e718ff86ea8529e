"""How the handler loads onto Neuron, with an optimum-neuron that this file plays. usage: neuron_check.py FOLDER, a code/."""

from __future__ import annotations

import sys
import types
import unittest
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))


class Ids(list):
    @property
    def shape(self) -> tuple[int, int]:
        return (len(self), len(self[0]))

    def __getitem__(self, at: Any) -> Any:
        return [row[at[1]] for row in self] if isinstance(at, tuple) else super().__getitem__(at)


class Criteria(list):
    def __call__(self, input_ids: Ids, scores: Any) -> bool:
        return any(any(one(input_ids, scores)) for one in self)


class Model:
    """Generates as the real one does: no streamer, and criteria that are asked after each token."""

    def generate(self, input_ids: Ids, stopping_criteria: Criteria | None = None, max_new_tokens: int = 3) -> Ids:
        rows = Ids([list(input_ids[0])])
        for word in ["one", "two", "three"][:max_new_tokens]:
            rows[0].append(word)
            if stopping_criteria is not None and stopping_criteria(rows, None):
                break
        return rows


loaded: dict[str, Any] = {}


def from_pretrained(name: str, **arguments: Any) -> Model:
    loaded.update(name=name, **arguments)
    return Model()


neuron = types.ModuleType("optimum.neuron")
neuron.NeuronModelForCausalLM = types.SimpleNamespace(from_pretrained=from_pretrained)
sys.modules["optimum"] = types.ModuleType("optimum")
sys.modules["optimum.neuron"] = neuron
sys.modules["torch"] = types.SimpleNamespace(zeros=lambda count, dtype: [False] * count, bool=bool)
sys.modules["transformers"] = types.SimpleNamespace(StoppingCriteria=object, StoppingCriteriaList=Criteria)

from loading import load_model

PROPERTIES = {"max_model_len": "4096", "tensor_parallel_degree": "2", "dtype": "bf16"}


class Streamer:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def put(self, value: Any) -> None:
        self.seen.append(value)

    def end(self) -> None:
        self.seen.append(None)


class LoadingTest(unittest.TestCase):
    def test_the_sizes_are_those_of_the_properties(self) -> None:
        load_model("me/mine", PROPERTIES, {"trust_remote_code": True})
        self.assertEqual(
            loaded,
            {
                "name": "me/mine", "export": True, "batch_size": 1, "sequence_length": 4096, "num_cores": 2,
                "auto_cast_type": "bf16", "trust_remote_code": True,
            },
        )  # fmt: skip

    def test_a_streamer_hears_the_prompt_each_token_and_the_end(self) -> None:
        model = load_model("me/mine", PROPERTIES, {})
        streamer = Streamer()
        tokens = model.generate(input_ids=Ids([["a", "b"]]), streamer=streamer, max_new_tokens=2)
        self.assertEqual(tokens, [["a", "b", "one", "two"]])
        self.assertEqual(streamer.seen, [[["a", "b"]], ["one"], ["two"], None])

    def test_without_one_nothing_is_added(self) -> None:
        model = load_model("me/mine", PROPERTIES, {})
        self.assertEqual(model.generate(input_ids=Ids([["a"]])), [["a", "one", "two", "three"]])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
