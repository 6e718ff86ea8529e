//! What is answered, which is foreign: read as far as it names choices, and never more of it.

use mcc_catalogs::reason::{Comment, Opinion};
use serde_json::Value;

use super::names::Names;
use super::prompt::{Prompt, TOOL};

/// Most entries of a list that are looked at; the rest is dropped and counted.
const ENTRIES: usize = 100;
/// Most bytes of an answer: several times what so many tokens can be.
const BYTES: usize = 64 * 1024;

/// What a model answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Why it ended, in the service's word.
    pub(crate) stop: String,
    /// The tools that it called, with what it gave them.
    pub(crate) calls: Vec<(String, Value)>,
    /// Whether there was text.
    pub(crate) text: bool,
}

/// The opinion in an answer, or why there is none, as the predicate of a sentence.
pub(crate) fn opinion(prompt: &Prompt, answer: Answer) -> Result<Opinion, &'static str> {
    match answer.stop.as_str() {
        // Some models end so after a call, too.
        "tool_use" | "end_turn" => {}
        "max_tokens" | "model_context_window_exceeded" => {
            return Err("gave too long an answer, which was cut off and is not used");
        }
        "content_filtered" | "guardrail_intervened" => {
            return Err("stopped the answer with a filter or guardrail");
        }
        "malformed_tool_use" | "malformed_model_output" => {
            return Err("sent an answer that cannot be read");
        }
        "refusal" => return Err("refused to answer"),
        _ => return Err("ended the answer early"),
    }
    let mut calls = answer.calls.into_iter();
    let input = match (calls.next(), calls.next()) {
        (Some((name, input)), None) if name == TOOL => input,
        (Some(_), None) => return Err("called a tool that does not exist"),
        (Some(_), Some(_)) => return Err("answered more than once"),
        (None, _) if answer.text => {
            return Err("answered in prose instead of the requested form");
        }
        (None, _) => return Err("answered nothing"),
    };
    if input.to_string().len() > BYTES {
        return Err("sent a far longer answer than requested");
    }
    let Value::Object(mut input) = input else { return Err("sent an answer that cannot be read") };
    let mut opinion = Opinion::default();
    let mut list = |name: &str| match input.remove(name) {
        Some(Value::Array(items)) => Ok(items),
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(_) => Err("sent an answer that cannot be read"),
    };
    let (order, comments) = (list("order")?, list("comments")?);
    for (at, item) in order.into_iter().enumerate() {
        match item.as_str().filter(|_| at < ENTRIES).and_then(|named| prompt.id(named)) {
            Some(id) => opinion.order.push(id.to_owned()),
            None => opinion.dropped += 1,
        }
    }
    // The system's text names nothing, and so all that may be named is in the user's.
    let names = Names::of(&prompt.user);
    for (at, item) in comments.into_iter().enumerate() {
        let member = |name: &str| item.get(name).and_then(Value::as_str);
        let named = member("label").filter(|_| at < ENTRIES).and_then(|named| prompt.id(named));
        match named.zip(member("comment").filter(|text| names.have(text))) {
            Some((id, text)) => {
                opinion.comments.push(Comment { id: id.to_owned(), text: text.to_owned() });
            }
            None => opinion.dropped += 1,
        }
    }
    match input.remove("remarks") {
        Some(Value::String(remarks)) if names.have(&remarks) => opinion.remarks = Some(remarks),
        None | Some(Value::Null) => {}
        Some(_) => opinion.dropped += 1,
    }
    Ok(opinion)
}

#[cfg(test)]
mod tests {
    use mcc_catalogs::reason::{Choice, Question};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn question() -> Question {
        let choice = |id: &str| Choice { id: id.to_owned(), facts: Vec::new() };
        Question {
            shortlist: ["ml.g5.xlarge", "ml.g6.xlarge", "org/model"].map(choice).to_vec(),
            ..Question::default()
        }
    }

