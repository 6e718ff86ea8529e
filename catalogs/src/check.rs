//! What must agree between catalog files.

use std::collections::{BTreeMap, HashSet};

use serde::de::DeserializeOwned;

use crate::Catalogs;
use crate::check_models;
use crate::files::{self, Visitor};

/// Two files that do not agree, or a row that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CatalogFinding {
    /// The file whose row should change.
    pub file: &'static str,
    /// The row's key.
    pub row: String,
    /// What does not agree.
    pub message: String,
}

impl std::fmt::Display for CatalogFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: `{}`: {}", self.file, self.row, self.message)
    }
}

#[derive(Default)]
struct Findings(Vec<CatalogFinding>);

impl Findings {
    fn unless(
        &mut self,
        holds: bool,
        file: &'static str,
        row: impl ToString,
        message: impl Into<String>,
    ) {
        if !holds {
            self.0.push(CatalogFinding { file, row: row.to_string(), message: message.into() });
        }
    }
}

/// An embedded file that does not parse would look empty.
fn check_parsed(findings: &mut Findings) {
    struct Parsed<'a>(&'a mut Findings);
    impl Visitor for Parsed<'_> {
        fn file<F: DeserializeOwned>(&mut self, name: &'static str, text: &'static str) {
            if let Err(error) = serde_json::from_str::<F>(text) {
                self.0.unless(false, name, "", error.to_string());
            }
        }
    }
    files::visit(&mut Parsed(findings));
}

impl Catalogs {
    /// Looks at everything that must agree between the files, with the overlay if there is one. Empty if all is well.
    pub fn check(&self) -> Vec<CatalogFinding> {
        let mut findings = Findings::default();
        check_parsed(&mut findings);
        self.check_instances(&mut findings);
        self.check_places(&mut findings);
        self.check_images(&mut findings);
        self.check_amis(&mut findings);
        self.check_models(&mut findings);
        self.check_rest(&mut findings);
        findings.0
    }

    fn check_instances(&self, findings: &mut Findings) {
        const FILE: &str = "instances.json";
        for row in self.instances().iter() {
            if let Some(name) = &row.accelerator_name {
                findings.unless(
                    row.accelerator().is_some(),
                    FILE,
                    &row.name,
                    format!("accelerator `{name}` is not in accelerators.json"),
                );
                findings.unless(
                    row.count > 0,
                    FILE,
                    &row.name,
                    "has an accelerator but none of it",
                );
            } else {
                findings.unless(
                    row.count == 0,
                    FILE,
                    &row.name,
                    "counts accelerators but names none",
                );
            }
            findings.unless(
                row.hosting || row.batch_transform || row.hyperpod,
                FILE,
                &row.name,
                "is accepted nowhere",
            );
            findings.unless(
                row.vcpus > 0 && row.memory_mib > 0,
                FILE,
                &row.name,
                "has no processors or memory",
            );
        }
        for row in self.prices().iter() {
            findings.unless(
                self.instances().get(row.name.as_str()).is_some(),
                "prices.json",
                &row.name,
                "is not in instances.json",
            );
            findings.unless(row.usd_per_hour > 0.0, "prices.json", &row.name, "costs nothing");
        }
        for row in self.hyperpod().nodes() {
            let Some(instance) = self.instances().get(row.name.as_str()) else {
                findings.unless(false, "hyperpod.json", &row.name, "is not in instances.json");
                continue;
            };
            findings.unless(
                row.gpus.unwrap_or_default() == instance.gpus(),
                "hyperpod.json",
                &row.name,
                format!("has {:?} GPUs, but {} in instances.json", row.gpus, instance.gpus()),
            );
            findings.unless(
                row.cpu == instance.vcpus,
                "hyperpod.json",
                &row.name,
                format!("has {} processors, but {} in instances.json", row.cpu, instance.vcpus),
            );
        }
    }

