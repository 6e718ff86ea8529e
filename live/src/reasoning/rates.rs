//! What tokens of a model cost, by AWS's price list: only where the rows say it beyond doubt.
//!
//! Two offers have models. `AmazonBedrockFoundationModels` has those of other publishers: a row names the model in
//! `servicename`, and in `usagetype` what is counted; its unit is `Units`, and its description says how many tokens that
//! is. `AmazonBedrock` has Amazon's own and open ones: a row names the model in `model`, and counts `1K tokens`. A request to
//! a geographic profile costs what the Region costs from which it is sent; `global.` profiles have rows of their own in the
//! first offer.

use mcc_catalogs::reason::Rates;
use mcc_catalogs::{Errand, Region};
use serde_json::{Map, Value, json};

use crate::aws::Aws;
use crate::aws::actions::GET_PRODUCTS;
use crate::aws::call::Call;
use crate::aws::price_list::{Page, desk_of};
use crate::failure::Failure;

/// Largest page: each of its hundred products has some kilobytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// An offer, and how it names a model.
struct Offer {
    code: &'static str,
    /// The attribute with the name.
    named: &'static str,
    /// What follows the name there.
    after: &'static str,
}

const OFFERS: [Offer; 2] = [
    Offer {
        code: "AmazonBedrockFoundationModels",
        named: "servicename",
        after: " (Amazon Bedrock Edition)",
    },
    Offer { code: "AmazonBedrock", named: "model", after: "" },
];

/// What tokens of the model with this name cost that is called in `region`; or why that is not known.
pub(super) async fn of(
    aws: &Aws,
    name: &str,
    global: bool,
    region: &Region,
    errand: &Errand,
) -> Result<Rates, String> {
    let desk = desk_of(region).ok_or_else(|| format!("there is no price list for {region}"))?;
    for offer in &OFFERS {
        let full = format!("{name}{}", offer.after);
        let page = page(aws, offer, &full, region, &desk, errand).await;
        let page = page.map_err(|failure| format!("AWS's price list {failure}"))?;
        if page.products.is_empty() {
            continue;
        }
        let (input, output) = if page.next.is_some_and(|next| !next.is_empty()) {
            (None, None)
        } else {
            let rows = |counts| only(&page.products, offer, &full, region, global, counts);
            (rows(Counts::Input), rows(Counts::Output))
        };
        return match (input, output) {
            (Some(input), Some(output)) => {
                let list = format!("AWS's price list for {region}, asked in {desk}");
                Ok(Rates { input, output, list })
            }
            _ => Err(format!("AWS's price list for {region} has no single price for its tokens")),
        };
    }
    Err(format!("AWS's price list for {region} does not have the model"))
}

async fn page(
    aws: &Aws,
    offer: &Offer,
    full: &str,
    region: &Region,
    desk: &Region,
    errand: &Errand,
) -> Result<Page, Failure> {
    let members = json!({
        "ServiceCode": offer.code,
        "FormatVersion": "aws_v1",
        "MaxResults": 100,
        "Filters": [
            { "Type": "TERM_MATCH", "Field": "regionCode", "Value": region },
            { "Type": "TERM_MATCH", "Field": offer.named, "Value": full },
        ],
    });
    let call = Call::json(GET_PRODUCTS, desk, members).at_most(LARGEST);
    let answer = aws.call(&call, errand).await?;
    serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::Unreadable("no page of a price list".to_owned()))
}

/// What a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Input,
    Output,
}

/// The one price of a million such tokens. None where there is none, or several.
fn only(
    products: &[String],
    offer: &Offer,
    full: &str,
    region: &Region,
    global: bool,
    counts: Counts,
) -> Option<f64> {
    let mut found: Option<f64> = None;
    for text in products {
        let product: Value = serde_json::from_str(text).ok()?;
        let about = product.pointer("/product/attributes")?.as_object()?;
        let says = |name: &str| about.get(name).and_then(Value::as_str).unwrap_or_default();
        if says("regionCode") != region.as_str() || says(offer.named) != full {
            return None;
        }
        let is_it = match offer.named {
            "servicename" => of_others(says("usagetype"), global, counts),
            _ => !global && of_amazon(about, counts),
        };
        if !is_it {
            continue;
        }
        let usd = million(&product, counts)?;
        // A price that depends on how much is used, or a row of which nothing more is known.
        if found.replace(usd).is_some_and(|known| (known - usd).abs() > f64::EPSILON) {
            return None;
        }
    }
    found
}

