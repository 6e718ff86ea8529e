//! What an image is built from: the files that are sent, counted and refused, and the requests beside them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::harm::{LIBRARIES, endpoint, set, setting, world};
use crate::needs;
use crate::projects::all;

pub fn sources_are_one_archive_without_links_and_secrets() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let project = bench.project();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("credentials"), "stolen").unwrap();
    symlink(&outside, project.join("aws-link")).unwrap();
    fs::create_dir_all(project.join("code/x/y")).unwrap();
    for secret in
        [".env", "id_rsa", ".env.local", "id_ed25519", "server.pem", "x/y/.env", "x/credentials"]
    {
        let path = project.join("code").join(secret);
        fs::write(path, "stolen").unwrap();
    }
    fs::write(project.join("do/.env"), "stolen").unwrap();
    fs::write(project.join("my notes.txt"), "stolen").unwrap();
    fs::write(project.join("code/x/with space.py"), "mine").unwrap();
    symlink(&outside, project.join("model-link")).unwrap();
    // Also where somebody has taken them out of .dockerignore.
    let allowed = "*\n!code\n!model\n!requirements.txt\n!sample_model\n";
    fs::write(project.join(".dockerignore"), allowed).unwrap();
    let ran = bench.run("submit").ends(0);
    assert!(ran.stderr.contains("code/x/y/.env: it may hold a secret"), "{ran}");

    let resources = world(&bench, |_| {});
    let objects = resources.as_object().unwrap().iter();
    let objects: Vec<_> = objects.filter(|(key, _)| key.starts_with("s3.object/")).collect();
    let [(key, object)] = objects.as_slice() else { panic!("{objects:?}") };
    let file = bench.root.join("world/objects").join(object["_file"].as_str().unwrap());
    let digest = Command::new("sha256sum").arg(&file).output().unwrap().stdout;
    let digest = String::from_utf8_lossy(&digest)[..64].to_owned();
    let name = setting(&bench, "PROJECT_NAME");
    assert!(key.ends_with(&format!("/_sources/{name}/{digest}/{digest}.tar.gz")), "{key}");
    let start =
        bench.calls().into_iter().find(|c| c["operation"] == "codebuild start-build").unwrap();
    let place = start["input"]["sourceLocationOverride"].as_str().unwrap();
    assert!(place.ends_with(&format!("/_sources/{name}/{digest}/")), "{place}");
    assert!(start.to_string().contains(&digest));

    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&unpacked).status().unwrap();
    assert!(tar.success());
    let found = Command::new("find").arg(&unpacked).output().unwrap().stdout;
    let found = String::from_utf8_lossy(&found).into_owned();
    for needed in [
        "Dockerfile",
        "buildspec.yml",
        "do/lib/state.sh",
        "code/serve",
        "code/x/with space.py",
        "deploy/tags.json",
        "iam/codebuild-trust.json",
    ] {
        assert!(found.contains(needed), "{needed} is not in\n{found}");
    }
    for never in ["link", ".env", "id_", "pem", "credentials", "notes", ".mcc", "README"] {
        assert!(!found.contains(never), "{never} is in\n{found}");
    }
    let stolen = Command::new("grep").args(["-rl", "stolen"]).arg(&unpacked).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&stolen.stdout), "");
    // The build makes the same of them as this machine.
    let digest_of = |folder: &Path| {
        let script = "set -eu; SELF=do/deploy; . do/lib/common.sh; . do/lib/context.sh; context_digest 2>/dev/null";
        let output =
            Command::new("bash").args(["-c", script]).current_dir(folder).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(digest_of(&unpacked), digest_of(&project));
    assert_eq!(digest_of(&project).len(), 64);
}

