//! `describe_model`: what a model is, what serves it and what has to be set.

use mcc_catalogs::{
    Access, Catalogs, GatedFrom, HubAddress, InstanceType, Model, Resource, Support,
};
use mcc_fit::sizing::{self, ModelShape};
use mcc_fit::{Against, Asked, Purpose, against_task};
use mcc_generator::{reasons, registry};
use serde_json::json;

use crate::common::asks;
use crate::common::deployment;
use crate::common::model::{FILE_ARGUMENTS, ModelArguments, Sized, gib, rounded, settings};
use crate::common::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};
use crate::model::answers::{DescribeAnswer, Kind, ServedAnswer, Status, VariantAnswer};
use crate::model::place::{self, Place};

pub(super) const TOOL: Tool = Tool {
    name: "describe_model",
    title: "Describe a model",
    description: "Says what is known of one model: sizes, weights and key-value cache, licence and whether a token is \
                  needed, which deployment configs serve it from which version on, what has to be set and why, the same \
                  model in other precisions, where it is known to run. Takes a Hugging Face or JumpStart id, an s3:// \
                  address, a path or an ARN; or modelConfig for a model that the catalog lacks.",
    effect: Effect::Reads,
    file_arguments: FILE_ARGUMENTS,
    input: schema::input::<ModelArguments>,
    output: schema::output::<DescribeAnswer>,
    asks: Some(asks::of_models),
    waits: server::never,
    weighs: false,
    run: describe,
};

/// Contexts that the cache is shown for, in tokens.
const CONTEXTS: [u64; 4] = [1024, 8192, 32_768, 131_072];

fn describe(call: Call) -> Result<Reply, ToolError> {
    let mut arguments: ModelArguments = arguments::read(TOOL.input, call.arguments)?;
    if let Some(page) = arguments.model_name.as_deref().and_then(HubAddress::of) {
        arguments.model_name = Some(page.model.to_string());
    }
    let catalogs = call.context.catalogs();
    let described = arguments.model_config.is_some() || arguments.parameters.is_some();
    let name = arguments.model_name.clone().unwrap_or_default();
    let place = arguments.model_name.as_deref().map(place::of);
    let answer = match place {
        Some(Place::Unclear(reason)) if !described => {
            return Err(unclear(&name, &reason, catalogs));
        }
        Some(place) if place != Place::Hub && !described => elsewhere(&place, &name, catalogs),
        _ => known(&arguments.sized(&call.context)?, described, catalogs),
    };
    let answer = DescribeAnswer { mode: call.standing.mode(), ..answer };
    let text = text(&answer);
    Ok(Reply::answer(answer, text))
}

fn unclear(name: &str, reason: &str, catalogs: &Catalogs) -> ToolError {
    let near = catalogs.models().nearest(name).into_iter().map(str::to_owned).collect();
    ToolError::of(
        "unknown_model",
        Problem { why: Some(reason.to_owned()), ..Problem::of("modelName", "this names no model") }
            .value(&name.into())
            .fix("give owner/name as on Hugging Face (search_models finds it), an s3:// address, or modelConfig")
            .choices(near),
    )
}

fn empty(kind: Kind, summary: String) -> DescribeAnswer {
    DescribeAnswer {
        status: Status::Ok,
        summary,
        mode: String::new(),
        kind,
        model: None,
        task: None,
        purpose: None,
        license: None,
        gated: None,
        gated_inferred: false,
        released: None,
        kv_cache_gib: JsonObject::new(),
        served_by: Vec::new(),
        settings: Vec::new(),
        variants: Vec::new(),
        evidence: Vec::new(),
        notes: Vec::new(),
        next_steps: Vec::new(),
    }
}

