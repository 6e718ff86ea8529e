//! Rules about what an account has under the addresses that inputs name: the model's files in S3, the token's secret.

use mcc_catalogs::Resource;
use mcc_fit::{StoredFault, stored_fault, stored_only};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::resolve::Context;
use crate::spec::Spec;

const NOTHING: &str = "MCC-MDL-008";
const LACKS: &str = "MCC-MDL-009";
const PACKAGE: &str = "MCC-MDL-011";
const SECRET: &str = "MCC-SEC-003";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: NOTHING,
        severity: Severity::Error,
        title: "there is nothing at the model's address in S3",
        why: "the container starts without a model and ends, or the service refuses the model",
        source: "a list of the bucket, in smart mode; resources.json of --catalogs",
        check: Some(nothing),
    },
    Rule {
        id: LACKS,
        severity: Severity::Warning,
        title: "the files in S3 are not all of a model",
        why: "an engine reads config.json and the weights from the same folder, and ends where one of them is missing",
        source: "a list of the bucket, in smart mode; resources.json of --catalogs",
        check: Some(lacks),
    },
    Rule {
        id: crate::package::REFUSED,
        severity: Severity::Error,
        title: "the model package cannot be deployed",
        why: "a project serves the files that a package names in S3, and these must be known, be there, and be of a kind \
              that is read from S3",
        source: "SageMaker's DescribeModelPackage, in smart mode; resources.json of --catalogs",
        check: None,
    },
    Rule {
        id: PACKAGE,
        severity: Severity::Warning,
        title: "the model package is not approved, or says something else than the project",
        why: "who registers a model approves it before it is deployed; and a project serves one container on the types \
              that the package was made for",
        source: "SageMaker's DescribeModelPackage, in smart mode; resources.json of --catalogs",
        check: Some(package),
    },
    Rule {
        id: SECRET,
        severity: Severity::Error,
        title: "the secret of the hub's token is not there",
        why: "the container reads the token when it starts, and a secret that is to be deleted cannot be read",
        source: "Secrets Manager, in smart mode; resources.json of --catalogs",
        check: Some(secret),
    },
];

/// What is wrong with what was found at the model's address in S3.
fn fault(context: &Context<'_>) -> Option<StoredFault> {
    context.stored().and_then(stored_fault)
}

/// Whether the model's address in S3 is known to have nothing.
pub(super) fn has_nothing(context: &Context<'_>) -> bool {
    fault(context) == Some(StoredFault::Nothing)
}

fn nothing(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let address = spec.model.s3_uri.as_deref().filter(|_| has_nothing(context));
    let Some(address) = address else { return };
    let message = format!("there is nothing at {}", crate::finding::shorten(address));
    let fix = "check the address, and that the account and its Region are the right ones; or copy the model there";
    findings.push(context.merged.about("modelName", Finding::error(NOTHING, message, fix)));
}

fn lacks(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(address) = spec.model.s3_uri.as_deref() else { return };
    // What is there in place of a model is told by another rule.
    if context.stored().and_then(stored_only).is_some() {
        return;
    }
    let all = "copy all files of the model's repository there";
    let (message, fix) = match fault(context) {
        Some(StoredFault::Config) => (
            "there is no config.json among the files at the address".to_owned(),
            format!("{all}, config.json included; or give the folder that has it"),
        ),
        Some(StoredFault::Weights) => (
            "there are no weights among the files at the address".to_owned(),
            format!("{all}, or give the folder that has them"),
        ),
        Some(StoredFault::Parts(lacking, of)) => {
            (format!("{lacking} of the {of} files of the weights are not there"), all.to_owned())
        }
        Some(StoredFault::OneFile) => {
            let folder = address.rsplit_once('/').map_or(address, |(folder, _)| folder);
            let folder = crate::finding::shorten(folder);
            (
                "the address is that of one file, and the model is read from a folder".to_owned(),
                format!("give the folder of the model's files: {folder}/ if that is it"),
            )
        }
        Some(StoredFault::Nothing) | None => return,
    };
    findings.push(context.merged.about("modelName", Finding::warning(LACKS, message, fix)));
}

