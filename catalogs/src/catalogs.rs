//! All catalogs together, each read when it is first asked for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::file::{self, CatalogError, CatalogFile};
use crate::files::{Laid, NAMES};
use crate::nearest::nearest;
use crate::rows::Rows;
use crate::{
    Accelerators, AcceleratorsFile, Amis, AmisFile, Clusters, ClustersFile, EngineLimits,
    EngineLimitsFile, EngineOptionsFile, Engines, EnginesFile, Evidence, Hyperpod, HyperpodFile,
    Images, ImagesFile, Instance, Instances, InstancesFile, JumpStart, JumpStartFile,
    KnownFitsFile, Limits, MeasuredFile, Models, ModelsFile, Pipelines, PipelinesFile, Places,
    PlacesFile, Prices, PricesFile, Quotas, QuotasFile, Regions, RegionsFile, Registries,
    RegistriesFile, Resources, ResourcesFile, Tasks, TasksFile, Vision, VisionFile,
};

/// The catalogs. Cheap to make: a file is parsed when it is first asked for.
#[derive(Debug, Default)]
pub struct Catalogs {
    /// Catalogs that these have everything of but their own rows.
    below: Option<Arc<Catalogs>>,
    rows: Rows,
    accelerators: OnceLock<Accelerators>,
    amis: OnceLock<Amis>,
    clusters: OnceLock<Clusters>,
    engine_limits: OnceLock<EngineLimits>,
    engines: OnceLock<Engines>,
    evidence: OnceLock<Evidence>,
    hyperpod: OnceLock<Hyperpod>,
    images: OnceLock<Images>,
    instances: OnceLock<Instances>,
    jumpstart: OnceLock<JumpStart>,
    limits: OnceLock<Limits>,
    models: OnceLock<Models>,
    pipelines: OnceLock<Pipelines>,
    places: OnceLock<Places>,
    prices: OnceLock<Prices>,
    quotas: OnceLock<Quotas>,
    regions: OnceLock<Regions>,
    registries: OnceLock<Registries>,
    resources: OnceLock<Resources>,
    tasks: OnceLock<Tasks>,
    vision: OnceLock<Vision>,
    orders: OnceLock<Orders>,
}

/// Prices in order, each with the place of its instance type, by the Region that they are for: empty for the one that most
/// are of, and for all of which none is known.
type Orders = BTreeMap<String, Vec<(f64, usize)>>;

/// What is made of files, once: by the catalogs below where none of these files has rows here.
macro_rules! read {
    ($self:ident, $name:ident of $($file:ty),+ => $make:expr) => {{
        if let Some(below) = $self.below($($self.has::<$file>())||+) {
            return below.$name();
        }
        $self.$name.get_or_init(|| $make)
    }};
}

