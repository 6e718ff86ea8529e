use std::str::FromStr;

use super::{ParseIdError, stranger, text_id};

/// An Amazon resource name: `arn:aws:iam::123456789012:role/Execution`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn(String);

/// The kinds of resource that an input can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArnKind {
    /// An IAM role.
    Role,
    /// A Secrets Manager secret.
    Secret,
    /// An SNS topic.
    Topic,
    /// A KMS key or alias.
    Key,
    /// A HyperPod cluster.
    Cluster,
    /// A package of SageMaker's model registry, or a group of them.
    ModelPackage,
    /// Any resource of SageMaker, such as a training plan.
    SageMaker,
}

/// What a resource of one kind looks like.
struct Form {
    service: &'static str,
    /// What it may begin with.
    beginnings: &'static [&'static str],
    /// Characters after that at most, by the API.
    longest: usize,
    /// Which characters besides letters and digits those may be.
    others: &'static str,
    example: &'static str,
}

impl ArnKind {
    fn form(self) -> Form {
        let (service, beginnings, longest, others, example): (_, &[&str], _, _, _) = match self {
            Self::Role => (
                "iam",
                &["role/"],
                576,
                "+=,.@-_/",
                "a role such as `arn:aws:iam::123456789012:role/Execution`",
            ),
            Self::Secret => (
                "secretsmanager",
                &["secret:"],
                519,
                "/_+=.@!-",
                "a secret such as `arn:aws:secretsmanager:us-east-1:123456789012:secret:name-AbCdEf`",
            ),
            Self::Topic => (
                "sns",
                &[""],
                256,
                "-_.",
                "a topic such as `arn:aws:sns:us-east-1:123456789012:name`",
            ),
            Self::Key => (
                "kms",
                &["key/", "alias/"],
                256,
                "-_/",
                "a key such as `arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab`",
            ),
            Self::Cluster => (
                "sagemaker",
                &["cluster/"],
                63,
                "-",
                "a cluster such as `arn:aws:sagemaker:us-east-1:123456789012:cluster/a1b2c3d4e5f6`",
            ),
            Self::ModelPackage => (
                "sagemaker",
                &["model-package/", "model-package-group/"],
                128,
                "-/",
                "a model package such as `arn:aws:sagemaker:us-east-1:123456789012:model-package/name/1`",
            ),
            Self::SageMaker => (
                "sagemaker",
                &[""],
                256,
                "-_./",
                "a resource such as `arn:aws:sagemaker:us-east-1:123456789012:training-plan/name`",
            ),
        };
        Form { service, beginnings, longest, others, example }
    }
}

impl Arn {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn part(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The service: `iam`, `kms`.
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// The region, if the service has regions.
    pub fn region(&self) -> Option<&str> {
        Some(self.part(3)).filter(|region| !region.is_empty())
    }

    /// The account, twelve digits; `aws` for what AWS owns; none for buckets.
    pub fn account(&self) -> Option<&str> {
        Some(self.part(4)).filter(|account| !account.is_empty())
    }

    /// What follows the account: `role/Execution`.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    /// Whether it names a package of SageMaker's model registry, or a group of them.
    pub fn names_model_package(&self) -> bool {
        self.of_kind(ArnKind::ModelPackage).is_ok()
    }

    /// Checks that it names a resource of the kind, in an account.
    ///
    /// # Errors
    /// Says what does not fit, with an example of what would.
    pub fn of_kind(&self, kind: ArnKind) -> Result<(), ParseIdError> {
        let form = kind.form();
        let error = |reason: String| Err(ParseIdError::new(&self.0, form.example, reason));
        if self.service() != form.service {
            return error(format!("its service is `{}`", self.service()));
        }
        if self.account().is_none_or(|account| account.len() != 12) {
            return error("it names no account".into());
        }
        match self.region() {
            None if kind == ArnKind::Role => {}
            None => return error("it names no region".into()),
            Some(region) if region.parse::<super::Region>().is_err() => {
                return error(format!("`{region}` is not an AWS Region"));
            }
            Some(_) => {}
        }
        let named = form.beginnings.iter().find_map(|start| self.resource().strip_prefix(start));
        let Some(name) = named.filter(|name| (1..=form.longest).contains(&name.len())) else {
            return error(format!("its resource is `{}`", self.resource()));
        };
        match stranger(name, |c| c.is_ascii_alphanumeric() || form.others.contains(c)) {
            Some(c) => error(format!("`{}` cannot be in its resource", c.escape_debug())),
            None => Ok(()),
        }
    }
}

const WANTED: &str = "a resource name such as `arn:aws:iam::123456789012:role/Execution`";

impl FromStr for Arn {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = |reason: String| Err(ParseIdError::new(text, WANTED, reason));
        if text.len() > 2048 {
            return error("it has more than 2048 characters".into());
        }
        if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return error(format!("`{}` cannot be in it", c.escape_debug()));
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (
            Some("arn"),
            Some(partition),
            Some(service),
            Some(region),
            Some(account),
            Some(resource),
        ) = (next(), next(), next(), next(), next(), next())
        else {
            return error("it is not `arn:partition:service:region:account:resource`".into());
        };
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !partition.starts_with("aws") || stranger(partition, lower).is_some() {
            return error("its partition is not `aws` or one of its kind".into());
        }
        if service.is_empty()
            || stranger(service, lower).is_some()
            || stranger(region, lower).is_some()
        {
            return error("its service or region is malformed".into());
        }
        if !(account.is_empty()
            || account == "aws"
            || (account.len() == 12 && stranger(account, |c| c.is_ascii_digit()).is_none()))
        {
            return error("an account has twelve digits".into());
        }
        if resource.is_empty() {
            return error("it names no resource".into());
        }
        Ok(Self(text.into()))
    }
}

text_id!(Arn, "Amazon resource name", "arn:aws:iam::123456789012:role/Execution");
