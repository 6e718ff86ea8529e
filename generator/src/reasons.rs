//! What `mcc_fit` says of images and releases, in words. The rules and the servers say it alike.

use mcc_catalogs::{
    Catalogs, GpuLimit, ImageTokens, Instance, Model, Only, QuotaRow, QuotaUse, Support, Task,
};
use mcc_fit::sizing::TooLong;
use mcc_fit::{Against, ImageReason};

/// A type whose accelerator nothing uses.
pub fn idle_accelerator(instance: &Instance) -> String {
    let name = instance.accelerator().map_or("accelerator", |own| own.name.as_str());
    format!(
        "it runs on the processor of {}, whose {name} stays idle and is paid for",
        instance.name
    )
}

/// A type whose processors are lent for a while only.
pub fn burstable() -> &'static str {
    "it is burstable: its processors work in full only while it has CPU credits, which steady requests use up"
}

/// What an account may use a type for.
fn used_for(quota: &QuotaRow) -> &'static str {
    match quota.used_for {
        QuotaUse::Endpoint => "endpoints",
        QuotaUse::Transform => "transform jobs",
        QuotaUse::Cluster => "clusters",
    }
}

/// That a quota leaves no room for `instances` more.
pub fn quota(quota: &QuotaRow, instances: u32) -> String {
    let (what, region, limit) = (used_for(quota), &quota.region, quota.limit);
    match (limit, quota.in_use) {
        (0, _) => format!("the account's quota of it for {what} in {region} is 0"),
        (_, Some(used)) if limit >= instances => {
            let least = if quota.at_least { "at least " } else { "" };
            let are = if used == 1 { "is" } else { "are" };
            format!(
                "the account may use {limit} of it for {what} in {region}, and {least}{used} {are} in use"
            )
        }
        _ => {
            let are = if instances == 1 { "is" } else { "are" };
            format!(
                "the account may use {limit} of it for {what} in {region}, and {instances} {are} needed"
            )
        }
    }
}

/// How to get a quota of `instances`.
pub fn more_quota(quota: &QuotaRow, instances: u32) -> String {
    let (region, what, name) = (&quota.region, used_for(quota), &quota.name);
    match &quota.code {
        Some(code) => format!(
            "ask for more: aws service-quotas request-service-quota-increase --service-code sagemaker \
             --quota-code {code} --desired-value {instances} --region {region}"
        ),
        None => format!(
            "ask for {instances} or more in Service Quotas of {region}: Amazon SageMaker, {name} for {what}"
        ),
    }
}

/// What a repository has in place of a model.
pub fn only(only: Only) -> &'static str {
    match only {
        Only::Gguf => "its repository has files of llama.cpp (GGUF) alone, which no config loads",
        Only::Adapter => {
            "its repository has an adapter and no model, which no config loads by itself"
        }
    }
}

/// That a look-up read the config.json of a model, and what of it is of no use; none where all is, and of a row of the
/// catalog, which has no more of the file than sizing reads.
pub fn unusable_config(catalogs: &Catalogs, row: &Model) -> Option<String> {
    let origin = catalogs.models().origin(row.id.as_str())?;
    let (source, as_of) = (origin.live()?, origin.as_of()?);
    let error = mcc_fit::sizing::unusable_config(row)?;
    Some(format!("its config.json was read from {source} on {as_of}, and cannot be used ({error})"))
}

/// Why an image does not run on an instance type.
pub fn image_reason(reason: &ImageReason) -> String {
    match reason {
        ImageReason::Kind { made_for, device } => {
            format!("the image is made for {made_for}, and the instance type has {device}")
        }
        ImageReason::Capability { device, has, needs } => format!(
            "{device} has compute capability {has}, and the image is compiled for {needs} and up"
        ),
        ImageReason::Kernels { device, has, limit } => {
            format!("{device} has compute capability {has}; {}", gpu_limit(limit))
        }
        ImageReason::CudaDropped { device, has, least, cuda } => format!(
            "{device} has compute capability {has}, and CUDA {cuda} of the image supports {least} and up"
        ),
        ImageReason::Cuda { device, needs, has } => {
            format!("{device} needs CUDA {needs}, and the image has {has}")
        }
        ImageReason::Driver { device, needs, has } => {
            format!("{device} needs driver {needs}, and its host image has {has}")
        }
        ImageReason::NoHost { cuda } => {
            format!("no host image has a driver for the image's CUDA {cuda}")
        }
        ImageReason::DriverDropped { device, last, has } => {
            format!(
                "driver {last} is the last that supports {device}, and its host image has {has}"
            )
        }
    }
}

