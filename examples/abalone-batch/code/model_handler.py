"""XGBoost: load the model, predict. This is the file to edit when your model needs more than that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

import codec
import columns
from columns import Column, Facts


class ModelHandler:
    """Answers with what the model's objective gives: a value, a probability, or one for each class.

    A model saved by XGBClassifier gives probabilities here as well, not class labels.
    """

    fork_safe = True  # loading starts no threads; predicting does (OpenMP), so that happens in the workers

    def __init__(self, path: Path) -> None:
        self.booster = xgb.Booster()
        try:
            self.booster.load_model(path)  # JSON, UBJSON or, before 3.1, the old binary format
        except xgb.core.XGBoostError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"XGBoost {xgb.__version__} cannot read it: {reason}") from error
        self.facts = columns.facts_of(path, lambda: describe(self.booster))
        # XGBoost refuses what the training had not, whoever has named the categories.
        self.columns: list[Column] = [replace(column, closed=True) for column in self.facts.columns or []]
        self.width = len(self.columns)
        # with early stopping the trees after the best iteration are left out, as XGBoost's own estimators do
        best = self.booster.attr("best_iteration")
        self.iterations = (0, int(best) + 1) if best else (0, 0)

    def example(self) -> list[Any] | None:
        """Records to warm up with, if any can be made up."""
        return [columns.example(self.columns)]

    def predict(self, records: list[Any]) -> list[Any]:
        """One prediction for each record, in plain Python types. ValueError means that the input is wrong."""
        rows = codec.table(records, self.facts.names, self.width)
        features = np.empty((len(rows), self.width), dtype=np.float32)
        for number, column in enumerate(self.columns):
            with np.errstate(over="ignore"):  # infinity, which is refused
                features[:, number] = self._column(number, column, [row[number] for row in rows])
            if (large := np.flatnonzero(np.isinf(features[:, number]))).size:
                raise codec.BadInput(f"{self._label(int(large[0]), number)} is too large for a number of 32 bits")
        matrix = xgb.DMatrix(
            features,
            feature_names=self.booster.feature_names,
            feature_types=self.booster.feature_types,
            enable_categorical=True,
        )
        return self.booster.predict(matrix, iteration_range=self.iterations).tolist()

    def _column(self, number: int, column: Column, values: list[Any]) -> Any:
        """A column as XGBoost has it: numbers, NaN where there is none, and categories by their codes."""

        def label(row: int) -> str:
            return self._label(row, number)

        coded = (self.booster.feature_types or ["q"] * self.width)[number] == "c"
        if column.type != columns.CATEGORY:
            found = columns.array(column, columns.read(column, values, label), self.facts.missing)
            if coded and (wrong := np.flatnonzero((found < 0) | (found != np.floor(found)) & ~np.isnan(found))).size:
                raise codec.BadInput(f"{label(int(wrong[0]))} must be the whole number of a category")
            return found
        values = columns.read(column, values, label)
        found = columns.codes(column, values, label).astype(float)
        return np.where(found < 0, np.nan, found)

    def _label(self, row: int, number: int) -> str:
        name = repr(self.facts.names[number]) if self.facts.names else str(number + 1)
        return f"record {row + 1}: feature {name}"


def describe(booster: xgb.Booster) -> Facts:
    """What the model file says of its columns: names, types and, from XGBoost 3.1 on, categories."""
    width = booster.num_features()
    kinds = booster.feature_types or ["q"] * width
    kept = columns.xgboost_categories(booster) if "c" in kinds else {}
    known = [Column(columns.CATEGORY, kept[n]) if n in kept else Column(columns.NUMBER) for n in range(width)]
    return Facts(names=booster.feature_names or [], columns=known, methods=["predict"])
