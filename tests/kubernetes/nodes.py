"""What kubelets would do, without running anything: pods on a node become ready, their logs can be read, and their
ports be forwarded to a server that answers for every model.

A pod gets ready only where a kubelet could start it: its Secrets and claims must be there. A container that has
MCC_TEST_CRASH in its environment never does.
"""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
import time
import urllib.error
from pathlib import Path
from typing import Any

import spdy
from answer import ANSWER
from api import Api, Object

LOG = "the model serves"


class Model(http.server.BaseHTTPRequestHandler):
    """Answers as any model server would; what it says is canned."""

    def reply(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self) -> None:
        self.reply(200 if self.path == "/ping" else 404, "")

    def do_POST(self) -> None:
        got = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = self.path == "/invocations" and got and self.headers.get("Content-Type")
        self.reply(200 if asked else 400, ANSWER if asked else "")


class Kubelet:
    """The HTTPS port of all nodes."""

    def __init__(self, folder: Path) -> None:
        self.model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=self.model.serve_forever, daemon=True).start()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "kubelet.crt", folder / "kubelet.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client: Any) -> None:
        try:
            with self.context.wrap_socket(client, server_side=True) as secure:
                first, headers, rest = spdy.read_head(secure)
                path = first.split(" ")[1]
                if path.startswith("/containerLogs/"):
                    self.say(secure, 200, f"{LOG}\n")
                elif path.startswith("/portForward/") and headers.get("upgrade", "").lower() == "spdy/3.1":
                    secure.sendall(
                        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                        b"X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
                    )
                    spdy.Forward(secure, rest, self.model.server_address).run()
                else:
                    self.say(secure, 400, "not known here\n")
        except OSError:
            pass  # who asked has gone

    @staticmethod
    def say(secure: ssl.SSLSocket, status: int, text: str) -> None:
        head = f"HTTP/1.1 {status} -\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        secure.sendall((head + text).encode())


def add_nodes(api: Api, nodes: list[Object], port: int) -> None:
    """`nodes` are {"name", "labels", "capacity"}."""
    for node in nodes:
        path = f"/api/v1/nodes/{node['name']}"
        metadata = {"name": node["name"], "labels": {"kubernetes.io/hostname": node["name"], **node["labels"]}}
        api.call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": metadata})
        size = {"pods": "110", **node["capacity"]}
        status = {
            "capacity": size,
            "allocatable": size,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        api.patch(f"{path}/status", {"status": status})
        # New nodes are tainted until the controller of nodes, which does not run here, has seen them.
        api.patch(path, {"spec": {"taints": None}})


def missing(api: Api, pod: Object) -> str:
    """Why a kubelet could not start this pod; empty when it could."""
    space = f"/api/v1/namespaces/{pod['metadata']['namespace']}"
    for container in pod["spec"]["containers"]:
        for variable in container.get("env", []):
            if variable["name"] == "MCC_TEST_CRASH":
                return "CrashLoopBackOff"
            key = variable.get("valueFrom", {}).get("secretKeyRef")
            if key:
                secret = api.find(f"{space}/secrets/{key['name']}")
                if not secret or key["key"] not in secret.get("data", {}):
                    return "CreateContainerConfigError"
    for volume in pod["spec"].get("volumes", []):
        claim = volume.get("persistentVolumeClaim")
        if claim:
            found = api.find(f"{space}/persistentvolumeclaims/{claim['claimName']}")
            if not found or found["status"]["phase"] != "Bound":
                return "ContainerCreating"
    return ""


def status(pod: Object, address: str, reason: str) -> Object:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ready = not reason
    state = {"running": {"startedAt": now}} if ready else {"waiting": {"reason": reason}}
    kinds = {"Initialized": True, "Ready": ready, "ContainersReady": ready, "PodScheduled": True}
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": container["image"],
            "ready": ready,
            "restartCount": 0,
            "state": state,
        }
        for container in pod["spec"]["containers"]
    ]
    conditions = [
        {"type": kind, "status": str(value), "lastTransitionTime": now}
        | ({} if value else {"reason": "ContainersNotReady", "message": "containers with unready status"})
        for kind, value in kinds.items()
    ]
    return {
        "phase": "Running" if ready else "Pending",
        "startTime": now,
        "hostIP": "127.0.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": conditions,
        "containerStatuses": containers,
    }


class Pods:
    """Brings pods that are on a node a step further with each look."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.addresses: dict[str, str] = {}
        self.told: dict[str, str] = {}

    def step(self) -> None:
        for pod in self.api.items("/api/v1/pods"):
            meta = pod["metadata"]
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
            if not pod["spec"].get("nodeName"):
                continue
            try:
                if meta.get("deletionTimestamp"):
                    self.api.call("DELETE", path, {"gracePeriodSeconds": 0})
                    continue
                uid = meta["uid"]
                address = self.addresses.setdefault(uid, f"10.1.0.{len(self.addresses) % 250 + 1}")
                # Every start takes two looks.
                reason = missing(self.api, pod) if uid in self.told else "ContainerCreating"
                if self.told.get(uid) != reason:
                    self.api.patch(f"{path}/status", {"status": status(pod, address, reason)})
                    self.told[uid] = reason
            except urllib.error.HTTPError as error:
                if error.code not in (404, 409):
                    raise

