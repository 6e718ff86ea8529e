//! What the roles of projects may do: no more than the target needs, in this account, and never where sources are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use mcc_generator::Project;
use serde_json::{Map, Value, json};
use support::{base, object, pairs, project};

const ACCOUNT: &str = "000000000000";
const BUCKET: &str = "arn:aws:s3:::ml-container-creator-000000000000-us-east-1";

fn document(project: &Project, name: &str) -> Option<Value> {
    Some(serde_json::from_slice(&project.get(&format!("iam/{name}.json"))?.bytes).unwrap())
}

fn statements(policy: &Value) -> Vec<Value> {
    policy["Statement"].as_array().unwrap().clone()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap().to_owned()],
    }
}

/// Every config on every target, and with all that reads and writes S3.
fn all() -> Vec<(Map<String, Value>, Project)> {
    let mut all = Vec::new();
    for (config, target) in pairs() {
        let start = base(&config, &target);
        let mut more = vec![json!({})];
        match target.as_str() {
            "managed-inference" => more.push(json!({"endpointDataCapturePercent": 10})),
            "async-inference" => more.push(json!({"asyncS3OutputPath": "s3://my-results/out"})),
            "batch-transform" => more.push(json!({"batchInputPath": "s3://my-inputs/in"})),
            _ => {}
        }
        for extra in more {
            let mut inputs = start.clone();
            inputs.extend(object(extra));
            let project = project(&inputs);
            all.push((inputs, project));
        }
    }
    all
}

#[test]
fn policies_name_the_account() {
    let mut seen = 0;
    for (inputs, project) in all() {
        for name in ["execution-role-policy", "codebuild-policy"] {
            let Some(policy) = document(&project, name) else { continue };
            for statement in statements(&policy) {
                for resource in texts(&statement["Resource"]) {
                    seen += 1;
                    assert!(!resource.contains("ml-container-creator-*"), "{inputs:?}: {resource}");
                    let parts: Vec<&str> = resource.splitn(6, ':').collect();
                    let ["arn", _, service, _, account, rest] = parts.as_slice() else {
                        // What has no ARN of its own.
                        let few =
                            ["LogInToRegistry", "LogInToRegistries", "WriteMetrics", "JoinVpc"];
                        assert!(few.contains(&statement["Sid"].as_str().unwrap()), "{statement}");
                        continue;
                    };
                    if *service == "s3" {
                        let own = rest.starts_with("ml-container-creator-000000000000-");
                        let condition =
                            &statement["Condition"]["StringEquals"]["aws:ResourceAccount"];
                        assert!(
                            !own || statement["Effect"] == "Deny" || condition == ACCOUNT,
                            "{statement}"
                        );
                        continue;
                    }
                    assert!(
                        account.len() == 12 && account.chars().all(|c| c.is_ascii_digit()),
                        "{inputs:?}: {resource}"
                    );
                    assert!(*service != "ecr" || !rest.ends_with("/*"), "{resource}");
                }
            }
        }
        for name in ["execution-role-trust", "codebuild-trust"] {
            let Some(trust) = document(&project, name) else { continue };
            for statement in statements(&trust) {
                let condition = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
                assert_eq!(condition, ACCOUNT, "{trust}");
            }
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn endpoints_write_only_where_their_results_go() {
    for (inputs, project) in all() {
        let Some(policy) = document(&project, "execution-role-policy") else { continue };
        let allowed = |action: &str| -> Vec<String> {
            let all = statements(&policy).into_iter().filter(|s| s["Effect"] == "Allow");
            all.filter(|s| texts(&s["Action"]).iter().any(|a| a == action))
                .flat_map(|s| texts(&s["Resource"]))
                .collect()
        };
        let name = inputs["projectName"].as_str().map_or("example", |name| name);
        let own = |rest: &str| format!("{BUCKET}/{name}/{rest}/*");
        let wanted = match inputs["deploymentTarget"].as_str().unwrap() {
            "managed-inference" if inputs.contains_key("endpointDataCapturePercent") => {
                vec![own("data-capture")]
            }
            "managed-inference" => vec![],
            "async-inference" if inputs.contains_key("asyncS3OutputPath") => {
                vec![own("async/failure"), "arn:aws:s3:::my-results/out/*".to_owned()]
            }
            "async-inference" => vec![own("async/failure"), own("async/output")],
            "batch-transform" => vec![own("batch/output")],
            other => panic!("{other}"),
        };
        assert_eq!(allowed("s3:PutObject"), wanted, "{inputs:?}");
        for place in allowed("s3:GetObject") {
            assert!(!place.contains("_sources"), "{place}");
        }
        let denied = statements(&policy).into_iter().find(|s| s["Effect"] == "Deny").unwrap();
        assert_eq!(denied["Action"], "s3:*");
        assert_eq!(denied["Resource"], format!("{BUCKET}/_sources/*"));
    }
}

#[test]
fn builds_read_their_own_sources_only() {
    for (inputs, project) in all() {
        let Some(policy) = document(&project, "codebuild-policy") else { continue };
        let name = inputs["projectName"].as_str().map_or("example", |name| name);
        let reads = statements(&policy);
        let reads =
            reads.iter().filter(|s| texts(&s["Action"]).iter().any(|a| a == "s3:GetObject"));
        let places: Vec<String> = reads.flat_map(|s| texts(&s["Resource"])).collect();
        assert_eq!(places, [format!("{BUCKET}/_sources/{name}/*")]);
        for lists in statements(&policy).iter().filter(|s| s["Action"] == "s3:ListBucket") {
            let prefix = &lists["Condition"]["StringLike"]["s3:prefix"];
            assert_eq!(*prefix, format!("_sources/{name}/*"));
        }
        let writes = statements(&policy)
            .iter()
            .any(|s| texts(&s["Action"]).iter().any(|a| a.starts_with("s3:Put") || a == "s3:*"));
        assert!(!writes, "{policy}");
    }
}
