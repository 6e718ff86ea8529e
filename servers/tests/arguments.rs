//! One reader for all tools: what is left out in whatever form is left out, and what has the right meaning in
//! another form is taken as in the right one; what has not is refused by its name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

struct Tool {
    name: String,
    properties: Object,
    required: Vec<String>,
}

fn tools() -> Vec<Tool> {
    let listed = mcc_servers::tool_schemas(mcc_servers::all().name).unwrap();
    let one = |tool: &Value| Tool {
        name: tool["name"].as_str().unwrap().to_owned(),
        properties: tool["inputSchema"]["properties"].as_object().unwrap().clone(),
        required: tool["inputSchema"]["required"]
            .as_array()
            .map(|names| names.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
            .unwrap_or_default(),
    };
    listed.as_array().unwrap().iter().map(one).collect()
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

/// A call that every tool answers without an error.
fn base(tool: &Tool) -> Object {
    object(match tool.name.as_str() {
        "search_models" => json!({"query": "qwen"}),
        "describe_model" | "recommend_instance" => json!({"modelName": "Qwen/Qwen3-8B"}),
        "compare_instances" => {
            json!({"modelName": "Qwen/Qwen3-8B", "instanceTypes": ["ml.g5.2xlarge"]})
        }
        "fit_hyperpod" => json!({
            "modelName": "Qwen/Qwen3-8B",
            "nodeGroups": [{"instanceType": "ml.g5.2xlarge", "count": 1}],
        }),
        "recommend_image" => json!({"deploymentConfig": "transformers-vllm"}),
        "plan_project" | "generate_project" => json!({
            "projectName": "churn", "deploymentConfig": "http-flask", "framework": "sklearn",
        }),
        "explain_rule" => json!({"rule": "MCC-INP-001"}),
        _ => json!({}),
    })
}

fn call(runtime: &tokio::runtime::Runtime, tool: &str, arguments: &Object) -> Value {
    runtime.block_on(mcc_servers::call(tool, arguments.clone())).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Everything that an answer says is wrong with `field`.
fn problems(answer: &Value, field: &str) -> Vec<Value> {
    let all = [&answer["error"]["problems"], &answer["findings"]];
    let all = all.into_iter().filter_map(Value::as_array).flatten();
    all.filter(|problem| {
        let own = problem["field"].as_str().unwrap_or_default();
        own == field
            || own.starts_with(&format!("{field}."))
            || own.starts_with(&format!("{field}["))
    })
    .filter(|problem| problem["severity"].as_str().is_none_or(|severity| severity == "error"))
    .cloned()
    .collect()
}

#[test]
fn null_and_nothing_are_the_same_as_left_out() {
    let runtime = runtime();
    let tools = tools();
    assert!(tools.len() >= 14, "{}", tools.len());
    for tool in &tools {
        let base = base(tool);
        let without = call(&runtime, &tool.name, &base);
        if tool.name != "check_project" {
            assert_ne!(without["status"], "error", "{}: {without:#}", tool.name);
        }
        let optional: Vec<&String> =
            tool.properties.keys().filter(|name| !base.contains_key(*name)).collect();
        for nothing in [Value::Null, json!("")] {
            let mut all = base.clone();
            for name in &optional {
                let mut one = base.clone();
                one.insert((*name).clone(), nothing.clone());
                all.insert((*name).clone(), nothing.clone());
                let answer = call(&runtime, &tool.name, &one);
                if tool.required.contains(name) {
                    let found = problems(&answer, name);
                    assert_eq!(found[0]["message"], "it is required", "{} {name}", tool.name);
                } else {
                    assert_eq!(answer, without, "{} {name} = {nothing}", tool.name);
                }
            }
            assert_eq!(call(&runtime, &tool.name, &all), without, "{}: all {nothing}", tool.name);
        }
        for name in &tool.required {
            let mut one = base.clone();
            one.insert(name.clone(), Value::Null);
            let answer = call(&runtime, &tool.name, &one);
            assert_eq!(problems(&answer, name)[0]["message"], "it is required", "{}", tool.name);
        }
    }
}

/// A right value of a property in its own form, the same in other forms, and values that are none.
fn forms(name: &str, schema: &Value) -> (Value, Vec<Value>, Vec<Value>) {
    let text = |value: &Value| json!(value.to_string());
    let wrong_numbers = vec![json!("many"), json!([1, 2]), json!({"a": 1}), json!(true)];
    match schema["type"].as_str().unwrap() {
        "string" => match schema["enum"].as_array() {
            Some(words) => {
                let word = words[0].as_str().unwrap();
                let loud = json!(word.to_uppercase());
                (json!(word), vec![loud], vec![json!("zzzz"), json!(1), json!(true)])
            }
            // The file of a model is as good as its text.
            None if name == "modelConfig" => {
                (json!("text"), vec![], vec![json!(123), json!(true), json!(["text"])])
            }
            // A text stays as it is, and nothing becomes one.
            None => (
                json!("text"),
                vec![],
                vec![json!(123), json!(true), json!(["text"]), json!({"a": 1})],
            ),
        },
        "integer" => {
            let low = schema["minimum"].as_i64().unwrap_or(0).max(1);
            let whole = json!(low);
            let others = vec![
                json!(format!("{low}.0").parse::<f64>().unwrap()),
                text(&whole),
                json!(format!(" {low} ")),
            ];
            let mut wrong = wrong_numbers;
            wrong.push(json!(low.to_string() + ".5"));
            (whole, others, wrong)
        }
        "number" => {
            let low = schema["minimum"].as_f64().unwrap_or(0.0).max(0.5);
            let number = json!(low);
            (number.clone(), vec![text(&number)], wrong_numbers)
        }
        "boolean" => {
            let others = vec![json!("true"), json!("True")];
            (json!(true), others, vec![json!("maybe"), json!(2), json!([true, false]), json!({})])
        }
        "array" if schema["items"]["type"] == "object" => {
            let right = json!([{"instanceType": "ml.g5.2xlarge", "count": 1}]);
            let others = vec![
                right[0].clone(),
                text(&right),
                text(&right[0]),
                json!([{"instanceType": "ml.g5.2xlarge", "count": "1"}]),
                json!([{"instanceType": "ml.g5.2xlarge", "count": 1.0}, null]),
            ];
            (right, others, vec![json!(1), json!("ml.g5.2xlarge"), json!([1])])
        }
        "array" => {
            let item = match name {
                "instanceTypes" => "ml.g5.2xlarge",
                "modelNames" => "Qwen/Qwen3-8B",
                "services" => "sagemaker",
                "vpcSubnets" => "subnet-0123456789abcdef0",
                "vpcSecurityGroups" => "sg-0123456789abcdef0",
                other => panic!("a list that this test does not know: {other}"),
            };
            let right = json!([item]);
            let others = vec![json!(item), text(&right), json!([item, null, ""])];
            (right, others, vec![json!(1), json!({"a": 1}), json!([1])])
        }
        "object" => {
            let value =
                if name.starts_with("model") && name.ends_with("puts") { "FP32[4]" } else { "b" };
            let right = json!({"A": value});
            let others = vec![
                text(&right),
                json!([format!("A={value}")]),
                json!([{"name": "A", "value": value}]),
                json!([{"Key": "A", "Value": value}]),
                json!(format!("A={value}")),
                json!({"A": value, "B": null}),
            ];
            (right, others, vec![json!(1), json!(true), json!([1]), json!("{")])
        }
        other => panic!("a type that this test does not know: {other}"),
    }
}

#[test]
fn what_means_the_same_is_taken_and_what_does_not_is_refused_by_its_name() {
    let runtime = runtime();
    let mut compared = 0;
    for tool in &tools() {
        let base = base(tool);
        for (name, schema) in &tool.properties {
            let with = |value: &Value| {
                let mut arguments = base.clone();
                arguments.insert(name.clone(), value.clone());
                call(&runtime, &tool.name, &arguments)
            };
            let (right, others, wrong) = forms(name, schema);
            let answer = with(&right);
            for other in &others {
                let mut got = with(other);
                let mut answer = answer.clone();
                // A refusal repeats what was given.
                for one in [&mut got, &mut answer] {
                    for list in ["findings"] {
                        for problem in one[list].as_array_mut().into_iter().flatten() {
                            problem.as_object_mut().unwrap().remove("value");
                        }
                    }
                }
                assert_eq!(got, answer, "{} {name} = {other}, which means {right}", tool.name);
                compared += 1;
            }
            for other in &wrong {
                let found = problems(&with(other), name);
                assert!(!found.is_empty(), "{} {name} = {other} is taken", tool.name);
                let text = found[0]["message"].as_str().unwrap();
                assert!(text.len() > 8, "{} {name} = {other}: {text}", tool.name);
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[test]
fn all_faults_are_named_at_once_whoever_finds_them() {
    let runtime = runtime();
    let answer = call(
        &runtime,
        "plan_project",
        &object(
            json!({"detail": "ful", "detial": 1, "regon": "x", "instanceType": 1, "maxModelLen": "long"}),
        ),
    );
    for (field, fix) in [
        ("detail", "use full"),
        ("detial", "did you mean `detail`?"),
        ("regon", "leave regon out (did you mean region?)"),
        ("instanceType", "give an ML instance type"),
        ("maxModelLen", ""),
    ] {
        let found = problems(&answer, field);
        assert_eq!(found.len(), 1, "{field}: {answer:#}");
        assert!(found[0]["fix"].as_str().unwrap().starts_with(fix), "{field}: {}", found[0]);
    }
    let answer = call(&runtime, "search_models", &object(json!({"detail": "full"})));
    assert_eq!(problems(&answer, "detail")[0]["fix"], "leave it out");
}

#[test]
fn names_that_exist_nowhere_are_refused_with_the_one_that_is_meant() {
    let runtime = runtime();
    let said = |tool: &str, arguments: Value, field: &str, best: &str| {
        let answer = call(&runtime, tool, &object(arguments.clone()));
        let found = problems(&answer, field);
        assert_eq!(found.len(), 1, "{tool} {arguments}: {answer:#}");
        assert_eq!(found[0]["choices"][0], best, "{tool} {arguments}: {}", found[0]);
        assert!(found[0]["fix"].as_str().unwrap().contains(best), "{tool}: {}", found[0]);
    };
    let model = "Qwen/Qwen3-8B";
    for (wrong, right) in [("ml.g5.xlrge", "ml.g5.xlarge"), ("ml.g6e.3xlarge", "ml.g6e.xlarge")] {
        let project = json!({"projectName": "a1", "deploymentConfig": "transformers-vllm", "modelName": model, "instanceType": wrong});
        let best = |tool: &str, arguments: Value, field: &str| {
            let answer = call(&runtime, tool, &object(arguments));
            problems(&answer, field)[0]["choices"][0].clone()
        };
        if right.ends_with(".xlarge") && wrong != "ml.g6e.3xlarge" {
            said("plan_project", project.clone(), "instanceType", right);
            said(
                "compare_instances",
                json!({"modelName": model, "instanceTypes": [wrong]}),
                "instanceTypes",
                right,
            );
        }
        let choice = best("plan_project", project, "instanceType");
        assert!(choice.as_str().unwrap().starts_with(&right[..6]), "{choice}");
        said(
            "recommend_image",
            json!({"deploymentConfig": "transformers-vllm", "instanceType": wrong}),
            "instanceType",
            choice.as_str().unwrap(),
        );
        said(
            "fit_hyperpod",
            json!({"modelName": model, "nodeGroups": [{"instanceType": wrong, "count": 1}]}),
            "nodeGroups",
            choice.as_str().unwrap(),
        );
    }
    for wrong in ["frankfurt", "eu-cental-1", "EU-CENTRAL-1", "eu-central-1a"] {
        let right = "eu-central-1";
        said("plan_project", json!({"projectName": "a1", "region": wrong}), "region", right);
        said("recommend_instance", json!({"modelName": model, "region": wrong}), "region", right);
        said("describe_hyperpod", json!({"region": wrong}), "region", right);
        said("search_images", json!({"region": wrong}), "region", right);
        said(
            "recommend_image",
            json!({"deploymentConfig": "transformers-vllm", "region": wrong}),
            "region",
            right,
        );
    }
    // One that SageMaker has for other uses may be taken soon: what is not known is no reason to refuse.
    let known = json!({"projectName": "a1", "deploymentConfig": "http-flask", "framework": "sklearn", "instanceType": "ml.m8i.xlarge"});
    let answer = call(&runtime, "plan_project", &object(known));
    assert_eq!(answer["status"], "ready", "{answer:#}");
}

#[test]
fn what_is_meant_is_taken_or_proposed_in_one_round() {
    let runtime = runtime();
    let page = "https://huggingface.co/Qwen/Qwen3-8B";
    for tool in ["describe_model", "recommend_instance"] {
        let named = call(&runtime, tool, &object(json!({"modelName": "Qwen/Qwen3-8B"})));
        assert_eq!(call(&runtime, tool, &object(json!({"modelName": page}))), named, "{tool}");
    }
    let project = |model: &str, kind: &str| {
        let inputs = json!({"projectName": "a1", "deploymentConfig": "transformers-vllm", "modelName": model, "instanceType": kind});
        call(&runtime, "plan_project", &object(inputs))
    };
    let answer = project(page, "g6e.2xlarge");
    assert_eq!(answer["status"], "ready", "{answer:#}");
    let value = |key: &str| {
        let inputs = answer["inputs"].as_array().unwrap();
        inputs.iter().find(|input| input["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(
        (value("modelName"), value("instanceType")),
        (json!("Qwen/Qwen3-8B"), json!("ml.g6e.2xlarge"))
    );
    let notes: Vec<&Value> = answer["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["rule"] == "MCC-INP-008")
        .collect();
    assert_eq!(notes.len(), 2, "{answer:#}");
    for (config, best) in [("vllm", "transformers-vllm"), ("pytorch", "triton-pytorch")] {
        for tool in ["plan_project", "recommend_instance", "recommend_image"] {
            let answer = call(
                &runtime,
                tool,
                &object(json!({"deploymentConfig": config, "modelName": "Qwen/Qwen3-8B"})),
            );
            let found = problems(&answer, "deploymentConfig");
            assert_eq!(found[0]["choices"][0], best, "{tool}: {answer:#}");
            // A plan proposes only what serves the model that is named.
            let fix = found[0]["fix"].as_str().unwrap();
            let said = fix.contains(best) || fix.contains("leave deploymentConfig out");
            assert!(said, "{tool}: {answer:#}");
        }
    }
    let answer =
        call(&runtime, "plan_project", &object(json!({"model": "x", "framework": "pytorch"})));
    assert_eq!(problems(&answer, "model")[0]["fix"], "give modelName: x and leave model out");
    assert!(problems(&answer, "framework")[0]["fix"].as_str().unwrap().contains("triton-pytorch"));
    let answer = call(
        &runtime,
        "plan_project",
        &object(
            json!({"tags": "a=1,b=2", "projectName": "a1", "deploymentConfig": "http-flask", "framework": "sklearn"}),
        ),
    );
    let tags =
        answer["inputs"].as_array().unwrap().iter().find(|input| input["key"] == "tags").unwrap();
    assert_eq!(tags["value"], json!({"a": "1", "b": "2"}));
}
