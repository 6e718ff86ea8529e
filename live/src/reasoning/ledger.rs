//! Tokens of a day, counted by all servers of a user together. What a call may take at most is taken before it, and what it
//! did not take is given back: however many ask at once, the ceiling holds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mcc_files::Folder;
use serde::{Deserialize, Serialize};

/// How long one waits for others that count.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a day's file.
const MOST: u64 = 4096;
/// How the names of the files begin; the day follows.
const NAME: &str = "tokens-";

/// Where tokens are counted.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    folder: PathBuf,
    /// Tokens of a day at most.
    most: u64,
}

/// One day, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    /// Tokens that were used, or are held for calls under way.
    tokens: u64,
}

/// Tokens that are held for a call. Dropped without [`Held::settle`], they count as used.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    ledger: Ledger,
    day: String,
    tokens: u64,
}

/// Why no tokens are to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTokens {
    /// The ceiling would be passed.
    #[error(
        "was not asked: {left} of the {most} tokens of a day are left, and this takes up to {wanted}; \
         --reasoning-tokens sets another ceiling"
    )]
    UsedUp {
        /// Left today.
        left: u64,
        /// Of a day.
        most: u64,
        /// That were asked for.
        wanted: u64,
    },
    /// They cannot be counted: what is wrong with the file or folder.
    #[error("was not asked: the tokens of the day cannot be counted: {0}")]
    Unknown(String),
}

impl Ledger {
    /// Counts in this folder, which is made when something is counted.
    pub(crate) fn new(folder: &Path, most: u64) -> Self {
        Self { folder: folder.to_owned(), most }
    }

    /// Holds tokens of `day`, a date. It may wait for others, on a disk.
    pub(crate) fn hold(&self, day: &str, tokens: u64) -> Result<Held, NoTokens> {
        self.change(day, |kept| {
            let sum = kept.tokens.saturating_add(tokens);
            if sum > self.most {
                let left = self.most.saturating_sub(kept.tokens);
                return Err(NoTokens::UsedUp { left, most: self.most, wanted: tokens });
            }
            kept.tokens = sum;
            Ok(())
        })?;
        Ok(Held { ledger: self.clone(), day: day.to_owned(), tokens })
    }

    /// Tokens that were used on `day`, those that are held included.
    #[cfg(test)]
    pub(crate) fn used(&self, day: &str) -> Result<u64, NoTokens> {
        if !mcc_files::is_folder(&self.folder) {
            return Ok(0);
        }
        let folder = Folder::private(&self.folder).map_err(unknown)?;
        Ok(read(&folder, day)?.tokens)
    }

    fn change(
        &self,
        day: &str,
        change: impl FnOnce(&mut Day) -> Result<(), NoTokens>,
    ) -> Result<(), NoTokens> {
        let folder = Folder::private(&self.folder).map_err(unknown)?;
        let lock = folder.lock(PATIENCE).map_err(unknown)?;
        let mut kept = read(&folder, day)?;
        change(&mut kept)?;
        folder.sweep_files();
        let text =
            serde_json::to_vec(&kept).map_err(|error| NoTokens::Unknown(error.to_string()))?;
        let name = format!("{NAME}{day}.json");
        folder.replace_private(&name, &text).map_err(unknown)?;
        forget(&folder, day);
        drop(lock);
        Ok(())
    }
}

impl Held {
    /// The call took this many, and what is left is given back. It may wait for others, on a disk.
    pub(crate) fn settle(self, used: u64) -> Result<(), NoTokens> {
        let held = self.tokens;
        self.ledger.change(&self.day, |kept| {
            kept.tokens = kept.tokens.saturating_sub(held).saturating_add(used);
            Ok(())
        })
    }
}

fn unknown(error: mcc_files::Error) -> NoTokens {
    NoTokens::Unknown(format!("{error}; {}", error.fix()))
}

fn read(folder: &Folder, day: &str) -> Result<Day, NoTokens> {
    let name = format!("{NAME}{day}.json");
    match folder.read_private(&name, MOST) {
        Ok(text) => serde_json::from_slice(&text)
            .ok()
            // A list would be read as well.
            .filter(|_| text.starts_with(b"{"))
            .ok_or_else(|| {
                let path = folder.path().join(&name);
                NoTokens::Unknown(format!("{} was not written by mcc; remove it", path.display()))
            }),
        Err(error) if error.is_missing() => Ok(Day::default()),
        Err(error) => Err(unknown(error)),
    }
}

