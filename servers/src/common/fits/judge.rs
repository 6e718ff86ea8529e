//! Whether a deployment runs on an instance type, and if not, why. Pure: catalogs in, judgement out.

use std::cell::RefCell;

use mcc_catalogs::{AcceleratorKind, Arch, Catalogs, Image, Instance, Price};
use mcc_fit::sizing::{
    self, Dtype, ExpertScales, HostNeeds, ModelSource, Quantization, Sampling, Split, StateRule,
    Wanted,
};
use mcc_fit::{Asked, Deployment, HostShort, ImageChoice, Named, Place, Reservation, engine_in};
use mcc_generator::reasons;

use super::image::{Container, Device, compiled};
use crate::common::deployment;
use crate::common::model::Sized;

/// How the model is to be served.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Longest context in tokens.
    pub(crate) context: Option<u64>,
    /// Sequences of that length at once.
    pub(crate) concurrency: Option<u32>,
    pub(crate) memory_utilization: Option<f64>,
    pub(crate) tensor_parallel: Option<u32>,
    pub(crate) dtype: Option<Dtype>,
    pub(crate) in_flight: Option<Quantization>,
    pub(crate) eight_bit_cache: bool,
    pub(crate) engine_version: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) min_vcpus: Option<u32>,
    pub(crate) min_memory_gib: Option<f64>,
    pub(crate) budget_usd_per_hour: Option<f64>,
}

/// A deployment that runs on an instance type.
#[derive(Debug)]
pub(crate) struct Fit<'a> {
    pub(crate) instance: &'a Instance,
    /// How the model is split and what memory it takes; none for models that are packed in the image.
    pub(crate) plan: Option<sizing::Plan>,
    pub(crate) price: Option<Price>,
    /// Why it is split over that many.
    pub(crate) split: Option<String>,
    /// Host image that the container's CUDA needs.
    pub(crate) ami: Option<String>,
    /// Least time to read the weights once, which every generated token takes, in milliseconds.
    pub(crate) token_floor_ms: Option<f64>,
    /// Why nobody should be given it who does not ask for it.
    pub(crate) reservation: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// Why a deployment does not run on an instance type.
#[derive(Debug, Clone)]
pub(crate) struct Reason {
    pub(crate) text: String,
    pub(crate) miss: Miss,
}

/// How far an instance type is from being taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Of another kind.
    Far,
    /// Close enough to be worth telling unasked.
    Near,
    /// It would do, and costs more than it may.
    Dear,
}

pub(super) fn far(text: impl Into<String>) -> Reason {
    Reason { text: text.into(), miss: Miss::Far }
}

pub(super) fn near(text: impl Into<String>) -> Reason {
    Reason { text: text.into(), miss: Miss::Near }
}

