//! What a name is, by its form alone.

use mcc_catalogs::{Arn, ModelId, S3Uri};

/// A place where a model can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `owner/name` on Hugging Face.
    Hub,
    /// Files below an S3 address.
    S3Prefix,
    /// One archive in S3.
    S3Archive,
    /// On this machine.
    Path,
    /// A model package of the SageMaker model registry.
    ModelPackage,
    /// A registry or marketplace address of other tools.
    Registry,
    /// None of these; with the reason, for people.
    Unclear(String),
}

/// What `name` is.
pub(super) fn of(name: &str) -> Place {
    if name.starts_with("s3://") {
        return match name.parse::<S3Uri>() {
            Ok(_) if name.ends_with(".tar.gz") => Place::S3Archive,
            Ok(_) => Place::S3Prefix,
            Err(error) => Place::Unclear(error.to_string()),
        };
    }
    if name.starts_with("arn:") {
        return match name.parse::<Arn>() {
            Ok(arn) if arn.service() == "sagemaker" => Place::ModelPackage,
            Ok(_) => Place::Unclear("this ARN is not one of SageMaker".to_owned()),
            Err(error) => Place::Unclear(error.to_string()),
        };
    }
    if name.starts_with("registry://") || name.starts_with("marketplace://") {
        return Place::Registry;
    }
    let path = ["/", "./", "../", "~/"].iter().any(|start| name.starts_with(start))
        || name.contains('\\')
        || name.split('/').count() > 2;
    if path {
        return Place::Path;
    }
    match name.parse::<ModelId>() {
        Ok(_) => Place::Hub,
        Err(error) => Place::Unclear(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_tell_places_apart() {
        assert_eq!(of("Qwen/Qwen3-8B"), Place::Hub);
        assert_eq!(of("s3://bucket/models/"), Place::S3Prefix);
        assert_eq!(of("s3://bucket/model.tar.gz"), Place::S3Archive);
        assert_eq!(of("/opt/model"), Place::Path);
        assert_eq!(of("./model.pkl"), Place::Path);
        assert_eq!(
            of("arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"),
            Place::ModelPackage
        );
        assert_eq!(of("registry://churn/1"), Place::Registry);
        assert!(matches!(of("s3://"), Place::Unclear(_)));
        assert!(matches!(of("arn:aws:s3:::bucket"), Place::Unclear(_)));
    }
}
