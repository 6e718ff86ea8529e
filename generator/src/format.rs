//! Formats of text inputs: what a value must look like to be taken at all.
//!
//! Each format bounds the length and the characters, so that what passes can stand in names, ARNs and
//! paths. Lengths and patterns are those of the AWS API model (botocore `service-2.json`) and of the
//! Kubernetes object-name rules. What the catalogs have a type for, that type alone decides.

use std::str::FromStr;

use mcc_catalogs::{Arn, ArnKind, ImageUri, InstanceType, ModelId, Region, S3Uri, is_revision};

/// The form of a text value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Format {
    ProjectName,
    Region,
    InstanceType,
    RoleArn,
    KmsKeyArn,
    SecretArn,
    SnsTopicArn,
    SageMakerArn,
    SubnetId,
    SecurityGroupId,
    S3Uri,
    ImageUri,
    Version,
    Path,
    PathOrJson,
    ModelName,
    Revision,
    SageMakerName,
    OptionName,
    TensorName,
    ContentType,
    ClusterName,
    KubernetesName,
    LabelKey,
    Quantity,
    TagKey,
    EnvName,
}

use Format as F;

impl Format {
    /// What a right value looks like, for messages.
    pub fn expected(self) -> &'static str {
        match self {
            F::ProjectName => "2 to 63 characters of a-z, 0-9 and -, with no - at either end",
            F::Region => "an AWS Region such as us-east-1",
            F::InstanceType => "an ML instance type such as ml.g5.xlarge",
            F::RoleArn => "a role ARN: arn:aws:iam::<account>:role/<name>",
            F::KmsKeyArn => "a key ARN: arn:aws:kms:<region>:<account>:key/<id>",
            F::SecretArn => "a secret ARN: arn:aws:secretsmanager:<region>:<account>:secret:<name>",
            F::SnsTopicArn => "a topic ARN: arn:aws:sns:<region>:<account>:<name>",
            F::SageMakerArn => "an ARN: arn:aws:sagemaker:<region>:<account>:<resource>",
            F::SubnetId => "subnet-<hex digits>",
            F::SecurityGroupId => "sg-<hex digits>",
            F::S3Uri => "s3://<bucket>/<prefix>, of letters, digits and ._-/=+",
            F::ImageUri => "an image such as 123456789012.dkr.ecr.us-east-1.amazonaws.com/name:tag",
            F::Version => "a version such as 1.9.1",
            F::Path => "a file path without control characters, at most 4096 bytes",
            F::PathOrJson => "a file path, or the JSON text of a config.json (at most 256 KiB)",
            F::ModelName => {
                "a Hugging Face id such as owner/name, s3://<bucket>/<prefix> of the model's files, or the ARN of a \
                 package of SageMaker's model registry"
            }
            F::Revision => "a branch, tag or commit: letters, digits and ._/-",
            F::SageMakerName => "1 to 63 letters, digits and -, with no - at either end",
            F::OptionName => "letters, digits and ._:- (at most 256)",
            F::TensorName => "letters, digits and ._:/- (at most 256)",
            F::ContentType => "a media type such as application/json",
            F::ClusterName => "a cluster name (letters, digits, -) or its ARN",
            F::KubernetesName => "1 to 63 characters of a-z, 0-9 and -, with no - at either end",
            F::LabelKey => "a Kubernetes label such as node.kubernetes.io/instance-type",
            F::Quantity => "a Kubernetes quantity such as 500m, 4 or 16Gi",
            F::TagKey => "1 to 128 letters, digits, spaces and _.:/=+-@, not starting with aws:",
            F::EnvName => "letters, digits and _, not starting with a digit (at most 512)",
        }
    }

    /// Whether `text` has this form.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            F::ProjectName => text.len() >= 2 && dns_label(text),
            F::Region => is::<Region>(text),
            F::InstanceType => is::<InstanceType>(text),
            F::RoleArn => arn(text, ArnKind::Role),
            F::KmsKeyArn => arn(text, ArnKind::Key),
            F::SecretArn => arn(text, ArnKind::Secret),
            F::SnsTopicArn => arn(text, ArnKind::Topic),
            F::SageMakerArn => arn(text, ArnKind::SageMaker),
            F::SubnetId => prefixed_hex(text, "subnet-"),
            F::SecurityGroupId => prefixed_hex(text, "sg-"),
            F::S3Uri => is::<S3Uri>(text),
            F::ImageUri => is::<ImageUri>(text),
            F::Version => chars(text, 1, 64, "._-+") && starts_alphanumeric(text),
            F::Path => {
                !text.is_empty() && text.len() <= 4096 && !text.chars().any(char::is_control)
            }
            F::PathOrJson => {
                text.trim_start().starts_with('{')
                    && text.len() <= 256 * 1024
                    && !text.contains('\0')
                    || F::Path.accepts(text)
            }
            F::ModelName => {
                is::<S3Uri>(text) || is::<ModelId>(text) || arn(text, ArnKind::ModelPackage)
            }
            F::Revision => is_revision(text),
            F::SageMakerName => {
                chars(text, 1, 63, "-") && starts_alphanumeric(text) && !text.ends_with('-')
            }
            F::OptionName => chars(text, 1, 256, "._:-") && starts_alphanumeric(text),
            F::TensorName => chars(text, 1, 256, "._:/-"),
            F::ContentType => {
                // Parameters may follow, such as `; header=present`.
                let mut parts = text.split(';').map(|part| part.trim_start_matches(' '));
                let mut halves = parts.next().unwrap_or_default().split('/');
                let half = |s: Option<&str>| s.is_some_and(|s| chars(s, 1, 127, ".+-"));
                let parameter = |part: &str| {
                    part.split_once('=').is_some_and(|(name, value)| {
                        chars(name, 1, 64, "-") && chars(value, 1, 64, ".+-_")
                    })
                };
                half(halves.next())
                    && half(halves.next())
                    && halves.next().is_none()
                    && text.len() <= 256
                    && parts.all(parameter)
            }
            F::ClusterName => F::SageMakerName.accepts(text) || arn(text, ArnKind::Cluster),
            F::KubernetesName => dns_label(text),
            F::LabelKey => {
                let name = text.rsplit('/').next().unwrap_or_default();
                chars(text, 1, 317, "./_-")
                    && chars(name, 1, 63, "._-")
                    && starts_alphanumeric(text)
            }
            F::Quantity => quantity(text),
            F::TagKey => {
                let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
                (1..=128).contains(&text.chars().count())
                    && text.chars().all(allowed)
                    && !text.to_lowercase().starts_with("aws:")
            }
            F::EnvName => {
                chars(text, 1, 512, "_") && !text.starts_with(|c: char| c.is_ascii_digit())
            }
        }
    }
}

