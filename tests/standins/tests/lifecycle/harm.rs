//! What must not happen, whatever is typed, edited or planted: each of these has happened.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::needs;
use crate::projects::{Case, all};

/// One project of each kind of target.
fn representatives() -> Vec<Case> {
    let cases: Vec<Case> =
        all().into_iter().filter(|case| case.plain && case.representative).collect();
    assert_eq!(cases.len(), 4);
    cases
}

/// A project on a plain endpoint.
pub fn endpoint(folder: &Path) -> Bench {
    let cases = representatives();
    let case = cases.iter().find(|case| case.target() == "managed-inference").unwrap();
    case.set_up(folder)
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

/// The line of `do/config` that sets `name`, with another value.
pub fn set(bench: &Bench, name: &str, value: &str) {
    let file = bench.project().join("do/config");
    let text = fs::read_to_string(&file).unwrap();
    let start = format!("{name}=");
    let lines = text.lines().map(|line| {
        if line.starts_with(&start) { format!("{start}{value}\n") } else { format!("{line}\n") }
    });
    let changed: String = lines.collect();
    assert_ne!(changed, text, "{name}");
    fs::write(file, changed).unwrap();
}

pub fn setting(bench: &Bench, name: &str) -> String {
    let text = fs::read_to_string(bench.project().join("do/config")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap().trim_matches(['"', '\'']).to_owned()
}

pub fn world(bench: &Bench, change: impl FnOnce(&mut Value)) -> Value {
    let file = bench.root.join("world/world.json");
    let mut world: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut world);
    fs::write(file, world.to_string()).unwrap();
    world["resources"].clone()
}

fn scripts(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.project().join("do")).unwrap();
    let names = entries.map(|e| e.unwrap()).filter(|e| e.path().is_file());
    let mut names: Vec<String> = names.map(|e| e.file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "config");
    names.sort();
    assert!(names.len() > 12);
    names
}

pub fn help_comes_before_everything() {
    let folder = tempfile::tempdir().unwrap();
    for case in representatives() {
        let bench = case.set_up(folder.path());
        let (project, links) = (bench.project(), bench.root.join("links"));
        fs::create_dir(&links).unwrap();
        symlink("../project/do", links.join("folder")).unwrap();
        symlink("../project", links.join("project")).unwrap();
        let before = fs::read(bench.root.join("world/world.json")).unwrap();
        for script in scripts(&bench) {
            symlink(format!("../project/do/{script}"), links.join(&script)).unwrap();
            let own = Path::new("do").join(&script);
            let places = [
                (project.clone(), own.clone()),
                (bench.root.clone(), Path::new("project").join(&own)),
                ("/".into(), project.join(&own)),
                (project.join("do"), Path::new(".").join(&script)),
                (links.clone(), Path::new(".").join(&script)),
                (links.clone(), Path::new("folder").join(&script)),
                (bench.root.join("home"), links.join("project").join(&own)),
            ];
            for (place, program) in places {
                for word in ["--help", "-h"] {
                    let ran = bench.run_in(&place, &program, &[word]).ends(0);
                    assert!(ran.stdout.contains(&format!("do/{script}")), "{ran}");
                    let by_bash = [program.to_str().unwrap(), word];
                    let ran = bench.run_in(&place, Path::new("bash"), &by_bash).ends(0);
                    assert!(ran.stdout.contains(&format!("do/{script}")), "{ran}");
                }
            }
            // Nothing to print, and nothing to print to: still nothing is done.
            let closed = format!("do/{script} --help >&-");
            bench.run_in(&project, Path::new("bash"), &["-c", &closed]).ends(0);
            bench.run_in(&project, &own, &["--no-such-thing", "--help"]).ends(0);
        }
        assert_eq!(bench.calls(), Vec::<Value>::new(), "{}", case.name);
        assert_eq!(fs::read(bench.root.join("world/world.json")).unwrap(), before);
        assert!(!project.join(".mcc/state.json").exists());
    }
}

