//! Files on S3, by the wire.

use mcc_catalogs::Ask;

use crate::accounts::{judged, look};
use crate::standin::{Asked, Said, Standin, header};
use crate::usual::{CONFIG, objects, usual};

fn ask(address: &str) -> Ask {
    Ask::Files(address.parse().unwrap())
}

fn listed(asked: &Asked) -> (&str, Option<&str>) {
    assert_eq!(asked.query.get("encoding-type").map(String::as_str), Some("url"));
    let token = asked.query.get("continuation-token").map(String::as_str);
    (asked.query.get("prefix").map_or("", String::as_str), token)
}

pub fn files_are_told_as_they_are() {
    let standin = Standin::start(|asked| match asked.operation.as_str() {
        "ListObjectsV2" => match listed(asked) {
            // What only begins alike comes before and after.
            ("model", None) => objects(
                &[("model-other/x", 1), ("model.txt", 1), ("model/a%20b%2Bc", 7), ("model0", 1)],
                None,
            ),
            ("file.tar.gz", None) => objects(&[("file.tar.gz", 9), ("file.tar.gz-old", 1)], None),
            ("gone", None) => objects(&[("gone-other", 1)], None),
            // So many come before that those below are asked for by themselves.
            ("many", None) => objects(&[("many-1", 1), ("many-2", 1)], Some("t1")),
            ("many/", None) => objects(&[("many/a", 1)], Some("t2")),
            ("many/", Some("t2")) => objects(&[("many/b", 1)], Some("t3")),
            ("long/", token) => {
                let next = token.map_or("1", |token| if token == "1" { "2" } else { "3" });
                objects(&[("long/a", 1), ("long/zz/", 0)], Some(next))
            }
            ("empty/", None) => objects(&[("empty/", 0)], None),
            ("cold/", None) => {
                let mut said = objects(&[("cold/a", 1)], None);
                said.body = String::from_utf8(said.body)
                    .unwrap()
                    .replace("STANDARD", "DEEP_ARCHIVE")
                    .into_bytes();
                said
            }
            ("odd/", None) => objects(&[("odd/config.json", 12)], None),
            ("big/", None) => objects(&[("big/config.json", 2_000_000)], None),
            other => panic!("{other:?}"),
        },
        "GetObject" if asked.path == "/bucket/long/config.json" => Said::text(CONFIG),
        "GetObject" if asked.path == "/bucket/odd/config.json" => Said::text("[1, 2"),
        "GetObject" => Said::refused(asked, 404, "NoSuchKey"),
        _ => usual(asked),
    });
    let look = |address: &str| {
        let (found, catalogs, taken) = look(standin.address, &[ask(address)]);
        assert!(taken <= 7, "{address}: {taken}");
        let stored = catalogs
            .resources()
            .stored(address)
            .unwrap_or_else(|| panic!("{address}: {found:?}"))
            .clone();
        let names: Vec<String> = stored.files.iter().map(|file| file.name.clone()).collect();
        (stored, names, found.notes.join(" "))
    };
    let (stored, names, _) = look("s3://bucket/model");
    assert_eq!((names, stored.is_object, stored.complete), (vec!["a b+c".to_owned()], false, true));
    assert_eq!(stored.region.as_ref().map(ToString::to_string).as_deref(), Some("us-east-1"));
    let (stored, names, _) = look("s3://bucket/file.tar.gz");
    assert_eq!(
        (names, stored.is_object, stored.bytes()),
        (vec!["file.tar.gz".to_owned()], true, 9)
    );
    let (stored, names, _) = look("s3://bucket/gone");
    assert_eq!((names.len(), stored.is_object, stored.complete), (0, false, true));
    let (stored, names, notes) = look("s3://bucket/many");
    assert_eq!((names, stored.complete), (vec!["a".to_owned(), "b".to_owned()], false));
    assert!(notes.contains("more files than the 2"), "{notes}");
    // The configuration is not on the pages that were read, and is read all the same.
    let (stored, _, _) = look("s3://bucket/long/");
    assert_eq!(
        (stored.complete, stored.config.as_ref().map(mcc_catalogs::ModelConfig::text)),
        (false, Some(CONFIG))
    );
    let (stored, names, _) = look("s3://bucket/empty/");
    assert_eq!((names.len(), stored.complete), (0, true));
    let (_, _, notes) = look("s3://bucket/cold/");
    assert!(notes.contains("1 of the files are archived in S3"), "{notes}");
    let (stored, _, notes) = look("s3://bucket/odd/");
    assert!(stored.config.is_none() && notes.contains("`config.json` was not read"), "{notes}");
    let (stored, _, notes) = look("s3://bucket/big/");
    assert!(stored.config.is_none() && notes.contains("2000000 bytes"), "{notes}");
    judged(&standin, "files");
}

