//! What a refusal means: codes of services, and errors of the SDK's credential chain, as failures. Texts of servers and
//! of programs stay here.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use http::{HeaderMap, StatusCode};
use mcc_catalogs::echo;
use serde_json::Value;

use super::actions::Action;
use super::service::Protocol;
use super::xml::Element;
use crate::clock;
use crate::failure::Failure;
use crate::web::asked_to_wait;

/// How wrong a clock is before it is told to be why a signature is refused.
const SKEWED: Duration = Duration::from_secs(240);
/// Longest code.
const LONGEST: usize = 64;

/// What a service refused with, for the SDK to decide whether it asks again.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    meta: Box<ErrorMetadata>,
    pub(crate) status: u16,
    /// The clock here is wrong by more than signatures allow, by the service's own.
    pub(crate) skewed: bool,
    /// Where a bucket is, if it is elsewhere.
    pub(crate) region: Option<String>,
    /// How long it asks to be left alone.
    wait: Option<Duration>,
    /// Its text says that there is no such thing: SageMaker has one code for that and for all that is wrong with a request.
    pub(crate) missing: bool,
}

impl Refusal {
    /// Reads the refusal in an answer.
    pub(crate) fn read(
        protocol: Protocol,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let code = match protocol {
            Protocol::Json { .. } | Protocol::RestJson => code_in_json(headers, body),
            Protocol::RestXml | Protocol::Query { .. } => code_in_xml(body),
        };
        let mut meta = ErrorMetadata::builder();
        if let Some(code) = code {
            meta = meta.code(code);
        }
        Self {
            meta: Box::new(meta.build()),
            status: status.as_u16(),
            skewed: skew(headers).is_some_and(|skew| skew > SKEWED),
            region: header(headers, "x-amz-bucket-region").filter(|name| is_word(name)),
            wait: asked_to_wait(headers),
            missing: says_missing(body),
        }
    }

    /// The code, such as `AccessDeniedException`; empty if there was none.
    pub(crate) fn code(&self) -> &str {
        self.meta.code().unwrap_or_default()
    }

    /// As a failure of `action`.
    pub(crate) fn meaning(&self, action: &Action, profile: Option<&str>) -> Failure {
        let code = self.code();
        match code {
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorized"
            | "AuthorizationError"
            | "UnauthorizedException"
            | "Forbidden" => Failure::Denied(action.allows.to_owned()),
            "ExpiredToken"
            | "ExpiredTokenException"
            | "TokenRefreshRequired"
            | "RequestExpired" => Failure::Expired(renewal(profile)),
            "RequestTimeTooSkewed" => Failure::ClockSkew,
            "SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure"
                if self.skewed =>
            {
                Failure::ClockSkew
            }
            _ if is_about_who(code) => Failure::BadCredentials,
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottledException"
            | "RequestThrottled"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "SlowDown"
            | "EC2ThrottledException"
            | "LimitExceededException" => Failure::throttled(self.wait),
            "OptInRequired" | "SubscriptionRequiredException" => {
                Failure::NotThere("the account is not signed up for it".to_owned())
            }
            "" if self.status == 429 => Failure::throttled(self.wait),
            "" if matches!(self.status, 401 | 403) => Failure::Denied(action.allows.to_owned()),
            "" => Failure::Refused(format!("HTTP {}", self.status)),
            code => Failure::Refused(code.to_owned()),
        }
    }
}

/// Whether a code says that it is not known who asks: the keys are wrong, or not known in that Region.
fn is_about_who(code: &str) -> bool {
    matches!(
        code,
        "UnrecognizedClientException"
            | "UnrecognizedClient"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "InvalidToken"
            | "AuthFailure"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code())
    }
}

impl StdError for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Whether a text says that there is no such thing.
fn says_missing(body: &[u8]) -> bool {
    let text = serde_json::from_slice::<Value>(body).ok();
    let text = text
        .as_ref()
        .and_then(|body| ["message", "Message"].iter().find_map(|name| body.get(name)?.as_str()));
    let text = text.unwrap_or_default().to_ascii_lowercase();
    ["does not exist", "could not find", "not found"].iter().any(|words| text.contains(words))
}

/// Whether a text is a word that may be told: a code, or a Region.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// `com.amazonaws.sagemaker#AccessDeniedException:http://…` is what some services say.
fn code(text: &str) -> Option<String> {
    let text = text.split(':').next().unwrap_or_default();
    let text = text.rsplit('#').next().unwrap_or_default().trim();
    is_word(text).then(|| text.to_owned())
}

fn code_in_json(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let told = header(headers, "x-amzn-errortype").and_then(|text| code(&text));
    told.or_else(|| {
        let body: Value = serde_json::from_slice(body).ok()?;
        ["__type", "code", "Code"].iter().find_map(|name| code(body.get(name)?.as_str()?))
    })
}

fn code_in_xml(body: &[u8]) -> Option<String> {
    let root = Element::parse(body).ok()?;
    code(root.find("Error")?.text_of("Code")?)
}

/// How far this machine's clock and a server's are from each other.
fn skew(headers: &HeaderMap) -> Option<Duration> {
    let date = DateTime::from_str(headers.get("date")?.to_str().ok()?, Format::HttpDate).ok()?;
    let there = u64::try_from(date.secs()).ok()?;
    Some(Duration::from_secs(clock::now().abs_diff(there)))
}

/// How credentials are had anew.
pub(crate) fn renewal(profile: Option<&str>) -> String {
    match profile {
        Some(name) => format!("run `aws sso login --profile {}`, or renew them", echo(name)),
        None => "run `aws sso login`, or renew them".to_owned(),
    }
}

fn whose(profile: Option<&str>) -> String {
    profile.map_or("the AWS profile in use".to_owned(), |name| {
        format!("the AWS profile `{}`", echo(name))
    })
}

