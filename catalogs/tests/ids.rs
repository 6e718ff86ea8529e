//! Identifiers: what is accepted comes back as given, what is not is explained, nothing panics.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use std::str::FromStr;

use mcc_catalogs::{Arn, ArnKind, Catalogs, ImageUri, InstanceType, ModelId, Region, S3Uri};
use proptest::prelude::*;

fn good<
    T: FromStr<Err: std::fmt::Debug>
        + ToString
        + serde::Serialize
        + serde::de::DeserializeOwned
        + PartialEq
        + std::fmt::Debug,
>(
    texts: &[&str],
) {
    for text in texts {
        let id: T = text.parse().unwrap();
        assert_eq!(id.to_string(), *text);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), id);
    }
}

fn bad<T: FromStr<Err: std::fmt::Display> + std::fmt::Debug + serde::de::DeserializeOwned>(
    texts: &[(&str, &str)],
) {
    for (text, reason) in texts {
        let error = text.parse::<T>().err().unwrap_or_else(|| panic!("`{text}` was accepted"));
        assert!(error.to_string().contains(reason), "`{text}`: {error}");
        assert!(serde_json::from_value::<T>((*text).into()).is_err());
    }
}

#[test]
fn instance_types() {
    good::<InstanceType>(&["ml.g5.xlarge", "ml.p6-b200.48xlarge", "ml.p6e-gb200.36xlarge"]);
    bad::<InstanceType>(&[
        ("", "does not start with `ml.`"),
        ("g5.xlarge", "does not start with `ml.`"),
        ("ml.g5", "no size"),
        ("ml..xlarge", "empty"),
        ("ml.G5.xlarge", "`G` cannot be in the family"),
        ("ml.g5.x large", "` ` cannot be in the size"),
        ("ml.5g.xlarge", "does not start with a letter"),
        ("ml.g5.xlarge.", "`.` cannot be in the size"),
    ]);
    let id: InstanceType = "ml.p6-b200.48xlarge".parse().unwrap();
    assert_eq!(
        (id.family(), id.size(), id.ec2_name()),
        ("p6-b200", "48xlarge", "p6-b200.48xlarge")
    );
}

#[test]
fn regions() {
    good::<Region>(&["us-east-1", "us-gov-west-1", "eu-isoe-west-1", "eusc-de-east-1"]);
    bad::<Region>(&[
        ("us-east", "words and a number"),
        ("us_east_1", "`_`"),
        ("US-EAST-1", "`U`"),
        ("a-b-1", "letters"),
        ("", "words"),
    ]);
}

#[test]
fn model_ids() {
    good::<ModelId>(&["meta-llama/Llama-3.1-8B-Instruct", "gpt2", "a/b_c.d"]);
    bad::<ModelId>(&[
        ("", "empty"),
        ("a/", "empty"),
        ("a/b/c", "more than one `/`"),
        ("a/$(id)", "`$` cannot"),
        ("a/..", "`--` and `..`"),
        ("a/b--c", "`--` and `..`"),
        ("-a/b", "first or last"),
        ("a/b.git", ".git"),
        ("a/b\nc", "`\\n` cannot"),
    ]);
    let long = format!("a/{}", "b".repeat(100));
    assert!(long.parse::<ModelId>().is_err());
    let id: ModelId = "Qwen/Qwen3-8B".parse().unwrap();
    assert_eq!((id.owner(), id.name()), (Some("Qwen"), "Qwen3-8B"));
}

#[test]
fn s3_addresses() {
    good::<S3Uri>(&[
        "s3://bucket",
        "s3://my.bucket-1/a/b c".split(' ').next().unwrap(),
        "s3://bucket/prefix/",
    ]);
    bad::<S3Uri>(&[
        ("https://bucket/x", "s3://"),
        ("s3://ab", "3 to 63"),
        ("s3://Bucket/x", "`B`"),
        ("s3://-bucket/x", "begins and ends"),
        ("s3://bucket/a b", "cannot be in it"),
        ("s3://bucket/a\nb", "cannot be in it"),
        ("s3://bucket/run:1/", "`:` cannot be in it"),
        ("s3://bucket/a/../b", "`..`"),
    ]);
    let id: S3Uri = "s3://bucket/a/b".parse().unwrap();
    assert_eq!((id.bucket(), id.key(), id.is_prefix()), ("bucket", "a/b", false));
    assert!("s3://bucket".parse::<S3Uri>().unwrap().is_prefix());
}

#[test]
fn images() {
    let digest = format!("repo@sha256:{}", "0a".repeat(32));
    good::<ImageUri>(&[
        "python",
        "library/python:3.12-slim",
        "localhost:5000/a/b:1",
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27.1-gpu",
        &digest,
    ]);
    bad::<ImageUri>(&[
        ("", "empty"),
        ("Repo", "`R`"),
        ("repo:", "1 to 128"),
        ("repo:a b", "` ` cannot be in a tag"),
        ("repo@sha256:12", "64 hexadecimal"),
        ("host.com//x", "empty"),
        ("repo\nRUN id", "`\\n`"),
        ("host.com:x/y", "malformed"),
    ]);
    let id: ImageUri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/a/vllm:1".parse().unwrap();
    assert_eq!(id.ecr(), Some(("763104351884", "us-east-1")));
    assert_eq!((id.repository(), id.tag(), id.digest()), ("a/vllm", Some("1"), None));
    let id: ImageUri = "library/python:3".parse().unwrap();
    assert_eq!((id.host(), id.repository(), id.ecr()), (None, "library/python", None));
}

