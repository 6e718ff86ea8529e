//! The services that are asked: how each is spoken to, and where it is.

use mcc_catalogs::Region;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Service {
    Sts,
    Pricing,
    Quotas,
    SageMaker,
    Eks,
    Ec2,
    Ecr,
    S3,
    SecretsManager,
    /// What there is of models and profiles; they themselves are asked by the SDK's own client.
    Bedrock,
}

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JSON, with the operation in `X-Amz-Target` behind this name.
    Json { target: &'static str, version: &'static str },
    /// JSON, with the operation in method and path.
    RestJson,
    /// XML, with the operation in method and path.
    RestXml,
    /// A form, of this version of the API, answered in XML.
    Query { version: &'static str },
}

const JSON: &str = "1.1";

impl Service {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::Sts,
        Self::Pricing,
        Self::Quotas,
        Self::SageMaker,
        Self::Eks,
        Self::Ec2,
        Self::Ecr,
        Self::S3,
        Self::SecretsManager,
        Self::Bedrock,
    ];

    /// How it is spoken to.
    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Sts => Protocol::Query { version: "2011-06-15" },
            Self::Ec2 => Protocol::Query { version: "2016-11-15" },
            Self::Pricing => Protocol::Json { target: "AWSPriceListService", version: JSON },
            Self::Quotas => Protocol::Json { target: "ServiceQuotasV20190624", version: JSON },
            Self::SageMaker => Protocol::Json { target: "SageMaker", version: JSON },
            Self::Ecr => {
                Protocol::Json { target: "AmazonEC2ContainerRegistry_V20150921", version: JSON }
            }
            Self::SecretsManager => Protocol::Json { target: "secretsmanager", version: JSON },
            Self::Eks | Self::Bedrock => Protocol::RestJson,
            Self::S3 => Protocol::RestXml,
        }
    }

    /// Its name in the settings of endpoints: `AWS_ENDPOINT_URL_SERVICE_QUOTAS`.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Sts => "STS",
            Self::Pricing => "Pricing",
            Self::Quotas => "Service Quotas",
            Self::SageMaker => "SageMaker",
            Self::Eks => "EKS",
            Self::Ec2 => "EC2",
            Self::Ecr => "ECR",
            Self::S3 => "S3",
            Self::SecretsManager => "Secrets Manager",
            Self::Bedrock => "Bedrock",
        }
    }

    /// The name that its signatures have.
    pub(crate) const fn signing(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Pricing => "pricing",
            Self::Quotas => "servicequotas",
            Self::SageMaker => "sagemaker",
            Self::Eks => "eks",
            Self::Ec2 => "ec2",
            Self::Ecr => "ecr",
            Self::S3 => "s3",
            Self::SecretsManager => "secretsmanager",
            Self::Bedrock => "bedrock",
        }
    }

    /// Its host in a Region, as the endpoint rules of AWS's own SDKs have it.
    pub(crate) fn host(self, region: &Region, variant: Variant) -> String {
        let partition = Partition::of(region);
        let Variant { fips, dual } = variant;
        let gov = partition.name == "aws-us-gov";
        let suffix = if dual && self.has_dual_hosts(&partition, fips) {
            partition.dual
        } else {
            partition.suffix
        };
        let name = match self {
            Self::S3 => match (fips, dual) {
                (false, false) => "s3",
                (true, false) => "s3-fips",
                (false, true) => "s3.dualstack",
                (true, true) => "s3-fips.dualstack",
            },
            Self::Ecr => match (fips, dual) {
                (false, false) => "api.ecr",
                (true, false) => "api.ecr-fips",
                (false, true) => "ecr",
                (true, true) => "ecr-fips",
            },
            Self::Pricing if fips => "api.pricing-fips",
            Self::Pricing => "api.pricing",
            Self::SageMaker if fips && !dual && (gov || partition.name == "aws") => {
                "api-fips.sagemaker"
            }
            Self::SageMaker if fips => "api.sagemaker-fips",
            Self::SageMaker => "api.sagemaker",
            Self::Eks if fips && !dual && partition.name == "aws" => "fips.eks",
            Self::SecretsManager if fips => "secretsmanager-fips",
            Self::Bedrock if fips => "bedrock-fips",
            // What these have in GovCloud is all of FIPS.
            Self::Eks if fips && (dual || !gov) => "eks-fips",
            Self::Sts if fips && (dual || !gov) => "sts-fips",
            Self::Ec2 if fips && (dual || !gov) => "ec2-fips",
            Self::Quotas if fips && (dual || !gov) => "servicequotas-fips",
            other => other.signing(),
        };
        format!("{name}.{region}.{suffix}")
    }

    /// Whether it answers both kinds of addresses under names of their own.
    fn has_dual_hosts(self, partition: &Partition, fips: bool) -> bool {
        match self {
            Self::S3 => false,
            Self::SecretsManager => {
                !matches!(partition.name, "aws" | "aws-us-gov")
                    && (fips || partition.name != "aws-cn")
            }
            _ => true,
        }
    }
}

/// Which endpoints a user wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    /// Cryptography that the US government has approved.
    pub(crate) fips: bool,
    /// IPv6 as well.
    pub(crate) dual: bool,
}

/// A part of AWS with accounts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) name: &'static str,
    pub(super) suffix: &'static str,
    dual: &'static str,
}

impl Partition {
    /// The partition of a Region. A Region that came after this build is taken for one of the commercial ones, unless
    /// its name begins like those of another.
    pub(crate) fn of(region: &Region) -> Self {
        const OTHERS: [(&str, Partition); 7] = [
            ("cn-", Partition::new("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn")),
            ("us-gov-", Partition::new("aws-us-gov", "amazonaws.com", "api.aws")),
            ("us-iso-", Partition::new("aws-iso", "c2s.ic.gov", "api.aws.ic.gov")),
            ("us-isob-", Partition::new("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud")),
            ("eu-isoe-", Partition::new("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk")),
            ("us-isof-", Partition::new("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov")),
            ("eusc-", Partition::new("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu")),
        ];
        let known = OTHERS.into_iter().find(|(start, _)| region.as_str().starts_with(start));
        known.map_or(Self::new("aws", "amazonaws.com", "api.aws"), |(_, partition)| partition)
    }

    const fn new(name: &'static str, suffix: &'static str, dual: &'static str) -> Self {
        Self { name, suffix, dual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What botocore's endpoint rules say, which `tests/aws` holds it to.
    const HOSTS: &str = include_str!("../../tests/aws/hosts.txt");

    #[test]
    fn services_are_where_the_endpoint_rules_have_them() {
        let mut lines = 0;
        for line in HOSTS.lines() {
            let parts: Vec<&str> = line.split('|').collect();
            let service = Service::ALL.into_iter().find(|service| service.id() == parts[0]);
            let variant = Variant { fips: parts[2] == "1", dual: parts[3] == "1" };
            let host = service.unwrap().host(&parts[1].parse().unwrap(), variant);
            assert_eq!(host, parts[4], "{line}");
            lines += 1;
        }
        assert!(lines > 200, "{lines}");
    }
}
