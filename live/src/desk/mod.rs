//! Where questions come in, and go out to the sources that know them.

mod flights;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Ask, Errand, Found, Looked, Looking, Lookup, Rows, cut};
use tokio::time::timeout;

use crate::aws::{self, Aws};
use crate::cache::{Cache, Kept};
use crate::clock;
use crate::desk::flights::{Flights, Role};
use crate::desk::words::Silence;
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};
use crate::web::on_errand;

/// How long one source may take, so that a slow one leaves the others whole.
const PATIENCE: Duration = Duration::from_secs(6);
/// Most notes of one fact, and how long each may be, in characters.
const NOTES: (usize, usize) = (8, 300);

/// Takes questions to the sources that know them.
#[derive(Debug)]
pub struct Desk {
    sources: Vec<Box<dyn Source>>,
    cache: Arc<Cache>,
    flights: Flights,
    patience: Duration,
}

/// What came of one question to one source.
struct Told {
    topic: Topic,
    whom: Option<String>,
    /// What it said, now or before.
    kept: Option<Arc<Kept>>,
    /// Why it said nothing now.
    failure: Option<Failure>,
}

/// Through whose eyes a source looks, and under which key what it says is kept.
struct Known {
    key: String,
    whom: Option<String>,
}

impl Desk {
    /// A desk that asks AWS of Regions, and nobody else.
    pub fn of_aws(aws: &Aws, cache: Arc<Cache>) -> Self {
        Self::new(aws::of_regions(aws), cache)
    }

    /// A desk with these sources.
    pub(crate) fn new(sources: Vec<Box<dyn Source>>, cache: Arc<Cache>) -> Self {
        Self { sources, cache, flights: Flights::default(), patience: PATIENCE }
    }

    /// The same, where one source may take as long as `patience`.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What the source at `place` says of `ask`.
    async fn ask(&self, place: usize, ask: &Ask, topic: Topic, errand: &Errand) -> Told {
        let mut known = None;
        let asking = timeout(
            self.patience.min(errand.remaining()),
            self.asked(place, ask, &topic, errand, &mut known),
        );
        let outcome = on_errand(errand, asking).await.unwrap_or(Err(Failure::TooSlow));
        let (kept, failure) = match outcome {
            Ok(kept) => (Some(kept), None),
            Err(failure) => {
                let before = match &known {
                    Some(Known { key, .. }) if failure.leaves_facts() => {
                        self.cache.stale(key).await
                    }
                    _ => None,
                };
                (before, Some(failure))
            }
        };
        Told { topic, whom: known.and_then(|known| known.whom), kept, failure }
    }

    async fn asked(
        &self,
        place: usize,
        ask: &Ask,
        topic: &Topic,
        errand: &Errand,
        known: &mut Option<Known>,
    ) -> Result<Arc<Kept>, Failure> {
        let source = self.sources.get(place).ok_or(Failure::Unreachable)?;
        let asker = format!("{place}\n{:?}\n{ask:?}", errand.profile());
        if let Some(failure) = self.cache.failed(&asker) {
            return Err(failure);
        }
        let eyes = source.eyes(ask, errand).await;
        let eyes = eyes.inspect_err(|failure| self.cache.fail(&asker, failure))?;
        let key = key(&**source, ask, topic, &eyes);
        let Known { key, .. } = known.insert(Known { key, whom: eyes.told });
        loop {
            if let Some(kept) = self.cache.get(key, topic.holds.as_secs()).await {
                return Ok(kept);
            }
            if let Some(failure) = self.cache.failed(key) {
                return Err(failure);
            }
            let flight = match self.flights.join(key) {
                Role::Leads(flight) => flight,
                Role::Follows(flight) => match flight.landed().await {
                    Some(outcome) => return outcome,
                    // Who led gave up, or had too little left: that is nobody else's.
                    None => continue,
                },
            };
            // Somebody may have landed since the cache was asked.
            if let Some(kept) = self.cache.get(key, topic.holds.as_secs()).await {
                flight.lands(&Ok(Arc::clone(&kept)));
                return Ok(kept);
            }
            let said = source.find(ask, errand).await;
            let kept = said.map(|fact| {
                let source = topic.words.clone();
                Arc::new(Kept { at: clock::now(), source, fact: tidy(fact) })
            });
            let text = match &kept {
                Ok(kept) => self.cache.put(key, kept),
                Err(failure) => {
                    self.cache.fail(key, failure);
                    None
                }
            };
            flight.lands(&kept);
            if let Some(text) = text {
                self.cache.store(key, text).await;
            }
            return kept;
        }
    }
}

impl Lookup for Desk {
    fn look_up<'a>(&'a self, asks: &'a [Ask], errand: &'a Errand) -> Looking<'a> {
        Box::pin(async move {
            let mut all: Vec<Waiting<'_, Told>> = Vec::new();
            for ask in asks {
                for (place, source) in self.sources.iter().enumerate() {
                    if let Some(topic) = source.knows(ask) {
                        all.push(Box::pin(self.ask(place, ask, topic, errand)));
                    }
                }
            }
            let mut found = Found::default();
            let mut silences: Vec<Silence> = Vec::new();
            let mut notes = Vec::new();
            let all = together(all).await;
            let now = clock::now();
            for Told { topic, whom, kept, failure } in all {
                let age = kept.as_ref().map(|kept| now.saturating_sub(kept.at));
                if let Some(failure) = failure {
                    Silence::add(&mut silences, &topic.words, failure, age);
                }
                if let (Some(kept), Some(age)) = (kept, age) {
                    notes.extend(kept.fact.notes.iter().cloned());
                    found.rows.push(Rows::said(&topic.words, age, kept.fact.files.clone()));
                    found.looked.push(Looked { source: topic.words, whom, age });
                }
            }
            // What is missing first: of many notes not all are told.
            let all = silences.iter().map(Silence::told).chain(notes);
            for note in all.chain(self.cache.untold_trouble()) {
                if !found.notes.contains(&note) {
                    found.notes.push(note);
                }
            }
            found
        })
    }
}

/// Under which what `source` says is kept.
fn key(source: &dyn Source, ask: &Ask, topic: &Topic, eyes: &Eyes) -> String {
    [source.kind(), &format!("{ask:?}"), &topic.words, &eyes.apart].join("\n")
}

/// What a source says is foreign text, and as long as it likes.
fn tidy(mut fact: Fact) -> Fact {
    fact.notes.truncate(NOTES.0);
    for note in &mut fact.notes {
        *note = cut(note, NOTES.1).into_owned();
    }
    fact
}

/// Waits for all of them at once, in order.
pub(crate) async fn together<T>(waiting: Vec<Waiting<'_, T>>) -> Vec<T> {
    let mut waiting: Vec<(Waiting<'_, T>, Option<T>)> =
        waiting.into_iter().map(|one| (one, None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (one, done) in &mut waiting {
            if done.is_none() {
                match one.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}

/// A time in the form that topics have.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}
