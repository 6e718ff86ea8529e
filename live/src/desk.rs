//! Where questions come in, and go out to the sources that know them.

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Ask, Errand, Found, Looked, Looking, Lookup, Rows};

use crate::aws::{self, Aws};
use crate::cache::{Cache, Kept};
use crate::clock;
use crate::failure::Failure;
use crate::source::{Fact, Source, Topic, Waiting};
use crate::web::on_errand;

/// Seconds that a partial answer is kept.
const PARTIAL: u64 = 30;

/// Takes questions to the sources that know them.
#[derive(Debug)]
pub struct Desk {
    sources: Vec<Box<dyn Source>>,
    cache: Arc<Cache>,
}

/// What came of one question to one source.
struct Told {
    topic: Topic,
    outcome: Result<(Kept, Option<String>), Failure>,
}

impl Desk {
    /// A desk that asks AWS of Regions, and nobody else.
    pub fn of_aws(aws: &Aws) -> Self {
        Self::new(aws::of_regions(aws), Arc::default())
    }

    /// A desk with these sources.
    pub(crate) fn new(sources: Vec<Box<dyn Source>>, cache: Arc<Cache>) -> Self {
        Self { sources, cache }
    }

    async fn ask(&self, source: &dyn Source, ask: &Ask, topic: Topic, errand: &Errand) -> Told {
        let asking = async {
            let eyes = source.eyes(ask, errand).await?;
            let key = format!("{ask:?}\n{}\n{}", topic.words, eyes.apart);
            let now = clock::now();
            if let Some(kept) = self.cache.get(&key, now, topic.holds.as_secs())
                && (!kept.fact.partial || now - kept.at < PARTIAL)
            {
                return Ok((kept, eyes.told));
            }
            let fact: Fact = source.find(ask, errand).await?;
            let kept = Kept { at: clock::now(), fact };
            self.cache.put(key, kept.clone());
            Ok((kept, eyes.told))
        };
        let asking = tokio::time::timeout(errand.remaining(), asking);
        let outcome = on_errand(errand, asking).await.unwrap_or(Err(Failure::TooSlow));
        Told { topic, outcome }
    }
}

impl Lookup for Desk {
    fn look_up<'a>(&'a self, asks: &'a [Ask], errand: &'a Errand) -> Looking<'a> {
        Box::pin(async move {
            let mut all: Vec<Waiting<'_, Told>> = Vec::new();
            for ask in asks {
                for source in &self.sources {
                    if let Some(topic) = source.knows(ask) {
                        all.push(Box::pin(self.ask(&**source, ask, topic, errand)));
                    }
                }
            }
            let mut found = Found::default();
            let now = clock::now();
            for Told { topic, outcome } in together(all).await {
                match outcome {
                    Ok((kept, whom)) => {
                        found.notes.extend(kept.fact.notes);
                        found.rows.push(Rows::said(&topic.words, kept.fact.files));
                        let age = now.saturating_sub(kept.at);
                        found.looked.push(Looked { source: topic.words, whom, age });
                    }
                    Err(failure) => found
                        .notes
                        .push(format!("{} {failure}. The catalogs answer instead.", topic.words)),
                }
            }
            found
        })
    }
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
