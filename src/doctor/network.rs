//! What smart mode stands on: settings, the cache, AWS and the sources.

use mcc_catalogs::{Catalogs, Region, echo};
use mcc_live::{Action, Answered, Cache, Failure, Probe, REASONING_ALLOWS, Settings, TokenState};
use tokio::runtime::{Builder, Runtime};

use super::Check;
use crate::live;

const SETTINGS: &str = "settings";
const REGION: &str = "AWS Region";
const ACCOUNT: &str = "AWS account";
const TOKEN: &str = "Hugging Face token";
/// Where AWS is asked if no Region is configured.
const ANY_REGION: &str = "us-east-1";
const OFFLINE: &str = "--offline opens no connection";

/// All of it; `offline` only what needs no network.
pub(super) fn checks(offline: bool) -> Vec<Check> {
    let settings = match live::settings(std::sync::Arc::clone(Catalogs::shared()), &[]) {
        Ok(settings) => settings,
        Err(error) => return unusable(format!("{error:#}")),
    };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return unusable("the runtime for look-ups cannot be started".to_owned());
    };
    let probe = match runtime.block_on(Probe::new(&settings)) {
        Ok(probe) => probe,
        Err(error) => return [unusable(error.to_string()), vec![cache(&settings)]].concat(),
    };
    let mut all = vec![network(&settings), cache(&settings)];
    let configured = probe.region();
    all.push(region(configured.as_deref()));
    if offline {
        all.extend(
            ["reachability", ACCOUNT, "AWS permissions", TOKEN]
                .map(|name| Check::not_checked(name, OFFLINE)),
        );
        return all;
    }
    let region = configured.and_then(|name| name.parse().ok()).or_else(|| ANY_REGION.parse().ok());
    if let Some(region) = region {
        all.extend(asked(&runtime, &probe, &region));
    }
    all
}

/// What follows where the settings cannot be used: smart mode does not start.
fn unusable(why: String) -> Vec<Check> {
    let fix =
        "correct or unset the variable; see \"Proxies and certificates\" in docs/smart-mode.md";
    let mut all = vec![Check::failed(SETTINGS, why).with_fix(fix)];
    let names = [REGION, "reachability", ACCOUNT, "AWS permissions", TOKEN];
    all.extend(names.map(|name| Check::not_checked(name, "the settings cannot be used")));
    all
}

/// How the network is reached. Addresses of proxies may have passwords.
fn network(settings: &Settings) -> Check {
    let network = &settings.network;
    let proxy = network.https_proxy.is_some() || network.http_proxy.is_some();
    let through = if proxy { "through a proxy" } else { "without a proxy" };
    let trusted = match &network.authorities {
        Some(file) => {
            format!("the system's authorities and those in {}", echo(&file.display().to_string()))
        }
        None => "the system's authorities".to_owned(),
    };
    Check::ok(SETTINGS, format!("{through}; certificates of {trusted}"))
}

fn cache(settings: &Settings) -> Check {
    let name = "cache";
    let Some(folder) = settings.cache.clone() else {
        return Check::warning(
            name,
            "no folder is known for it, so answers are kept in memory only",
        )
        .with_fix("name a folder in MCC_CACHE_DIR");
    };
    let report = Cache::on_disk(folder).report();
    match (report.trouble, report.folder) {
        (Some(trouble), _) => Check::failed(name, trouble).with_fix(
            "name another folder in MCC_CACHE_DIR, or remove the file or folder that is there",
        ),
        (None, folder) => {
            let shown = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
            Check::ok(name, format!("{} answers in {shown}", report.entries))
        }
    }
}

fn region(configured: Option<&str>) -> Check {
    let Some(name) = configured else {
        return Check::warning(REGION, "none is configured").with_fix(
            "set AWS_REGION, or `region` of the profile: `aws configure set region REGION`",
        );
    };
    let known =
        name.parse::<Region>().is_ok() && Catalogs::embedded().regions().get(name).is_some();
    if known {
        return Check::ok(REGION, name);
    }
    Check::failed(REGION, format!("`{}` is not a known Region", echo(name)))
        .with_fix("correct it in AWS_REGION, AWS_DEFAULT_REGION or the profile")
}

