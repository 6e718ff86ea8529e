//! An account with a little of everything, as AWS answers it.

use serde_json::{Value, json};

use super::cloud;
use super::standin::{Asked, Said};

pub const CLUSTER_ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:cluster/a1b2c3d4e5f6";
pub const EKS_ARN: &str = "arn:aws:eks:us-east-1:123456789012:cluster/k1";
pub const PLAN_ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p5";
pub const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-token-AbCdEf";
pub const GROUP_ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/g1";
pub const PACKAGE_ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:model-package/g1/3";
pub const IMAGE: &str =
    "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.33.0-lmi15.0.0-cu128";
pub const CONFIG: &str = r#"{"architectures": ["LlamaForCausalLM"], "hidden_size": 4096}"#;

pub fn summary(name: &str, status: &str) -> Value {
    json!({"ClusterArn": CLUSTER_ARN, "ClusterName": name, "ClusterStatus": status, "CreationTime": 1_790_000_000.5})
}

/// Objects as S3 lists them.
pub fn objects(all: &[(&str, u64)], next: Option<&str>) -> Said {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>bucket</Name><EncodingType>url</EncodingType>",
    );
    text.push_str(&format!(
        "<IsTruncated>{}</IsTruncated><KeyCount>{}</KeyCount>",
        next.is_some(),
        all.len()
    ));
    for (key, size) in all {
        text.push_str(&format!("<Contents><Key>{key}</Key><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"));
    }
    if let Some(next) = next {
        text.push_str(&format!("<NextContinuationToken>{next}</NextContinuationToken>"));
    }
    text.push_str("</ListBucketResult>");
    let mut said = Said::text(&text);
    said.headers.push(("x-amz-bucket-region", "us-east-1".to_owned()));
    said
}