/// A model that is not on Hugging Face: recognised, with what is known of a package.
fn elsewhere(place: &Place, name: &str, catalogs: &Catalogs) -> DescribeAnswer {
    let config =
        "add modelConfig with the text of the model's config.json, so that it can be sized";
    match place {
        Place::S3Prefix => {
            let mut answer =
                empty(Kind::S3Prefix, "The files of a model below an S3 address.".to_owned());
            answer.notes = targets(
                |manifest| manifest.s3_prefix_models != Some(false),
                "takes a prefix",
                "takes only one .tar.gz archive",
            );
            answer.next_steps = vec![config.to_owned()];
            answer
        }
        Place::S3Archive => {
            let mut answer = empty(Kind::S3Archive, "One archive with a model in S3.".to_owned());
            answer.notes = vec!["an archive is unpacked before the container starts, which takes long for large models; a prefix does not".to_owned()];
            answer.next_steps = vec![config.to_owned()];
            answer
        }
        Place::ModelPackage => {
            let mut answer = empty(
                Kind::ModelPackage,
                "A model package of the SageMaker model registry.".to_owned(),
            );
            answer.notes = package(name, catalogs);
            answer.next_steps = vec![
                "call plan_project of the generate-project server with the ARN as modelName"
                    .to_owned(),
            ];
            answer
        }
        Place::Registry => {
            let mut answer = empty(
                Kind::Registry,
                "An address of another tool's registry or marketplace.".to_owned(),
            );
            answer.notes = vec!["projects are not made from these addresses".to_owned()];
            answer.next_steps =
                vec!["give the s3:// address or the Hugging Face id of the model".to_owned()];
            answer
        }
        Place::Hub | Place::Path | Place::Unclear(_) => {
            let mut answer = empty(Kind::LocalPath, "A path on this machine.".to_owned());
            answer.notes = vec!["configs that pack the model in the image take it as modelPath; language models are fetched from Hugging Face or S3".to_owned()];
            answer.next_steps = vec!["for a predictive model call plan_project with modelPath and framework; for a language model copy it to S3 and give that address as modelName".to_owned()];
            answer
        }
    }
}

/// What is known of a package of the model registry.
fn package(name: &str, catalogs: &Catalogs) -> Vec<String> {
    let Some(found) = catalogs.resources().named(name) else {
        return vec![
            "what it has is read in smart mode; otherwise give the ModelDataUrl that `aws sagemaker describe-model-package` says as modelName".to_owned(),
        ];
    };
    let Resource::Package { version, approval, status, image, model, framework, types, .. } = found
    else {
        return vec!["SageMaker's model registry has no such package".to_owned()];
    };
    let types: Vec<&str> = types.iter().take(8).map(InstanceType::as_str).collect();
    let told = [
        version.as_ref().map(|arn| format!("of the group this is {arn}")),
        approval.as_ref().map(|approval| format!("it is {approval}")),
        Some(format!("SageMaker says that it is {status}")),
        model.as_ref().map(|address| format!("its model is at {address}")),
        image.as_ref().map(|image| format!("it was registered with the image {image}")),
        framework.as_ref().map(|framework| format!("its model is one of {framework}")),
        (!types.is_empty()).then(|| format!("it names the instance types {}", types.join(", "))),
    ];
    told.into_iter().flatten().collect()
}

/// What each target says to a model of a certain form.
fn targets(takes: impl Fn(&mcc_generator::Manifest) -> bool, yes: &str, no: &str) -> Vec<String> {
    registry()
        .targets()
        .iter()
        .filter_map(|name| {
            let layer = registry().layer(&format!("targets/{name}"))?;
            let what = if takes(&layer.manifest) { yes } else { no };
            Some(format!("{name} {what}"))
        })
        .collect()
}

fn known(sized: &Sized<'_>, described: bool, catalogs: &Catalogs) -> DescribeAnswer {
    let kind = if described { Kind::Described } else { Kind::HuggingFace };
    let mut answer = empty(kind, summary(sized));
    let shape = &sized.shape;
    answer.model = Some(sized.answer());
    for tokens in CONTEXTS {
        let within =
            shape.max_positions.is_none_or(|most| tokens <= most) && !shape.keeps_nothing();
        if let Some(bytes) = cache_bytes(sized, tokens).filter(|_| within) {
            answer.kv_cache_gib.insert(tokens.to_string(), json!(rounded(gib(bytes))));
        }
    }
    let purpose = sized.purpose(catalogs);
    answer.purpose = purpose.map(|purpose| reasons::makes(purpose.task).to_owned());
    answer.served_by = served_by(shape, purpose, catalogs);
    // What certainly serves it first.
    answer.served_by.sort_by_key(|served| served.support != "supported");
    answer.settings = settings(sized, catalogs);
    if let Some(row) = sized.row {
        answer.task.clone_from(&row.task);
        answer.license.clone_from(&row.license);
        answer.gated = row.gated;
        answer.gated_inferred = row.gated_from == Some(GatedFrom::Publisher);
        answer.released.clone_from(&row.released);
        answer.variants = variants(row);
        answer.evidence = evidence(row, catalogs);
        if row.architecture_derived {
            answer.notes.push("its architecture is that of models of the same type, not read from its own config.json".to_owned());
        }
    }
    if let Some(row) = sized.row {
        answer.notes.extend(looked(row, catalogs));
    }
    answer.notes.extend(sized.caution());
    let unusable = sized.row.and_then(|row| reasons::unusable_config(catalogs, row));
    if let Some(why) = unusable {
        answer.notes.push(why);
    } else if shape.cache.is_none() {
        answer.notes.push(
            "nothing is known of its key-value cache; modelConfig with its config.json tells"
                .to_owned(),
        );
    }
    if shape.parameters_computed {
        answer
            .notes
            .push("the number of parameters is calculated from the sizes of its layers".to_owned());
    }
    answer.next_steps = vec!["call recommend_instance of the instance server with the same arguments, then plan_project of the generate-project server".to_owned()];
    answer
}

