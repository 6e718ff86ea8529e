//! What the rules about memory say of diffusion pipelines.

use crate::finding::Finding;
use crate::resolve::Context;
use mcc_fit::sizing::Plan;

/// What a pipeline takes, whose parts are all on the device.
pub(super) fn parts(plan: &Plan, device: &str) -> String {
    format!(
        "{}, beside which a request takes about {:.1} GiB",
        super::memory::weights(plan, device).replacen(
            "the weights",
            "the parts of the pipeline",
            1
        ),
        plan.sizing.overhead_gib
    )
}

/// A pipeline may take several times the memory of what denoises in it.
pub(super) fn unknown(context: &Context<'_>) -> Finding {
    let finding = Finding::warning(
        "MCC-MDL-001",
        "the sizes of this pipeline's parts are not known, so whether it fits was not checked",
        "give an instanceType with more GPU memory than all its files at 16 bits together and 6 GiB, and look at do/logs \
         after the first start",
    );
    let name = context.inputs.model_name.as_deref().unwrap_or_default();
    let known = context.catalogs.pipelines().iter().map(|row| row.id.as_str());
    let nearest = mcc_catalogs::nearest(name, known, 3).into_iter().map(str::to_owned);
    context.merged.about("modelName", finding.choices(nearest))
}
