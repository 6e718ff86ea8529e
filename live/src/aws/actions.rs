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

macro_rules! actions {
    ($($name:ident: $service:ident $operation:literal by $allows:literal to $why:literal;)+) => {
        $(
            #[doc = concat!("To ", $why, ".")]
            pub(crate) const $name: Action = Action {
                service: Service::$service, operation: $operation, allows: $allows, why: $why,
            };
        )+
        /// All of them. `mcc policy` prints the actions, and a test holds them to the calls that are really made.
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
