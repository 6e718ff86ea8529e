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

/// Other geographies that ids of profiles begin with.
const OTHERS: [&str; 5] = ["apac", "us-gov", "ca", "in", "sa"];

/// A model as it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    /// Its id, that of an inference profile, or an ARN.
    pub(crate) id: String,
    /// What that is.
    pub(crate) kind: Kind,
    /// Where requests are answered, in words, as far as the id says.
    pub(crate) geography: String,
}

/// What an id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An inference profile, of AWS or of one's own: Bedrock knows where it leads.
    Profile,
    /// A model in one Region, by this id.
    Model(String),
    /// Something else that has an ARN, such as throughput that was bought.
    Other,
}

/// What is called from this Region: `wanted`, or the profile of its geography. None where none is known.
pub(crate) fn called(wanted: Option<&str>, region: &Region) -> Option<Called> {
    let Some(wanted) = wanted else {
        let (prefix, _, words) = PROFILES
            .iter()
            .find(|(_, begin, _)| begin.iter().any(|begin| region.as_str().starts_with(begin)))?;
        let geography = inferred(words);
        return Some(Called { id: format!("{prefix}.{MODEL}"), kind: Kind::Profile, geography });
    };
    let (kind, geography) = match wanted.strip_prefix("arn:") {
        Some(arn) => of_arn(arn, region),
        None => of_id(wanted, region),
    };
    Some(Called { id: wanted.to_owned(), kind, geography })
}

fn inferred(words: &str) -> String {
    format!("{words}, inferred from the id")
}

/// The id of a profile begins with its geography, and that of a model with its publisher.
fn of_id(id: &str, region: &Region) -> (Kind, String) {
    let prefix = id.split('.').next().unwrap_or_default();
    let known = PROFILES.iter().find(|(known, ..)| *known == prefix);
    match known {
        Some((_, _, words)) => (Kind::Profile, inferred(words)),
        None if OTHERS.contains(&prefix) => {
            (Kind::Profile, inferred(&format!("Regions of the geography {prefix}")))
        }
        None => (Kind::Model(id.to_owned()), format!("{region} alone")),
    }
}

fn of_arn(arn: &str, region: &Region) -> (Kind, String) {
    let resource = arn.split(':').skip(4).collect::<Vec<_>>().join(":");
    match resource.split_once('/') {
        Some(("foundation-model", id)) => (Kind::Model(id.to_owned()), format!("{region} alone")),
        Some(("inference-profile", id)) => match of_id(id, region) {
            (Kind::Profile, geography) => (Kind::Profile, geography),
            _ => (Kind::Profile, "Regions that its ARN leads to".to_owned()),
        },
        Some(("application-inference-profile", _)) => {
            (Kind::Profile, "Regions that its ARN leads to".to_owned())
        }
        _ => (Kind::Other, "Regions that its ARN leads to".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: Option<&str>, region: &str) -> Option<Called> {
        called(wanted, &region.parse().unwrap())
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
            let called = of(None, region).unwrap();
            assert_eq!(called.id, format!("{prefix}.{MODEL}"), "{region}");
            assert_eq!(called.kind, Kind::Profile);
        }
        // Of these nothing is known, and requests never leave a partition.
        for region in ["us-gov-west-1", "cn-north-1", "us-iso-east-1"] {
            assert_eq!(of(None, region), None, "{region}");
        }
    }

    #[test]
    fn a_model_of_ones_own_tells_where_it_is_answered() {
        let told =
            |wanted| of(Some(wanted), "eu-west-1").map(|one| (one.kind, one.geography)).unwrap();
        let (eu, europe) = ("eu.amazon.nova-lite-v1:0", "Regions of Europe, inferred from the id");
        assert_eq!(told(eu), (Kind::Profile, europe.to_owned()));
        let arn = format!("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{eu}");
        assert_eq!(told(&arn), (Kind::Profile, europe.to_owned()));
        let (kind, geography) = told("global.anthropic.claude-haiku-4-5-20251001-v1:0");
        assert_eq!(kind, Kind::Profile);
        assert!(geography.starts_with("commercial Regions all over the world, inferred"));
        let model = "amazon.nova-lite-v1:0";
        let alone = (Kind::Model(model.to_owned()), "eu-west-1 alone".to_owned());
        assert_eq!(told(model), alone);
        let arn = format!("arn:aws:bedrock:eu-west-1::foundation-model/{model}");
        assert_eq!(told(&arn), alone);
        let leads = "Regions that its ARN leads to".to_owned();
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc";
        assert_eq!(told(arn), (Kind::Profile, leads.clone()));
        let arn = "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc";
        assert_eq!(told(arn), (Kind::Other, leads));
    }
}
