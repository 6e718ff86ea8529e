//! How a model is split over the accelerators of an instance type, and what is missing where it has no place, in words.

use mcc_catalogs::Instance;
use mcc_fit::sizing::{self, Device, GIB, Verdict, Wanted};
use mcc_fit::{Found, Place, Reason as NoPlace};

use super::judge::{Judge, Reason, far, near};
use crate::common::model::rounded;

impl Judge<'_> {
    /// Where the model has its place on `instance`, and why it is split over that many.
    pub(super) fn sized(
        &self,
        place: &Place<'_>,
        instance: &Instance,
        warnings: &mut Vec<String>,
    ) -> Result<(Found, Option<String>), Reason> {
        let found = place.on(instance).map_err(|reason| self.no_place(&reason))?;
        if found.plan.sizing.verdict == Verdict::WeightsFit {
            warnings.push(
                "nothing is known of this model's key-value cache, so the context is not checked"
                    .to_owned(),
            );
        }
        let degree = found.plan.serving.tensor_parallel;
        let device = sizing::device_of(instance);
        let split = device.and_then(|device| match (self.wish.tensor_parallel, &found.fewer) {
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
        });
        Ok((found, split))
    }

    fn no_place(&self, reason: &NoPlace) -> Reason {
        match reason {
            NoPlace::NoAccelerator => far("it has no accelerator"),
            NoPlace::Devices(device) => far(format!("it has {} only", devices(device))),
            NoPlace::Degree(degree, _) => far(format!("the model cannot be split over {degree}")),
            NoPlace::Heads(device) => {
                near(format!("its heads do not divide over {}", devices(device)))
            }
            NoPlace::Weights { needs, has, device } => near(format!(
                "the weights take {needs:.1} GiB, and its {} together may use {has:.1}",
                devices(device),
            )),
            NoPlace::Memory(plan, device) => near(self.too_small(plan, device)),
            NoPlace::Precision(why) => near(why),
            NoPlace::Disk { needs, has } => {
                near(format!("weights and caches take {needs} GB of disk, and it has {has}"))
            }
        }
    }

    /// How a plan was worked out.
    pub(super) fn reasons(&self, instance: &Instance, plan: &sizing::Plan) -> Vec<String> {
        let Some((model, device)) = self.model.zip(sizing::device_of(instance)) else {
            return Vec::new();
        };
        let degree = Some(plan.serving.tensor_parallel);
        let image = self.choice.on(instance.arch, Some(instance));
        let wanted = Wanted { tensor_parallel: degree, ..self.wanted_of(image) };
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
