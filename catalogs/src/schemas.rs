//! JSON schemas of the catalog files, from their types.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::file::CatalogFile;

/// File name and schema of each catalog, for editors and for who writes an overlay.
pub fn schemas() -> Vec<(&'static str, Value)> {
    macro_rules! of {
        ($($file:ty),* $(,)?) => {
            vec![$((<$file>::NAME, SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<$file>().to_value())),*]
        };
    }
    of![
        crate::AcceleratorsFile,
        crate::AmisFile,
        crate::EngineOptionsFile,
        crate::EnginesFile,
        crate::HyperpodFile,
        crate::ImagesFile,
        crate::InstancesFile,
        crate::JumpStartFile,
        crate::KnownFitsFile,
        crate::Limits,
        crate::MeasuredFile,
        crate::ModelsFile,
        crate::PlacesFile,
        crate::PricesFile,
        crate::RegionsFile,
        crate::RegistriesFile,
    ]
}
