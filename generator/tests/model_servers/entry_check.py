"""The entry point of a generated project: what it starts for which settings, and how it ends.

usage: entry_check.py FOLDER BACKEND, where FOLDER is a project that was made with every typed input of the engine.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest
from pathlib import Path

BACKEND = sys.argv.pop()
CODE = Path(sys.argv.pop()) / "code"
sys.dont_write_bytecode = True
sys.path.insert(0, str(CODE))


def load() -> types.ModuleType:
    loader = importlib.machinery.SourceFileLoader("entry", str(CODE / "serve"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("entry", loader))
    loader.exec_module(module)
    return module


entry = load()
SETTINGS = json.loads((CODE / "engine-args.json").read_text())


def serve(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, CODE / "serve", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environ},
    )  # fmt: skip


class EntryTest(unittest.TestCase):
    def test_other_arguments_are_a_usage_error(self) -> None:
        result = serve("train")
        self.assertEqual(result.returncode, 2)
        self.assertIn("serve print", result.stderr)

    def test_a_model_that_is_not_there_ends_the_container_at_once(self) -> None:
        """Not after a long wait, and with a reason for a person."""
        with tempfile.TemporaryDirectory() as folder:
            settings = {**SETTINGS, "model": f"{folder}/missing"}
            copy = Path(folder) / "code"
            copy.mkdir()
            for file in CODE.iterdir():
                if file.is_file():
                    (copy / file.name).write_bytes(file.read_bytes())
            (copy / "engine-args.json").write_text(json.dumps(settings))
            result = subprocess.run(
                [sys.executable, copy / "serve", "serve"],
                capture_output=True, text=True, timeout=60, check=False,
                env={**os.environ, "MODEL_CACHE_DIR": f"{folder}/cache"},
            )  # fmt: skip
        self.assertEqual(result.returncode, 1)
        self.assertIn("missing is empty", result.stderr)

    def test_a_server_that_ends_by_itself_has_failed(self) -> None:
        from supervise import supervise

        for script, status in [("exit 0", 1), ("exit 3", 3), ("kill -9 $$", 137)]:
            with self.subTest(script=script):
                self.assertEqual(supervise(["bash", "-c", script], os.environ), status)
        self.assertEqual(supervise(["/no/such/program"], os.environ), 127)

    def test_a_stop_is_passed_on_and_ends_with_0(self) -> None:
        for group in (False, True):
            with self.subTest(group=group), tempfile.TemporaryDirectory() as folder:
                # In a group it is the script's child that must hear of it.
                inner = f"trap 'touch {folder}/heard; exit 0' TERM; touch {folder}/up; while :; do sleep 0.1; done"
                command = f"bash -c \"{inner}\" & wait" if group else inner
                code = f"import supervise, os, sys; sys.exit(supervise.supervise(['bash', '-c', {command!r}], os.environ, group={group}))"
                child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(CODE)})
                until = time.monotonic() + 20
                while not Path(folder, "up").exists():
                    self.assertLess(time.monotonic(), until)
                    time.sleep(0.05)
                child.send_signal(signal.SIGTERM)
                self.assertEqual(child.wait(20), 0)
                until = time.monotonic() + 5
                while not Path(folder, "heard").exists():
                    self.assertLess(time.monotonic(), until, "the server did not hear of the stop")
                    time.sleep(0.05)


def printed() -> object:
    result = serve("print")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class Command(unittest.TestCase):
    """The command line, for engines that have one."""

    maxDiff = None

    def has(self, words: list[str], *wanted: str) -> None:
        for word in wanted:
            self.assertIn(word, words)

    def sglang(self) -> None:
        words = printed()
        self.assertEqual(words[:3], ["python3", "-m", "sglang.launch_server"])
        self.has(
            words,
            f"--model-path={SETTINGS['model']}", "--served-model-name=servers", "--revision=v1.0",
            "--tensor-parallel-size=4", "--context-length=4096", "--mem-fraction-static=0.8",
            "--max-running-requests=16", "--dtype=bfloat16", "--enable-lora", "--max-loras-per-batch=3",
            "--max-lora-rank=64", "--trust-remote-code", "--log-level=warning", "--host=127.0.0.1",
        )  # fmt: skip
        self.assertEqual(words[words.index("--lora-target-modules") + 1], "all")
        at = words.index("--log-requests-target")
        self.assertEqual(words[at + 1 : at + 3], ["a b", "$(c)"])
        self.assertIn('--json-model-override-args={"a":"é"}', words)
        self.assertIn("--no-lora-strict-loading", words)
        self.assertEqual(entry.option_words("disable-radix-cache", False), [], "it has no form for no")

    def tensorrt_llm(self) -> None:
        found = printed()
        words, config = found["command"], found["llm-api.yaml"]
        self.assertEqual(words[:3], ["trtllm-serve", "serve", SETTINGS["model"]])
        self.has(
            words,
            "--host=127.0.0.1", "--revision=v1.0", "--tensor_parallel_size=4", "--max_seq_len=4096",
            "--max_batch_size=16", "--trust_remote_code", "--log_level=warning",
        )  # fmt: skip
        self.assertEqual(config["dtype"], "bfloat16")
        self.assertEqual(config["kv_cache_config"], {"dtype": "fp8", "free_gpu_memory_fraction": 0.8})
        self.assertEqual(config["lora_config"]["max_lora_rank"], 64)
        self.assertEqual(config["lora_config"]["max_loras"], 3)
        self.assertIn("attn_q", config["lora_config"]["lora_target_modules"])
        self.assertNotIn("max_seq_len", config, "what is a flag is no LLM API option")

    def vllm_omni(self) -> None:
        words = printed()
        self.assertEqual(words[:4], ["vllm", "serve", SETTINGS["model"], "--omni"])
        self.has(
            words,
            "--served-model-name=servers", "--revision=v1.0", "--tensor-parallel-size=4", "--max-num-seqs=16",
            "--dtype=bfloat16", "--trust-remote-code", "--host=127.0.0.1", "--init-timeout=1800",
            "--stage-init-timeout=1800", "--max-generated-image-size=1048576", "--no-enable-prefix-caching",
        )  # fmt: skip
        self.assertEqual(entry.option_words("vae-use-tiling", False), [], "it has no form for no")

    def vllm(self) -> None:
        words = printed()
        self.assertEqual(words[:3], ["vllm", "serve", SETTINGS["model"]])
        self.has(words, "--tensor-parallel-size=4", "--max-model-len=4096", "--max-loras=3")

    def test_the_command_line(self) -> None:
        check = getattr(self, BACKEND.replace("-", "_"), None)
        if check is None:
            self.skipTest(f"{BACKEND} has none")
        check()

    def test_secrets_are_not_logged(self) -> None:
        if not hasattr(entry, "loggable"):
            self.skipTest(f"{BACKEND} logs no options")
        settings = {**SETTINGS, "options": {"api-key": "SECRET", "seed": 1}}
        arguments = [settings, "model", "file"][: entry.loggable.__code__.co_argcount]
        self.assertNotIn("SECRET", entry.loggable(*arguments))


def read_properties(text: str) -> dict[str, str]:
    """As java.util.Properties reads them."""
    found = {}
    for line in text.splitlines():
        assert line.isascii(), line
        key, at = [], 0
        while line[at] not in "=: ":
            step = 2 if line[at] == "\\" else 1
            key.append(line[at + step - 1])
            at += step
        value, rest = "", line[at + 1 :]
        at = 0
        while at < len(rest):
            if rest[at] != "\\":
                value, at = value + rest[at], at + 1
            elif rest[at + 1] == "u":
                value, at = value + chr(int(rest[at + 2 : at + 6], 16)), at + 6
            else:
                value, at = value + {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}.get(rest[at + 1], rest[at + 1]), at + 2
        found["".join(key)] = value.encode("utf-16", "surrogatepass").decode("utf-16")
    return found


@unittest.skipUnless(BACKEND in ("lmi", "djl"), "not DJL Serving")
class Properties(unittest.TestCase):
    def test_what_is_written(self) -> None:
        found = read_properties(serve("print").stdout)
        wanted = {
            "engine": "Python", "fail_fast": "true", "option.model_id": SETTINGS["model"],
            "option.rolling_batch": "disable", "option.revision": "v1.0", "option.tensor_parallel_degree": "4",
            "option.max_model_len": "4096", "option.dtype": "bf16", "option.trust_remote_code": "true",
        }  # fmt: skip
        if BACKEND == "lmi":
            wanted |= {
                "option.async_mode": "true", "option.entryPoint": "djl_python.lmi_vllm.vllm_async_service",
                "option.gpu_memory_utilization": "0.8", "option.max_rolling_batch_size": "16",
                "option.enable_lora": "true", "option.max_loras": "3", "option.max_lora_rank": "64",
                "option.served_model_name": "servers", "option.limit_mm_per_prompt": '{"image":2}',
                "option.chat_template": "a=b: \\\n#é🦀$(c)",
            }  # fmt: skip
        else:
            wanted["option.entryPoint"] = "model.py"
            self.assertEqual(json.loads(found["option.load_arguments"])["attn_implementation"], "sdpa")
        for name, value in wanted.items():
            self.assertEqual(found.get(name), value, name)
        self.assertGreater(int(found["option.model_loading_timeout"]), 60)

    def test_text_survives_escaping(self) -> None:
        for text in ["", " x ", "#c", "!c", "a=b", "a:b", "\\", "é🦀", "\t\n\r\f", "$(id)", "tail\\"]:
            settings = {"properties": {}, "options": {"a key:=": text}}
            found = read_properties(entry.document(settings, "m"))
            self.assertEqual(found["option.a key:="], text)

    def test_the_project_wins_and_a_second_model_is_dropped(self) -> None:
        settings = {"properties": {"option.dtype": "float16"}, "options": {"dtype": "x", "option.model_id": "y"}}
        self.assertEqual(entry.properties(settings, "m"), {"option.dtype": "fp16", "option.model_id": "m"})
        environ = {"HF_MODEL_ID": "a", "OPTION_MODEL_ID": "b", "OPTION_SEED": "1"}
        entry.only_this_model(environ)
        self.assertEqual(environ, {"OPTION_SEED": "1"})

    def test_the_model_store_has_one_model(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = entry.model_store(SETTINGS, "m", Path(folder))
            files = {path.name for path in store.iterdir()}
            self.assertEqual(files, {"serving.properties"} | ({"model.py", "loading.py"} if BACKEND == "djl" else set()))

    def test_adapters_of_the_model_are_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "m" / "adapters" / "one").mkdir(parents=True)
            for _ in range(2):
                store = entry.model_store(SETTINGS, f"{folder}/m", Path(folder))
                self.assertTrue((store / "adapters" / "one").is_dir())

    def test_the_server_is_started_with_it_and_its_death_is_a_failure(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "server"
            script.write_text(f'#!/bin/sh\nprintf "%s " "$@" >{folder}/args\nenv >{folder}/env\nexit 0\n')
            script.chmod(0o755)
            entry.SERVER[0] = str(script)
            os.environ.update(MODEL_CACHE_DIR=f"{folder}/cache", HF_MODEL_ID="other")
            self.assertEqual(entry.main(["serve"]), 1)
            self.assertEqual(Path(folder, "args").read_text(), f"serve --model-store {folder}/cache/serving/model ")
            environ = Path(folder, "env").read_text()
            self.assertIn("SERVING_FAIL_FAST=true", environ)
            self.assertIn("SERVING_MANAGEMENT_ADDRESS=http://127.0.0.1:8081", environ)
            self.assertNotIn("HF_MODEL_ID", environ)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
