//! How to find a cluster, and what that takes. The commands are those that a generated project runs too.

/// One thing to do, in order.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) command: &'static str,
}

/// From nothing to the node groups of a cluster.
pub(super) const STEPS: &[Step] = &[
    Step {
        title: "list the clusters of the Region",
        command: "aws sagemaker list-clusters --region REGION",
    },
    Step {
        title: "see a cluster's instance groups (types and counts), and the EKS cluster behind it at Orchestrator.Eks.ClusterArn",
        command: "aws sagemaker describe-cluster --region REGION --cluster-name CLUSTER",
    },
    Step {
        title: "get access to the EKS cluster",
        command: "aws eks update-kubeconfig --region REGION --name EKS_CLUSTER",
    },
    Step {
        title: "see the nodes, with their types and what they offer to pods",
        command: "kubectl get nodes --label-columns node.kubernetes.io/instance-type",
    },
    Step {
        title: "see whether the inference operator is installed",
        command: "kubectl get crd inferenceendpointconfigs.inference.sagemaker.aws.amazon.com",
    },
    Step {
        title: "see whether one may deploy into the namespace",
        command: "kubectl auth can-i create inferenceendpointconfigs.inference.sagemaker.aws.amazon.com --namespace NAMESPACE",
    },
];

/// An IAM action and what it is for.
pub(super) const PERMISSIONS: &[(&str, &str)] = &[
    ("sagemaker:ListClusters", "finds the clusters"),
    ("sagemaker:DescribeCluster", "shows instance groups and the EKS cluster"),
    ("eks:DescribeCluster", "gives access to the EKS cluster"),
];

/// What a cluster has to have.
pub(super) const REQUIREMENTS: &[&str] = &[
    "a HyperPod cluster whose orchestrator is EKS; clusters with Slurm do not serve models this way",
    "an EKS access entry for your role, with the right to create resources in the namespace",
    "node groups of types that HyperPod takes, with the accelerator that the deployment config runs on",
    "the inference operator, for hyperpodManifest operator; a plain deployment needs only Kubernetes",
    "rights of the node group's role to pull from ECR, and to read the model's bucket if it comes from S3",
];
