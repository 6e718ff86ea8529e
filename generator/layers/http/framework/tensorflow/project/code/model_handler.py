"""TensorFlow: load the model, predict. This is the file to edit when your model needs more than that."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import codec
import columns
from columns import Column

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only; read when TensorFlow is imported


class ModelHandler:
    """A Keras model (.keras, .h5) or a SavedModel folder, whose serving signature is called.

    A record is the array for a model with one input ([0.1, 0.2] or nested lists), and an object
    {input name: array} for one with several.
    """

    fork_safe = False  # TensorFlow's threads do not survive a fork: every worker loads the model

    def __init__(self, path: Path) -> None:
        import tensorflow as tf  # here, so that the process that forks the workers never has it

        self.tf = tf
        self.call: Callable[[dict[str, Any]], Any]
        self.inputs: dict[str, Any] = {}  # name -> TensorSpec or KerasTensor
        if path.is_dir():
            self.loaded = tf.saved_model.load(str(path))  # kept: the signature does not keep its variables alive
            if "serving_default" not in self.loaded.signatures:
                raise ValueError("the SavedModel has no signature 'serving_default': export it with model.export()")
            signature = self.loaded.signatures["serving_default"]
            self.inputs = dict(signature.structured_input_signature[1])
            self.call = lambda tensors: signature(**tensors)
        else:
            model = tf.keras.models.load_model(path, compile=False)
            self.inputs = {tensor.name: tensor for tensor in model.inputs}
            several = len(self.inputs) > 1
            self.call = lambda tensors: model(list(tensors.values()) if several else next(iter(tensors.values())))

    def example(self) -> list[Any] | None:
        """Records to warm up with, if any can be made up."""
        shapes = {name: [size or 1 for size in list(spec.shape)[1:]] for name, spec in self.inputs.items()}
        records = {name: np.zeros(shape).tolist() for name, shape in shapes.items()}
        return [records if len(records) > 1 else next(iter(records.values()))]

    def predict(self, records: list[Any]) -> list[Any]:
        """One prediction for each record, in plain Python types. ValueError means that the input is wrong."""
        try:
            output = self.call(self._tensors(records))
        except (self.tf.errors.OpError, TypeError) as error:
            raise ValueError(getattr(error, "message", None) or str(error)) from error
        if isinstance(output, dict) and len(output) == 1:
            output = next(iter(output.values()))
        if isinstance(output, dict):
            parts = {name: tensor.numpy().tolist() for name, tensor in output.items()}
            return [{name: part[i] for name, part in parts.items()} for i in range(len(records))]
        if isinstance(output, (list, tuple)):
            return [list(record) for record in zip(*(tensor.numpy().tolist() for tensor in output), strict=True)]
        return output.numpy().tolist()

    def _tensors(self, records: list[Any]) -> dict[str, Any]:
        tensors = {}
        for name, spec in self.inputs.items():
            if len(self.inputs) > 1:
                for number, record in enumerate(records, start=1):
                    if not isinstance(record, dict) or record.keys() != self.inputs.keys():
                        raise ValueError(f"record {number} must be an object with the inputs {list(self.inputs)}")
                values: list[Any] = [record[name] for record in records]
            elif len(spec.shape) == 2:
                values = codec.table(records, width=spec.shape[1])
            else:
                values = [item[0] if isinstance(item, list) and len(spec.shape) == 1 else item for item in records]
            dtype = self.tf.as_dtype(spec.dtype)
            text = dtype == self.tf.string
            column = Column(columns.TEXT if text else columns.INTEGER if dtype.is_integer else columns.NUMBER)
            values = [as_type(value, column, f"record {number}") for number, value in enumerate(values, start=1)]
            tensors[name] = self.tf.convert_to_tensor(values, dtype=dtype)
            if not self.tf.TensorShape(spec.shape).is_compatible_with(tensors[name].shape):
                raise ValueError(f"input {name!r} has the shape {tensors[name].shape}, expected {spec.shape}")
        return tensors


def as_type(value: Any, column: Column, label: str) -> Any:
    """A value, or nested lists of them, in the type of an input."""
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        return [as_type(item, column, label) for item in value]
    values = value if isinstance(value, list) else [value]
    found = columns.read(column, values, lambda _: f"{label}: a value")
    if column.type != columns.NUMBER and any(item is None or item != item for item in found):
        raise codec.BadInput(f"{label} has a missing value, which an input of this type cannot have")
    return found if isinstance(value, list) else found[0]