impl Catalogs {
    /// The catalogs of this build.
    pub fn embedded() -> &'static Self {
        Self::shared()
    }

    /// The same, to lay rows on.
    pub fn shared() -> &'static Arc<Self> {
        static EMBEDDED: LazyLock<Arc<Catalogs>> = LazyLock::new(Arc::default);
        &EMBEDDED
    }

    /// The catalogs of this build with a user's own rows: files of the same names in `dir`, whose rows are added,
    /// or replace the row with the same key. They are read at once, so that what is wrong with them is said at once.
    ///
    /// # Errors
    /// A file that cannot be read, is none of the catalogs, or has a row that does not have the form of its catalog.
    pub fn with_overlay(dir: &Path) -> Result<Self, CatalogError> {
        for name in json_files(dir)? {
            if !NAMES.contains(&name.as_str()) {
                let mut expected = nearest(&name, NAMES.iter().copied(), NAMES.len());
                let rest = NAMES.iter().filter(|known| !expected.contains(known));
                let rest: Vec<&str> = rest.copied().collect();
                expected.extend(rest);
                let expected = expected.into_iter().map(str::to_owned).collect();
                return Err(CatalogError::UnknownFile { path: dir.join(name), expected });
            }
        }
        Ok(Self::shared().with(Rows::of_folder(dir)?))
    }

    /// These catalogs with `rows` laid on them. Only what has rows there, and what follows from it, is read again.
    #[must_use]
    pub fn with(self: &Arc<Self>, rows: Rows) -> Self {
        Self { below: Some(Arc::clone(self)), rows, ..Self::default() }
    }

    /// Whether rows of `F` were laid on those below.
    fn has<F: Laid>(&self) -> bool {
        F::place(&self.rows.files).is_some()
    }

    /// What has to be asked where none of the rows that an answer depends on were laid here.
    fn below(&self, laid: bool) -> Option<&Self> {
        if laid { None } else { self.below.as_deref() }
    }

    /// A file with all rows that were laid on it.
    fn file<F: CatalogFile + Laid>(&self) -> F {
        let mut file: F = self.below.as_ref().map_or_else(file::embedded, |below| below.file());
        if let Some(own) = F::place(&self.rows.files) {
            file.lay(own.clone(), &self.rows.origin_of(own));
        }
        file
    }

    /// The accelerators.
    pub fn accelerators(&self) -> &Accelerators {
        read!(self, accelerators of AcceleratorsFile => Accelerators::new(self.file()))
    }

    /// The host images of endpoints and transform jobs.
    pub fn amis(&self) -> &Amis {
        read!(self, amis of AmisFile => Amis::new(self.file()))
    }

    /// HyperPod clusters and reserved capacity of the account that was looked at.
    pub fn clusters(&self) -> &Clusters {
        read!(self, clusters of ClustersFile => Clusters::new(self.file()))
    }

    /// The model servers.
    pub fn engines(&self) -> &Engines {
        read!(self, engines of EnginesFile, EngineOptionsFile => Engines::new(self.file(), self.file()))
    }

    /// What releases of engines refuse.
    pub fn engine_limits(&self) -> &EngineLimits {
        read!(self, engine_limits of EngineLimitsFile => EngineLimits::new(self.file()))
    }

    /// What was seen to work and measured.
    pub fn evidence(&self) -> &Evidence {
        read!(self, evidence of KnownFitsFile, MeasuredFile => Evidence::new(self.file(), self.file()))
    }

    /// HyperPod.
    pub fn hyperpod(&self) -> &Hyperpod {
        read!(self, hyperpod of HyperpodFile => Hyperpod::new(self.file()))
    }

    /// The base images.
    pub fn images(&self) -> &Images {
        read!(self, images of ImagesFile, RegistriesFile, RegionsFile =>
            Images::new(self.file(), self.registries(), self.regions()))
    }

    /// The instance types.
    pub fn instances(&self) -> &Instances {
        read!(self, instances of InstancesFile, AcceleratorsFile =>
            Instances::new(self.file(), self.accelerators()))
    }

    /// The instance types with their prices in US dollars per hour, the cheapest first. Where prices of `region` are
    /// known, those come first, and types with a price of another Region alone after all of them: the two are never one
    /// order. Those whose price is not known come last, since they may be dear.
    pub fn by_price<'a>(
        &'a self,
        region: Option<&str>,
    ) -> impl Iterator<Item = (Option<f64>, &'a Instance)> + use<'a> {
        let orders = self.orders();
        let own = region.and_then(|region| orders.get(region)).or_else(|| orders.get(""));
        own.into_iter().flatten().filter_map(|(usd, at)| {
            Some((usd.is_finite().then_some(*usd), self.instances().at(*at)?))
        })
    }

    fn orders(&self) -> &Orders {
        read!(self, orders of PricesFile, InstancesFile, AcceleratorsFile => {
            let prices = self.prices();
            let order = |region: Option<&str>| {
                let all = self.instances().iter().enumerate();
                let mut rows: Vec<_> =
                    all.map(|(at, row)| (prices.rank(row.name.as_str(), region), at, row)).collect();
                rows.sort_by(|((near, usd), _, a), ((other, more), _, b)| {
                    near.cmp(other).then(usd.total_cmp(more)).then_with(|| a.name.cmp(&b.name))
                });
                rows.into_iter().map(|((_, usd), at, _)| (usd, at)).collect()
            };
            let others = prices.others().map(|region| (region.to_string(), order(Some(region.as_str()))));
            [(String::new(), order(None))].into_iter().chain(others).collect()
        })
    }

    /// JumpStart's names of models.
    pub fn jumpstart(&self) -> &JumpStart {
        read!(self, jumpstart of JumpStartFile => JumpStart::new(self.file()))
    }

    /// The Hugging Face id of a model that `id` names in JumpStart. Models that Hugging Face does not have are unknown
    /// here, as are ids that came after the table.
    pub fn of_jumpstart(&self, id: &str) -> Option<&str> {
        // JumpStart's ids have no owner: neither the usual id nor none is looked up, nor the table read for it.
        if id.is_empty() || id.contains('/') {
            return None;
        }
        self.jumpstart().hugging_face(id)
    }

    /// What becomes of images in models that read them.
    pub fn vision(&self) -> &Vision {
        read!(self, vision of VisionFile => Vision::new(self.file()))
    }

    /// The diffusion pipelines.
    pub fn pipelines(&self) -> &Pipelines {
        read!(self, pipelines of PipelinesFile => Pipelines::new(self.file()))
    }

    /// The limits of the API and the runtime.
    pub fn limits(&self) -> &Limits {
        read!(self, limits of Limits => self.file())
    }

    /// The models.
    pub fn models(&self) -> &Models {
        // Their file is a megabyte: its rows are laid over those that were found in it, which are not read again.
        read!(self, models of ModelsFile => {
            let below = self.below.as_deref().map_or_else(Models::embedded, |b| b.models().clone());
            match ModelsFile::place(&self.rows.files) {
                Some(own) => below.with(own, &self.rows.origin_of(own)),
                None => below,
            }
        })
    }

    /// Where the regions are.
    pub fn places(&self) -> &Places {
        read!(self, places of PlacesFile => Places::new(self.file()))
    }

    /// The prices.
    pub fn prices(&self) -> &Prices {
        read!(self, prices of PricesFile => Prices::new(self.file()))
    }

    /// The quotas of the account that was looked at.
    pub fn quotas(&self) -> &Quotas {
        read!(self, quotas of QuotasFile => Quotas::new(self.file()))
    }

    /// The regions.
    pub fn regions(&self) -> &Regions {
        read!(self, regions of RegionsFile => Regions::new(self.file()))
    }

    /// The accounts of AWS's image registries.
    pub fn registries(&self) -> &Registries {
        read!(self, registries of RegistriesFile => Registries::new(self.file()))
    }

    /// What is at addresses that were looked at.
    pub fn resources(&self) -> &Resources {
        read!(self, resources of ResourcesFile => Resources::new(self.file()))
    }

    /// What models are for.
    pub fn tasks(&self) -> &Tasks {
        read!(self, tasks of TasksFile => Tasks::new(self.file()))
    }
}

/// Names of the `.json` files in a folder, in order.
fn json_files(dir: &Path) -> Result<Vec<String>, CatalogError> {
    let unreadable =
        |error: mcc_files::Error| CatalogError::Read { path: dir.into(), source: error.reason };
    let mut names = Vec::new();
    for (name, _) in mcc_files::Folder::open(dir).and_then(|d| d.entries()).map_err(unreadable)? {
        let name = name.to_string_lossy().into_owned();
        if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        {
            names.push(name);
        }
    }
    Ok(names)
}
