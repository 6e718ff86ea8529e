//! Projects that hold what no generator wrote: pipes, links, devices, records that lie; and processes that write at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg(unix)]

mod mcp;
mod projects;
#[path = "mcp/session.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with other tests")]
mod session;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use projects::*;
use session::{Session, request};

#[test]
fn a_record_that_lies_moves_nothing() {
    for over_mcp in [false, true] {
        let (place, folder) = project();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("credentials"), SECRET).unwrap();
        symlink(outside.path().join("credentials"), folder.join("evil")).unwrap();
        fs::create_dir_all(folder.join(".git/hooks")).unwrap();
        fs::create_dir_all(folder.join("model")).unwrap();
        symlink(outside.path(), folder.join("model/out")).unwrap();
        let own = [".git/HEAD", ".git/hooks/pre-commit", "last.py", ".env", "code/own.py"];
        for path in own {
            fs::write(folder.join(path), "mine").unwrap();
        }
        let mine = digest(&folder.join("last.py"));
        let zeros = "0".repeat(64);
        let mut lies: Vec<(&str, &str)> = own.iter().map(|path| (*path, mine.as_str())).collect();
        let secret = digest(&outside.path().join("credentials"));
        lies.extend([("evil", zeros.as_str()), ("model/out/credentials", secret.as_str())]);
        lies.extend([("../outside", zeros.as_str()), ("/etc/passwd", zeros.as_str())]);
        recorded(&folder, &lies);
        for force in [false, true] {
            let told = if over_mcp {
                let mut command = Command::new(MCC);
                command.args(["serve", "generate-project"]).current_dir(place.path());
                let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
                let how = if force { "force" } else { "update" };
                let answer = server.call(1, "generate_project", &with(json!({"onExisting": how})));
                let uri = "mcc://projects/churn/evil.orig";
                server.send(&request(2, "resources/read", json!({ "uri": uri })));
                format!("{answer}{}", server.answer(2))
            } else {
                let flags: &[&str] = if force { &["--update", "--force"] } else { &["--update"] };
                said(&soon(generate(place.path(), flags), "update"))
            };
            assert!(!told.contains(SECRET), "{told}");
            assert!(folder.join("evil").is_symlink());
            let all = contents(&folder);
            assert!(!all.keys().any(|path| path.ends_with(".orig")), "{:?}", all.keys());
            for path in own {
                assert_eq!(all[path], b"mine", "{path}");
            }
            assert_eq!(fs::read_to_string(outside.path().join("credentials")).unwrap(), SECRET);
        }
    }
}

#[test]
fn a_link_is_an_edit_and_is_kept_as_a_link() {
    let (place, folder) = project();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("credentials"), SECRET).unwrap();
    for target in [outside.path().join("credentials"), "/nowhere/at/all".into(), "/dev/zero".into()]
    {
        fs::remove_file(folder.join("do/config")).unwrap();
        symlink(&target, folder.join("do/config")).unwrap();
        let output = soon(generate(place.path(), &["--update"]), "update");
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains("edited") && said(&output).contains("do/config"));
        assert!(folder.join("do/config").is_symlink());
        let diff = said(&soon(generate(place.path(), &["--diff"]), "diff"));
        assert!(diff.contains("symbolic link") && !diff.contains(SECRET), "{diff}");
        assert!(soon(generate(place.path(), &["--update", "--force"]), "force").status.success());
        assert!(!folder.join("do/config").is_symlink());
        assert_eq!(fs::read_link(folder.join("do/config.orig")).unwrap(), target);
        fs::remove_file(folder.join("do/config.orig")).unwrap();
    }
    assert_eq!(fs::read_to_string(outside.path().join("credentials")).unwrap(), SECRET);
}

/// What can be in the place of a file, apart from a file.
fn odd(path: &Path, what: &str) {
    let _ = fs::remove_file(path);
    match what {
        "pipe" => pipe(path),
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "folder" => fs::create_dir(path).unwrap(),
        device => symlink(device, path).unwrap(),
    }
}

#[test]
fn pipes_devices_and_sockets_are_answered_at_once() {
    for what in ["pipe", "socket", "folder", "/dev/zero", "/dev/tty", "/proc/self/environ"] {
        for path in ["README.md", "do/config", ".mcc/inputs.json", ".mcc/files.json"] {
            let (place, folder) = project();
            odd(&folder.join(path), what);
            let case = format!("{what} at {path}");
            let special = !what.starts_with('/');
            for extra in [&["--update"][..], &["--update", "--force"], &["--diff"]] {
                let output = soon(generate(place.path(), extra), &case);
                if special
                    && path != ".mcc/inputs.json"
                    && (path != ".mcc/files.json" || extra[0] == "--update")
                {
                    assert_eq!(
                        output.status.code(),
                        Some(3),
                        "{case} {extra:?}: {}",
                        said(&output)
                    );
                    assert!(said(&output).contains(path), "{case}: {}", said(&output));
                }
                if special {
                    assert!(folder.join(path).exists(), "{case}: it is gone");
                }
            }
            let mut check = Command::new(MCC);
            check.arg("check").arg(&folder);
            let checked = soon(check, &case);
            if special && path != ".mcc/files.json" {
                assert!(said(&checked).contains(path), "{case}: {}", said(&checked));
            }
        }
    }
}