    fn check_places(&self, findings: &mut Findings) {
        let known: HashSet<&str> = self.regions().iter().map(|row| row.region.as_str()).collect();
        for registry in self.registries().iter() {
            for (region, account) in &registry.accounts {
                findings.unless(
                    known.contains(region.as_str()),
                    "registries.json",
                    &registry.registry,
                    format!("region `{region}` is not in regions.json"),
                );
                findings.unless(
                    account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()),
                    "registries.json",
                    &registry.registry,
                    format!("account `{account}` of {region} has not twelve digits"),
                );
            }
        }
        for set in self.registries().sets() {
            for region in &set.regions {
                findings.unless(
                    self.registries().account(&set.registry, region.as_str()).is_some(),
                    "registries.json",
                    &set.set,
                    format!("registry `{}` has no account in {region}", set.registry),
                );
            }
        }
        for row in self.regions().iter() {
            for name in row.ec2_accelerators.iter().flatten() {
                findings.unless(
                    self.instances()
                        .get(name.as_str())
                        .is_some_and(|known| known.accelerator().is_some()),
                    "regions.json",
                    &row.region,
                    format!("`{name}` is no accelerated type of instances.json"),
                );
            }
        }
    }

    fn check_images(&self, findings: &mut Findings) {
        const FILE: &str = "images.json";
        for family in self.images().families() {
            let default = self.images().default_version(&family.family);
            findings.unless(default.is_some(), FILE, &family.family, "has no images");
            if let Some(default) = default {
                findings.unless(
                    self.images().of_family(&family.family).any(|row| row.version == default),
                    FILE,
                    &family.family,
                    format!("its default version `{default}` is not there"),
                );
            }
        }
        for row in self.images().iter() {
            findings.unless(
                self.images().family(&row.family).is_some(),
                FILE,
                &row.tag,
                format!("family `{}` is not in families", row.family),
            );
            findings.unless(
                row.host.is_some() != row.set.is_some(),
                FILE,
                &row.tag,
                "needs either a host or a set",
            );
            if let Some(set) = &row.set {
                findings.unless(
                    self.registries().set(set).is_some(),
                    FILE,
                    &row.tag,
                    format!("set `{set}` is not in registries.json"),
                );
            }
            if let Some(cuda) = &row.cuda {
                findings.unless(
                    self.amis().min_driver(cuda).is_some(),
                    FILE,
                    &row.tag,
                    format!("CUDA {cuda} has no driver in amis.json"),
                );
            }
            findings.unless(!row.arch.is_empty(), FILE, &row.tag, "is for no architecture");
        }
    }

    fn check_amis(&self, findings: &mut Findings) {
        const FILE: &str = "amis.json";
        let mut families: BTreeMap<&str, bool> = BTreeMap::new();
        for row in self.instances().iter().filter(|row| row.hosting) {
            *families.entry(row.family()).or_default() |= row.gpus() > 0;
        }
        for (family, gpu) in families {
            findings.unless(
                !gpu || self.amis().default_driver(family).is_some(),
                FILE,
                family,
                "hosts GPUs but has no row in default_drivers",
            );
        }
        for row in self.amis().inference().chain(self.amis().transform()) {
            findings.unless(
                row.driver.is_some() != row.neuron_driver.is_some(),
                FILE,
                &row.ami,
                "needs either an NVIDIA or a Neuron driver",
            );
            if let (Some(driver), Some(cuda)) = (row.driver, &row.cuda) {
                findings.unless(
                    self.amis().fit(driver, cuda) == Some(crate::DriverFit::Full),
                    FILE,
                    &row.ami,
                    format!("driver {driver} does not reach CUDA {cuda}"),
                );
            }
        }
    }

    fn check_models(&self, findings: &mut Findings) {
        const FILE: &str = "models.json";
        for row in self.models().iter() {
            for message in check_models::faults(row, self.models()) {
                findings.unless(false, FILE, &row.id, message);
            }
        }
        let engines: HashSet<&str> = self.engines().iter().map(|row| row.engine.as_str()).collect();
        let limits = self.engine_limits().engines_named().map(|row| ("engine_limits.json", row));
        let own = self.engines().engines_named().map(|row| ("engines.json", row));
        for (file, (row, engine)) in limits.chain(own) {
            let message = format!("engine `{engine}` is not in engines");
            findings.unless(engines.contains(engine), file, row, message);
        }
    }

    fn check_rest(&self, findings: &mut Findings) {
        for fit in self.evidence().known_fits() {
            findings.unless(
                self.instances().get(fit.instance.as_str()).is_some(),
                "known_fits.json",
                &fit.model,
                format!("`{}` is not in instances.json", fit.instance),
            );
            if let Some(id) = &fit.id {
                findings.unless(
                    self.models().get(id.as_str()).is_some(),
                    "known_fits.json",
                    &fit.model,
                    format!("`{id}` is not in models.json"),
                );
            }
        }
        for crd in self.hyperpod().crds() {
            if let Some(schema) = self.hyperpod().crd_schema(&crd.kind) {
                findings.unless(
                    serde_json::from_str::<serde_json::Value>(schema).is_ok(),
                    "hyperpod.json",
                    &crd.kind,
                    "its schema is not JSON",
                );
            }
        }
    }
}
