//! Which image a deployment starts from, where nobody or only a part of a version says which.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::OnceLock;

use mcc_catalogs::{
    AcceleratorKind, Arch, Catalogs, ComputeCapability, DriverFit, GpuLimit, Image, Instance,
    version,
};

use crate::deployment::Deployment;
use crate::host_image::{HostImage, host_image};
use crate::image::{ImageReason, Release, cautions, cuda_runs, host_runs, runs};
use crate::release::{Against, Asked, Known, against_task, against_unknown, engine_in, weight};

/// The images that come into question, each with what speaks against its engine.
#[derive(Debug, Clone)]
pub struct ImageChoice<'a> {
    catalogs: &'a Catalogs,
    deployment: &'a Deployment,
    asked: Asked,
    rows: Vec<Row<'a>>,
    /// What is known of the engines in them.
    known: Vec<Known<'a>>,
    /// The CUDAs of them, each with the host image for it on GPUs, whose driver is the same on all families.
    hosts: Vec<(Option<&'a str>, OnceLock<Option<HostImage<'a>>>)>,
}

#[derive(Debug, Clone)]
struct Row<'a> {
    image: &'a Image,
    /// What speaks against it, once it is asked for: often the first of many is the best.
    weight: OnceLock<(u8, u8)>,
    /// The least compute capability that its engine is compiled for.
    compiled: OnceLock<Option<ComputeCapability>>,
    /// Where its CUDA is among those of all.
    host: usize,
}

impl<'a> Row<'a> {
    fn new((image, host): (&'a Image, usize)) -> Self {
        Self { image, weight: OnceLock::new(), compiled: OnceLock::new(), host }
    }
}

/// What speaks against the engine, and against the image on an instance type: less is better.
type Rank = ((u8, u8), (u8, bool, u8));

impl<'a> ImageChoice<'a> {
    /// The images of the deployment's family, of the version that is `wanted`: of the image, a part of it, a tag, or the
    /// engine's release.
    pub fn new(
        catalogs: &'a Catalogs,
        deployment: &'a Deployment,
        wanted: Option<&str>,
        asked: &Asked,
    ) -> Self {
        let family = deployment.images.as_deref().unwrap_or_default();
        let images = catalogs.images();
        // A family with a version of its own choice, and a config that takes no other, have no choice.
        let own = images.family(family).and_then(|row| row.default.as_deref());
        let default = images.default_version(family);
        let pinned = own.or(default.filter(|_| deployment.refuses.contains_key("engineVersion")));
        let wanted = wanted.or(pinned);
        let usual = images.usual(family);
        let mut rows: Vec<(&Image, usize)> = usual.rows().collect();
        if let Some(wanted) = wanted {
            rows = matching(&rows, wanted);
        }
        let own = deployment.engine.as_deref();
        let engines = usual.engines().filter(|engine| own.is_none_or(|own| own == *engine));
        let known = engines.map(|engine| Known::new(catalogs, engine, asked)).collect();
        let hosts = usual.cudas().map(|cuda| (cuda, OnceLock::new())).collect();
        let rows = rows.into_iter().map(Row::new).collect();
        Self { catalogs, deployment, asked: asked.clone(), rows, known, hosts }
    }

    /// The best for a processor, and for an instance type where one is known.
    pub fn on(&self, arch: Arch, instance: Option<&Instance>) -> Option<&'a Image> {
        let mut best: Option<(Rank, &'a Image)> = None;
        let mut refused = Refused::default();
        for row in self.rows.iter().filter(|row| row.image.arch.contains(&arch)) {
            let worse = |weight| {
                best.is_some_and(|(known, image)| no_better(row.image, weight, known, image))
            };
            // What nothing speaks against is looked at first: most are no better even so.
            if worse((0, 0)) {
                continue;
            }
            let weight = self.weight(row);
            if worse(weight) {
                continue;
            }
            let rank = (weight, self.rank(row, instance, &mut refused));
            if best.is_none_or(|(known, _)| rank < known) {
                best = Some((rank, row.image));
            }
            // Nothing is better, and many instance types are asked about.
            if rank == ((0, 0), (0, false, 0)) {
                break;
            }
        }
        best.map(|(_, image)| image)
    }