/// What takes a network.
fn asked(runtime: &Runtime, probe: &Probe, region: &Region) -> Vec<Check> {
    let (reached, token, (account, permissions)) = runtime.block_on(async {
        tokio::join!(probe.reach(region), probe.token(), async {
            let account = probe.account(region).await;
            let permissions = match &account {
                Ok(_) => probe.permissions(region).await,
                Err(_) => Vec::new(),
            };
            (account, permissions)
        })
    });
    let mut all: Vec<Check> = reached.into_iter().map(reachable).collect();
    all.push(match account {
        Ok(number) => Check::ok(ACCOUNT, number),
        Err(failure @ Failure::NoCredentials) => Check::warning(ACCOUNT, words("AWS", &failure))
            .with_fix("sign in (`aws configure` or `aws sso login`), or work without AWS"),
        Err(failure) => Check::failed(ACCOUNT, words("AWS", &failure))
            .with_fix("run `aws sts get-caller-identity` to see why"),
    });
    if permissions.is_empty() {
        all.push(Check::not_checked("AWS permissions", "the account is not known"));
    } else {
        all.extend(permissions.into_iter().map(allowed));
        let paid = "a call costs money; only `--reasoning bedrock` needs it";
        all.push(Check::not_checked(REASONING_ALLOWS, paid));
    }
    all.push(hugging_face(token));
    all
}

fn reachable((name, answer): Answered) -> Check {
    match answer {
        Ok(()) => Check::ok(&name, "reached"),
        Err(failure @ Failure::Throttled(_)) => Check::warning(&name, words("it", &failure)),
        Err(failure) => {
            let fix = match failure {
                Failure::Proxy => "correct HTTPS_PROXY, or name the host in NO_PROXY",
                Failure::Certificate => {
                    "name the authority's file in SSL_CERT_FILE or AWS_CA_BUNDLE"
                }
                _ => "let this machine reach it if smart mode should use it",
            };
            Check::failed(&name, words("it", &failure)).with_fix(fix)
        }
    }
}

fn allowed((action, answer): (Action, Result<(), Failure>)) -> Check {
    let Action { allows, why, .. } = action;
    match answer {
        Ok(()) => Check::ok(allows, "allowed"),
        Err(Failure::Denied(_)) => {
            let who = if action.is_of_reasoning() { "--reasoning bedrock" } else { "smart mode" };
            Check::warning(allows, format!("denied: {who} needs it to {why}"))
                .with_fix(format!("allow `{allows}`: `mcc policy smart` prints the policy"))
        }
        // Nobody was asked.
        Err(Failure::NotAsked(why)) => Check::not_checked(allows, format!("not tried: {why}")),
        Err(failure) => Check::not_checked(allows, words("AWS", &failure)),
    }
}

fn hugging_face(token: Result<TokenState, Failure>) -> Check {
    match token {
        Ok(TokenState::Accepted) => Check::ok(TOKEN, "it is accepted"),
        Ok(TokenState::None) => Check::ok(TOKEN, "none is set; gated and private models need one"),
        Ok(TokenState::Kept) => {
            Check::not_checked(TOKEN, "the token is not sent to the endpoint in HF_ENDPOINT")
                .with_fix("set MCC_SEND_HF_TOKEN=1, if that endpoint may have it")
        }
        Ok(TokenState::Refused) => Check::failed(TOKEN, "it is not accepted").with_fix(
            "create another at https://huggingface.co/settings/tokens, or unset HF_TOKEN",
        ),
        Err(failure) => Check::not_checked(TOKEN, words("Hugging Face", &failure)),
    }
}

/// A failure as a sentence, without the advice to run what is running, and of a check where an answer is meant.
fn words(subject: &str, failure: &Failure) -> String {
    let told = format!("{subject} {failure}").replace("; run `mcc doctor`", "");
    told.replace("this answer has used up", "this check has used up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_those_of_a_check() {
        let told = words("AWS", &Failure::UsedUp);
        assert_eq!(told, "AWS could not be queried: this check has used up its requests");
        assert_eq!(words("it", &Failure::BadCredentials), "it rejected these credentials");
    }
}
