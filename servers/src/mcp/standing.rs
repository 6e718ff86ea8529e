//! What a call's answer stands on: looked up before the tool runs, where somebody looks things up, and told in the answer.

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Ask, Catalogs, Errand, Found, Inquiry, Live, Lookup, Rows};
use serde_json::Value;

use crate::mcp::error::ToolError;
use crate::mcp::guard;
use crate::mcp::member::With;
use crate::mcp::server::{Answer, Call, Context, Tool};

/// How long look-ups may take where nobody has a clock.
const LONGEST: Duration = Duration::from_secs(60);
/// How much longer than they may they are waited for: whoever looks things up has by then what came in time.
const GRACE: Duration = Duration::from_millis(500);
/// The member of an answer that says what was looked up for it.
pub(crate) const MEMBER: &str = "live";

/// A call with its facts, and what its answer tells of them.
pub(crate) struct Stood {
    pub(crate) call: Call,
    pub(crate) live: Live,
}

/// The call with what could be found of what its answer stands on, where all look-ups may take as long as `patience`.
///
/// # Errors
/// The tool panicked.
pub(crate) async fn stand(
    tool: &'static Tool,
    mut call: Call,
    patience: Option<Duration>,
) -> Result<Stood, ToolError> {
    let mut inquiry = Inquiry::default();
    if let (Some(lookup), Some(_)) = (call.context.lookup.clone(), tool.asks) {
        // The rounds of a call are one errand, however many forms are filled in between.
        let left = call.answered.left.unwrap_or(Errand::REQUESTS);
        let errand =
            Errand::resumed(patience.unwrap_or(LONGEST), left).with_profile(call.profile.clone());
        loop {
            let asks = inquiry.next(asks(tool, &call)?);
            if asks.is_empty() {
                break;
            }
            let found = look_up(&*lookup, &asks, &errand, patience.is_some()).await;
            let rows = inquiry.found(found);
            if rows.is_empty() {
                break;
            }
            call.context = Arc::new(with(&call.context, rows));
        }
        call.answered.left = Some(errand.left());
    }
    // Those of the build are worth what it says.
    if call.context.catalogs.is_some() {
        call.standing = call.context.catalogs().standing(&asks(tool, &call)?);
    }
    Ok(Stood { call, live: inquiry.into_told() })
}

fn asks(tool: &'static Tool, call: &Call) -> Result<Vec<Ask>, ToolError> {
    guard::caught(tool.name, || Ok(tool.asks.map(|asks| asks(call)).unwrap_or_default()))
}

/// Whoever looks things up keeps to a time of its own; here is the end of it all the same, where there are timers.
async fn look_up(lookup: &dyn Lookup, asks: &[Ask], errand: &Errand, timed: bool) -> Found {
    let found = lookup.look_up(asks, errand);
    if !timed {
        return found.await;
    }
    tokio::time::timeout(errand.remaining() + GRACE, found).await.unwrap_or_else(|_| {
        let note = "The look-ups took too long. The catalogs are used instead.".to_owned();
        Found { notes: vec![note], ..Found::default() }
    })
}

/// The same server with more rows.
fn with(context: &Context, rows: Vec<Rows>) -> Context {
    let catalogs = context.catalogs.as_ref().unwrap_or_else(|| Catalogs::shared());
    let laid =
        rows.into_iter().fold(Arc::clone(catalogs), |below, rows| Arc::new(below.with(rows)));
    Context { catalogs: Some(laid), ..context.clone() }
}

/// Adds what look-ups had to say, which is foreign text, to an answer: to its text and to its structure.
pub(crate) fn tell(mut answer: Answer, live: Live) -> Answer {
    if live.is_empty() {
        return answer;
    }
    add(&mut answer.text, &live);
    answer.structured = Box::new(With { answer: answer.structured, name: MEMBER, member: live });
    answer
}

/// Adds the same to the text of an answer or an error.
pub(crate) fn add(text: &mut String, live: &Live) {
    for line in live.lines() {
        text.push('\n');
        text.push_str(&line);
    }
}

/// Adds the same to the structure of an error.
pub(crate) fn put(structured: &mut Value, live: &Live) -> serde_json::Result<()> {
    if let Value::Object(members) = structured
        && !live.is_empty()
    {
        members.insert(MEMBER.to_owned(), serde_json::to_value(live)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mcc_catalogs::Looked;
    use serde_json::json;

    use super::*;
    use crate::mcp::server::Reply;

    #[test]
    fn what_was_looked_up_is_the_last_member_in_both_forms() {
        let mut inquiry = Inquiry::default();
        let looked = Looked { source: "a hub".to_owned(), whom: None, age: 2 };
        inquiry.found(Found { looked: vec![looked], ..Found::default() });
        let live = inquiry.into_told();
        let before = json!({"status": "ok", "inner": {"live": "}"}});
        let Reply::Answer(answer) = Reply::answer(before.clone(), "said".to_owned()) else {
            panic!("an answer")
        };
        let told = tell(answer, live);
        assert_eq!(told.text, "said\nLive: a hub, 2 s ago");
        let mut expected = before;
        expected[MEMBER] = json!({"sources": [{"source": "a hub", "ageSeconds": 2}], "notes": []});
        assert_eq!(told.structured.value().unwrap(), expected);
        let json = told.structured.json().unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), expected.to_string());
    }
}
