"""scikit-learn: load the model, predict. This is the file to edit when your model needs more than that."""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

import codec

log = logging.getLogger("model")

# predict, predict_proba, decision_function, ...: what /invocations answers with
PREDICT_METHOD = os.environ.get("PREDICT_METHOD") or "predict"


def load(path: Path) -> Any:
    """Unpickle. That runs code from the file: serve only models that you trust.

    A pickle is only right under the scikit-learn version that wrote it: another one may load it
    and predict something else, so this refuses unless ALLOW_VERSION_MISMATCH=1 says otherwise.
    """
    allowed = os.environ.get("ALLOW_VERSION_MISMATCH") == "1"
    with warnings.catch_warnings():
        warnings.simplefilter("always" if allowed else "error", InconsistentVersionWarning)
        try:
            if path.suffix == ".joblib":
                return joblib.load(path)
            with path.open("rb") as file:
                return pickle.load(file)
        except InconsistentVersionWarning as warning:
            raise ValueError(
                f"trained with scikit-learn {warning.original_sklearn_version}, {sklearn.__version__} is installed: "
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
        if self.method is None:
            raise ValueError(f"a {type(self.model).__name__} has no {PREDICT_METHOD}: change PREDICT_METHOD")
        self.names: list[str] = [str(name) for name in getattr(self.model, "feature_names_in_", [])]
        self.width: int | None = getattr(self.model, "n_features_in_", None)

    def example(self) -> list[Any] | None:
        """Records to warm up with, if any can be made up."""
        return [[0] * self.width] if self.width else None

    def predict(self, records: list[Any]) -> list[Any]:
        """One prediction for each record, in plain Python types. ValueError means that the input is wrong."""
        rows = codec.table(records, self.names, self.width)
        if self.names:
            features: Any = pd.DataFrame(rows, columns=self.names)
        else:
            try:
                features = np.array(rows, dtype=float)
            except (TypeError, ValueError):  # text features, for a pipeline that encodes them
                features = np.array(rows, dtype=object)
        output = self.method(features)
        if isinstance(output, list):  # predict_proba of a model with several outputs: one array for each
            return [list(record) for record in zip(*(part.tolist() for part in output), strict=True)]
        return np.asarray(output).tolist()
