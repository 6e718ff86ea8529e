"""Loads the model onto the GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DTYPES = {"auto": "auto", "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def load_model(name: str, properties: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """The model called `name`; `arguments` are more ones of from_pretrained()."""
    import transformers

    # One process sees the GPUs of one copy; "auto" spreads the layers over them.
    dtype = "dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype"
    own = {"device_map": "auto", dtype: DTYPES[properties.get("dtype") or "auto"]}
    return transformers.AutoModelForCausalLM.from_pretrained(name, **{**own, **arguments})
