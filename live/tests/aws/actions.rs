//! The list of actions, held to the calls that are made: nothing is called that no policy allows, and nothing is allowed
//! that is not called.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::reason::{Choice, Question};
use mcc_catalogs::{Ask, Catalogs, Errand};
use mcc_live::{
    ACTIONS, Hub, Network, Probe, REASONING_ALLOWS, ReasoningSettings, Settings, smart,
};
use serde_json::json;

use crate::accounts::{everything, judged, look};
use crate::regions::{all_calls, runs, settings};
use crate::standin::{Said, Standin};
use crate::usual::usual;
use crate::{images, needs};

/// What was asked, as the action that AWS's own names would give it.
fn made(standin: &Standin) -> BTreeSet<String> {
    let all = standin.all();
    all.iter().map(|(asked, _)| action(&asked.service, &asked.operation)).collect()
}

/// The action of IAM by the name of a call: the same, but for these.
fn action(service: &str, operation: &str) -> String {
    let name = match (service, operation) {
        ("s3", "ListObjectsV2") => "ListBucket",
        ("s3", "HeadObject") => "GetObject",
        ("bedrock", "Converse") => "InvokeModel",
        (_, other) => other,
    };
    format!("{service}:{name}")
}

/// Settings that lead to a stand-in.
fn surroundings(standin: &Standin) -> Settings {
    Settings {
        network: Network::default(),
        cache: None,
        catalogs: Arc::clone(Catalogs::shared()),
        hub: Hub::at("http://127.0.0.1:9").unwrap(),
        aws: settings(&standin.url, &[]),
    }
}

/// A model is asked for its opinion.
fn weighed() -> Standin {
    let standin = Standin::start(|asked| match asked.operation.as_str() {
        "GetInferenceProfile" => Said::json(&json!({
            "inferenceProfileName": "one", "inferenceProfileId": "us.publisher.one",
            "inferenceProfileArn": "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.publisher.one",
            "models": [{"modelArn": "arn:aws:bedrock:us-west-2::foundation-model/publisher.one"}],
            "status": "ACTIVE", "type": "SYSTEM_DEFINED",
        })),
        _ => Said::refused(asked, 400, "ValidationException"),
    });
    let folder = tempfile::tempdir().unwrap();
    let reasoning = ReasoningSettings {
        model: None,
        region: None,
        tokens: ReasoningSettings::TOKENS,
        folder: Some(folder.path().to_owned()),
    };
    let (_, reasoner) = smart(surroundings(&standin), Some(reasoning)).unwrap();
    let choice = |id: &str| Choice { id: id.to_owned(), facts: vec!["a fact".to_owned()] };
    let question = Question {
        tool: "recommend_instance".to_owned(),
        shortlist: vec![choice("one"), choice("two")],
        ..Question::default()
    };
    let errand = Errand::new(Duration::from_secs(20));
    let weighed = runs(async { question.put(&*reasoner.unwrap(), &errand).await });
    assert!(weighed.opinion.is_none() && weighed.note.is_some(), "{weighed:?}");
    standin
}

pub fn every_action_is_called_and_every_call_is_an_action() {
    let account = Standin::start(usual);
    look(account.address, &everything());
    // Who may not list reads the object itself.
    let unlisted = Standin::start(|asked| match asked.operation.as_str() {
        "ListObjectsV2" => Said::refused(asked, 403, "AccessDenied"),
        _ => usual(asked),
    });
    look(unlisted.address, &[Ask::Files("s3://bucket/file".parse().unwrap())]);
    let all = [account, unlisted, images::looked_at(), all_calls(), weighed()];
    judged(&all[4], "reasoning");
    let made: BTreeSet<String> = all.iter().flat_map(made).collect();
    let allowed = ACTIONS.iter().map(|action| action.allows).chain([REASONING_ALLOWS]);
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).collect();
    let unlisted: Vec<_> = made.difference(&allowed).collect();
    assert!(unlisted.is_empty(), "no policy allows {unlisted:?}");
    let idle: Vec<_> = allowed.difference(&made).collect();
    assert!(idle.is_empty(), "nothing calls {idle:?}");
    // Two calls of one action are told apart by their operations.
    for entry in ACTIONS {
        let (service, _) = entry.allows.split_once(':').unwrap();
        assert_eq!(action(service, entry.operation), entry.allows);
        let calls = all.iter().flat_map(Standin::all);
        let mut of = calls.filter(|(asked, _)| asked.service == service);
        assert!(of.any(|(asked, _)| asked.operation == entry.operation), "{entry:?}");
    }
}

pub fn each_permission_is_tried_by_a_call_of_awss_own() {
    let standin = Standin::start(|asked| {
        let missing = [asked.input.to_string(), asked.path.clone()]
            .iter()
            .any(|text| text.contains("mcc-doctor"));
        match asked.service.as_str() {
            _ if asked.operation == "ListHubContents" => usual(asked),
            "ecr" => Said::refused(asked, 400, "RepositoryNotFoundException"),
            _ if missing => Said::refused(asked, 400, "ResourceNotFoundException"),
            _ => usual(asked),
        }
    });
    let told = runs(async {
        let probe = Probe::new(&surroundings(&standin)).await.unwrap();
        probe.permissions(&"us-west-2".parse().unwrap()).await
    });
    let not: Vec<&str> =
        told.iter().filter(|(_, answer)| answer.is_err()).map(|(one, _)| one.allows).collect();
    assert_eq!(not, ["s3:ListBucket", "s3:GetObject"]);
    let tried: BTreeSet<&str> =
        told.iter().filter(|(_, answer)| answer.is_ok()).map(|(one, _)| one.allows).collect();
    assert_eq!(standin.calls().len(), tried.len(), "one call each");
    let calls = made(&standin);
    let calls: BTreeSet<&str> =
        calls.iter().map(String::as_str).filter(|one| !one.starts_with("sts:")).collect();
    assert_eq!(tried, calls);
    judged(&standin, "doctor");
}

pub fn the_documents_list_every_action() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/smart-mode.md");
    let docs = fs::read_to_string(docs).unwrap();
    let mut rows = BTreeSet::new();
    for action in ACTIONS {
        let row = format!("| `{}` | {} |", action.allows, action.why);
        assert!(docs.contains(&row), "docs/smart-mode.md lacks {row}");
        rows.insert(row);
    }
    let (_, table) = docs.split_once("| Action | To |\n").unwrap();
    let table = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    for row in table {
        assert!(rows.contains(row), "no call is {row}");
    }
}

pub fn hosts_are_those_of_the_endpoint_rules() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/oracle.py");
    let python = needs::module("botocore");
    let oracles = oracle.ancestors().nth(4).unwrap().join("tests/oracle");
    let run = Command::new(python).arg(oracle).arg(oracles).arg("--hosts-hold").output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
}