fn chars(text: &str, min: usize, max: usize, extra: &str) -> bool {
    (min..=max).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

fn starts_alphanumeric(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn dns_label(text: &str) -> bool {
    chars(text, 1, 63, "-")
        && !text.contains(|c: char| c.is_ascii_uppercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether it is an identifier of the catalogs.
fn is<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

fn arn(text: &str, kind: ArnKind) -> bool {
    text.parse::<Arn>().is_ok_and(|arn| arn.of_kind(kind).is_ok())
}

fn prefixed_hex(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| {
        (8..=17).contains(&hex.len()) && hex.chars().all(|c| c.is_ascii_hexdigit())
    })
}

fn quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    text.len() <= 20
        && ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&unit)
        && digits.parse::<f64>().is_ok_and(|n| n > 0.0 && n.is_finite())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// Longest name that is made up: with a prefix and a Region it becomes the name of a role, of which IAM takes 64
/// characters.
const LONGEST_NAME: usize = 40;

/// `text` in the form that names of projects have.
pub(crate) fn valid_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.chars().take(1000) {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() == LONGEST_NAME {
            break;
        }
    }
    let name = name.trim_end_matches('-').to_owned();
    Format::ProjectName.accepts(&name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_become_names_of_projects() {
        for (text, name) in [
            ("Qwen3-8B", Some("qwen3-8b")),
            ("Llama-3.1-8B-Instruct", Some("llama-3-1-8b-instruct")),
            ("_my__model (final)", Some("my-model-final")),
            ("4x", Some("4x")),
            ("x", None),
            ("模型", None),
            ("", None),
        ] {
            assert_eq!(valid_name(text).as_deref(), name, "{text}");
        }
        let long = valid_name(&"a-".repeat(100)).expect("a name");
        assert!(long.len() <= LONGEST_NAME && Format::ProjectName.accepts(&long), "{long}");
    }

    fn check(format: Format, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format.accepts(text), "{format:?} must take {text}");
        }
        for text in bad {
            assert!(!format.accepts(text), "{format:?} must refuse {text:?}");
        }
    }

    #[test]
    fn names() {
        check(F::ProjectName, &["ab", "churn-2"], &["a", "-a", "a-", "A1", "a b", "../x", "a\n"]);
        check(F::SageMakerName, &["AllTraffic", "a"], &["-a", "a_b", ""]);
        check(F::EnvName, &["A_1", "_x"], &["1A", "A=B", "A\n", ""]);
        check(F::Region, &["us-east-1", "us-gov-west-1"], &["us-east", "us-east-1;", "US-EAST-1"]);
        check(
            F::InstanceType,
            &["ml.g5.xlarge", "ml.p6-b200.48xlarge"],
            &["g5.xlarge", "ml.g5", "ml.g5.x`"],
        );
    }

    #[test]
    fn every_region_of_the_catalogs_is_one() {
        for row in mcc_catalogs::Catalogs::embedded().regions().iter() {
            let (region, partition) = (row.region.as_str(), &row.partition);
            assert!(F::Region.accepts(region), "{region}");
            let key = format!("arn:{partition}:kms:{region}:123456789012:key/1234abcd");
            assert!(F::KmsKeyArn.accepts(&key), "{key}");
        }
    }

    #[test]
    fn places() {
        check(
            F::S3Uri,
            &["s3://bucket", "s3://bucket/a/b=1"],
            &["s3://", "s3://b/../x", "s3://Bucket/x", "s3://bucket/$(id)"],
        );
        check(
            F::ModelName,
            &[
                "gpt2",
                "meta-llama/Llama-3.1-8B-Instruct",
                "s3://models/llama/",
                "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/3",
                "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn",
            ],
            &[
                "../x",
                "a/b/c",
                "a b",
                "a/$(id)",
                "arn:aws:sagemaker:us-east-1:123456789012:model/churn",
                "arn:aws:sagemaker:us-east-1:123456789012:model-package/$(id)",
                "arn:aws:sagemaker::123456789012:model-package/churn/3",
            ],
        );
        check(
            F::ImageUri,
            &["python:3.12-slim", "1.dkr.ecr.x/y:z"],
            &["a b", "a//b", "-x", "a$b", "a:"],
        );
    }

    #[test]
    fn arns() {
        check(
            F::RoleArn,
            &["arn:aws:iam::123456789012:role/x", "arn:aws-cn:iam::123456789012:role/a/b"],
            &[
                "arn:aws:iam::1:role/x",
                "arn:aws:iam::123456789012:user/x",
                "arn:aws:iam::123456789012:role/$(id)",
            ],
        );
        check(
            F::SecretArn,
            &["arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf"],
            &["arn:aws:secretsmanager:us-east-1:123456789012:hf"],
        );
    }

    #[test]
    fn content_types() {
        check(
            F::ContentType,
            &[
                "text/csv",
                "application/vnd.x+json",
                "text/csv; header=present",
                "text/csv;charset=utf-8",
            ],
            &[
                "text",
                "a/b/c",
                "text/csv;",
                "text/csv; header",
                "text/csv; a=\"b\"",
                "text/csv; a=$(id)",
                "a/b\n",
            ],
        );
    }

    #[test]
    fn quantities() {
        check(
            F::Quantity,
            &["500m", "4", "1.5", "16Gi"],
            &["", "Gi", "-1", "1e3", "NaN", "inf", "4 Gi"],
        );
    }
}
