//! Every call that smart mode makes of AWS, in one list: what a policy has to allow, and why.

use super::service::Service;

/// One call, and what allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    pub(crate) service: Service,
    /// The operation in the service's own model: `ListClusters`.
    pub operation: &'static str,
    /// The action of IAM that allows it: `sagemaker:ListClusters`.
    pub allows: &'static str,
    /// What it is for, after "to".
    pub why: &'static str,
}

impl Action {
    /// Whether it is called for opinions of language models alone.
    pub fn is_of_reasoning(&self) -> bool {
        self.service == Service::Bedrock
    }
}

macro_rules! actions {
    ($($name:ident: $service:ident $operation:literal by $allows:literal to $why:literal;)+) => {
        $(
            #[doc = concat!("To ", $why, ".")]
            pub(crate) const $name: Action = Action {
                service: Service::$service, operation: $operation, allows: $allows, why: $why,
            };
        )+
        /// All of them. `mcc policy smart` prints the actions, and a test holds them to the calls that are really made.
        pub const ACTIONS: &[Action] = &[$($name),+];
    };
}

actions! {
    GET_CALLER_IDENTITY: Sts "GetCallerIdentity" by "sts:GetCallerIdentity" to "name the account";
    GET_PRODUCTS: Pricing "GetProducts" by "pricing:GetProducts" to "read prices and instance types of a Region";
    LIST_SERVICE_QUOTAS: Quotas "ListServiceQuotas" by "servicequotas:ListServiceQuotas" to "read quotas";
    LIST_ENDPOINTS: SageMaker "ListEndpoints" by "sagemaker:ListEndpoints" to "count instances in use";
    DESCRIBE_ENDPOINT: SageMaker "DescribeEndpoint" by "sagemaker:DescribeEndpoint" to "count instances in use";
    DESCRIBE_ENDPOINT_CONFIG: SageMaker "DescribeEndpointConfig" by "sagemaker:DescribeEndpointConfig" to "count instances in use";
    LIST_CLUSTERS: SageMaker "ListClusters" by "sagemaker:ListClusters" to "find HyperPod clusters";
    DESCRIBE_CLUSTER: SageMaker "DescribeCluster" by "sagemaker:DescribeCluster" to "read the instance groups of HyperPod clusters";
    LIST_CLUSTER_NODES: SageMaker "ListClusterNodes" by "sagemaker:ListClusterNodes" to "count the nodes that run";
    LIST_TRAINING_PLANS: SageMaker "ListTrainingPlans" by "sagemaker:ListTrainingPlans" to "find reserved capacity";
    DESCRIBE_CAPACITY_RESERVATIONS: Ec2 "DescribeCapacityReservations" by "ec2:DescribeCapacityReservations" to "find reserved capacity";
    DESCRIBE_EKS_CLUSTER: Eks "DescribeCluster" by "eks:DescribeCluster" to "read the Kubernetes version of HyperPod clusters";
    DESCRIBE_ADDON: Eks "DescribeAddon" by "eks:DescribeAddon" to "see whether the inference operator is installed";
    LIST_OBJECTS: S3 "ListObjectsV2" by "s3:ListBucket" to "list the files of a model on S3";
    GET_OBJECT: S3 "GetObject" by "s3:GetObject" to "read the config.json of a model on S3";
    HEAD_OBJECT: S3 "HeadObject" by "s3:GetObject" to "read the size of a file on S3 that may not be listed";
    DESCRIBE_SECRET: SecretsManager "DescribeSecret" by "secretsmanager:DescribeSecret" to "see whether the secret of a token is there, and never what is in it";
    LIST_SECRETS: SecretsManager "ListSecrets" by "secretsmanager:ListSecrets" to "find secrets whose names say that they are tokens of Hugging Face";
    DESCRIBE_MODEL_PACKAGE: SageMaker "DescribeModelPackage" by "sagemaker:DescribeModelPackage" to "read a package of the model registry";
    LIST_MODEL_PACKAGES: SageMaker "ListModelPackages" by "sagemaker:ListModelPackages" to "find the newest package of a group";
    DESCRIBE_HUB_CONTENT: SageMaker "DescribeHubContent" by "sagemaker:DescribeHubContent" to "find the model of Hugging Face that an id of JumpStart is";
    LIST_HUB_CONTENTS: SageMaker "ListHubContents" by "sagemaker:ListHubContents" to "search JumpStart";
    BATCH_GET_IMAGE: Ecr "BatchGetImage" by "ecr:BatchGetImage" to "see whether an image is there, and read its manifest";
    DESCRIBE_IMAGES: Ecr "DescribeImages" by "ecr:DescribeImages" to "find the newest tags of a repository";
    GET_INFERENCE_PROFILE: Bedrock "GetInferenceProfile" by "bedrock:GetInferenceProfile" to "read in which Regions an inference profile of --reasoning answers";
    GET_FOUNDATION_MODEL: Bedrock "GetFoundationModel" by "bedrock:GetFoundationModel" to "read the name that a model of --reasoning has in the price list";
    GET_LAYER: Ecr "GetDownloadUrlForLayer" by "ecr:GetDownloadUrlForLayer" to "read the configuration of an image";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_told_once_and_read_only() {
        for (at, action) in ACTIONS.iter().enumerate() {
            assert!(ACTIONS.iter().skip(at + 1).all(|other| other != action), "{action:?}");
            let (service, name) = action.allows.split_once(':').unwrap();
            assert!(service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
            let reads = ["Get", "List", "Describe", "Head", "Batch"];
            assert!(reads.iter().any(|verb| name.starts_with(verb)), "{}", action.allows);
        }
    }
}
