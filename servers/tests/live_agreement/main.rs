//! One mind in smart mode: with rows laid over the catalogs as a look-up lays them, the type that is recommended first is
//! still the one that a plan chooses by itself; and a project that was planned so is the same without a look-up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use mcc_catalogs::{
    Access, Catalogs, GatedFrom, Inspected, Model, ModelsFile, Only, PriceBasis, PriceRow,
    PricesFile, QuotaRow, QuotaUse, QuotasFile, ResourcesFile, Rows,
};
use mcc_generator::{FileAccess, Plan, Source, Sources, registry};
use serde_json::{Map, Value, json};

mod accounts;
mod places;
mod told;

const DAY: &str = "2031-01-02";
const REGION: &str = "us-west-2";
/// Models that no catalog has: one that can be fetched, one whose licence was not accepted, and one that is none.
const NEW: &str = "mine/new-8b";
const DENIED: &str = "mine/denied-8b";
const PRIVATE: &str = "mine/private-8b";
const GGUF: &str = "mine/packed-files";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Numbers without an order, the same each time.
fn scattered(at: usize) -> usize {
    at.wrapping_mul(7_919).wrapping_add(13) % 277
}

fn models() -> ModelsFile {
    let known = Catalogs::embedded().models().get("Qwen/Qwen3-8B").unwrap().clone();
    let new = Model {
        id: NEW.parse().unwrap(),
        revision: Some(COMMIT.to_owned()),
        access: Some(Access::Granted),
        ..known.clone()
    };
    let denied = Model {
        id: DENIED.parse().unwrap(),
        gated: Some(true),
        access: Some(Access::Denied),
        ..known.clone()
    };
    let private = Model {
        id: PRIVATE.parse().unwrap(),
        gated: Some(true),
        gated_from: Some(GatedFrom::Private),
        access: Some(Access::Granted),
        ..known.clone()
    };
    let gguf = Model { id: GGUF.parse().unwrap(), only: Some(Only::Gguf), config: None, ..known };
    ModelsFile {
        as_of: DAY.into(),
        source: "a hub".into(),
        models: vec![new, denied, private, gguf].into(),
    }
}

/// Prices of a Region that have nothing to do with those of the build: a tenth of the types has none.
fn prices() -> PricesFile {
    let all = Catalogs::embedded().instances().iter().enumerate();
    let rows: Vec<PriceRow> = all
        .filter(|(at, _)| at % 10 != 3)
        .map(|(at, row)| PriceRow {
            name: row.name.clone(),
            usd_per_hour: 1.0 + f64::from(u32::try_from(scattered(at)).unwrap()),
            basis: PriceBasis::Published,
            as_of: None,
            region: None,
        })
        .collect();
    PricesFile {
        as_of: DAY.into(),
        source: "a price list".into(),
        region: Some(REGION.parse().unwrap()),
        prices: rows.into(),
        ..PricesFile::default()
    }
}

/// Quotas of every use: of a third of the types none may be started, of another third nothing is known.
fn quotas() -> QuotasFile {
    let uses = [QuotaUse::Endpoint, QuotaUse::Transform, QuotaUse::Cluster];
    let all = Catalogs::embedded().instances().iter().enumerate();
    let rows: Vec<QuotaRow> = all
        .flat_map(|(at, row)| {
            uses.into_iter().enumerate().map(move |(of, used)| (at + of, row, used))
        })
        .filter(|(at, ..)| at % 3 != 0)
        .map(|(at, row, used_for)| QuotaRow {
            region: REGION.parse().unwrap(),
            used_for,
            name: row.name.clone(),
            limit: if at % 3 == 1 { 0 } else { 2 },
            in_use: None,
            at_least: false,
            code: Some("L-0123ABCD".into()),
        })
        .collect();
    QuotasFile { as_of: DAY.into(), source: "quotas".into(), account: None, quotas: rows.into() }
}

