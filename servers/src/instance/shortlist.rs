//! The types that are recommended for a model, with those that were close.

use mcc_catalogs::{AcceleratorKind, Arch, Catalogs, Instance, Price};

use crate::common::fits::{Fit, Judge, Miss};
use crate::instance::answers::MissAnswer;

/// How many near misses are told.
const MISSES: usize = 3;

/// What types are looked at, and how they are ranked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Search<'a> {
    /// Only types with this processor.
    pub(super) arch: Option<Arch>,
    /// Only types with this kind of accelerator.
    pub(super) kind: Option<AcceleratorKind>,
    /// No types whose processors are lent for a while only.
    pub(super) steady: bool,
    /// The type that comes before all others if it does.
    pub(super) first: Option<&'a Instance>,
    /// By the time for a token, not by the price.
    pub(super) by_latency: bool,
    /// How many.
    pub(super) limit: usize,
}

impl Search<'_> {
    fn takes(&self, instance: &Instance) -> bool {
        mcc_fit::is_of(instance, self.arch, self.kind)
    }
}

/// What was found.
pub(super) struct Shortlist<'a> {
    /// The best types.
    pub(super) fits: Vec<Fit<'a>>,
    /// The most expensive of the cheaper ones that were close, or why nothing is.
    pub(super) misses: Vec<MissAnswer>,
    /// Whether something would fit if less were asked for.
    pub(super) close: bool,
    /// The cheapest type of a previous generation that the account is known to be allowed, where that is not known of the
    /// best.
    pub(super) previous: Option<Fit<'a>>,
}

/// The best types.
pub(super) fn shortlist<'a>(
    catalogs: &'a Catalogs,
    judge: &Judge<'a>,
    search: &Search<'a>,
) -> Shortlist<'a> {
    let mut fits: Vec<Fit<'a>> = Vec::new();
    let mut close = true;
    let mut misses = Vec::new();
    let mut dear = Vec::new();
    let mut far: Vec<MissAnswer> = Vec::new();
    let usd = |instance: &Instance| judge.price(instance).map(|price| price.usd);
    let first = search.first.map(|first| (usd(first), first));
    let others = candidates(catalogs, judge, search)
        .filter(|(_, other)| search.first.is_none_or(|first| first.name != other.name));
    for (usd, instance) in first.into_iter().chain(others) {
        if !search.by_latency && fits.len() == search.limit {
            break;
        }
        let miss = |text: String| MissAnswer::new(instance.name.as_str(), usd, text);
        match judge.judge(instance) {
            Ok(Fit { reservation: Some(text), .. }) if fits.is_empty() => misses.push(miss(text)),
            Ok(Fit { reservation: Some(_), .. }) => {}
            Ok(fit) => fits.push(fit),
            Err(reason) => match reason.miss {
                Miss::Near if fits.is_empty() => misses.push(miss(reason.text)),
                Miss::Dear => dear.push(miss(reason.text)),
                Miss::Far if !far.iter().any(|told| told.reason == reason.text) => {
                    far.push(miss(reason.text));
                }
                Miss::Near | Miss::Far => {}
            },
        }
    }
    if search.by_latency {
        let floor = |fit: &Fit<'_>| fit.token_floor_ms.unwrap_or(f64::INFINITY);
        // Accelerators that the model leaves idle are paid for and make nothing faster.
        let idle = |fit: &Fit<'_>| fit.plan.as_ref().is_some_and(|plan| plan.idle_devices > 0);
        // What cannot be started is fast for nobody.
        let starts = |fit: &Fit<'_>| judge.starts(fit.instance);
        fits.sort_by(|a, b| {
            starts(b)
                .cmp(&starts(a))
                .then(idle(a).cmp(&idle(b)))
                .then(floor(a).total_cmp(&floor(b)))
        });
        fits.truncate(search.limit);
    }
    let told = if fits.is_empty() {
        // The cheapest that would do, then the largest that the money is enough for; of nothing that
        // comes close at least the reasons.
        dear.truncate(MISSES - 1);
        let room = MISSES - dear.len();
        if let Some(budget) = judge.wish().budget_usd_per_hour {
            misses.retain(|miss| miss.usd_per_hour.is_some_and(|usd| usd <= budget));
        }
        dear.extend(misses.split_off(misses.len().saturating_sub(room)));
        close = !dear.is_empty();
        if !close {
            far.extend(implausible(catalogs, judge, search));
            far.truncate(MISSES);
            dear = far;
        }
        dear
    } else {
        let mut told = misses.split_off(misses.len().saturating_sub(MISSES));
        told.extend(not_started(catalogs, judge, search, &fits));
        told
    };
    let known = fits.first().is_some_and(|first| judge.is_allowed(first.instance));
    let previous = if known { None } else { previous(catalogs, judge, search) };
    Shortlist { fits, misses: told, close, previous }
}

