//! Whether a release of an engine serves a model, wherever it runs: its classes, and what is known to fail.

use mcc_catalogs::{BadPair, Catalogs, Circumstance, Image, Support, Task, version};

use crate::deployment::Deployment;
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
        // An engine of an unknown release is no better than one of which the class is not known.
        let own = image.engine.is_some() && image.engine_version.is_none();
        let unknown = own && asked.class.is_some();
        found.extend(unknown.then_some(Against::Unknown));
        return found;
    };
    if let Some(class) = &asked.class {
        match catalogs.engines().supports(engine, release, class) {
            Support::Supported => {}
            Support::Unknown => found.push(Against::Unknown),
            missing => found.push(Against::Class(missing)),
        }
    }
    let recipe = asked.recipes.iter().find(|(of, _)| of == engine);
    if let Some((_, least)) = recipe
        && version::compare(release, least).is_lt()
    {
        found.push(Against::Recipe(least.clone()));
    }
    let pairs = catalogs.engine_limits().pairs_of(engine, release);
    found.extend(pairs.filter(|pair| concerns(pair, image, asked)).map(Against::Pair));
    found
}

fn concerns(pair: &BadPair, image: &Image, asked: &Asked) -> bool {
    let among = |list: &[String], has: Option<&str>| {
        list.is_empty() || has.is_some_and(|has| list.iter().any(|known| known == has))
    };
    among(&pair.families, Some(&image.family))
        && among(&pair.classes, asked.class.as_deref())
        && among(&pair.methods, asked.method.as_deref())
        && pair.when.iter().all(|needed| asked.circumstances.contains(needed))
}

/// How much speaks against it in all: less is better.
pub(crate) fn weight(against: &[Against<'_>]) -> (u8, u8) {
    let of = |pick: fn((u8, u8)) -> u8| against.iter().map(|one| pick(one.weight())).max();
    (of(|weight| weight.0).unwrap_or(0), of(|weight| weight.1).unwrap_or(0))
}
