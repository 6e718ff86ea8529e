//! The tools through a real client: every answer is held against its schema and against its text.

use std::fs;

use serde_json::{Value, json};

use super::SERVER;
use crate::mcp::testing::Peer;

fn inputs() -> Value {
    json!({
        "projectName": "churn",
        "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference",
        "framework": "sklearn",
    })
}

fn with(mut base: Value, more: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    base
}

#[tokio::test]
async fn what_is_listed_can_be_planned() {
    let peer = Peer::new(&SERVER, &[]).await;
    let listed = peer.succeeds("list_deployments", json!({})).await;
    let names = |key: &str| -> Vec<String> {
        let all = listed[key].as_array().unwrap();
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    for config in names("deploymentConfigs") {
        for target in names("deploymentTargets") {
            let pair = json!({"deploymentConfig": config, "deploymentTarget": target});
            let plan = peer.succeeds("plan_project", pair.clone()).await;
            assert_ne!(plan["status"], "refused", "{config} on {target}: {plan:#}");
            let full =
                peer.succeeds("list_deployments", with(pair, json!({"detail": "full"}))).await;
            assert_eq!(full["deploymentConfigs"].as_array().unwrap().len(), 1);
            let keys: Vec<&Value> =
                full["inputs"].as_array().unwrap().iter().map(|input| &input["key"]).collect();
            for question in plan["questions"].as_array().into_iter().flatten() {
                assert!(keys.contains(&&question["key"]), "{question} on {config}/{target}");
            }
        }
    }
    let (error, failed) =
        peer.call("list_deployments", json!({"deploymentConfig": "http-flsk"})).await;
    assert!(failed);
    assert_eq!(error["error"]["problems"][0]["choices"][0], "http-flask");
}

#[tokio::test]
async fn a_plan_says_what_is_missing_wrong_and_decided() {
    let peer = Peer::new(&SERVER, &[]).await;
    let nothing = peer.succeeds("plan_project", json!({})).await;
    assert_eq!(nothing["status"], "needs_input");
    let plan = peer.succeeds("plan_project", inputs()).await;
    assert_eq!(plan["status"], "ready", "{plan:#}");
    assert!(plan.get("fileDetails").is_none());
    let full = peer.succeeds("plan_project", with(inputs(), json!({"detail": "full"}))).await;
    assert!(full["inputs"].as_array().unwrap().len() > plan["inputs"].as_array().unwrap().len());
    assert_eq!(full["fileDetails"].as_array().unwrap().len(), plan["fileCount"]);
    assert!(plan["decisions"]["framework"].as_str().unwrap().starts_with("scikit-learn "));
    for (key, value) in [
        ("instanceType", json!("g5.xlrge")),
        ("workers", json!(1000)),
        ("tags", json!("x")),
        ("noSuchInput", json!(1)),
        ("hfToken", json!("x")),
        ("includeSample", json!("perhaps")),
        ("projectName", json!("../../etc")),
    ] {
        let (answer, failed) = peer.call("plan_project", with(inputs(), json!({key: value}))).await;
        assert!(!failed, "{answer:#}");
        assert_eq!(answer["status"], "refused", "{key}: {answer:#}");
        let first = &answer["findings"][0];
        assert_eq!(first["severity"], "error");
        assert_eq!(first["field"], key, "{answer:#}");
        let (_, failed) = peer.call("generate_project", with(inputs(), json!({key: value}))).await;
        assert!(failed, "{key}");
    }
    assert_eq!(nothing["questions"][0]["key"], "modelName", "{nothing:#}");
    let derived = peer.succeeds("plan_project", with(inputs(), json!({"projectName": null}))).await;
    let name = derived["inputs"].as_array().unwrap().iter().find(|one| one["key"] == "projectName");
    let name = name.unwrap();
    assert_eq!(
        (&name["value"], &name["source"]),
        (&json!("sklearn-sample"), &json!("derived from framework"))
    );
    assert!(
        derived["nextSteps"][1].as_str().unwrap().starts_with("cd sklearn-sample"),
        "{derived:#}"
    );
    assert_eq!(
        peer.fails("plan_project", with(inputs(), json!({"detail": "all"}))).await,
        "invalid_arguments"
    );
}

#[tokio::test]
async fn a_project_is_written_once_updated_and_checked() {
    let place = tempfile::tempdir().unwrap();
    let peer = Peer::new(&SERVER, &[place.path()]).await;
    let written = peer.succeeds("generate_project", inputs()).await;
    assert_eq!(written["status"], "written");
    let folder = place.path().join("churn");
    assert!(folder.join("do/deploy").exists());

    assert_eq!(peer.fails("generate_project", inputs()).await, "folder_not_empty");
    let update = with(inputs(), json!({"onExisting": "update"}));
    assert_eq!(peer.succeeds("generate_project", update.clone()).await["status"], "unchanged");

    let check = json!({"directory": "churn", "detail": "full"});
    assert_eq!(peer.succeeds("check_project", check.clone()).await["status"], "ok");
    fs::write(folder.join("Dockerfile"), "mine").unwrap();
    let drifted = peer.succeeds("check_project", check.clone()).await;
    assert_eq!(drifted["status"], "drifted");
    assert_eq!(drifted["drift"][0]["path"], "Dockerfile");
    assert_eq!(drifted["drift"][0]["edited"], true);
    assert_eq!(peer.fails("generate_project", update).await, "edited_files");
    let forced =
        peer.succeeds("generate_project", with(inputs(), json!({"onExisting": "force"}))).await;
    assert_eq!(forced["kept"], json!(["Dockerfile"]));
    assert_eq!(fs::read_to_string(folder.join("Dockerfile.orig")).unwrap(), "mine");

    fs::create_dir(place.path().join("other")).unwrap();
    fs::write(place.path().join("other/file"), "x").unwrap();
    let other = with(inputs(), json!({"outputDirectory": "other", "onExisting": "force"}));
    assert_eq!(peer.fails("generate_project", other).await, "folder_not_empty");
    assert_eq!(peer.fails("check_project", json!({"directory": "other"})).await, "not_a_project");
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_outside_the_roots_is_written_or_shown() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "the secret text").unwrap();
    let place = tempfile::tempdir().unwrap();
    let peer = Peer::new(&SERVER, &[place.path()]).await;
    symlink(outside.path(), place.path().join("link")).unwrap();
    let out = outside.path().join("p").to_str().unwrap().to_owned();
    for escape in ["../p", "link/p", "link", ".", "a/../../p", "/p", out.as_str(), "p\0"] {
        let arguments = with(inputs(), json!({"outputDirectory": escape, "onExisting": "force"}));
        assert_eq!(peer.fails("generate_project", arguments).await, "outside_roots", "{escape:?}");
        if escape != "." {
            let arguments = json!({"directory": escape});
            assert_eq!(peer.fails("check_project", arguments).await, "outside_roots", "{escape:?}");
        }
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);

    // A project whose parts lead elsewhere is not followed there.
    peer.succeeds("generate_project", inputs()).await;
    let folder = place.path().join("churn");
    fs::remove_file(folder.join("README.md")).unwrap();
    symlink(outside.path().join("secret"), folder.join("README.md")).unwrap();
    let (checked, _) =
        peer.call("check_project", json!({"directory": "churn", "detail": "full"})).await;
    assert!(!checked.to_string().contains("the secret text"), "{checked:#}");
    let update = with(inputs(), json!({"onExisting": "force"}));
    let forced = peer.succeeds("generate_project", update).await;
    assert_eq!(forced["kept"], json!(["README.md"]));
    assert!(folder.join("README.md.orig").is_symlink() && !folder.join("README.md").is_symlink());
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "the secret text");
}