/// Deployed, and then the settings name another place: nothing is made there, and all is found again.
pub fn what_is_recorded_elsewhere_is_cleaned_up_first() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    for case in representatives() {
        let bench = case.set_up(folder.path());
        let changing = ["push", "submit", "deploy", "register"];
        for line in ["build", "push", "submit", "deploy"] {
            bench.run(line).ends(0);
        }
        let refused = |bench: &Bench, names: &str| {
            let before = world(bench, |_| {});
            for script in changing {
                let ran = bench.run(script);
                assert_eq!(ran.status, Some(1), "{names}: {ran}");
                let told = ran.stderr.contains(names) && ran.stderr.contains("do/clean");
                assert!(told, "{names}: {ran}");
            }
            assert_eq!(world(bench, |_| {}), before);
        };
        let (region, name) = (setting(&bench, "REGION"), setting(&bench, "PROJECT_NAME"));

        let elsewhere = bench.fork(bench.root.with_extension("region"));
        set(&elsewhere, "REGION", "eu-west-1");
        refused(&elsewhere, &format!("in {region}"));
        elsewhere.run("clean --yes").ends(0);
        elsewhere.is_clean(&case.seed, &"another Region");

        let other = bench.fork(bench.root.with_extension("account"));
        world(&other, |world| world["account"] = json!("999900009999"));
        // do/register asks nobody, and knows no account.
        let ran = other.run("deploy").ends(1);
        assert!(ran.stderr.contains("account 111122223333"), "{ran}");
        let before = world(&other, |_| {});
        let ran = other.run("clean --yes").ends(1);
        assert!(ran.stderr.contains("it is in account 111122223333"), "{ran}");
        assert_eq!(world(&other, |world| world["account"] = json!("111122223333")), before);
        other.run("clean --yes").ends(0);
        other.is_clean(&case.seed, &"another account");

        let renamed = bench.fork(bench.root.with_extension("renamed"));
        set(&renamed, "PROJECT_NAME", "another-name");
        refused(&renamed, &format!("project {name}"));
        let ran = renamed.run("clean --yes").ends(1);
        assert!(ran.stderr.contains(&format!("do/clean --project {name}")), "{ran}");
        renamed.run(&format!("clean --yes --project {name}")).ends(0);
        renamed.is_clean(&case.seed, &"another name");
    }
}

/// The endpoint's own name is a setting as well: what the deployed one runs with stays.
pub fn a_second_endpoint_takes_nothing_from_the_first() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let seed = world(&bench, |_| {}).as_object().unwrap().clone();
    for line in ["build", "push", "deploy"] {
        bench.run(line).ends(0);
    }
    let before = world(&bench, |_| {});
    set(&bench, "ENDPOINT_NAME", "second");
    let ran = bench.run("deploy").ends(1);
    assert!(ran.stderr.contains("do/clean"), "{ran}");
    assert_eq!(world(&bench, |_| {}), before);
    bench.run("clean --yes").ends(0);
    bench.is_clean(&seed, &"a second endpoint");
}

pub fn an_image_of_other_files_or_for_another_machine_is_refused() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let project = bench.project();
    for line in ["build", "push", "deploy"] {
        bench.run(line).ends(0);
    }
    let refused = |script: &str, why: &str| {
        let ran = bench.run(script).ends(1);
        assert!(ran.stderr.contains(why), "{why}: {ran}");
    };
    // What is not built from: the image stays good.
    fs::write(project.join("notes.txt"), "mine").unwrap();
    fs::write(project.join("code/.env"), "TOKEN=x").unwrap();
    fs::create_dir(project.join("code/__pycache__")).unwrap();
    fs::write(project.join("code/__pycache__/x.pyc"), "x").unwrap();
    bench.run("deploy").ends(0);
    for file in ["code/serve", "Dockerfile", "requirements.txt"] {
        let path = project.join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n# changed\n")).unwrap();
        refused("deploy", "out of date");
        refused("push", "out of date");
        fs::write(&path, text).unwrap();
        bench.run("deploy").ends(0);
    }
    fs::write(project.join("code/new.py"), "").unwrap();
    refused("deploy", "out of date");
    // By CodeBuild, and up to date again; another change is seen after that as well.
    bench.run("submit").ends(0);
    bench.run("deploy").ends(0);
    fs::remove_file(project.join("code/new.py")).unwrap();
    refused("deploy", "out of date");
    bench.run("build").ends(0);
    bench.run("push").ends(0);

    let platform = setting(&bench, "PLATFORM");
    set(&bench, "PLATFORM", "linux/arm64");
    refused("deploy", "linux/arm64");
    refused("push", "linux/arm64");
    set(&bench, "PLATFORM", &platform);
    let payload = project.join("deploy/create-endpoint-config.json");
    let kept = fs::read_to_string(&payload).unwrap();
    let kind = setting(&bench, "INSTANCE_TYPE");
    for (other, why) in [
        ("ml.m7g.large", "linux/arm64"),
        ("ml.c6gn.xlarge", "linux/arm64"),
        ("ml.inf2.xlarge", "neuron"),
        ("ml.trn1.2xlarge", "neuron"),
        ("ml.g6e.2xlarge", "cuda"),
        ("ml.p4d.24xlarge", "cuda"),
    ] {
        edit(&payload, &kind, other);
        refused("deploy", why);
        fs::write(&payload, &kept).unwrap();
    }
    // A chosen tag never stands for an image that is not this one.
    bench.run("push --tag one").ends(0);
    bench.run("push --tag one").ends(0);
    bench.run("build --no-cache").ends(0);
    refused("push --tag one", "choose another tag");
    bench.run("deploy").ends(0);
    bench.run("clean --yes").ends(0);
}

