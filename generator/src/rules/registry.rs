//! Rules about the registry of an image that was given.

use mcc_catalogs::{ImageUri, Inspected, Misplaced};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::resolve::Context;
use crate::spec::Spec;

const ID: &str = "MCC-IMG-045";

const MISSING: &str = "MCC-IMG-046";
const PROCESSOR: &str = "MCC-IMG-047";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: ID,
        severity: Severity::Error,
        title: "the image's registry cannot be used from the project's Region, or does not exist",
        why: "an account and its credentials are of one partition only, each partition has host names of its own, and AWS publishes \
          its images in other accounts from Region to Region: the build cannot pull the image that it starts from",
        source: "sagemaker-core 2.27.0, image configuration (catalogs/data/registries.json); botocore 1.44.5, partitions \
             (catalogs/data/regions.json); AWS Fault Isolation Boundaries, Partitions",
        check: Some(misplaced),
    },
    Rule {
        id: MISSING,
        severity: Severity::Error,
        title: "the registry does not have the image that was given",
        why: "the build starts from the image, and fails where the registry has no such repository, tag or digest",
        source: "the image's registry, in smart mode; resources.json of --catalogs",
        check: Some(missing),
    },
    Rule {
        id: PROCESSOR,
        severity: Severity::Error,
        title: "the image that was given is for other processors than the instance has",
        why: "a container starts only on processors of the architecture that it is built for",
        source: "the image's manifest, from its registry, in smart mode; resources.json of --catalogs",
        check: Some(processor),
    },
];

fn misplaced(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let given = context.inputs.base_image.as_deref();
    let Some(image) = given.and_then(|given| given.parse::<ImageUri>().ok()) else { return };
    let (regions, registries) = (context.catalogs.regions(), context.catalogs.registries());
    let from = spec.aws.region.as_str();
    let Some((why, right)) = registries.misplaced(&image, from, regions) else { return };
    let (account, region) = image.ecr().unwrap_or_default();
    let (partition, suffix) = regions
        .get(region)
        .map_or(("", ""), |row| (row.partition.as_str(), row.dns_suffix.as_str()));
    let known = (!right.is_empty()).then(|| Fix::choose("baseImage", right.clone()));
    // An account that is not AWS's is the user's own, which is of the partition that the address says.
    let moved = why == Misplaced::Abroad && right.is_empty();
    let moved = moved.then(|| {
        Fix::set("region", region).or(Fix::say(format!("push a copy to a registry in {from}")))
    });
    let fixes = Fixes::from(known).or(moved.unwrap_or_default()).or(Fix::unset("baseImage"));
    let finding = match why {
        Misplaced::Abroad => Finding::error(
            ID,
            format!(
                "the image is in {region}, of partition {partition}, where credentials of {}, the partition of {from}, are \
                 not valid",
                spec.aws.partition
            ),
            fixes,
        ),
        Misplaced::Suffix => {
            Finding::error(ID, format!("hosts of registries in {region} end in {suffix}"), fixes)
        }
        Misplaced::Partition => Finding::error(
            ID,
            format!("{account} is an account of AWS's in another partition than {region}"),
            fixes,
        ),
        // Whether the account has the repository there as well, nobody has read.
        Misplaced::Account => Finding::warning(
            ID,
            format!("in {region} AWS publishes its images in another account than {account}"),
            fixes,
        ),
    };
    findings.push(context.merged.about("baseImage", finding));
}

/// What is known of the given image from its registry.
fn inspected<'a>(context: &'a Context<'_>) -> Option<&'a Inspected> {
    context.catalogs.resources().image(context.inputs.base_image.as_deref()?)
}

fn missing(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let Some(found) = inspected(context).filter(|found| !found.exists) else { return };
    let image = &found.image;
    let source = context.catalogs.resources().origin_of_image(image.as_str()).live();
    let name = image.host().map_or_else(
        || image.repository().to_owned(),
        |host| format!("{host}/{}", image.repository()),
    );
    let others: Vec<String> = found.like.iter().map(|tag| format!("{name}:{tag}")).collect();
    let fixes = (!others.is_empty()).then(|| Fix::choose("baseImage", others.clone()));
    let message = format!("{} does not have this image", source.unwrap_or("its registry"));
    let fixes = Fixes::from(fixes).or(Fix::unset("baseImage"));
    let finding = Finding::error(MISSING, message, fixes).choices(others);
    findings.push(context.merged.about("baseImage", finding));
}

fn processor(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(found) = inspected(context).filter(|found| found.exists) else { return };
    let Some(row) = context.row_of(&spec.instance) else { return };
    if found.platforms.is_empty() || found.arch.contains(&row.arch) {
        return;
    }
    let message = format!(
        "the image is for {}, and {} has {} processors",
        found.platforms.join(", "),
        row.name,
        row.arch
    );
    let fixes = Fixes::from(Fix::unset("baseImage"))
        .or(format!("give an image for {} as baseImage", row.arch.platform()));
    let finding = Finding::error(PROCESSOR, message, fixes);
    findings.push(context.merged.about("baseImage", finding));
}
