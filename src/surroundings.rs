//! What the command line reads of its surroundings: the one place that does. Libraries are told.
#![expect(clippy::disallowed_methods, reason = "this is where the environment is read")]

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// An environment variable, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// An environment variable that is UTF-8.
pub(crate) fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// All environment variables.
pub(crate) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The working directory.
///
/// # Errors
/// It is gone, or may not be read.
pub(crate) fn here() -> io::Result<PathBuf> {
    std::env::current_dir()
}

/// The user's home folder, where it is known.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::home_dir()
}

/// Whether this machine is an instance of EC2, as its firmware says: only there is somebody who gives out credentials to
/// whoever asks an address that needs no name.
#[cfg(feature = "live")]
pub(crate) fn is_on_ec2() -> bool {
    use std::io::Read as _;
    let mut vendor = String::new();
    mcc_files::open(std::path::Path::new("/sys/class/dmi/id/sys_vendor"))
        .is_ok_and(|(file, _)| file.take(64).read_to_string(&mut vendor).is_ok())
        && vendor.trim() == "Amazon EC2"
}
