//! What SageMaker's model registry and Secrets Manager say of what an ARN names.

use mcc_catalogs::{Arn, ImageUri, InstanceType, Resource, S3Uri, cut};
use serde::Deserialize;

/// Most types and content types that are kept.
const MOST: usize = 100;

/// What `DescribeModelPackage` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Package {
    model_package_status: String,
    model_approval_status: Option<String>,
    inference_specification: Option<Specification>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Specification {
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    supported_realtime_inference_instance_types: Vec<String>,
    #[serde(default)]
    supported_content_types: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    image: Option<String>,
    framework: Option<String>,
    framework_version: Option<String>,
    model_data_url: Option<String>,
    model_data_source: Option<DataSource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DataSource {
    #[serde(rename = "S3DataSource")]
    s3: Option<S3DataSource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3DataSource {
    s3_uri: Option<String>,
}

impl Package {
    /// As a row; `version` is which package it is, where a group was asked for.
    pub(super) fn resource(self, version: Option<Arn>) -> Resource {
        let specification = self.inference_specification.unwrap_or_default();
        let containers = u32::try_from(specification.containers.len()).unwrap_or(u32::MAX);
        let container = specification.containers.into_iter().next().unwrap_or_default();
        let source = container.model_data_source.and_then(|source| source.s3?.s3_uri);
        let model = source.or(container.model_data_url);
        let types = specification.supported_realtime_inference_instance_types;
        let takes = specification.supported_content_types;
        let word = |text: Option<String>| text.map(|text| cut(&text, 60).into_owned());
        Resource::Package {
            version,
            framework: word(container.framework),
            framework_version: word(container.framework_version),
            containers,
            approval: self.model_approval_status.map(|approval| cut(&approval, 40).into_owned()),
            status: cut(&self.model_package_status, 40).into_owned(),
            image: container.image.and_then(|image| image.parse::<ImageUri>().ok()),
            model: model.and_then(|model| model.parse::<S3Uri>().ok()),
            types: types
                .iter()
                .take(MOST)
                .filter_map(|one| one.parse::<InstanceType>().ok())
                .collect(),
            takes: takes.iter().take(MOST).map(|one| cut(one, 100).into_owned()).collect(),
        }
    }
}

/// What `ListModelPackages` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Packages {
    model_package_summary_list: Vec<PackageSummary>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PackageSummary {
    model_package_arn: String,
}

impl Packages {
    /// The ARN of the first.
    pub(super) fn first(self) -> Option<String> {
        self.model_package_summary_list.into_iter().next().map(|package| package.model_package_arn)
    }
}

/// What `DescribeSecret` answers. It never has the secret itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret {
    name: String,
    deleted_date: Option<f64>,
}

impl Secret {
    /// As a row.
    pub(super) fn resource(self) -> Resource {
        Resource::Secret {
            name: cut(&self.name, 256).into_owned(),
            deleted: self.deleted_date.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(answer: Value) -> Resource {
        serde_json::from_value::<Package>(answer).unwrap().resource(None)
    }

    #[test]
    fn a_package_says_its_image_and_model() {
        let image =
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.33.0-lmi15.0.0-cu128";
        let whole = json!({"ModelPackageStatus": "Completed", "ModelApprovalStatus": "Approved",
            "InferenceSpecification": {
                "Containers": [{"Image": image, "Framework": "XGBOOST", "FrameworkVersion": "3.2", "ModelDataUrl": "s3://bucket/model.tar.gz", "Environment": {"A": "b"}},
                    {"Image": "other"}],
                "SupportedRealtimeInferenceInstanceTypes": ["ml.g5.xlarge", "bad"],
                "SupportedContentTypes": ["application/json"]}});
        assert_eq!(
            package(whole.clone()),
            Resource::Package {
                version: None,
                framework: Some("XGBOOST".to_owned()),
                framework_version: Some("3.2".to_owned()),
                containers: 2,
                approval: Some("Approved".to_owned()),
                status: "Completed".to_owned(),
                image: Some(image.parse().unwrap()),
                model: Some("s3://bucket/model.tar.gz".parse().unwrap()),
                types: vec!["ml.g5.xlarge".parse().unwrap()],
                takes: vec!["application/json".to_owned()],
            }
        );
        let mut sourced = whole;
        sourced["InferenceSpecification"]["Containers"][0] = json!({"Image": "\u{1b}[2J",
            "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://bucket/model/", "S3DataType": "S3Prefix"}}});
        let Resource::Package { image, model, .. } = package(sourced) else { panic!() };
        assert_eq!((image, model), (None, Some("s3://bucket/model/".parse().unwrap())));
        let Resource::Package { image, types, .. } =
            package(json!({"ModelPackageStatus": "Failed"}))
        else {
            panic!()
        };
        assert_eq!((image, types), (None, vec![]));
    }

    #[test]
    fn a_secret_is_its_name() {
        let answer = json!({"ARN": "x", "Name": "hub\n", "DeletedDate": 1.5e9, "Tags": []});
        let secret: Secret = serde_json::from_value(answer).unwrap();
        assert_eq!(
            secret.resource(),
            Resource::Secret { name: "hub\\n".to_owned(), deleted: true }
        );
    }
}
