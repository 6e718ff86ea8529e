#!/usr/bin/env python3
"""Hold the entry point of a generated language-model project to its contract, with stand-ins for engine and AWS.

    serve_check.py PROJECT

`code/serve` is started as the container starts it; an executable with the engine's name, first on PATH, records how it
was called. Standard library only. Exit status 0 if all held.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path()
ENGINE = "vllm"
TOKEN = "hf_NeverInAnyLog0123456789"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hf-AbCdEf"
PATIENCE_S = 20


def free_port() -> int:
    """A free port that no calling socket is given: one that polls it could otherwise be connected to itself."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, lowest), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Container(unittest.TestCase):
    """A copy of the project's code, a fake engine, and a folder for what they leave behind."""

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="serve-check-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.code, self.state = self.folder / "code", self.folder / "state"
        shutil.copytree(PROJECT / "code", self.code)
        for name in ("bin", "state", "cache", "home", "model", "aws"):
            (self.folder / name).mkdir()
        shutil.copy(HERE / "fake_engine.py", self.folder / "bin" / ENGINE)
        self.port = free_port()

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(HERE / "stubs"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.folder / "home"),
            "MODEL_CACHE_DIR": str(self.folder / "cache"),
            "MODEL_DIR": str(self.folder / "model"),
            "STUB_AWS": str(self.folder / "aws"),
            "STUB_HUB": str(self.folder / "hub"),
            "FAKE_STATE": str(self.state),
            "FAKE_PORT": str(self.port),
            **more,
        }

    def settings(self, model: str | None = None, options: dict[str, Any] | None = None) -> dict[str, Any]:
        """The project's engine-args.json, with these values instead."""
        file = self.code / "engine-args.json"
        settings: dict[str, Any] = json.loads(file.read_text())
        settings.update({key: value for key, value in (("model", model), ("options", options)) if value is not None})
        file.write_text(json.dumps(settings, ensure_ascii=False))
        return settings

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The entry point, run as Docker runs it: as an executable with arguments."""
        process = subprocess.Popen(
            [sys.executable, self.code / "serve", *(arguments or ("serve",))],
            env=self.environ(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

        def clean() -> None:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)
            process.communicate()

        self.addCleanup(clean)
        return process

    def run_to_end(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def started(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """How the engine was called, once it was."""
        deadline = time.monotonic() + PATIENCE_S
        file = self.state / "started.json"
        while not file.exists():
            if process.poll() is not None:
                self.fail(f"ended with {process.returncode} before the engine ran: {process.communicate()[1]}")
            self.assertLess(time.monotonic(), deadline, "the engine was not started")
            time.sleep(0.02)
        return json.loads(file.read_text())

    def called(self, **more: str) -> dict[str, Any]:
        process = self.start(**more)
        started = self.started(process)
        process.terminate()
        process.wait(PATIENCE_S)
        return started

    def get(self, path: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def wait_for_ping(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.get("/ping") != 200:
            self.assertIsNone(process.poll(), "it ended while the model was loaded")
            self.assertLess(time.monotonic(), deadline, "/ping never answered")
            time.sleep(0.05)


class CommandLine(Container):
    def test_project_as_generated(self) -> None:
        settings = self.settings()
        argv = self.called()["argv"]
        self.assertEqual(argv[:2], ["serve", settings["model"]])
        self.assertEqual(argv[-2:], ["--host=0.0.0.0", "--port=8080"])
        self.assertIn("--served-model-name", argv)

    def test_values_arrive_byte_for_byte(self) -> None:
        nasty = "a b\t\"'`$(id)${HOME}\\n\n--port=1 é 模型 {}[] \x01"
        document = '{"b": 1.50, "a":  [1e3, "\\u00e9"]}'
        self.settings(
            options={
                "chat-template": nasty,
                "speculative-config": document,
                "limit-mm-per-prompt": {"image": 6, "té": [None, True, "x y"]},
                "served-model-name": ["one", nasty],
                "lora-modules": ["a=b", document],
                "middleware": ["x.Y", "z.W"],
                "response-role": "-starts-with-a-dash",
                "compilation-config.cudagraph_mode": "FULL",
                "seed": 7,
                "watermark": 0.25,
                "enforce-eager": True,
                "enable-prefix-caching": False,
                "no-async-scheduling": True,
                "otlp-traces-endpoint": None,
                "allowed-media-domains": [],
                "max_num_batched_tokens": "8k",
                "additional-config": "",
            }
        )
        self.assertEqual(
            self.called()["argv"][2:-3],
            [
                f"--chat-template={nasty}",
                f"--speculative-config={document}",
                '--limit-mm-per-prompt={"image":6,"té":[null,true,"x y"]}',
                "--served-model-name", "one", nasty,
                "--lora-modules", "a=b", document,
                "--middleware=x.Y", "--middleware=z.W",
                "--response-role=-starts-with-a-dash",
                "--compilation-config.cudagraph_mode=FULL",
                "--seed=7",
                "--watermark=0.25",
                "--enforce-eager",
                "--no-enable-prefix-caching",
                "--no-async-scheduling",
                "--max-num-batched-tokens=8k",
                "--additional-config=",
            ],
        )  # fmt: skip

    def test_print_is_what_is_started(self) -> None:
        argv = self.called()["argv"]
        status, out, _ = self.run_to_end("print")
        self.assertEqual((status, json.loads(out)), (0, [ENGINE, *argv]))

    def test_other_arguments_are_refused(self) -> None:
        self.assertEqual(self.run_to_end("train")[0], 2)
        self.assertFalse((self.state / "started.json").exists())


class Port(Container):
    def test_the_engine_is_told_to_answer_two_requests_only(self) -> None:
        started = self.called(PYTHONPATH="/mine")
        middleware = [word.partition("=")[2] for word in started["argv"] if word.startswith("--middleware=")]
        self.assertEqual(middleware[-1:], ["only_invocations.OnlyInvocations"])
        # As the engine imports it, with the path that it was started with.
        script = (
            "import asyncio, importlib, json, sys\n"
            "module, _, name = sys.argv[1].rpartition('.')\n"
            "async def engine(scope, receive, send): reached.append(scope['path'] if 'path' in scope else scope['type'])\n"
            "async def send(message): sent.append(message)\n"
            "app = getattr(importlib.import_module(module), name)(engine)\n"
            "found = []\n"
            "for scope in json.loads(sys.argv[2]):\n"
            "    reached, sent = [], []\n"
            "    asyncio.run(app(scope, None, send))\n"
            "    found.append([reached, sent[0].get('status', sent[0]['type']) if sent else None])\n"
            "print(json.dumps(found))\n"
        )
        pass_on = [("GET", "/ping"), ("POST", "/invocations")]
        refused = [
            ("POST", "/ping"), ("GET", "/invocations"), ("POST", "/invocations/"), ("POST", "//invocations"),
            ("POST", "/Invocations"), ("POST", "/invocations/../pause"), ("POST", "/pause"), ("POST", "/update_weights"),
            ("POST", "/collective_rpc"), ("POST", "/v1/load_lora_adapter"), ("GET", "/metrics"), ("GET", "/docs"), ("GET", ""),
        ]  # fmt: skip
        scopes = [{"type": "http", "method": method, "path": path} for method, path in pass_on + refused]
        scopes += [{"type": "websocket", "path": "/invocations"}, {"type": "lifespan"}]
        done = subprocess.run(
            [sys.executable, "-c", script, middleware[-1], json.dumps(scopes)],
            cwd="/", env={"PYTHONPATH": started["environ"]["PYTHONPATH"], "PATH": os.environ["PATH"]},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        expected = [[[path], None] for _, path in pass_on] + [[[], 404] for _ in refused]
        self.assertEqual(json.loads(done.stdout), [*expected, [[], "websocket.close"], [["lifespan"], None]])
        self.assertTrue(started["environ"]["PYTHONPATH"].startswith("/mine"))

    def test_recordings_go_to_the_path_for_transcripts(self) -> None:
        """As the engine gets them: a form is left as it is, a recording alone becomes one."""
        script = (
            "import asyncio, email, email.policy, json, sys\n"
            "from only_invocations import OnlyInvocations\n"
            "async def engine(scope, receive, send):\n"
            "    body, more = b'', True\n"
            "    while more:\n"
            "        message = await receive()\n"
            "        body += message.get('body', b'')\n"
            "        more = message.get('more_body', False)\n"
            "    headers = {k.decode(): v.decode() for k, v in scope['headers']}\n"
            "    head = ('content-type: ' + headers['content-type'] + '\\r\\n\\r\\n').encode()\n"
            "    form = email.message_from_bytes(head + body, policy=email.policy.HTTP)\n"
            "    parts = [[p.get_param('name', header='content-disposition'), p.get_filename(), p.get_content_type(),\n"
            "              p.get_payload(decode=True).decode('latin-1')] for p in form.iter_parts()] if form.is_multipart() else []\n"
            "    length = headers.get('content-length')\n"
            "    found.append([scope['path'], scope['raw_path'].decode(), parts, length is None or int(length) == len(body)])\n"
            "async def send(message): sent.append(message)\n"
            "found, answers = [], []\n"
            "for headers, chunks in json.loads(sys.argv[1]):\n"
            "    messages = [{'type': 'http.request', 'body': c.encode('latin-1'), 'more_body': True} for c in chunks[:-1]]\n"
            "    messages.append({'type': 'http.request', 'body': chunks[-1].encode('latin-1')})\n"
            "    async def receive(): return messages.pop(0)\n"
            "    sent = []\n"
            "    scope = {'type': 'http', 'method': 'POST', 'path': '/invocations', 'raw_path': b'/invocations',\n"
            "             'headers': [(k.encode(), v.encode()) for k, v in headers.items()]}\n"
            "    asyncio.run(OnlyInvocations(engine)(scope, receive, send))\n"
            "    answers.append(sent[0]['status'] if sent else None)\n"
            "print(json.dumps([found, answers]))\n"
        )
        attribute = "x-amzn-sagemaker-custom-attributes"
        wave = "RIFF\r\n--\x00\xff"
        form = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n{wave}\r\n--b--\r\n'
        multipart = "multipart/form-data; boundary=b"
        requests = [
            ({"content-type": "audio/wav", "content-length": str(len(wave))}, [wave[:3], wave[3:]]),
            ({"content-type": "Audio/MPEG"}, [wave]),
            ({"content-type": multipart, "content-length": str(len(form))}, [form]),
            ({"content-type": multipart, attribute: "a=b, route=/v1/audio/translations"}, [form]),
            ({"content-type": "application/json"}, ['{"input": "x"}']),
            ({"content-type": multipart, attribute: "route=/v1/load_lora_adapter"}, [form]),
            ({"content-type": "application/json", attribute: "route=/pause"}, ["{}"]),
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script, json.dumps(requests)],
            cwd=self.code, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found, answers = json.loads(done.stdout)
        transcripts, translations = "/v1/audio/transcriptions", "/v1/audio/translations"
        self.assertEqual(
            found,
            [
                [transcripts, transcripts, [["file", "recording", "audio/wav", wave]], True],
                [transcripts, transcripts, [["file", "recording", "audio/mpeg", wave]], True],
                [transcripts, transcripts, [["file", "a.wav", "text/plain", wave]], True],
                [translations, translations, [["file", "a.wav", "text/plain", wave]], True],
                ["/invocations", "/invocations", [], True],
            ],
        )
        self.assertEqual(answers, [None] * 5 + [400, 400])


class Life(Container):
    def test_ping_waits_for_the_model(self) -> None:
        process = self.start(FAKE_LOAD_S="1.5")
        self.started(process)
        self.assertIsNone(self.get("/ping"), "nothing answers while the model is loaded")
        self.assertIsNone(process.poll())
        self.wait_for_ping(process)

    def test_an_engine_that_ends_ends_the_container_with_an_error(self) -> None:
        for how, status in (("exit:3", 3), ("exit:0", 1), ("kill:9", 137)):
            with self.subTest(how):
                begun = time.monotonic()
                code, _, err = self.run_to_end(FAKE_END=how)
                self.assertEqual(code, status)
                self.assertIn("ended by itself", err)
                self.assertLess(time.monotonic() - begun, 5, "it fails fast")

    def test_an_engine_that_dies_later_does_too(self) -> None:
        process = self.start()
        self.wait_for_ping(process)
        self.get("/end/exit:0")
        self.assertEqual(process.wait(PATIENCE_S), 1)

    def test_signals_are_passed_on(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                process = self.start()
                self.wait_for_ping(process)
                process.send_signal(number)
                self.assertEqual(process.wait(PATIENCE_S), 0, "stopping on purpose is no failure")
                self.assertEqual((self.state / "signals").read_text().split()[-1], str(int(number)))

    def test_an_engine_that_does_not_stop_is_killed(self) -> None:
        supervise = self.code / "supervise.py"
        supervise.write_text(supervise.read_text().replace("DRAIN_S = 25", "DRAIN_S = 1"))
        process = self.start(FAKE_STUBBORN="1")
        self.wait_for_ping(process)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE_S), 0)
        self.assertIn("killed", process.communicate()[1])
        self.assertIsNone(self.get("/ping"), "nothing is left behind")

    def test_a_missing_engine_is_said(self) -> None:
        (self.folder / "bin" / ENGINE).unlink()
        code, _, err = self.run_to_end(PATH="/nowhere")
        self.assertEqual(code, 127)
        self.assertIn(f"cannot start {ENGINE}", err)


class Environment(Container):
    def test_service_links_of_kubernetes_are_dropped(self) -> None:
        environ = self.called(VLLM_PORT="tcp://10.0.0.1:80", VLLM_SERVICE_HOST="10.0.0.1", VLLM_LOGGING_LEVEL="DEBUG")[
            "environ"
        ]
        self.assertNotIn("VLLM_PORT", environ)
        self.assertNotIn("VLLM_SERVICE_HOST", environ)
        self.assertEqual(environ["VLLM_LOGGING_LEVEL"], "DEBUG")

    def test_caches_are_on_the_chosen_disk(self) -> None:
        environ = self.called(HF_HOME="/mine")["environ"]
        self.assertEqual(environ["HF_HOME"], "/mine", "what is set is left alone")
        self.assertTrue(environ["XDG_CACHE_HOME"].startswith(str(self.folder / "cache")))

    def test_the_largest_disk_is_chosen(self) -> None:
        script = (
            "import model_source as m, shutil, collections\n"
            "Usage = collections.namedtuple('Usage', 'free')\n"
            f"m.CACHE_CANDIDATES = ('{self.folder}/home', '{self.folder}/cache', '/nowhere')\n"
            f"m.shutil.disk_usage = lambda path: Usage(10**12 if '{self.folder}/cache' in str(path) else 10**9)\n"
            "print(m.use_large_disk({}))\n"
        )
        environ = self.environ()
        del environ["MODEL_CACHE_DIR"]
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=self.code, env=environ, capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout.strip(), str(self.folder / "cache/model-cache"))

    def test_forward_compatibility_only_where_the_driver_is_older(self) -> None:
        module = self.code / "cuda_compat.py"
        compat, driver = self.folder / "compat", self.folder / "driver"
        text = module.read_text().replace("/usr/local/cuda/compat", str(compat))
        module.write_text(text.replace("/proc/driver/nvidia/version", str(driver)))
        compat.mkdir()
        (compat / "libcuda.so.580.65.06").touch()
        (compat / "libcuda.so.1").touch()
        used = f"{compat}:/old"
        for line, expected in (
            (None, "/old"),
            ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12", used),
            ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.172.08  Release Build", used),
            ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build", "/old"),
            ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  590.10  Release Build", "/old"),
            ("something else", "/old"),
        ):
            with self.subTest(line):
                if line is not None:
                    driver.write_text(line)
                (self.state / "started.json").unlink(missing_ok=True)
                self.assertEqual(self.called(LD_LIBRARY_PATH="/old")["environ"]["LD_LIBRARY_PATH"], expected)


class Secrets(Container):
    def test_the_token_comes_from_secrets_manager_and_stays_out_of_the_log(self) -> None:
        for secret in (TOKEN, f" {TOKEN}\n", json.dumps({"HF_TOKEN": TOKEN}), json.dumps({"token": TOKEN})):
            with self.subTest(secret):
                (self.folder / "aws/secrets.json").write_text(json.dumps({ARN: secret}))
                code, out, err = self.run_to_end(HF_TOKEN_SECRET_ARN=ARN, FAKE_END="exit:3")
                self.assertEqual(code, 3)
                self.assertEqual(json.loads((self.state / "started.json").read_text())["environ"]["HF_TOKEN"], TOKEN)
                self.assertNotIn(TOKEN, out + err)
        self.assertIn("secretsmanager eu-west-1 ", (self.folder / "aws/calls").read_text(), "the Region of the ARN")

    def test_a_token_of_the_environment_wins(self) -> None:
        self.assertEqual(self.called(HF_TOKEN=TOKEN, HF_TOKEN_SECRET_ARN=ARN)["environ"]["HF_TOKEN"], TOKEN)
        self.assertFalse((self.folder / "aws/calls").exists())

    def test_a_secret_that_cannot_be_read_ends_the_start(self) -> None:
        for secrets, said in (
            ({}, "GetSecretValue"),
            ({ARN: '{"x": "' + TOKEN + '"}'}, "HF_TOKEN"),
            ({ARN: "{" + TOKEN}, "JSON"),
        ):
            (self.folder / "aws/secrets.json").write_text(json.dumps(secrets))
            code, out, err = self.run_to_end(HF_TOKEN_SECRET_ARN=ARN)
            self.assertEqual(code, 1)
            self.assertIn(said, err)
            self.assertNotIn(TOKEN, out + err)
            self.assertNotIn("Traceback", err)

    def test_secret_options_stay_out_of_the_log(self) -> None:
        self.settings(options={"api_key": TOKEN, "hf-token": TOKEN})
        code, out, err = self.run_to_end(FAKE_END="exit:3")
        self.assertEqual(code, 3)
        self.assertNotIn(TOKEN, out + err)


class Models(Container):
    def put(self, key: str, content: bytes) -> None:
        file = self.folder / "aws/s3/bucket" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def test_a_hub_id_is_the_engine_s_matter(self) -> None:
        self.settings(model="owner/name")
        started = self.called()
        self.assertEqual(started["argv"][1], "owner/name")
        self.assertNotIn("HF_HUB_OFFLINE", started["environ"])

    def hub(self, model: str, *files: str, revision: str = "main") -> None:
        folder = self.folder / "hub" / model.replace("/", "--")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / revision).write_text(json.dumps(files))

    def test_a_repository_without_a_model_is_said_in_one_line(self) -> None:
        self.hub("owner/files", "README.md", "model-Q4_K_M.gguf")
        self.hub("owner/adapter", "adapter_config.json", "adapter_model.safetensors")
        self.hub("owner/adapter", "config.json", "adapter_config.json", revision="merged")
        for model, said in (("owner/files", "GGUF files"), ("owner/adapter", "an adapter and no model")):
            self.settings(model=model)
            code, _, err = self.run_to_end()
            self.assertEqual(code, 1)
            self.assertRegex(err, rf"{model} has {said}")
            self.assertNotIn("Traceback", err)
        self.settings(model="owner/adapter", options={"revision": "merged"})
        self.assertEqual(self.called()["argv"][1], "owner/adapter")

    def test_what_the_hub_does_not_say_stops_nothing(self) -> None:
        self.hub("owner/files", "model-Q4_K_M.gguf")
        self.hub("owner/other", "README.md", "weights.bin")
        for model, more in (
            ("owner/unlisted", {}),
            ("owner/other", {}),
            ("owner/files:Q4_K_M", {}),
            ("owner/files", {"HF_HUB_OFFLINE": "1"}),
        ):
            self.settings(model=model)
            self.assertEqual(self.called(**more)["argv"][1], model)
            (self.state / "started.json").unlink()

    def test_a_folder_without_a_model_is_said_in_one_line(self) -> None:
        self.settings(model=str(self.folder / "model"))
        for name, said in (("adapter_config.json", "an adapter and no model"), ("a.gguf", "GGUF files")):
            (self.folder / "model" / name).write_text("{}")
            code, _, err = self.run_to_end()
            self.assertEqual(code, 1)
            self.assertIn(said, err)
            (self.folder / "model" / name).unlink()

    def test_a_mounted_model_is_found_one_level_down_too(self) -> None:
        self.settings(model=str(self.folder / "model"))
        code, _, err = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertIn("is empty", err)
        (self.folder / "model/inner").mkdir()
        (self.folder / "model/inner/config.json").write_text("{}")
        started = self.called()
        self.assertEqual(started["argv"][1], str(self.folder / "model/inner"))
        self.assertEqual(started["environ"]["HF_HUB_OFFLINE"], "1")

    def test_a_prefix_is_downloaded_once(self) -> None:
        self.put("m/config.json", b"{}")
        self.put("m/deep/weights.bin", b"w" * 1000)
        self.put("more/other", b"x")
        self.settings(model="s3://bucket/m/")
        model = Path(self.called()["argv"][1])
        self.assertEqual((model / "deep/weights.bin").read_bytes(), b"w" * 1000)
        self.assertFalse(list(model.rglob("*.part")) or list(model.rglob("other")))
        (self.folder / "aws/calls").unlink()
        (self.state / "started.json").unlink()
        self.called()
        self.assertFalse((self.folder / "aws/calls").exists(), "files that are there are not fetched again")

    def test_an_archive_is_unpacked_and_cannot_leave_its_folder(self) -> None:
        self.put("model.tar.gz", archive({"config.json": b"{}"}))
        self.settings(model="s3://bucket/model.tar.gz")
        self.assertTrue((Path(self.called()["argv"][1]) / "config.json").is_file())
        self.put("evil.tar.gz", archive({"../../evil": b"x", "config.json": b"{}"}))
        self.settings(model="s3://bucket/evil.tar.gz")
        code, _, err = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertIn("cannot read s3://bucket/evil.tar.gz", err)
        self.assertFalse(list(self.folder.rglob("evil")))

    def test_what_is_not_there_or_does_not_fit_is_said(self) -> None:
        self.settings(model="s3://bucket/nothing/")
        self.assertIn("nothing below s3://bucket/nothing/", self.run_to_end()[2])
        self.put("big/config.json", b"{}")
        source = self.code / "model_source.py"
        source.write_text(source.read_text().replace("if total > free:", "if total + 10**18 > free:"))
        self.settings(model="s3://bucket/big/")
        code, _, err = self.run_to_end()
        self.assertEqual(code, 1)
        self.assertRegex(err, r"the model has .* GB, but .* GB free")
        self.assertNotIn("Traceback", err)


def archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


if __name__ == "__main__":
    if not (PROJECT / "code/serve").is_file():
        sys.exit(__doc__)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