/// What does not change from one instance type to the next.
pub(crate) struct Judge<'a> {
    pub(super) catalogs: &'a Catalogs,
    pub(super) deployment: &'a Deployment,
    pub(super) model: Option<&'a Sized<'a>>,
    pub(super) wish: &'a Wish,
    /// The images that come into question.
    pub(super) choice: ImageChoice<'a>,
    /// What of the model decides which of them serve it.
    pub(super) asked: Asked,
    /// What was found for instance types that differ in size only.
    pub(super) containers: RefCell<Vec<(Device<'a>, Container<'a>)>>,
    /// What is wanted, with what the release of the image that is chosen without an instance type takes.
    pub(super) wanted: Wanted,
    /// The engine in that image, and its release.
    usual: Option<(&'a str, &'a str)>,
    needs: HostNeeds,
    /// The types that are judged were named.
    named: bool,
    /// Why models of this kind are not served where they are compiled.
    compiled: Result<(), String>,
    /// Bytes that the weights take at least, over all devices.
    pub(super) least_bytes: f64,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(
        catalogs: &'a Catalogs,
        deployment: &'a Deployment,
        model: Option<&'a Sized<'a>>,
        wish: &'a Wish,
    ) -> Self {
        let version = wish.engine_version.as_deref();
        let asked = model.map_or_else(Asked::default, |model| {
            model.asked(catalogs, deployment.engine.as_deref(), wish.in_flight.as_ref())
        });
        let choice = ImageChoice::new(catalogs, deployment, version, &asked);
        let usual = choice.on(Arch::X86_64, None).or_else(|| choice.on(Arch::Arm64, None));
        let open = Wanted::default();
        let context = context(deployment, model, wish);
        let wanted = Wanted {
            tensor_parallel: wish.tensor_parallel,
            max_model_len: Some(context),
            dtype: wish.dtype,
            in_flight: wish.in_flight.clone(),
            eight_bit_cache: wish.eight_bit_cache,
            // Elsewhere the engine takes as many at once as there is room for.
            max_num_seqs: deployment.compiles().then(|| sequences(deployment, wish)),
            ..open
        };
        let wanted = of_release(catalogs, deployment, usual, wish, wanted, asked.class.as_deref());
        let dtype = wish.dtype.unwrap_or(Dtype::Bfloat16);
        Self {
            compiled: model.map_or(Ok(()), |model| compiled(deployment, model)),
            needs: {
                let bytes = model.map_or(0, |model| model.shape.weight_bytes);
                let needs = sizing::host_needs(bytes, ModelSource::Container);
                if deployment.compiles() { needs.compiled(bytes) } else { needs }
            },
            least_bytes: model
                .map_or(0.0, |model| model.shape.loaded_bytes(dtype, wish.in_flight.as_ref())),
            catalogs,
            deployment,
            model,
            wish,
            choice,
            asked,
            containers: RefCell::default(),
            usual: usual.and_then(|image| engine_in(deployment, image)),
            wanted,
            named: false,
        }
    }

    /// The same for types that were named: what a plan on them warns of is no reason against them here.
    pub(crate) fn of_named(self) -> Self {
        Self { named: true, ..self }
    }

    /// How it is to be served.
    pub(crate) fn wish(&self) -> &'a Wish {
        self.wish
    }

    /// Whether the types that are judged were named.
    pub(crate) fn is_of_named(&self) -> bool {
        self.named
    }

    /// What is served.
    pub(crate) fn model(&self) -> Option<&'a Sized<'a>> {
        self.model
    }

    /// What serves it, and where.
    pub(crate) fn deployment(&self) -> &'a Deployment {
        self.deployment
    }

    /// The engine's option for a cache of eight bits, if one is wished for.
    pub(crate) fn cache_option(&self) -> Option<(String, String)> {
        self.wish.eight_bit_cache.then(|| self.deployment.eight_bit_cache(self.catalogs)).flatten()
    }

    /// The Region that prices are of, if it is another than the one that was named.
    pub(crate) fn price_region(&self) -> Option<String> {
        let region = self.wish.region.as_deref()?;
        let rows = self.catalogs.prices();
        if rows.knows(region) {
            return None;
        }
        rows.home().map(ToString::to_string)
    }

    /// The context that is sized for, in tokens.
    pub(crate) fn context(&self) -> u64 {
        self.wanted.max_model_len.unwrap_or(mcc_fit::usual_context(false))
    }

    /// Sequences at once, where they are compiled in.
    pub(crate) fn compiled_sequences(&self) -> u32 {
        sequences(self.deployment, self.wish)
    }

    /// The share of each device's memory that is counted on.
    pub(crate) fn memory_utilization(&self) -> f64 {
        self.wanted.memory_utilization
    }

    /// Whether it is worth judging at all: what fails here is of the wrong kind or far too small.
    pub(crate) fn plausible(&self, instance: &Instance) -> bool {
        self.deployment.takes(instance)
            && self.deployment.runs_on(instance)
            && (self.model.is_none() || !mcc_fit::far_too_small(instance, self.least_bytes))
    }

    /// Whether the deployment runs on `instance`.
    pub(crate) fn judge(&self, instance: &'a Instance) -> Result<Fit<'a>, Reason> {
        let kind = instance.accelerator_kind();
        if !self.deployment.takes(instance) {
            return Err(far(format!("{} does not take this type", self.deployment.target)));
        }
        let mut warnings = Vec::new();
        if self.deployment.idles_on(instance) {
            warnings.push(reasons::idle_accelerator(instance));
        } else if !self.deployment.runs_on(instance) {
            return Err(far(format!(
                "{} runs on {}, and this type has {}",
                self.deployment.config,
                deployment::runs_on_what(self.deployment),
                instance.accelerator().map_or("no accelerator", |a| a.name.as_str()),
            )));
        }
        self.compiled.as_ref().map_err(far)?;
        if let Some(why) = self.not_taken() {
            return Err(far(why));
        }
        // What no Region helps against comes first.
        let (image, ami, wanted) = self.container(instance, &mut warnings)?;
        self.long_enough(image, &mut warnings)?;
        self.offered(instance, &mut warnings)?;
        self.big_enough(instance)?;
        let sized = match self.model {
            Some(model) if kind != AcceleratorKind::Cpu => {
                Some(self.sized(&self.place(model, &wanted), instance, &mut warnings)?)
            }
            _ => None,
        };
        if let Some((found, _)) = &sized {
            self.long_images(&found.plan, &mut warnings);
        }
        let price = self.price(instance);
        match (self.wish.budget_usd_per_hour, &price) {
            (Some(budget), Some(price)) if price.usd > budget => {
                let text = format!(
                    "it would do, and costs {:.2} USD per hour, above the budget of {budget:.2}",
                    price.usd
                );
                return Err(Reason { text, miss: Miss::Dear });
            }
            (Some(_), None) => {
                return Err(far("its price is not known, nor whether it is within the budget"));
            }
            _ => {}
        }
        warnings.extend(self.deployment.advice.clone());
        warnings.extend(self.quota(instance));
        if mcc_fit::is_burstable(instance) {
            warnings.push(reasons::burstable().to_owned());
        }
        if price.is_none() {
            warnings.push("its price is not known".to_owned());
        }
        let (found, split) = sized.map_or((None, None), |(found, split)| (Some(found), split));
        let reserved = found.as_ref().map_or(&[][..], |found| &found.reservations);
        let reserved: Vec<String> = reserved.iter().map(reservation).collect();
        let plan = found.map(|found| found.plan);
        let plans = plan.as_ref().filter(|_| self.deployment.has_context());
        let token_floor_ms = plans.and_then(|plan| self.token_floor(instance, plan));
        let reservation = reserved.first().cloned();
        warnings.extend(reserved);
        Ok(Fit { instance, plan, price, split, ami, token_floor_ms, reservation, warnings })
    }

    /// What it costs in the Region that was named, or elsewhere if that is all that is known.
    pub(crate) fn price(&self, instance: &Instance) -> Option<Price> {
        self.catalogs.prices().usd_per_hour(instance.name.as_str(), self.wish.region.as_deref())
    }

    /// Whether the account may start one of it in the Region that was named, as far as that is known.
    pub(crate) fn starts(&self, instance: &Instance) -> bool {
        let region = self.wish.region.as_deref();
        mcc_fit::short_of_quota(self.catalogs, self.deployment, region, instance, 1).is_none()
    }

    /// Whether the account is known to be allowed one of it now.
    pub(crate) fn is_allowed(&self, instance: &Instance) -> bool {
        let region = self.wish.region.as_deref();
        let allows = mcc_fit::quota_allows(self.catalogs, self.deployment, region, instance, 1);
        allows == Some(true) && self.quota(instance).is_none()
    }

    /// What the account's quota says against starting one now.
    pub(crate) fn quota(&self, instance: &Instance) -> Option<String> {
        let region = self.wish.region.as_deref();
        let row = mcc_fit::quota(self.catalogs, self.deployment, region, instance)?;
        let none = row.limit == 0 || row.free() == Some(0);
        none.then(|| reasons::quota(row, 1))
    }

    /// What was asked for that the config does not take on this kind of accelerator.
    fn not_taken(&self) -> Option<String> {
        let asked = [
            ("gpuMemoryUtilization", self.wish.memory_utilization.is_some()),
            ("quantization", self.wish.in_flight.is_some()),
        ];
        let mut refused = asked.into_iter().filter(|(_, asked)| *asked);
        refused.find_map(|(key, _)| self.deployment.refuses.get(key).cloned())
    }

    fn offered(&self, instance: &Instance, warnings: &mut Vec<String>) -> Result<(), Reason> {
        let Some(region) = self.wish.region.as_deref() else {
            return Ok(());
        };
        match mcc_fit::offered(self.catalogs, Some(self.deployment), region, instance) {
            Some(false)
                if mcc_fit::is_not_hosted(
                    self.catalogs,
                    Some(self.deployment),
                    region,
                    instance,
                ) =>
            {
                Err(near(format!("AWS's price list has no hosting price for it in {region}")))
            }
            Some(false) => Err(near(format!("EC2 does not offer it in {region}"))),
            None if instance.accelerator().is_some() => {
                warnings.push(format!("whether {region} has it is not known"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the engine starts with the context that is wished for.
    fn long_enough(&self, image: Option<&Image>, warnings: &mut Vec<String>) -> Result<(), Reason> {
        let (Some(model), Some(tokens)) = (self.model, self.wish.context) else {
            return Ok(());
        };
        let own = self.deployment.engine.as_deref().map(|engine| (engine, None));
        let in_image = image.and_then(|image| engine_in(self.deployment, image));
        let engine = in_image.map(|(engine, release)| (engine, Some(release))).or(own);
        let Some((engine, release)) = engine else { return Ok(()) };
        let Some(found) = sizing::too_long(&model.shape, engine, release, tokens) else {
            return Ok(());
        };
        let why = reasons::too_long(engine, tokens, found);
        if model.shape.origin == sizing::Origin::Own {
            return Err(far(why));
        }
        warnings.push(why);
        Ok(())
    }

    /// Says where an image can be longer than the context.
    fn long_images(&self, plan: &sizing::Plan, warnings: &mut Vec<String>) {
        let tokens = plan.serving.max_model_len;
        let class = self.asked.class.as_deref().unwrap_or_default();
        let known = plan.sizing.longest_context.is_some();
        let own = self.model.and_then(|model| model.row?.image_pixels);
        let images = self.catalogs.vision().images(class).map(|images| images.with_pixels(own));
        let images = images.filter(|images| known && images.most() > tokens);
        warnings.extend(images.map(|images| reasons::long_image(&images, tokens)));
    }

    fn big_enough(&self, instance: &Instance) -> Result<(), Reason> {
        match mcc_fit::host_short(instance, self.wish.min_vcpus, self.wish.min_memory_gib) {
            None => Ok(()),
            Some(HostShort::Vcpus { least, has }) => {
                Err(far(format!("it has {has} vCPUs, and {least} are needed")))
            }
            Some(HostShort::Memory { least, has }) => {
                Err(far(format!("it has {has:.0} GiB of memory, and {least} are needed")))
            }
        }
    }

    /// What is wanted, with what the release in `image` takes.
    pub(super) fn wanted_of(&self, image: Option<&Image>) -> Wanted {
        if image.and_then(|image| engine_in(self.deployment, image)) == self.usual {
            return self.wanted.clone();
        }
        let class = self.asked.class.as_deref();
        of_release(self.catalogs, self.deployment, image, self.wish, self.wanted.clone(), class)
    }

    fn place<'b>(&'b self, model: &'b Sized<'b>, wanted: &'b Wanted) -> Place<'b> {
        let quantization = model.shape.quantization.as_ref().or(wanted.in_flight.as_ref());
        let engine = self.deployment.engine.as_deref().unwrap_or_default();
        let context_asked = self.wish.context.is_some();
        Place {
            named: self.named.then_some(Named { context_asked }),
            model: &model.shape,
            wanted,
            concurrency: self.wish.concurrency,
            needs: self.needs,
            quantization_capability: quantization
                .and_then(|q| self.catalogs.engines().quantization_capability(engine, &q.method)),
        }
    }
}

/// `wanted` with the share of memory that the release in `image` takes, and as it divides models and keeps states of
/// models of `class`.
fn of_release(
    catalogs: &Catalogs,
    deployment: &Deployment,
    image: Option<&Image>,
    wish: &Wish,
    wanted: Wanted,
    class: Option<&str>,
) -> Wanted {
    let engine = image.and_then(|image| engine_in(deployment, image));
    let usual = engine.and_then(|(_, release)| deployment.memory_utilization(catalogs, release));
    Wanted {
        memory_utilization: wish
            .memory_utilization
            .or(usual)
            .unwrap_or_else(|| Wanted::default().memory_utilization),
        split: Split::of(catalogs, engine),
        states: StateRule::of(catalogs, engine, class),
        sampling: Sampling::of(catalogs, engine),
        scales: ExpertScales::of(catalogs, engine),
        ..wanted
    }
}

/// What speaks against a type that would do.
fn reservation(of: &Reservation) -> String {
    match of {
        Reservation::Format(dtype) => format!(
            "it has no bfloat16, which is the model's own format, and would calculate in {dtype}, which may overflow"
        ),
        Reservation::Tight => {
            "the estimate is too close to say whether the context fits".to_owned()
        }
        Reservation::Shorter(tokens) => {
            format!("the context is limited to {tokens} tokens, which is less than usual")
        }
        Reservation::Emulated(why) => why.clone(),
        Reservation::Host { needs, has } => format!(
            "loading the weights takes about {needs} GiB of host memory, and it has {has:.0}"
        ),
    }
}

fn sequences(deployment: &Deployment, wish: &Wish) -> u32 {
    wish.concurrency.or(deployment.sequences).unwrap_or(sizing::COMPILED_SEQUENCES)
}

fn context(deployment: &Deployment, model: Option<&Sized<'_>>, wish: &Wish) -> u64 {
    let usual = mcc_fit::usual_context(deployment.compiles());
    let own = model.and_then(|model| model.shape.max_positions).unwrap_or(usual);
    wish.context.unwrap_or_else(|| own.min(usual))
}
