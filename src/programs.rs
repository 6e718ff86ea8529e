//! The one place that starts programs: those of the user that projects need, to ask for their version. Without a shell,
//! from absolute folders of PATH alone, and for no longer and no more output than is said here.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::surroundings;

/// How often it is looked whether one has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Most bytes of its output that are read.
const MOST: u64 = 64 << 10;
/// What names of programs end in.
const ENDINGS: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ".bat"] } else { &[""] };

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It is in no folder of PATH.
    Missing,
    /// It did not end in time, and was ended.
    Late,
    /// It could not be started, or says that it failed.
    Failed,
    /// What it wrote to stdout.
    Said(String),
}

/// The program of this name in PATH. Relative folders of it are left out: what is in a working folder is anybody's.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = surroundings::variable("PATH")?;
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let mut files = folders
        .flat_map(|folder| ENDINGS.iter().map(move |end| folder.join(format!("{name}{end}"))));
    files.find(|file| is_program(file))
}

/// Whether a file at this path can be started, as far as can be seen.
pub(crate) fn is_program(path: &Path) -> bool {
    let Ok((file, _)) = mcc_files::open(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.metadata().is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        drop(file);
        true
    }
}

/// Runs a program of PATH with these arguments, for at most `patience`.
pub(crate) fn run(name: &str, arguments: &[&str], patience: Duration) -> Ran {
    match find(name) {
        Some(program) => run_at(&program, arguments, patience),
        None => Ran::Missing,
    }
}

fn run_at(program: &Path, arguments: &[&str], patience: Duration) -> Ran {
    #[expect(clippy::disallowed_methods, reason = "this is where programs are started")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let until = Instant::now() + patience;
    let Ok(mut child) = command.spawn() else { return Ran::Failed };
    let (sender, output) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // Whoever a program leaves behind may hold its output open: it is not waited for.
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.take(MOST).read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    let Some(well) = ended(&mut child, until) else {
        let _ = child.kill();
        let _ = child.wait();
        return Ran::Late;
    };
    let left = until.saturating_duration_since(Instant::now());
    match output.recv_timeout(left) {
        Ok(_) if !well => Ran::Failed,
        Ok(bytes) => Ran::Said(String::from_utf8_lossy(&bytes).into_owned()),
        Err(_) => Ran::Late,
    }
}

/// Whether a program ended well. None if it did not end in time.
fn ended(child: &mut Child, until: Instant) -> Option<bool> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
            Ok(None) => return None,
            Err(_) => return Some(false),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn ran(script: &str, patience: Duration) -> Ran {
        run_at(Path::new("/bin/sh"), &["-c", script], patience)
    }

    #[test]
    fn programs_have_an_end() {
        let long = Duration::from_secs(30);
        assert_eq!(ran("echo 1.2", long), Ran::Said("1.2\n".to_owned()));
        assert_eq!(ran("echo 1.2; exit 3", long), Ran::Failed);
        let short = Duration::from_millis(300);
        let began = Instant::now();
        assert_eq!(ran("exec sleep 20", short), Ran::Late);
        assert_eq!(ran("sleep 20 & exit 0", short), Ran::Late, "its output is held open");
        assert!(began.elapsed() < Duration::from_secs(10));
        match ran("yes || true", long) {
            Ran::Said(text) => assert_eq!(text.len() as u64, MOST),
            Ran::Failed => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(run_at(Path::new("/none/such"), &[], long), Ran::Failed);
    }
}
