//! Which model is asked where nobody names one: an inference profile of the geography that the Region is in.

use mcc_catalogs::Region;

/// The model: small and quick, takes a forced tool, and is in every geography. Source: the model card "Claude Haiku 4.5" in
/// the user guide of Amazon Bedrock, as of 2026-11-30.
const MODEL: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";

/// Geographies of the model's inference profiles: prefix, what the Regions that may use it begin with, and where requests
/// are answered. `us` and `eu` are of that card; the others, and which Regions may use which, are inferred from public code.
/// The first that fits counts.
const PROFILES: &[(&str, &[&str], &str)] = &[
    ("us", &["us-east-", "us-west-", "ca-"], "Regions of the United States"),
    ("eu", &["eu-"], "Regions of Europe"),
    ("jp", &["ap-northeast-1", "ap-northeast-3"], "Regions of Japan"),
    ("au", &["ap-southeast-2", "ap-southeast-4"], "Regions of Australia"),
    (
        "global",
        &["ap-", "sa-", "me-", "af-", "il-", "mx-"],
        "commercial Regions all over the world",
    ),
];

/// A model as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    /// Its id, that of an inference profile, or an ARN.
    pub(crate) id: String,
    /// Where requests are answered, in words.
    pub(crate) geography: String,
}

/// What is called from this Region: `wanted`, or the profile of its geography. None where none is known.
pub(crate) fn called(wanted: Option<&str>, region: &Region) -> Option<Called> {
    let Some(wanted) = wanted else {
        let (prefix, _, words) = PROFILES
            .iter()
            .find(|(_, begin, _)| begin.iter().any(|begin| region.as_str().starts_with(begin)))?;
        return Some(Called { id: format!("{prefix}.{MODEL}"), geography: (*words).to_owned() });
    };
    // The id of a profile begins with its geography, and that of a model with its publisher.
    let name = wanted.rsplit('/').next().unwrap_or(wanted);
    let prefix = name.split('.').next().unwrap_or_default();
    let known = PROFILES.iter().find(|(known, ..)| *known == prefix);
    let geography = match known {
        Some((_, _, words)) => (*words).to_owned(),
        None if matches!(prefix, "apac" | "us-gov" | "ca") => {
            format!("Regions of the geography {prefix}")
        }
        None if wanted.starts_with("arn:") => "Regions that its ARN leads to".to_owned(),
        None => format!("{region} alone"),
    };
    Some(Called { id: wanted.to_owned(), geography })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: Option<&str>, region: &str) -> Option<(String, String)> {
        called(wanted, &region.parse().unwrap()).map(|called| (called.id, called.geography))
    }

    #[test]
    fn the_profile_is_that_of_the_geography() {
        for (region, prefix) in [
            ("us-east-1", "us"),
            ("ca-central-1", "us"),
            ("eu-west-1", "eu"),
            ("eu-central-2", "eu"),
            ("ap-northeast-1", "jp"),
            ("ap-southeast-2", "au"),
            ("ap-south-1", "global"),
            ("ap-northeast-2", "global"),
            ("sa-east-1", "global"),
        ] {
            assert_eq!(of(None, region).unwrap().0, format!("{prefix}.{MODEL}"), "{region}");
        }
        // Of these nothing is known, and requests never leave a partition.
        for region in ["us-gov-west-1", "cn-north-1", "us-iso-east-1"] {
            assert_eq!(of(None, region), None, "{region}");
        }
    }

    #[test]
    fn a_model_of_ones_own_tells_where_it_is_answered() {
        let told = |wanted| of(Some(wanted), "eu-west-1").unwrap().1;
        assert_eq!(told("eu.amazon.nova-lite-v1:0"), "Regions of Europe");
        assert_eq!(
            told("global.anthropic.claude-haiku-4-5-20251001-v1:0"),
            "commercial Regions all over the world"
        );
        assert_eq!(told("amazon.nova-lite-v1:0"), "eu-west-1 alone");
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc";
        assert_eq!(told(arn), "Regions that its ARN leads to");
    }
}
