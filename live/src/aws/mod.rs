//! AWS: one signed client for every service, and the sources that ask by it.
//!
//! [`Aws`] is the client. A call is a [`call::Call`] of one of the [`actions`], of which there is one list: a new call
//! is a line there first, so that `mcc policy smart` and the documentation have it.
//!
//! ```ignore
//! let call = Call::json(LIST_CLUSTERS, &region, json!({ "MaxResults": 100 }));
//! let members: Clusters = owned::whole(&aws.call(&call, errand).await?)?; // AWS JSON: sagemaker, ecr, secretsmanager, …
//! let call = Call::get(DESCRIBE_CLUSTER, &region, &["clusters", name], &[]); // EKS
//! let call = Call::form(DESCRIBE_X, &region, &[("Filter.1.Name", "state")]); // STS and EC2, answered in XML
//! let call = Call::s3(LIST_OBJECTS, &region, "GET", bucket, "", &[("list-type", "2")]); // S3, answered in XML
//! ```
//!
//! `call` ends with a [`client::Refused`], which is a [`crate::Failure`] for `?`, and has the service's code, status and
//! a bucket's Region for who needs them; [`client::Refused::is_missing`] is for what is not there. Requests are counted
//! on the errand, tries again too. [`Aws::eyes`] is what [`crate::source::Source::eyes`] returns, [`Aws::account`] the
//! account's number, [`Aws::home`] the Region that is configured, for what has none of its own.
//!
//! No secret is in what any of it shows or says: credentials hide themselves in the SDK, answers show their size, texts
//! of servers and programs end in [`refusal`].

pub(crate) mod account;
pub(crate) mod actions;
pub(crate) mod call;
mod capacity;
pub(crate) mod client;
mod cluster_rows;
pub(crate) mod clusters;
pub(crate) mod files;
pub(crate) mod hub;
mod layers;
mod listing;
pub(crate) mod named;
mod operation;
mod owned;
mod package;
pub(crate) mod price_list;
pub(crate) mod probe;
mod program;
mod quota_list;
mod refusal;
pub(crate) mod repositories;
pub(crate) mod secrets;
pub(crate) mod service;
mod session;
mod settings;
mod share;
mod shelf;
pub(crate) mod sources;
mod usage;
mod wire;
mod xml;

pub use actions::{ACTIONS, Action};
pub use client::Aws;
pub(crate) use owned::of_accounts;
pub use settings::AwsSettings;
pub(crate) use sources::of_regions;