pub fn package(approval: &str) -> Value {
    json!({"ModelPackageName": "g1", "ModelPackageArn": PACKAGE_ARN, "CreationTime": 1.0e9,
        "ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": approval,
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.g5.xlarge"],
            "SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}})
}

pub fn content(name: &str, url: &str) -> Value {
    json!({"HubContentName": name, "HubContentArn": "arn:aws:sagemaker:us-east-1:aws:hub-content/x",
        "HubContentVersion": "1.0.0", "HubContentType": "Model", "DocumentSchemaVersion": "2.0.0",
        "HubName": "SageMakerPublicHub", "HubArn": "arn:aws:sagemaker:us-east-1:aws:hub/SageMakerPublicHub",
        "HubContentStatus": "Available", "CreationTime": 1.0e9,
        "HubContentDocument": json!({"Url": url, "Provider": "Hugging Face", "TrainingSupported": false}).to_string()})
}

fn content_summary(name: &str) -> Value {
    json!({"HubContentName": name, "HubContentArn": "arn:aws:sagemaker:us-east-1:aws:hub-content/x",
        "HubContentVersion": "1.0.0", "HubContentType": "Model", "DocumentSchemaVersion": "2.0.0",
        "HubContentStatus": "Available", "CreationTime": 1.0e9, "SupportStatus": "Supported"})
}

pub fn usual(asked: &Asked) -> Said {
    let group = |name: &str, kind: &str, current: u32| {
        json!({"InstanceGroupName": name, "InstanceType": kind, "CurrentCount": current, "TargetCount": 2,
            "Status": "InService"})
    };
    let node = |id: &str, status: &str| {
        json!({"InstanceGroupName": "gpu", "InstanceId": id, "InstanceType": "ml.g5.12xlarge", "LaunchTime": 1.0e9,
            "InstanceStatus": {"Status": status}})
    };
    match (asked.service.as_str(), asked.operation.as_str()) {
        ("sagemaker", "ListClusters") => Said::json(&json!({"ClusterSummaries":
            [summary("old", "Failed"), summary("c1", "InService")]})),
        ("sagemaker", "DescribeCluster") => {
            let name = asked.input["ClusterName"].as_str().unwrap();
            let mut cluster = json!({"ClusterArn": CLUSTER_ARN, "ClusterName": name, "ClusterStatus": "InService",
                "InstanceGroups": [group("gpu", "ml.g5.12xlarge", 2)]});
            if name == "c1" {
                cluster["Orchestrator"] = json!({"Eks": {"ClusterArn": EKS_ARN}});
            } else {
                cluster["ClusterStatus"] = "Failed".into();
                cluster["InstanceGroups"] = json!([]);
            }
            Said::json(&cluster)
        }
        ("sagemaker", "ListClusterNodes") => Said::json(&json!({"ClusterNodeSummaries":
            [node("i-1", "Running"), node("i-2", "Pending")]})),
        ("sagemaker", "ListTrainingPlans") => Said::json(&json!({"TrainingPlanSummaries": [{
            "TrainingPlanArn": PLAN_ARN, "TrainingPlanName": "p5", "Status": "Active", "TotalInstanceCount": 2,
            "AvailableInstanceCount": 1, "StartTime": 1_796_083_200.0, "TargetResources": ["endpoint"],
            "ReservedCapacitySummaries": [{
                "ReservedCapacityArn": "arn:aws:sagemaker:us-east-1:123456789012:reserved-capacity/p5",
                "InstanceType": "ml.p5.48xlarge", "TotalInstanceCount": 2, "Status": "Active"}]}]})),
        ("ec2", "DescribeCapacityReservations") => Said::text(
            "<?xml version=\"1.0\"?><DescribeCapacityReservationsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <capacityReservationSet><item><capacityReservationId>cr-0123</capacityReservationId>\
             <instanceType>p4d.24xlarge</instanceType><totalInstanceCount>3</totalInstanceCount>\
             <availableInstanceCount>2</availableInstanceCount><state>active</state></item></capacityReservationSet>\
             </DescribeCapacityReservationsResponse>",
        ),
        ("eks", "DescribeCluster") => {
            Said::json(&json!({"cluster": {"name": "k1", "arn": EKS_ARN, "version": "1.33"}}))
        }
        ("eks", "DescribeAddon") => {
            Said::json(&json!({"addon": {"addonName": "amazon-sagemaker-hyperpod-inference",
            "clusterName": "k1", "status": "ACTIVE", "addonVersion": "v1.2.0-eksbuild.1"}}))
        }
        ("secretsmanager", "DescribeSecret") => {
            Said::json(&json!({"ARN": SECRET_ARN, "Name": "hf-token"}))
        }
        ("secretsmanager", "ListSecrets") => Said::json(&json!({"SecretList": [
            {"ARN": SECRET_ARN, "Name": "hf-token"},
            {"ARN": SECRET_ARN.replace("hf-token", "database"), "Name": "database"}]})),
        ("sagemaker", "ListModelPackages") => Said::json(&json!({"ModelPackageSummaryList": [{
            "ModelPackageArn": PACKAGE_ARN, "CreationTime": 1.0e9, "ModelPackageStatus": "Completed"}]})),
        ("sagemaker", "DescribeModelPackage") => Said::json(&package("Approved")),
        ("sagemaker", "ListHubContents") => Said::json(&json!({"HubContentSummaries":
            [content_summary("deepseek-llm-r1"), content_summary("huggingface-llm-new-9b")]})),
        ("sagemaker", "DescribeHubContent") => {
            let name = asked.input["HubContentName"].as_str().unwrap();
            Said::json(&content(name, "https://huggingface.co/new/new-9b"))
        }
        ("s3", "ListObjectsV2") => match asked.query.get("prefix").map(String::as_str) {
            Some("m/" | "m") => {
                objects(&[("m/config.json", 60), ("m/model.safetensors", 16_000_000_000)], None)
            }
            _ => objects(&[], None),
        },
        ("s3", "GetObject") => Said::text(CONFIG),
        ("s3", "HeadObject") => {
            Said { headers: vec![("content-length", "77".to_owned())], ..Said::of(200, "") }
        }
        _ => cloud::answer(asked),
    }
}