/// Whether a row of the first offer counts such tokens: `USE1-MP:USE1_InputTokenCount-Units`,
/// `USE1-MP:USE1_output_tokens_global_standard-Units`. Batches, caches, long contexts and reservations are named otherwise.
fn of_others(usage: &str, global: bool, counts: Counts) -> bool {
    let counted = usage
        .split_once("MP:")
        .and_then(|(_, rest)| rest.strip_suffix("-Units")?.split_once('_'))
        .map(|(_, counted)| counted);
    let names = match (counts, global) {
        (Counts::Input, false) => ["InputTokenCount", "input_tokens_standard"],
        (Counts::Output, false) => ["OutputTokenCount", "output_tokens_standard"],
        (Counts::Input, true) => ["InputTokenCount_Global", "input_tokens_global_standard"],
        (Counts::Output, true) => ["OutputTokenCount_Global", "output_tokens_global_standard"],
    };
    counted.is_some_and(|counted| names.contains(&counted))
}

/// The same of a row of the second: `USE1-NovaLite-input-tokens`.
fn of_amazon(about: &Map<String, Value>, counts: Counts) -> bool {
    let says = |name: &str| about.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, ending) = match counts {
        Counts::Input => ("Input tokens", "-input-tokens"),
        Counts::Output => ("Output tokens", "-output-tokens"),
    };
    says("feature") == "On-demand Inference"
        && says("inferenceType") == kind
        && says("usagetype").ends_with(ending)
}

