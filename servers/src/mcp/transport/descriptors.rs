//! How many connections there may be: each takes a descriptor, and the system gives a process so many.

/// Connections at the most, whatever the system gives: they take memory as well.
const MOST: usize = 4096;
/// Descriptors to ask for, so that files and connections that are being closed have some, too.
const WANTED: u64 = 8192;
/// Where the system does not say.
#[cfg(not(unix))]
const USUAL: usize = 1024;

/// Raises the limit of this process as far as needed and allowed, and returns how many connections it may have.
pub(super) fn most_connections() -> usize {
    of(descriptors())
}

/// A quarter of the descriptors stays for everything else.
fn of(descriptors: usize) -> usize {
    (descriptors - descriptors / 4).clamp(8, MOST)
}

#[cfg(unix)]
fn descriptors() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 0;
    };
    let wanted = WANTED.clamp(soft.min(hard), hard);
    let now = if setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() { wanted } else { soft };
    usize::try_from(now).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn descriptors() -> usize {
    USUAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_left_for_everything_else() {
        for (descriptors, connections) in [(0, 8), (64, 48), (1024, 768), (8192, 4096)] {
            assert_eq!(of(descriptors), connections);
        }
        assert!(most_connections() >= 8);
    }
}