fn live() -> Arc<Catalogs> {
    let laid = Catalogs::shared().with(Rows::live("Hugging Face").with(models()));
    let laid = Arc::new(laid).with(Rows::live("AWS prices of us-west-2").with(prices()));
    Arc::new(Arc::new(laid).with(Rows::live("AWS quotas of us-west-2").with(quotas())))
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn planned(catalogs: &Catalogs, mut inputs: Value) -> Plan {
    inputs["projectName"] = json!("one-mind");
    let merged =
        Sources::new().files(FileAccess::Nothing).with(Source::Flag, object(inputs)).merge();
    mcc_generator::plan(catalogs, &merged)
}

fn chosen(plan: &Plan) -> Option<String> {
    let found = plan.inputs.iter().find(|input| input.key == "instanceType")?;
    Some(found.value.as_str().unwrap().to_owned())
}

fn answer(catalogs: &Arc<Catalogs>, tool: &str, arguments: Value) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(mcc_servers::call_on(catalogs, tool, object(arguments))).unwrap()
}

/// The first type that is recommended, if one is; nothing for what is refused.
fn recommended(catalogs: &Arc<Catalogs>, asked: &Value) -> Result<Option<String>, Value> {
    let answer = answer(catalogs, "recommend_instance", asked.clone());
    if answer["status"] == "error" {
        return Err(answer);
    }
    Ok(answer["recommendations"][0]["instanceType"].as_str().map(str::to_owned))
}

/// What is asked of both: some models on all configs and targets, in the Region that was looked at and in another.
fn questions() -> Vec<Value> {
    let mut all = Vec::new();
    let known = Catalogs::embedded().models().ids().step_by(40);
    for model in known.chain([NEW]) {
        for config in registry().configs() {
            for target in registry().targets() {
                let of = mcc_generator::deployment(config, target, None).unwrap();
                if of.hub && of.has_context() {
                    for region in [REGION, "eu-west-1"] {
                        all.push(
                            json!({"deploymentConfig": config.name, "deploymentTarget": target,
                            "modelName": model, "region": region}),
                        );
                    }
                }
            }
        }
    }
    all
}

#[test]
fn what_is_recommended_is_what_a_plan_chooses_with_live_rows() {
    let live = live();
    let (mut asked, mut moved, mut planted) = (0_u32, 0_u32, 0_u32);
    let mut different = Vec::new();
    for question in questions() {
        let Ok(recommended) = recommended(&live, &question) else { continue };
        let plan = planned(&live, question.clone());
        let unserved = recommended.is_none()
            && plan
                .findings
                .iter()
                .any(|found| ["MCC-ENG-004", "MCC-TSK-001"].contains(&found.id.as_str()));
        let own = chosen(&plan);
        asked += 1;
        if own != recommended && !unserved {
            different.push(format!("{question}: recommended {recommended:?}, planned {own:?}"));
        }
        // A plan that does not see the rows is found out: where it says another type it disagrees.
        let other = chosen(&planned(Catalogs::embedded(), question.clone()));
        let here = question["region"] == REGION;
        planted += u32::from(other != recommended && here);
        moved += u32::from(other != own && !here && question["modelName"] != NEW);
    }
    assert!(asked > 100 && planted > asked / 4, "{planted} of {asked}");
    assert_eq!(moved, 0, "rows of one Region decide in another");
    assert!(different.is_empty(), "{} of {asked}:\n{}", different.len(), different.join("\n"));
}

