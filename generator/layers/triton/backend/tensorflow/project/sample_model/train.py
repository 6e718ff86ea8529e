"""Train the sample model: python train.py FOLDER (of a SavedModel)."""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf

import linear


class Abalone(tf.Module):
    """The model; the name of the argument and the key of the result are those of the tensors."""

    def __init__(self, fitted: linear.Linear) -> None:
        super().__init__()
        self.mean, self.scale = tf.constant(fitted.mean), tf.constant(fitted.scale)
        self.weights, self.bias = tf.Variable(fitted.weights), tf.Variable(fitted.bias)

    @tf.function
    def predict(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"rings": (features - self.mean) / self.scale @ self.weights + self.bias}


def main(path: Path) -> None:
    fitted = linear.fit()
    model = Abalone(fitted)
    features = tf.TensorSpec([None, len(fitted.mean)], tf.float32, name="features")
    signature = model.predict.get_concrete_function(features)
    tf.saved_model.save(model, str(path), signatures={"serving_default": signature})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
