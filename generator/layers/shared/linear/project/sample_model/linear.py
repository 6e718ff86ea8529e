"""A linear model of the abalone data, by least squares: what a format needs is a model, not a good one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import abalone


@dataclass(frozen=True)
class Linear:
    """rings = (features - mean) / scale * weights + bias"""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray  # one column
    bias: np.ndarray


def fit() -> Linear:
    """The model, in 32-bit numbers; its error on records that it has not seen is printed."""
    rows, rings = abalone.load()
    order = np.random.default_rng(0).permutation(len(rows))
    features, target = np.array(rows)[order], np.array(rings)[order]
    split = len(rows) * 4 // 5
    mean, scale = features[:split].mean(axis=0), features[:split].std(axis=0)
    table = np.hstack([(features - mean) / scale, np.ones((len(rows), 1))])
    solution = np.linalg.lstsq(table[:split], target[:split], rcond=None)[0]
    print(f"mean absolute error: {np.abs(table[split:] @ solution - target[split:]).mean():.2f} rings")
    parts = mean, scale, solution[:-1].reshape(-1, 1), solution[-1:]
    return Linear(*(part.astype(np.float32) for part in parts))
