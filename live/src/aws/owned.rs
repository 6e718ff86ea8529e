//! The sources that say what an account has, and what they share.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::client::{Answer, Aws};
use super::{clusters, files, hub, named, repositories, secrets};
use crate::cache::Cache;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::source::Source;

/// The sources that say what an account has.
pub(crate) fn of_accounts(aws: &Aws) -> Vec<Box<dyn Source>> {
    vec![
        Box::new(clusters::Clusters::new(aws.clone())),
        Box::new(files::Files::new(aws.clone())),
        Box::new(named::Named::new(aws.clone())),
        Box::new(hub::JumpStart::new(aws.clone())),
        Box::new(repositories::Repositories::new(aws.clone())),
        Box::new(secrets::Secrets::new(aws.clone())),
    ]
}

impl Desk {
    /// A desk that asks what an account has and nothing else.
    pub fn of_accounts(aws: &Aws, cache: Arc<Cache>) -> Self {
        Self::new(of_accounts(aws), cache)
    }
}

/// What an answer has, in the form that its service's model says.
pub(super) fn whole<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    let other =
        || Failure::Unreadable("the answer is not of the form that its service defines".to_owned());
    serde_json::from_slice(&answer.body).map_err(|_| other())
}

/// A question that a source does not know: the desk asks none of these.
pub(super) fn stranger() -> Failure {
    Failure::NotAsked("it does not support that action".to_owned())
}