/// What is known of the GPUs of an engine.
pub fn gpu_limit(limit: &GpuLimit) -> String {
    let what = match (&limit.what, limit.classes.as_slice()) {
        (Some(what), _) => format!(" for {what}"),
        (None, []) => String::new(),
        (None, classes) => format!(" for {}", classes.join(", ")),
    };
    let without = match limit.without.as_slice() {
        [] => String::new(),
        majors => {
            let majors: Vec<String> = majors.iter().map(|major| format!("{major}.x")).collect();
            format!(", without {}", majors.join(", "))
        }
    };
    format!("{} has kernels{what} from {} on{without}", limit.engine, limit.least)
}

/// That an engine does not start with a context of `tokens`, which is longer than the model's own.
pub fn too_long(engine: &str, tokens: u64, found: TooLong) -> String {
    format!(
        "a context of {tokens} tokens, and the model has {} by its configuration: {engine} does not start with that",
        found.longest
    )
}

/// What models for a task make.
pub fn makes(task: Task) -> &'static str {
    match task {
        Task::Generate => "text generation",
        Task::Embed => "embeddings",
        Task::Rerank => "re-ranking",
        Task::Classify => "classification",
        Task::Transcribe => "transcripts of speech",
        Task::Image => "images",
        Task::Video => "videos",
    }
}

/// What speaks against the release of an engine.
pub fn against(engine: &str, release: &str, class: &str, against: &Against<'_>) -> String {
    match against {
        Against::Class(Support::TooOld { first }) => {
            format!("{class} came with {engine} {first}, and the image has {release}")
        }
        Against::Class(Support::Dropped { last }) => {
            format!("{engine} {last} was the last with {class}, and the image has {release}")
        }
        Against::Class(Support::Absent) => {
            format!("{class} is none of the classes that {engine} {release} serves")
        }
        Against::Class(Support::Supported | Support::Unknown) | Against::Unknown => {
            format!("whether {engine} {release} serves {class} is not known")
        }
        Against::Recipe(least) => {
            format!("the model's own recipe asks for {engine} {least}, and the image has {release}")
        }
        Against::Pair(pair) => format!("{engine} {release} {}", pair.what),
        Against::Task(purpose) => {
            format!("the model is for {}, which this config does not serve", makes(purpose.task))
        }
        Against::TaskFrom(task, first) => {
            format!("this config serves {} from version {first} of its image on", makes(*task))
        }
    }
}

/// Pixels of a usual photo, to show what they come to.
const PHOTO: u64 = 12_000_000;

/// That an image can be longer than a context of `tokens`.
pub fn long_image(images: &ImageTokens, tokens: u64) -> String {
    format!(
        "an image can be {} tokens by the model's own limit (about {} for 12 megapixels), and the context has {tokens}",
        images.most(),
        images.of(PHOTO),
    )
}

/// What to do about it; `option` is the engine's for the size of images.
pub(crate) fn fewer_pixels(images: &ImageTokens, tokens: u64, option: Option<&str>) -> String {
    // Half of the context for an image leaves the other for the text and the answer.
    let longer = format!("give maxModelLen {} or more", images.most().next_power_of_two() * 2);
    match option {
        Some(option) => format!(
            "give {option} {{\"max_pixels\": {}}} in engineArgs, so that an image is at most {} tokens, or {longer}",
            images.pixels(tokens / 2),
            tokens / 2,
        ),
        None => format!("send smaller images, or {longer}"),
    }
}
