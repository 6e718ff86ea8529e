//! What models are for: every model of the catalogs, classes of engines, and what must not be mistaken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeMap;

use mcc_catalogs::{Catalogs, Task};
use mcc_fit::{Described, Purpose, TaskBasis, purpose};

fn of(class: &str, name: &str) -> Option<Purpose> {
    let model =
        Described { class: Some(class).filter(|c| !c.is_empty()), name, ..Described::default() };
    purpose(Catalogs::embedded(), &model)
}

fn task(class: &str, name: &str) -> Option<Task> {
    of(class, name).map(|found| found.task)
}

/// Every row has a task, and those that generate no text are these.
#[test]
fn every_model_of_the_catalog_has_a_task() {
    let mut by_task: BTreeMap<Task, Vec<&str>> = BTreeMap::new();
    for row in Catalogs::embedded().models().iter() {
        let model = Described {
            class: Some(&row.architecture),
            name: row.id.as_str(),
            labels: None,
            hub: row.task.as_deref(),
        };
        let found = purpose(Catalogs::embedded(), &model);
        let found = found.unwrap_or_else(|| panic!("{} ({})", row.id, row.architecture));
        assert_ne!(found.basis, TaskBasis::Guess, "{} is a guess", row.id);
        by_task.entry(found.task).or_default().push(row.id.as_str());
    }
    let of = |task: Task| by_task.get(&task).cloned().unwrap_or_default();
    assert_eq!(
        of(Task::Rerank),
        ["BAAI/bge-reranker-base", "BAAI/bge-reranker-large", "BAAI/bge-reranker-v2-m3"]
    );
    assert!(of(Task::Transcribe).iter().all(|id| id.contains("whisper")), "{by_task:?}");
    assert_eq!(of(Task::Transcribe).len(), 7);
    for id in [
        "Qwen/Qwen3-Embedding-8B",
        "BAAI/bge-m3",
        "intfloat/e5-mistral-7b-instruct",
        "google/embeddinggemma-300m",
        "sentence-transformers/all-mpnet-base-v2",
    ] {
        assert!(of(Task::Embed).contains(&id), "{id}");
    }
    for id in [
        "Qwen/Qwen3-Omni-30B-A3B-Instruct",
        "OpenGVLab/InternVL3_5-8B",
        "openbmb/MiniCPM-V-2_6",
        "Qwen/Qwen3-8B",
    ] {
        assert!(of(Task::Generate).contains(&id), "{id}");
    }
    // What generates has a class of that kind by its name, but for these.
    let names = ["embed", "rerank", "bge-", "e5-", "gte-", "minilm"];
    let odd = of(Task::Generate)
        .into_iter()
        .filter(|id| names.iter().any(|word| id.to_lowercase().contains(word)));
    let generate = ["Qwen/Qwen3-Reranker-0.6B", "Qwen/Qwen3-Reranker-4B", "Qwen/Qwen3-Reranker-8B"];
    assert_eq!(odd.collect::<Vec<_>>(), generate);
}

#[test]
fn the_class_decides() {
    for (class, name, expected) in [
        ("BertModel", "a/b", Task::Embed),
        ("XLMRobertaModel", "a/b", Task::Embed),
        ("XLMRobertaForSequenceClassification", "BAAI/bge-reranker-v2-m3", Task::Rerank),
        ("XLMRobertaForSequenceClassification", "a/toxicity", Task::Classify),
        ("BertForSequenceClassification", "cross-encoder/ms-marco-MiniLM-L6-v2", Task::Rerank),
        ("BertForTokenClassification", "a/ner", Task::Classify),
        ("Qwen3ForSequenceClassification", "Qwen/Qwen3-Reranker-0.6B", Task::Rerank),
        ("Qwen3ForCausalLM", "Qwen/Qwen3-Reranker-0.6B", Task::Generate),
        ("Qwen3ForCausalLM", "Qwen/Qwen3-0.6B", Task::Generate),
        ("Qwen3ForCausalLM", "Qwen/Qwen3-Embedding-0.6B", Task::Embed),
        ("Qwen3VLForConditionalGeneration", "Qwen/Qwen3-VL-Embedding-2B", Task::Embed),
        ("WhisperForConditionalGeneration", "openai/whisper-large-v3", Task::Transcribe),
        ("VoxtralForConditionalGeneration", "mistralai/Voxtral-Mini-3B-2507", Task::Generate),
        ("Qwen2AudioForConditionalGeneration", "a/b", Task::Generate),
        ("ChatGLMModel", "a/b", Task::Generate),
        ("QWenLMHeadModel", "a/b", Task::Generate),
        ("MiniCPMV", "a/b", Task::Generate),
        ("Qwen2ForRewardModel", "a/b", Task::Classify),
        ("ColQwen3", "a/b", Task::Embed),
    ] {
        assert_eq!(task(class, name), Some(expected), "{class} {name}");
    }
}

/// Words that only look alike, and classes that nobody knows.
#[test]
fn what_is_not_certain_is_a_guess() {
    assert_eq!(task("LlamaForCausalLM", "me/embedded-coder-7b"), Some(Task::Generate));
    assert_eq!(task("LlamaForCausalLM", "me/unrerankable"), Some(Task::Generate));
    for (class, name) in [
        ("FoobarModel", "me/mine"),
        ("FoobarForSequenceClassification", "me/mine"),
        ("LlamaForCausalLM", "me/my-embedding-7b"),
        ("", "me/my-reranker"),
        ("", "me/whisper-fine-tuned"),
    ] {
        assert_eq!(of(class, name).unwrap().basis, TaskBasis::Guess, "{class} {name}");
    }
    for (class, name) in [("Foobar", "me/mine"), ("", "me/mine"), ("", "Qwen/Qwen3-8B")] {
        assert_eq!(of(class, name), None, "{class} {name}");
    }
}

#[test]
fn the_number_of_labels_tells_scores_from_classes() {
    let with = |labels| {
        let class = Some("BertForSequenceClassification");
        let model = Described { class, name: "me/reranker", labels, hub: None };
        purpose(Catalogs::embedded(), &model).map(|found| found.task)
    };
    assert_eq!(with(Some(1)), Some(Task::Rerank));
    assert_eq!(with(Some(3)), Some(Task::Classify));
    assert_eq!(with(None), Some(Task::Rerank), "the name tells");
}
