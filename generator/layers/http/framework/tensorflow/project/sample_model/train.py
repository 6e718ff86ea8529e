"""Train the sample model: python train.py MODEL (.keras, .h5, or the folder of a SavedModel)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import abalone


def main(path: Path) -> None:
    rows, rings = abalone.load()
    tf.keras.utils.set_random_seed(0)
    order = np.random.default_rng(0).permutation(len(rows))
    features, target = np.array(rows, dtype="float32")[order], np.array(rings, dtype="float32")[order]
    split = len(rows) * 4 // 5
    scale = tf.keras.layers.Normalization()
    scale.adapt(features[:split])
    layers = [tf.keras.layers.Dense(32, activation="relu"), tf.keras.layers.Dense(32, activation="relu")]
    model = tf.keras.Sequential([tf.keras.Input((len(abalone.FEATURES),)), scale, *layers, tf.keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(features[:split], target[:split], epochs=20, batch_size=64, verbose=0)
    error = np.abs(model.predict(features[split:], verbose=0)[:, 0] - target[split:]).mean()
    print(f"mean absolute error: {error:.2f} rings")

    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        model.save(path)
    else:
        model.export(path)
    # /ping is true only once the model has answered this
    (path.parent / "warm_up.json").write_text(json.dumps({"instances": rows[:1]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
