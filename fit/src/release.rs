//! Whether a release of an engine serves a model, wherever it runs: its classes, and what is known to fail.

use mcc_catalogs::{
    BadPair, Catalogs, Circumstance, ClassOf, ComputeCapability, GpuLimit, Image, Support, Task,
    version,
};

use crate::deployment::Deployment;
use crate::sizing::ModelShape;
use crate::task::{Purpose, TaskBasis};

/// What of a model and of how it is served decides which releases do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Class name of the model's architecture.
    pub class: Option<String>,
    /// Quantization method, of the checkpoint or while loading.
    pub method: Option<String>,
    /// First releases that the model's own recipe asks for, by engine.
    pub recipes: Vec<(String, String)>,
    /// What else is the case.
    pub circumstances: Vec<Circumstance>,
    /// The oldest version of the image that reads the model's file, where not all of them do.
    pub least_image: Option<String>,
    /// What the model is for.
    pub purpose: Option<Purpose>,
}

impl Asked {
    /// Whether it has one of these quantization methods, if any are named, and all of this is the case.
    fn is(&self, methods: &[String], when: &[Circumstance]) -> bool {
        among(methods, self.method.as_deref())
            && when.iter().all(|needed| self.circumstances.contains(needed))
    }
}

/// What is the case of a model by itself, however it is served.
pub fn circumstances_of(model: &ModelShape) -> Vec<Circumstance> {
    let cache = model.cache;
    let states = cache.is_some_and(|cache| cache.state_bytes > 0 && cache.token_bytes > 0);
    [
        (states, Circumstance::StateLayers),
        (model.weights.experts, Circumstance::Experts),
        (model.widths.block.is_some(), Circumstance::Blocks),
    ]
    .into_iter()
    .filter_map(|(is, circumstance)| is.then_some(circumstance))
    .collect()
}

/// What speaks against a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against<'a> {
    /// It does not serve the class: too old, dropped or absent.
    Class(Support),
    /// Whether it does is not known.
    Unknown,
    /// The model's own recipe asks for a later one.
    Recipe(String),
    /// The pair is known to fail.
    Pair(&'a BadPair),
    /// The config does not serve what the model is for, in any release.
    Task(Purpose),
    /// The config serves what the model is for from a later version of the image on.
    TaskFrom(Task, &'a str),
}

impl Against<'_> {
    /// Whether the release cannot be taken.
    pub fn refuses(&self) -> bool {
        match self {
            Self::Class(_) | Self::TaskFrom(..) => true,
            Self::Unknown | Self::Recipe(_) => false,
            Self::Pair(pair) => pair.trust.refuses(),
            Self::Task(purpose) => purpose.basis != TaskBasis::Guess,
        }
    }

    /// How much it weighs where there is a choice: the class first, then known pairs, then what is not certain.
    fn weight(&self) -> (u8, u8) {
        match self {
            Self::Class(_) | Self::TaskFrom(..) => (2, 0),
            // It speaks against all images alike.
            Self::Task(_) => (0, 0),
            Self::Unknown => (1, 0),
            Self::Recipe(_) => (0, 1),
            Self::Pair(pair) if pair.trust.refuses() => (0, 3),
            Self::Pair(_) => (0, 2),
        }
    }
}

/// The engine in an image and its release, if it is the one that the deployment starts: some images have others too.
pub fn engine_in<'a>(deployment: &Deployment, image: &'a Image) -> Option<(&'a str, &'a str)> {
    let engine = image.engine.as_deref()?;
    let own = deployment.engine.as_deref().is_none_or(|own| own == engine);
    own.then_some((engine, image.engine_version.as_deref()?))
}

/// What speaks against a config for the model's task, in the version of an image if one is given.
pub fn against_task<'a>(
    deployment: &'a Deployment,
    version: Option<&str>,
    purpose: Option<Purpose>,
) -> Option<Against<'a>> {
    let purpose = purpose?;
    if !deployment.serves(purpose.task) {
        return Some(Against::Task(purpose));
    }
    let (first, version) = (deployment.task_images.get(&purpose.task)?, version?);
    version::compare(version, first).is_lt().then_some(Against::TaskFrom(purpose.task, first))
}

