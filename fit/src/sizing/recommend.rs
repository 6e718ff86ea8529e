//! The instance types that a model fits, cheapest first.

use std::cmp::Ordering;

use mcc_catalogs::{Catalogs, Instance, Price};

use super::choose::{COMPILED_CONTEXT, Plan, Wanted, plan};
use super::estimate::Verdict;
use super::host::HostNeeds;
use super::parallel::check_degree;
use super::row::device_of;
use super::shape::ModelShape;

/// An instance type that a model fits.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The type.
    pub instance: &'a Instance,
    /// What it costs; `None` if that is not known.
    pub price: Option<Price>,
    /// How the model is served on it.
    pub plan: Plan,
}

/// The context that a type must at least have room for, where nobody says one and the model has as much.
const USEFUL_CONTEXT: u64 = 8192;
/// Largest storage volume of an endpoint, in GB.
const MAX_VOLUME_GB: u64 = 512;

/// Types among those that `takes` allows that hold `model` as `wanted` says, with room to spare: on every
/// device, in the host's memory and on its disk. Cheapest first, types without a price last.
pub fn candidates<'a>(
    catalogs: &'a Catalogs,
    model: &ModelShape,
    wanted: &Wanted,
    needs: HostNeeds,
    takes: impl Fn(&Instance) -> bool,
) -> Vec<Candidate<'a>> {
    let mut found: Vec<Candidate<'a>> = catalogs
        .instances()
        .iter()
        .filter(|row| !row.previous_generation && takes(row))
        .filter_map(|instance| {
            let plan = fits(instance, model, wanted, needs)?;
            let price = catalogs.prices().usd_per_hour(instance.name.as_str());
            Some(Candidate { instance, price, plan })
        })
        .collect();
    found.sort_by(by_price);
    found
}

fn fits(
    instance: &Instance,
    model: &ModelShape,
    wanted: &Wanted,
    needs: HostNeeds,
) -> Option<Plan> {
    let device = device_of(instance)?;
    let disk = match instance.nvme_gb {
        0 => MAX_VOLUME_GB,
        gb => u64::from(gb),
    };
    if instance.memory_gib() < super::real(needs.memory_gib) || disk < needs.disk_gb {
        return None;
    }
    let plan = plan(model, &device, wanted);
    let least = if device.compiled { COMPILED_CONTEXT } else { USEFUL_CONTEXT };
    let useful = model.max_positions.unwrap_or(least).min(least);
    let roomy = plan.max_model_len.is_none_or(|len| len >= wanted.max_model_len.unwrap_or(useful));
    let fits = matches!(plan.sizing.verdict, Verdict::Fits | Verdict::WeightsFit)
        && plan.used_devices <= device.count
        && (device.compiled || check_degree(model, plan.serving.tensor_parallel).allowed())
        // Another number format than the model's own may overflow: nothing to choose for anybody.
        && plan.dtype_flag.is_none()
        && roomy;
    fits.then_some(plan)
}

fn by_price(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    let order = match (&a.price, &b.price) {
        (Some(a), Some(b)) => a.usd.total_cmp(&b.usd),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    order.then_with(|| a.instance.name.as_str().cmp(b.instance.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::llama_8b;
    use super::super::host::{ModelSource, host_needs};
    use super::*;

    #[test]
    fn the_cheapest_that_fits_comes_first() {
        let model = llama_8b();
        let needs = host_needs(model.weight_bytes, ModelSource::Container);
        let catalogs = Catalogs::embedded();
        let found = candidates(catalogs, &model, &Wanted::default(), needs, |i| i.hosting);
        let names: Vec<&str> = found.iter().map(|c| c.instance.name.as_str()).collect();
        assert!(names.len() > 20, "{names:?}");
        assert!(
            !names.iter().any(|n| n.contains("g4dn.xlarge")),
            "16 GiB of host, and no bfloat16"
        );
        let prices: Vec<f64> = found.iter().filter_map(|c| Some(c.price.as_ref()?.usd)).collect();
        assert!(prices.is_sorted(), "{prices:?}");
        let long = Wanted { max_model_len: Some(131_072), ..Wanted::default() };
        let roomy = candidates(catalogs, &model, &long, needs, |i| i.hosting);
        assert!(roomy.len() < found.len(), "a longer context fits fewer");
    }
}