pub fn a_bucket_elsewhere_is_asked_there_once() {
    for (status, code) in [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")] {
        let standin = Standin::start(move |asked| {
            if asked.service == "s3" && asked.region != "eu-west-1" {
                let mut said = Said::refused(asked, status, code);
                said.headers.push(("x-amz-bucket-region", "eu-west-1".to_owned()));
                said.headers.push(("location", "http://127.0.0.1:1/".to_owned()));
                return said;
            }
            let mut said = usual(asked);
            said.headers.retain(|(name, _)| *name != "x-amz-bucket-region");
            said
        });
        let (found, catalogs, _) = look(standin.address, &[ask("s3://bucket/m/")]);
        let stored = catalogs.resources().stored("s3://bucket/m/").unwrap();
        assert_eq!(stored.region.as_ref().unwrap().as_str(), "eu-west-1");
        assert!(stored.config.is_some());
        assert!(
            found.notes.iter().any(|note| note.contains("is in eu-west-1")),
            "{:?}",
            found.notes
        );
        assert_eq!(standin.operations()["s3:ListObjectsV2"], 2);
    }
    // Each says that it is in the other: nobody goes round for ever.
    let standin = Standin::start(|asked| {
        let mut said = Said::refused(asked, 301, "PermanentRedirect");
        let other = if asked.region == "us-east-1" { "eu-west-1" } else { "us-east-1" };
        said.headers.push(("x-amz-bucket-region", other.to_owned()));
        said
    });
    let (found, catalogs, taken) = look(standin.address, &[ask("s3://bucket/m/")]);
    assert!(taken <= 4 && catalogs.resources().stored("s3://bucket/m/").is_none(), "{found:?}");
    assert_eq!(found.notes.len(), 1);
}

pub fn who_may_not_list_may_still_read() {
    let standin = Standin::start(|asked| match asked.operation.as_str() {
        "ListObjectsV2" => Said::refused(asked, 403, "AccessDenied"),
        "HeadObject" if asked.path == "/bucket/none" => Said::of(403, ""),
        "GetObject" if asked.path.starts_with("/bucket/none") => {
            Said::refused(asked, 403, "AccessDenied")
        }
        _ => usual(asked),
    });
    let (found, catalogs, _) = look(standin.address, &[ask("s3://bucket/m/")]);
    let stored = catalogs.resources().stored("s3://bucket/m/").unwrap();
    assert_eq!((stored.files.len(), stored.complete, stored.config.is_some()), (1, false, true));
    assert!(found.notes.iter().any(|note| note.contains("`s3:ListBucket`")), "{:?}", found.notes);
    let (_, catalogs, _) = look(standin.address, &[ask("s3://bucket/file")]);
    let stored = catalogs.resources().stored("s3://bucket/file").unwrap();
    assert_eq!((stored.is_object, stored.complete, stored.bytes()), (true, true, 77));
    for address in ["s3://bucket/none", "s3://bucket/none/"] {
        let (found, catalogs, _) = look(standin.address, &[ask(address)]);
        assert!(catalogs.resources().stored(address).is_none(), "{address}");
        assert!(
            found.notes.iter().any(|note| note.contains("`s3:ListBucket`")),
            "{:?}",
            found.notes
        );
    }
    // Nobody pays for being asked.
    assert!(
        standin
            .calls()
            .iter()
            .all(|(asked, _)| header(&asked.head, "x-amz-request-payer").is_none())
    );
    let standin = Standin::start(|asked| Said::refused(asked, 404, "NoSuchBucket"));
    let (found, catalogs, _) = look(standin.address, &[ask("s3://bucket/m/")]);
    assert!(catalogs.resources().stored("s3://bucket/m/").unwrap().files.is_empty());
    assert_eq!(found.notes, ["There is no bucket `bucket`."]);
    let (found, _, taken) = look(standin.address, &[ask("s3://bucket--use1-az4--x-s3/m/")]);
    assert!(taken <= 1 && found.notes[0].contains("directory bucket"), "{:?}", found.notes);
}
