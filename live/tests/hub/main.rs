//! Models of Hugging Face, from a stand-in of the hub that the hub's own client takes for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "../../../tests/leaks/mod.rs"]
mod leaks;
#[path = "../../../tests/needs/mod.rs"]
mod needs;
mod standin;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcc_catalogs::{
    Access, Ask, Catalogs, Errand, Found, GatedFrom, Lookup as _, Model, ModelConfig, ModelsFile,
    Origin, WeightsFrom,
};
use mcc_live::{Cache, Desk, Hub, Network, Token, Web};
use serde_json::{Value, json};
use standin::{Came, Fault, GRANTED, STRANGER, Standin};

needs::tests! {
    the_hubs_own_client_takes_the_standin_for_the_hub,
    rows_say_what_is_recorded_of_twenty_models_that_no_catalog_has,
    who_may_have_gated_files_is_told,
    a_private_model_takes_a_token_as_a_gated_one_does,
    what_is_missing_is_a_note,
    a_revision_is_asked_for_by_its_name,
    a_model_with_another_name_is_found_under_both,
    what_the_hub_does_not_say_stays_as_the_catalogs_have_it,
    a_users_own_rows_are_not_asked_about,
    a_jumpstart_id_is_asked_for_by_its_name_on_the_hub,
    words_find_models,
    a_token_goes_nowhere_unless_told,
    a_token_that_the_hub_does_not_know_is_left_out,
    whatever_goes_wrong_is_told_in_time,
    a_configuration_that_is_none_is_told,
    leaks::a_planted_leak_is_found,
}

static CACHES: leaks::Caches = leaks::Caches::new(env!("CARGO_TARGET_TMPDIR"), "hub");

const SECONDS: u64 = 20;

fn fixture() -> Value {
    serde_json::from_str(include_str!("models.json")).unwrap()
}

/// A desk that asks `standin`, with a token that it is told to send there.
fn desk(standin: &Standin, token: Option<&str>, base: Arc<Catalogs>) -> Desk {
    let hub = Hub::at(&standin.endpoint()).unwrap().with_token(token.and_then(Token::new));
    let web = Web::new(&Network::default()).unwrap();
    hub.send_token_to_endpoint(true).desk(web, base, Arc::new(Cache::on_disk(CACHES.one())))
}

fn ask(desk: &Desk, ask: Ask) -> Found {
    ask_for(desk, ask, Duration::from_secs(SECONDS))
}

fn ask_for(desk: &Desk, ask: Ask, time: Duration) -> Found {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(desk.look_up(&[ask], &Errand::new(time)));
    // The addresses that the hub redirects to are signed.
    let secrets = [GRANTED, STRANGER, leaks::SIGNATURE];
    leaks::kept(&secrets, &[format!("{found:?}{:?}{desk:?}", found.rows)], Some(&CACHES.folder()));
    found
}

fn model(id: &str) -> Ask {
    Ask::Model(id.parse().unwrap())
}

/// The catalogs with what was found.
fn laid(base: &Arc<Catalogs>, found: Found) -> Arc<Catalogs> {
    found.rows.into_iter().fold(Arc::clone(base), |below, rows| Arc::new(below.with(rows)))
}

/// The row that a question about a model leads to, the notes, and what was sent for it.
fn row(
    standin: &Standin,
    token: Option<&str>,
    id: &str,
) -> (Option<Model>, Vec<String>, Vec<Came>) {
    let base = Catalogs::shared();
    let _before = standin.came();
    let mut found = ask(&desk(standin, token, Arc::clone(base)), model(id));
    let notes = std::mem::take(&mut found.notes);
    let catalogs = laid(base, found);
    let live = catalogs.models().origin(id).is_some_and(|origin| origin.live().is_some());
    (catalogs.models().get(id).filter(|_| live).cloned(), notes, standin.came())
}

