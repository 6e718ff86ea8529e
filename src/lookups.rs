//! The look-ups of one run of a command, in smart mode. In static mode there are none, and nothing for them is made.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgMatches;
use mcc_catalogs::reason::{self, Question, Reasoner, Told, Weighed};
use mcc_catalogs::{Ask, Catalogs, Errand, Found, Inquiry, Live, Lookup};
use tokio::runtime::{Builder, Runtime};

use crate::mode::{self, Mode};
use crate::reasoning::{self, Reasoning};
use crate::{live, output};

/// How long the look-ups of one run may take, not counting the time in which a person is asked.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much longer they are waited for: whoever looks things up has by then what came in time.
const GRACE: Duration = Duration::from_millis(500);

/// The look-ups of one run, and the catalogs with what they found.
pub(crate) struct Lookups {
    smart: Option<Smart>,
    inquiry: Inquiry,
    catalogs: Arc<Catalogs>,
}

struct Smart {
    lookup: Arc<dyn Lookup>,
    reasoner: Option<Arc<dyn Reasoner>>,
    runtime: Runtime,
    /// Requests that are left of those that a run may make.
    left: usize,
}

impl Lookups {
    /// Those of the mode that was chosen, over `catalogs`.
    ///
    /// # Errors
    /// The mode cannot be, or the surroundings say what cannot be used.
    pub(crate) fn of(matches: &ArgMatches, catalogs: Arc<Catalogs>) -> Result<Self> {
        Self::in_mode(mode::of(matches)?, None, catalogs)
    }

    /// The same of a command that also asks for an opinion, where its flags say so.
    ///
    /// # Errors
    /// As [`Self::of`], and of the flags about opinions.
    pub(crate) fn weighing(matches: &ArgMatches, catalogs: Arc<Catalogs>) -> Result<Self> {
        let mode = mode::of(matches)?;
        Self::in_mode(mode, reasoning::of(matches, mode)?, catalogs)
    }

    fn in_mode(mode: Mode, reasoning: Option<Reasoning>, catalogs: Arc<Catalogs>) -> Result<Self> {
        let smart = match mode {
            Mode::Static => None,
            Mode::Smart => {
                let (lookup, reasoner) = live::smart(&catalogs, &[], reasoning)?;
                let runtime = Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("the runtime for look-ups cannot be started")?;
                Some(Smart { lookup, reasoner, runtime, left: Errand::REQUESTS })
            }
        };
        Ok(Self { smart, inquiry: Inquiry::default(), catalogs })
    }

    /// Looks up what `asks` says that an answer stands on, and lays it over the catalogs. Between two times a person may
    /// have been asked: the requests of both are counted together, and nothing is asked twice.
    pub(crate) fn look_up(&mut self, asks: impl Fn(&Catalogs) -> Vec<Ask>) {
        let Some(smart) = &mut self.smart else { return };
        let errand = Errand::resumed(PATIENCE, smart.left);
        self.inquiry.resume();
        loop {
            let asks = self.inquiry.next(asks(&self.catalogs));
            if asks.is_empty() {
                break;
            }
            output::progress(&format!("Looking up: {} …", whom(&asks)));
            let rows = self.inquiry.found(smart.found(&asks, &errand));
            if rows.is_empty() {
                break;
            }
            for rows in rows {
                self.catalogs = Arc::new(self.catalogs.with(rows));
            }
        }
        smart.left = errand.left();
    }

    /// What somebody thinks of what `question` asks, if somebody is to be asked and there is something to ask. It has the
    /// requests that look-ups left, and a time of its own.
    pub(crate) fn weigh(
        &mut self,
        question: impl FnOnce(&Catalogs) -> Option<Question>,
    ) -> Option<Told> {
        let smart = self.smart.as_mut()?;
        let reasoner = smart.reasoner.as_ref()?;
        let question = question(&self.catalogs)?;
        output::progress("Asking Amazon Bedrock for an opinion …");
        let errand = Errand::resumed(reason::PATIENCE, smart.left);
        let weighing = async {
            let weighing = question.put(&**reasoner, &errand);
            tokio::time::timeout(reason::PATIENCE + GRACE, weighing).await
        };
        let weighed = smart.runtime.block_on(weighing).unwrap_or_else(|_| Weighed::late());
        smart.left = errand.left();
        Some(weighed.into())
    }

    /// The catalogs, with what was found.
    pub(crate) fn catalogs(&self) -> &Arc<Catalogs> {
        &self.catalogs
    }

    /// What is to be told of the look-ups.
    pub(crate) fn told(&self) -> &Live {
        self.inquiry.told()
    }
}

impl Smart {
    /// Whoever looks things up keeps to a time of its own; here is the end of it all the same.
    fn found(&self, asks: &[Ask], errand: &Errand) -> Found {
        let most = errand.remaining() + GRACE;
        let looking = async { tokio::time::timeout(most, self.lookup.look_up(asks, errand)).await };
        self.runtime.block_on(looking).unwrap_or_else(|_| {
            let note = "The look-ups took too long. The catalogs are used instead.".to_owned();
            Found { notes: vec![note], ..Found::default() }
        })
    }
}

/// Who is asked, for whoever waits.
fn whom(asks: &[Ask]) -> String {
    let mut all: Vec<&str> = asks
        .iter()
        .map(|ask| match ask {
            Ask::Model(_) | Ask::Revision(..) | Ask::Models(_) => "Hugging Face",
            Ask::Image(_) | Ask::Images(_) => "container registries",
            Ask::Files(_)
            | Ask::Named(_)
            | Ask::Offers(_)
            | Ask::Prices(_)
            | Ask::Quotas(_)
            | Ask::Clusters(_)
            | Ask::Secrets(_) => "AWS",
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}
