//! Who asks: accounts, keys, profiles and programs that print credentials, and what is told where they are no good.

use std::fs;
use std::time::Duration;

use mcc_catalogs::Errand;
use serde_json::json;

use crate::regions::{asks, desk, find, runs, settings};
use crate::standin::{Asked, Said, Standin};
use crate::{KEY, SECRET, cloud};

pub fn a_region_that_is_slow_holds_up_no_other() {
    runs(async {
        let aws = Standin::bare(|seen: &Asked| {
            let after = match (seen.region.as_str(), seen.operation.as_str()) {
                ("us-east-1" | "eu-west-1", "GetCallerIdentity") => Duration::from_secs(30),
                _ => Duration::ZERO,
            };
            Said { after, ..cloud::answer(seen) }
        });
        let desk = desk(settings(&aws.url, &[]));
        let (slow, quick) =
            (Errand::new(Duration::from_secs(4)), Errand::new(Duration::from_secs(4)));
        let (there, here) = ([asks("eu-west-1").2], asks("us-west-2"));
        // The price desk of us-west-2 is in us-east-1, whose STS nobody needs.
        let here = [here.1, here.2];
        let (slow, quick) = tokio::join!(find(&desk, &there, &slow), find(&desk, &here, &quick));
        assert_eq!((slow.looked.len(), quick.looked.len()), (0, 2), "{slow:?} {quick:?}");
    });
}

pub fn wrong_keys_are_told_as_such_where_every_account_is() {
    runs(async {
        let aws = Standin::bare(|_: &Asked| {
            let body =
                "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>";
            Said::of(403, body)
        });
        let desk = desk(settings(&aws.url, &[]));
        let errand = Errand::new(Duration::from_secs(20));
        let found = find(&desk, &[asks("us-west-2").2], &errand).await;
        let note = &found.notes[0];
        assert!(note.contains("rejected these credentials") && !note.contains("enabled"), "{note}");
    });
}

