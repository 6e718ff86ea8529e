//! What is asked of the limits of engines' releases.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{BadPair, CudaCapability, EngineLimitsFile, GpuLimit, SplitLimit, StateLimit, within};
use crate::version;

/// The limits of engines.
#[derive(Debug, Clone)]
pub struct EngineLimits {
    file: EngineLimitsFile,
    /// Its rows about splits, which are kept with what is wanted.
    splits: Vec<Arc<SplitLimit>>,
}

impl EngineLimits {
    pub(crate) fn new(mut file: EngineLimitsFile) -> Self {
        // They are asked for by engine, for each image.
        file.gpus.sort_by(|a, b| a.engine.cmp(&b.engine));
        file.pairs.sort_by(|a, b| a.engine.cmp(&b.engine));
        file.splits.sort_by(|a, b| a.engine.cmp(&b.engine));
        let splits =
            std::mem::take(&mut file.splits).into_rows().into_iter().map(Arc::new).collect();
        Self { file, splits }
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.file.as_of
    }

    /// The engine that each row names, by the row's name.
    pub(crate) fn engines_named(&self) -> impl Iterator<Item = (&str, &str)> {
        let file = &self.file;
        let splits = self.splits.iter().map(|row| (&row.id, &row.engine));
        let gpus = file.gpus.iter().map(|row| (&row.id, &row.engine));
        let pairs = file.pairs.iter().map(|row| (&row.id, &row.engine));
        let states = file.states.iter().map(|row| (&row.id, &row.engine));
        let sorters = file.sorters.iter().map(|row| (&row.id, &row.engine));
        let scales = file.scales.iter().map(|row| (&row.id, &row.engine));
        let all = splits.chain(gpus).chain(pairs).chain(states).chain(sorters).chain(scales);
        all.map(|(id, engine)| (id.as_str(), engine.as_str()))
    }

    /// All rows about GPUs.
    pub fn gpus(&self) -> impl Iterator<Item = &GpuLimit> {
        self.file.gpus.iter()
    }

    /// All known pairs.
    pub fn pairs(&self) -> impl Iterator<Item = &BadPair> {
        self.file.pairs.iter()
    }

    /// All rows about splits.
    pub fn splits(&self) -> impl Iterator<Item = &SplitLimit> {
        self.splits.iter().map(AsRef::as_ref)
    }

    /// What the releases of an engine say about GPUs for models of `class`.
    pub fn gpus_of<'a, 'b>(
        &'a self,
        engine: &str,
        class: Option<&'b str>,
    ) -> impl Iterator<Item = &'a GpuLimit> + use<'a, 'b> {
        let rows = of(&self.file.gpus, engine, |row| &row.engine);
        rows.filter(move |row| {
            row.classes.is_empty()
                || class.is_some_and(|class| row.classes.iter().any(|known| known == class))
        })
    }

    /// The known pairs of an engine's releases.
    pub fn pairs_of<'a>(&'a self, engine: &str) -> impl Iterator<Item = &'a BadPair> + use<'a> {
        of(&self.file.pairs, engine, |row| &row.engine)
    }

    /// The splits that a release refuses.
    pub fn splits_of<'a, 'b>(
        &'a self,
        engine: &'b str,
        release: &'b str,
    ) -> impl Iterator<Item = &'a Arc<SplitLimit>> + use<'a, 'b> {
        let rows = of(&self.splits, engine, |row| &row.engine);
        rows.filter(move |row| within(release, row.from.as_deref(), row.before.as_deref()))
    }

    /// How a release keeps the states of recurrent layers; none where it does not keep them in blocks, or is not known.
    pub fn states_of(&self, engine: &str, release: &str) -> Option<&StateLimit> {
        self.file.states.iter().find(|row| {
            row.engine == engine && within(release, row.from.as_deref(), row.before.as_deref())
        })
    }

    /// Whether a release is known to sort the whole vocabulary to choose tokens.
    pub fn sorts(&self, engine: &str, release: &str) -> bool {
        self.file.sorters.iter().any(|row| {
            row.engine == engine && within(release, row.from.as_deref(), row.before.as_deref())
        })
    }

    /// The generation of GPUs on which a release is known to keep scales of experts in four bits at 32 bits as well.
    pub fn widens(&self, engine: &str, release: &str) -> Option<u8> {
        let found = self.file.scales.iter().find(|row| {
            row.engine == engine && within(release, row.from.as_deref(), row.before.as_deref())
        });
        found.map(|row| row.major)
    }

    /// Whether layers of models of `class` are known to keep a state.
    pub fn keeps_states(&self, class: &str) -> bool {
        self.file.state_classes.iter().any(|row| row.class == class)
    }

    /// What the newest known toolkit up to `cuda` makes code for.
    pub fn of_cuda(&self, cuda: &str) -> Option<&CudaCapability> {
        let rows = self.file.cuda.iter();
        let known = rows.filter(|row| version::compare(&row.from, cuda) != Ordering::Greater);
        known.max_by(|a, b| version::compare(&a.from, &b.from))
    }
}

/// The rows of an engine among those in the order of engines.
fn of<'a, T>(
    rows: &'a [T],
    engine: &str,
    whose: fn(&T) -> &String,
) -> impl Iterator<Item = &'a T> + use<'a, T> {
    let from = rows.partition_point(|row| whose(row).as_str() < engine);
    let rows = rows.get(from..).unwrap_or_default();
    let until = rows.partition_point(|row| whose(row).as_str() == engine);
    rows.iter().take(until)
}
