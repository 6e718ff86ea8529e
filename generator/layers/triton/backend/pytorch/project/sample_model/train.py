"""Train the sample model: python train.py MODEL_FILE (.pt, TorchScript)."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

import linear


class Abalone(torch.nn.Module):
    def __init__(self, fitted: linear.Linear) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(fitted.mean))
        self.register_buffer("scale", torch.from_numpy(fitted.scale))
        self.layer = torch.nn.Linear(*fitted.weights.shape)
        self.layer.weight = torch.nn.Parameter(torch.from_numpy(fitted.weights.T.copy()))
        self.layer.bias = torch.nn.Parameter(torch.from_numpy(fitted.bias))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layer((features - self.mean) / self.scale)


def main(path: Path) -> None:
    model = torch.jit.script(Abalone(linear.fit()).eval())
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
