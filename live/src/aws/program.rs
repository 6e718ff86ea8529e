//! Programs that print credentials: `credential_process` of a profile. The SDK would leave one running that nobody waits for
//! any more. Here it has a time, and it ends with this process, with whatever it started itself.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use aws_config::profile::{self, ProfileSet};
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_types::SdkConfig;
use aws_types::os_shim_internal::{Env, Fs};
use serde_json::{Map, Value};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::task::spawn_blocking;

/// How long a program may run.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Most bytes that it may print.
const MOST: u64 = 64 * 1024;
/// Most profiles that lead to each other.
const CHAIN: usize = 8;

/// Keys of a profile that has its credentials from elsewhere, by the SDK's order.
const ELSEWHERE: [&str; 8] = [
    "credential_source",
    "login_session",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// A program, and the roles that its credentials are for, the first to be assumed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    command: String,
    roles: Vec<Role>,
}

/// A role that a profile names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Role {
    arn: String,
    session: Option<String>,
    external: Option<String>,
}

/// Why a program gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gave {
    /// It failed, or printed something else.
    Nothing,
    /// It did not end in time.
    Late,
}

impl Program {
    /// The program that a profile leads to, in this environment. None where it leads elsewhere: that is the SDK's.
    pub(super) async fn of(
        variables: HashMap<String, String>,
        profile: Option<String>,
    ) -> Option<Self> {
        let set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
        if set("AWS_ACCESS_KEY_ID") && set("AWS_SECRET_ACCESS_KEY") {
            return None;
        }
        let runtime = tokio::runtime::Handle::current();
        // Files are read where nobody is served.
        let reading = spawn_blocking(move || {
            let environment = Env::from(variables);
            let files = EnvConfigFiles::default();
            let selected = profile.map(Into::into);
            runtime.block_on(profile::load(&Fs::real(), &environment, &files, selected)).ok()
        });
        Self::found(&reading.await.ok()??)
    }

    fn found(profiles: &ProfileSet) -> Option<Self> {
        let mut roles = Vec::new();
        let mut name = profiles.selected_profile();
        for step in 0..CHAIN {
            let profile = profiles.get_profile(name)?;
            let get = |key: &str| profile.get(key).map(str::to_owned);
            // Keys of a profile that another leads to are taken before anything else of it.
            let has_keys = step > 0 && get("aws_access_key_id").is_some();
            if has_keys || ELSEWHERE.iter().any(|key| profile.get(key).is_some()) {
                return None;
            }
            let base = match get("role_arn") {
                None => true,
                Some(arn) => {
                    let (session, external) = (get("role_session_name"), get("external_id"));
                    roles.push(Role { arn, session, external });
                    let next = profile.get("source_profile")?;
                    let itself = next == name;
                    name = next;
                    itself
                }
            };
            if base {
                return Some(Self { command: get("credential_process")?, roles });
            }
        }
        None
    }

    /// What it prints. Whoever drops this ends it.
    pub(super) async fn run(&self, patience: Duration) -> Result<Credentials, Gave> {
        let running = async {
            let mut child = shell(&self.command).spawn().ok()?;
            // While it is open, the program may run.
            let _leash = child.stdin.take();
            let mut printed = Vec::new();
            child.stdout.take()?.take(MOST + 1).read_to_end(&mut printed).await.ok()?;
            let ended = child.wait().await.ok()?;
            (ended.success() && printed.len() as u64 <= MOST).then_some(printed)
        };
        let printed = tokio::time::timeout(patience, running).await.map_err(|_| Gave::Late)?;
        printed.and_then(|text| read(&text)).ok_or(Gave::Nothing)
    }

    /// Credentials of the last role, by those that the program printed.
    pub(super) async fn assumed(
        &self,
        printed: Credentials,
        config: &SdkConfig,
    ) -> Result<Credentials, CredentialsError> {
        let mut credentials = printed;
        for Role { arn, session, external } in self.roles.iter().rev() {
            let mut role = AssumeRoleProvider::builder(arn).configure(config);
            role = role.session_name(session.as_deref().unwrap_or("mcc"));
            if let Some(external) = external {
                role = role.external_id(external);
            }
            let role = role.build_from_provider(credentials).await;
            credentials = role.provide_credentials().await?;
        }
        Ok(credentials)
    }
}

/// The program below a shell that ends all of its group as soon as nobody holds the other end of its stdin: what waits for
/// it was dropped, or this process is no more. The program itself has no stdin.
#[cfg(not(windows))]
fn shell(command: &str) -> Command {
    const LEASH: &str = "exec 3<&0\n\
        sh -c \"$1\" </dev/null 3<&- &\n\
        program=$!\n\
        ( read -r end <&3; kill -9 0 ) >/dev/null &\n\
        leash=$!\n\
        wait \"$program\"\n\
        code=$?\n\
        kill \"$leash\"\n\
        exit \"$code\"\n";
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where a profile's own program is started"
    )]
    let mut shell = Command::new("sh");
    shell.args(["-c", LEASH, "sh", command]).process_group(0);
    piped(&mut shell);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where a profile's own program is started"
    )]
    let mut shell = Command::new("cmd.exe");
    // As it is, since cmd.exe has quotes of its own.
    shell.arg("/C").raw_arg(format!("\"{command}\""));
    piped(&mut shell);
    shell.stdin(Stdio::null());
    shell
}

