"""XGBoost: load the model, predict. This is the file to edit when your model needs more than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

import codec


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
        self.names: list[str] = self.booster.feature_names or []
        # with early stopping the trees after the best iteration are left out, as XGBoost's own estimators do
        best = self.booster.attr("best_iteration")
        self.iterations = (0, int(best) + 1) if best else (0, 0)

    def example(self) -> list[Any] | None:
        """Records to warm up with, if any can be made up."""
        return [[0] * self.booster.num_features()]

    def predict(self, records: list[Any]) -> list[Any]:
        """One prediction for each record, in plain Python types. ValueError means that the input is wrong."""
        rows = codec.table(records, self.names, self.booster.num_features())
        try:
            features = np.array(rows, dtype=np.float32)  # null becomes NaN: a missing value
        except TypeError as error:
            raise ValueError(str(error)) from None
        matrix = xgb.DMatrix(
            features,
            feature_names=self.booster.feature_names,
            feature_types=self.booster.feature_types,
            enable_categorical=True,
        )
        return self.booster.predict(matrix, iteration_range=self.iterations).tolist()
