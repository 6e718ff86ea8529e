//! Look-ups under way: who asks the same at the same time waits for the one who asked first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::cache::Kept;
use crate::failure::Failure;

/// What came of a look-up.
pub(crate) type Outcome = Result<Arc<Kept>, Failure>;

/// Look-ups under way, by the key of what they look up.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<String, watch::Receiver<Option<Outcome>>>>,
}

/// Who looks it up.
#[derive(Debug)]
pub(crate) enum Role<'a> {
    /// Who asked first.
    Leads(Leading<'a>),
    /// Everybody else.
    Follows(Following),
}

/// A look-up of one's own. Where it ends without having landed, another takes over.
#[derive(Debug)]
pub(crate) struct Leading<'a> {
    flights: &'a Flights,
    key: String,
    landed: watch::Sender<Option<Outcome>>,
}

/// A look-up of another's.
#[derive(Debug)]
pub(crate) struct Following(watch::Receiver<Option<Outcome>>);

impl Flights {
    /// Joins the look-up of `key`, or begins it.
    pub(crate) fn join(&self, key: &str) -> Role<'_> {
        let mut under_way = self.under_way();
        if let Some(landing) = under_way.get(key) {
            return Role::Follows(Following(landing.clone()));
        }
        let (landed, landing) = watch::channel(None);
        under_way.insert(key.to_owned(), landing);
        Role::Leads(Leading { flights: self, key: key.to_owned(), landed })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Option<Outcome>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leading<'_> {
    /// Tells all who wait. What only this errand was too short for is told to nobody.
    pub(crate) fn lands(self, outcome: &Outcome) {
        let own = matches!(outcome, Err(Failure::UsedUp | Failure::TooSlow));
        if !own {
            self.landed.send_replace(Some(outcome.clone()));
        }
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.flights.under_way().remove(&self.key);
    }
}

impl Following {
    /// What came of it; nothing, where whoever led it gave up.
    pub(crate) async fn landed(mut self) -> Option<Outcome> {
        let landed = self.0.wait_for(Option::is_some).await.ok()?;
        landed.clone()
    }
}
