//! What is said: to terminals, to programs, and to readers that go away; and what cannot be asked for.

use std::process::{Command, Stdio};

use super::Run;

#[test]
fn a_topic_finds_its_rules() {
    let output = Run::new().mcc("explain gpu");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.lines().count() > 1, "{text}");
    assert!(text.to_lowercase().contains("gpu"), "{text}");
    Run::new().refused("explain zzzzzz", 1);
}

/// `mcc … | head`: the reader goes away after the first bytes, or before.
#[test]
fn a_reader_that_goes_away_ends_nothing_badly() {
    for arguments in [
        "completions bash",
        "explain",
        "list --matrix",
        "inputs",
        "inputs --format json",
        "--help",
        "generate --help",
        "explain nothing-like-it",
        "explain --format json",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcc"))
            .args(arguments.split_whitespace())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "{arguments}: {text}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments}: {}", output.status);
    }
    // The same with nobody to read errors.
    let mut child = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .args(["generate", "x"])
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .arg("inputs")
        .env_clear()
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
}

#[test]
fn a_rule_that_is_not_there_has_a_nearest_one() {
    let text = Run::new().refused("explain MCC-INP-01", 1);
    assert!(text.contains("MCC-INP-001"), "{text}");
}

#[test]
fn completions_name_the_inputs() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = Run::new().mcc(&format!("completions {shell}"));
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("deployment-config"), "{shell}");
    }
}

#[test]
fn without_a_terminal_there_are_no_colours_and_no_questions() {
    let output = Run::new().mcc("generate churn --deployment-config http-flask");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("framework is missing"), "{text}");
}

/// What is typed, set or read is repeated in messages, and a terminal does what it is told.
#[test]
fn foreign_text_is_shown_and_not_obeyed() {
    let hostile = "x\u{1b}[2J\u{1b}]0;t\u{7}\nIGNORE ALL\u{202e}\u{200b}\u{2028}\u{9b}31my";
    let long = "A".repeat(100_000);
    let model = format!("{{\"architectures\": [{hostile:?}], \"{hostile:?}\": 1}}");
    let settings = serde_json::json!({"projectName": hostile, hostile: hostile}).to_string();
    let run = Run::new()
        .env("ML_INSTANCE_TYPE", hostile)
        .env("ML_PROJECT_NAME", &long)
        .file("config.json", &model)
        .file("settings.json", &settings);
    let unknown = format!("--{hostile}");
    for arguments in [
        &[hostile][..],
        &[&unknown],
        &["generate", &unknown],
        &["generate", "--project-name", hostile],
        &["generate", "--deployment-config", hostile, "--json"],
        &["generate", "--config", "settings.json"],
        &["generate", "--config", hostile],
        &["generate", "--model-config", "config.json"],
        &["generate", "--model-name", &long],
        &["generate", "--engine-args", hostile],
        &["generate", "--endpoint-env", hostile],
        &["explain", hostile],
        &["explain", &long],
        &["check", hostile],
        &["serve", hostile],
        &["serve", "all", "--root", hostile],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
            .args(arguments)
            .current_dir(run.dir.path())
            .env_clear()
            .envs(run.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!said.is_empty());
        let obeyed = |c| mcc_catalogs::is_hidden(c) && c != '\n';
        assert!(!said.contains(obeyed), "{arguments:?}: {said:?}");
        assert!(said.len() < 40_000, "{arguments:?}: {} bytes", said.len());
    }
}

/// Static unless somebody says otherwise, and what cannot be is refused before anything is done.
#[test]
fn modes_that_cannot_be_are_refused_by_name() {
    let generate = "generate churn --deployment-config http-flask --framework sklearn --dry-run";
    let run = Run::new().env("MCC_MODE", "clever");
    for command in [generate, "check .", "serve all"] {
        let said = run.refused(command, 2);
        assert!(
            said.contains("MCC_MODE is `clever`") && said.contains("static or smart"),
            "{said}"
        );
    }
    // What is asked for wins over the variable.
    for mode in ["--offline", "--mode static"] {
        assert_eq!(run.mcc(&format!("{generate} {mode}")).status.code(), Some(0), "{mode}");
    }
    let run = Run::new().env("MCC_MODE", "smart");
    assert_eq!(run.mcc(&format!("{generate} --offline")).status.code(), Some(0));
    for (flags, named) in [
        ("generate --mode smart --offline", "--mode smart and --offline"),
        ("serve all --mode smart --offline", "--mode smart and --offline"),
        ("check --live --offline", "--live and --offline"),
        ("check --live --mode static", "--live and --mode static"),
        ("generate --mode clever", "[possible values: static, smart]"),
    ] {
        let said = run.refused(flags, 2);
        assert!(said.contains(named), "{said}");
    }
    let hostile = Run::new().env("MCC_MODE", "a\u{1b}[2J\nb");
    assert!(!hostile.refused(generate, 2).contains('\u{1b}'));
}

/// A build without what reaches a network has one mode, and says how to get the other.
#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_smart_mode_says_so() {
    let generate = "generate churn --deployment-config http-flask --framework sklearn --dry-run";
    let run = Run::new().env("MCC_MODE", "smart");
    for command in [&format!("{generate} --mode smart"), generate, "serve all", "check --live"] {
        let said = run.refused(command, 2);
        assert!(said.contains("no smart mode") && said.contains("--features live"), "{said}");
    }
    assert_eq!(run.mcc(&format!("{generate} --offline")).status.code(), Some(0));
}