    fn read(answer: Answer) -> Result<Opinion, &'static str> {
        let question = question();
        let read = opinion(&Prompt::new(&question).unwrap(), answer)?;
        Ok(question.kept(read))
    }

    fn called(input: Value) -> Answer {
        Answer { stop: "tool_use".to_owned(), calls: vec![(TOOL.to_owned(), input)], text: false }
    }

    #[test]
    fn an_answer_in_form_is_an_opinion() {
        let input = json!({"order": ["c2", "c1"], "comments": [{"label": "c1", "comment": "a"}], "remarks": "b"});
        let opinion = read(called(input)).unwrap();
        assert_eq!(opinion.order, ["ml.g6.xlarge", "ml.g5.xlarge"]);
        assert_eq!(opinion.comments[0].id, "ml.g5.xlarge");
        assert_eq!((opinion.remarks.as_deref(), opinion.dropped), (Some("b"), 0));
    }

    #[test]
    fn texts_that_name_what_was_not_given_are_dropped_and_counted() {
        let input = json!({"order": ["c1"], "comments": [
            {"label": "c1", "comment": "Slower than ml.p5.48xlarge."},
            {"label": "c2", "comment": "Newer than ml.g5.xlarge."},
        ], "remarks": "It is cheaper in eu-south-7."});
        let opinion = read(called(input)).unwrap();
        assert_eq!((opinion.comments.len(), opinion.remarks, opinion.dropped), (1, None, 2));
        assert_eq!(opinion.comments[0].id, "ml.g6.xlarge");
    }

    #[test]
    fn nonsense_of_each_kind_names_no_other_choice() {
        let dropped = |input: Value| {
            let opinion = read(called(input)).unwrap();
            assert!(question().kept(opinion.clone()) == opinion);
            (opinion.order.len(), opinion.comments.len(), opinion.dropped)
        };
        // Unknown, of another account, twice, of another type, no label at all.
        assert_eq!(
            dropped(json!({"order": ["ml.p5.48xlarge", "c9", "c1", "c1", 7, null, ["c2"]]})),
            (1, 0, 6)
        );
        let comments = json!([{"label": "c1", "comment": "a"}, {"label": "c1", "comment": "b"}, {"label": "x", "comment": "c"}, {"label": "c2"}, "c3"]);
        assert_eq!(dropped(json!({"comments": comments})), (0, 1, 4));
        assert_eq!(
            dropped(json!({"order": [], "comments": null, "remarks": 5, "more": [1]})),
            (0, 0, 1)
        );
        assert_eq!(dropped(json!({"order": vec!["c1"; 5000]})), (1, 0, 4999));
        let huge = json!({"order": ["c1"], "remarks": "x".repeat(1024 * 1024)});
        assert_eq!(read(called(huge)), Err("sent a far longer answer than requested"));
        for input in [
            json!("c1"),
            json!(null),
            json!([1]),
            json!({"order": "c1"}),
            json!({"comments": {"label": "c1"}}),
        ] {
            assert_eq!(read(called(input)), Err("sent an answer that cannot be read"));
        }
        let other =
            Answer { calls: vec![("delete_all".to_owned(), json!({}))], ..called(json!({})) };
        assert_eq!(read(other), Err("called a tool that does not exist"));
        let twice = Answer {
            calls: vec![(TOOL.to_owned(), json!({"order": ["c1"]})); 2],
            ..called(json!({}))
        };
        assert_eq!(read(twice), Err("answered more than once"));
        let words = Answer { stop: "end_turn".to_owned(), calls: Vec::new(), text: true };
        assert_eq!(read(words), Err("answered in prose instead of the requested form"));
        let nothing = Answer { stop: "end_turn".to_owned(), calls: Vec::new(), text: false };
        assert_eq!(read(nothing), Err("answered nothing"));
        for stop in [
            "max_tokens",
            "content_filtered",
            "guardrail_intervened",
            "refusal",
            "malformed_tool_use",
            "stop_sequence",
            "",
        ] {
            let answer = Answer { stop: stop.to_owned(), ..called(json!({"order": ["c1"]})) };
            assert!(read(answer).is_err(), "{stop}");
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "c[0-9]|ml\\.g[56]\\.xlarge|org/model|.{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                proptest::collection::btree_map(
                    "order|comments|remarks|label|comment|.{0,8}",
                    inner,
                    0..6
                )
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_answer_names_what_is_no_choice(
            calls in proptest::collection::vec(("order_choices|.{0,8}", json_value()), 0..3),
            forms in (json_value(), json_value(), json_value()),
            stop in "tool_use|end_turn|max_tokens|.{0,8}",
            text in any::<bool>(),
        ) {
            let form = called(json!({"order": forms.0, "comments": forms.1, "remarks": forms.2}));
            for answer in [Answer { stop, calls, text }, form] {
                if let Ok(opinion) = read(answer) {
                    let question = question();
                    let known = |id: &String| question.shortlist.iter().any(|choice| choice.id == *id);
                    prop_assert!(opinion.order.iter().all(known));
                    prop_assert!(opinion.comments.iter().all(|comment| known(&comment.id)));
                    prop_assert!(opinion.order.len() <= 3 && opinion.comments.len() <= 3);
                }
            }
        }
    }
}
