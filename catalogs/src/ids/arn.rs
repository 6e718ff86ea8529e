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
    /// A capacity reservation or training plan of SageMaker.
    CapacityReservation,
}

impl ArnKind {
    /// Service, the resource's possible beginnings, and an example, by kind.
    fn form(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Role => {
                ("iam", &["role/"], "a role such as `arn:aws:iam::123456789012:role/Execution`")
            }
            Self::Secret => (
                "secretsmanager",
                &["secret:"],
                "a secret such as `arn:aws:secretsmanager:us-east-1:123456789012:secret:name-AbCdEf`",
            ),
            Self::Topic => {
                ("sns", &[""], "a topic such as `arn:aws:sns:us-east-1:123456789012:name`")
            }
            Self::Key => (
                "kms",
                &["key/", "alias/"],
                "a key such as `arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab`",
            ),
            Self::CapacityReservation => (
                "sagemaker",
                &["training-plan/", "reserved-capacity/"],
                "a reservation such as `arn:aws:sagemaker:us-east-1:123456789012:training-plan/name`",
            ),
        }
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

    /// Checks that it names a resource of the kind, in an account.
    ///
    /// # Errors
    /// Says what does not fit, with an example of what would.
    pub fn of_kind(&self, kind: ArnKind) -> Result<(), ParseIdError> {
        let (service, beginnings, wanted) = kind.form();
        let error = |reason: String| Err(ParseIdError::new(&self.0, wanted, reason));
        if self.service() != service {
            return error(format!("its service is `{}`", self.service()));
        }
        if self.account().is_none() {
            return error("it names no account".into());
        }
        if kind != ArnKind::Role && self.region().is_none() {
            return error("it names no region".into());
        }
        let named = beginnings
            .iter()
            .any(|start| self.resource().strip_prefix(start).is_some_and(|name| !name.is_empty()));
        if !named || (kind == ArnKind::Topic && self.resource().contains(':')) {
            return error(format!("its resource is `{}`", self.resource()));
        }
        Ok(())
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
