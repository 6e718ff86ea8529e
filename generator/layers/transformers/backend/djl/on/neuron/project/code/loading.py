"""Compiles the model for Neuron cores, and loads it onto them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DTYPES = {"auto": "bf16"}


def load_model(name: str, properties: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """The model called `name`; `arguments` are more ones of from_pretrained()."""
    from optimum.neuron import NeuronModelForCausalLM

    dtype = properties.get("dtype") or "auto"
    own = {
        "export": True,
        "batch_size": 1,
        "sequence_length": int(properties["max_model_len"]),
        "num_cores": int(properties["tensor_parallel_degree"]),
        "auto_cast_type": DTYPES.get(dtype, dtype),
    }
    model = NeuronModelForCausalLM.from_pretrained(name, **{**own, **arguments})
    model.generate = with_streams(model.generate)
    return model


def with_streams(generate: Any) -> Any:
    """`generate` with a streamer, which that of Neuron models does not take: it is told of each token as it comes."""

    def streaming(input_ids: Any, streamer: Any = None, **arguments: Any) -> Any:
        if streamer is None:
            return generate(input_ids, **arguments)
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList

        class Told(StoppingCriteria):
            """Stops nothing."""

            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                streamer.put(input_ids[:, -1])
                return torch.zeros(input_ids.shape[0], dtype=torch.bool)

        streamer.put(input_ids)
        tokens = generate(input_ids, stopping_criteria=StoppingCriteriaList([Told()]), **arguments)
        streamer.end()
        return tokens

    return streaming
