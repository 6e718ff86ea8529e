//! A user's own rows over those of the build.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use std::path::Path;
use std::sync::Arc;

use mcc_catalogs::{
    Ask, CatalogError, Catalogs, ModelsFile, PriceBasis, PricesFile, QuotaUse, QuotasFile, Rows,
};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn error(files: &[(&str, &str)]) -> String {
    let dir = folder(files);
    let error = Catalogs::with_overlay(dir.path()).unwrap_err().to_string();
    error.replace(&format!("{}/", dir.path().display()), "")
}

const HEAD: &str = r#""as_of": "2027-01-01", "source": "our own tests""#;

#[test]
fn rows_are_added_and_replaced() {
    let dir = folder(&[
        (
            "instances.json",
            &format!(
                r#"{{{HEAD}, "instances": [
                {{"type": "ml.g9.xlarge", "vcpus": 8, "memory_mib": 65536, "arch": "arm64", "accelerator": "X1", "count": 2, "hosting": true, "batch_transform": false, "hyperpod": false}},
                {{"type": "ml.g5.xlarge", "vcpus": 4, "memory_mib": 20000, "arch": "x86_64", "accelerator": "A10G", "count": 1, "hosting": true, "batch_transform": true, "hyperpod": true}}]}}"#
            ),
        ),
        (
            "accelerators.json",
            &format!(
                r#"{{{HEAD}, "accelerators": [{{"name": "X1", "kind": "cuda", "architecture": "New", "memory_mib": 1000, "memory_basis": "marketing", "compute_capability": "13.0"}}]}}"#
            ),
        ),
        (
            "prices.json",
            &format!(
                r#"{{{HEAD}, "region": "eu-west-1", "prices": [{{"type": "ml.g9.xlarge", "usd_per_hour": 9.5, "basis": "published"}}]}}"#
            ),
        ),
        ("README.md", "not a catalog"),
    ]);
    let catalogs = Catalogs::with_overlay(dir.path()).unwrap();
    let added = catalogs.instances().get("ml.g9.xlarge").unwrap();
    assert_eq!((added.gpus(), added.accelerator().unwrap().memory_mib), (2, 1000));
    assert_eq!(catalogs.instances().get("ml.g5.xlarge").unwrap().memory_mib, 20000);
    assert_eq!(
        catalogs.instances().iter().count(),
        Catalogs::embedded().instances().iter().count() + 1
    );
    // A price keeps the day and place of the file that it came from, and so do those around it.
    let price = catalogs.prices().usd_per_hour("ml.g9.xlarge", None).unwrap();
    assert_eq!(
        (price.usd, price.basis, price.as_of.as_str()),
        (9.5, PriceBasis::Published, "2027-01-01")
    );
    assert_eq!(price.region.unwrap().as_str(), "eu-west-1");
    let other = catalogs.prices().usd_per_hour("ml.g5.xlarge", None).unwrap();
    assert_eq!((other.as_of.as_str(), other.region.unwrap().as_str()), ("2026-09-27", "us-east-1"));
    // The new family hosts GPUs, so the check asks for its driver; nothing else is wrong.
    let findings: Vec<String> = catalogs.check().iter().map(ToString::to_string).collect();
    assert_eq!(findings, ["amis.json: `g9`: hosts GPUs but has no row in default_drivers"]);
}