fn piped(shell: &mut Command) {
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
}

/// Credentials as programs print them: names in whatever case, version 1.
fn read(text: &[u8]) -> Option<Credentials> {
    let said: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let get = |name: &str| {
        let found = said.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    };
    let word = |name: &str| get(name)?.as_str().map(str::to_owned);
    if get("Version")?.as_i64() != Some(1) {
        return None;
    }
    let expiry = match get("Expiration") {
        None => None,
        Some(at) => {
            let at = DateTime::from_str(at.as_str()?, Format::DateTimeWithOffset).ok()?;
            Some(SystemTime::try_from(at).ok()?)
        }
    };
    let (id, secret) = (word("AccessKeyId")?, word("SecretAccessKey")?);
    Some(Credentials::new(id, secret, word("SessionToken"), expiry, "credential_process"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    async fn of(text: &str, selected: &str) -> Option<Program> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        std::fs::write(&config, text).unwrap();
        let variables = [
            ("AWS_CONFIG_FILE".to_owned(), config.display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), "/nonexistent/x".to_owned()),
        ];
        Program::of(variables.into(), Some(selected.to_owned())).await
    }

    #[tokio::test]
    async fn the_program_of_a_profile_is_found_where_the_sdk_would_take_it() {
        let text = "[profile own]\ncredential_process = print it # all\n\
            [profile role]\nrole_arn = arn:1\nsource_profile = own\n\
            [profile itself]\nrole_arn = arn:2\nsource_profile = itself\nexternal_id = e\ncredential_process = x\n\
            [profile over]\nrole_arn = arn:3\nsource_profile = role\n\
            [profile sso]\nsso_session = s\ncredential_process = x\n\
            [profile keys]\naws_access_key_id = a\naws_secret_access_key = b\ncredential_process = x\n\
            [profile by-keys]\nrole_arn = arn:4\nsource_profile = keys\n\
            [profile round]\nrole_arn = arn:5\nsource_profile = trip\n\
            [profile trip]\nrole_arn = arn:6\nsource_profile = round\n";
        let found = async |name| {
            let program = of(text, name).await?;
            let arns = program.roles.iter().map(|role| role.arn.clone());
            Some((program.command, arns.collect::<Vec<_>>().join(" ")))
        };
        let is = |command: &str, arns: &str| Some((command.to_owned(), arns.to_owned()));
        assert_eq!(found("role").await.unwrap().1, "arn:1");
        assert!(found("own").await.unwrap().0.starts_with("print it"));
        assert_eq!(found("itself").await, is("x", "arn:2"));
        assert_eq!(found("over").await.unwrap().1, "arn:3 arn:1");
        assert_eq!(found("keys").await, is("x", ""));
        for other in ["sso", "by-keys", "round", "nobody"] {
            assert_eq!(found(other).await, None, "{other}");
        }
    }

    #[test]
    fn what_is_printed_is_read_as_the_sdk_reads_it() {
        let text =
            br#"{"version": 1, "AccessKeyID": "a", "SecretAccessKey": "b", "SessionToken": "c",
            "Expiration": "2031-01-02T03:04:05+00:00"}"#;
        let read_it = read(text).unwrap();
        assert_eq!((read_it.access_key_id(), read_it.session_token()), ("a", Some("c")));
        assert!(read_it.expiry().unwrap() > SystemTime::UNIX_EPOCH);
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "b"}"#,
            r#"{"Version": 1, "AccessKeyId": "a"}"#,
            r#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "soon"}"#,
        ] {
            assert!(read(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[cfg(unix)]
    fn program(command: String) -> Program {
        Program { command, roles: Vec::new() }
    }

    /// Whether the processes whose ids are in a file are gone.
    #[cfg(unix)]
    async fn are_gone(file: &Path) -> bool {
        for _ in 0..200 {
            let ids = std::fs::read_to_string(file).unwrap_or_default();
            let alive = |id: &str| {
                let mut state = std::process::Command::new("ps");
                let said = state.args(["-o", "stat=", "-p", id]).output().unwrap().stdout;
                !matches!(said.first(), None | Some(b'Z'))
            };
            if ids.lines().count() == 2 && !ids.lines().any(alive) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn a_program_that_nobody_waits_for_ends_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ids");
        let slow = || {
            let _ = std::fs::remove_file(&file);
            let file = file.display();
            program(format!("sleep 600 & echo $! >'{file}'; echo $$ >>'{file}'; sleep 600"))
        };
        let late = slow().run(Duration::from_millis(500)).await;
        assert_eq!(late.unwrap_err(), Gave::Late);
        assert!(are_gone(&file).await, "out of time");
        let dropped = tokio::time::timeout(Duration::from_millis(500), slow().run(PATIENCE)).await;
        assert!(dropped.is_err());
        assert!(are_gone(&file).await, "dropped");
        // What ends by itself is read, and what fails is not.
        let keys = r#"echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}'"#;
        assert!(program(keys.to_owned()).run(PATIENCE).await.is_ok());
        assert_eq!(program(format!("{keys}; exit 3")).run(PATIENCE).await, Err(Gave::Nothing));
        let long = program("yes x".to_owned()).run(PATIENCE).await;
        assert_eq!(long.unwrap_err(), Gave::Nothing);
    }
}
