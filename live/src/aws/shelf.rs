//! What is read by many questions, and by one of them at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use mcc_catalogs::Region;

use crate::failure::Failure;

/// Most places; what is on a full shelf is read again.
const MOST: usize = 16;

/// Places for what is read of a Region through somebody's eyes. A place is held by whoever reads: the others wait, and find
/// what was read.
#[derive(Debug, Default)]
pub(super) struct Shelf<T> {
    places: Mutex<HashMap<String, Place<T>>>,
}

type Place<T> = Arc<tokio::sync::Mutex<T>>;

impl<T: Default> Shelf<T> {
    /// The place of a Region, through the eyes of whom `apart` names.
    ///
    /// # Errors
    /// Another question broke off in the middle of this.
    pub(super) fn place(&self, region: &Region, apart: &str) -> Result<Place<T>, Failure> {
        let mut places = self.places.lock().map_err(|_| Failure::TooSlow)?;
        let key = format!("{apart} {region}");
        if places.len() >= MOST && !places.contains_key(&key) {
            places.clear();
        }
        Ok(Arc::clone(places.entry(key).or_default()))
    }
}