/// The cheapest type of a previous generation on which it runs and that the account is known to be allowed. None is
/// recommended, but an account may be allowed no other.
fn previous<'a>(catalogs: &'a Catalogs, judge: &Judge<'a>, search: &Search<'a>) -> Option<Fit<'a>> {
    if catalogs.quotas().is_empty() {
        return None;
    }
    let mut old = worth_judging(catalogs, judge, search)
        .filter(|(_, one)| !mcc_fit::is_current(one) && judge.is_allowed(one));
    old.find_map(|(_, one)| judge.judge(one).ok().filter(|fit| fit.reservation.is_none()))
}

/// What is recommended if it does, the cheapest first.
pub(super) fn candidates<'a>(
    catalogs: &'a Catalogs,
    judge: &Judge<'a>,
    search: &Search<'_>,
) -> impl Iterator<Item = (Option<f64>, &'a Instance)> {
    let all = worth_judging(catalogs, judge, search);
    all.filter(|(_, instance)| mcc_fit::is_current(instance))
}

/// The same with the types of previous generations.
fn worth_judging<'a>(
    catalogs: &'a Catalogs,
    judge: &Judge<'a>,
    search: &Search<'_>,
) -> impl Iterator<Item = (Option<f64>, &'a Instance)> {
    let region = judge.wish().region.as_deref();
    mcc_fit::in_order(catalogs, judge.deployment(), region, 1).filter(move |(_, instance)| {
        search.takes(instance)
            && !(search.steady && mcc_fit::is_burstable(instance))
            && judge.plausible(instance)
    })
}

/// Whether a type is known to cost less than `than`, by prices of one Region.
fn is_cheaper(judge: &Judge<'_>, usd: Option<f64>, one: &Instance, than: Option<&Price>) -> bool {
    let (Some(usd), Some(than)) = (usd, than) else { return false };
    usd < than.usd && judge.price(one).is_some_and(|price| price.region == than.region)
}

/// The cheapest types that would do and that the account's quota keeps it from starting, where the first that was found
/// costs more.
fn not_started<'a>(
    catalogs: &'a Catalogs,
    judge: &Judge<'a>,
    search: &Search<'a>,
    fits: &[Fit<'a>],
) -> Vec<MissAnswer> {
    let Some(first) = fits.first().filter(|first| judge.starts(first.instance)) else {
        return Vec::new();
    };
    if catalogs.quotas().is_empty() {
        return Vec::new();
    }
    let told = |instance: &Instance| fits.iter().any(|fit| fit.instance.name == instance.name);
    candidates(catalogs, judge, search)
        .filter(|(usd, one)| {
            !judge.starts(one) && !told(one) && is_cheaper(judge, *usd, one, first.price.as_ref())
        })
        .filter(|(_, one)| judge.judge(one).is_ok_and(|fit| fit.reservation.is_none()))
        .filter_map(|(usd, one)| {
            let why = judge.quota(one)?;
            Some(MissAnswer::new(one.name.as_str(), usd, format!("it would do, and {why}")))
        })
        .take(MISSES)
        .collect()
}

/// Cheaper types than `first` that a small model does on, the cheapest for each amount of memory: `judge` asks for no more
/// than a server takes at least.
pub(super) fn smaller<'a>(
    catalogs: &'a Catalogs,
    judge: &Judge<'a>,
    search: &Search<'a>,
    first: &Instance,
) -> Vec<MissAnswer> {
    let most = judge.price(first);
    let mut told: Vec<&Instance> = Vec::new();
    let mut answers = Vec::new();
    for (usd, instance) in candidates(catalogs, judge, search) {
        if answers.len() == MISSES || !is_cheaper(judge, usd, instance, most.as_ref()) {
            break;
        }
        let Some((has, usual)) = mcc_fit::less_memory(instance, first) else { continue };
        let known = told.iter().any(|other| mcc_fit::less_memory(other, instance).is_none());
        if known || judge.judge(instance).is_err() {
            continue;
        }
        told.push(instance);
        let text = format!(
            "it has {has:.0} GiB of memory, and {} has {usual:.0}: enough for a small model",
            first.name
        );
        answers.push(MissAnswer::new(instance.name.as_str(), usd, text));
    }
    answers
}

/// One type for each reason for which types are not even looked at: of the wrong kind, or far too small.
fn implausible<'a>(
    catalogs: &'a Catalogs,
    judge: &Judge<'a>,
    search: &Search<'a>,
) -> Vec<MissAnswer> {
    let mut told: Vec<MissAnswer> = Vec::new();
    for instance in catalogs.instances().iter() {
        if !search.takes(instance) || judge.plausible(instance) {
            continue;
        }
        if let Err(reason) = judge.judge(instance)
            && !told.iter().any(|known| known.reason == reason.text)
        {
            let usd = judge.price(instance).map(|price| price.usd);
            told.push(MissAnswer::new(instance.name.as_str(), usd, reason.text));
        }
        if told.len() == MISSES {
            break;
        }
    }
    told
}
