"""Has the hub's own client talk to the stand-in of the hub: what it takes for the hub is near enough to it.

Arguments: the fixture, the token of a user with access, that of a user without. HF_ENDPOINT is the stand-in.
"""

import json
import sys
import tempfile
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    NotASafetensorsRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

fixture, granted, stranger = sys.argv[1:]
models = json.loads(Path(fixture).read_text())["models"]
api = HfApi(token=granted)
nobody = HfApi(token=False)
widths = {"F32": 4, "I32": 4, "I64": 8, "BF16": 2, "F16": 2}


def fails(kind, call, *args, **more):
    try:
        call(*args, **more)
    except kind as error:
        return error
    raise AssertionError(f"{call.__name__}{args}: no {kind.__name__}")


for model in models:
    name = model["id"]
    info = api.model_info(name, files_metadata=True)
    assert info.id == name and info.sha == model["info"]["sha"], name
    assert info.gated == model["info"]["gated"], name
    assert {file.rfilename for file in info.siblings} == set(model["files"]), name
    assert all(file.size is not None for file in info.siblings), name
    totals = model["info"].get("safetensors")
    assert (info.safetensors.total if info.safetensors else None) == (totals or {}).get("total"), name
    # The files that the expected bytes are of, in the client's own arithmetic.
    files = model["files"]
    if "model.safetensors" in files and "tensors" in files["model.safetensors"]:
        read = api.get_safetensors_metadata(name)
        if totals:
            assert read.parameter_count == totals["parameters"], name
        bytes = sum(count * widths.get(kind, 1) for kind, count in read.parameter_count.items())
        assert bytes == model["expect"]["bytes"], name
    if "config.json" in files:
        read = Path(hf_hub_download(name, "config.json", token=granted)).read_text()
        if "json" in files["config.json"]:
            assert json.loads(read) == files["config.json"]["json"], name
        pinned = hf_hub_download(name, "config.json", token=granted, revision=info.sha)
        assert Path(pinned).read_text() == read, name
    else:
        fails(EntryNotFoundError, hf_hub_download, name, "config.json", token=granted)
    fails(RevisionNotFoundError, api.model_info, name, revision="v9")
    assert api.model_info(name, revision="refs/pr/1").sha == info.sha, name
    if info.gated:
        assert nobody.model_info(name).gated == info.gated, name
        for token, status in ((False, 401), (stranger, 403)):
            who = HfApi(token=token)
            assert fails(GatedRepoError, who.auth_check, name).response.status_code == status, name
            if "config.json" in files:
                path = {"repo_id": name, "filename": "config.json", "token": token, "cache_dir": tempfile.mkdtemp()}
                fails(GatedRepoError, hf_hub_download, **path)
    api.auth_check(name)

assert api.model_info("gpt2").id == "openai-community/gpt2"
# Only of https addresses the client takes this for a repository that is not there.
assert fails(HfHubHTTPError, nobody.model_info, "nobody/nothing").response.status_code == 401
assert fails(RepositoryNotFoundError, api.model_info, "nobody/nothing").response.status_code == 404
wrong = fails(HfHubHTTPError, HfApi(token="hf_wrong").model_info, models[0]["id"])
assert wrong.response.status_code == 401 and not isinstance(wrong, RepositoryNotFoundError)
fails(NotASafetensorsRepoError, api.get_safetensors_metadata, "ggml-org/gemma-3-1b-it-GGUF")
expand = ["config", "gated", "safetensors", "tags", "pipeline_tag", "createdAt", "sha", "gguf"]
listed = list(api.list_models(search="roberta", limit=20, sort="downloads", expand=expand))
assert {model.id for model in listed} == {model["id"] for model in models if "roberta" in model["id"].lower()}
assert listed and all(model.safetensors and model.gated is False for model in listed)
print(f"{len(models)} models")
