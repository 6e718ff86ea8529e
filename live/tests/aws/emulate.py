"""An account in moto, with something of each kind that moto has.

Prints a line of JSON when all is there: the port, and names that AWS chose. Ends when its standard input does.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

os.environ.update(AWS_ACCESS_KEY_ID="emulated", AWS_SECRET_ACCESS_KEY="emulated", AWS_EC2_METADATA_DISABLED="true")

import boto3
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.33.0-lmi15.0.0-cu128"

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()


def client(name: str):
    return boto3.client(name, region_name=REGION, endpoint_url=f"http://{host}:{port}")


s3 = client("s3")
s3.create_bucket(Bucket="models")
s3.create_bucket(Bucket="models.dotted")
for key, body in [
    ("llama/config.json", b'{"architectures": ["LlamaForCausalLM"]}'),
    ("llama/model a+b.safetensors", b"12345"),
    ("llama-other/x", b"1"),
    ("llama.tar.gz", b"123"),
]:
    s3.put_object(Bucket="models", Key=key, Body=body)
s3.put_object(Bucket="models.dotted", Key="é/a", Body=b"1")
s3.put_object(Bucket="models.dotted", Key="many/config.json", Body=b'{"hidden_size": 8}')
for number in range(1100):
    s3.put_object(Bucket="models.dotted", Key=f"many/a{number:04}", Body=b"1")

secrets = client("secretsmanager")
secret = secrets.create_secret(Name="prod/hf-token", SecretString="s3cr3t-value")["ARN"]
secrets.create_secret(Name="database", SecretString="s3cr3t-value")
deleted = secrets.create_secret(Name="huggingface-old", SecretString="s3cr3t-value")["ARN"]
secrets.delete_secret(SecretId=deleted, RecoveryWindowInDays=7)

sagemaker = client("sagemaker")
cluster = {
    "InstanceGroups": [
        {
            "InstanceCount": 2,
            "InstanceGroupName": "gpu",
            "InstanceType": "ml.g5.8xlarge",
            "LifeCycleConfig": {"SourceS3Uri": "s3://sagemaker-x/y", "OnCreate": "a.sh"},
            "ExecutionRole": "arn:aws:iam::123456789012:role/r",
            # moto creates no cluster without it, though it is optional.
            "ThreadsPerCore": 1,
        }
    ],
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
}
for name in ("one", "two"):
    sagemaker.create_cluster(ClusterName=name, **cluster)
sagemaker.create_model_package_group(ModelPackageGroupName="g1")
for approval in ("Approved", "PendingManualApproval"):
    sagemaker.create_model_package(
        ModelPackageGroupName="g1",
        ModelApprovalStatus=approval,
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models/llama.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.g5.xlarge"],
        },
    )
ecr = client("ecr")
ecr.create_repository(repositoryName="team/vllm")
layer = f"sha256:{hashlib.sha256(b'1').hexdigest()}"
for tag in ("v1.0.0", "v1.1.0"):
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": layer, "size": 1}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [{"digest": layer, "size": 7}],
            "annotations": {"v": tag},
        }
    )
    # moto makes digests up, unless it is told them.
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    ecr.put_image(repositoryName="team/vllm", imageTag=tag, imageManifest=manifest, imageDigest=digest)
print(json.dumps({"port": port, "secret": secret, "deleted": deleted}), flush=True)
sys.stdin.read()
server.stop()
