//! Whether a model has a place on an instance type: on its accelerators, in its memory and on its disk. The one
//! judgement behind every recommendation, comparison and automatic choice.

use mcc_catalogs::{ComputeCapability, Instance};

use crate::sizing::{
    self, COMPILED_CONTEXT, Device, GIB, HostNeeds, ModelShape, Plan, Support, Verdict, Wanted,
};

/// Context that is sized for when nobody says one and the model has as much, in tokens.
const USUAL_CONTEXT: u64 = 8192;
/// Largest storage volume of an endpoint, in GB.
const MAX_VOLUME_GB: u64 = 512;
/// Share of the budget that has to be left for a cache that nothing is known of.
const ROOM: f64 = 0.1;

/// What has to be placed, and how.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The model.
    pub model: &'a ModelShape,
    /// What is decided of how it is served.
    pub wanted: &'a Wanted,
    /// Sequences of the context at once; none if any number will do.
    pub concurrency: Option<u32>,
    /// What it takes of the host.
    pub needs: HostNeeds,
    /// The least compute capability for the model's quantization, where the engine has one.
    pub quantization_capability: Option<ComputeCapability>,
    /// Set where the type was named: then it is a place too if it only may do, with a reservation, as it is for a plan
    /// on that type. Where nobody asked for a context, one that is shorter than the usual does.
    pub named: Option<Named>,
}

/// A type that was named.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// Somebody asked for the context.
    pub context_asked: bool,
}

/// A place for a model.
#[derive(Debug, Clone)]
pub struct Found {
    /// How it is split, and what memory it takes.
    pub plan: Plan,
    /// What is missing where it is split over fewer devices.
    pub fewer: Option<Plan>,
    /// Why nobody should be given it who does not ask for it.
    pub reservations: Vec<Reservation>,
}

/// What speaks against an instance type that would do.
#[derive(Debug, Clone, PartialEq)]
pub enum Reservation {
    /// It runs in another number format than the model's own, which may overflow.
    Format(String),
    /// What is missing, or left over, is within the error of the estimate.
    Tight,
    /// Only this many tokens of context have room, which is less than usual.
    Shorter(u64),
    /// A number format is calculated with at more bits, without its speed.
    Emulated(String),
    /// The host has less memory in GiB than loading is known to take.
    Host {
        /// What it takes.
        needs: u64,
        /// What there is.
        has: f64,
    },
}

/// Why there is no place.
#[derive(Debug, Clone)]
pub enum Reason {
    /// The type has no accelerator.
    NoAccelerator,
    /// More devices are asked for than there are.
    Devices(Device),
    /// The model cannot be split over this many.
    Degree(u32, Device),
    /// No degree divides the model's heads.
    Heads(Device),
    /// The weights alone are larger, in GiB, than what all devices may use together.
    Weights {
        /// The weights.
        needs: f64,
        /// What there is.
        has: f64,
        /// The devices.
        device: Device,
    },
    /// What is missing on the largest degree that was tried.
    Memory(Box<Plan>, Device),
    /// The device does not calculate in the model's format.
    Precision(String),
    /// Weights and caches take more disk than there is, in GB.
    Disk {
        /// What they take.
        needs: u64,
        /// What there is.
        has: u64,
    },
}

/// The context that is sized for when nobody says one and the model has as much, in tokens.
pub fn usual_context(compiled: bool) -> u64 {
    if compiled { COMPILED_CONTEXT } else { USUAL_CONTEXT }
}

