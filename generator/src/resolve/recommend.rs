//! Which instance types hold a model, and what their accelerators can calculate with.

use std::borrow::Cow;

use mcc_catalogs::{
    Arch, Cluster, ComputeCapability, GatedFrom, Image, Instance, InstanceType, Price, Region,
};
use mcc_fit::Place;
use mcc_fit::sizing::{self, Device, Dtype, ModelShape, Plan, Support, Wanted, device_of};

use super::Context;
use crate::finding::Finding;
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

/// Why no instance type is recommended.
#[derive(Debug)]
pub(crate) enum NoType {
    /// Nothing says how large the model is.
    Unsized,
    /// There is no image to start from, as this says.
    Image(Box<Finding>),
    /// None that the target takes holds it; this one does where another Region has it.
    Nothing(Option<InstanceType>),
}

impl Context<'_> {
    /// The name of the cheapest instance type that holds the model, for a user who names none, or why there is none;
    /// `None` where no model is named or none is needed.
    pub(crate) fn recommend_instance(&mut self) -> Option<Result<String, NoType>> {
        if !self.deployment.hub || self.deployment.engine.is_none() {
            return None;
        }
        let name = self.inputs.model_name.clone()?;
        let aws = self.aws("");
        let none = self.instance();
        self.facts.given = self.given_image();
        self.facts.shape = self.shape(&name);
        self.note_class();
        let release = self.engine_release(&none);
        let options = self.engine_options(release.as_deref());
        self.facts.wanted = self.wanted(release.as_deref(), options.as_ref());
        self.facts.release = release;
        if self.facts.shape.is_none() {
            return Some(Err(NoType::Unsized));
        }
        // A release without an image is no question of memory.
        let images =
            [Arch::X86_64, Arch::Arm64].map(|arch| self.resolve_image(&aws, arch, None, None));
        if let (None, [Err(error), Err(_)]) = (&self.inputs.base_image, &images) {
            return Some(Err(NoType::Image(Box::new(self.without_image(error)))));
        }
        match self.best(&aws) {
            Some(best) => Some(Ok(best.instance.name.to_string())),
            None => {
                let anywhere = self.candidates_in(&aws, None, self.cluster(&aws), false, 1);
                Some(Err(NoType::Nothing(anywhere.first().map(|best| best.instance.name.clone()))))
            }
        }
    }

    /// An instance type in place of the config's own default where that one is not to be had; `None` where it stays.
    pub(crate) fn instead_of_the_default(&self) -> Option<String> {
        let region = self.aws("").region;
        let usual =
            mcc_fit::usual_type(self.catalogs, &self.deployment, Some(&region), self.count())?;
        let stays = self.inputs.instance_type.as_deref() == Some(usual.name.as_str());
        (!stays).then(|| usual.name.to_string())
    }

    /// Whether what is served is a diffusion pipeline.
    pub(crate) fn is_pipeline(&self) -> bool {
        self.facts.shape.as_ref().is_some_and(|shape| shape.parts.is_some())
    }

    /// Whether the hub gates a model, and how that is known; `None` of models that the catalogs do not know.
    pub(crate) fn gated(&self, name: &str) -> Option<(Option<bool>, Option<GatedFrom>)> {
        // Models of a hub have an owner; what is packed is not looked up, nor the tables read for it.
        if !name.contains('/') {
            return None;
        }
        let model = self.catalogs.models().get(name).map(|row| (row.gated, row.gated_from));
        let pipeline = || {
            let row = self.catalogs.pipelines().get(name)?;
            Some((row.gated, row.gated_from))
        };
        model.or_else(pipeline)
    }

    /// What an instance type costs where the project runs, or elsewhere if that is all that is known.
    pub(crate) fn price(&self, name: &str, aws: &Aws) -> Option<Price> {
        self.catalogs.prices().usd_per_hour(name, Some(&aws.region))
    }

    /// All instance types as they are proposed for this project.
    pub(crate) fn in_order<'s>(&'s self, aws: &Aws) -> impl Iterator<Item = &'s Instance> {
        self.in_order_of(aws, self.cluster(aws))
    }

    /// Whether an instance type is one to propose for this project.
    pub(crate) fn proposes(&self, aws: &Aws, row: &Instance) -> bool {
        mcc_fit::is_proposed(&self.deployment, self.cluster(aws), row)
    }

    /// The same of the types that a cluster has nodes of, where it is known.
    fn in_order_of<'s>(
        &'s self,
        aws: &Aws,
        cluster: Option<&'s Cluster>,
    ) -> impl Iterator<Item = &'s Instance> {
        let rows =
            mcc_fit::in_order(self.catalogs, &self.deployment, Some(&aws.region), self.count());
        // A cluster has the nodes that it has.
        rows.map(|(_, row)| row).filter(move |row| {
            cluster.is_none_or(|cluster| mcc_fit::has_node(cluster, row) != Some(false))
        })
    }

    /// The HyperPod cluster that is named, where it was looked up.
    pub(crate) fn cluster(&self, aws: &Aws) -> Option<&Cluster> {
        let named = self.inputs.hyperpod_cluster.as_deref().filter(|_| self.takes("hyperpod"))?;
        self.catalogs.clusters().named(&aws.region, named)
    }

    /// Whether the Region is known to lack `row`.
    pub(crate) fn lacks(&self, region: &str, row: &Instance) -> bool {
        mcc_fit::lacks(self.catalogs, &self.deployment, region, row)
    }

    /// Why the instance type is what it is, where it was recommended.
    pub(super) fn recommendation(&self) -> Option<String> {
        let chosen = self.merged.values.get("instanceType")?;
        let name = chosen.value.as_str()?;
        // What it costs is other tomorrow, and what is written has to stay as it is.
        if let Source::LookedUp(looked) = &chosen.source {
            return Some(format!(
                "{name} was chosen by what was looked up on {} ({}); give instanceType for another",
                mcc_catalogs::echo(&looked.as_of),
                mcc_catalogs::echo(&looked.source)
            ));
        }
        if chosen.source != Source::Recommended {
            return None;
        }
        let price = self.price(name, &self.aws(""))?;
        if let (None, Some(usual)) = (&self.facts.shape, &self.deployment.usual_type) {
            return Some(format!(
                "{name} was chosen in place of {usual}, which is usual and not to be had there: it is the cheapest with as \
                 much memory, at about {:.2} USD per hour; give instanceType for another",
                price.usd
            ));
        }
        Some(format!(
            "{name} was chosen because it is the cheapest instance type of the catalogs that holds the model with room \
             to spare, at about {:.2} USD per hour; give instanceType for another",
            price.usd
        ))
    }

    /// Instance types that hold the model under the settings that the user gave, cheapest first, those without a price
    /// last: none that its Region is known to lack, that the image does not run on, or that does with a reservation.
    pub(crate) fn candidates(&self, aws: &Aws) -> Vec<Candidate<'_>> {
        if !self.advises {
            return Vec::new();
        }
        self.candidates_in(aws, Some(&aws.region), self.cluster(aws), false, usize::MAX)
    }

    /// The first of them.
    pub(crate) fn best(&self, aws: &Aws) -> Option<Candidate<'_>> {
        self.candidates_in(aws, Some(&aws.region), self.cluster(aws), false, 1).pop()
    }

    /// The first that hold it of those that a cluster could be given nodes of: what it has does not matter.
    pub(crate) fn to_add(&self, aws: &Aws, most: usize) -> Vec<Candidate<'_>> {
        self.candidates_in(aws, Some(&aws.region), None, false, most)
    }

    /// The first of the types of the cluster's nodes that run it with a reservation, which is why none of them is chosen.
    pub(crate) fn with_reservations(&self, aws: &Aws, most: usize) -> Vec<Candidate<'_>> {
        self.candidates_in(aws, Some(&aws.region), self.cluster(aws), true, most)
    }

    /// Of a cluster that is named and was looked up: its name, and the types of its nodes that run.
    pub(crate) fn cluster_types(&self, aws: &Aws) -> Option<(&str, Vec<&str>)> {
        let cluster = self.cluster(aws)?;
        let groups = cluster.groups.as_ref()?.iter().filter(|group| group.running() > 0);
        let mut types: Vec<&str> = groups.map(|group| group.instance.as_str()).collect();
        types.sort_unstable();
        types.dedup();
        Some((&cluster.name, types))
    }

    /// Instance types with GPUs that hold the model, for a project that is on another kind of accelerator.
    pub(crate) fn on_gpus(&self, aws: &Aws) -> Vec<String> {
        let cuda = Some(mcc_catalogs::AcceleratorKind::Cuda).filter(|_| self.advises);
        let Some(deployment) = crate::deployment::deployment(self.config, self.target, cuda) else {
            return Vec::new();
        };
        let there = Context {
            deployment,
            layers: crate::registry::registry().overlay_on(self.config, None, self.target, "cuda"),
            inputs: self.inputs.clone(),
            findings: Vec::new(),
            facts: crate::resolve::ModelFacts {
                class: self.facts.class.clone(),
                shape: self.facts.shape.clone(),
                wanted: Wanted { ..self.wanted(None, None) },
                ..crate::resolve::ModelFacts::default()
            },
            origins: self.origins,
            ..*self
        };
        let found = there.candidates_in(aws, Some(&aws.region), self.cluster(aws), false, 3);
        found.iter().map(|found| found.instance.name.to_string()).collect()
    }

    /// The first `most`; without a Region where it does not matter what a Region lacks, and without a cluster where it
    /// does not matter which nodes it has; those with reservations too where they are asked for.
    fn candidates_in<'s>(
        &'s self,
        aws: &Aws,
        region: Option<&str>,
        cluster: Option<&'s Cluster>,
        reserved: bool,
        most: usize,
    ) -> Vec<Candidate<'s>> {
        let Some(shape) = &self.facts.shape else {
            return Vec::new();
        };
        let catalogs = self.catalogs;
        let asked = self.asked();
        let choice = self.choice(self.inputs.engine_version.as_deref());
        let own = self.inputs.base_image.is_some();
        let there: Option<Region> = aws.region.parse().ok();
        let image = |row: &Instance| {
            if own {
                self.facts.given.as_ref().map(|given| &given.image)
            } else {
                choice.on(row.arch, Some(row))
            }
        };
        let runs = |row: &Instance, image: Option<&Image>| {
            match image {
                Some(image) if image.arch.contains(&row.arch) => {
                    let address = |region| catalogs.images().address(image, region).is_ok();
                    if !own && !there.as_ref().is_some_and(address) {
                        return false;
                    }
                }
                // Of an image of the user's own of which nothing is known the usual processor is assumed.
                None if own && row.arch == Arch::X86_64 => {}
                _ => return false,
            }
            mcc_fit::image_runs(catalogs, &self.deployment, image, &asked, row).is_ok()
                && mcc_fit::host_for(catalogs, &self.deployment, image, row).is_ok()
        };
        let rows = self.in_order_of(aws, cluster).filter(|row| {
            mcc_fit::is_proposed(&self.deployment, cluster, row)
                && !region.is_some_and(|region| self.lacks(region, row))
        });
        rows.filter_map(|instance| {
            let image = image(instance);
            if !runs(instance, image) {
                return None;
            }
            // Another image may have another release, which takes another share of the memory.
            let release = image.and_then(|image| mcc_fit::engine_in(&self.deployment, image));
            let wanted = match release.map(|(_, release)| release) {
                release if release == self.facts.release.as_deref() => {
                    Cow::Borrowed(&self.facts.wanted)
                }
                release => Cow::Owned(self.released(release)),
            };
            let found = self.place(shape, &wanted).on(instance);
            found.ok().filter(|found| reserved || found.reservations.is_empty())?;
            let plan = sizing::plan(shape, &device_of(instance)?, &wanted);
            let price = self.price(instance.name.as_str(), aws);
            Some(Candidate { instance, price, plan })
        })
        .take(most)
        .collect()
    }

    /// What is wanted, of another release than that of the project.
    fn released(&self, release: Option<&str>) -> Wanted {
        let open = Wanted::default();
        let usual = release.and_then(|r| self.deployment.memory_utilization(self.catalogs, r));
        Wanted {
            memory_utilization: self
                .inputs
                .gpu_memory_utilization
                .or(usual)
                .unwrap_or(open.memory_utilization),
            split: self.split(release).spread(self.facts.wanted.split.expert_ranks),
            states: self.states(release),
            sampling: self.sampling(release),
            scales: self.scales(release),
            ..self.facts.wanted.clone()
        }
    }

    fn place<'a>(&'a self, shape: &'a ModelShape, wanted: &'a Wanted) -> Place<'a> {
        let quantization = shape.quantization.as_ref().or(wanted.in_flight.as_ref());
        let engine = self.deployment.engine.as_deref().unwrap_or_default();
        Place {
            named: None,
            model: shape,
            wanted,
            concurrency: None,
            needs: self.host_needs(self.files(shape)),
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
}

fn pair(capability: ComputeCapability) -> (u32, u32) {
    (u32::from(capability.major), u32::from(capability.minor))
}