fn package(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(arn) = crate::package::given(context.merged) else { return };
    let found = context.catalogs.resources().named(arn.as_str());
    let Some(Resource::Package { version, approval, status, image, types, containers, .. }) = found
    else {
        return;
    };
    let mut tell = |severity, message: String, fix: Fixes| {
        let finding = Finding::new(PACKAGE, severity, message, fix);
        findings.push(context.merged.about("modelName", finding));
    };
    let read = version.as_ref().unwrap_or(&arn);
    if version.is_some() {
        let fix = format!("give modelName {read} to stay with it");
        tell(Severity::Note, format!("of the group, {read} is deployed"), fix.into());
    }
    if let Some(approval) = approval.as_deref().filter(|approval| *approval != "Approved") {
        let fix = format!(
            "have it approved: aws sagemaker update-model-package --model-package-arn {read} --model-approval-status Approved"
        );
        tell(
            Severity::Warning,
            format!("the model package is {approval}, not Approved"),
            fix.into(),
        );
    }
    if status != "Completed" {
        let fix =
            format!("see why: aws sagemaker describe-model-package --model-package-name {read}");
        tell(
            Severity::Warning,
            format!("SageMaker says that the model package is {status}"),
            fix.into(),
        );
    }
    if *containers > 1 {
        let fix = "deploy a package of one container, or know that the others are left out";
        let message =
            format!("the model package has {containers} containers, and the first is deployed");
        tell(Severity::Warning, message, fix.into());
    }
    if let Some(kind) = spec.instance.kind.as_deref()
        && !types.is_empty()
        && !types.iter().any(|own| own.as_str() == kind)
    {
        let named: Vec<String> = types.iter().take(8).map(ToString::to_string).collect();
        let message = format!("the model package does not name {kind} among its instance types");
        let fix = Fix::choose("instanceType", named)
            .or(Fix::say("try it: the project brings its own image"));
        tell(Severity::Warning, message, fix);
    }
    if let Some(image) = image
        && context.inputs.base_image.as_deref() != Some(image.as_str())
    {
        let message = format!(
            "the image of the model package, {}, is not used: the project builds its own",
            crate::finding::shorten(image.as_str())
        );
        tell(
            Severity::Note,
            message,
            "compare the versions of both if the model is not served".into(),
        );
    }
}

fn secret(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let arn = context.inputs.hf_token_arn.as_deref().filter(|_| spec.model.source == "hub");
    let resources = context.catalogs.resources();
    let Some((arn, found)) = arn.and_then(|arn| Some((arn, resources.named(arn)?))) else { return };
    let (message, fix) = match found {
        Resource::Missing => (
            "Secrets Manager has no such secret",
            "check the ARN, its account and its Region included".to_owned(),
        ),
        Resource::Secret { deleted: true, .. } => (
            "the secret is to be deleted, and cannot be read until it is restored",
            format!("aws secretsmanager restore-secret --secret-id {arn}"),
        ),
        Resource::Secret { .. } | Resource::Package { .. } => return,
    };
    let region = spec.aws.region.as_str();
    let others = resources.tokens(region).map(|secret| secret.arn.to_string());
    let others: Vec<String> = others.filter(|other| other != arn).collect();
    let other = (!others.is_empty()).then(|| {
        let named = "by its name it could be a token; nobody looked into it";
        Fix::choose("hfTokenArn", others).and(Fix::say(named))
    });
    let fixes = Fixes::from(Fix::say(fix)).or(other.unwrap_or_default());
    let fixes = fixes.or(Fix::unset("hfTokenArn"));
    findings.push(context.merged.about("hfTokenArn", Finding::error(SECRET, message, fixes)));
}
