//! What an answer stands on, as questions that somebody can look up: the seam between those who answer, who know no
//! network, and those who ask it.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Catalogs;
use crate::ids::{Arn, HubAddress, ImageUri, ModelId, Region, S3Uri};
use crate::rows::{Origin, Rows};

/// A fact, or a set of them, that an answer stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// A model of Hugging Face: its configuration, totals, licence, and who may fetch it.
    Model(ModelId),
    /// The same of one branch, tag or commit of it.
    Revision(ModelId, String),
    /// Models of Hugging Face whose names have these words.
    Models(String),
    /// Files below an S3 address, and the configuration among them.
    Files(S3Uri),
    /// What an ARN names: a package of the model registry, a secret.
    Named(Arn),
    /// One container image.
    Image(ImageUri),
    /// The releases of a family of images.
    Images(String),
    /// The instance types that a Region has.
    Offers(Region),
    /// What they cost there.
    Prices(Region),
    /// How many of them the account may use there, and does.
    Quotas(Region),
    /// HyperPod clusters there, with their nodes.
    Clusters(Region),
    /// Secrets there that could be tokens of Hugging Face.
    Secrets(Region),
}

impl Ask {
    /// What is asked of a model that is named like this: nothing, where the name is of no form that can be looked up.
    pub fn of_model(name: &str) -> Option<Self> {
        if let Some(HubAddress { model, revision }) = HubAddress::of(name) {
            return Some(Self::Model(model).at(revision.as_deref()));
        }
        if name.starts_with("s3://") {
            return name.parse().ok().map(Self::Files);
        }
        if name.starts_with("arn:") {
            return name.parse().ok().map(Self::Named);
        }
        name.parse().ok().map(Self::Model)
    }

    /// The same of a revision of the model, where one is named and the hub has the model.
    #[must_use]
    pub fn at(self, revision: Option<&str>) -> Self {
        match (self, revision) {
            (Self::Model(id), Some(revision)) => Self::Revision(id, revision.to_owned()),
            (ask, _) => ask,
        }
    }

    /// What is asked of a Region in which something is to run.
    pub fn of_place(region: &Region) -> [Self; 3] {
        [Self::Offers(region.clone()), Self::Prices(region.clone()), Self::Quotas(region.clone())]
    }
}

/// One answer's errand: what all its look-ups together may take, and whose eyes they look through. Its clones are the
/// same errand: what one of them takes, none of them has any more.
#[derive(Debug, Clone)]
pub struct Errand {
    requests: Arc<AtomicUsize>,
    until: Instant,
    profile: Option<String>,
}

impl Errand {
    /// Requests of one answer at most.
    pub const REQUESTS: usize = 30;

    /// An errand that ends after `time`, with the usual number of requests.
    pub fn new(time: Duration) -> Self {
        Self::resumed(time, Self::REQUESTS)
    }

    /// An errand that goes on after a person was asked: with the requests that were left, and time anew.
    pub fn resumed(time: Duration, requests: usize) -> Self {
        Self {
            requests: Arc::new(AtomicUsize::new(requests.min(Self::REQUESTS))),
            until: Instant::now() + time,
            profile: None,
        }
    }

    /// The same, with the credentials of a named AWS profile.
    #[must_use]
    pub fn with_profile(self, profile: Option<String>) -> Self {
        Self { profile, ..self }
    }

    /// The AWS profile, where one was named.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// Takes one request of those that are left. False where none is: then nothing may be sent.
    pub fn take(&self) -> bool {
        self.requests
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }

    /// Requests that are left.
    pub fn left(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Time that is left; none is left at zero.
    pub fn remaining(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// A source that rows of an answer are from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Looked {
    /// Who was asked, in the words of an answer: `Hugging Face`, `AWS prices of us-west-2`.
    pub source: String,
    /// Through whose eyes, where that matters: `account 123456789012`.
    pub whom: Option<String>,
    /// Seconds since it was read there; more than 0 for what a cache kept.
    pub age: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows to lay on the catalogs, the later over the earlier.
    pub rows: Vec<Rows>,
    /// Who said them, and how long ago.
    pub looked: Vec<Looked>,
    /// What the reader of the answer should know of the look-up, a sentence each: that a source did not answer.
    pub notes: Vec<String>,
}

/// A look-up under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Found> + Send + 'a>>;

/// Who looks things up. What cannot be found is a note and never an error: the catalogs answer then.
pub trait Lookup: Debug + Send + Sync {
    /// Looks up what it can of `asks`, within what `errand` has left.
    fn look_up<'a>(&'a self, asks: &'a [Ask], errand: &'a Errand) -> Looking<'a>;
}

/// What the rows that an answer stands on are worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Some were looked up for it.
    pub live: bool,
    /// The latest date of those that are not of the build.
    pub as_of: Option<String>,
}

impl Standing {
    /// `static` for an answer of catalogs alone, `smart` for one with what was looked up.
    pub fn mode(&self) -> String {
        if self.live { "smart" } else { "static" }.to_owned()
    }

    /// The date to tell, where that of the build's rows is `build`: the later one, for rows of both are used.
    pub fn as_of(&self, build: &str) -> String {
        self.as_of.as_deref().unwrap_or(build).max(build).to_owned()
    }
}

impl Catalogs {
    /// What the rows are worth that answer `asks` here.
    pub fn standing(&self, asks: &[Ask]) -> Standing {
        let mut standing = Standing::default();
        for origin in asks.iter().filter_map(|ask| self.origin(ask)) {
            standing.live |= origin.live().is_some();
            standing.as_of = standing.as_of.max(origin.as_of().map(str::to_owned));
        }
        standing
    }

    /// Who was asked for the rows that answer `asks` here, and the latest date of that; none where none was looked up.
    pub fn looked(&self, asks: &[Ask]) -> Option<(String, String)> {
        let mut sources: Vec<&str> = Vec::new();
        let mut as_of = "";
        for origin in asks.iter().filter_map(|ask| self.origin(ask)) {
            let Some(source) = origin.live() else { continue };
            if !sources.contains(&source) {
                sources.push(source);
            }
            as_of = as_of.max(origin.as_of().unwrap_or_default());
        }
        (!sources.is_empty()).then(|| (sources.join(", "), as_of.to_owned()))
    }

    /// Where the rows are from that answer `ask`; of several, the latest. None where no row can.
    pub fn origin(&self, ask: &Ask) -> Option<&Origin> {
        match ask {
            Ask::Model(id) | Ask::Revision(id, _) => {
                let id = self.of_jumpstart(id.as_str()).unwrap_or(id.as_str());
                self.models().origin(id).or_else(|| self.pipelines().origin(id))
            }
            Ask::Models(_) => Some(self.models().latest()),
            Ask::Image(image) => match self.resources().origin_of_image(image.as_str()) {
                Origin::Build => Some(self.images().latest()),
                laid => Some(laid),
            },
            Ask::Images(_) => Some(self.images().latest()),
            Ask::Offers(region) => Some(self.regions().origin(region.as_str())),
            Ask::Prices(region) => Some(self.prices().origin(region.as_str())),
            Ask::Files(address) => Some(self.resources().origin_of_stored(address.as_str())),
            Ask::Named(arn) => Some(self.resources().origin_of_named(arn.as_str())),
            Ask::Quotas(region) => Some(self.quotas().origin(region.as_str())),
            Ask::Clusters(region) => Some(self.clusters().origin(region.as_str())),
            Ask::Secrets(region) => Some(self.resources().origin_of_tokens(region.as_str())),
        }
    }
}
