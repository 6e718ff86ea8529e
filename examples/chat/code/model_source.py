"""Where the model and its token come from, and which disk they go to.

The image holds neither weights nor secrets: both are fetched when the container starts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from supervise import log

# SageMaker puts a model that it downloads itself here, read-only.
MODEL_DIR = Path(os.environ.get("MODEL_DIR", "/opt/ml/model"))
# Disks that may be large: local NVMe where the instance has it, the storage volume otherwise.
CACHE_CANDIDATES = ("/tmp", "/opt/ml", "/root")
DOWNLOADS_AT_ONCE = 16
# Each of these makes a folder or repository a model.
DESCRIBED = ("config.json", "params.json", "model_index.json")
# Each of these makes it an adapter, which is loaded beside a model.
ADAPTERS = ("adapter_config.json", "pytorch_lora_weights.safetensors")
# The hub is asked for a list of files once, and not for long.
LISTING_S = 10
GB = 10**9


class StartError(Exception):
    """What is wrong, for a person to read. Never holds a secret."""


def use_large_disk(environ: MutableMapping[str, str]) -> Path:
    """Point every cache at the disk with the most room; what is set already is left alone."""
    chosen = environ.get("MODEL_CACHE_DIR")
    if chosen:
        root = Path(chosen)
    else:
        usable = [Path(c) for c in CACHE_CANDIDATES if os.access(c, os.W_OK)]
        if not usable:
            raise StartError(f"none of {', '.join(CACHE_CANDIDATES)} is writable: set MODEL_CACHE_DIR")
        root = max(usable, key=lambda path: shutil.disk_usage(path).free) / "model-cache"
    root.mkdir(parents=True, exist_ok=True)
    log(f"caches in {root}, {shutil.disk_usage(root).free / GB:.0f} GB free")
    environ.setdefault("HF_HOME", str(root / "huggingface"))
    environ.setdefault("XDG_CACHE_HOME", str(root / "cache"))
    environ.setdefault("TRITON_CACHE_DIR", str(root / "triton"))
    environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(root / "inductor"))
    if not os.access(environ.get("HOME", "/"), os.W_OK):
        environ["HOME"] = str(root)
    return root


def aws_client(service: str, region: str | None = None) -> Any:
    """A client of botocore, which the base image has."""
    try:
        import botocore.session
    except ImportError as error:
        raise StartError("this image has no botocore, which S3 models and Secrets Manager need") from error
    session = botocore.session.get_session()
    region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    return session.create_client(service, region_name=region)


def use_token(environ: MutableMapping[str, str]) -> None:
    """HF_TOKEN of the environment, or the secret that HF_TOKEN_SECRET_ARN names."""
    arn = environ.get("HF_TOKEN_SECRET_ARN")
    if environ.get("HF_TOKEN") or not arn:
        return
    parts = arn.split(":")
    region = parts[3] if len(parts) > 3 else None
    try:
        secret = aws_client("secretsmanager", region).get_secret_value(SecretId=arn).get("SecretString", "")
    except StartError:
        raise
    except Exception as error:
        # botocore's own errors name the call and its reason, not the secret.
        raise StartError(
            f"cannot read the secret {arn}: {error}. The execution role needs secretsmanager:GetSecretValue; "
            "without AWS, set HF_TOKEN"
        ) from error
    environ["HF_TOKEN"] = token_in(secret)


def token_in(secret: str) -> str:
    """A secret is the token itself, or a JSON object with it under one of the usual names."""
    token: Any = secret
    if secret.lstrip().startswith("{"):
        try:
            fields = json.loads(secret)
        except ValueError:
            raise StartError("the secret with the Hugging Face token is neither a token nor JSON") from None
        names = ("HF_TOKEN", "hf_token", "HUGGING_FACE_HUB_TOKEN", "token")
        token = next((fields[name] for name in names if name in fields), None)
    if not isinstance(token, str) or not token.strip():
        raise StartError("the secret has no HF_TOKEN, hf_token, HUGGING_FACE_HUB_TOKEN or token")
    return token.strip()


def resolve(model: str, cache: Path, environ: MutableMapping[str, str], revision: str | None = None) -> str:
    """The hub id or folder to load for the configured `model`: an id, a folder, or an s3:// place."""
    if model.startswith("s3://"):
        model = str(fetch(model, cache / "s3"))
    if not model.startswith("/"):
        check_repository(model, revision, environ)
        return model
    folder = model_folder(Path(model))
    # A model that is here needs no hub, and asking for it would hang where there is no network.
    environ.setdefault("HF_HUB_OFFLINE", "1")
    return str(folder)