/// What speaks against the engine in an image for a model.
pub fn against<'a>(
    catalogs: &'a Catalogs,
    deployment: &'a Deployment,
    image: &Image,
    asked: &Asked,
) -> Vec<Against<'a>> {
    let task = against_task(deployment, Some(&image.version), asked.purpose);
    let mut found: Vec<Against<'a>> = task.into_iter().collect();
    let Some((engine, release)) = engine_in(deployment, image) else {
        found.extend(against_unknown(image, asked));
        return found;
    };
    found.extend(Known::new(catalogs, engine, asked).against(release, image));
    found
}

/// What speaks against an image whose engine or release is not known.
pub(crate) fn against_unknown(image: &Image, asked: &Asked) -> Vec<Against<'static>> {
    // An engine of an unknown release is no better than one of which the class is not known.
    let own = image.engine.is_some() && image.engine_version.is_none();
    let unknown = own && asked.class.is_some();
    unknown.then_some(Against::Unknown).into_iter().collect()
}

/// What is known of an engine and of what is asked for: looked up once, and held against each release.
#[derive(Debug, Clone)]
pub(crate) struct Known<'a> {
    pub(crate) engine: String,
    class: Option<ClassOf<'a>>,
    /// The first release that the model's own recipe asks for.
    recipe: Option<String>,
    pairs: Vec<&'a BadPair>,
    gpus: Vec<&'a GpuLimit>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(catalogs: &'a Catalogs, engine: &str, asked: &Asked) -> Self {
        let limits = catalogs.engine_limits();
        let recipe = asked.recipes.iter().find(|(of, _)| of == engine);
        let class = asked.class.as_deref();
        Self {
            engine: engine.to_owned(),
            class: class.map(|class| catalogs.engines().class(engine, class)),
            recipe: recipe.map(|(_, least)| least.clone()),
            pairs: limits.pairs_of(engine).filter(|pair| concerns(pair, asked)).collect(),
            gpus: limits.gpus_of(engine, class).filter(|limit| meets(limit, asked)).collect(),
        }
    }

    pub(crate) fn against(&self, release: &str, image: &Image) -> Vec<Against<'a>> {
        let mut found = Vec::new();
        match self.class.map(|class| class.served_by(release)) {
            None | Some(Support::Supported) => {}
            Some(Support::Unknown) => found.push(Against::Unknown),
            Some(missing) => found.push(Against::Class(missing)),
        }
        if let Some(least) = &self.recipe
            && version::compare(release, least).is_lt()
        {
            found.push(Against::Recipe(least.clone()));
        }
        let here = |pair: &BadPair| among(&pair.families, Some(&image.family));
        let pairs = self.pairs.iter().filter(|pair| here(pair) && pair.covers(release));
        found.extend(pairs.map(|pair| Against::Pair(pair)));
        found
    }

    /// What a release says against GPUs with `has`.
    pub(crate) fn limits(&self, release: &str, has: ComputeCapability) -> Vec<&'a GpuLimit> {
        let here = |limit: &&&GpuLimit| limit.excludes(has) && limit.covers(release);
        self.gpus.iter().filter(here).copied().collect()
    }
}

fn among(list: &[String], has: Option<&str>) -> bool {
    list.is_empty() || has.is_some_and(|has| list.iter().any(|known| known == has))
}

fn concerns(pair: &BadPair, asked: &Asked) -> bool {
    among(&pair.classes, asked.class.as_deref()) && asked.is(&pair.methods, &pair.when)
}

/// The same of a limit whose class is the model's.
fn meets(limit: &GpuLimit, asked: &Asked) -> bool {
    asked.is(&limit.methods, &limit.when)
}

/// How much speaks against it in all: less is better.
pub(crate) fn weight(against: &[Against<'_>]) -> (u8, u8) {
    let of = |pick: fn((u8, u8)) -> u8| against.iter().map(|one| pick(one.weight())).max();
    (of(|weight| weight.0).unwrap_or(0), of(|weight| weight.1).unwrap_or(0))
}
