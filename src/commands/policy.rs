//! `mcc policy`: what an account has to allow.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use mcc_catalogs::Region;
use serde_json::{Map, Value, json};

use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("policy")
        .about("Print the IAM policy that smart mode needs, as JSON")
        .arg(Arg::new("FOR").required(true).value_parser(["smart"]).help("What the policy is for"))
        .arg(
            Arg::new("reasoning")
                .long("reasoning")
                .action(ArgAction::SetTrue)
                .help("Also allow calls to Bedrock's models, for --reasoning bedrock"),
        )
        .arg(
            Arg::new("region")
                .long("region")
                .value_name("REGION")
                .value_parser(|text: &str| {
                    text.parse::<Region>().map_err(|error| error.to_string())
                })
                .help("Allow only this Region, where a policy can express that [default: all]"),
        )
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let region = matches.get_one::<Region>("region").map(Region::as_str);
    output::json(&policy(allowed(matches.get_flag("reasoning")), region));
    Ok(Exit::Done)
}

/// What is called, for opinions of language models as well or without.
fn allowed(reasoning: bool) -> impl Iterator<Item = &'static str> {
    let called =
        mcc_live::ACTIONS.iter().filter(move |action| reasoning || !action.is_of_reasoning());
    let also = reasoning.then_some(mcc_live::REASONING_ALLOWS);
    called.map(|action| action.allows).chain(also)
}

/// Services that have no Regions, or are asked in one of their own.
const EVERYWHERE: [&str; 2] = ["sts", "pricing"];

/// Actions that IAM lets a policy name the resources of, by what they begin with; `{region}` is the Region. All others
/// take every resource. A test holds all of it to AWS's service authorization reference.
const RESOURCES: &[(&str, &[&str])] = &[
    (
        "bedrock:InvokeModel",
        &[
            "arn:*:bedrock:*::foundation-model/*",
            "arn:*:bedrock:{region}:*:inference-profile/*",
            "arn:*:bedrock:{region}:*:application-inference-profile/*",
        ],
    ),
    ("bedrock:GetFoundationModel", &["arn:*:bedrock:{region}::foundation-model/*"]),
    (
        "bedrock:GetInferenceProfile",
        &[
            "arn:*:bedrock:{region}:*:inference-profile/*",
            "arn:*:bedrock:{region}:*:application-inference-profile/*",
        ],
    ),
    ("ecr:", &["arn:*:ecr:{region}:*:repository/*"]),
    ("eks:DescribeAddon", &["arn:*:eks:{region}:*:addon/*"]),
    ("eks:DescribeCluster", &["arn:*:eks:{region}:*:cluster/*"]),
    ("s3:GetObject", &["arn:*:s3:::*/*"]),
    ("s3:ListBucket", &["arn:*:s3:::*"]),
    ("sagemaker:DescribeCluster", &["arn:*:sagemaker:{region}:*:cluster/*"]),
    ("sagemaker:DescribeEndpointConfig", &["arn:*:sagemaker:{region}:*:endpoint-config/*"]),
    ("sagemaker:DescribeEndpoint", &["arn:*:sagemaker:{region}:*:endpoint/*"]),
    // JumpStart is a hub of AWS's own, and no other is asked.
    (
        "sagemaker:DescribeHubContent",
        &[
            "arn:*:sagemaker:{region}:aws:hub/SageMakerPublicHub",
            "arn:*:sagemaker:{region}:aws:hub-content/SageMakerPublicHub/Model/*",
        ],
    ),
    ("sagemaker:DescribeModelPackage", &["arn:*:sagemaker:{region}:*:model-package/*"]),
    ("sagemaker:ListClusterNodes", &["arn:*:sagemaker:{region}:*:cluster/*"]),
    ("sagemaker:ListHubContents", &["arn:*:sagemaker:{region}:aws:hub/SageMakerPublicHub"]),
    ("secretsmanager:DescribeSecret", &["arn:*:secretsmanager:{region}:*:secret:*"]),
];

