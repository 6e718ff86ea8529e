"""Load the model, predict. This is the file to edit: nothing here depends on Triton."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np


class Handler:
    """A model with one prediction for each record: a list of features, or whatever the model takes."""

    def __init__(self, folder: Path) -> None:
        self.model = load(folder)

    def predict(self, records: list[Any]) -> list[Any]:
        """One prediction for each record, in plain Python types. ValueError means that the input is wrong."""
        width = len(records[0]) if records and isinstance(records[0], list) else 0
        for number, record in enumerate(records, start=1):
            if not isinstance(record, list) or len(record) != width:
                raise ValueError(f"record {number} must be a list of numbers, and all records of one length")
            if not all(value is None or isinstance(value, (bool, int, float)) for value in record):
                raise ValueError(f"record {number} has a value that is not a number: a text stays a text")
        table = np.array(records, dtype=np.float64)  # null becomes NaN: a missing value
        output = self.model.predict(table)
        return np.asarray(output.toarray() if hasattr(output, "toarray") else output).tolist()


class Linear:
    """The sample: a linear model whose numbers are in a JSON file."""

    def __init__(self, numbers: dict[str, Any]) -> None:
        self.mean, self.scale = np.array(numbers["mean"]), np.array(numbers["scale"])
        self.weights, self.bias = np.array(numbers["weights"]), float(numbers["bias"])

    def predict(self, table: np.ndarray) -> np.ndarray:
        if table.shape[1] != len(self.mean):
            raise ValueError(f"each record must have {len(self.mean)} features, not {table.shape[1]}")
        return (table - self.mean) / self.scale @ self.weights + self.bias


def load(folder: Path) -> Any:
    """The model file beside this one. A pickle needs the packages that it was made with in requirements.txt."""
    for path in (folder / "model.joblib", folder / "model.pkl", folder / "model.json"):
        if not path.is_file():
            continue
        if path.suffix == ".joblib":
            import joblib

            return joblib.load(path)
        if path.suffix == ".pkl":
            try:
                import joblib  # reads what pickle has written, and what joblib has written under this name
            except ImportError:
                return pickle.loads(path.read_bytes())
            return joblib.load(path)
        return Linear(json.loads(path.read_text(encoding="utf-8")))
    raise FileNotFoundError(f"there is no model.joblib, model.pkl or model.json in {folder}")
