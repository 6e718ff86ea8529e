//! All catalogs together, each read when it is first asked for.

use std::path::Path;
use std::sync::OnceLock;

use crate::file::{self, CatalogError};
use crate::files::{NAMES, Overlay};
use crate::nearest::nearest;
use crate::{
    Accelerators, Amis, EngineLimits, Engines, Evidence, Hyperpod, Images, Instance, Instances,
    JumpStart, Limits, Models, Pipelines, Places, Prices, Regions, Registries, Tasks, Vision,
};

/// The catalogs. Cheap to make: a file is parsed when it is first asked for.
#[derive(Debug, Default)]
pub struct Catalogs {
    overlay: Overlay,
    accelerators: OnceLock<Accelerators>,
    amis: OnceLock<Amis>,
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
    regions: OnceLock<Regions>,
    registries: OnceLock<Registries>,
    tasks: OnceLock<Tasks>,
    vision: OnceLock<Vision>,
    by_price: OnceLock<Vec<(f64, usize)>>,
}

impl Catalogs {
    /// The catalogs of this build.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: OnceLock<Catalogs> = OnceLock::new();
        EMBEDDED.get_or_init(Self::default)
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
        let overlay = Overlay::read(dir)?;
        Ok(Self { overlay, ..Self::default() })
    }

    /// The accelerators.
    pub fn accelerators(&self) -> &Accelerators {
        self.accelerators
            .get_or_init(|| Accelerators::new(file::layered(self.overlay.accelerators.as_ref())))
    }

    /// The host images of endpoints and transform jobs.
    pub fn amis(&self) -> &Amis {
        self.amis.get_or_init(|| Amis::new(file::layered(self.overlay.amis.as_ref())))
    }

    /// The model servers.
    pub fn engines(&self) -> &Engines {
        self.engines.get_or_init(|| {
            Engines::new(
                file::layered(self.overlay.engines.as_ref()),
                file::layered(self.overlay.engine_options.as_ref()),
            )
        })
    }

    /// What releases of engines refuse.
    pub fn engine_limits(&self) -> &EngineLimits {
        self.engine_limits
            .get_or_init(|| EngineLimits::new(file::layered(self.overlay.engine_limits.as_ref())))
    }

    /// What was seen to work and measured.
    pub fn evidence(&self) -> &Evidence {
        self.evidence.get_or_init(|| {
            Evidence::new(
                file::layered(self.overlay.known_fits.as_ref()),
                file::layered(self.overlay.measured.as_ref()),
            )
        })
    }

    /// HyperPod.
    pub fn hyperpod(&self) -> &Hyperpod {
        self.hyperpod.get_or_init(|| Hyperpod::new(file::layered(self.overlay.hyperpod.as_ref())))
    }

    /// The base images.
    pub fn images(&self) -> &Images {
        self.images.get_or_init(|| {
            Images::new(
                file::layered(self.overlay.images.as_ref()),
                self.registries(),
                self.regions(),
            )
        })
    }

    /// The instance types.
    pub fn instances(&self) -> &Instances {
        self.instances.get_or_init(|| {
            Instances::new(file::layered(self.overlay.instances.as_ref()), self.accelerators())
        })
    }

    /// The instance types with their prices in US dollars per hour, the cheapest first; those whose price is not
    /// known come last, since they may be dear.
    pub fn by_price(&self) -> impl Iterator<Item = (Option<f64>, &Instance)> {
        let order = self.by_price.get_or_init(|| {
            let prices = self.prices();
            let usd = |row: &Instance| prices.usd(row.name.as_str()).unwrap_or(f64::INFINITY);
            let mut rows: Vec<(f64, usize, &Instance)> =
                self.instances().iter().enumerate().map(|(at, row)| (usd(row), at, row)).collect();
            rows.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.2.name.cmp(&b.2.name)));
            rows.into_iter().map(|(usd, at, _)| (usd, at)).collect()
        });
        order.iter().filter_map(|(usd, at)| {
            Some((usd.is_finite().then_some(*usd), self.instances().at(*at)?))
        })
    }

    /// JumpStart's names of models.
    pub fn jumpstart(&self) -> &JumpStart {
        self.jumpstart
            .get_or_init(|| JumpStart::new(file::layered(self.overlay.jumpstart.as_ref())))
    }

    /// The Hugging Face id of a model that `id` names in JumpStart. Models that Hugging Face does not have are unknown
    /// here, as are ids that came after the table.
    pub fn of_jumpstart(&self, id: &str) -> Option<&str> {
        // JumpStart's ids have no owner: the usual id is not looked up, nor the table read for it.
        if id.contains('/') { None } else { self.jumpstart().hugging_face(id) }
    }

    /// What becomes of images in models that read them.
    pub fn vision(&self) -> &Vision {
        self.vision.get_or_init(|| Vision::new(file::layered(self.overlay.vision.as_ref())))
    }

    /// The diffusion pipelines.
    pub fn pipelines(&self) -> &Pipelines {
        self.pipelines
            .get_or_init(|| Pipelines::new(file::layered(self.overlay.pipelines.as_ref())))
    }

    /// The limits of the API and the runtime.
    pub fn limits(&self) -> &Limits {
        self.limits.get_or_init(|| file::layered(self.overlay.limits.as_ref()))
    }

    /// The models.
    pub fn models(&self) -> &Models {
        self.models.get_or_init(|| Models::new(self.overlay.models.as_ref()))
    }

    /// Where the regions are.
    pub fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::new(file::layered(self.overlay.places.as_ref())))
    }

    /// The prices.
    pub fn prices(&self) -> &Prices {
        self.prices.get_or_init(|| Prices::new(file::layered(self.overlay.prices.as_ref())))
    }

    /// The regions.
    pub fn regions(&self) -> &Regions {
        self.regions.get_or_init(|| Regions::new(file::layered(self.overlay.regions.as_ref())))
    }

    /// The accounts of AWS's image registries.
    pub fn registries(&self) -> &Registries {
        self.registries
            .get_or_init(|| Registries::new(file::layered(self.overlay.registries.as_ref())))
    }

    /// What models are for.
    pub fn tasks(&self) -> &Tasks {
        self.tasks.get_or_init(|| Tasks::new(file::layered(self.overlay.tasks.as_ref())))
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
