//! The releases of a family of images, as its public repository lists them.
//!
//! A tag becomes a row only if all that a row says is known: it has the form of a tag that the catalogs have a row of, says
//! its CUDA itself, and is of a release of the model server that the catalogs have read. A plan may choose such a row. Of
//! any other newer tag there is a note, and no row: nothing is chosen of which nothing is known.

use std::collections::HashSet;

use mcc_catalogs::{AcceleratorKind, Catalogs, Image, version};

use super::place::Place;
use super::tags::{Shape, Tags};

/// Where AWS's images are public.
const PUBLIC_ECR: &str = "public.ecr.aws";
/// Its part of that registry.
const OF_AWS: &str = "deep-learning-containers/";
/// Rows at most: the newest.
const ROWS: usize = 40;
/// Newer tags that are told at most.
const TOLD: usize = 3;

/// The public repository of a family. None where the catalogs have no such family, or it has none that is public.
pub(super) fn place(catalogs: &Catalogs, family: &str) -> Option<Place> {
    let newest = catalogs.images().of_family(family).next()?;
    match &newest.host {
        Some(host) => Place::new(host, &newest.repository),
        None => Place::new(PUBLIC_ECR, &format!("{OF_AWS}{}", newest.repository)),
    }
}

/// What the tags of a family's repository come to.
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// Rows of those of which all is known.
    pub(super) rows: Vec<Image>,
    /// Tags that are newer than all rows and are not known well enough, the newest first.
    pub(super) newer: Vec<String>,
}

impl Releases {
    /// What `tags` come to for `family`.
    pub(super) fn of(catalogs: &Catalogs, family: &str, tags: &Tags) -> Self {
        let known: Vec<&Image> = catalogs.images().of_family(family).collect();
        let Some(repository) = known.first().map(|row| &row.repository) else {
            return Self::default();
        };
        let known: Vec<&Image> =
            known.into_iter().filter(|row| row.repository == *repository).collect();
        let newest = known.first().map_or("", |row| row.version.as_str());
        let mut shapes: Vec<Shape<'_>> = tags.all.iter().filter_map(|tag| Shape::of(tag)).collect();
        shapes.sort_by(|a, b| b.order(a));
        let mut found = Self::default();
        let mut seen = HashSet::new();
        for shape in shapes {
            if !seen.insert(shape.tag) {
                continue;
            }
            if let Some(row) = known.iter().find(|row| row.tag == shape.tag) {
                // What was composed stands in the publisher's list after all, where its server's release is known.
                if is_read(catalogs, row) {
                    found.rows.push(Image { listed: true, ..(*row).clone() });
                }
                continue;
            }
            // `0.27` moves from release to release, where `0.27.1` is one.
            let parts = |shape: &Shape<'_>| shape.version.matches('.').count();
            let like = |row: &&&Image| {
                Shape::of(&row.tag)
                    .is_some_and(|own| own.is_like(&shape) && parts(&own) == parts(&shape))
            };
            let Some(like) = known.iter().find(like) else { continue };
            match row(like, &shape).filter(|row| is_read(catalogs, row)) {
                Some(row) => found.rows.push(row),
                None if version::compare(shape.version, newest).is_gt() => {
                    found.newer.push(shape.tag.to_owned());
                }
                None => {}
            }
        }
        found.rows.truncate(ROWS);
        found.newer.truncate(TOLD);
        found
    }

    /// What the reader should know of what became no row.
    pub(super) fn note(&self, words: &str, family: &str) -> Option<String> {
        let tags = self.newer.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>();
        (!tags.is_empty()).then(|| {
            format!(
                "{words} has newer images of {family}, of which too little is known here to choose them: {}. To use one, \
                 name it as the base image.",
                tags.join(", ")
            )
        })
    }
}

/// The row of a tag that is like that of `like`. None where the tag does not say all that the row of the other says.
fn row(like: &Image, shape: &Shape<'_>) -> Option<Image> {
    let own = Shape::of(&like.tag)?;
    // What the version stands for is the same only if it is the tag's own.
    if own.version != like.version {
        return None;
    }
    let engine_version = match &like.engine_version {
        None => None,
        Some(release) if *release == like.version => Some(shape.version.to_owned()),
        Some(_) => return None,
    };
    let words = || shape.rest.split(['-', '_']);
    let toolkit = words().find_map(|word| digits(word, "cu").map(|(a, b)| format!("{a}.{b}")));
    if like.accelerator == AcceleratorKind::Cuda && toolkit.is_none() {
        return None;
    }
    // The same words with other numbers say the same of other versions; without numbers they say nothing of one.
    let python = match &like.python {
        Some(python) if *python == like.version => Some(shape.version.to_owned()),
        _ => words().find_map(|word| {
            let minor = word.strip_prefix("py3")?;
            minor.parse::<u8>().is_ok().then(|| format!("3.{minor}"))
        }),
    };
    let os = like.os.as_ref().and_then(|os| {
        let name = os.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        words().find(|word| word.starts_with(name)).map(str::to_owned)
    });
    Some(Image {
        version: shape.version.to_owned(),
        tag: shape.tag.to_owned(),
        aliases: Vec::new(),
        digest: None,
        set_assumed: like.set.is_some(),
        listed: true,
        cuda: toolkit.filter(|_| like.cuda.is_some()),
        min_driver: None,
        python,
        os,
        engine_version,
        eop: None,
        ..like.clone()
    })
}

