"""AWS on this machine: moto, stricter in some places, and with what it lacks for generated projects.

    server.py PORT

Ends when its standard input does.

Not moto's, and so ours and no proof of how AWS does it: update-endpoint; inference components; what endpoints,
transform jobs and builds leave in S3, ECR and the logs; the phase that things pass through before they are there.
Answers of models are canned (ANSWER): no container runs. Stricter than moto: instance types, models and buckets that
requests name must be there.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import threading
import time
from enum import Enum
from typing import Any

import botocore.session
import moto.applicationautoscaling.models
import moto.applicationautoscaling.responses
from answer import ANSWER
from moto.codebuild.models import CodeBuildBackend
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.ecr.models import ecr_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig, SageMakerModelBackend, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.models import SageMakerRuntimeBackend
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse
from moto.server import main

# moto has those of some years ago.
DIMENSIONS = botocore.session.Session().get_service_model("application-autoscaling").shape_for("ScalableDimension").enum
MODEL = botocore.session.Session().get_service_model("sagemaker")


def allowed(shape: str, value: str) -> None:
    """moto's own lists of instance types are years old; these are of the AWS service model."""
    if value not in MODEL.shape_for(shape).enum:
        raise ValidationError(f"Value '{value}' at '{shape}' failed to satisfy constraint: not an enum value")


def write_log(backend: Any, group: str, stream: str, message: str) -> None:
    logs = logs_backends[backend.account_id][backend.region_name]
    if group not in logs.groups:
        logs.create_log_group(group, {})
    logs.ensure_log_stream(group, stream)
    logs.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": message}])


