//! What is known of the decisions in a [`Spec`], from the catalogs and from sizing.

use mcc_catalogs::{Ask, GatedFrom, PriceBasis, QuotaRow};
use mcc_fit::{TaskBasis, sizing};

use super::Context;
use crate::finding::shorten;
use crate::spec::{Basis, CostBasis, Host, LiveValue, Memory, RunsAs, Spec};

impl Context<'_> {
    pub(super) fn basis(&self, spec: &Spec) -> Basis {
        let runs_as = self.runs_as();
        let own_image = self.inputs.base_image.is_some();
        let known = self.gated(&spec.model.name);
        Basis {
            engine: self
                .deployment
                .engine
                .clone()
                .or_else(|| self.deployment.images.clone())
                .filter(|_| !own_image),
            host: self.host(spec),
            framework: self.manifest(|m| m.framework.as_ref().map(|f| f.package.clone())),
            origins: self.origins,
            model_folder: self.model_folder(),
            gated: known.and_then(|(gated, _)| gated),
            gated_inferred: known.is_some_and(|(_, from)| {
                !matches!(from, Some(GatedFrom::Hub | GatedFrom::Private))
            }),
            private: known.is_some_and(|(_, from)| from == Some(GatedFrom::Private)),
            memory: self.memory(),
            task: self
                .facts
                .purpose
                .filter(|purpose| purpose.basis != TaskBasis::Guess)
                .map(|purpose| purpose.task),
            task_from: self.facts.purpose.map(|purpose| purpose.basis),
            class: self.facts.class.clone(),
            runs_as,
            // What is written to S3 is written whole.
            streams: !self.takes("async") && !self.takes("batch"),
            route: self.manifest(|m| m.route.clone()).unwrap_or_default(),
            cost: self.cost(spec),
            live: self.live(spec, runs_as),
            quota: self.quota(spec).map(|row| row.limit),
        }
    }

    fn runs_as(&self) -> RunsAs {
        if self.takes("hyperpod") {
            RunsAs::Pods
        } else if self.takes("batch") {
            RunsAs::Job
        } else {
            RunsAs::Endpoint
        }
    }

    /// Instances, or pods, at the start.
    pub(crate) fn count(&self) -> u32 {
        let i = &self.inputs;
        let count = match self.runs_as() {
            RunsAs::Endpoint => i.endpoint_initial_instance_count,
            RunsAs::Job => i.batch_instance_count,
            RunsAs::Pods => i.hyperpod_replicas,
        };
        count.unwrap_or(1)
    }

    /// Place in the project of a packed model whose file or folder is called `file` in the container.
    pub(crate) fn model_place(&self, file: &str) -> String {
        format!("{}/{file}", self.model_folder())
    }

    fn model_folder(&self) -> String {
        let folder = self.manifest(|m| m.model_dir.clone());
        folder.unwrap_or_else(|| crate::written::MODEL.to_owned())
    }

    fn host(&self, spec: &Spec) -> Option<Host> {
        let name = spec.endpoint.ami.as_deref()?;
        let cuda = spec.image.cuda.as_deref();
        let driver = mcc_fit::host_driver(self.catalogs, self.deployment.ami?, name, cuda);
        Some(Host {
            driver: driver.as_ref().map(|driver| driver.branch),
            fit: driver.and_then(|driver| driver.fit),
        })
    }

    fn memory(&self) -> Option<Memory> {
        let (plan, device) = (self.facts.plan.as_ref()?, self.facts.device.as_ref()?);
        let sizing = &plan.sizing;
        let shape = self.facts.shape.as_ref();
        let keeps_nothing = shape.is_some_and(sizing::ModelShape::keeps_nothing);
        Some(Memory {
            device: device.name.clone(),
            devices: device.count,
            used: plan.used_devices,
            device_gib: tenths(device.memory_gib),
            budget_gib: tenths(sizing.budget_gib),
            weights_gib: tenths(sizing.weights_gib),
            overhead_gib: tenths(sizing.overhead_gib),
            cache_gib: (!keeps_nothing).then(|| tenths(sizing.kv_gib.max(0.0))),
            pools: keeps_nothing || self.facts.purpose.is_some_and(|purpose| purpose.task.pools()),
            context: self.deployment.has_context().then_some(plan.serving.max_model_len),
            sequences: sizing.concurrent_sequences.map(tenths),
            copies: self.facts.wanted.copies.max(1),
        })
    }

    /// The account's quota of the instance type.
    fn quota(&self, spec: &Spec) -> Option<&QuotaRow> {
        let (instance, region) = (self.row_of(&spec.instance)?, spec.aws.region.as_str());
        mcc_fit::quota(self.catalogs, &self.deployment, Some(region), instance)
    }

    /// What was looked up of that which a plan tells.
    fn live(&self, spec: &Spec, runs_as: RunsAs) -> Vec<LiveValue> {
        let (catalogs, region) = (self.catalogs, spec.aws.region.as_str());
        let instance = self.row_of(&spec.instance);
        let model =
            self.inputs.model_name.as_deref().filter(|_| !self.merged.is_given("modelConfig"));
        let model = model.and_then(|name| catalogs.origin(&Ask::of_model(name)?));
        let image = match self.inputs.base_image.as_deref() {
            Some(own) => Some(catalogs.resources().origin_of_image(own)),
            None => self.base(&spec.instance).map(|image| catalogs.images().origin(image)),
        };
        let price = instance.and_then(|row| self.price(row.name.as_str(), &spec.aws));
        let price = price.filter(|_| runs_as != RunsAs::Pods);
        let quota = self.quota(spec).and_then(|row| {
            LiveValue::of("quota", Some(counted(row)), catalogs.quotas().origin(region))
        });
        let cluster = self.cluster(&spec.aws).and_then(|cluster| {
            let found = format!("{} is {}", shorten(&cluster.name), shorten(&cluster.status));
            LiveValue::of("cluster", Some(found), catalogs.clusters().origin(region))
        });
        let all = [
            image.and_then(|origin| LiveValue::of("base image", None, origin)),
            model.and_then(|origin| LiveValue::of("model", None, origin)),
            price.and_then(|price| LiveValue::of("cost", None, &price.origin)),
            quota,
            cluster,
        ];
        all.into_iter().flatten().collect()
    }

    fn cost(&self, spec: &Spec) -> CostBasis {
        let mut cost = CostBasis::default();
        let kind = spec.instance.kind.as_deref();
        let Some(price) = kind.and_then(|name| self.price(name, &spec.aws)) else {
            return cost;
        };
        // Another partition has other prices, some of them in another currency.
        let partition = |region: &str| Some(self.catalogs.regions().get(region)?.partition.clone());
        let region = price.region.map(|region| region.to_string()).unwrap_or_default();
        let foreign = partition(&region).is_some_and(|own| own != spec.aws.partition);
        cost.usd_per_hour = Some(price.usd).filter(|_| !foreign);
        cost.published = price.basis == PriceBasis::Published;
        cost.as_of = price.as_of;
        cost.region = region;
        cost
    }
}

/// A quota, and how much of it is used.
fn counted(row: &QuotaRow) -> String {
    let used = row.in_use.map(|used| format!(", {used} in use")).unwrap_or_default();
    format!("at most {} of {}{used}", row.limit, row.name)
}

fn tenths(gib: f64) -> f64 {
    (gib * 10.0).round() / 10.0
}
