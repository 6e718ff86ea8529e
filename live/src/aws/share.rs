//! What one question may take of an answer's requests, and how far its lists are read.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcc_catalogs::Errand;

/// One question's part of an errand's requests: several are asked at once, and none may take them all.
#[derive(Debug)]
pub(super) struct Share<'a> {
    errand: &'a Errand,
    left: AtomicUsize,
    /// Requests of the errand that are for others.
    spared: usize,
}

impl<'a> Share<'a> {
    /// A share of `most` requests of `errand`, none of them of its last `spared`.
    pub(super) fn new(errand: &'a Errand, most: usize, spared: usize) -> Self {
        Self { errand, left: AtomicUsize::new(most), spared }
    }

    /// Whether one more may be sent; it counts as sent then.
    pub(super) fn take(&self) -> bool {
        self.errand.left() > self.spared
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
    }

    /// Whose requests they are.
    pub(super) fn errand(&self) -> &'a Errand {
        self.errand
    }
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing: that was all.
    End,
    /// The page that this token is for.
    Next(String),
    /// More, that is not read: a token that was there before, too long to be one, or a page too many.
    Unread,
}

/// How far a list was read.
#[derive(Debug)]
pub(super) struct Pages {
    seen: HashSet<String>,
    most: usize,
}

impl Pages {
    /// Longest token of a page, in bytes: SageMaker's are up to 8,192 characters.
    const LONGEST: usize = 16 * 1024;

    /// A list of which at most `most` pages are read.
    pub(super) fn new(most: usize) -> Self {
        Self { seen: HashSet::new(), most }
    }

    /// Whether a page was read and another is to come.
    pub(super) fn is_begun(&self) -> bool {
        !self.seen.is_empty()
    }

    /// What comes after a page that ended with `token`.
    pub(super) fn turn(&mut self, token: Option<String>) -> Turn {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Turn::End };
        let read = self.seen.len() + 1;
        if read >= self.most || token.len() > Self::LONGEST || !self.seen.insert(token.clone()) {
            return Turn::Unread;
        }
        Turn::Next(token)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_share_ends_and_spares_what_others_need() {
        let errand = Errand::new(Duration::from_secs(1));
        let share = Share::new(&errand, 2, 0);
        assert_eq!([share.take(), share.take(), share.take()], [true, true, false]);
        let share = Share::new(&errand, 100, Errand::REQUESTS - 1);
        assert!(share.take());
        errand.take();
        assert!(!share.take());
    }

    #[test]
    fn pages_end_where_they_repeat_or_are_too_many() {
        let mut pages = Pages::new(3);
        assert_eq!(pages.turn(Some("a".into())), Turn::Next("a".into()));
        assert_eq!(pages.turn(Some("a".into())), Turn::Unread);
        assert_eq!(pages.turn(Some("b".into())), Turn::Next("b".into()));
        assert_eq!(pages.turn(Some("c".into())), Turn::Unread);
        assert_eq!(pages.turn(Some(String::new())), Turn::End);
        assert_eq!(Pages::new(9).turn(Some("x".repeat(20_000))), Turn::Unread);
        assert_eq!(Pages::new(9).turn(None), Turn::End);
    }
}