/// A program gave no credentials.
pub(crate) fn of_program(profile: Option<&str>) -> Failure {
    let why = "the command of its credential_process failed or printed no credentials";
    Failure::NotAsked(format!("{} provides none: {why}", whose(profile)))
}

/// A program did not end in time; where it `goes_on`, a later question has what it prints.
pub(crate) fn of_program_late(profile: Option<&str>, goes_on: bool) -> String {
    let then = if goes_on { "; ask again in a moment" } else { " and was stopped" };
    format!("the command of credential_process of {} did not end in time{then}", whose(profile))
}

/// Why there are no credentials. What programs and servers said is looked at and not told.
pub(crate) fn of_credentials(error: &CredentialsError, profile: Option<&str>) -> Failure {
    let mut chain: Vec<String> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = next {
        chain.push(error.to_string());
        next = error.source();
    }
    let says = |words: &str| chain.iter().any(|text| text.contains(words));
    let whose = whose(profile);
    // A program's own words could be any of the others.
    if says("external process") {
        return of_program(profile);
    }
    let named = profile.map_or_else(String::new, |name| format!(" --profile {}", echo(name)));
    if says("SSO token has expired") || says("ExpiredToken") || says("UnauthorizedException") {
        return Failure::Expired(renewal(profile));
    }
    if says("cached SSO token") || says("sso/cache") {
        return Failure::NotAsked(format!("{whose} is not signed in; {}", renewal(profile)));
    }
    if says("cargo feature") {
        return Failure::NotAsked(format!(
            "{whose} signs in with `aws login`; use a profile with \
             `credential_process = aws configure export-credentials{named} --format process`"
        ));
    }
    if says("AccessDenied") {
        return Failure::Denied("sts:AssumeRole".to_owned());
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) if profile.is_some() => {
            Failure::NotAsked(format!("{whose} is not configured, or has no credentials"))
        }
        CredentialsError::CredentialsNotLoaded(_) => Failure::NoCredentials,
        CredentialsError::ProviderTimedOut(_) => Failure::TooSlow,
        CredentialsError::InvalidConfiguration(_) => Failure::NotAsked(format!(
            "{whose} cannot be used as configured; run `aws sts get-caller-identity{named}` to see why"
        )),
        _ => Failure::NotAsked(format!(
            "{whose} provides no credentials; run `aws sts get-caller-identity{named}` to see why"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::actions::GET_PRODUCTS;
    use super::*;

    fn read(protocol: Protocol, headers: &[(&'static str, &str)], body: &str) -> Refusal {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Refusal::read(protocol, StatusCode::BAD_REQUEST, &headers.collect(), body.as_bytes())
    }

    #[test]
    fn codes_are_where_each_protocol_has_them() {
        let json = Protocol::Json { target: "T", version: "1.1" };
        let body = r#"{"__type":"com.amazonaws#AccessDeniedException","message":"User: arn"}"#;
        assert_eq!(read(json, &[], body).code(), "AccessDeniedException");
        let header = ("x-amzn-errortype", "ResourceNotFoundException:http://internal/");
        assert_eq!(read(Protocol::RestJson, &[header], "{}").code(), "ResourceNotFoundException");
        let query = Protocol::Query { version: "1" };
        let sts = "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>";
        assert_eq!(read(query, &[], sts).code(), "ExpiredToken");
        let ec2 = "<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors></Response>";
        assert_eq!(read(query, &[], ec2).code(), "AuthFailure");
        assert_eq!(
            read(Protocol::RestXml, &[], "<Error><Code>NoSuchKey</Code></Error>").code(),
            "NoSuchKey"
        );
    }

    #[test]
    fn texts_are_no_codes() {
        let json = Protocol::Json { target: "T", version: "1.1" };
        for body in [r#"{"__type":"the key AKIA is wrong"}"#, "<html>", "", r#"{"__type":7}"#] {
            assert_eq!(read(json, &[], body).code(), "", "{body}");
        }
    }

    #[test]
    fn a_signature_is_refused_for_the_clock_or_for_the_key() {
        let json = Protocol::Json { target: "T", version: "1.1" };
        let body = r#"{"__type":"InvalidSignatureException"}"#;
        let wrong = read(json, &[], body);
        assert_eq!(wrong.meaning(&GET_PRODUCTS, None), Failure::BadCredentials);
        let skewed = read(json, &[("date", "Mon, 30 Nov 2020 08:00:00 GMT")], body);
        assert_eq!(skewed.meaning(&GET_PRODUCTS, None), Failure::ClockSkew);
    }

    #[test]
    fn what_programs_say_of_credentials_is_not_told() {
        let error = CredentialsError::provider_error(
            "Error retrieving credentials: external process exited with code 1. Stderr: s3cr3t ExpiredToken",
        );
        let failure = of_credentials(&error, Some("a\nb"));
        let text = failure.to_string();
        assert!(text.contains("credential_process") && text.contains("a\\nb"), "{text}");
        assert!(!text.contains("s3cr3t") && !format!("{failure:?}").contains("s3cr3t"), "{text}");
        // Whoever looks for the reason looks with the same profile.
        for error in
            [CredentialsError::invalid_configuration("x"), CredentialsError::provider_error("x")]
        {
            let told = of_credentials(&error, Some("team")).to_string();
            assert!(told.contains("`aws sts get-caller-identity --profile team`"), "{told}");
            let told = of_credentials(&error, None).to_string();
            assert!(told.contains("`aws sts get-caller-identity`"), "{told}");
        }
        let none = CredentialsError::not_loaded_no_source();
        assert_eq!(of_credentials(&none, None), Failure::NoCredentials);
    }
}