/// Both numbers of `cu130`.
fn digits<'a>(word: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let digits = word.strip_prefix(prefix)?;
    let known = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    known.then(|| digits.split_at_checked(2))?
}

/// Whether the release of the model server in it is one that the catalogs have read, or there is none in it.
fn is_read(catalogs: &Catalogs, row: &Image) -> bool {
    let Some(engine) = &row.engine else {
        return row.engine_version.is_none();
    };
    let Some((known, release)) = catalogs.engines().get(engine).zip(row.engine_version.as_deref())
    else {
        return false;
    };
    version::compare(release, &known.last_sampled).is_le()
        && catalogs.engines().release(engine, release).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(family: &str, tags: &[&str]) -> Releases {
        let all = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Releases::of(Catalogs::embedded(), family, &Tags { all, more: false })
    }

    #[test]
    fn families_have_public_repositories() {
        let at = |family: &str| {
            place(Catalogs::embedded(), family).map(|place| (place.host, place.repository))
        };
        let of = |host: &str, repository: &str| Some((host.to_owned(), repository.to_owned()));
        assert_eq!(at("vllm"), of("public.ecr.aws", "deep-learning-containers/vllm"));
        assert_eq!(at("triton-vllm"), of("nvcr.io", "nvidia/tritonserver"));
        assert_eq!(at("python"), of("public.ecr.aws", "docker/library/python"));
        assert_eq!(at("no such"), None);
    }

    /// A release that the engines' catalog has, and one after all that it has.
    #[test]
    fn a_row_is_made_of_what_is_known_and_of_nothing_else() {
        let engines = Catalogs::embedded().engines();
        let read = engines.get("vllm").unwrap().last_sampled.clone();
        let known = format!("{read}-gpu-py312-cu130-ubuntu24.04-sagemaker");
        let unread = "99.1.0-gpu-py312-cu130-ubuntu24.04-sagemaker";
        let found = of(
            "vllm",
            &[
                "latest",
                &known,
                unread,
                "99.1-gpu-py312-cu130-ubuntu24.04-sagemaker",
                "99.1.0-gpu-py312-ubuntu24.04-sagemaker",
                "99.1.0rc1-gpu-py312-cu130-ubuntu24.04-sagemaker",
                "0.1.0-gpu-py312-cu130-ubuntu24.04-sagemaker",
            ],
        );
        let row = found.rows.iter().find(|row| row.tag == known).expect("a row");
        assert_eq!(
            (row.version.as_str(), row.engine_version.as_deref()),
            (read.as_str(), Some(read.as_str()))
        );
        assert_eq!((row.cuda.as_deref(), row.python.as_deref()), (Some("13.0"), Some("3.12")));
        assert_eq!(row.os.as_deref(), Some("ubuntu24.04"));
        assert!(row.listed && row.set_assumed && row.set.is_some());
        assert_eq!(found.newer, [unread]);
        let note = found.note("Amazon ECR Public", "vllm").expect("a note");
        assert!(note.contains(unread), "{note}");
        // Which release of vLLM is in an image of Triton, its tag does not say.
        let triton = of("triton-vllm", &["99.01-vllm-python-py3", "99.01-py3"]);
        assert!(triton.rows.is_empty());
        assert_eq!(triton.newer, ["99.01-vllm-python-py3"]);
        assert!(of("no such", &["1.0"]).rows.is_empty());
    }

    #[test]
    fn what_was_composed_is_listed_when_it_is_there() {
        let images = Catalogs::embedded().images();
        let composed =
            images.of_family("vllm").find(|row| !row.listed && is_read(Catalogs::embedded(), row));
        let composed = composed.expect("a composed row");
        let found = of("vllm", &[&composed.tag]);
        assert_eq!(found.rows, [Image { listed: true, ..composed.clone() }]);
        assert!(found.newer.is_empty());
    }

    #[test]
    fn python_is_its_own_version() {
        let found = of("python", &["3.14-slim", "3.14.1-slim", "3.14-slim-bookworm", "3.13-slim"]);
        let told: Vec<_> =
            found.rows.iter().map(|row| (row.tag.as_str(), row.python.as_deref())).collect();
        assert_eq!(told, [("3.14-slim", Some("3.14")), ("3.13-slim", Some("3.13"))]);
    }
}