#[test]
fn types_that_cannot_be_started_come_last_and_are_told() {
    let live = live();
    let asked = json!({"modelName": NEW, "region": REGION, "limit": 20, "budgetUsdPerHour": 60.0});
    let found = answer(&live, "recommend_instance", asked);
    assert_eq!((&found["mode"], &found["asOf"]), (&json!("smart"), &json!(DAY)));
    let limit =
        |name: &str| live.quotas().get(REGION, QuotaUse::Endpoint, name).map(|row| row.limit);
    let mut last = false;
    let (mut zeros, mut others, mut live_prices) = (0, 0, BTreeSet::new());
    for row in found["recommendations"].as_array().unwrap() {
        let name = row["instanceType"].as_str().unwrap();
        let zero = limit(name) == Some(0);
        assert!(zero || !last, "{name} comes after one that cannot be started");
        last = zero;
        let told = row["warnings"].to_string().contains("quota");
        assert_eq!(told, zero, "{row:#}");
        *(if zero { &mut zeros } else { &mut others }) += 1;
        let basis = row["price"]["basis"].as_str().unwrap_or_default();
        live_prices.insert(
            basis.contains("us-west-2")
                && basis.ends_with("looked up: AWS prices of us-west-2, 2031-01-02"),
        );
    }
    assert!(others > 0 && zeros > 0, "{others} {zeros}");
    assert!(live_prices.contains(&true));
    // A plan of one of them says what to do.
    let all = found["recommendations"].as_array().unwrap();
    let zero =
        all.iter().filter_map(|row| row["instanceType"].as_str()).find(|n| limit(n) == Some(0));
    let plan = planned(&live, json!({"modelName": NEW, "region": REGION, "instanceType": zero}));
    let finding = plan.findings.iter().find(|found| found.id == "MCC-QTA-001").unwrap();
    assert!(!finding.is_error() && finding.message.contains(" is 0"), "{finding:?}");
    let command = "request-service-quota-increase --service-code sagemaker --quota-code L-0123ABCD --desired-value 1 --region us-west-2";
    assert!(finding.fix.contains(command), "{}", finding.fix);
    assert!(
        !finding.choices.is_empty() && finding.choices.iter().all(|name| limit(name) != Some(0))
    );
}

#[test]
fn a_model_that_was_looked_up_is_told_as_it_is() {
    let live = live();
    let refused =
        planned(&live, json!({"modelName": GGUF, "deploymentConfig": "transformers-vllm"}));
    let finding = refused.findings.iter().find(|found| found.id == "MCC-MDL-006").unwrap();
    assert!(finding.is_error() && finding.message.contains("vllm finds neither"), "{finding:?}");
    let error = answer(&live, "recommend_instance", json!({"modelName": GGUF}));
    assert_eq!(error["error"]["code"], "model_not_served", "{error:#}");
    let denied = planned(&live, json!({"modelName": DENIED}));
    let finding = denied.findings.iter().find(|found| found.id == "MCC-MDL-002").unwrap();
    let page = "accept the licence on https://huggingface.co/mine/denied-8b";
    assert!(finding.message.contains("has not been let in") && finding.fix.contains(page));
    // A private one takes a token, and there is no licence to accept.
    let private = planned(&live, json!({"modelName": PRIVATE}));
    let finding = private.findings.iter().find(|found| found.id == "MCC-MDL-002").unwrap();
    assert!(finding.message.contains("is private on the hub (not gated)"), "{}", finding.message);
    assert!(finding.fix.contains("hfTokenArn") && !finding.fix.contains("licence"));
    let steps = private.first_steps.join(" ");
    assert!(steps.contains("a token of an account that may read mine/private-8b"), "{steps}");
    let described = answer(&live, "describe_model", json!({"modelName": PRIVATE})).to_string();
    assert!(described.contains("private on the hub, not gated"), "{described}");
    assert!(!described.contains("agree to the terms") && !described.contains("needs no token"));
    let described = answer(&live, "describe_model", json!({"modelName": NEW}));
    let notes = described["notes"].to_string();
    assert!(notes.contains("read live from Hugging Face on 2031-01-02 at commit 0123"), "{notes}");
    // Where no commit was said none is promised.
    let described = answer(&live, "describe_model", json!({"modelName": PRIVATE}));
    let notes = described["notes"].to_string();
    assert!(notes.contains("which commit that was is not known"), "{notes}");
    assert!(!notes.contains("serves that commit"), "{notes}");
}

