"""A Kubernetes cluster on this machine, without anything that runs containers.

    cluster.py FOLDER NODES SCHEMA

Real: etcd, the API server, the scheduler, the controllers of Deployments, namespaces, volumes and garbage. Played: the
nodes (nodes.py), HyperPod's inference operator (inference_operator.py) and the check of EKS's tokens (here). NODES is
JSON, the nodes to have; SCHEMA that of the operator's kind. All is in FOLDER and on loopback. Writes FOLDER/ready.json
with "server", "authority" and "token" of an administrator when it can be used, and ends, with all that it has started,
when its standard input does.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "emulator"))

import inference_operator
import nodes
from api import Api


class Tokens(http.server.BaseHTTPRequestHandler):
    """What EKS does with a token: it is a signed question to STS about the caller, and names the cluster."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = review["spec"]["token"].removeprefix("k8s-aws-v1.")
        try:
            url = urllib.parse.urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
            asked = dict(urllib.parse.parse_qsl(url.query))
        except ValueError:
            asked = {}
        signed = asked.get("X-Amz-SignedHeaders", "").split(";")
        known = asked.get("Action") == "GetCallerIdentity" and "x-k8s-aws-id" in signed
        # As an access entry with AmazonEKSClusterAdminPolicy would have it.
        user = {"username": "arn:aws:iam::123456789012:user/developer", "groups": ["system:masters"]}
        review["status"] = {"authenticated": True, "user": user} if known else {"authenticated": False}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, []
        self.token = secrets.token_hex(16)

    def start(self, program: str, **options: object) -> None:
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        log = (self.folder / f"{program}.log").open("wb")
        # Killed together with this process, however that ends.
        words = ["setpriv", "--pdeathsig", "KILL", program, *words]
        self.running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def stop(self) -> None:
        for process in reversed(self.running):
            process.kill()
            process.wait()

    def openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def kubeconfig(self, name: str, server: str, authority: str = "", token: str = "") -> Path:
        cluster = {"server": server} | ({"certificate-authority": authority} if authority else {})
        user = {"token": token} if token else {}
        path = self.folder / name
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "it", "cluster": cluster}],
                    "users": [{"name": "it", "user": user}],
                    "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
                    "current-context": "it",
                }
            )
        )
        return path

    def run(self) -> Api:
        folder = self.folder
        self.openssl("genrsa", "-out", "account.key", "2048")
        for name in ("server", "kubelet"):
            self.openssl(
                *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.crt"),
            )
        (folder / "tokens.csv").write_text(f"{self.token},admin,admin,system:masters\n")
        review = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
        threading.Thread(target=review.serve_forever, daemon=True).start()
        webhook = self.kubeconfig("review.json", f"http://127.0.0.1:{review.server_address[1]}/")

        etcd = f"http://127.0.0.1:{free_port()}"
        peer = f"http://127.0.0.1:{free_port()}"
        self.start(
            "etcd",
            data_dir=folder / "etcd",
            listen_client_urls=etcd,
            advertise_client_urls=etcd,
            listen_peer_urls=peer,
            initial_advertise_peer_urls=peer,
            initial_cluster=f"default={peer}",
        )
        port = free_port()
        self.start(
            "kube-apiserver",
            etcd_servers=etcd,
            bind_address="127.0.0.1",
            secure_port=port,
            tls_cert_file=folder / "server.crt",
            tls_private_key_file=folder / "server.key",
            cert_dir=folder,
            token_auth_file=folder / "tokens.csv",
            authentication_token_webhook_config_file=webhook,
            authorization_mode="RBAC",
            service_cluster_ip_range="10.96.0.0/16",
            service_account_issuer="https://kubernetes.default.svc",
            service_account_key_file=folder / "account.key",
            service_account_signing_key_file=folder / "account.key",
            endpoint_reconciler_type="none",
            kubelet_preferred_address_types="InternalIP",
        )
        server = f"https://127.0.0.1:{port}"
        api = Api(server, self.token, (folder / "server.crt").read_text())
        self.wait_for(lambda: api.find("/api/v1/namespaces/default") is not None)
        config = self.kubeconfig("admin.json", server, str(folder / "server.crt"), self.token)
        common = {"kubeconfig": config, "leader_elect": "false", "bind_address": "127.0.0.1", "port": 0, "cert_dir": folder}
        self.start("kube-scheduler", secure_port=free_port(), **common)
        self.start(
            "kube-controller-manager",
            secure_port=free_port(),
            # The nodes tell no sign of life, and have no addresses of their own.
            controllers="*,-nodelifecycle,-nodeipam,-route,-service,-cloud-node-lifecycle",
            service_account_private_key_file=folder / "account.key",
            **common,
        )
        self.wait_for(lambda: api.find("/api/v1/namespaces/default/serviceaccounts/default") is not None)
        return api

    def wait_for(self, there: object) -> None:
        end = time.monotonic() + 90
        while True:
            try:
                if there():
                    return
            except OSError:
                pass
            for process in self.running:
                assert process.poll() is None, f"a program has ended: see its log in {self.folder}"
            assert time.monotonic() < end, f"no cluster: see the logs in {self.folder}"
            time.sleep(0.1)


def main(folder: Path, wanted: str, schema: Path) -> None:
    folder.mkdir(exist_ok=True)
    cluster = Cluster(folder)
    try:
        api = cluster.run()
        nodes.add_nodes(api, json.loads(wanted), nodes.Kubelet(folder).port)
        inference_operator.install(api, schema)
        path = f"/apis/{inference_operator.GROUP}/v1/{inference_operator.PLURAL}"
        cluster.wait_for(lambda: api.find(path) is not None)
        ready = {"server": api.server, "token": cluster.token, "authority": (folder / "server.crt").read_text()}
        (folder / "ready.part").write_text(json.dumps(ready))
        (folder / "ready.part").rename(folder / "ready.json")
        ended = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
        pods = nodes.Pods(api)
        while not ended.wait(0.1):
            try:
                pods.step()
                inference_operator.step(api)
            except OSError:
                traceback.print_exc()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        cluster.stop()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
