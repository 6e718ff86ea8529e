//! stdin and stdout for the protocol alone. What a program that is started later inherits as stdin has nothing in it:
//! the SDK of AWS starts `credential_process` with the stdin of this process, and what that reads would be the client's.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Both streams. Pipes are read and written without a thread of their own, where the system can open them anew.
///
/// # Errors
/// stdin cannot be taken away from programs that are started.
#[cfg(unix)]
pub(super) fn taken() -> io::Result<(Reader, Writer)> {
    use std::os::fd::AsFd as _;

    let own = io::stdin().as_fd().try_clone_to_owned()?;
    let read: Reader = match pipes::stdin() {
        Some(pipe) => Box::new(pipe),
        None => Box::new(copied(own)?),
    };
    let write: Writer = match pipes::stdout() {
        Some(pipe) => Box::new(pipe),
        None => Box::new(tokio::io::stdout()),
    };
    // A pipe that nobody writes to ends at once.
    let (nothing, _) = io::pipe()?;
    nix::unistd::dup2_stdin(nothing)?;
    Ok((read, write))
}

/// What comes on a stdin that cannot be waited for: read by a thread.
#[cfg(unix)]
fn copied(stdin: std::os::fd::OwnedFd) -> io::Result<tokio::net::unix::pipe::Receiver> {
    let (read, mut write) = io::pipe()?;
    let copying = move || io::copy(&mut std::fs::File::from(stdin), &mut write);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(copying)?;
    tokio::net::unix::pipe::Receiver::from_owned_fd(read.into())
}

/// Both streams. Here programs that are started share stdin.
#[cfg(not(unix))]
pub(super) fn taken() -> io::Result<(Reader, Writer)> {
    Ok((Box::new(tokio::io::stdin()), Box::new(tokio::io::stdout())))
}

/// Pipes, opened anew: that they do not block is then nobody else's business.
#[cfg(target_os = "linux")]
mod pipes {
    use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

    pub(super) fn stdin() -> Option<Receiver> {
        OpenOptions::new().open_receiver("/proc/self/fd/0").ok()
    }

    pub(super) fn stdout() -> Option<Sender> {
        OpenOptions::new().open_sender("/proc/self/fd/1").ok()
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod pipes {
    use tokio::net::unix::pipe::{Receiver, Sender};

    pub(super) fn stdin() -> Option<Receiver> {
        None
    }

    pub(super) fn stdout() -> Option<Sender> {
        None
    }
}