#[test]
fn a_project_planned_in_smart_mode_is_the_same_without_a_look_up() {
    let live = live();
    let inputs = json!({"projectName": "kept", "modelName": NEW, "region": REGION});
    let merged = Sources::new().with(Source::Flag, object(inputs)).merge();
    let (plan, project) = mcc_generator::generate(&live, &merged).unwrap();
    let pinned = plan.inputs.iter().find(|input| input.key == "modelRevision").unwrap();
    assert_eq!(pinned.value, COMMIT);
    assert_eq!(pinned.source, "looked up: Hugging Face, 2031-01-02");
    let kind = plan.inputs.iter().find(|input| input.key == "instanceType").unwrap();
    assert!(kind.source.starts_with("looked up: AWS prices of us-west-2"), "{}", kind.source);
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kept");
    project.write(&folder).unwrap();
    // Nobody is asked: the build's own catalogs.
    let report = mcc_generator::check(Catalogs::shared(), &folder).unwrap();
    let changed: Vec<&str> = report.differences.iter().map(|file| file.path.as_str()).collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert!(!report.findings.iter().any(mcc_generator::Finding::is_error), "{:?}", report.findings);
    let again = |more: Value| {
        let catalogs = mcc_generator::with_kept_of(Catalogs::shared(), &folder).unwrap();
        let saved = mcc_generator::saved_inputs(&folder).unwrap();
        assert_eq!(saved.looked_up.len(), 2, "{:?}", saved.looked_up);
        let merged = Sources::new()
            .with(Source::Flag, object(more))
            .saved(Source::ConfigFile("inputs.json".into()), saved)
            .merge();
        mcc_generator::generate(&catalogs, &merged).unwrap()
    };
    assert_eq!(again(json!({})).1, project);
    // What was looked up for one model says nothing of another.
    let (other, _) = again(json!({"modelName": "Qwen/Qwen3-0.6B"}));
    assert!(!other.inputs.iter().any(|input| input.source.starts_with("looked up")));
    // Without what is kept nothing is known of the model: the test can fail.
    std::fs::remove_file(folder.join(".mcc/facts.json")).unwrap();
    let report = mcc_generator::check(Catalogs::shared(), &folder).unwrap();
    assert!(report.findings.iter().any(|found| found.id == "MCC-MDL-001"));
}

/// What a registry said of a given image chooses the host image, so that it is kept too.
#[test]
fn a_project_from_an_image_that_was_looked_up_is_the_same_without_a_look_up() {
    const IMAGE: &str = "registry.example.com/team/own:1.0";
    let said = Inspected {
        cuda: Some("12.9".into()),
        engine: Some(("vllm".into(), "0.19.1".into())),
        ..Inspected::of(IMAGE.parse().unwrap(), true)
    };
    let file =
        ResourcesFile { as_of: DAY.into(), images: vec![said].into(), ..ResourcesFile::default() };
    let live = Arc::new(Catalogs::shared().with(Rows::live("registry.example.com").with(file)));
    let inputs = json!({"projectName": "kept", "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
        "region": "us-east-1", "instanceType": "ml.g5.2xlarge", "baseImage": IMAGE});
    let merged = Sources::new().with(Source::Flag, object(inputs)).merge();
    let (plan, project) = mcc_generator::generate(&live, &merged).unwrap();
    assert!(plan.decisions.unwrap().host_image.is_some());
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kept");
    project.write(&folder).unwrap();
    let report = mcc_generator::check(Catalogs::shared(), &folder).unwrap();
    let changed: Vec<&str> = report.differences.iter().map(|file| file.path.as_str()).collect();
    assert!(changed.is_empty(), "{changed:?}");
    // Without what is kept nothing is known of the image: the test can fail.
    std::fs::remove_file(folder.join(".mcc/facts.json")).unwrap();
    let report = mcc_generator::check(Catalogs::shared(), &folder).unwrap();
    assert!(report.differences.iter().any(|file| file.path != ".mcc/facts.json"));
}