/// Removes the files of days before the one before `day`: a call that began before midnight is still settled.
fn forget(folder: &Folder, day: &str) {
    let Ok(entries) = folder.entries() else { return };
    let mut days: Vec<String> = entries
        .into_iter()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.strip_prefix(NAME).is_some_and(|rest| rest < day))
        .collect();
    days.sort_unstable();
    days.pop();
    for name in days {
        // What cannot be removed is in nobody's way.
        let _ = folder.remove(Path::new(&name));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TODAY: &str = "2026-11-30";

    fn ledger(most: u64) -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(&folder.path().join("reasoning"), most);
        (folder, ledger)
    }

    #[test]
    fn what_is_held_counts_until_it_is_settled() {
        let (_folder, ledger) = ledger(1000);
        assert_eq!(ledger.used(TODAY), Ok(0));
        let held = ledger.hold(TODAY, 900).unwrap();
        let refused = NoTokens::UsedUp { left: 100, most: 1000, wanted: 101 };
        assert_eq!(ledger.hold(TODAY, 101).unwrap_err(), refused);
        held.settle(150).unwrap();
        assert_eq!(ledger.used(TODAY), Ok(150));
        // Nobody knows what became of this one.
        drop(ledger.hold(TODAY, 850).unwrap());
        assert_eq!(ledger.used(TODAY), Ok(1000));
        assert!(ledger.hold(TODAY, 1).is_err());
        // The next day is another one, and a call of the day before is settled there.
        drop(ledger.hold("2026-12-01", 1000).unwrap());
        assert_eq!(ledger.used(TODAY), Ok(1000));
    }

    #[test]
    fn days_that_are_over_are_forgotten() {
        let (folder, ledger) = ledger(1000);
        for day in ["2026-11-27", "2026-11-28", "2026-11-29", TODAY] {
            ledger.hold(day, 1).unwrap().settle(1).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(folder.path().join("reasoning"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["tokens-2026-11-29.json", "tokens-2026-11-30.json"]);
    }

    #[test]
    fn what_cannot_be_read_is_no_reason_to_start_anew() {
        let (folder, ledger) = ledger(1000);
        fs::create_dir(folder.path().join("reasoning")).unwrap();
        let file = folder.path().join("reasoning/tokens-2026-11-30.json");
        for text in
            ["", "{}", "nonsense", "{\"tokens\": -1}", "{\"tokens\": 1, \"more\": 2}", "[0]"]
        {
            fs::write(&file, text).unwrap();
            assert!(matches!(ledger.hold(TODAY, 1), Err(NoTokens::Unknown(_))), "{text}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        fs::write(&file, "x".repeat(10_000)).unwrap();
        assert!(matches!(ledger.hold(TODAY, 1), Err(NoTokens::Unknown(_))));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(matches!(ledger.hold(TODAY, 1), Err(NoTokens::Unknown(_))));
        // A folder that is none.
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(Ledger::new(&file, 1000).hold(TODAY, 1), Err(NoTokens::Unknown(_))));
    }

    #[test]
    #[cfg(unix)]
    fn it_is_kept_in_a_folder_of_the_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let (folder, ledger) = ledger(1000);
        drop(ledger.hold(TODAY, 1).unwrap());
        let path = folder.path().join("reasoning");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = path.join("tokens-2026-11-30.json");
        assert_eq!((mode(&path), mode(&file)), (0o700, 0o600));
        // Where others may write, what is counted may be anything.
        let open_to = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        open_to(&path, 0o777);
        let refused = ledger.hold(TODAY, 1).unwrap_err().to_string();
        assert!(refused.contains("chmod 700"), "{refused}");
        open_to(&path, 0o700);
        open_to(&file, 0o666);
        assert!(matches!(ledger.hold(TODAY, 1), Err(NoTokens::Unknown(_))));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_not_followed() {
        let (folder, ledger) = ledger(1000);
        fs::create_dir(folder.path().join("reasoning")).unwrap();
        fs::write(folder.path().join("other"), "{\"tokens\":0}").unwrap();
        let file = folder.path().join("reasoning/tokens-2026-11-30.json");
        std::os::unix::fs::symlink(folder.path().join("other"), file).unwrap();
        assert!(matches!(ledger.hold(TODAY, 1), Err(NoTokens::Unknown(_))));
    }

    #[test]
    fn many_at_once_never_pass_the_ceiling() {
        let (_folder, ledger) = ledger(1000);
        let one = || {
            let mut taken = 0;
            for round in 0..40 {
                let Ok(held) = ledger.hold(TODAY, 70) else { continue };
                // At no time is more held than there is.
                assert!(ledger.used(TODAY).unwrap() <= 1000);
                let used = if round % 3 == 0 { 70 } else { 10 };
                held.settle(used).unwrap();
                taken += used;
            }
            taken
        };
        let taken: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(ledger.used(TODAY), Ok(taken));
        assert!(taken <= 1000 && taken > 900, "{taken}");
    }
}