#[test]
fn a_server_answers_after_meeting_a_pipe() {
    let (place, folder) = project();
    let mut command = Command::new(MCC);
    command.args(["serve", "generate-project"]).current_dir(place.path());
    let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
    let mut id = 0;
    for (what, path) in [
        ("pipe", "README.md"),
        ("/dev/zero", "README.md"),
        ("socket", "do/config"),
        ("pipe", "model.pkl"),
    ] {
        odd(&folder.join(path), what);
        let calls = [
            ("check_project", json!({"directory": "churn"})),
            ("generate_project", with(json!({"onExisting": "update"}))),
            ("plan_project", with(json!({"modelPath": format!("churn/{path}")}))),
            ("plan_project", with(json!({"requirementsFile": format!("churn/{path}")}))),
        ];
        for (tool, arguments) in calls {
            id += 1;
            let answer = server.call(id, tool, &arguments).to_string();
            if what != "/dev/zero" && path != "model.pkl" {
                assert!(answer.contains(path), "{what} {tool}: {answer}");
            }
        }
        id += 1;
        server.send(&request(
            id,
            "resources/read",
            json!({"uri": format!("mcc://projects/churn/{path}")}),
        ));
        assert!(server.answer(id)["error"]["message"].is_string());
        id += 1;
        server.send(&request(id, "ping", json!({})));
        assert_eq!(server.answer(id)["result"], json!({}));
    }
    server.ends();
}

#[test]
fn files_that_commands_are_given_are_bounded_and_regular() {
    let place = tempfile::tempdir().unwrap();
    pipe(&place.path().join("pipe"));
    fs::File::create(place.path().join("huge")).unwrap().set_len(1 << 40).unwrap();
    for flag in
        ["--config", "--mcp-answers", "--model-path", "--requirements-file", "--from", "--catalogs"]
    {
        for file in ["pipe", "huge", "/dev/zero", "/proc/self/environ", "/proc/kmsg"] {
            let output = soon(generate(place.path(), &[flag, file]), &format!("{flag} {file}"));
            assert!(!output.status.success(), "{flag} {file}");
            assert!(!place.path().join("churn").exists(), "{flag} {file}");
        }
    }
    let catalogs = place.path().join("catalogs");
    fs::create_dir(&catalogs).unwrap();
    for what in ["pipe", "/dev/zero"] {
        odd(&catalogs.join("models.json"), what);
        let output = soon(generate(place.path(), &["--catalogs", "catalogs"]), what);
        assert!(said(&output).contains("models.json"), "{}", said(&output));
    }
    let mut serve = Command::new(MCC);
    serve.args(["serve", "model", "--state-key", "pipe"]).current_dir(place.path());
    assert!(!soon(serve, "state key").status.success());
}

#[test]
fn what_is_in_the_place_of_the_project_stays() {
    for what in ["pipe", "socket", "/dev/zero", "/dev/null"] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("churn");
        odd(&folder, what);
        let before = fs::symlink_metadata(&folder).unwrap().file_type();
        for extra in [&[][..], &["--update"], &["--update", "--force"], &["--diff"]] {
            let output = soon(generate(place.path(), extra), what);
            assert_eq!(output.status.code(), Some(3), "{what} {extra:?}: {}", said(&output));
            assert!(said(&output).contains("hint: "), "{what} {extra:?}: {}", said(&output));
            let after = fs::symlink_metadata(&folder).unwrap().file_type();
            assert_eq!(before, after, "{what} {extra:?}");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "{what} {extra:?}");
        }
    }
}

/// Editors of Windows put a mark before UTF-8, and write UTF-16 unless they are told not to.
#[test]
fn files_of_inputs_may_begin_with_a_mark_and_have_to_be_utf_8() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("inputs.json");
    let inputs = r#"{"includeSample": false}"#;
    fs::write(&file, format!("\u{feff}{inputs}")).unwrap();
    let output = soon(generate(place.path(), &["--config", "inputs.json", "--dry-run"]), "mark");
    assert!(output.status.success(), "{}", said(&output));
    let wide: Vec<u8> = inputs.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&file, [&[0xff, 0xfe], &wide[..]].concat()).unwrap();
    let output = soon(generate(place.path(), &["--config", "inputs.json"]), "UTF-16");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("save it as UTF-8"), "{}", said(&output));
}