impl Place<'_> {
    /// The context that is sized for.
    pub fn context(&self, compiled: bool) -> u64 {
        let usual = usual_context(compiled);
        let own = self.model.max_positions.unwrap_or(usual);
        self.wanted.max_model_len.unwrap_or_else(|| own.min(usual))
    }

    /// The smallest split over the devices of `instance` that holds the context as often as wanted.
    ///
    /// # Errors
    /// Why there is none.
    pub fn on(&self, instance: &Instance) -> Result<Found, Reason> {
        let Some(device) = sizing::device_of(instance) else {
            return Err(Reason::NoAccelerator);
        };
        let disk = match instance.nvme_gb {
            0 => MAX_VOLUME_GB,
            gb => u64::from(gb),
        };
        if disk < self.needs.disk_gb {
            return Err(Reason::Disk { needs: self.needs.disk_gb, has: disk });
        }
        let dtype = self.wanted.dtype.unwrap_or(sizing::Dtype::Bfloat16);
        let least = self.model.loaded_bytes(dtype, self.wanted.in_flight.as_ref()) / GIB;
        let has = device.memory_gib * f64::from(device.count) * self.wanted.memory_utilization;
        if least > has {
            return Err(Reason::Weights { needs: least, has, device });
        }
        let mut reservations = Vec::new();
        let compiled = device.compiled;
        let (plan, fewer) = match self.split(&device) {
            Err(Reason::Memory(plan, device)) => {
                let plan = self.perhaps(plan, device)?;
                let tokens = plan.serving.max_model_len;
                if plan.sizing.verdict != Verdict::WeightsFit && tokens < self.context(compiled) {
                    reservations.push(Reservation::Shorter(tokens));
                }
                if plan.sizing.verdict != Verdict::Fits {
                    reservations.push(Reservation::Tight);
                }
                (plan, None)
            }
            found => found?,
        };
        let quantization = self.model.quantization.as_ref().or(self.wanted.in_flight.as_ref());
        let minimum = self
            .quantization_capability
            .map(|least| (u32::from(least.major), u32::from(least.minor)));
        match sizing::precision_support(&device, plan.serving.dtype, quantization, minimum) {
            Support::Missing(why) => return Err(Reason::Precision(why)),
            Support::Emulated(why) => reservations.push(Reservation::Emulated(why)),
            Support::Native | Support::Unknown => {}
        }
        reservations.extend(plan.dtype_flag.clone().map(Reservation::Format));
        let (needs, has) = (self.needs.memory_gib, instance.memory_gib());
        if has < sizing::real(needs) {
            reservations.push(Reservation::Host { needs, has });
        }
        Ok(Found { plan, fewer, reservations })
    }

    fn split(&self, device: &Device) -> Result<(Plan, Option<Plan>), Reason> {
        let groups = self.wanted.groups();
        let degrees = match self.wanted.tensor_parallel {
            Some(degree) if degree.saturating_mul(groups) > device.count => {
                return Err(Reason::Devices(device.clone()));
            }
            Some(degree) if !self.allows(degree, device) => {
                return Err(Reason::Degree(degree, device.clone()));
            }
            Some(degree) => vec![degree],
            None => sizing::degrees(self.model, device, self.wanted),
        };
        let mut last = None;
        for degree in degrees {
            let wanted = Wanted {
                tensor_parallel: Some(degree),
                max_model_len: Some(self.context(device.compiled)),
                ..self.wanted.clone()
            };
            let plan = sizing::plan(self.model, device, &wanted);
            if plan.used_devices <= device.count && self.holds(&plan) {
                return Ok((plan, last));
            }
            last = Some(plan);
        }
        Err(last.map_or_else(
            || Reason::Heads(device.clone()),
            |plan| Reason::Memory(Box::new(plan), device.clone()),
        ))
    }

    /// The place that a type has all the same that was named, where `most` is missing memory.
    fn perhaps(&self, most: Box<Plan>, device: Device) -> Result<Plan, Reason> {
        let Some(named) = self.named.filter(|_| self.concurrency.is_none()) else {
            return Err(Reason::Memory(most, device));
        };
        let context = self.wanted.max_model_len.filter(|_| named.context_asked);
        let wanted = Wanted { max_model_len: context, ..self.wanted.clone() };
        let plan = sizing::plan(self.model, &device, &wanted);
        if plan.used_devices > device.count {
            return Err(Reason::Memory(most, device));
        }
        if plan.sizing.verdict == Verdict::TooBig {
            return Err(Reason::Memory(most, device));
        }
        Ok(plan)
    }

    /// Whether the model can be split over `degree` devices: where models are compiled, heads are padded, and only some
    /// numbers of devices work together.
    fn allows(&self, degree: u32, device: &Device) -> bool {
        if device.compiled {
            device.works(degree)
        } else {
            self.wanted.check(self.model, degree).allowed()
        }
    }

    fn holds(&self, plan: &Plan) -> bool {
        let wanted = f64::from(self.concurrency.unwrap_or(1));
        match plan.sizing.verdict {
            Verdict::Fits => {
                plan.sizing.concurrent_sequences.is_none_or(|at_once| at_once >= wanted)
            }
            // Of a cache that nothing is known of, at least there has to be room for one.
            Verdict::WeightsFit => plan.sizing.kv_gib > plan.sizing.budget_gib * ROOM,
            Verdict::Tight | Verdict::TooBig => false,
        }
    }
}
