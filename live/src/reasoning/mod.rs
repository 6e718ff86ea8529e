//! An opinion of a language model on choices that are accepted already: Amazon Bedrock's Converse, with one tool that has to
//! be called.

mod converse;
mod facts;
mod ledger;
mod names;
mod profiles;
mod prompt;
mod rates;
mod read;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use aws_types::SdkConfig;
use mcc_catalogs::reason::{PATIENCE, Question, Reasoner, Used, Weighed, Weighing};
use mcc_catalogs::{Errand, Region};

use crate::aws::Aws;
use crate::clock;
use crate::failure::Failure;
use crate::web::{Web, on_errand};
use converse::{Failed, Tokens};
use facts::{Facts, Known};
use ledger::{Held, Ledger, NoTokens};
use profiles::Called;
use prompt::Prompt;

pub use converse::ALLOWS as REASONING_ALLOWS;

/// How Bedrock is asked.
#[derive(Debug, Clone)]
pub struct ReasoningSettings {
    /// The model, by the id of itself or of an inference profile, or by an ARN. None: a small one of the geography.
    pub model: Option<String>,
    /// The Region that is called. None: the one that is configured for AWS.
    pub region: Option<Region>,
    /// Tokens of a day at most, of all servers of this user together.
    pub tokens: u64,
    /// The folder in which they are counted. None: they cannot be, and nothing is asked.
    pub folder: Option<PathBuf>,
}

impl ReasoningSettings {
    /// Tokens of a day, where nobody says otherwise.
    pub const TOKENS: u64 = 200_000;
}

/// Amazon Bedrock.
#[derive(Debug)]
pub(crate) struct Bedrock {
    settings: ReasoningSettings,
    aws: Aws,
    web: Web,
    known: Known,
}

/// Why there is no opinion, as the predicate of a sentence about Bedrock; and what it took all the same.
struct Unsaid {
    why: String,
    used: Option<Box<Used>>,
}

impl From<Failure> for Unsaid {
    fn from(failure: Failure) -> Self {
        Self { why: failure.to_string(), used: None }
    }
}

impl From<NoTokens> for Unsaid {
    fn from(none: NoTokens) -> Self {
        Self { why: none.to_string(), used: None }
    }
}

impl Bedrock {
    pub(crate) fn new(settings: ReasoningSettings, aws: Aws, web: Web) -> Self {
        Self { settings, aws, web, known: Known::default() }
    }

    async fn asked(&self, prompt: &Prompt, errand: &Errand) -> Result<Weighed, Unsaid> {
        let config = self.aws.config(errand).await?;
        let (region, called) = self.called(&config)?;
        let day = clock::date(clock::now());
        let held = self.hold(day, prompt.at_most()).await?;
        let patience = PATIENCE.min(errand.remaining());
        let client = converse::client(&config, &region, &self.web, patience);
        let asking = tokio::time::timeout(patience, converse::ask(&client, &called, prompt));
        // What is known of the model is asked for while it thinks.
        let (outcome, Facts { geography, rates }) = tokio::join!(
            on_errand(errand, asking),
            self.known.of(&self.aws, &called, &region, errand)
        );
        let outcome = outcome
            .unwrap_or_else(|_| Err(Failed { why: Failure::TooSlow.to_string(), unused: false }));
        let mut used = Used {
            model: called.id,
            region: region.to_string(),
            geography: geography.unwrap_or(called.geography),
            input_tokens: None,
            output_tokens: None,
            rates,
        };
        let (answer, tokens) = match outcome {
            Ok(answered) => answered,
            Err(Failed { why, unused: true }) => {
                settle(held, Some(0)).await?;
                return Err(Unsaid { why, used: None });
            }
            // The tokens that are held count, since nobody knows.
            Err(Failed { why, unused: false }) => {
                return Err(Unsaid { why, used: Some(Box::new(used)) });
            }
        };
        used.input_tokens = tokens.map(|tokens| tokens.input);
        used.output_tokens = tokens.map(|tokens| tokens.output);
        let sum = tokens.map(|Tokens { input, output }| input.saturating_add(output));
        let counted = settle(held, sum).await;
        let opinion = match read::opinion(prompt, answer) {
            Ok(opinion) => opinion,
            Err(why) => return Err(Unsaid { why: why.to_owned(), used: Some(Box::new(used)) }),
        };
        let note = counted.err().map(|error| format!("Bedrock's tokens are not counted: {error}"));
        Ok(Weighed { used: Some(used), opinion: Some(opinion), note })
    }

    /// The Region that is called, and the model.
    fn called(&self, config: &SdkConfig) -> Result<(Region, Called), Unsaid> {
        let none = |why: String| Unsaid { why, used: None };
        let configured = || config.region().and_then(|region| region.as_ref().parse().ok());
        let region = self.settings.region.clone().or_else(configured).ok_or_else(|| {
            none(
                "was not asked: no Region is configured; name one with --reasoning-region"
                    .to_owned(),
            )
        })?;
        let called =
            profiles::called(self.settings.model.as_deref(), &region).ok_or_else(|| {
                none(format!(
                    "was not asked: no model is known for {region}; name one with --reasoning-model"
                ))
            })?;
        Ok((region, called))
    }

    async fn hold(&self, day: String, tokens: u64) -> Result<Held, NoTokens> {
        let Some(folder) = &self.settings.folder else {
            return Err(NoTokens::Unknown("there is no cache folder".to_owned()));
        };
        let ledger = Ledger::new(folder, self.settings.tokens);
        aside(move || ledger.hold(&day, tokens)).await
    }
}

/// Gives back what was not used. Where that is not known, what is held counts.
async fn settle(held: Held, used: Option<u64>) -> Result<(), NoTokens> {
    match used {
        Some(used) => aside(move || held.settle(used)).await,
        None => Ok(()),
    }
}

/// Files may be waited for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NoTokens> + Send + 'static,
) -> Result<T, NoTokens> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(NoTokens::Unknown("counting failed".to_owned())))
}

impl Reasoner for Bedrock {
    fn weigh<'a>(&'a self, question: &'a Question, errand: &'a Errand) -> Weighing<'a> {
        Box::pin(async move {
            let Some(prompt) = Prompt::new(question) else { return Weighed::default() };
            match Box::pin(self.asked(&prompt, errand)).await {
                Ok(weighed) => weighed,
                Err(Unsaid { why, used }) => Weighed {
                    used: used.map(|used| *used),
                    opinion: None,
                    note: Some(format!("Bedrock {why}")),
                },
            }
        })
    }
}
