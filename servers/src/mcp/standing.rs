//! What a call's answer stands on: looked up before the tool runs, where somebody looks things up, and told in the answer.

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Ask, Catalogs, Errand, Found, Lookup, Rows, cut};

use crate::mcp::error::ToolError;
use crate::mcp::guard;
use crate::mcp::server::{Call, Context, Tool};

/// How often something is looked up for one call: what was found can lead to more that is asked.
const ROUNDS: usize = 3;
/// Most that is looked up for one call.
const ASKS: usize = 32;
/// How long look-ups may take where nobody has a clock.
const LONGEST: Duration = Duration::from_secs(60);
/// Most notes of look-ups that an answer tells, and how long each may be, in characters.
const NOTES: (usize, usize) = (8, 300);

/// A call with its facts, and what its answer tells of them.
pub(crate) struct Stood {
    pub(crate) call: Call,
    pub(crate) notes: Vec<String>,
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
    let mut notes = Vec::new();
    if let Some(lookup) = call.context.lookup.clone() {
        let errand = Errand::new(patience.unwrap_or(LONGEST));
        let mut asked: Vec<Ask> = Vec::new();
        for _ in 0..ROUNDS {
            let mut asks = asks(tool, &call)?;
            asks.sort_unstable();
            asks.dedup();
            asks.retain(|ask| !asked.contains(ask));
            asks.truncate(ASKS.saturating_sub(asked.len()));
            if asks.is_empty() {
                break;
            }
            let Found { rows, notes: more, .. } =
                look_up(&*lookup, &asks, &errand, patience.is_some()).await;
            asked.extend(asks);
            notes.extend(more);
            if !rows.is_empty() {
                call.context = Arc::new(with(&call.context, rows));
            }
        }
    }
    // Those of the build are worth what it says.
    if call.context.catalogs.is_some() {
        call.standing = call.context.catalogs().standing(&asks(tool, &call)?);
    }
    Ok(Stood { call, notes })
}

fn asks(tool: &'static Tool, call: &Call) -> Result<Vec<Ask>, ToolError> {
    guard::caught(tool.name, || Ok((tool.asks)(call)))
}

/// Whoever looks things up keeps to a time of its own; here is the end of it all the same, where there are timers.
async fn look_up(lookup: &dyn Lookup, asks: &[Ask], errand: &Errand, timed: bool) -> Found {
    let found = lookup.look_up(asks, errand);
    if !timed {
        return found.await;
    }
    tokio::time::timeout(errand.remaining(), found).await.unwrap_or_else(|_| {
        let note = "looking facts up took too long; the catalogs answer instead".to_owned();
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

/// Adds what look-ups had to say, which is foreign text, to the text of an answer.
pub(crate) fn tell(text: &mut String, notes: &[String]) {
    for note in notes.iter().take(NOTES.0) {
        let note = cut(note, NOTES.1);
        text.push_str("\nNote: ");
        text.push_str(&note);
    }
}