/// As docker understands it.
pub fn dockerignore_is_understood() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let files = "a.txt\nb.py\ncode/a.py\ncode/deep/b.txt\ncode/deep/c+d.py\nx/y/z/tmp\ntmp\nmodel/.gitkeep\nDockerfile";
    for (ignore, wanted) in [
        ("", files),
        ("# *\n", files),
        ("*", "Dockerfile"),
        ("*\n!code\n**/deep", "code/a.py\nDockerfile"),
        ("*\n!code/deep/*.txt\n", "code/deep/b.txt\nDockerfile"),
        ("/code/\n./model", "a.txt\nb.py\nx/y/z/tmp\ntmp\nDockerfile"),
        ("**/tmp\n?.txt\n[bc]*\n!b.py", "b.py\nmodel/.gitkeep\nDockerfile"),
        ("**\n!**/*.py", "b.py\ncode/a.py\ncode/deep/c+d.py\nDockerfile"),
        (
            "code/deep/c+d.py\r\n  x  \r\n[^a].py",
            "a.txt\ncode/a.py\ncode/deep/b.txt\ntmp\nmodel/.gitkeep\nDockerfile",
        ),
    ] {
        fs::write(bench.project().join(".dockerignore"), ignore).unwrap();
        let script = format!(
            "{LIBRARIES}. do/lib/context.sh; printf '%s\\n' \"$1\" | sed 's/^/f /' | let_in | sed 's/^f //'"
        );
        let arguments = ["-c", &script, "bash", files];
        let ran = bench.run_in(&bench.project(), Path::new("bash"), &arguments).ends(0);
        assert_eq!(ran.stdout.trim_end(), wanted, "{ignore:?}");
        // The same folder by folder: no folder is passed over that something is let in from.
        let tree = bench.root.join("tree");
        let _ = fs::remove_dir_all(&tree);
        for file in files.lines() {
            fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
            fs::write(tree.join(file), "").unwrap();
        }
        fs::write(tree.join(".dockerignore"), format!("{ignore}\n.dockerignore\n")).unwrap();
        let script = format!("{LIBRARIES}. do/lib/context.sh; cd \"$1\"; context_files");
        let arguments = ["-c", &script, "bash", tree.to_str().unwrap()];
        let ran = bench.run_in(&bench.project(), Path::new("bash"), &arguments).ends(0);
        let mut wanted: Vec<&str> = wanted.lines().collect();
        wanted.sort_unstable();
        assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), wanted, "{ignore:?}");
    }
}

/// Links, and names that cannot be counted everywhere alike, are refused by name; what is not sent costs nothing.
pub fn what_the_image_is_built_from_is_the_same_everywhere() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let project = bench.project();
    for line in ["build", "push", "deploy"] {
        bench.run(line).ends(0);
    }
    let refused = |named: &str| {
        for line in ["build", "push", "submit", "deploy"] {
            let ran = bench.run(line).ends(1);
            assert!(ran.stderr.contains(named), "{named}: {ran}");
            assert_eq!(ran.stderr.lines().count(), 2, "{ran}");
        }
    };
    fs::create_dir(project.join("code/v1")).unwrap();
    symlink("v1", project.join("code/current")).unwrap();
    refused("code/current is a link");
    fs::remove_file(project.join("code/current")).unwrap();
    symlink("serve", project.join("code/linked.py")).unwrap();
    refused("code/linked.py is a link");
    fs::remove_file(project.join("code/linked.py")).unwrap();

    let odd: [(&[u8], &str); 3] = [
        (b"code/a\\b.py", "code/a\\b.py"),
        (b"code/a\nb.py", "code/a?b.py"),
        (b"code/caf\xe9.py", "code/caf\u{fffd}.py"),
    ];
    for (name, told) in odd {
        let path = project.join(OsStr::from_bytes(name));
        fs::write(&path, "").unwrap();
        refused(told);
        fs::remove_file(path).unwrap();
        // Where it is not sent, it is nobody's business.
        let outside = project.join(OsStr::from_bytes(&name[5..]));
        fs::write(&outside, "").unwrap();
        bench.run("deploy").ends(0);
        fs::remove_file(outside).unwrap();
    }

    // 20,000 files that nothing lets in.
    for number in 0..200 {
        let folder = project.join(format!("venv/lib/package-{number}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..100 {
            fs::write(folder.join(format!("{file}.py")), "").unwrap();
        }
    }
    let digest = format!("{LIBRARIES}. do/lib/context.sh; context_digest");
    let timed = || {
        let started = std::time::Instant::now();
        let ran = bench.run_in(&project, Path::new("bash"), &["-c", &digest]).ends(0);
        (started.elapsed(), ran.stdout)
    };
    let (with, one) = timed();
    fs::remove_dir_all(project.join("venv")).unwrap();
    let (without, other) = timed();
    assert_eq!(one, other);
    assert!(with < without * 4 + std::time::Duration::from_secs(1), "{with:?}, {without:?}");
}

