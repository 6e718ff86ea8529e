//! Who is connected. Connections that wait for their client cost next to nothing, but there are not more of them than
//! descriptors: they have deadlines, and where it gets crowded, those who hold the most lose the oldest of them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::client::Peer;

/// How long the head of a request may take, from its first byte, or from the beginning of the connection.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may do nothing between requests, or take for an answer: longer than load balancers keep
/// theirs, most of which have 60 seconds, so that they never send a request to one that is being closed.
const IDLE: Duration = Duration::from_secs(75);

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Doing {
    /// It sends the head of a request, or has sent nothing yet.
    Head,
    /// It sends the body of a request, which has a deadline of its own.
    Body,
    /// It waits for us.
    Served,
    /// It takes an answer, or does nothing.
    Idle,
    /// It takes an answer that goes on.
    Stream,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Guest {
    /// Where it comes from.
    pub(super) peer: Peer,
    /// Cancelled when it has to go.
    pub(super) gone: CancellationToken,
    doing: AtomicU8,
    /// Since when, in milliseconds after the beginning.
    since: AtomicU64,
    begin: Instant,
}

impl Guest {
    fn new(peer: Peer, begin: Instant) -> Self {
        let guest = Self {
            peer,
            gone: CancellationToken::new(),
            doing: AtomicU8::new(0),
            since: AtomicU64::new(0),
            begin,
        };
        guest.does(Doing::Head);
        guest
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes what it does from now on.
    pub(super) fn does(&self, doing: Doing) {
        self.since.store(self.now(), Ordering::Relaxed);
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    fn is(&self, doing: Doing) -> bool {
        self.doing.load(Ordering::Relaxed) == doing as u8
    }

    /// Something has come from it: if it was idle, that is the beginning of a request.
    pub(super) fn heard(&self) {
        if self.is(Doing::Idle) {
            self.does(Doing::Head);
        }
    }

    fn overdue(&self) -> bool {
        let limit = if self.is(Doing::Head) {
            HEAD
        } else if self.is(Doing::Idle) {
            IDLE
        } else {
            return false;
        };
        Duration::from_millis(self.now().saturating_sub(self.since.load(Ordering::Relaxed))) > limit
    }
}

/// All connections.
#[derive(Debug)]
pub(super) struct Crowd {
    begin: Instant,
    most: usize,
    state: Mutex<State>,
    /// How many were closed because they took too long, because it was crowded, and how many were not let in.
    pub(super) overdue: AtomicU64,
    pub(super) displaced: AtomicU64,
    pub(super) refused: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    all: usize,
    next: u64,
    /// By address, the oldest first. Behind each address is at least one.
    by: HashMap<IpAddr, BTreeMap<u64, Arc<Guest>>>,
}

impl State {
    fn remove(&mut self, address: IpAddr, number: u64) -> Option<Arc<Guest>> {
        let guests = self.by.get_mut(&address)?;
        let guest = guests.remove(&number)?;
        if guests.is_empty() {
            self.by.remove(&address);
        }
        self.all -= 1;
        Some(guest)
    }

    /// The oldest connection from `address` that waits for its client.
    fn oldest(&self, address: IpAddr) -> Option<(IpAddr, u64)> {
        let mut guests = self.by.get(&address)?.iter();
        guests.find(|(_, guest)| !guest.is(Doing::Served)).map(|(number, _)| (address, *number))
    }

    /// Who has to go so that one more may come from `address`, which has `own`: one of those who have the most, unless
    /// nobody has more.
    fn victim(&self, address: IpAddr, own: usize) -> Option<(IpAddr, u64)> {
        let more = self.by.iter().filter(|(_, guests)| guests.len() > own);
        let waiting = more.filter_map(|(its, guests)| Some((guests.len(), self.oldest(*its)?)));
        let worst = waiting.max_by_key(|(theirs, _)| *theirs).map(|(_, victim)| victim);
        worst.or_else(|| self.oldest(address))
    }
}

impl Crowd {
    /// At most `most` at once.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self {
            begin: Instant::now(),
            most,
            state: Mutex::default(),
            overdue: AtomicU64::new(0),
            displaced: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there may be.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.state().all
    }

    /// Lets one in, for which another one may have to go; `None` if all are busy.
    pub(super) fn admit(self: &Arc<Self>, peer: Peer) -> Option<Seat> {
        let mut state = self.state();
        let address = peer.address();
        let own = state.by.get(&address).map_or(0, BTreeMap::len);
        // Behind a proxy are many clients, who are kept apart by request.
        let own = if peer.is_proxy() { 0 } else { own };
        // Nobody holds more than what is left.
        if own >= self.most.saturating_sub(state.all) {
            let victim = state.victim(address, own);
            let victim = victim.and_then(|(address, number)| state.remove(address, number));
            let Some(victim) = victim else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            };
            self.displaced.fetch_add(1, Ordering::Relaxed);
            victim.gone.cancel();
        }
        let guest = Arc::new(Guest::new(peer, self.begin));
        let number = state.next;
        state.next += 1;
        state.all += 1;
        state.by.entry(address).or_default().insert(number, Arc::clone(&guest));
        Some(Seat { crowd: Arc::clone(self), guest, number })
    }

    /// Closes what takes too long.
    pub(super) fn sweep(&self) {
        let state = self.state();
        let late = state.by.values().flat_map(BTreeMap::values).filter(|guest| guest.overdue());
        for guest in late.filter(|guest| !guest.gone.is_cancelled()) {
            self.overdue.fetch_add(1, Ordering::Relaxed);
            guest.gone.cancel();
        }
    }

    /// How it is, in the text format of Prometheus.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# HELP mcc_http_connections Connections that are open now.\n\
             # TYPE mcc_http_connections gauge\n\
             mcc_http_connections {}\n\
             # HELP mcc_http_connections_ended_total Connections that were closed or not let in.\n\
             # TYPE mcc_http_connections_ended_total counter\n",
            self.len(),
        );
        for (why, count) in
            [("overdue", &self.overdue), ("displaced", &self.displaced), ("refused", &self.refused)]
        {
            let count = count.load(Ordering::Relaxed);
            text.push_str(&format!("mcc_http_connections_ended_total{{why=\"{why}\"}} {count}\n"));
        }
        text
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    crowd: Arc<Crowd>,
    pub(super) guest: Arc<Guest>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It is gone already where it had to make room.
        drop(self.crowd.state().remove(self.guest.peer.address(), self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Peer {
        Peer::new(IpAddr::from([127, 0, 0, last]), &[])
    }

    #[test]
    fn whoever_holds_the_most_makes_room() {
        let crowd = Crowd::of(90);
        let mut seats = Vec::new();
        // One after the other, each takes all he can get, and then all of them again.
        for last in (2..=9).chain(2..=9) {
            seats.extend((0..90).filter_map(|_| crowd.admit(from(last))));
        }
        assert!(crowd.len() <= 90, "{}", crowd.len());
        let honest: Vec<_> = (0..5).filter_map(|_| crowd.admit(from(1))).collect();
        for last in 2..=9 {
            seats.extend((0..90).filter_map(|_| crowd.admit(from(last))));
        }
        assert_eq!(honest.len(), 5);
        assert!(honest.iter().all(|seat| !seat.guest.gone.is_cancelled()));
        drop(seats);
        drop(honest);
        assert_eq!(crowd.len(), 0);
        assert!(crowd.state().by.is_empty());
    }

    #[test]
    fn who_is_served_is_left_alone() {
        let crowd = Crowd::of(8);
        let seats: Vec<_> = (0..4).filter_map(|_| crowd.admit(from(1))).collect();
        assert_eq!(seats.len(), 4);
        for seat in &seats {
            seat.guest.does(Doing::Served);
        }
        assert!(crowd.admit(from(1)).is_none());
        for seat in &seats[2..] {
            seat.guest.does(Doing::Idle);
        }
        assert!(crowd.admit(from(1)).is_some());
        let gone: Vec<bool> = seats.iter().map(|seat| seat.guest.gone.is_cancelled()).collect();
        assert_eq!(gone, [false, false, true, false]);
    }

    #[test]
    fn more_addresses_than_places_are_served_too() {
        let crowd = Crowd::of(10);
        let seats: Vec<_> = (1..=200).map(|last| crowd.admit(from(last))).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(crowd.len() <= 10);
    }

    #[test]
    fn one_that_dawdles_has_to_go() {
        let crowd = Crowd::of(10);
        let seat = crowd.admit(from(1)).unwrap();
        crowd.sweep();
        assert!(!seat.guest.gone.is_cancelled());
        let back = |by: Duration| Guest {
            peer: from(1),
            gone: CancellationToken::new(),
            doing: AtomicU8::new(0),
            since: AtomicU64::new(0),
            begin: Instant::now().checked_sub(by).unwrap(),
        };
        for (doing, after, overdue) in [
            (Doing::Head, 9, false),
            (Doing::Head, 11, true),
            (Doing::Idle, 74, false),
            (Doing::Idle, 76, true),
            (Doing::Served, 1000, false),
            (Doing::Body, 1000, false),
        ] {
            let guest = back(Duration::from_secs(after));
            guest.doing.store(doing as u8, Ordering::Relaxed);
            assert_eq!(guest.overdue(), overdue, "{doing:?} {after}");
            guest.heard();
            assert_eq!(guest.is(Doing::Head), matches!(doing, Doing::Head | Doing::Idle));
        }
    }
}