/// The policy that allows `actions` and nothing else: a statement for each set of resources.
fn policy<'a>(actions: impl Iterator<Item = &'a str>, region: Option<&str>) -> Value {
    let mut by_resources: BTreeMap<(Vec<String>, bool), Vec<&str>> = BTreeMap::new();
    for action in actions {
        let named = RESOURCES.iter().find(|(begin, _)| {
            *begin == action || (begin.ends_with(':') && action.starts_with(begin))
        });
        let patterns = named.map_or(&["*"][..], |(_, resources)| *resources);
        let service = action.split(':').next().unwrap_or_default();
        // What its resources say of the Region needs no condition; buckets do not say it.
        let says = patterns.iter().any(|resource| resource.contains("{region}"));
        let limited = !says && !EVERYWHERE.contains(&service);
        let resources = patterns.iter().map(|one| one.replace("{region}", region.unwrap_or("*")));
        let resources: Vec<String> = resources.collect();
        let known = by_resources.entry((resources, limited)).or_default();
        if !known.contains(&action) {
            known.push(action);
        }
    }
    let statements = by_resources.into_iter().map(|((resources, limited), mut actions)| {
        actions.sort_unstable();
        let mut statement = Map::new();
        statement.insert("Effect".to_owned(), json!("Allow"));
        statement.insert("Action".to_owned(), json!(actions));
        statement.insert("Resource".to_owned(), json!(resources));
        if let Some(region) = region.filter(|_| limited) {
            let condition = json!({"StringEquals": {"aws:RequestedRegion": region}});
            statement.insert("Condition".to_owned(), condition);
        }
        Value::Object(statement)
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_policy_allows_what_is_called_and_nothing_else() {
        for (region, reasoning) in [(None, true), (Some("eu-west-1"), false)] {
            let called: BTreeSet<&str> = allowed(reasoning).collect();
            assert_eq!(called.iter().any(|action| action.starts_with("bedrock:")), reasoning);
            let policy = policy(allowed(reasoning), region);
            let statements = policy["Statement"].as_array().unwrap();
            let actions = statements.iter().flat_map(|one| one["Action"].as_array().unwrap());
            let allowed: Vec<&str> = actions.map(|action| action.as_str().unwrap()).collect();
            assert_eq!(allowed.len(), called.len(), "one of them twice");
            assert!(allowed.iter().all(|action| !action.contains('*')), "{policy:#}");
            assert_eq!(allowed.into_iter().collect::<BTreeSet<_>>(), called);
        }
    }

    #[test]
    fn a_region_is_the_only_one() {
        let actions = [
            "sagemaker:ListClusters",
            "sagemaker:DescribeCluster",
            "sts:GetCallerIdentity",
            "s3:ListBucket",
        ];
        let policy = policy(actions.into_iter(), Some("eu-west-1"));
        let of = |action: &str| {
            let all = policy["Statement"].as_array().unwrap();
            all.iter().find(|one| one["Action"].to_string().contains(action)).unwrap().clone()
        };
        assert_eq!(
            of("ListClusters")["Condition"]["StringEquals"]["aws:RequestedRegion"],
            "eu-west-1"
        );
        assert_eq!(
            of("DescribeCluster")["Resource"],
            json!(["arn:*:sagemaker:eu-west-1:*:cluster/*"])
        );
        assert!(of("GetCallerIdentity").get("Condition").is_none());
        // Names of buckets say nothing of a Region.
        assert_eq!(of("ListBucket")["Condition"], of("ListClusters")["Condition"]);
    }

    #[test]
    fn bedrock_is_allowed_for_models_and_profiles_alone() {
        let policy = policy([mcc_live::REASONING_ALLOWS].into_iter(), Some("eu-west-1"));
        let resources = policy["Statement"][0]["Resource"].as_array().unwrap();
        assert_eq!(resources.len(), 3);
        // A profile leads to models of other Regions.
        assert_eq!(resources[0], "arn:*:bedrock:*::foundation-model/*");
    }
}