/// Requests are to be edited; and who made the image is named as it was.
pub fn requests_may_change_and_the_builder_is_named() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let project = bench.project();
    for line in ["build", "push"] {
        bench.run(line).ends(0);
    }
    let request = setting(&bench, "TEST_PAYLOAD");
    let text = fs::read_to_string(project.join(&request)).unwrap();
    fs::write(project.join(&request), format!("{text}\n")).unwrap();
    fs::write(project.join("test/another.json"), "{}").unwrap();
    bench.run("deploy").ends(0);
    let made: Vec<String> = world(&bench, |_| {}).as_object().unwrap().keys().cloned().collect();
    assert!(!made.iter().any(|key| key.starts_with("s3.bucket/")), "{made:?}");

    fs::write(project.join("code/new.py"), "").unwrap();
    let ran = bench.run("deploy").ends(1);
    assert!(ran.stderr.contains("run do/build and do/push again"), "{ran}");
    bench.run("submit").ends(0);
    bench.run("deploy").ends(0);
    fs::write(project.join("code/new.py"), "# changed").unwrap();
    let ran = bench.run("deploy").ends(1);
    assert!(ran.stderr.contains("run do/submit again"), "{ran}");
    bench.run("clean --yes").ends(0);
}

/// A model of one's own that does not tell its features: the image builds, and what is missing is said at once.
pub fn a_model_without_known_features_gets_its_request_from_its_owner() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("own.pkl");
    fs::write(&model, b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81}\x8c\x10_sklearn_version\x94\x8c\x051.7.2\x94sb.").unwrap();
    for mut case in all().into_iter().filter(|case| case.plain && case.config() == "http-flask") {
        case.inputs.remove("includeSample");
        case.inputs.insert("framework".into(), "sklearn".into());
        case.inputs.insert("modelPath".into(), model.to_str().unwrap().into());
        let bench = case.set_up(folder.path());
        let project = bench.project();
        assert!(!project.join("test/payload.json").exists());
        let ran = bench.run("validate").ends(1);
        assert!(ran.stdout.contains("write test/payload.json and name it"), "{ran}");
        for line in ["build", "push", "submit"] {
            bench.run(line).ends(0);
        }
        let before = world(&bench, |_| {});
        if case.target() == "batch-transform" {
            let ran = bench.run("deploy").ends(1);
            assert!(ran.stderr.contains("--update --batch-input-path s3://"), "{ran}");
        }
        if case.target() == "managed-inference" {
            let ran = bench.run("test").ends(1);
            assert!(ran.stderr.contains("no request in test/payload.json"), "{ran}");
        }
        assert_eq!(world(&bench, |_| {}), before);
        fs::write(project.join("test/payload.json"), "{\"instances\": [[1]]}").unwrap();
        for line in ["validate", "deploy", "test", "clean --yes"] {
            bench.run(line).ends(0);
        }
        set(&bench, "TEST_PAYLOAD", "''");
        let ran = bench.run("validate").ends(1);
        assert!(ran.stdout.contains("name it as TEST_PAYLOAD in do/config"), "{ran}");
        set(&bench, "TEST_PAYLOAD", "test/payload.json");

        // Both kinds of builds see that a folder is missing.
        fs::rename(project.join("test"), project.join("elsewhere")).unwrap();
        let ran = bench.run("validate").ends(1);
        assert!(ran.stdout.contains("there is no test/"), "{ran}");
        let ran = bench.run("build").ends(1);
        assert!(ran.stderr.contains("\"/test/\": not found"), "{ran}");
    }
}
