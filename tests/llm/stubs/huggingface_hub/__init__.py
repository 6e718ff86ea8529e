"""A stand-in for huggingface_hub: repositories are lists of files in the folder that STUB_HUB names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace


class HfApi:
    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def model_info(self, repo_id: str, *, revision: str | None, timeout: float) -> SimpleNamespace:
        """The files of a repository, one list for each revision; OSError where there is no such."""
        assert timeout > 0
        file = Path(os.environ["STUB_HUB"]) / repo_id.replace("/", "--") / (revision or "main")
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in json.loads(file.read_text())])