/// What was looked up of a model, and what it says that no other field has.
fn looked(row: &Model, catalogs: &Catalogs) -> Vec<String> {
    let mut notes: Vec<String> =
        row.only.map(reasons::only).map(str::to_owned).into_iter().collect();
    let Some(origin) = catalogs.models().origin(row.id.as_str()) else { return notes };
    let (Some(source), Some(as_of)) = (origin.live(), origin.as_of()) else { return notes };
    let read = format!("read live from {source} on {as_of}");
    notes.push(match &row.revision {
        Some(commit) => format!(
            "{read} at commit {commit}: a project serves that commit unless modelRevision names another"
        ),
        None => format!("{read}; which commit that was is not known"),
    });
    if row.gated_from == Some(GatedFrom::Private) {
        notes.push("it is private on the hub, not gated: no licence has to be accepted there, and a container needs a token".to_owned());
    }
    if let Some(access) = row.access.filter(|_| row.gated == Some(true)) {
        notes.push(match access {
            Access::Granted => "the user of the token that looked may fetch its files".to_owned(),
            Access::Denied => format!(
                "the user of the token that looked may not fetch its files: accept the licence on https://huggingface.co/{}",
                row.id
            ),
            Access::NoToken => "there was no token to try whether its files can be fetched".to_owned(),
        });
    }
    notes.extend(
        row.file_bytes.map(|bytes| format!("all of its files take {} GiB", rounded(gib(bytes)))),
    );
    notes.extend(
        row.tokenizer_limit.map(|most| format!("its tokenizer takes texts of up to {most} tokens")),
    );
    notes.extend(
        row.image_pixels
            .map(|most| format!("its processor makes images of more than {most} pixels smaller")),
    );
    notes
}

fn summary(sized: &Sized<'_>) -> String {
    let shape = &sized.shape;
    let format = shape
        .quantization
        .as_ref()
        .map_or_else(|| shape.dtype.name().to_owned(), |quantization| quantization.method.clone());
    format!(
        "{}: {} parameters, {} GiB of weights in {format}.",
        sized.name,
        shape.parameters,
        rounded(gib(shape.weight_bytes))
    )
}

/// Bytes that one sequence keeps over all devices.
fn cache_bytes(sized: &Sized<'_>, tokens: u64) -> Option<u64> {
    let cache = sized.shape.cache?;
    let windowed = cache.windowed_token_bytes * tokens.min(cache.window);
    Some(cache.token_bytes.saturating_mul(tokens) + windowed + cache.state_bytes)
}

fn served_by(
    shape: &ModelShape,
    purpose: Option<Purpose>,
    catalogs: &Catalogs,
) -> Vec<ServedAnswer> {
    let Some(class) = shape.architecture.as_deref() else {
        return Vec::new();
    };
    deployment::configs()
        .into_iter()
        .filter_map(|config| {
            deployment::named(config, None)
                .ok()
                .filter(|found| found.hub && (found.has_context() || shape.max_positions.is_none()))
        })
        .flat_map(|deployment| {
            let elsewhere = mcc_generator::elsewhere(&deployment);
            [deployment].into_iter().chain(elsewhere)
        })
        .filter_map(|deployment| {
            let engine = deployment.engine.as_deref()?;
            let asked = Asked { class: Some(class.to_owned()), purpose, ..Asked::default() };
            let chosen = deployment
                .image(catalogs, &asked, mcc_catalogs::Arch::X86_64)
                // Some images have other engines too, and of those a release is no answer.
                .filter(|image| image.engine == deployment.engine)?;
            let image = chosen.engine_version.as_deref()?;
            let support = catalogs.engines().supports(engine, image, class);
            // Where a config runs besides is worth a line only if it does; what is quantized and what embeds runs on
            // GPUs alone.
            let besides = deployment.compiles();
            let task = against_task(&deployment, Some(&chosen.version), purpose);
            let task = task.filter(Against::refuses);
            let not_there = shape.quantization.is_some() || task.is_some();
            if besides && (support != Support::Supported || not_there) {
                return None;
            }
            let (word, message) = match &support {
                _ if task.is_some() => {
                    let words = task.map(|task| reasons::against(engine, image, class, &task));
                    ("unsupported", words.unwrap_or_default())
                }
                Support::Supported if besides => (
                    "supported",
                    format!(
                        "{engine} {image} of its image for {} serves {class}",
                        deployment::runs_on_what(&deployment)
                    ),
                ),
                Support::Supported => {
                    ("supported", format!("{engine} {image} of its image serves {class}"))
                }
                Support::Absent => (
                    "unsupported",
                    format!("{class} is none of the classes that {engine} {image} serves"),
                ),
                Support::TooOld { first } => (
                    "too_old",
                    format!("{class} came with {engine} {first}; its image has {image}"),
                ),
                Support::Dropped { last } => (
                    "dropped",
                    format!("{engine} {last} was the last with {class}; its image has {image}"),
                ),
                Support::Unknown => {
                    ("unknown", format!("whether {engine} {image} serves {class} is not known"))
                }
            };
            Some(ServedAnswer {
                deployment_config: deployment.config.clone(),
                engine: format!("{engine} {image}"),
                support: word.to_owned(),
                message,
            })
        })
        .collect()
}