/// US dollars for a million tokens, where a row says how many it is the price of.
fn million(product: &Value, counts: Counts) -> Option<f64> {
    let terms = product.pointer("/terms/OnDemand")?.as_object()?;
    let mut dimensions = terms
        .values()
        .filter_map(|term| term.get("priceDimensions")?.as_object())
        .flat_map(Map::values);
    let (one, other) = (dimensions.next()?, dimensions.next());
    if other.is_some() {
        return None;
    }
    let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
    let description = text("description").to_ascii_lowercase();
    let told = match counts {
        Counts::Input => description.contains("million input tokens"),
        Counts::Output => ["million response tokens", "million output tokens"]
            .iter()
            .any(|words| description.contains(words)),
    };
    let times = match text("unit") {
        "1K tokens" => 1000.0,
        "1M tokens" => 1.0,
        "Units" if told => 1.0,
        _ => return None,
    };
    let usd: f64 = one.pointer("/pricePerUnit/USD")?.as_str()?.parse().ok()?;
    let usd = usd * times;
    // What a row says in thousandths is not what a calculation with them says.
    let usd = (usd * 1e9).round() / 1e9;
    // A million tokens for more than that is no price.
    (usd > 0.0 && usd <= 100_000.0).then_some(usd)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "Claude Haiku 4.5 (Amazon Bedrock Edition)";

    fn row(usage: &str, description: &str, unit: &str, usd: &str) -> String {
        json!({
            "product": {"attributes": {
                "regionCode": "eu-west-1", "servicename": NAME, "model": "Nova Lite", "usagetype": usage,
                "feature": "On-demand Inference",
                "inferenceType": if usage.contains("input") { "Input tokens" } else { "Output tokens" },
            }},
            "terms": {"OnDemand": {"S.J": {"priceDimensions": {"S.J.6": {
                "unit": unit, "description": description, "pricePerUnit": {"USD": usd},
            }}}}},
        })
        .to_string()
    }

    fn haiku() -> Vec<String> {
        let said = |what: &str| format!("AWS Marketplace software usage|eu-west-1|Million {what}");
        [
            ("InputTokenCount", "Input Tokens Regional CRIS", "1.1000000000"),
            ("OutputTokenCount", "Response Tokens Regional CRIS", "5.5000000000"),
            ("InputTokenCount_Global", "Input Tokens Global", "1.0000000000"),
            ("OutputTokenCount_Global", "Response Tokens Global", "5.0000000000"),
            ("InputTokenCount_Batch", "Input Tokens Batch", "0.5500000000"),
            ("CacheReadInputTokenCount", "Cache Read Input Tokens", "0.1100000000"),
            ("LongContextInputTokenCount", "Input Tokens Long Context", "2.2000000000"),
            ("Reserved_1Month_InputTPM_Geo", "Input TPM", "0.3000000000"),
        ]
        .map(|(counted, what, usd)| {
            row(&format!("EU-MP:EUW1_{counted}-Units"), &said(what), "Units", usd)
        })
        .to_vec()
    }

    fn rates(rows: &[String], global: bool) -> (Option<f64>, Option<f64>) {
        let region = "eu-west-1".parse().unwrap();
        let price = |counts| only(rows, &OFFERS[0], NAME, &region, global, counts);
        (price(Counts::Input), price(Counts::Output))
    }

    #[test]
    fn the_row_is_that_of_the_tokens_that_are_counted() {
        assert_eq!(rates(&haiku(), false), (Some(1.1), Some(5.5)));
        assert_eq!(rates(&haiku(), true), (Some(1.0), Some(5.0)));
        let newer: Vec<String> = [
            ("input_tokens_standard", "Million Input Tokens", "2.2"),
            ("output_tokens_standard", "Million Output Tokens", "11"),
            ("input_tokens_global_standard", "Million Input Tokens Global", "2"),
            ("cache_read_tokens_standard", "Million Cache Read Tokens", "0.2"),
        ]
        .map(|(counted, what, usd)| row(&format!("EU-MP:EUW1_{counted}-Units"), what, "Units", usd))
        .to_vec();
        assert_eq!(rates(&newer, false), (Some(2.2), Some(11.0)));
        assert_eq!(rates(&newer, true), (Some(2.0), None));
    }

    #[test]
    fn where_a_row_leaves_a_doubt_no_price_is_known() {
        let with = |row: String| {
            let mut rows = haiku();
            rows.push(row);
            rates(&rows, false).0
        };
        let usage = "EU-MP:EUW1_InputTokenCount-Units";
        let said = "Million Input Tokens";
        assert_eq!(with(row(usage, said, "Units", "1.1")), Some(1.1));
        // Another price of the same, another Region or model, and what is no row.
        assert_eq!(with(row(usage, said, "Units", "1.2")), None);
        assert_eq!(with(row(usage, said, "Units", "1.1").replace("eu-west-1", "eu-west-2")), None);
        assert_eq!(with(row(usage, said, "Units", "1.1").replace("Haiku", "Opus")), None);
        assert_eq!(with("{".to_owned()), None);
        let alone = |row: String| rates(&[row], false).0;
        // How many tokens it is for is not said, or it is no price.
        assert_eq!(alone(row(usage, "Input Tokens", "Units", "1.1")), None);
        assert_eq!(alone(row(usage, said, "Hrs", "1.1")), None);
        assert_eq!(alone(row(usage, said, "1M tokens", "1.1")), Some(1.1));
        for usd in ["", "x", "NaN", "-1", "0", "1e999"] {
            assert_eq!(alone(row(usage, said, "Units", usd)), None, "{usd}");
        }
        assert_eq!(alone(row(usage, said, "Units", "1.1").replace("\"USD\"", "\"CNY\"")), None);
        assert_eq!(rates(&[], false), (None, None));
    }

    #[test]
    fn amazons_own_are_counted_by_the_thousand() {
        let region = "eu-west-1".parse().unwrap();
        let rows = [
            row("EU-NovaLite-input-tokens", "$0.00006 per 1K tokens", "1K tokens", "0.0000600000"),
            row("EU-NovaLite-output-tokens", "$0.00024 per 1K tokens", "1K tokens", "0.0002400000"),
            row("EU-NovaLite-input-tokens-batch", "half", "1K tokens", "0.0000300000"),
            row("EU-NovaLite-input-tokens-cache-read", "less", "1K tokens", "0.0000150000"),
        ];
        let price = |global, counts| only(&rows, &OFFERS[1], "Nova Lite", &region, global, counts);
        assert_eq!(price(false, Counts::Input), Some(0.06));
        assert_eq!(price(false, Counts::Output), Some(0.24));
        // What those of all Regions cost is not known of these.
        assert_eq!(price(true, Counts::Input), None);
    }
}