#[test]
fn a_model_replaces_one_that_differs_in_case_only() {
    let row = r#"{"id": "qwen/qwen3-8b", "parameters": 7, "weight_bytes": 14, "architecture": "Qwen3ForCausalLM", "config": {"hidden_size": 8}}"#;
    let dir = folder(&[("models.json", &format!(r#"{{{HEAD}, "models": [{row}]}}"#))]);
    let catalogs = Catalogs::with_overlay(dir.path()).unwrap();
    let model = catalogs.models().get("Qwen/Qwen3-8B").unwrap();
    assert_eq!(model.parameters, Some(7));
    assert_eq!(model.config.as_ref().unwrap().text(), r#"{"hidden_size": 8}"#);
    assert_eq!(catalogs.models().nearest("qwen3-8b").first(), Some(&"qwen/qwen3-8b"));
    assert_eq!(catalogs.models().iter().count(), Catalogs::embedded().models().iter().count());
}

#[test]
fn an_image_can_be_pinned_by_digest() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let row = format!(
        r#"{{"family": "vllm", "version": "9.0.0", "tag": "9.0.0-ours", "digest": "{digest}", "host": "registry.example.com:5000", "repository": "ml/vllm", "listed": true, "platform": "any", "arch": ["arm64"], "accelerator": "cuda"}}"#
    );
    let dir = folder(&[("images.json", &format!(r#"{{{HEAD}, "images": [{row}]}}"#))]);
    let catalogs = Catalogs::with_overlay(dir.path()).unwrap();
    assert_eq!(catalogs.images().default_version("vllm"), Some("9.0.0"));
    let region = "us-east-1".parse().unwrap();
    let image =
        catalogs.images().resolve("vllm", None, &region, mcc_catalogs::Arch::Arm64).unwrap();
    let uri = format!("registry.example.com:5000/ml/vllm:9.0.0-ours@{digest}");
    assert_eq!(image.uri.as_str(), uri);
    assert_eq!((image.digest(), &image.registry_account), (Some(digest.as_str()), &None));
}

#[test]
fn errors_name_file_row_and_field() {
    let row = |vcpus: &str| {
        format!(
            r#"{{{HEAD}, "instances": [{{"type": "ml.m9.large", "vcpus": {vcpus}, "memory_mib": 1, "arch": "x86_64", "hosting": true, "batch_transform": false, "hyperpod": false}}]}}"#
        )
    };
    let wrong = error(&[("instances.json", &row("\"two\""))]);
    assert!(
        wrong.starts_with(
            "instances.json: instances row 1 (`ml.m9.large`), field `vcpus`: invalid type: string \"two\""
        ),
        "{wrong}"
    );
    let typing = row("2").replace("hosting", "hostign");
    let wrong = error(&[("instances.json", &typing)]);
    assert!(
        wrong.starts_with("instances.json: instances row 1 (`ml.m9.large`)")
            && wrong.contains("hostign"),
        "{wrong}"
    );
    let wrong = error(&[("instances.json", &row("2").replace("ml.m9.large", "m9.large"))]);
    assert!(wrong.contains("field `type`: `m9.large` is not an instance type"), "{wrong}");
}

#[test]
fn dates_are_dates() {
    let prices = |file: &str, estimates: &str, row: &str| {
        format!(
            r#"{{"as_of": "{file}", "source": "ours", "estimates_as_of": "{estimates}", "prices": [{{"type": "ml.g5.xlarge", "usd_per_hour": 1.0, "basis": "published", "as_of": "{row}"}}]}}"#
        )
    };
    let day = "2024-02-29";
    assert!(
        Catalogs::with_overlay(folder(&[("prices.json", &prices(day, day, day))]).path()).is_ok()
    );
    for no_date in [
        "",
        "soon",
        "2026",
        "2026-11",
        "2026-11-31",
        "2026-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "26-11-30",
        "2026-1-1",
        "2026-11-30T00:00",
        "2026-11-30-1",
        "+026-11-30",
        "30-11-2026",
    ] {
        let wrong = error(&[("prices.json", &prices(no_date, day, day))]);
        let told = format!("field `as_of`: {no_date:?} is not a date; write it as YYYY-MM-DD");
        assert_eq!(wrong, format!("prices.json: {told}"));
        let wrong = error(&[("prices.json", &prices(day, no_date, day))]);
        assert!(wrong.starts_with("prices.json: field `estimates_as_of`: "), "{wrong}");
        let wrong = error(&[("prices.json", &prices(day, day, no_date))]);
        assert_eq!(wrong, format!("prices.json: prices row 1 (`ml.g5.xlarge`), {told}"));
    }
    let model = r#"{"as_of": "2026-11-30", "source": "ours", "models": [{"id": "a/b", "architecture": "X", "released": "May 2026"}]}"#;
    let wrong = error(&[("models.json", model)]);
    assert!(
        wrong.starts_with("models.json: models row 1 (`a/b`), field `released`: \"May"),
        "{wrong}"
    );
}

#[test]
fn other_errors_are_as_clear() {
    let wrong = error(&[("prices.json", "{")]);
    assert!(wrong.starts_with("prices.json is not valid JSON: EOF"), "{wrong}");
    let wrong = error(&[("prices.json", r#"{"prices": []}"#)]);
    assert!(wrong.starts_with("prices.json: top level: missing field `as_of`"), "{wrong}");
    let wrong = error(&[("instance.json", "{}")]);
    assert!(
        wrong.starts_with("instance.json is not a catalog; expected one of: instances.json"),
        "{wrong}"
    );
    let missing = Catalogs::with_overlay(Path::new("no/such/folder")).unwrap_err();
    assert!(matches!(missing, CatalogError::Read { .. }), "{missing}");
}

#[test]
fn rows_say_where_they_are_from_and_nothing_else_is_read_again() {
    let row = |id: &str| {
        format!(
            r#"{{{HEAD}, "models": [{{"id": "{id}", "parameters": 7, "architecture": "Qwen3ForCausalLM"}}]}}"#
        )
    };
    let dir = folder(&[("models.json", &row("mine/own"))]);
    let own = Arc::new(Catalogs::with_overlay(dir.path()).unwrap());
    let found: ModelsFile = serde_json::from_str(&row("mine/new").replace("2027", "2028")).unwrap();
    let live = own.with(Rows::live("Hugging Face").with(found));
    let models = live.models();
    assert_eq!(models.iter().count(), Catalogs::embedded().models().iter().count() + 2);
    let origin = |id: &str| models.origin(id).map(|origin| (origin.live(), origin.as_of()));
    assert_eq!(origin("Qwen/Qwen3-8B"), Some((None, None)));
    assert_eq!(origin("MINE/own"), Some((None, Some("2027-01-01"))));
    assert_eq!(origin("mine/new"), Some((Some("Hugging Face"), Some("2028-01-01"))));
    assert_eq!(origin("mine/none"), None);
    assert!(own.models().get("mine/new").is_none(), "what was found is for one call");
    // What nothing was laid on is the build's own.
    assert!(std::ptr::eq(live.instances(), Catalogs::embedded().instances()));
    assert!(!std::ptr::eq(live.models(), Catalogs::embedded().models()));
}

#[test]
fn prices_of_a_region_are_in_an_order_of_their_own() {
    let file: PricesFile = serde_json::from_str(&format!(
        r#"{{{HEAD}, "region": "us-west-2", "prices": [
        {{"type": "ml.g5.xlarge", "usd_per_hour": 99.5, "basis": "published"}},
        {{"type": "ml.p4d.24xlarge", "usd_per_hour": 0.5, "basis": "published"}}]}}"#
    ))
    .unwrap();
    let catalogs = Catalogs::shared().with(Rows::live("AWS prices of us-west-2").with(file));
    let prices = catalogs.prices();
    let there = prices.usd_per_hour("ml.g5.xlarge", Some("us-west-2")).unwrap();
    assert_eq!((there.usd, there.origin.live()), (99.5, Some("AWS prices of us-west-2")));
    // Elsewhere nothing is other than it was.
    for region in [None, Some("us-east-1"), Some("eu-west-1")] {
        assert_eq!(
            prices.usd_per_hour("ml.g5.xlarge", region),
            Catalogs::embedded().prices().usd_per_hour("ml.g5.xlarge", None),
        );
        assert!(catalogs.by_price(region).eq(Catalogs::embedded().by_price(None)), "{region:?}");
    }
    let order: Vec<(Option<f64>, &str)> =
        catalogs.by_price(Some("us-west-2")).map(|(usd, row)| (usd, row.name.as_str())).collect();
    assert_eq!(order[..2], [(Some(0.5), "ml.p4d.24xlarge"), (Some(99.5), "ml.g5.xlarge")]);
    // A price of us-east-1 is told as such, after all of the Region's own.
    assert!(order[2].0.unwrap() < 1.0, "{:?}", order[2]);
    let other = prices.usd_per_hour(order[2].1, Some("us-west-2")).unwrap();
    assert_eq!((other.region.unwrap().as_str(), other.origin.live()), ("us-east-1", None));
    assert_eq!(order.len(), catalogs.instances().iter().count());
    let standing = |region: &str| catalogs.standing(&[Ask::Prices(region.parse().unwrap())]);
    assert!(standing("us-west-2").live && !standing("eu-west-1").live);
}

#[test]
fn a_users_own_row_is_not_replaced_by_what_is_looked_up() {
    let price = |usd: &str| {
        format!(
            r#"{{{HEAD}, "prices": [{{"type": "ml.g5.xlarge", "usd_per_hour": {usd}, "basis": "published", "region": "us-east-1"}}]}}"#
        )
    };
    let dir = folder(&[("prices.json", &price("1.25"))]);
    let own = Arc::new(Catalogs::with_overlay(dir.path()).unwrap());
    let found: PricesFile = serde_json::from_str(&price("2.5")).unwrap();
    let live = own.with(Rows::live("AWS prices of us-east-1").with(found.clone()));
    assert_eq!(live.prices().usd("ml.g5.xlarge", Some("us-east-1")), Some(1.25));
    let live = Catalogs::shared().with(Rows::live("AWS prices of us-east-1").with(found));
    assert_eq!(live.prices().usd("ml.g5.xlarge", Some("us-east-1")), Some(2.5));
}

#[test]
fn quotas_are_known_where_somebody_says_them() {
    assert_eq!(Catalogs::embedded().quotas().iter().count(), 0);
    let file: QuotasFile = serde_json::from_str(&format!(
        r#"{{{HEAD}, "account": "123456789012", "quotas": [
        {{"region": "us-west-2", "use": "endpoint", "type": "ml.g5.xlarge", "limit": 4, "in_use": 3}}]}}"#
    ))
    .unwrap();
    let catalogs = Catalogs::shared().with(Rows::live("AWS quotas of us-west-2").with(file));
    let quotas = catalogs.quotas();
    let row = quotas.get("us-west-2", QuotaUse::Endpoint, "ml.g5.xlarge").unwrap();
    assert_eq!((row.free(), quotas.account()), (Some(1), Some("123456789012")));
    assert_eq!(quotas.get("us-west-2", QuotaUse::Cluster, "ml.g5.xlarge"), None);
    assert_eq!(quotas.get("us-east-1", QuotaUse::Endpoint, "ml.g5.xlarge"), None);
    assert_eq!(quotas.origin("us-west-2").live(), Some("AWS quotas of us-west-2"));
}

#[test]
fn an_empty_folder_changes_nothing() {
    let dir = folder(&[]);
    let catalogs = Catalogs::with_overlay(dir.path()).unwrap();
    assert!(catalogs.check().is_empty());
}

#[test]
fn rows_of_engines_that_nobody_knows_are_found() {
    let rows = r#""gpus": [{"id": "g", "engine": "vlm", "least": "8.0", "source": "x", "trust": "read"}],
        "pairs": [{"id": "p", "engine": "vlm", "what": "does not start", "source": "x", "trust": "read"}],
        "splits": [{"id": "s", "engine": "vlm", "part": "experts", "scales": "block", "source": "x", "trust": "read"}],
        "states": [{"id": "t", "engine": "vlm", "pages": 1, "source": "x", "trust": "read"}],
        "sorters": [{"id": "o", "engine": "vlm", "source": "x"}],
        "scales": [{"id": "c", "engine": "vlm", "major": 12, "source": "x"}]"#;
    let dir = folder(&[("engine_limits.json", &format!("{{{HEAD}, {rows}}}"))]);
    let catalogs = Catalogs::with_overlay(dir.path()).unwrap();
    let found: Vec<String> = catalogs.check().iter().map(ToString::to_string).collect();
    for id in ["g", "p", "s", "t", "o", "c"] {
        let fault = format!("engine_limits.json: `{id}`: engine `vlm` is not in engines");
        assert!(found.contains(&fault), "{id}: {found:?}");
    }
}