def model_folder(root: Path) -> Path:
    """`root`, or its only folder: archives often hold the model one level down."""
    if not root.is_dir() or not any(root.iterdir()):
        raise StartError(f"{root} is empty: SageMaker fills it when the deployment names an S3 model")
    if any((root / name).is_file() for name in DESCRIBED):
        return root
    below = [path for path in root.iterdir() if path.is_dir() and any((path / name).is_file() for name in DESCRIBED)]
    if len(below) == 1:
        return below[0]
    names = sorted(os.listdir(root))
    held = (
        instead_of_a_model(names)
        or f"no config.json or model_index.json, so it is not a model: {', '.join(names[:10])}"
    )
    raise StartError(f"{root} has {held}")


def instead_of_a_model(names: Collection[str]) -> str:
    """What files of these names are, where they are no model by themselves; empty where they are, or nobody knows."""
    if any(name in names for name in DESCRIBED):
        return ""
    if any(name in names for name in ADAPTERS):
        return (
            "an adapter and no model: serve the model that it was trained on (base_model_name_or_path in its "
            "adapter_config.json), and name the adapter among the engine's options"
        )
    if any(name.endswith(".gguf") for name in names):
        return (
            "GGUF files and no config.json: an engine needs the name of one file and a tokenizer, if it reads them at "
            "all; serve the original model, or a quantized one in another format"
        )
    return ""


def check_repository(model: str, revision: str | None, environ: Mapping[str, str]) -> None:
    """Say of a repository of the hub that holds no model what it holds, where the engine would end with a traceback."""
    offline = environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    if offline or ":" in model:
        # A file is named, or nothing can be asked.
        return
    try:
        from huggingface_hub import HfApi

        found = HfApi(token=environ.get("HF_TOKEN")).model_info(model, revision=revision, timeout=LISTING_S)
        names = {file.rfilename for file in found.siblings or ()}
    except Exception as error:
        # The engine asks again, and says what is wrong.
        log(f"the files of {model} were not checked: {type(error).__name__}")
        return
    held = instead_of_a_model(names)
    if held:
        raise StartError(f"{model} has {held}")


def fetch(uri: str, cache: Path) -> Path:
    """Download the prefix or unpack the archive at `uri` into a folder below `cache`."""
    match = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
    if match is None:
        raise StartError(f"{uri} is not s3://bucket/prefix")
    bucket, key = match.groups()
    target = cache / bucket / re.sub(r"[^A-Za-z0-9._/-]", "_", key).strip("/")
    s3 = aws_client("s3")
    try:
        if key.endswith((".tar.gz", ".tgz")):
            unpack(s3.get_object(Bucket=bucket, Key=key)["Body"], target)
        else:
            download(s3, bucket, key.rstrip("/") + "/", target)
    except StartError:
        raise
    except Exception as error:
        raise StartError(f"cannot read {uri}: {error}") from error
    return target


def unpack(stream: Any, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:
        # The filter refuses members that would land outside of the folder.
        archive.extractall(target, filter="data")


def download(s3: Any, bucket: str, prefix: str, target: Path) -> None:
    wanted = [(key, size) for key, size in listing(s3, bucket, prefix) if not key.endswith("/")]
    if not wanted:
        raise StartError(f"there is nothing below s3://{bucket}/{prefix}")
    target.mkdir(parents=True, exist_ok=True)
    total = sum(size for _, size in wanted)
    free = shutil.disk_usage(target).free
    if total > free:
        raise StartError(f"the model has {total / GB:.1f} GB, but {target} has {free / GB:.1f} GB free")
    log(f"downloading {len(wanted)} files, {total / GB:.1f} GB, from s3://{bucket}/{prefix}")
    done = progress(total)

    def one(item: tuple[str, int]) -> None:
        key, size = item
        relative = PurePosixPath(key[len(prefix) :])
        if ".." in relative.parts:
            raise StartError(f"{key} would land outside of {target}")
        path = target / relative
        if path.is_file() and path.stat().st_size == size:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        with partial.open("wb") as file:
            shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], file, 8 << 20)
        partial.rename(path)
        done(size)

    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        list(pool.map(one, wanted))


def listing(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"], item["Size"]


def progress(total: int) -> Callable[[int], None]:
    """A callback that logs every tenth of `total` bytes."""
    lock = threading.Lock()
    state = {"bytes": 0, "tenth": 0}

    def done(size: int) -> None:
        with lock:
            state["bytes"] += size
            tenth = 10 * state["bytes"] // max(total, 1)
            if tenth > state["tenth"]:
                state["tenth"] = tenth
                log(f"downloaded {state['bytes'] / GB:.1f} of {total / GB:.1f} GB")

    return done
