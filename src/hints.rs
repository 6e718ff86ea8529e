//! What is meant by a flag that does not exist: clap proposes the one that is spelled most alike, and the generator
//! knows which input people mean.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The error with the flags that are meant, where it is about one that does not exist.
pub(crate) fn better(mut error: Error) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let name = given.trim_start_matches('-').split('=').next().unwrap_or_default();
    let named = |key: &str| mcc_generator::field(key).map(|field| format!("--{}", field.flag));
    let meant: Vec<String> = match mcc_generator::meaning::words(name) {
        Some(keys) => keys.iter().filter_map(|key| named(key)).collect(),
        None => return error,
    };
    // Only where clap would propose something of the same command.
    let ours =
        error.get(ContextKind::Usage).is_some_and(|usage| usage.to_string().contains("generate"));
    if ours && !meant.is_empty() {
        error.insert(ContextKind::SuggestedArg, ContextValue::Strings(meant));
        // It shows the flag that clap would have proposed.
        error.remove(ContextKind::Usage);
    }
    error
}