fn the_hubs_own_client_takes_the_standin_for_the_hub() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join("target/clients/hub");
    let made = Command::new(root.join(".ci/environment")).arg("hub").arg(&folder).output();
    match made {
        Ok(made) if made.status.success() => {}
        Ok(made) => needs::missing(String::from_utf8_lossy(&made.stderr).trim()),
        Err(error) => needs::missing(&format!(".ci/environment: {error}")),
    }
    let standin = Standin::start(&fixture());
    let home = tempfile::tempdir().unwrap();
    let tests = root.join("live/tests/hub");
    let ran = Command::new(folder.join("bin/python"))
        .arg(tests.join("client.py"))
        .args([tests.join("models.json").to_str().unwrap(), GRANTED, STRANGER])
        .env("HF_ENDPOINT", standin.endpoint())
        .env("HF_HOME", home.path())
        .env("NO_PROXY", "127.0.0.1")
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .env_remove("HF_TOKEN")
        .env_remove("HUGGING_FACE_HUB_TOKEN")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ran.status.success(), "{}{}", text(&ran.stdout), text(&ran.stderr));
    assert_eq!(text(&ran.stdout).trim(), format!("{} models", models().len()));
}

fn models() -> Vec<Value> {
    fixture()["models"].as_array().unwrap().clone()
}

fn rows_say_what_is_recorded_of_twenty_models_that_no_catalog_has() {
    let standin = Standin::start(&fixture());
    let all = models();
    assert!(all.len() >= 20);
    for recorded in &all {
        let id = recorded["id"].as_str().unwrap();
        let (expect, said) = (&recorded["expect"], &recorded["info"]);
        assert_eq!(Catalogs::embedded().models().get(id), None, "{id} is in the catalogs");
        let (found, notes, came) = row(&standin, Some(GRANTED), id);
        let found = found.unwrap_or_else(|| panic!("{id}: no row; {notes:?}"));
        assert!(came.len() <= 5, "{id}: {} requests", came.len());
        assert_eq!(json!(found.weight_bytes), expect["bytes"], "{id}");
        let published = expect["bytes"].is_u64().then_some(WeightsFrom::Published);
        assert_eq!(found.weight_bytes_from, published, "{id}");
        assert_eq!(json!(found.parameters), expect["parameters"], "{id}");
        assert_eq!(found.only.map_or(Value::Null, |only| json!(only)), expect["only"], "{id}");
        assert_eq!(found.own_code, expect["own_code"] == json!(true), "{id}");
        assert_eq!(json!(found.tokenizer_limit), expect["tokenizer_limit"], "{id}");
        assert_eq!(json!(found.image_pixels), expect["image_pixels"], "{id}");
        assert_eq!(json!(found.released), expect["released"], "{id}");
        assert_eq!(json!(found.revision), said["sha"], "{id}");
        assert_eq!(found.gated, Some(expect["gated"] == json!(true)), "{id}");
        assert_eq!(found.access, Some(Access::Granted), "{id}");
        assert_eq!(json!(found.task), said["pipeline_tag"], "{id}");
        assert_eq!(json!(found.license), said["cardData"]["license"], "{id}");
        let class = expect["architecture"].as_str().unwrap_or_default();
        assert_eq!(found.architecture, class, "{id}");
        let files = recorded["files"].as_object().unwrap();
        let config = found.config.as_ref().map(ModelConfig::text);
        assert_eq!(config.is_some(), files.contains_key("config.json"), "{id}");
        if let (Some(config), Some(given)) = (config, files.get("config.json")) {
            // All of it, for sizing reads many members.
            let mut config: Value = serde_json::from_str(config).unwrap();
            let beside = config.as_object_mut().unwrap().shift_remove("hf_quant_config");
            if given.get("json").is_some() {
                assert_eq!(config, given["json"], "{id}");
            }
            let algorithm = beside.map_or(Value::Null, |beside| beside["quant_algo"].clone());
            assert_eq!(algorithm, expect["quantization"], "{id}");
        }
        // What the hub counted by format is what the bytes are made of, unless it unpacked them.
        let whole = files.values().filter(|file| file.get("tensors").is_some());
        let tensors: u64 = whole.map(standin::tensor_bytes).sum();
        if found.parameters.is_some() && tensors > 0 && files.len() > 2 {
            assert!(found.weight_bytes.is_none_or(|bytes| bytes <= tensors), "{id}");
        }
        let again = ask(&desk(&standin, Some(GRANTED), Arc::clone(Catalogs::shared())), model(id));
        assert_eq!(again.notes, notes, "{id}");
    }
    let kinds = |only: &str| all.iter().any(|one| one["expect"]["only"] == json!(only));
    assert!(kinds("gguf") && kinds("adapter"));
}

