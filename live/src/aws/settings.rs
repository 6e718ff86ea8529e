//! What is to be known of AWS: told by who reads the environment.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// What is to be known of AWS before it is asked.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// Variables of the environment that the SDK reads: those for which [`AwsSettings::reads`] is true.
    pub variables: HashMap<String, String>,
    /// Profiles that a call may name, besides the one of the process: from `--allow-profile`.
    pub profiles: BTreeSet<String>,
    /// Whether the instance metadata service of EC2 may be asked for credentials. On a laptop nobody answers there, or
    /// somebody who should not, and it is waited for.
    pub instance_metadata: bool,
}

impl AwsSettings {
    /// What this environment says, with the profiles that calls may name. The instance metadata service is asked where
    /// `AWS_EC2_METADATA_DISABLED` is `false`.
    pub fn of(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        profiles: impl IntoIterator<Item = String>,
    ) -> Self {
        let variables: HashMap<String, String> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| Self::reads(name) && !value.is_empty())
            .collect();
        let told = variables.get("AWS_EC2_METADATA_DISABLED").map(|value| value.to_lowercase());
        let instance_metadata = told.as_deref() == Some("false");
        Self { variables, profiles: profiles.into_iter().collect(), instance_metadata }
    }

    /// Whether this variable of the environment is one that the SDK reads.
    pub fn reads(name: &str) -> bool {
        name.starts_with("AWS_")
            || matches!(name, "HOME" | "USERPROFILE" | "HOMEDRIVE" | "HOMEPATH")
    }

    /// The environment for credentials of the process, or of a named profile. A named profile is what it says: what the
    /// process itself has is not taken instead of it.
    pub(crate) fn environment(&self, profile: Option<&str>) -> HashMap<String, String> {
        let mut variables = self.variables.clone();
        if !self.instance_metadata {
            variables.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
        }
        if profile.is_some() {
            variables.retain(|name, _| !OF_THE_PROCESS.contains(&name.as_str()));
        }
        variables
    }

    /// The files with profiles: configuration and credentials.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let get = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        let home = get("HOME").or_else(|| get("USERPROFILE"));
        [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")]
            .into_iter()
            .filter_map(|(variable, name)| match (get(variable), home) {
                (Some(path), Some(home)) if path.starts_with("~/") => {
                    Some(PathBuf::from(home).join(path.trim_start_matches("~/")))
                }
                (Some(path), _) => Some(PathBuf::from(path)),
                (None, Some(home)) => Some(PathBuf::from(home).join(".aws").join(name)),
                (None, None) => None,
            })
            .collect()
    }
}

/// Where the process has credentials from that are no profile's.
const OF_THE_PROCESS: [&str; 11] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

impl fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&String> = self.variables.keys().collect();
        names.sort_unstable();
        f.debug_struct("AwsSettings")
            .field("variables", &names)
            .field("profiles", &self.profiles)
            .field("instance_metadata", &self.instance_metadata)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> AwsSettings {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        AwsSettings { variables: variables.collect(), ..AwsSettings::default() }
    }

    #[test]
    fn a_named_profile_takes_nothing_of_the_process() {
        let settings = settings(&[("AWS_ACCESS_KEY_ID", "key"), ("AWS_CA_BUNDLE", "file")]);
        let own = settings.environment(None);
        assert_eq!(own.get("AWS_ACCESS_KEY_ID").map(String::as_str), Some("key"));
        assert_eq!(own.get("AWS_EC2_METADATA_DISABLED").map(String::as_str), Some("true"));
        let named = settings.environment(Some("team"));
        assert!(!named.contains_key("AWS_ACCESS_KEY_ID"));
        assert!(named.contains_key("AWS_CA_BUNDLE"));
        let on = AwsSettings { instance_metadata: true, ..settings };
        assert!(!on.environment(None).contains_key("AWS_EC2_METADATA_DISABLED"));
    }

    #[test]
    fn an_environment_says_what_the_sdk_reads() {
        let all =
            [("AWS_REGION", "us-west-2"), ("AWS_PROFILE", ""), ("OTHER", "x"), ("HOME", "/h")];
        let environment = |more: &'static str| {
            let all = all.into_iter().chain([("AWS_EC2_METADATA_DISABLED", more)]);
            all.map(|(name, value)| (name.into(), value.into()))
        };
        let off = AwsSettings::of(environment(""), ["team".to_owned()]);
        let mut names: Vec<&str> = off.variables.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["AWS_REGION", "HOME"]);
        assert!(!off.instance_metadata && off.profiles.contains("team"));
        assert!(AwsSettings::of(environment("False"), []).instance_metadata);
        assert!(!AwsSettings::of(environment("true"), []).instance_metadata);
    }

    #[test]
    fn files_of_profiles_are_where_the_sdk_looks() {
        let usual = settings(&[("HOME", "/home/a"), ("AWS_CONFIG_FILE", "~/c")]).files();
        assert_eq!(usual, [PathBuf::from("/home/a/c"), PathBuf::from("/home/a/.aws/credentials")]);
        assert_eq!(settings(&[]).files(), Vec::<PathBuf>::new());
    }

    #[test]
    fn settings_show_names_of_variables_and_no_values() {
        let shown = format!("{:?}", settings(&[("AWS_SECRET_ACCESS_KEY", "s3cr3t")]));
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("s3cr3t"), "{shown}");
    }
}