#[tokio::test]
async fn without_roots_a_project_travels_in_answers_and_arguments() {
    let peer = Peer::new(&SERVER, &[]).await;
    let mut files = serde_json::Map::new();
    let mut arguments = inputs();
    let all = loop {
        let page = peer.succeeds("generate_project", arguments.clone()).await;
        for file in page["contents"].as_array().unwrap() {
            assert_eq!(file["encoding"], "utf-8");
            files.insert(file["path"].as_str().unwrap().to_owned(), file["content"].clone());
        }
        match page.get("nextCursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => break page["fileCount"].clone(),
        }
    };
    assert_eq!(json!(files.len()), all);
    let sound = peer.succeeds("check_project", json!({ "files": files })).await;
    assert_eq!(sound["status"], "ok", "{sound:#}");
    files["Dockerfile"] = json!("mine");
    let drifted = peer.succeeds("check_project", json!({ "files": files })).await;
    assert_eq!(drifted["drift"][0]["path"], "Dockerfile");

    assert_eq!(peer.fails("check_project", json!({"files": {"a": "b"}})).await, "not_a_project");
    assert_eq!(peer.fails("check_project", json!({"directory": "x"})).await, "no_disk_access");
    assert_eq!(peer.fails("check_project", json!({})).await, "invalid_arguments");
    let bad = with(inputs(), json!({"cursor": "nowhere"}));
    assert_eq!(peer.fails("generate_project", bad).await, "invalid_arguments");
    let directory = with(inputs(), json!({"returnAs": "directory"}));
    assert_eq!(peer.fails("generate_project", directory).await, "no_disk_access");
}

#[tokio::test]
async fn every_rule_can_be_explained() {
    let peer = Peer::new(&SERVER, &[]).await;
    let all = peer.succeeds("explain_rule", json!({})).await;
    for rule in all["rules"].as_array().unwrap() {
        let one = peer.succeeds("explain_rule", json!({"rule": rule["rule"]})).await;
        assert_eq!(one["rules"], json!([rule]));
    }
    assert_eq!(peer.fails("explain_rule", json!({"rule": "MCC-XXX-999"})).await, "unknown_rule");
}

