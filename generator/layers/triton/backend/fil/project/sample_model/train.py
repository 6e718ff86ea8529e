"""Train the sample model: python train.py MODEL_FILE (.json or .ubj)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

import abalone


def main(path: Path) -> None:
    rows, rings = abalone.load()
    order = np.random.default_rng(0).permutation(len(rows))
    features, target = np.array(rows)[order], np.array(rings)[order]
    split = len(rows) * 4 // 5
    train, test = xgb.DMatrix(features[:split], target[:split]), xgb.DMatrix(features[split:], target[split:])
    parameters = {"objective": "reg:squarederror", "max_depth": 4, "eta": 0.1, "seed": 0}
    model = xgb.train(parameters, train, num_boost_round=100)
    print(f"mean absolute error: {np.abs(model.predict(test) - target[split:]).mean():.2f} rings")

    path.parent.mkdir(parents=True, exist_ok=True)
    model.save_model(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
