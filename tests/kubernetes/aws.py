"""The emulator of AWS (emulator/server.py) with what HyperPod projects ask for besides: a cluster on EKS, a disk.

    aws.py PORT

MCC_CLUSTER is the file in which cluster.py tells where its API server is. moto knows no orchestrator of a HyperPod
cluster, no mount name of a disk and no API server behind EKS: these are set here.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "emulator"))

import server
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.eks.models import eks_backends
from moto.fsx.models import fsx_backends
from moto.sagemaker.models import Cluster, sagemaker_backends

REGION, EKS_NAME, HYPERPOD, DISK = "us-east-1", "demo-eks", "research", "fs-0123456789abcdef0"


def seed() -> None:
    ready = json.loads(Path(os.environ["MCC_CLUSTER"]).read_text())
    eks = eks_backends[ACCOUNT][REGION].create_cluster(EKS_NAME, f"arn:aws:iam::{ACCOUNT}:role/eks", {"subnetIds": []})
    eks.endpoint = ready["server"]
    eks.certificate_authority = {"data": base64.b64encode(ready["authority"].encode()).decode()}

    plain = Cluster.describe
    Cluster.describe = lambda self: plain(self) | {"Orchestrator": {"Eks": {"ClusterArn": eks.arn}}}
    sagemaker_backends[ACCOUNT][REGION].create_cluster(HYPERPOD, [], {}, None)

    disks = fsx_backends[ACCOUNT][REGION]
    settings = dict.fromkeys(("kms_key_id", "windows_configuration", "ontap_configuration", "open_zfs_configuration"))
    disk = disks.create_file_system(
        client_request_token="",
        file_system_type="LUSTRE",
        storage_capacity=1200,
        storage_type="SSD",
        subnet_ids=[],
        security_group_ids=[],
        tags=None,
        lustre_configuration={"MountName": "abcdefgh"},
        file_system_type_version=None,
        **settings,
    )
    disks.file_systems[DISK] = disks.file_systems.pop(disk.file_system_id)
    disk.file_system_id = DISK
    disk.dns_name = f"{DISK}.fsx.{REGION}.amazonaws.com"


if __name__ == "__main__":
    server.extend()
    seed()
    threading.Thread(target=server.end_with_input, daemon=True).start()
    server.main(["--port", sys.argv[1]])
