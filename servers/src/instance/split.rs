//! How a model is split over the accelerators of an instance type, and whether it fits.

use mcc_catalogs::Instance;
use mcc_fit::sizing::{self, Device, GIB, Support, Verdict, Wanted};

use super::judge::{Judge, Reason, far, near};
use crate::common::model::{Sized, rounded};

/// Share of the budget that has to be left for a cache that nothing is known of.
const ROOM: f64 = 0.1;

impl Judge<'_> {
    /// The smallest degree of tensor parallelism that holds the context as often as wanted.
    pub(super) fn sized(
        &self,
        model: &Sized<'_>,
        instance: &Instance,
        warnings: &mut Vec<String>,
    ) -> Result<(sizing::Plan, Option<String>), Reason> {
        let Some(device) = sizing::device_of(instance) else {
            return Err(far("it has no accelerator"));
        };
        let shape = &model.shape;
        let in_flight = self.wish.in_flight.as_ref();
        let available =
            device.memory_gib * f64::from(device.count) * self.wanted.memory_utilization;
        if self.least_bytes / GIB > available {
            return Err(near(format!(
                "the weights take {:.1} GiB, and its {} together may use {available:.1}",
                self.least_bytes / GIB,
                devices(&device),
            )));
        }
        let degrees = match self.wish.tensor_parallel {
            Some(degree) if degree > device.count => {
                return Err(far(format!("it has {} only", devices(&device))));
            }
            Some(degree) => vec![degree],
            None => sizing::degrees(shape, &device, 1),
        };
        let concurrency = f64::from(self.wish.concurrency.unwrap_or(1));
        let mut last: Option<sizing::Plan> = None;
        for degree in degrees {
            let wanted = Wanted { tensor_parallel: Some(degree), ..self.wanted.clone() };
            let plan = sizing::plan(shape, &device, &wanted);
            let enough =
                plan.sizing.concurrent_sequences.is_none_or(|at_once| at_once >= concurrency);
            let fits = match plan.sizing.verdict {
                Verdict::Fits => enough,
                // Of a cache that nothing is known of, at least there has to be room for one.
                Verdict::WeightsFit => plan.sizing.kv_gib > plan.sizing.budget_gib * ROOM,
                Verdict::Tight | Verdict::TooBig => false,
            };
            if fits {
                let quantization = shape.quantization.as_ref().or(in_flight);
                match sizing::precision_support(&device, plan.serving.dtype, quantization, None) {
                    Support::Missing(why) => return Err(near(why)),
                    Support::Emulated(why) => warnings.push(why),
                    Support::Native | Support::Unknown => {}
                }
                if plan.sizing.verdict == Verdict::WeightsFit {
                    warnings.push(
                        "nothing is known of this model's key-value cache, so the context is not checked"
                            .to_owned(),
                    );
                }
                let split = match (self.wish.tensor_parallel, &last) {
                    (Some(degree), _) => Some(format!("{degree}, as was asked for")),
                    (None, Some(fewer)) => Some(format!(
                        "{degree} is the fewest that hold it; on {}, {}",
                        fewer.serving.tensor_parallel,
                        self.too_small(fewer, &device)
                    )),
                    (None, None) if device.together > 1 => {
                        Some(format!("{} come together, and hold it", devices_of(degree, &device)))
                    }
                    (None, None) if device.count > 1 => Some("one holds it".to_owned()),
                    (None, None) => None,
                };
                return Ok((plan, split));
            }
            last = Some(plan);
        }
        Err(near(last.map_or_else(
            || format!("its heads do not divide over {}", devices(&device)),
            |plan| self.too_small(&plan, &device),
        )))
    }

    /// How a plan was worked out.
    pub(super) fn reasons(&self, instance: &Instance, plan: &sizing::Plan) -> Vec<String> {
        let Some((model, device)) = self.model.zip(sizing::device_of(instance)) else {
            return Vec::new();
        };
        let degree = Some(plan.serving.tensor_parallel);
        let wanted = Wanted { tensor_parallel: degree, ..self.wanted.clone() };
        plan.notes(&model.shape, &device, &wanted)
    }

    /// What is missing on the largest degree that was tried.
    fn too_small(&self, plan: &sizing::Plan, device: &Device) -> String {
        let sizing = &plan.sizing;
        let each = &device.name;
        let left = sizing.kv_gib.max(0.0);
        match (sizing.sequence_gib, sizing.concurrent_sequences) {
            (Some(sequence), Some(at_once)) if sizing.verdict == Verdict::Fits => format!(
                "{at_once:.1} sequences of {} tokens run at once ({sequence:.2} GiB each, {left:.1} GiB left), and {} are wanted",
                plan.serving.max_model_len,
                self.wish.concurrency.unwrap_or(1),
            ),
            (Some(sequence), _) if device.compiled => format!(
                "beside {:.1} GiB of weights and {:.1} GiB of overhead {left:.1} GiB are left on each {each}, and {} sequences of {} tokens take {:.1}",
                sizing.weights_gib,
                sizing.overhead_gib,
                self.compiled_sequences(),
                plan.serving.max_model_len,
                sequence * f64::from(self.compiled_sequences()),
            ),
            (Some(sequence), _) => format!(
                "beside {:.1} GiB of weights and {:.1} GiB of overhead {left:.1} GiB are left on each {each}, and {} tokens of context take {sequence:.1}",
                sizing.weights_gib, sizing.overhead_gib, plan.serving.max_model_len,
            ),
            (None, _) => format!(
                "{:.1} GiB of weights and {:.1} GiB of overhead do not fit the {:.1} GiB of each {each}",
                sizing.weights_gib, sizing.overhead_gib, sizing.budget_gib,
            ),
        }
    }

    /// Reading the weights that one token uses, at the full bandwidth of the devices.
    pub(super) fn token_floor(&self, instance: &Instance, plan: &sizing::Plan) -> Option<f64> {
        let bandwidth = f64::from(instance.accelerator()?.bandwidth_gb_s?);
        let model = self.model?;
        let active = model
            .row
            .and_then(|row| row.active_parameters)
            .map_or(1.0, |active| (real(active) / real(model.shape.parameters.max(1))).min(1.0));
        let gb = plan.sizing.weights_gib * GIB / 1e9 * active;
        Some(rounded(gb / bandwidth * 1e3))
    }
}

fn devices(device: &Device) -> String {
    devices_of(device.count, device)
}

fn devices_of(count: u32, device: &Device) -> String {
    format!("{count} {}", device.name)
}

#[expect(clippy::cast_precision_loss, reason = "no model has 2^53 parameters")]
fn real(count: u64) -> f64 {
    count as f64
}