pub fn a_program_for_credentials_is_one_for_all_and_told_where_it_is_slow() {
    let folder = tempfile::tempdir().unwrap();
    let (config, ran) = (folder.path().join("config"), folder.path().join("ran"));
    let keys = json!({"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET}).to_string();
    fs::write(folder.path().join("keys.json"), keys).unwrap();
    let script = format!(
        "echo ran >>'{0}/ran'; until [ -e '{0}/go' ]; do sleep 0.1; done; cat '{0}/keys.json'",
        folder.path().display()
    );
    fs::write(folder.path().join("keys.sh"), script).unwrap();
    let text = format!(
        "[profile slow]\ncredential_process = sh {}\n",
        folder.path().join("keys.sh").display()
    );
    fs::write(&config, text).unwrap();
    runs(async {
        let aws = Standin::bare(cloud::answer);
        let more = [
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
            ("AWS_PROFILE", "slow"),
        ];
        let desk = desk(settings(&aws.url, &more));
        let quotas = [asks("us-west-2").2];
        for _ in 0..2 {
            let found = find(&desk, &quotas, &Errand::new(Duration::from_secs(1))).await;
            let note = &found.notes[0];
            assert!(note.contains("credential_process of the AWS profile `slow`"), "{note}");
            assert!(note.contains("did not end in time; ask again in a moment"), "{note}");
        }
        fs::write(folder.path().join("go"), "").unwrap();
        // A machine that is busy may take more than one question's time for it.
        let mut looked = 0;
        for _ in 0..5 {
            let found = find(&desk, &quotas, &Errand::new(Duration::from_secs(20))).await;
            looked = found.looked.len();
            if looked == 1 {
                break;
            }
        }
        assert_eq!(looked, 1);
        assert_eq!(fs::read_to_string(&ran).unwrap().lines().count(), 1);
    });
}

pub fn a_region_that_is_not_enabled_is_no_bad_key() {
    runs(async {
        let aws = Standin::bare(|seen: &Asked| {
            match (seen.region.as_str(), seen.operation.as_str()) {
                ("af-south-1", "GetCallerIdentity") => Said::of(
                    403,
                    "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>",
                ),
                ("af-south-1", _) => Said::code("UnrecognizedClientException"),
                _ => cloud::answer(seen),
            }
        });
        let desk = desk(settings(&aws.url, &[]));
        let (_, prices, quotas) = asks("af-south-1");
        let errand = Errand::new(Duration::from_secs(20));
        let alone = find(&desk, std::slice::from_ref(&quotas), &errand).await;
        assert!(
            alone.notes[0].contains("they are wrong, or the account has not enabled"),
            "{alone:?}"
        );
        assert_eq!(find(&desk, &[prices], &errand).await.looked.len(), 1);
        // What failed is not asked again at once.
        tokio::time::sleep(Duration::from_millis(3200)).await;
        let then = find(&desk, &[quotas], &errand).await;
        assert!(then.notes[0].contains("may not have enabled that Region"), "{then:?}");
    });
}

/// What is told where the environment is this one.
async fn whoever(more: &[(&str, &str)]) -> String {
    let aws = Standin::bare(cloud::answer);
    let desk = desk(settings(&aws.url, more));
    let errand = Errand::new(Duration::from_secs(20));
    let found = find(&desk, &[asks("us-west-2").1], &errand).await;
    assert!(aws.all().is_empty(), "{:?}", aws.all());
    found.notes.join("\n")
}

pub fn who_asks_is_told_in_words_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = "[profile prints]\ncredential_process = echo hunter2\n\
        [profile fails]\ncredential_process = echo hunter2 >&2; exit 3\n\
        [profile sso]\nsso_start_url = https://a.awsapps.com/start\nsso_region = us-east-1\n\
        sso_account_id = 123456789012\nsso_role_name = r\n\
        [profile login]\nlogin_session = arn:aws:iam::123456789012:user/a\n";
    fs::write(&config, text).unwrap();
    let (config, home) = (config.to_str().unwrap(), folder.path().to_str().unwrap());
    runs(async {
        let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
        let with = |profile: &'static str| {
            [
                none[0],
                none[1],
                ("AWS_CONFIG_FILE", config),
                ("HOME", home),
                ("AWS_PROFILE", profile),
            ]
        };
        assert!(whoever(&none).await.contains("there are no credentials"));
        for profile in ["prints", "fails"] {
            let told = whoever(&with(profile)).await;
            assert!(told.contains("credential_process") && told.contains(profile), "{told}");
        }
        let told = whoever(&with("sso")).await;
        assert!(told.contains("aws sso login --profile sso"), "{told}");
        let told = whoever(&with("login")).await;
        let instead = "aws configure export-credentials --profile login --format process";
        assert!(told.contains("`aws login`") && told.contains(instead), "{told}");
        let told = whoever(&with("nobody")).await;
        assert!(told.contains("`nobody`"), "{told}");

        // A failure is not for ever: files that changed are read again.
        let aws = Standin::bare(cloud::answer);
        let desk = desk(settings(&aws.url, &with("later")));
        let errand = Errand::new(Duration::from_secs(20));
        let prices = [asks("us-west-2").1];
        assert_eq!(find(&desk, &prices, &errand).await.looked.len(), 0);
        let keys = format!(
            "{text}[profile later]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
        );
        fs::write(config, keys).unwrap();
        let found = find(&desk, &prices, &errand).await;
        assert_eq!(found.looked.len(), 1, "{found:?}");
    });
}

pub fn profiles_are_those_that_were_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = format!(
        "[profile team]\naws_access_key_id = TEAM{KEY}\naws_secret_access_key = {SECRET}\n[profile empty]\nregion = us-west-2\n"
    );
    fs::write(&config, text).unwrap();
    runs(async {
        let aws = Standin::bare(cloud::answer);
        let mut settings = settings(&aws.url, &[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
        settings.profiles = ["team", "empty"].map(str::to_owned).into();
        let desk = desk(settings);
        let errand = |profile: &str| {
            Errand::new(Duration::from_secs(20)).with_profile(Some(profile.to_owned()))
        };
        let prices = [asks("us-west-2").1];
        let other = find(&desk, &prices, &errand("other")).await;
        assert!(other.notes[0].contains("--allow-profile other"), "{other:?}");
        // Its own keys, and never the process's where it has none.
        let empty = find(&desk, &prices, &errand("empty")).await;
        assert!(empty.notes[0].contains("`empty`"), "{empty:?}");
        assert!(aws.all().is_empty());
        assert_eq!(find(&desk, &prices, &errand("team")).await.looked.len(), 1);
        let signed = format!("Credential=TEAM{KEY}/");
        assert!(aws.all().iter().all(|(seen, _)| seen.head.contains(&signed)));
    });
}