#[test]
fn files_of_projects_are_read_below_the_roots_only() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    std::fs::create_dir_all(root.join("churn/.mcc")).unwrap();
    std::fs::write(root.join("churn").join(mcc_generator::SAVED_INPUTS), "{}").unwrap();
    std::fs::write(root.join("churn/README.md"), "hello").unwrap();
    std::fs::write(root.join("churn/model.bin"), [0xff, 0xfe]).unwrap();
    std::fs::write(root.join("churn/big"), vec![b'x'; crate::mcp::resource::MAX_BYTES + 1])
        .unwrap();
    std::fs::write(root.join("churn/.env"), "TOKEN=secret").unwrap();
    std::fs::write(root.join("stray"), "not of a project").unwrap();
    std::fs::write(place.path().join("secret"), "outside").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path().join("secret"), root.join("churn/link")).unwrap();
    let context = crate::mcp::server::Context {
        roots: crate::mcp::roots::Roots::new(std::slice::from_ref(&root)).unwrap().into(),
        ..Default::default()
    };
    let read = |path: &str| {
        let uri = format!("mcc://projects/{path}");
        crate::mcp::resource::read(SERVER.resources(), &context, &uri)
            .map(|found| serde_json::to_value(found).unwrap())
            .map_err(|error| error.message.into_owned())
    };
    let found = read("churn/README.md").unwrap();
    assert_eq!(found["contents"][0]["text"], "hello");
    assert_eq!((&found["ttlMs"], &found["cacheScope"]), (&json!(0), &json!("private")));
    assert_eq!(read("churn/model.bin").unwrap()["contents"][0]["blob"], "//4=");
    for (path, says) in [
        ("churn/link", "a symbolic link"),
        ("churn/../../secret", "out of the project"),
        ("churn/%2e%2e/%2e%2e/secret", "out of the project"),
        ("churn//etc/passwd", "out of the project"),
        ("churn/.env", "begin with a dot"),
        ("churn/.git/config", "begin with a dot"),
        ("churn/do/../.env", "out of the project"),
        ("churn/do/.mcc/x", "begin with a dot"),
        ("churn/big", "256 KiB"),
        ("churn/none", "no such file"),
        ("churn/.mcc", "a folder"),
        ("chrn/README.md", "there is churn"),
        ("%2e%2e/secret", "no project"),
        ("stray/x", "no project"),
    ] {
        let error = read(path).unwrap_err();
        assert!(error.contains(says), "{path}: {error}");
    }
    let template = SERVER.resources().find(|one| one.name == "project-file").unwrap();
    let mut given = crate::mcp::parameter::Given::new();
    let offered = |at: usize, given: &crate::mcp::parameter::Given| {
        template.parameters[at].values.unwrap()(&context, given)
    };
    assert_eq!(offered(0, &given), ["churn"]);
    given.insert("project".to_owned(), "churn".to_owned());
    assert_eq!(offered(1, &given), [".mcc/inputs.json", "README.md", "big", "model.bin"]);
}

/// Most tokens of a plan without findings, as text and as structure.
const PLAN_TOKENS: (usize, usize) = (600, 900);
/// The same for each finding, beside its own message and fix.
const FINDING_TOKENS: usize = 60;

/// Tokens of `o200k_base`.
fn tokens(text: &str) -> usize {
    bpe_openai::o200k_base().count(text)
}

#[tokio::test]
async fn a_plan_is_short() {
    let peer = Peer::new(&SERVER, &[]).await;
    for arguments in [
        json!({"framework": "sklearn"}),
        json!({"modelName": "Qwen/Qwen3-8B"}),
        json!({"modelName": "Qwen/Qwen3-8B", "deploymentTarget": "async-inference", "autoscalingMin": 0, "autoscalingMax": 2}),
        json!({"modelName": "meta-llama/Llama-3.1-70B-Instruct", "hfTokenArn":
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf"}),
        json!({"modelName": "Qwen/Qwen3-8B", "hyperpodCluster": "research", "region": "eu-west-1",
            "instanceType": "ml.g6e.2xlarge"}),
        json!({"deploymentConfig": "triton-onnxruntime", "deploymentTarget": "batch-transform"}),
        json!({"modelName": "black-forest-labs/FLUX.2-klein-4B", "deploymentTarget": "async-inference"}),
    ] {
        let call = arguments.as_object().unwrap().clone();
        let (text, structure) = peer.said("plan_project", call).await;
        assert_eq!(structure["status"], "ready", "{structure:#}");
        let findings = structure["findings"].as_array().unwrap();
        let said: usize = findings
            .iter()
            .map(|finding| {
                let words = |key: &str| tokens(finding[key].as_str().unwrap_or_default());
                FINDING_TOKENS + words("message") + words("fix")
            })
            .sum();
        let data =
            |finding: &Value| finding.get("fixes").map_or(0, |fixes| tokens(&fixes.to_string()));
        let fixes: usize = findings.iter().map(data).sum();
        let json = structure.to_string();
        let (words, members) = (tokens(&text), tokens(&json));
        assert!(words <= PLAN_TOKENS.0 + said, "{arguments}: {words} tokens\n{text}");
        assert!(members <= PLAN_TOKENS.1 + said + fixes, "{arguments}: {members} tokens\n{json}");
    }
}
