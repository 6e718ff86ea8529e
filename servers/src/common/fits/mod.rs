//! Whether a deployment runs on instance types, as several servers answer it: `mcc-fit` decides, and this words it.

mod answer;
mod image;
mod judge;
mod serving;
mod split;

pub(crate) use answer::FitAnswer;
pub(crate) use judge::{Fit, Judge, Miss, Wish};
pub(crate) use serving::ServingArguments;

/// What was assumed because nobody said it.
pub(crate) fn assumptions(judge: &Judge<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(of) = judge.price_region() {
        all.push(format!("prices are those of {of}: other Regions cost up to about twice as much"));
    }
    let Some(model) = judge.model() else {
        return all;
    };
    all.extend(model.caution());
    // Without a cache that is known, nothing is sized for a context.
    if judge.wish().context.is_none() && model.shape.cache.is_some() && model.shape.parts.is_none()
    {
        let own = model
            .shape
            .max_positions
            .map_or_else(String::new, |own| format!("; the model goes up to {own}"));
        // A type that was named is judged with less.
        let less = if judge.is_of_named() { ", or the fewer that a row says" } else { "" };
        all.push(format!(
            "sized for a context of {} tokens{less}, since maxModelLen was not given{own}",
            judge.context()
        ));
    }
    let share = judge.memory_utilization();
    all.push(if judge.deployment().compiles() {
        format!(
            "an estimate: {share} of each Neuron core's memory is counted on, with maxNumSeqs {} compiled in; nothing \
             was measured there",
            judge.compiled_sequences()
        )
    } else {
        format!("the engine may take {share} of each GPU's memory")
    });
    all
}

/// Prices have up to four decimals.
pub(crate) fn rounded_price(usd: f64) -> f64 {
    (usd * 1e4).round() / 1e4
}
