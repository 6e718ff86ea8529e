//! Which instance types hold a model, and what their accelerators can calculate with.

use mcc_catalogs::{Arch, ComputeCapability, Instance};

use super::Context;
use crate::finding::Finding;
use crate::rules;
use crate::source::Source;
use crate::spec::Aws;
use mcc_fit::sizing::{self, Candidate, Device, Dtype, Support, device_of};

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
            None => Some(Err(rules::nothing_holds(self))),
        }
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

    /// Instance types that hold the model under the settings that the user gave, cheapest first.
    pub(crate) fn candidates(&self, aws: &Aws) -> Vec<Candidate<'_>> {
        let Some(shape) = &self.facts.shape else {
            return Vec::new();
        };
        let archs: Vec<Arch> = [Arch::X86_64, Arch::Arm64]
            .into_iter()
            .filter(|arch| self.resolve_image(aws, *arch, None).is_ok())
            .collect();
        let takes = |row: &Instance| {
            self.deployment.takes(row)
                && self.deployment.runs_on(row)
                && archs.contains(&row.arch)
                && device_of(row).is_some_and(|device| self.runs_natively(&device))
        };
        let needs = self.host_needs(shape.weight_bytes);
        sizing::candidates(self.catalogs, shape, &self.facts.wanted, needs, takes)
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

    fn runs_natively(&self, device: &Device) -> bool {
        let compiled = self.minimum_capability();
        let new_enough = match (device.compute_capability, compiled) {
            (Some(has), Some(needs)) => has >= needs,
            _ => true,
        };
        let dtype = self.facts.wanted.dtype.unwrap_or(Dtype::Float16);
        let support = self.precision(device, dtype);
        new_enough && matches!(support, Support::Native | Support::Unknown)
    }
}

fn pair(capability: ComputeCapability) -> (u32, u32) {
    (u32::from(capability.major), u32::from(capability.minor))
}
