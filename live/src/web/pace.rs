//! How many requests at once, how many in a second, and to whom none for now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::Failure;

/// Requests at once.
const AT_ONCE: usize = 8;
/// Requests at once to one host.
pub(crate) const OF_HOST: usize = 4;
/// Requests to one host that may follow each other without a pause: more than one answer has.
const BURST: u32 = 40;
/// Time after which a host may be sent one more.
const PER_REQUEST: Duration = Duration::from_millis(100);
/// The longest that is waited for a host that asks to be left alone.
pub(crate) const WAITED: Duration = Duration::from_secs(3);
/// The longest that a host is left alone for, whatever it asks for.
const LONGEST_REST: Duration = Duration::from_secs(10 * 60);
/// Hosts that are remembered. Those of a registry's storage have many names.
const HOSTS: usize = 256;

/// Turns to send, for all that this process does.
#[derive(Debug)]
pub(crate) struct Pace {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Host>>,
}

/// What is known of one host.
#[derive(Debug)]
struct Host {
    turns: Arc<Semaphore>,
    /// When it would have been sent all that it was sent, at the rate that is kept to.
    even: Instant,
    /// Until when it asked to be left alone.
    rests: Option<Instant>,
}

/// A turn to send one request; it is over when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_host: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Pace {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), hosts: Mutex::default() }
    }
}

impl Pace {
    /// Waits for a turn to send to `origin`.
    ///
    /// # Errors
    /// It asked to be left alone for longer than is waited.
    pub(crate) async fn turn(&self, origin: &str) -> Result<Turn, Failure> {
        let turns = {
            let mut hosts = self.hosts();
            let host = Self::host(&mut hosts, origin);
            host.rest()?;
            Arc::clone(&host.turns)
        };
        // The host's first: who waits for a slow host takes no turn of others.
        let closed = |_| Failure::Unreachable;
        let of_host = turns.acquire_owned().await.map_err(closed)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(closed)?;
        let pause = {
            let mut hosts = self.hosts();
            let host = Self::host(&mut hosts, origin);
            host.rest()?.max(host.pause(Instant::now()))
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(Turn { _of_host: of_host, _of_all: of_all })
    }

    /// Leaves `origin` alone until then, but no longer than ten minutes.
    pub(crate) fn rest(&self, origin: &str, until: Instant) {
        let mut hosts = self.hosts();
        let host = Self::host(&mut hosts, origin);
        let until = until.min(Instant::now() + LONGEST_REST);
        host.rests = host.rests.max(Some(until));
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host<'a>(hosts: &'a mut HashMap<String, Host>, origin: &str) -> &'a mut Host {
        if hosts.len() >= HOSTS && !hosts.contains_key(origin) {
            let now = Instant::now();
            // Those that are under way, rest or were asked a lot are still needed.
            let much = now + PER_REQUEST * BURST / 2;
            hosts.retain(|_, host| {
                Arc::strong_count(&host.turns) > 1 || host.even > much || host.rests > Some(now)
            });
        }
        hosts.entry(origin.to_owned()).or_insert_with(|| Host {
            turns: Arc::new(Semaphore::new(OF_HOST)),
            even: Instant::now(),
            rests: None,
        })
    }
}

impl Host {
    /// How long it is still to be left alone for.
    fn rest(&self) -> Result<Duration, Failure> {
        let rest = self.rests.map(|until| until.saturating_duration_since(Instant::now()));
        match rest.unwrap_or_default() {
            rest if rest > WAITED => Err(Failure::throttled(Some(rest))),
            rest => Ok(rest),
        }
    }

    /// How long to wait before the next request, which is counted.
    fn pause(&mut self, now: Instant) -> Duration {
        self.even = self.even.max(now) + PER_REQUEST;
        self.even.saturating_duration_since(now).saturating_sub(PER_REQUEST * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_takes_what_one_answer_has_at_once_and_then_ten_a_second() {
        let now = Instant::now();
        let mut host = Host { turns: Arc::new(Semaphore::new(1)), even: now, rests: None };
        let pauses: Vec<_> = (0..60).map(|_| host.pause(now)).collect();
        assert!(pauses[..40].iter().all(Duration::is_zero));
        assert_eq!(pauses[40..43], [100, 200, 300].map(Duration::from_millis));
        assert_eq!(host.pause(now + Duration::from_secs(60)), Duration::ZERO);
    }

    #[tokio::test]
    async fn turns_are_limited_for_each_host_and_for_all() {
        let pace = Pace::default();
        let mut held = Vec::new();
        for _ in 0..OF_HOST {
            held.push(pace.turn("https://a").await.unwrap());
        }
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, pace.turn("https://a")).await.is_err());
        for _ in 0..AT_ONCE - OF_HOST {
            held.push(pace.turn("https://b").await.unwrap());
        }
        assert!(tokio::time::timeout(soon, pace.turn("https://c")).await.is_err());
        held.pop();
        assert!(tokio::time::timeout(soon, pace.turn("https://c")).await.is_ok());
    }

    #[tokio::test]
    async fn who_asks_to_be_left_alone_is_for_as_long_and_nobody_else() {
        let pace = Pace::default();
        let start = Instant::now();
        pace.rest("https://a", start + Duration::from_millis(80));
        assert!(pace.turn("https://b").await.is_ok());
        assert!(start.elapsed() < Duration::from_millis(80));
        assert!(pace.turn("https://a").await.is_ok());
        assert!(start.elapsed() >= Duration::from_millis(80));
        pace.rest("https://a", Instant::now() + Duration::from_secs(1 << 30));
        let rests = pace.hosts().get("https://a").unwrap().rests.unwrap();
        assert!(rests <= Instant::now() + LONGEST_REST);
        assert_eq!(pace.turn("https://a").await.unwrap_err(), Failure::Throttled(Some(600)));
    }

    #[tokio::test]
    async fn what_is_remembered_of_hosts_is_bounded() {
        let pace = Pace::default();
        let until = Instant::now() + Duration::from_secs(60);
        pace.rest("https://resting", until);
        for number in 0..HOSTS * 3 {
            pace.turn(&format!("https://{number}")).await.unwrap();
        }
        assert!(pace.hosts().len() <= HOSTS);
        assert!(pace.turn("https://resting").await.is_err());
    }
}