fn variants(row: &Model) -> Vec<VariantAnswer> {
    row.variants
        .iter()
        .map(|variant| VariantAnswer {
            name: variant.id.to_string(),
            precision: variant.precision.clone(),
            weights_gib: variant
                .precision
                .as_deref()
                .and_then(|precision| sizing::variant_shape(row, precision))
                .map(|shape| rounded(gib(shape.weight_bytes))),
        })
        .collect()
}

/// The most lines of evidence in one answer.
const EVIDENCE: usize = 5;

fn evidence(row: &Model, catalogs: &Catalogs) -> Vec<String> {
    let fits = catalogs.evidence().known_fits().filter(|fit| fit.id.as_ref() == Some(&row.id)).map(
        |fit| {
            let degree =
                fit.tensor_parallel.map_or_else(String::new, |d| format!(", tensor parallel {d}"));
            let context = fit.max_model_len.map_or_else(String::new, |c| format!(", context {c}"));
            format!(
                "AWS's own tests serve it with {} on {}{degree}{context}",
                fit.engine, fit.instance
            )
        },
    );
    let measured = catalogs
        .evidence()
        .measured()
        .filter(|point| point.base.as_ref() == Some(&row.id))
        .filter_map(|point| {
            let weights = point.weights_gib_per_gpu?;
            let gpu = point.gpu.as_deref().unwrap_or("GPU");
            Some(format!(
                "a public log of {} shows {weights} GiB of weights on each of {} {gpu}",
                point.engine, point.tp
            ))
        });
    fits.chain(measured).take(EVIDENCE).collect()
}

fn text(answer: &DescribeAnswer) -> String {
    let mut facts = Vec::new();
    if let Some(model) = &answer.model {
        facts.push(format!("name {}, sizes from {}", model.name, model.basis));
        facts.extend(model.architecture.as_ref().map(|class| format!("architecture {class}")));
        facts.extend(model.active_parameters.map(|count| format!("{count} active parameters")));
        facts.extend(model.max_positions.map(|tokens| format!("context up to {tokens} tokens")));
        facts.extend(model.attention.as_ref().map(|kind| format!("attention {kind}")));
        facts.extend(
            model.kv_bytes_per_token.map(|bytes| format!("{bytes} bytes of cache per token")),
        );
    }
    facts.extend(answer.purpose.as_ref().map(|what| format!("for {what}")));
    facts.extend(answer.task.as_ref().map(|task| format!("task {task} on the hub")));
    facts.extend(answer.license.as_ref().map(|license| format!("licence {license}")));
    facts.extend(answer.gated.map(|gated| {
        let how = if answer.gated_inferred { " (inferred from its publisher)" } else { "" };
        format!("{}{how}", if gated { "needs a token" } else { "needs no token" })
    }));
    facts.extend(answer.released.as_ref().map(|date| format!("released {date}")));
    Text::new(&answer.summary)
        .list("Facts", facts)
        .list(
            "Key-value cache of one sequence, GiB by tokens",
            answer.kv_cache_gib.iter().map(|(tokens, gib)| format!("{tokens}: {gib}")),
        )
        .list(
            "Served by",
            answer
                .served_by
                .iter()
                .map(|row| format!("{} ({}): {}", row.deployment_config, row.support, row.message)),
        )
        .list("Set", answer.settings.iter().map(|row| format!("{}: {}", row.key, row.reason)))
        .list(
            "In other precisions",
            answer.variants.iter().map(|row| {
                let precision = row.precision.as_deref().unwrap_or("precision not known");
                let gib = row.weights_gib.map_or_else(String::new, |gib| format!(", {gib} GiB"));
                format!("{}: {precision}{gib}", row.name)
            }),
        )
        .list("Evidence", &answer.evidence)
        .list("Notes", &answer.notes)
        .list("Next", &answer.next_steps)
        .done()
}