    /// All of them in the order in which they are usual: the default, then those whose tags are listed, then the newest.
    pub fn usual(&self) -> impl Iterator<Item = &'a Image> {
        self.rows.iter().map(|row| row.image)
    }

    /// All of them, the best first.
    pub fn ranked(&self, instance: Option<&Instance>) -> Vec<&'a Image> {
        let mut rows: Vec<&Row<'a>> = self.rows.iter().collect();
        let mut refused = Refused::default();
        rows.sort_by_cached_key(|row| (self.weight(row), self.rank(row, instance, &mut refused)));
        rows.into_iter().map(|row| row.image).collect()
    }

    /// What speaks against the engine in one of them.
    pub fn against(&self, image: &Image) -> Vec<Against<'a>> {
        let task = against_task(self.deployment, Some(&image.version), self.asked.purpose);
        let mut found: Vec<Against<'a>> = task.into_iter().collect();
        match self.known(image) {
            Some((known, release)) => found.extend(known.against(release, image)),
            None => found.extend(against_unknown(image, &self.asked)),
        }
        found
    }

    /// Whether the container of one of them runs on the accelerator of `instance`.
    ///
    /// # Errors
    /// Why it does not.
    pub fn runs(&self, image: &Image, instance: &Instance) -> Result<(), ImageReason> {
        let of = self.known(image).map(|(known, release)| {
            let engines = self.catalogs.engines();
            let find = || engines.min_compute_capability(&known.engine, release);
            let row = self.rows.iter().find(|row| std::ptr::eq(row.image, image));
            let compiled = row.map_or_else(find, |row| *row.compiled.get_or_init(find));
            Release::of(Cow::Borrowed(known), release, compiled)
        });
        runs(self.catalogs, image, of.as_ref(), instance)
    }

    /// What is reported against one of them on a device, which is no reason to refuse it.
    pub fn cautions(&self, image: &Image, instance: &Instance) -> Vec<&'a GpuLimit> {
        let known = self.known(image);
        known.map(|(known, release)| cautions(known, release, instance)).unwrap_or_default()
    }

    fn weight(&self, row: &Row<'_>) -> (u8, u8) {
        *row.weight.get_or_init(|| {
            let (class, more) = weight(&self.against(row.image));
            let old =
                self.asked.least_image.as_ref().is_some_and(|least| {
                    version::compare(&row.image.version, least) == Ordering::Less
                });
            (class, more.max(u8::from(old)))
        })
    }

    /// Beyond what speaks against the engine: the device is known to run it, its tag is listed, the host's driver is at
    /// least its own; among equals the default, then the newest.
    fn rank(
        &self,
        row: &Row<'a>,
        instance: Option<&Instance>,
        refused: &mut Refused,
    ) -> (u8, bool, u8) {
        let (runs, fit) =
            instance.map_or((0, 0), |instance| self.on_device(row, instance, refused));
        (runs, !row.image.listed, fit)
    }

    /// What is known of the engine in an image, and its release.
    fn known<'b>(&self, image: &'b Image) -> Option<(&Known<'a>, &'b str)> {
        let (engine, release) = engine_in(self.deployment, image)?;
        Some((self.known.iter().find(|known| known.engine == engine)?, release))
    }

    /// Whether the engine is known to run on the device: another release is taken for its sake only then. Where there is no
    /// engine, the image is all that has to run.
    fn engine_runs(&self, row: &Row<'a>, instance: &Instance) -> bool {
        let of = self.known(row.image).map(|(known, release)| {
            let engines = self.catalogs.engines();
            let find = || engines.min_compute_capability(&known.engine, release);
            Release::of(Cow::Borrowed(known), release, *row.compiled.get_or_init(find))
        });
        let has = instance.accelerator().and_then(|own| own.compute_capability);
        let known = of.as_ref().and_then(|of| of.compiled).zip(has);
        (self.deployment.engine.is_none() || known.is_some_and(|(least, has)| has >= least))
            && runs(self.catalogs, row.image, of.as_ref(), instance).is_ok()
    }

    fn on_device(&self, row: &Row<'a>, instance: &Instance, known: &mut Refused) -> (u8, u8) {
        let Some(accelerator) = instance.accelerator() else {
            return (0, 0);
        };
        let (catalogs, cuda) = (self.catalogs, row.image.cuda.as_deref());
        let find = || {
            let api = self.deployment.ami?;
            host_image(catalogs, api, accelerator.kind, cuda, instance.family())
        };
        let found;
        let host = match self.hosts.get(row.host) {
            Some((_, host)) if accelerator.kind == AcceleratorKind::Cuda => host.get_or_init(find),
            _ => {
                found = find();
                &found
            }
        };
        let refused = known.of(row.host, || {
            cuda.is_some_and(|cuda| cuda_runs(catalogs, cuda, accelerator).is_err())
                || host.as_ref().is_some_and(|host| host_runs(host, instance).is_err())
        });
        let runs = u8::from(refused || !self.engine_runs(row, instance));
        let fit = match (host, self.deployment.ami, cuda) {
            (_, None, _) | (_, _, None) | (Some(HostImage::Neuron(_)), ..) => 0,
            (Some(HostImage::Driver(choice)), ..) => match choice.fit {
                DriverFit::Full => 0,
                DriverFit::MinorVersion => 1,
                DriverFit::TooOld => 2,
            },
            (Some(HostImage::Newest(_)) | None, ..) => 2,
        };
        (runs, fit)
    }
}

