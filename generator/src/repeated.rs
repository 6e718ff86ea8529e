//! Names that are given twice: one value each, but for the lists of engines.

use mcc_catalogs::{Catalogs, OptionKind};
use serde_json::{Map, Value};

/// Adds `value` under `name`; of an engine's list the values follow one another. False if the name is there already and
/// takes one value only.
pub(crate) fn add(all: &mut Map<String, Value>, name: &str, value: Value, options: bool) -> bool {
    let Some(former) = all.get_mut(name) else {
        all.insert(name.to_owned(), value);
        return true;
    };
    if !options || !takes_several(name) {
        return false;
    }
    let mut items = items(former.take());
    items.extend(self::items(value));
    *former = Value::Array(items);
    true
}

/// Whether an option takes several values in every engine that has it.
fn takes_several(name: &str) -> bool {
    let engines = Catalogs::embedded().engines();
    let options = engines.iter().filter_map(|engine| engines.options(&engine.engine));
    let mut kinds = options.filter_map(|options| Some(options.get(name)?.kind)).peekable();
    kinds.peek().is_some() && kinds.all(|kind| kind == OptionKind::List)
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        one => vec![one],
    }
}
