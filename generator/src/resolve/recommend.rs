//! Which instance types hold a model, and what their accelerators can calculate with.

use mcc_catalogs::{Arch, ComputeCapability, Instance, Price};
use mcc_fit::Place;
use mcc_fit::sizing::{self, Device, Dtype, ModelShape, Plan, Support, device_of};

use super::Context;
use crate::finding::Finding;
use crate::rules;
use crate::source::Source;
use crate::spec::Aws;

/// An instance type that the model fits.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'a> {
    /// The type.
    pub(crate) instance: &'a Instance,
    /// What it costs; `None` if that is not known.
    pub(crate) price: Option<Price>,
    /// How the model is served on it.
    pub(crate) plan: Plan,
}

impl Context<'_> {
    /// The cheapest instance type that holds the model, for who names none: its name and why it was chosen.
    /// A finding says why there is none; `None` where no model is named or none is needed.
    pub(crate) fn recommend_instance(&mut self) -> Option<Result<String, Finding>> {
        if !self.deployment.hub || self.deployment.engine.is_none() {
            return None;
        }
        let name = self.inputs.model_name.clone()?;
        let aws = self.aws("");
        let none = self.instance();
        let release = self.engine_release(&aws, &none);
        let options = self.engine_options(release.as_deref());
        self.facts.shape = self.shape(&name);
        self.facts.wanted = self.wanted(release.as_deref(), options.as_ref());
        self.facts.release = release;
        if self.facts.shape.is_none() {
            return Some(Err(rules::unknown_model(self)));
        }
        // A release without an image is no question of memory.
        let images = [Arch::X86_64, Arch::Arm64].map(|arch| self.resolve_image(&aws, arch, None));
        if let (None, [Err(error), Err(_)]) = (&self.inputs.base_image, &images) {
            return Some(Err(self.without_image(error)));
        }
        match self.candidates(&aws).first() {
            Some(best) => Some(Ok(best.instance.name.to_string())),
            None => {
                let anywhere = self.candidates_in(&aws, None);
                Some(Err(rules::nothing_holds(self, anywhere.first().map(|best| best.instance))))
            }
        }
    }

    /// An instance type in place of the config's own default where the Region is known to lack that one: the cheapest
    /// there with as much memory on accelerators of the same kind. `None` where the default stays.
    pub(crate) fn instead_of_the_default(&self) -> Option<String> {
        let region = self.aws("").region;
        let default = self.catalogs.instances().get(self.inputs.instance_type.as_deref()?)?;
        if !self.lacks(&region, default) {
            return None;
        }
        let as_good = |row: &&Instance| {
            !row.previous_generation
                && row.accelerator_kind() == default.accelerator_kind()
                && row.accelerator_memory_gib() >= default.accelerator_memory_gib()
                && row.memory_gib() >= default.memory_gib()
                && self.deployment.takes(row)
                && self.deployment.runs_on(row)
                && self.catalogs.regions().offers(&region, row) == Some(true)
        };
        let mut rows = self.catalogs.by_price().map(|(_, row)| row);
        Some(rows.find(as_good)?.name.to_string())
    }

    /// Whether the Region is known to lack `row`.
    pub(crate) fn lacks(&self, region: &str, row: &Instance) -> bool {
        self.catalogs.regions().offers(region, row) == Some(false)
    }

    /// Why the instance type is what it is, where it was recommended.
    pub(super) fn recommendation(&self) -> Option<String> {
        let chosen = self.merged.values.get("instanceType")?;
        if chosen.source != Source::Recommended {
            return None;
        }
        let name = chosen.value.as_str()?;
        let price = self.catalogs.prices().usd_per_hour(name)?;
        Some(format!(
            "{name} was chosen because it is the cheapest instance type of the catalogs that holds the model with room \
             to spare, at about {:.2} USD per hour; give instanceType for another",
            price.usd
        ))
    }

    /// Instance types that hold the model under the settings that the user gave, cheapest first, those without a price
    /// last: none that its Region is known to lack, that the image does not run on, or that does with a reservation.
    pub(crate) fn candidates(&self, aws: &Aws) -> Vec<Candidate<'_>> {
        self.candidates_in(aws, Some(&aws.region))
    }

    /// The same where it does not matter what a Region lacks.
    fn candidates_in(&self, aws: &Aws, region: Option<&str>) -> Vec<Candidate<'_>> {
        let Some(shape) = &self.facts.shape else {
            return Vec::new();
        };
        let catalogs = self.catalogs;
        let images = [Arch::X86_64, Arch::Arm64].map(|arch| {
            let image = self.resolve_image(aws, arch, None).ok()?.image;
            Some((arch, image))
        });
        let capability =
            self.facts.release.as_deref().and_then(|r| self.deployment.capability(catalogs, r));
        let runs = |row: &Instance| {
            let ours = images.iter().flatten().find(|(arch, _)| *arch == row.arch);
            let own = self.inputs.base_image.is_some();
            // Of an image of the user's own nothing is known; without another hint it is for the usual processor.
            let unknown = own && images.iter().all(Option::is_none) && row.arch == Arch::X86_64;
            if ours.is_none() && !unknown {
                return false;
            }
            let image = ours.filter(|_| !own).map(|(_, image)| image);
            let cuda = image.and_then(|image| image.cuda.as_deref());
            let host = self.deployment.ami.and_then(|api| {
                mcc_fit::host_image(catalogs, api, row.accelerator_kind(), cuda, row.family())
            });
            mcc_fit::image_runs(image, capability, row).is_ok()
                && host.is_none_or(|host| mcc_fit::host_runs(&host, row).is_ok())
        };
        let place = self.place(shape);
        let rows = catalogs.by_price().map(|(_, row)| row).filter(|row| {
            !row.previous_generation
                && self.deployment.takes(row)
                && self.deployment.runs_on(row)
                && !region.is_some_and(|region| self.lacks(region, row))
                && runs(row)
                && place.on(row).is_ok_and(|found| found.reservations.is_empty())
        });
        rows.filter_map(|instance| {
            let plan = sizing::plan(shape, &device_of(instance)?, &self.facts.wanted);
            let price = catalogs.prices().usd_per_hour(instance.name.as_str());
            Some(Candidate { instance, price, plan })
        })
        .collect()
    }

    fn place<'a>(&'a self, shape: &'a ModelShape) -> Place<'a> {
        let quantization = shape.quantization.as_ref().or(self.facts.wanted.in_flight.as_ref());
        let engine = self.deployment.engine.as_deref().unwrap_or_default();
        Place {
            model: shape,
            wanted: &self.facts.wanted,
            concurrency: None,
            needs: self.host_needs(shape.weight_bytes),
            quantization_capability: quantization
                .and_then(|q| self.catalogs.engines().quantization_capability(engine, &q.method)),
        }
    }

    /// Whether `device` calculates in the formats of the model's weights.
    pub(crate) fn precision(&self, device: &Device, dtype: Dtype) -> Support {
        let own = self.facts.shape.as_ref().and_then(|s| s.quantization.as_ref());
        let quantization = own.or(self.facts.wanted.in_flight.as_ref());
        let engine = self.engine().unwrap_or_default();
        let minimum = quantization
            .and_then(|q| self.catalogs.engines().quantization_capability(&engine, &q.method));
        sizing::precision_support(device, dtype, quantization, minimum.map(pair))
    }

    /// The least compute capability that the engine's image is compiled for.
    pub(crate) fn minimum_capability(&self) -> Option<(u32, u32)> {
        self.deployment.capability(self.catalogs, self.facts.release.as_deref()?).map(pair)
    }
}

fn pair(capability: ComputeCapability) -> (u32, u32) {
    (u32::from(capability.major), u32::from(capability.minor))
}