#[test]
fn arns() {
    let role = "arn:aws:iam::123456789012:role/service-role/Execution";
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf";
    let topic = "arn:aws:sns:us-east-1:123456789012:done";
    let key = "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    good::<Arn>(&[role, secret, topic, key, "arn:aws:s3:::bucket"]);
    bad::<Arn>(&[
        ("role/Execution", "arn:partition"),
        ("arn:gcp:iam::123456789012:role/x", "partition"),
        ("arn:aws:iam::1234:role/x", "twelve digits"),
        ("arn:aws:iam::123456789012:", "no resource"),
        ("arn:aws:iam::123456789012:role/a b", "cannot be in it"),
    ]);
    let kinds = [
        (role, ArnKind::Role),
        (secret, ArnKind::Secret),
        (topic, ArnKind::Topic),
        (key, ArnKind::Key),
    ];
    for (text, kind) in kinds {
        let arn: Arn = text.parse().unwrap();
        for (other, wanted) in kinds {
            assert_eq!(arn.of_kind(wanted).is_ok(), text == other, "{text} as {wanted:?}");
        }
        assert!(arn.of_kind(kind).is_ok());
    }
    for wrong in [
        "arn:aws:iam::123456789012:role/$(id)",
        "arn:aws:sns:us-east-1:123456789012:a:b",
        "arn:aws:sns:somewhere:123456789012:a",
        "arn:aws:sns:us-east-1:aws:a",
        "arn:aws:kms:us-east-1:123456789012:key/",
    ] {
        let arn: Arn = wrong.parse().unwrap();
        assert!(kinds.iter().all(|(_, kind)| arn.of_kind(*kind).is_err()), "{wrong}");
    }
    let user: Arn = "arn:aws:iam::123456789012:user/me".parse().unwrap();
    let error = user.of_kind(ArnKind::Role).unwrap_err().to_string();
    assert!(error.contains("is not a role such as") && error.contains("`user/me`"), "{error}");
    let arn: Arn = secret.parse().unwrap();
    assert_eq!(
        (arn.region(), arn.account(), arn.resource()),
        (Some("us-east-1"), Some("123456789012"), "secret:hf-AbCdEf")
    );
}

#[test]
fn errors_are_short_and_on_one_line() {
    let error = "x\n".repeat(10_000).parse::<ModelId>().unwrap_err().to_string();
    assert!(error.len() < 400 && !error.contains('\n'), "{error}");
}

fn never_panics<T: FromStr<Err: std::fmt::Display> + ToString>(text: &str) {
    match text.parse::<T>() {
        Ok(id) => assert_eq!(id.to_string(), text),
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
}

/// Close to the grammars, so that the deeper branches are reached, but also anything at all.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9./:@_ é\n-]{0,60}",
        "(s3://|ml\\.|arn:aws:|[a-z]{2}-|sha256:)[a-zA-Z0-9./:@_é-]{0,60}",
        "arn:aws:[a-z]{0,4}:[a-z0-9-]{0,9}:[0-9]{0,13}:[a-z/:é]{0,9}",
        "[a-z.:é]{0,9}/[a-z.]{0,9}:[a-z0-9]{0,9}@(sha256:)?[a-f0-9]{0,65}",
    ]
}

/// A change must not fail by chance in a test that has nothing to do with it. (.cargo/config.toml)
#[test]
fn random_tests_try_the_same_cases_every_day() {
    let seed = ProptestConfig::default().rng_seed;
    assert!(matches!(seed, proptest::test_runner::RngSeed::Fixed(_)), "{seed:?}");
}

proptest! {
    #[test]
    fn parsers_never_panic(text in texts()) {
        never_panics::<InstanceType>(&text);
        never_panics::<Region>(&text);
        never_panics::<ModelId>(&text);
        never_panics::<S3Uri>(&text);
        never_panics::<ImageUri>(&text);
        never_panics::<Arn>(&text);
        if let Ok(arn) = text.parse::<Arn>() {
            let _ = (arn.of_kind(ArnKind::Role), arn.of_kind(ArnKind::Topic));
        }
        if let Ok(image) = text.parse::<ImageUri>() {
            let host = image.host().map(|host| format!("{host}/")).unwrap_or_default();
            let tag = image.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = image.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
            prop_assert_eq!(format!("{host}{}{tag}{digest}", image.repository()), text);
        }
    }

    #[test]
    fn lookups_never_panic(text in texts()) {
        let catalogs = Catalogs::embedded();
        prop_assert!(catalogs.instances().nearest(&text).len() <= 3);
        prop_assert!(catalogs.models().nearest(&text).len() <= 3);
        let _ = (catalogs.models().get(&text), catalogs.engines().supports("vllm", &text, "LlamaForCausalLM"));
        let _ = (catalogs.amis().for_cuda(&text, "g5"), catalogs.amis().fit(535, &text));
        let region = "us-east-1".parse().unwrap();
        let _ = catalogs.images().resolve("vllm", Some(&text), &region, mcc_catalogs::Arch::X86_64);
        let order = mcc_catalogs::version::compare(&text, "1.0");
        prop_assert_eq!(mcc_catalogs::version::compare("1.0", &text), order.reverse());
    }

    #[test]
    fn parts_of_an_s3_address_make_it_up(bucket in "[a-z][a-z0-9]{2,20}", key in "[a-zA-Z0-9/._-]{0,40}") {
        let text = format!("s3://{bucket}/{key}");
        let id = text.parse::<S3Uri>();
        if key.split('/').any(|part| part == "..") {
            prop_assert!(id.is_err(), "{} has a part that leads out of its folder", text);
        } else {
            let id = id.unwrap();
            prop_assert_eq!((id.bucket(), id.key()), (bucket.as_str(), key.as_str()));
        }
    }
}
