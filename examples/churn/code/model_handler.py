"""scikit-learn: load the model, predict. This is the file to edit when your model needs more than that."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn

import codec
import columns
import describe
from columns import Column

try:
    from sklearn.exceptions import InconsistentVersionWarning
except ImportError:  # before 1.3, which warns of this as of anything else
    InconsistentVersionWarning = None

# predict, predict_proba, decision_function, ...: what /invocations answers with
PREDICT_METHOD = os.environ.get("PREDICT_METHOD") or "predict"
OTHER_VERSION = r"Trying to unpickle estimator \S+ from version (\S+) when using version"
MAX_CELLS = 10_000_000  # of an answer that the model gives as a sparse matrix


def load(path: Path) -> Any:
    """Unpickle. That runs code from the file: serve only models that you trust.

    A pickle is only right under the scikit-learn version that wrote it: another one may load it
    and predict something else, so this refuses unless ALLOW_VERSION_MISMATCH=1 says otherwise.
    """
    action: Any = "always" if os.environ.get("ALLOW_VERSION_MISMATCH") == "1" else "error"
    with warnings.catch_warnings():
        if InconsistentVersionWarning is not None:
            warnings.simplefilter(action, InconsistentVersionWarning)
        else:
            warnings.filterwarnings(action, message=OTHER_VERSION)
        try:
            return joblib.load(path)  # reads what pickle has written as well
        except UserWarning as warning:
            said = re.search(OTHER_VERSION, str(warning))
            trained = getattr(warning, "original_sklearn_version", None) or (said[1] if said else "another version")
            raise ValueError(
                f"trained with scikit-learn {trained}, {sklearn.__version__} is installed: "
                "set the former in requirements.txt, or ALLOW_VERSION_MISMATCH=1 if you know that it predicts the same"
            ) from None
        except (AttributeError, ModuleNotFoundError) as error:
            raise ValueError(
                f"{error} (the pickle needs a package of another version, or code of yours that is not in the image: "
                "pin the versions of the training in requirements.txt, put your modules into code/)"
            ) from error


class ModelHandler:
    fork_safe = True  # loading starts no threads; predicting may (OpenMP), so that happens in the workers

    def __init__(self, path: Path) -> None:
        self.model = load(path)
        self.method = getattr(self.model, PREDICT_METHOD, None)
        known = describe.describe(self.model)
        if not callable(self.method) or PREDICT_METHOD.startswith(("_", "fit", "get_", "set_", "partial_")):
            raise ValueError(
                f"PREDICT_METHOD is {PREDICT_METHOD}, which a {type(self.model).__name__} does not answer with: "
                f"it has {', '.join(known.methods) or 'none'}"
            )
        self.facts = columns.facts_of(path, lambda: known)
        self.texts = self.facts.takes == "texts"
        self.width = None if self.facts.columns is None else len(self.facts.columns)

    def example(self) -> list[Any] | None:
        """Records to warm up with, if any can be made up."""
        if self.texts:
            return ["a text"]
        return None if self.facts.columns is None else [columns.example(self.facts.columns)]

    def predict(self, records: list[Any]) -> list[Any]:
        """One prediction for each record, in plain Python types. ValueError means that the input is wrong."""
        answers: list[Any] = [None] * len(records)
        for places, features in self._features(records):
            found = plain(self.method(features), len(places))
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
        return answers

    def _features(self, records: list[Any]) -> Iterator[tuple[list[int], Any]]:
        """What the model is called with, for which of the records."""
        everything = list(range(len(records)))
        if self.texts:
            yield everything, texts(records)
        elif self.facts.takes == "objects":
            yield everything, objects(records)
        elif self.facts.columns is None:
            yield from self._unknown(records)
        else:
            rows = codec.table(records, self.facts.names, self.width)
            for places in columns.groups(self.facts.columns, rows):
                yield places, self._table(self.facts.columns, self.facts.names, [rows[n] for n in places], places)

    def _unknown(self, records: list[Any]) -> Iterator[tuple[list[int], Any]]:
        """For a model that says nothing of its columns: a table of named features, or lists as they are."""
        shapes: dict[Any, list[int]] = {}
        for number, record in enumerate(records, start=1):
            if not isinstance(record, (dict, list)):
                raise codec.BadInput(f"record {number} must be a list of features or an object of named ones")
            shapes.setdefault(tuple(record) if isinstance(record, dict) else len(record), []).append(number - 1)
        for shape, members in shapes.items():
            names = list(shape) if isinstance(shape, tuple) else []
            rows = codec.table([records[number] for number in members], names)
            kinds = [columns.Column()] * len(rows[0])
            for group in columns.groups(kinds, rows):
                places = [members[number] for number in group]
                yield places, self._table(kinds, names, [rows[number] for number in group], places)

    def _table(self, kinds: list[Column], names: list[str], rows: list[list[Any]], places: list[int]) -> Any:
        """Columns of their types: a frame for a model that goes by names, an array for others."""
        parts = []
        for number, column in enumerate(kinds):
            name = repr(names[number]) if names else str(number + 1)

            def label(row: int, name: str = name) -> str:
                return f"record {places[row] + 1}: feature {name}"

            values = columns.read(column, [row[number] for row in rows], label)
            if column.type == columns.CATEGORY:
                known = pd.Index(list(column.categories or ()))
                parts.append(pd.Categorical.from_codes(columns.codes(column, values, label), categories=known))
            else:
                parts.append(columns.array(column, values, self.facts.missing))
        if (names and self.facts.frame) or any(column.type == columns.CATEGORY for column in kinds):
            frame = {
                place: pd.Series(part).infer_objects()
                if kind.type == columns.ANY
                else pd.Series(part, dtype=part.dtype)
                for place, (kind, part) in enumerate(zip(kinds, parts, strict=True))
            }
            table = pd.DataFrame(frame)
            table.columns = names or list(range(len(parts)))
            return table
        if all(part.dtype == float for part in parts):
            return np.column_stack(parts)
        # Numbers alone are an array of numbers, whatever else the model may take; missing texts are no numbers.
        rows = [[part[number] for part in parts] for number in range(len(rows))]
        texts = any(column.type == columns.TEXT for column in kinds)
        if not texts and all(isinstance(value, (int, float, np.number)) for row in rows for value in row):
            return np.array(rows, dtype=float)
        features = np.empty((len(rows), len(parts)), dtype=object)
        features[:] = rows
        return features


def texts(records: list[Any]) -> list[str]:
    """The one text of each record."""
    found = []
    for number, record in enumerate(records, start=1):
        if isinstance(record, dict) and len(record) == 1:
            record = next(iter(record.values()))
        if isinstance(record, list) and len(record) == 1:
            record = record[0]
        if not isinstance(record, str):
            raise codec.BadInput(f"record {number} must be a text: this model takes a text for each record")
        found.append(str(record))
    return found


def objects(records: list[Any]) -> list[dict[str, Any]]:
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise codec.BadInput(f"record {number} must be an object of named features")
    return [{name: columns.as_any(value) for name, value in record.items()} for record in records]


def plain(output: Any, records: int) -> list[Any]:
    """What a method gave, as a list with an item for each record."""
    if isinstance(output, list):  # predict_proba of a model with several outputs: one array for each
        return [list(record) for record in zip(*(plain(part, records) for part in output), strict=True)]
    if hasattr(output, "toarray"):  # a sparse matrix
        if math.prod(output.shape) > MAX_CELLS:
            raise codec.BadInput(f"the answer would have {math.prod(output.shape)} numbers: send fewer records at once")
        output = output.toarray()
    return np.asarray(output).tolist()
