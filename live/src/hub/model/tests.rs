//! Rows of whatever a hub says.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mcc_catalogs::{Catalogs, Errand};
use proptest::prelude::*;

use super::*;
use crate::hub::Hub;
use crate::web::Web;

/// A hub that nobody asks.
static SOURCE: LazyLock<HubSource> = LazyLock::new(|| {
    let web = Web::new(&crate::Network::default()).unwrap();
    HubSource::new(Hub::at(Hub::ENDPOINT).unwrap(), web, Arc::clone(Catalogs::shared()))
});

/// What is made of what is said, with the notes.
fn made(
    info: &Map<String, Value>,
    config: Option<Value>,
    beside: BesideFiles,
) -> (Model, Vec<String>) {
    let errand = Errand::new(Duration::from_secs(1));
    let client = Client::new(&SOURCE.hub, &SOURCE.web, &errand);
    let asked = "someone/something".parse().unwrap();
    let mut row = Row::new(&SOURCE, &client, &asked, Info::of(info));
    let config = match config {
        Some(Value::Object(config)) => Config::Read(config),
        _ => Config::None,
    };
    let model = row.row(config, beside);
    let _ = row.pipeline();
    (model, row.notes)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..100_000_000_u64).prop_map(Value::from),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        number(),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "(model|adapter_model|model-0000[12]-of-0000[123])[.](safetensors|gguf|bin)"
            .prop_map(Value::from),
    ];
    let key = "id|sha|gated|siblings|rfilename|size|lfs|safetensors|parameters|total|BF16|U8|config|gguf|\
               architectures|cardData|license|createdAt|diffusers|peft|metadata|total_size|model_max_length|\
               max_pixels|height|width|longest_edge|quantization|.{0,6}";
    leaf.prop_recursive(5, 96, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    let named = "id|siblings|safetensors|gated|gguf|cardData|config|tags|sha|createdAt|metadata|size|max_pixels";
    proptest::collection::btree_map(named, any_json(), 0..8)
        .prop_map(|map| map.into_iter().collect())
}

fn bounded(model: &Model) -> Result<(), TestCaseError> {
    let config = model.config.as_ref().map_or(0, |config| config.text().len());
    let text = serde_json::to_string(model).unwrap();
    prop_assert!(text.len() < 8192 + 2 * config, "{} bytes", text.len());
    for size in [model.weight_bytes, model.parameters, model.file_bytes, model.tokenizer_limit] {
        prop_assert!(size.is_none_or(|size| size > 0 && is_believable(size)), "{text}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_said_makes_a_row_in_bounds(
        info in object(), config in proptest::option::of(any_json()), index in object(),
        tokenizer in object(), processor in object(),
    ) {
        let beside = vec![
            (Beside::Index, index.clone()),
            (Beside::Quantization, index),
            (Beside::Tokenizer, tokenizer),
            (Beside::Processor, processor),
        ];
        let (model, notes) = made(&info, config, beside);
        bounded(&model)?;
        prop_assert!(notes.iter().all(|note| note.len() < 2000), "{notes:?}");
    }

    #[test]
    fn a_size_that_is_none_is_told_and_not_used(size in number(), count in number()) {
        let file = json::object(format!(
            r#"{{"siblings": [{{"rfilename": "model.safetensors", "size": {size}}}],
                "safetensors": {{"parameters": {{"BF16": {count}}}, "total": {count}}}}}"#
        ).as_bytes()).unwrap();
        let (model, notes) = made(&file, None, Vec::new());
        bounded(&model)?;
        let said = |value: &Value| value.as_u64().filter(|size| is_believable(*size));
        let notes = notes.join(" ");
        prop_assert_eq!(notes.contains("is no size"), !size.is_null() && said(&size).is_none());
        prop_assert_eq!(notes.contains("The count of the weights"), said(&count).is_none());
        // Where the two disagree the file is right, and it is told.
        let twice = said(&count).and_then(|count| count.checked_mul(2)).filter(|n| *n > 0 && is_believable(*n));
        if let (Some(size), Some(twice)) = (said(&size), twice) {
            let near = size >= twice && size - twice <= (twice / 50).max(1 << 20);
            prop_assert_eq!(model.weight_bytes, Some(if near { twice } else { size }).filter(|n| *n > 0));
            prop_assert_eq!(notes.contains("the files are taken"), !near && size > 0);
        }
    }
}