/// Whoever can write one file does not choose what is deleted.
pub fn nothing_foreign_is_deleted() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let account = "111122223333";
    for case in representatives() {
        let bench = case.set_up(folder.path());
        let tags = json!([{"Key": "mcc:project", "Value": "prod"}]);
        let seed = json!({
            "sagemaker.endpoint/us-east-1/prod-endpoint": {"EndpointName": "prod-endpoint", "EndpointStatus": "InService"},
            "sagemaker.model/us-east-1/prod-model": {"ModelName": "prod-model", "Tags": tags},
            "sagemaker.endpoint-config/us-east-1/prod-config": {"EndpointConfigName": "prod-config"},
            "cloudwatch.alarm/us-east-1/prod-alarm": {"AlarmName": "prod-alarm"},
            "application-autoscaling.target/us-east-1/endpoint/prod/variant/v": {"ResourceId": "endpoint/prod/variant/v"},
            "iam.role/-/prod-admin": {"RoleName": "prod-admin", "Arn": "arn:aws:iam::111122223333:role/prod-admin", "Tags": []},
            "ecr.repository/us-east-1/prod": {"repositoryName": "prod"},
            "ecr.image/us-east-1/prod:1": {"imageTags": ["1"], "imageDigest": "sha256:0"},
            "s3.bucket/-/company-prod-data": {"Name": "company-prod-data", "BucketRegion": "us-east-1"},
            "s3.object/-/company-prod-data/all/1": {"ContentLength": 1},
            "codebuild.project/us-east-1/prod": {"name": "prod", "tags": []},
        });
        world(&bench, |world| {
            for (key, value) in seed.as_object().unwrap() {
                world["resources"][key] = value.clone();
            }
        });
        let records = [
            ("endpoint", "prod-endpoint"),
            ("sagemaker-model", "prod-model"),
            ("endpoint-config", "prod-config"),
            ("metric-alarm", "prod-alarm"),
            ("scalable-target", "endpoint/prod/variant/v"),
            ("iam-role", "prod-admin"),
            ("ecr-repository", "prod"),
            ("ecr-image", "prod:1"),
            ("s3-bucket", "company-prod-data"),
            ("s3-prefix", "s3://company-prod-data/"),
            ("s3-prefix", "s3://company-prod-data/all/1"),
            ("codebuild-project", "prod"),
        ];
        let before = world(&bench, |_| {});
        for account in [account, ""] {
            let resources: Vec<Value> = records
                .iter()
                .map(|(kind, id)| json!({"type": kind, "id": id, "region": "us-east-1", "account": account}))
                .collect();
            let state = json!({"resources": resources, "facts": {}});
            fs::write(bench.project().join(".mcc/state.json"), state.to_string()).unwrap();
            bench.run("clean").ends(1);
            let ran = bench.run("clean --yes");
            assert!(ran.status.is_some_and(|status| status != 0 && status < 100), "{ran}");
            for (_, id) in records {
                assert!(ran.stderr.contains(&format!("{id} in us-east-1 stays")), "{id}: {ran}");
            }
            assert_eq!(world(&bench, |_| {}), before, "{ran}");
            let changes = ["delete", "deregister", "batch-delete", "rm"];
            let changed = bench.calls().into_iter().find(|call| {
                let operation = call["operation"].as_str().unwrap_or_default();
                changes.iter().any(|c| operation.rsplit(' ').next().unwrap().starts_with(c))
            });
            assert_eq!(changed, None);
        }
    }
}

