"""Train the sample model: python train.py MODEL_FILE (.json)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import linear


def main(path: Path) -> None:
    fitted = linear.fit()
    numbers = {
        "mean": fitted.mean.tolist(),
        "scale": fitted.scale.tolist(),
        "weights": fitted.weights[:, 0].tolist(),
        "bias": float(fitted.bias[0]),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