fn who_may_have_gated_files_is_told() {
    let standin = Standin::start(&fixture());
    for (id, manual) in [("meta-llama/Llama-Guard-4-12B", true), ("google/shieldgemma-2b", false)] {
        for (token, access) in [(None, Access::NoToken), (Some(STRANGER), Access::Denied)] {
            let (found, notes, came) = row(&standin, token, id);
            let found = found.unwrap();
            assert_eq!((found.gated, found.access), (Some(true), Some(access)), "{id}");
            // What everybody may know is known all the same.
            assert!(found.weight_bytes.is_some() && found.config.is_none(), "{id}");
            let [note] = &notes[..] else { panic!("{notes:?}") };
            assert!(
                note.contains(&format!("accept its terms at https://huggingface.co/{id}")),
                "{note}"
            );
            assert_eq!(note.contains("authors"), manual, "{note}");
            assert_eq!(note.contains("HF_TOKEN"), token.is_none(), "{note}");
            assert!(came.len() <= 4);
        }
    }
}

fn a_private_model_takes_a_token_as_a_gated_one_does() {
    let id = "openai-community/gpt2";
    let mut fixture = fixture();
    let all = fixture["models"].as_array_mut().unwrap();
    let one = all.iter_mut().find(|one| one["id"] == json!(id)).unwrap();
    one["info"]["private"] = json!(true);
    assert_eq!(one["info"]["gated"], json!(false));
    let standin = Standin::start(&fixture);
    let (found, notes, _) = row(&standin, Some(GRANTED), id);
    let found = found.unwrap();
    assert_eq!((found.gated, found.gated_from), (Some(true), Some(GatedFrom::Private)));
    assert_eq!((found.access, notes), (Some(Access::Granted), Vec::new()));
    let desk = desk(&standin, Some(GRANTED), Arc::clone(Catalogs::shared()));
    let catalogs = laid(Catalogs::shared(), ask(&desk, Ask::Models("gpt2".into())));
    let listed = catalogs.models().get(id).unwrap();
    assert_eq!(listed.gated_from, Some(GatedFrom::Private));
    // For others it is not there.
    for token in [None, Some(STRANGER)] {
        let (found, notes, _) = row(&standin, token, id);
        assert!(found.is_none() && notes[0].contains("or the model is private"), "{notes:?}");
    }
}

fn what_is_missing_is_a_note() {
    let standin = Standin::start(&fixture());
    for (token, says) in [(None, "HF_TOKEN"), (Some(STRANGER), "the token in use")] {
        let (found, notes, came) = row(&standin, token, "nobody/nothing");
        assert!(found.is_none() && came.len() == 1, "{came:?}");
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert!(note.contains("has no model `nobody/nothing`, or the model is private"), "{note}");
        assert!(note.contains(says), "{note}");
    }
}

fn a_revision_is_asked_for_by_its_name() {
    let standin = Standin::start(&fixture());
    let id = "openai-community/gpt2";
    let at = |revision: &str| {
        let page = format!("https://huggingface.co/{id}/tree/{revision}");
        let desk = desk(&standin, None, Arc::clone(Catalogs::shared()));
        let mut found = ask(&desk, Ask::of_model(&page).unwrap());
        let notes = std::mem::take(&mut found.notes);
        let row = laid(Catalogs::shared(), found).models().get(id).cloned();
        (row, notes, standin.came())
    };
    let (found, notes, came) = at("refs%2Fpr%2F1");
    assert!(notes.is_empty() && came.len() <= 4, "{notes:?} {came:?}");
    assert_eq!(came[0].path, format!("/api/models/{id}/revision/refs%2Fpr%2F1?blobs=true"));
    assert_eq!(
        found.unwrap().revision.as_deref(),
        Some("607a30d783dfa663caf39e06633721c8d4cfcd7e")
    );
    let (found, notes, came) = at("v9");
    assert!(found.is_none() && came.len() == 1, "{came:?}");
    let words = "has no revision `v9` of `openai-community/gpt2`.";
    assert!(notes[0].contains(words) && notes.len() == 1, "{notes:?}");
}

