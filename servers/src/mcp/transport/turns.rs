//! Whose call is worked on next by a thread. Connections of one address that call all at once would otherwise have a
//! thread to themselves, since each of them comes to a turn as often as the one of somebody else. So only some calls
//! are worked on at a time, and the next one is of who has the fewest.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use tokio::sync::oneshot::{Receiver, Sender, channel};

/// Calls that one thread works on at a time.
const AT_ONCE: usize = 32;
/// Of those, one address has no more than what is left divided by this.
const PART: usize = 4;

thread_local! {
    static TURNS: RefCell<Turns> = RefCell::default();
}

#[derive(Default)]
struct Turns {
    all: usize,
    by: HashMap<IpAddr, usize>,
    /// In the order in which they came.
    waiting: VecDeque<(IpAddr, Sender<Turn>)>,
}

impl Turns {
    fn own(&self, who: IpAddr) -> usize {
        self.by.get(&who).copied().unwrap_or_default()
    }

    /// Counts one for `who`, if it may be.
    fn begin(&mut self, who: IpAddr) -> bool {
        let own = self.own(who);
        let fair = own < (AT_ONCE - self.all.min(AT_ONCE)) / PART;
        if fair {
            self.all += 1;
            self.by.insert(who, own + 1);
        }
        fair
    }

    fn end(&mut self, who: IpAddr) {
        self.all = self.all.saturating_sub(1);
        let own = self.own(who).saturating_sub(1);
        if own == 0 {
            self.by.remove(&who);
        } else {
            self.by.insert(who, own);
        }
    }

    /// The next one that waits and may begin, and is counted now.
    fn next(&mut self) -> Option<(IpAddr, Sender<Turn>)> {
        let first = self.waiting.iter().enumerate();
        let (at, who) =
            first.map(|(at, (who, _))| (at, *who)).min_by_key(|(_, who)| self.own(*who))?;
        if !self.begin(who) {
            return None;
        }
        self.waiting.remove(at)
    }
}

/// The right to be worked on by this thread, until it is dropped.
pub(super) struct Turn(IpAddr);

impl Turn {
    /// Waits for the turn of a call of `who`.
    pub(super) async fn of(who: IpAddr) -> Option<Self> {
        match Self::now_or_later(who) {
            Ok(now) => Some(now),
            // Nobody gives it where the thread ends.
            Err(later) => later.await.ok(),
        }
    }

    fn now_or_later(who: IpAddr) -> Result<Self, Receiver<Self>> {
        TURNS.with_borrow_mut(|turns| {
            if turns.begin(who) {
                return Ok(Self(who));
            }
            let (give, later) = channel();
            turns.waiting.push_back((who, give));
            Err(later)
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut ended = self.0;
        loop {
            let next = TURNS.try_with(|turns| {
                let mut turns = turns.borrow_mut();
                turns.end(ended);
                turns.next()
            });
            let Ok(Some((who, give))) = next else { return };
            let Err(nobody) = give.send(Self(who)) else { return };
            // It has left, and was counted.
            std::mem::forget(nobody);
            ended = who;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_fewest_is_next() {
        let address = |last| IpAddr::from([127, 0, 0, last]);
        let mut now = Vec::new();
        let mut later = Vec::new();
        for last in 2..=9 {
            for _ in 0..50 {
                match Turn::now_or_later(address(last)) {
                    Ok(turn) => now.push(turn),
                    Err(waits) => later.push((last, waits)),
                }
            }
        }
        assert!(now.len() < AT_ONCE, "{}", now.len());
        // Those who leave are passed over.
        later.retain(|(last, _)| last % 2 == 0);
        let (first, second) = (Turn::now_or_later(address(1)), Turn::now_or_later(address(1)));
        drop(first.ok().expect("a turn at once"));
        drop(second.or_else(|mut later| later.try_recv()).expect("the next turn"));
        drop(now);
        while !later.is_empty() {
            let before = later.len();
            later.retain_mut(|(_, waits)| waits.try_recv().is_err());
            assert!(before > later.len(), "{before} wait for ever");
        }
        TURNS.with_borrow(|turns| assert!(turns.all == 0 && turns.waiting.is_empty()));
    }
}
