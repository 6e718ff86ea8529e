//! What stands for secrets in tests, and that none of it is where somebody could read it: in what a program says, in its
//! logs, and in the files that it leaves behind. The one look for all tests that run the program or its client with secrets.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

pub const HF_TOKEN: &str = "hf_tokenThatNobodyMaySee";
pub const AWS_SECRET_KEY: &str = "secretKey/That+NobodyMaySee";
pub const AWS_SESSION_TOKEN: &str = "sessionToken+That/NobodyMaySee==";
pub const PROXY_PASSWORD: &str = "proxyPasswordThatNobodyMaySee";
pub const SIGNATURE: &str = "signatureThatNobodyMaySee";

/// Those of a user of the program, by the variable that has each.
pub const VARIABLES: [(&str, &str); 3] = [
    ("HF_TOKEN", HF_TOKEN),
    ("AWS_SECRET_ACCESS_KEY", AWS_SECRET_KEY),
    ("AWS_SESSION_TOKEN", AWS_SESSION_TOKEN),
];

/// All of them.
pub const ALL: [&str; 5] = [HF_TOKEN, AWS_SECRET_KEY, AWS_SESSION_TOKEN, PROXY_PASSWORD, SIGNATURE];

/// Nothing of `secrets` is in what was `said`, nor in any file below `folder`.
#[track_caller]
pub fn kept<S: AsRef<[u8]>>(secrets: &[&str], said: &[S], folder: Option<&Path>) {
    let said = said.iter().map(|said| ("what is said".to_owned(), said.as_ref().to_vec()));
    let mut all: Vec<(String, Vec<u8>)> = said.collect();
    if let Some(folder) = folder {
        files(folder, &mut all);
    }
    let leaks = found(secrets, &all);
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// Where a secret shows in one of the forms in which requests carry it.
fn found(secrets: &[&str], places: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut leaks = Vec::new();
    for secret in secrets {
        let forms = forms(secret);
        for (place, bytes) in places {
            let text = String::from_utf8_lossy(bytes);
            if let Some(form) = forms.iter().find(|form| text.contains(form.as_str())) {
                leaks.push(format!("{secret} is in {place}, as {form}"));
            }
        }
    }
    leaks
}

/// As it is; as in an address; as in JSON; and as in the header of a login, wherever in its text it begins.
fn forms(secret: &str) -> Vec<String> {
    let percent = |upper: bool| {
        let one = |c: char| match c {
            c if c.is_ascii_alphanumeric() || "-_.~".contains(c) => c.to_string(),
            c if upper => format!("%{:02X}", u32::from(c)),
            c => format!("%{:02x}", u32::from(c)),
        };
        secret.chars().map(one).collect::<String>()
    };
    let mut forms =
        vec![secret.to_owned(), percent(true), percent(false), secret.replace('/', "\\/")];
    for before in 0..3 {
        let mut bytes = vec![b':'; before];
        bytes.extend_from_slice(secret.as_bytes());
        // What stands next to it changes the letters at both ends.
        let whole = bytes.len() / 3 * 3;
        let text = base64(&bytes[..whole]);
        forms.push(text[if before == 0 { 0 } else { 4 }..].to_owned());
    }
    forms
}

/// Of a whole number of groups of three.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = (u32::from(group[0]) << 16) | (u32::from(group[1]) << 8) | u32::from(group[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(LETTERS[((bits >> shift) & 63) as usize]));
        }
    }
    text
}

/// The files below a folder, which others may change meanwhile.
fn files(folder: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        all.push(("the name of a file".to_owned(), name.clone().into_bytes()));
        if path.is_dir() {
            files(&path, all);
        } else if let Ok(bytes) = std::fs::read(&path) {
            all.push((name, bytes));
        }
    }
}

/// Folders of the caches of a test file, below `target`: `Caches::new(env!("CARGO_TARGET_TMPDIR"), "hub")`. What earlier runs
/// left is removed.
pub struct Caches {
    once: Once,
    count: AtomicUsize,
    name: &'static str,
    target: &'static str,
}

impl Caches {
    pub const fn new(target: &'static str, name: &'static str) -> Self {
        Self { once: Once::new(), count: AtomicUsize::new(0), name, target }
    }

    /// The folder of all of them.
    pub fn folder(&self) -> PathBuf {
        Path::new(self.target).join(format!("caches-{}", self.name))
    }

    /// A folder for one cache.
    pub fn one(&self) -> PathBuf {
        self.once.call_once(|| {
            let _ = std::fs::remove_dir_all(self.folder());
            std::fs::create_dir_all(self.folder()).unwrap();
        });
        self.folder().join(self.count.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

/// The look can fail: each form of each secret is found, in what is said and in a file.
pub fn a_planted_leak_is_found() {
    let folder = std::env::temp_dir().join(format!("mcc-leaks-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("below")).unwrap();
    let quiet = |said: &str, folder: Option<&Path>| {
        let mut all = vec![("said".to_owned(), said.as_bytes().to_vec())];
        if let Some(folder) = folder {
            files(folder, &mut all);
        }
        found(&ALL, &all)
    };
    std::fs::write(folder.join("below/clean"), "nothing").unwrap();
    assert!(quiet("nothing", Some(&folder)).is_empty());
    for secret in ALL {
        let mut planted = vec![
            secret.to_owned(),
            format!("https://user:{secret}@proxy"),
            format!(
                "?X-Amz-Signature={}",
                secret.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D")
            ),
        ];
        for user in ["", "u", "me", "who"] {
            let mut login = format!("{user}:{secret}").into_bytes();
            login.resize(login.len().next_multiple_of(3), b':');
            planted.push(format!("Basic {}", base64(&login)));
        }
        for leak in planted {
            assert!(!quiet(&leak, None).is_empty(), "{leak}");
            let file = folder.join("below/file");
            std::fs::write(&file, &leak).unwrap();
            assert!(!quiet("", Some(&folder)).is_empty(), "{leak} in a file");
            std::fs::remove_file(file).unwrap();
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
