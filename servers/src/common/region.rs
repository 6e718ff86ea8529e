//! Regions, as callers name them.

use mcc_catalogs::{Catalogs, RegionRow};

use crate::mcp::error::{Problem, ToolError};

/// The row of the Region called `name`.
///
/// # Errors
/// There is none of that name; with those that may be meant.
pub(crate) fn named<'a>(catalogs: &'a Catalogs, name: &str) -> Result<&'a RegionRow, ToolError> {
    catalogs.regions().get(name).ok_or_else(|| {
        let meant = catalogs.regions_meant(name);
        let fix = meant.first().map_or_else(
            || "give the code of a Region, such as us-east-1".to_owned(),
            |best| format!("did you mean `{best}`?"),
        );
        ToolError::of(
            "invalid_arguments",
            Problem::of("region", "AWS has no Region of that name")
                .value(&name.into())
                .fix(fix)
                .choices(meant.into_iter().map(str::to_owned).collect()),
        )
    })
}