def put_object(backend: Any, uri: str, value: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3_backends[backend.account_id][backend.partition].put_object(bucket, key, value=value.encode())


def keys(backend: Any, uri: str) -> list[str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    found = s3_backends[backend.account_id][backend.partition].get_bucket(bucket).keys
    return [key for key in found if key.startswith(prefix)]


class Phase:
    """A thing is told to be on its way once, and then to be there."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def begin(self, thing: str, state: str) -> None:
        self.told[thing] = state

    def state(self, thing: str, then: str) -> str:
        return self.told.pop(thing, then)


PHASES = Phase()


# Endpoints.


def validate_variants(self: SageMakerModelBackend, variants: list[dict[str, Any]]) -> None:
    for variant in variants:
        allowed("ProductionVariantInstanceType", variant["InstanceType"])
        # Without a model the configuration is for inference components, and has the role itself.
        if "ModelName" in variant:
            self.describe_model(variant["ModelName"])


plain_create_endpoint = SageMakerModelBackend.create_endpoint
plain_describe_endpoint = SageMakerModelBackend.describe_endpoint


def create_endpoint(self: SageMakerModelBackend, endpoint_name: str, endpoint_config_name: str, tags: Any) -> Any:
    if endpoint_name in self.endpoints:
        raise ValidationError(f"Cannot create already existing endpoint '{endpoint_name}'.")
    endpoint = plain_create_endpoint(self, endpoint_name, endpoint_config_name, tags)
    PHASES.begin(endpoint.arn, "Creating")
    write_log(self, f"/aws/sagemaker/Endpoints/{endpoint_name}", "AllTraffic/i-0", "the model serves")
    return endpoint


def describe_endpoint(self: SageMakerModelBackend, endpoint_name: str) -> dict[str, Any]:
    found = plain_describe_endpoint(self, endpoint_name)
    return {**found, "EndpointStatus": PHASES.state(found["EndpointArn"], "InService")}


def update_endpoint(self: SageMakerResponse) -> ActionResult:
    backend: SageMakerModelBackend = self.sagemaker_backend
    name, config = self._get_param("EndpointName"), self._get_param("EndpointConfigName")
    plain_describe_endpoint(backend, name)
    backend.describe_endpoint_config(config)
    endpoint = backend.endpoints[name]
    endpoint.endpoint_config_name = config
    PHASES.begin(endpoint.arn, "Updating")
    return ActionResult({"EndpointArn": endpoint.arn})


# Inference components.

COMPONENTS: dict[tuple[str, str], dict[str, Any]] = {}
TAGS: dict[str, list[dict[str, str]]] = {}


def component(self: SageMakerResponse, name: str = "") -> dict[str, Any]:
    name = name or self._get_param("InferenceComponentName")
    if (self.region, name) not in COMPONENTS:
        raise ValidationError(f"Could not find inference component '{name}'.")
    return COMPONENTS[self.region, name]


def create_inference_component(self: SageMakerResponse) -> ActionResult:
    backend: SageMakerModelBackend = self.sagemaker_backend
    name, specification = self._get_param("InferenceComponentName"), self._get_param("Specification")
    endpoint = plain_describe_endpoint(backend, self._get_param("EndpointName"))
    backend.describe_model(specification["ModelName"])
    if (self.region, name) in COMPONENTS:
        raise ValidationError(f"Cannot create already existing inference component '{name}'.")
    copies = self._get_param("RuntimeConfig")["CopyCount"]
    arn = f"arn:aws:sagemaker:{self.region}:{self.current_account}:inference-component/{name}"
    COMPONENTS[self.region, name] = {
        "InferenceComponentName": name,
        "InferenceComponentArn": arn,
        "EndpointName": endpoint["EndpointName"],
        "EndpointArn": endpoint["EndpointArn"],
        "VariantName": self._get_param("VariantName"),
        "CreationTime": time.time(),
        "LastModifiedTime": time.time(),
        "Specification": specification,
        "RuntimeConfig": {"CurrentCopyCount": copies, "DesiredCopyCount": copies},
    }
    TAGS[arn] = self._get_param("Tags") or []
    PHASES.begin(arn, "Creating")
    write_log(backend, f"/aws/sagemaker/InferenceComponents/{name}", "i-0", "the model serves")
    return ActionResult({"InferenceComponentArn": arn})


def describe_inference_component(self: SageMakerResponse) -> ActionResult:
    found = component(self)
    return ActionResult(
        {**found, "InferenceComponentStatus": PHASES.state(found["InferenceComponentArn"], "InService")}
    )


def update_inference_component(self: SageMakerResponse) -> ActionResult:
    found, specification = component(self), self._get_param("Specification")
    self.sagemaker_backend.describe_model(specification["ModelName"])
    found["Specification"] = specification
    PHASES.begin(found["InferenceComponentArn"], "Updating")
    return ActionResult({"InferenceComponentArn": found["InferenceComponentArn"]})


plain_list_tags = SageMakerResponse.list_tags


def list_tags(self: SageMakerResponse) -> ActionResult:
    arn = self._get_param("ResourceArn")
    if ":inference-component/" not in arn:
        return plain_list_tags(self)
    component(self, arn.rpartition("/")[2])
    return ActionResult({"Tags": TAGS[arn]})


def delete_inference_component(self: SageMakerResponse) -> EmptyResult:
    del COMPONENTS[self.region, component(self)["InferenceComponentName"]]
    return EmptyResult()


def list_inference_components(self: SageMakerResponse) -> ActionResult:
    mine = [found for (region, _), found in COMPONENTS.items() if region == self.region]
    return ActionResult({"InferenceComponents": [{**found, "InferenceComponentStatus": "InService"} for found in mine]})


# Requests.


def serving(backend: SageMakerRuntimeBackend, name: str) -> SageMakerModelBackend:
    sagemaker = sagemaker_backends[backend.account_id][backend.region_name]
    plain_describe_endpoint(sagemaker, name)
    return sagemaker


def invoke_endpoint(self: SageMakerRuntimeResponse) -> tuple[int, dict[str, str], str]:
    serving(self.sagemakerruntime_backend, self.path.split("/")[2])
    wanted = self.headers.get("X-Amzn-SageMaker-Inference-Component")
    if wanted and (self.region, wanted) not in COMPONENTS:
        raise ValidationError(f"Could not find inference component '{wanted}'.")
    return 200, {"Content-Type": "application/json", "x-Amzn-Invoked-Production-Variant": "AllTraffic"}, ANSWER


def invoke_endpoint_async(self: SageMakerRuntimeBackend, endpoint_name: str, input_location: str) -> tuple[str, str]:
    sagemaker = serving(self, endpoint_name)
    config = sagemaker.endpoint_configs[sagemaker.endpoints[endpoint_name].endpoint_config_name]
    places = config.async_inference_config["OutputConfig"]
    assert keys(self, input_location), f"there is no {input_location}"
    answer = hashlib.sha256(input_location.encode()).hexdigest()[:16]
    output = f"{places['S3OutputPath'].rstrip('/')}/{answer}.out"
    put_object(self, output, ANSWER)
    failure = places.get("S3FailurePath", f"s3://{places['S3OutputPath'].split('/')[2]}/failures").rstrip("/")
    return output, f"{failure}/{answer}-error.out"


# Transform jobs.

plain_create_transform_job = SageMakerModelBackend.create_transform_job
plain_describe_transform_job = SageMakerModelBackend.describe_transform_job


def create_transform_job(self: SageMakerModelBackend, **settings: Any) -> Any:
    name = settings["transform_job_name"]
    if name in self.transform_jobs:
        raise ValidationError(f"Job name must be unique within an AWS account and region: {name}")
    self.describe_model(settings["model_name"])
    allowed("TransformInstanceType", settings["transform_resources"]["InstanceType"])
    found = settings["transform_input"]["DataSource"]["S3DataSource"]["S3Uri"]
    inputs = keys(self, found)
    if not inputs:
        raise ValidationError(f"No S3 objects found under {found}")
    for key in inputs:
        output = settings["transform_output"]["S3OutputPath"].rstrip("/")
        put_object(self, f"{output}/{key.rsplit('/', 1)[1]}.out", ANSWER)
    job = plain_create_transform_job(self, **settings)
    PHASES.begin(job.arn, "InProgress")
    write_log(self, "/aws/sagemaker/TransformJobs", f"{name}/i-0", "the model serves")
    return job


def describe_transform_job(self: SageMakerModelBackend, transform_job_name: str) -> dict[str, Any]:
    found = plain_describe_transform_job(self, transform_job_name)
    return {**found, "TransformJobStatus": PHASES.state(found["TransformJobArn"], "Completed")}


# Builds.


def update_project(self: CodeBuildResponse) -> ActionResult:
    self.codebuild_backend.delete_project(self._get_param("name"))
    return self.create_project()


plain_start_build = CodeBuildResponse.start_build


def start_build(self: CodeBuildResponse) -> ActionResult:
    """What the buildspec would do: the image is in ECR, and there is a log."""
    answer = plain_start_build(self)
    backend: CodeBuildBackend = self.codebuild_backend
    name = self._get_param("projectName")
    source = backend.codebuild_projects[name].project_metadata["source"]
    assert "sha256sum --check" in source["buildspec"], source
    variables = {one["name"]: one["value"] for one in self._get_param("environmentVariablesOverride")}
    place, digest = self._get_param("sourceLocationOverride"), variables["SOURCE_SHA256"]
    assert keys(backend, f"s3://{place}") == [f"{place.split('/', 1)[1]}{digest}.tar.gz"], place
    bucket, _, key = f"{place}{digest}.tar.gz".partition("/")
    body = s3_backends[backend.account_id][backend.partition].get_object(bucket, key).value
    assert hashlib.sha256(body).hexdigest() == digest, "the sources are not those of the digest"
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = [member.name.removeprefix("./") for member in archive if member.isreg()]
        assert len(files) == len(archive.getmembers()), "there is something else than files"
        dockerfile = archive.extractfile("./Dockerfile")
        assert dockerfile, f"Dockerfile is not in {place}"
        lines = [line.split() for line in dockerfile.read().decode().splitlines() if line.startswith("COPY ")]
    for needed in ("buildspec.yml", "Dockerfile", "do/build", "do/push"):
        assert needed in files, f"{needed} is not in {place}"
    for words in (words for words in lines if not any(word.startswith("--from=") for word in words)):
        for copied in (word for word in words[1:-1] if not word.startswith("--")):
            there = any(file == copied or file.startswith(f"{copied.rstrip('/')}/") for file in files)
            assert there, f"{copied}, which the Dockerfile copies, is not in {place}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": f"sha256:{hashlib.sha256(variables['IMAGE_TAG'].encode()).hexdigest()}"},
        "layers": [],
    }
    ecr_backends[backend.account_id][backend.region_name].put_image(name, json.dumps(manifest), variables["IMAGE_TAG"])
    build = backend.build_metadata[name].build_metadata
    group, stream = f"/aws/codebuild/{name}", build["id"].split(":")[1]
    write_log(backend, group, stream, "built")
    build["logs"] |= {"groupName": group, "streamName": stream}
    return answer


def extend() -> None:
    FakeEndpointConfig.validate_production_variants = lambda self, variants: None
    SageMakerModelBackend.validate_production_variants = validate_variants
    SageMakerModelBackend.create_endpoint = create_endpoint
    SageMakerModelBackend.describe_endpoint = describe_endpoint
    SageMakerModelBackend.create_transform_job = create_transform_job
    SageMakerModelBackend.describe_transform_job = describe_transform_job
    SageMakerRuntimeResponse.invoke_endpoint = invoke_endpoint
    SageMakerRuntimeBackend.invoke_endpoint_async = invoke_endpoint_async
    for added in (
        update_endpoint,
        create_inference_component,
        describe_inference_component,
        update_inference_component,
        delete_inference_component,
        list_inference_components,
        list_tags,
    ):
        setattr(SageMakerResponse, added.__name__, added)
    dimensions = Enum("ScalableDimensionValueSet", {value: value for value in DIMENSIONS})
    moto.applicationautoscaling.models.ScalableDimensionValueSet = dimensions
    moto.applicationautoscaling.responses.ScalableDimensionValueSet = dimensions
    CodeBuildResponse.update_project = update_project
    CodeBuildResponse.start_build = start_build


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    extend()
    threading.Thread(target=end_with_input, daemon=True).start()
    main(["--port", sys.argv[1]])
