"""Train the sample model: python train.py MODEL_FILE (.pkl or .joblib)."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split

import abalone


def main(path: Path) -> None:
    rows, rings = abalone.load()
    features = pd.DataFrame(rows, columns=abalone.FEATURES)
    train_x, test_x, train_y, test_y = train_test_split(features, np.array(rings), test_size=0.2, random_state=0)
    model = HistGradientBoostingRegressor(max_iter=100, random_state=0).fit(train_x, train_y)
    print(f"mean absolute error: {mean_absolute_error(test_y, model.predict(test_x)):.2f} rings")

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".joblib":
        joblib.dump(model, path)
    else:
        path.write_bytes(pickle.dumps(model))
    # /ping is true only once the model has answered this
    (path.parent / "warm_up.json").write_text(json.dumps({"instances": rows[:1]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
