//! The order of releases of packages and images, where their leading numbers are all that counts.

/// `version` as a sortable list of its leading numbers.
pub(crate) fn version_key(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}