fn a_model_with_another_name_is_found_under_both() {
    let standin = Standin::start(&fixture());
    let (found, notes, came) = row(&standin, None, "gpt2");
    let found = found.unwrap();
    assert_eq!((found.id.as_str(), found.weight_bytes), ("gpt2", Some(548_090_880)));
    assert_eq!(notes, ["`gpt2` is called `openai-community/gpt2` on the hub now."]);
    assert!(came.len() <= 5, "{came:?}");
    // Asked again nothing is sent.
    let desk = desk(&standin, None, Arc::clone(Catalogs::shared()));
    let ids = || [model("gpt2"), model("gpt2")].map(|one| ask(&desk, one).rows.len());
    assert_eq!(ids(), [1, 1]);
    assert_eq!(standin.came().len(), came.len());
}

fn what_the_hub_does_not_say_stays_as_the_catalogs_have_it() {
    let mut fixture = fixture();
    let known = Catalogs::embedded().models().get("meta-llama/Llama-3.1-8B-Instruct").unwrap();
    assert!(known.min_vllm.is_some() && !known.variants.is_empty() && known.config.is_some());
    let info = json!({"sha": "c".repeat(40), "gated": "manual", "pipeline_tag": "text-generation",
        "safetensors": {"parameters": {"BF16": 8_030_261_248_u64}, "total": 8_030_261_248_u64}});
    let files = json!({"config.json": {"json": {"architectures": ["LlamaForCausalLM"], "vocab_size": 7}},
        "model.safetensors": {"tensors": {"BF16": 8_030_261_248_u64}}});
    fixture["models"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": known.id, "info": info, "files": files}));
    let standin = Standin::start(&fixture);
    let (live, _, _) = row(&standin, Some(GRANTED), known.id.as_str());
    let live = live.unwrap();
    assert_eq!((&live.min_vllm, &live.variants), (&known.min_vllm, &known.variants));
    assert_eq!((&live.license, &live.released), (&known.license, &known.released));
    assert_eq!(live.weight_bytes, Some(16_060_522_496));
    assert_eq!(
        live.config.as_ref().map(ModelConfig::text),
        Some(r#"{"architectures":["LlamaForCausalLM"],"vocab_size":7}"#)
    );
    // Who may not read the configuration has that of the catalogs.
    let (denied, _, _) = row(&standin, None, known.id.as_str());
    let denied = denied.unwrap();
    assert_eq!((&denied.config, denied.access), (&known.config, Some(Access::NoToken)));
}

fn a_users_own_rows_are_not_asked_about() {
    let standin = Standin::start(&fixture());
    let own = tempfile::tempdir().unwrap();
    let mut file =
        ModelsFile { as_of: "2027-01-01".into(), source: "me".into(), ..ModelsFile::default() };
    let known = Catalogs::embedded().models().get("Qwen/Qwen3-8B").unwrap().clone();
    file.models = vec![Model { id: "openai-community/gpt2".parse().unwrap(), ..known }].into();
    std::fs::write(own.path().join("models.json"), serde_json::to_string(&file).unwrap()).unwrap();
    let base = Arc::new(Catalogs::with_overlay(own.path()).unwrap());
    let desk = desk(&standin, None, Arc::clone(&base));
    let found = ask(&desk, model("openai-community/gpt2"));
    assert!(found.rows.is_empty() && found.notes.is_empty() && standin.came().is_empty());
    let catalogs = laid(&base, ask(&desk, Ask::Models("gpt2".into())));
    assert!(matches!(catalogs.models().origin("openai-community/gpt2"), Some(Origin::Own { .. })));
}

fn a_jumpstart_id_is_asked_for_by_its_name_on_the_hub() {
    let standin = Standin::start(&fixture());
    let known = Catalogs::embedded().jumpstart().iter().next().unwrap();
    let (_, notes, came) = row(&standin, None, &known.id);
    assert!(came[0].path.starts_with(&format!("/api/models/{}?", known.hugging_face)), "{came:?}");
    assert!(notes[0].contains(known.hugging_face.as_str()), "{notes:?}");
}

fn words_find_models() {
    let standin = Standin::start(&fixture());
    let base = Catalogs::shared();
    let desk = desk(&standin, None, Arc::clone(base));
    let catalogs = laid(base, ask(&desk, Ask::Models("roberta base&limit=9".into())));
    assert_eq!(catalogs.models().iter().count(), base.models().iter().count());
    let found = ask(&desk, Ask::Models("roberta base".into()));
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    assert_eq!(standin.came().len(), 2);
    let catalogs = laid(base, found);
    let squad = catalogs.models().get("deepset/roberta-base-squad2").unwrap();
    assert_eq!((squad.parameters, squad.weight_bytes), (Some(124_057_092), Some(496_230_424)));
    assert_eq!(squad.weight_bytes_from, Some(WeightsFrom::Calculated));
    assert_eq!(squad.architecture, "RobertaForQuestionAnswering");
    assert_eq!(squad.config, None);
    let again = ask(&desk, Ask::Models("roberta base".into()));
    assert!(standin.came().is_empty() && again.looked.len() == 1, "it is kept");
    // Of words in which weights are packed a list tells nothing.
    let catalogs = laid(base, ask(&desk, Ask::Models("mistral awq".into())));
    let packed = catalogs.models().get("TheBloke/Mistral-7B-Instruct-v0.2-AWQ").unwrap();
    assert_eq!((packed.parameters, packed.weight_bytes), (None, None));
}

fn a_token_goes_nowhere_unless_told() {
    let standin = Standin::start(&fixture());
    let hub = || Hub::at(&standin.endpoint()).unwrap().with_token(Token::new(GRANTED));
    let web = || Web::new(&Network::default()).unwrap();
    let base = || Arc::clone(Catalogs::shared());
    let id = "google/shieldgemma-2b";
    let untold = hub().desk(web(), base(), Arc::default());
    for asked in [id, "nobody/nothing"] {
        let notes = ask(&untold, model(asked)).notes;
        assert!(notes[0].contains("set MCC_SEND_HF_TOKEN=1"), "{notes:?}");
        assert!(!notes[0].contains("no token is set"), "{notes:?}");
    }
    let came = standin.came();
    assert!(!came.is_empty() && came.iter().all(|came| !came.has_token()), "{came:?}");
    // Told, it goes to the hub, and not to another host that the hub names.
    let told = hub().send_token_to_endpoint(true).desk(web(), base(), Arc::default());
    assert!(ask(&told, model(id)).notes.is_empty());
    let came = standin.came();
    assert!(came.len() > 2 && came.iter().all(Came::has_token), "{came:?}");
    let elsewhere = Standin::start(&fixture());
    let to: &'static str = elsewhere.endpoint().leak();
    standin.fault("config.json", Fault::Redirect(to));
    let found =
        ask(&hub().send_token_to_endpoint(true).desk(web(), base(), Arc::default()), model(id));
    let (here, there) = (standin.came(), elsewhere.came());
    assert!(here.iter().all(Came::has_token) && !there.is_empty(), "{here:?}");
    assert!(
        there.iter().all(|came| !came.has_token() && !came.head.contains(GRANTED)),
        "{there:?}"
    );
    assert!(!found.notes.join(" ").contains(GRANTED));
}

fn a_token_that_the_hub_does_not_know_is_left_out() {
    let standin = Standin::start(&fixture());
    let (found, notes, came) = row(&standin, Some("hf_revoked"), "openai-community/gpt2");
    assert_eq!(found.unwrap().weight_bytes, Some(548_090_880));
    assert!(came.len() <= 5 && came[0].has_token() && !came[1].has_token(), "{came:?}");
    let [note] = &notes[..] else { panic!("{notes:?}") };
    assert!(note.contains("rejected the token in use") && !note.contains("hf_revoked"));
}

fn whatever_goes_wrong_is_told_in_time() {
    let standin = Standin::start(&fixture());
    let id = "zai-org/GLM-4-9B-0414";
    let faults: [(Fault, &str); 9] = [
        (Fault::Status(429, vec![("RateLimit", "\"api\";r=0;t=55")]), "fewer requests"),
        (Fault::Status(503, vec![]), "HTTP 503"),
        (Fault::Status(403, vec![]), "HTTP 403"),
        (Fault::Body("<!doctype html><title>Sign in</title>"), "cannot be read"),
        (Fault::Body("{\"id\": \"a"), "cannot be read"),
        (Fault::Huge, "more than"),
        (Fault::Cut, "could not be reached"),
        (Fault::Slow, "in time"),
        (Fault::Redirect("/api/models/again"), "redirects in a circle"),
    ];
    for (fault, says) in faults {
        standin.no_faults();
        standin.fault("/", fault.clone());
        let since = Instant::now();
        for ask in [model(id), Ask::Models("glm".into())] {
            let desk = desk(&standin, Some(GRANTED), Arc::clone(Catalogs::shared()));
            let found = ask_for(&desk, ask, Duration::from_millis(1500));
            assert!(found.rows.is_empty(), "{fault:?}");
            let [note] = &found.notes[..] else { panic!("{fault:?}: {:?}", found.notes) };
            assert!(
                note.contains(says) && note.contains("The catalogs are used instead"),
                "{note}"
            );
        }
        assert!(since.elapsed() < Duration::from_secs(8), "{fault:?}");
        // What goes wrong with the configuration alone leaves the rest.
        standin.no_faults();
        standin.fault("config.json", fault.clone());
        let desk = desk(&standin, Some(GRANTED), Arc::clone(Catalogs::shared()));
        let found = ask_for(&desk, model(id), Duration::from_secs(4));
        let catalogs = laid(Catalogs::shared(), found);
        let found = catalogs.models().get(id).unwrap_or_else(|| panic!("{fault:?}"));
        assert_eq!(found.weight_bytes, Some(18_800_558_080), "{fault:?}");
        assert_eq!(found.config, None, "{fault:?}");
    }
    // Nobody listens.
    let nobody = Hub::at("http://127.0.0.1:1").unwrap();
    let web = Web::new(&Network::default()).unwrap();
    let desk = nobody.desk(web, Arc::clone(Catalogs::shared()), Arc::default());
    let found = ask_for(&desk, model(id), Duration::from_secs(3));
    assert!(found.rows.is_empty() && found.notes.len() == 1, "{:?}", found.notes);
}

fn a_configuration_that_is_none_is_told() {
    let id = "google-bert/bert-base-chinese";
    let with = |file: Value| {
        let mut fixture = fixture();
        let all = fixture["models"].as_array_mut().unwrap();
        let one = all.iter_mut().find(|one| one["id"] == json!(id)).unwrap();
        one["files"]["config.json"] = file;
        let standin = Standin::start(&fixture);
        let (found, notes, came) = row(&standin, None, id);
        let found = found.unwrap();
        assert!(found.config.is_none() && found.weight_bytes == Some(411_529_768), "{notes:?}");
        let [note] = &notes[..] else { panic!("{notes:?}") };
        (note.clone(), came)
    };
    let (note, came) = with(json!({"size": 20 << 20}));
    assert!(note.contains("it has 20971520 bytes"), "{note}");
    assert!(came.iter().all(|came| !came.path.contains("/config.json")), "{came:?}");
    let deep = "{\"a\":".repeat(5000) + &"}".repeat(5000);
    for text in ["", "[]", "{", "version https://git-lfs.github.com/spec/v1", &deep] {
        let (note, _) = with(json!({"text": text}));
        assert!(note.contains("it is not a JSON object"), "{note}");
    }
}