/// The CUDAs of which it was looked up whether one device refuses them, by their places: many images have the same.
#[derive(Debug, Default)]
struct Refused(Vec<(usize, bool)>);

impl Refused {
    fn of(&mut self, cuda: usize, find: impl FnOnce() -> bool) -> bool {
        if let Some((_, refused)) = self.0.iter().find(|(known, _)| *known == cuda) {
            return *refused;
        }
        let refused = find();
        self.0.push((cuda, refused));
        refused
    }
}

/// Whether `image`, against whose engine `weight` speaks, is certainly no better than the best so far: many instance
/// types are asked about, and what a device says of an image takes longer than this.
fn no_better(image: &Image, weight: (u8, u8), best: Rank, of: &Image) -> bool {
    let (known, (runs, unlisted, _)) = best;
    let beaten = || match (unlisted, !image.listed) {
        (false, true) => true,
        (true, false) => false,
        // The host's driver is all that could make another one better, and it suits one CUDA as well as the same.
        _ => of.cuda == image.cuda,
    };
    known < weight || known == weight && runs == 0 && beaten()
}

/// The rows that `wanted` means: exactly that version, tag or other name of a tag; else that release of the engine; else
/// the versions, and then the releases, that begin with it.
fn matching<'a>(rows: &[(&'a Image, usize)], wanted: &str) -> Vec<(&'a Image, usize)> {
    let exact = |row: &Image| {
        row.version == wanted
            || row.tag == wanted
            || row.aliases.iter().any(|alias| alias == wanted)
    };
    let release = |row: &Image| row.engine_version.as_deref() == Some(wanted);
    let part = |row: &Image| version::starts_with(&row.version, wanted);
    let part_of_release = |row: &Image| {
        row.engine_version.as_deref().is_some_and(|has| version::starts_with(has, wanted))
    };
    let ways: [&dyn Fn(&Image) -> bool; 4] = [&exact, &part, &release, &part_of_release];
    let mut found =
        ways.iter().map(|way| rows.iter().copied().filter(|(row, _)| way(row)).collect::<Vec<_>>());
    found.find(|found| !found.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(images: &str, engine: &str, class: &str) -> Option<String> {
        let deployment = Deployment {
            images: Some(images.to_owned()),
            engine: Some(engine.to_owned()),
            ..Deployment::default()
        };
        let asked = Asked { class: Some(class.to_owned()), ..Asked::default() };
        let choice = ImageChoice::new(Catalogs::embedded(), &deployment, None, &asked);
        choice.on(Arch::X86_64, None).map(|image| image.version.clone())
    }

    #[test]
    fn known_pairs_are_avoided() {
        assert_eq!(chosen("vllm", "vllm", "Qwen3ForCausalLM").as_deref(), Some("0.27.1"));
        assert_eq!(chosen("vllm", "vllm", "Gemma4ForCausalLM").as_deref(), Some("0.26.0"));
    }

    #[test]
    fn an_unknown_release_is_no_better_than_an_unknown_class() {
        assert_eq!(chosen("vllm-omni", "vllm-omni", "FoobarForCausalLM").as_deref(), Some("1.5"));
    }
}
