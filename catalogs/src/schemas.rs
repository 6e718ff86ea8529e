//! JSON schemas of the catalog files, from their types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::files::{self, Visitor};

struct Schemas(Vec<(&'static str, Value)>);

impl Visitor for Schemas {
    fn file<F: JsonSchema>(&mut self, name: &'static str, _: &'static str) {
        let generator = SchemaSettings::draft2020_12().into_generator();
        self.0.push((name, generator.into_root_schema_for::<F>().to_value()));
    }
}

/// File name and schema of each catalog, for editors and for who writes an overlay.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = Schemas(Vec::new());
    files::visit(&mut all);
    all.0
}
