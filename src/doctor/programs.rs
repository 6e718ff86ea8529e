//! Programs that generated projects call.

use std::time::Duration;

use super::Check;
use crate::programs::{self, Ran};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for the AWS CLI, which reads a thousand files before it says anything.
const PATIENCE_FOR_AWS: Duration = Duration::from_secs(20);
/// Most characters of a version.
const LONGEST: usize = 40;

/// All of them, at once. `offline`: docker's engine, which may be on another machine, is not asked.
pub(super) fn checks(offline: bool) -> Vec<Check> {
    std::thread::scope(|scope| {
        let docker = scope
            .spawn(|| client("docker", &["--version"], PATIENCE, "images cannot be built here"));
        let engine = scope.spawn(move || engine(offline));
        let arguments = ["version", "--client"];
        let kubectl = scope
            .spawn(move || client("kubectl", &arguments, PATIENCE, "only hyperpod-eks needs it"));
        let aws = scope.spawn(aws);
        let all = [docker.join(), engine.join(), kubectl.join(), aws.join()];
        all.into_iter().flatten().collect()
    })
}

/// A program that says its version.
fn client(name: &str, arguments: &[&str], patience: Duration, without: &str) -> Check {
    match programs::run(name, arguments, patience) {
        Ran::Missing => Check::warning(name, format!("it is not in PATH; {without}"))
            .with_fix(format!("install {name}")),
        Ran::Late => Check::failed(name, "it did not answer in time").with_fix(format!(
            "run `{name} {}` to see why it does not finish",
            arguments.join(" ")
        )),
        Ran::Failed => Check::failed(name, "it ended with an error")
            .with_fix(format!("run `{name} {}` to see why", arguments.join(" "))),
        Ran::Said(text) => match version(&text) {
            Some(version) => Check::ok(name, version),
            None => Check::warning(name, "it does not print its version"),
        },
    }
}

/// What docker's client talks to.
fn engine(offline: bool) -> Check {
    let name = "docker engine";
    if offline {
        return Check::not_checked(name, "--offline opens no connection");
    }
    match programs::run("docker", &["version", "--format", "{{.Server.Version}}"], PATIENCE) {
        Ran::Missing => Check::not_checked(name, "docker is not installed"),
        Ran::Said(text) if version(&text).is_some() => {
            Check::ok(name, version(&text).unwrap_or_default())
        }
        Ran::Late => Check::failed(name, "it did not answer in time")
            .with_fix("check that docker is running, and where DOCKER_HOST points"),
        Ran::Said(_) | Ran::Failed => Check::failed(name, "it does not answer")
            .with_fix("start docker, and check that you may use it: `docker version`"),
    }
}

/// The AWS CLI, of which projects need the second.
fn aws() -> Check {
    let check = client("aws", &["--version"], PATIENCE_FOR_AWS, "the scripts of projects call it");
    let old = check.message.starts_with("1.") && check.fix.is_none();
    if old {
        let message = format!("{}: the scripts of projects need version 2", check.message);
        return Check::failed("aws", message).with_fix("install version 2 of the AWS CLI");
    }
    check
}

/// The first word of a text that is a version. Nothing else of what programs say is told.
fn version(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',' || c == '/');
    let mut versions = words.map(|word| word.strip_prefix('v').unwrap_or(word));
    versions
        .find(|word| {
            word.starts_with(|c: char| c.is_ascii_digit())
                && word.contains('.')
                && word.len() <= LONGEST
                && word.chars().all(|c| c.is_ascii_alphanumeric() || ".+-~".contains(c))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found_and_nothing_else_is() {
        for (text, expected) in [
            ("Docker version 27.3.1, build ce12230", Some("27.3.1")),
            ("Client Version: v1.31.2\nKustomize Version: v5.4.2", Some("1.31.2")),
            ("aws-cli/2.22.7 Python/3.12.6 Linux/6.8", Some("2.22.7")),
            ("\n", None),
            ("s3cr3t", None),
            ("1.2\u{1b}[2J", None),
        ] {
            assert_eq!(version(text).as_deref(), expected, "{text}");
        }
    }
}