/// A model that is reached through links, as in Hugging Face's cache, is the user's to name at a terminal.
#[test]
fn at_a_terminal_a_model_may_be_a_link() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("blobs")).unwrap();
    fs::write(place.path().join("blobs/abc"), "scikit-learn==1.5.2\n").unwrap();
    symlink("blobs/abc", place.path().join("requirements.txt")).unwrap();
    let output = soon(generate(place.path(), &["--requirements-file", "requirements.txt"]), "link");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn what_is_outside_the_roots_is_not_told_from_what_is_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("there"), "x").unwrap();
    for (link, target) in [("link-there", "there"), ("link-nowhere", "nowhere")] {
        symlink(outside.path().join(target), place.path().join(link)).unwrap();
    }
    let mut command = Command::new(MCC);
    command.args(["serve", "generate-project"]).current_dir(place.path());
    let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
    let mut id = 0;
    let mut told = |tool: &str, arguments: Value, path: &str| {
        id += 1;
        server.call(id, tool, &arguments)["result"].to_string().replace(path, "PATH")
    };
    let out = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    for (there, nowhere) in [
        (out("there"), out("nowhere")),
        ("link-there".into(), "link-nowhere".into()),
        ("/etc/passwd".into(), "/etc/none/at/all".into()),
    ] {
        for key in ["modelPath", "requirementsFile"] {
            let one = told("plan_project", with(json!({ key: there })), &there);
            assert_eq!(one, told("plan_project", with(json!({ key: nowhere })), &nowhere), "{key}");
        }
        let one = told("check_project", json!({ "directory": there }), &there);
        assert_eq!(one, told("check_project", json!({ "directory": nowhere }), &nowhere));
        let one = told("generate_project", with(json!({ "outputDirectory": there })), &there);
        assert_eq!(
            one,
            told("generate_project", with(json!({ "outputDirectory": nowhere })), &nowhere)
        );
    }
}

#[test]
fn the_whole_disk_and_the_home_folder_are_no_default() {
    let home = tempfile::tempdir().unwrap();
    let linked = tempfile::tempdir().unwrap();
    symlink(home.path(), linked.path().join("home")).unwrap();
    let above = home.path().parent().unwrap();
    for (here, home) in [
        (Path::new("/"), home.path()),
        (home.path(), home.path()),
        (home.path(), &linked.path().join("home")),
        (above, home.path()),
    ] {
        let mut command = Command::new(MCC);
        command.args(["serve", "generate-project"]).current_dir(here).env("HOME", home);
        let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
        for (id, tool, arguments) in [
            (1, "generate_project", inputs()),
            (2, "generate_project", with(json!({"outputDirectory": "churn"}))),
            (3, "check_project", json!({"directory": "churn"})),
        ] {
            let answer = server.call(id, tool, &arguments);
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert!(answer.to_string().contains("--root DIR"), "{answer}");
        }
        let archive = server.call(4, "generate_project", &with(json!({"returnAs": "archive"})));
        assert_ne!(archive["result"]["isError"], true, "{archive}");
        server.ends();
        assert!(!here.join("churn").exists());
    }
    // Below the home folder is well, and a root that is named is the user's decision.
    let below = home.path().join("projects");
    fs::create_dir(&below).unwrap();
    for (here, root) in [(below.as_path(), None), (Path::new("/"), Some(home.path()))] {
        let mut command = Command::new(MCC);
        command.args(["serve", "generate-project"]).current_dir(here).env("HOME", home.path());
        command.args(root.iter().flat_map(|root| ["--root".as_ref(), root.as_os_str()]));
        let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
        let answer = server.call(1, "generate_project", &inputs());
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        assert!(root.unwrap_or(here).join("churn/do/config").exists());
    }
}

/// The lint is what keeps the other crates from opening files themselves, so each of them has to ask for it.
#[test]
fn every_crate_leaves_files_to_the_one_that_opens_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let gate = "#![cfg_attr(not(test), deny(clippy::disallowed_methods))]";
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|member| member.as_str().unwrap());
    for member in
        members.filter(|member| !["files", "tests/standins"].contains(member)).chain(["."])
    {
        let file = ["src/lib.rs", "src/main.rs"].map(|file| root.join(member).join(file));
        let file = file.iter().find(|file| file.exists()).unwrap();
        assert!(fs::read_to_string(file).unwrap().contains(gate), "{}: no {gate}", file.display());
    }
    let lint = fs::read_to_string(root.join("clippy.toml")).unwrap();
    let lint: toml::Table = toml::from_str(&lint).unwrap();
    let denied: Vec<&str> = lint["disallowed-methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["path"].as_str().unwrap())
        .collect();
    for method in [
        "std::fs::read",
        "std::fs::write",
        "std::fs::File::open",
        "std::path::Path::canonicalize",
        "std::env::var",
        "std::process::Command::new",
        "tokio::net::TcpStream::connect",
    ] {
        assert!(denied.contains(&method), "{method}");
    }
}