pub fn a_damaged_record_ends_every_script_and_runs_nothing() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let one = |kind: Value, id: Value, region: Value| {
        let resource = json!({"type": kind, "id": id, "region": region, "account": "111122223333"});
        json!({"resources": [resource], "facts": {}}).to_string()
    };
    let text = |text: &str| json!(text);
    let states = [
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "{} {}".to_owned(),
        json!({"resources": {"a": 1}, "facts": {}}).to_string(),
        json!({"resources": ["x"], "facts": {}}).to_string(),
        json!({"resources": [], "facts": {"image": 1}}).to_string(),
        json!({"resources": []}).to_string(),
        one(text("lock"), text("x"), text("us-east-1")),
        one(text("s3-prefix x"), text("x"), text("us-east-1")),
        one(text("endpoint; id"), text("x"), text("us-east-1")),
        one(text("end"), text("x"), text("us-east-1")),
        one(Value::Null, text("x"), text("us-east-1")),
        one(json!(["endpoint"]), text("x"), text("us-east-1")),
        one(text("endpoint"), text("--debug"), text("us-east-1")),
        one(text("endpoint"), text("a\nb"), text("us-east-1")),
        one(text("endpoint"), text("a\tb"), text("us-east-1")),
        one(text("endpoint"), text(""), text("us-east-1")),
        one(text("endpoint"), json!(7), text("us-east-1")),
        one(text("endpoint"), text("x"), text("us-east-1\nx")),
        one(text("endpoint"), text("x"), Value::Null),
    ];
    for state in states {
        fs::write(bench.project().join(".mcc/state.json"), &state).unwrap();
        for line in ["clean --yes", "deploy", "push", "submit", "manifest --verify", "register"] {
            let ran = bench.run(line).ends(1);
            assert!(ran.stderr.contains(".mcc/state.json is not what"), "{state}: {ran}");
            assert_eq!(ran.stderr.lines().count(), 2, "{state}: {ran}");
        }
    }
    assert_eq!(bench.calls(), Vec::<Value>::new());
}

/// The beginning of a script of its own, that has the libraries.
pub const LIBRARIES: &str =
    "set -eu; SELF=do/deploy; . do/lib/common.sh; . do/lib/state.sh; ACCOUNT_ID=111122223333; ";

pub fn a_lock_has_one_holder_and_no_record_is_lost() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let project = bench.project();
    let start = |script: &str| {
        Command::new("bash")
            .args(["-c", &format!("{LIBRARIES}{script}")])
            .current_dir(&project)
            .env("TMPDIR", bench.temporary())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let hold = "state_lock; mkdir held || echo two >>log; echo one >>log; sleep 0.02; rmdir held";
    for round in 0..60 {
        // Every other lock was left by a process that is dead; some died while they took a dead one over.
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        for (every, name) in [(2, ".mcc/running"), (6, ".mcc/running+")] {
            let _ = fs::remove_file(project.join(name));
            if round % every == 0 {
                symlink(dead.id().to_string(), project.join(name)).unwrap();
            }
        }
        let _ = fs::remove_file(project.join("log"));
        let mut all: Vec<_> = (0..3).map(|_| start(hold)).collect();
        let ended = all.iter_mut().filter(|one| one.id() > 0).map(|one| one.wait().unwrap());
        let ended = ended.filter(std::process::ExitStatus::success).count();
        let log = fs::read_to_string(project.join("log")).unwrap();
        assert!(ended > 0 && !log.contains("two"), "round {round}: {ended} held it\n{log}");
        assert!(fs::read_link(project.join(".mcc/running")).is_err(), "round {round}");
    }
    let records = |shells: usize, each: &str| {
        let _ = fs::remove_file(project.join(".mcc/state.json"));
        let all: Vec<_> = (0..shells).map(|n| start(&each.replace('N', &n.to_string()))).collect();
        for mut one in all {
            assert!(one.wait().unwrap().success());
        }
        let state = fs::read(project.join(".mcc/state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        state["resources"].as_array().unwrap().len()
    };
    assert_eq!(records(20, "state_record endpoint one-N"), 20);
    let inside = "for i in 1 2 3 4 5 6 7 8 9 10; do (state_record endpoint N-$i) & done; wait";
    assert_eq!(records(2, inside), 20);
}

/// A script that is killed cannot remove what is temporary; that is where the system or the tests remove it.
pub fn a_killed_script_leaves_nothing_in_the_systems_temporary_folder() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    let left = || {
        let entries = fs::read_dir(bench.temporary()).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    for line in ["build", "push"] {
        bench.run(line).ends(0);
    }
    assert_eq!(left(), Vec::<String>::new());
    bench.arm("aws", "sagemaker create-model", 1, "killed");
    let ran = bench.run("deploy");
    bench.disarm();
    let left = left();
    assert!(
        ran.status != Some(0) && left.len() == 1 && left[0].starts_with("mcc."),
        "{left:?}: {ran}"
    );
    bench.run("clean --yes").ends(0);
}

pub fn two_scripts_at_once_are_refused() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let bench = endpoint(folder.path());
    for line in ["build", "push", "deploy"] {
        bench.run(line).ends(0);
    }
    symlink(std::process::id().to_string(), bench.project().join(".mcc/running")).unwrap();
    for line in ["push", "submit", "deploy", "register", "clean --yes"] {
        let ran = bench.run(line).ends(1);
        assert!(ran.stderr.contains("another script of this project"), "{ran}");
    }
}
