//! Shares of what there is little of and what cannot be taken back, such as calls at once or memory for bodies. Nobody
//! gets more than a part of what is left, so that something is left for the next one, however many took all they
//! could get before him, and no limit has to be chosen for how many there may be.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// What there is, and who holds how much of it.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    all: usize,
    /// Nobody holds more than what is left divided by this.
    part: usize,
    state: Mutex<State<K>>,
}

#[derive(Debug)]
struct State<K> {
    held: usize,
    by: HashMap<K, usize>,
}

impl<K: Hash + Eq + Copy> Shares<K> {
    /// `all` that there is, of which nobody gets more than what is left divided by `part`.
    pub(crate) fn of(all: usize, part: usize) -> Arc<Self> {
        Arc::new(Self { all, part, state: Mutex::new(State { held: 0, by: HashMap::new() }) })
    }

    /// An empty share of `who`.
    pub(crate) fn share(self: &Arc<Self>, who: K) -> Share<K> {
        Share { of: Arc::clone(self), who, amount: 0 }
    }

    /// One for `who`, if that is fair.
    pub(crate) fn one(self: &Arc<Self>, who: K) -> Option<Share<K>> {
        let mut share = self.share(who);
        share.take(1).then_some(share)
    }

    /// How much is held by all.
    pub(crate) fn held(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).held
    }
}

/// What one holds; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Hash + Eq + Copy> {
    of: Arc<Shares<K>>,
    who: K,
    amount: usize,
}

impl<K: Hash + Eq + Copy> Share<K> {
    /// Takes `more`, unless that is not fair.
    #[must_use]
    pub(crate) fn take(&mut self, more: usize) -> bool {
        let mut state = self.of.state.lock().unwrap_or_else(PoisonError::into_inner);
        let own = state.by.get(&self.who).copied().unwrap_or_default();
        let left = self.of.all.saturating_sub(state.held);
        if own.saturating_add(more) > left / self.of.part {
            return false;
        }
        state.held += more;
        state.by.insert(self.who, own + more);
        self.amount += more;
        true
    }
}

impl<K: Hash + Eq + Copy> Drop for Share<K> {
    fn drop(&mut self) {
        if self.amount == 0 {
            return;
        }
        let mut state = self.of.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.held = state.held.saturating_sub(self.amount);
        if let Some(own) = state.by.get_mut(&self.who) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                state.by.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_for_the_next_one_however_greedy_others_are() {
        let shares = Shares::of(512, 4);
        let mut taken = Vec::new();
        // One after the other, each takes all he can get.
        for greedy in 0..8 {
            while let Some(share) = shares.one(greedy) {
                taken.push(share);
            }
        }
        let honest: Vec<_> = (0..16).map_while(|_| shares.one(100)).collect();
        assert_eq!(honest.len(), 16);
        drop((taken, honest));
        assert_eq!(shares.held(), 0);
        assert!(shares.state.lock().unwrap().by.is_empty());
    }

    #[test]
    fn nobody_gets_more_than_his_part() {
        let shares = Shares::of(10, 1);
        let mut share = shares.share("one");
        assert!(share.take(5) && !share.take(1) && !share.take(usize::MAX));
        assert!(share.take(0));
        drop(share);
        assert!(shares.share("two").take(5));
        assert!(!Shares::of(10, 4).share("one").take(3));
    }
}
