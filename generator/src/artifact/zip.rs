//! The directory of a zip file, and short files in it. Only what lists a name is read: a file of many
//! gigabytes or entries costs no more than another.

use std::io::{Read, Seek};

use super::bounded::{Bounded, Halt};

/// Largest directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 4 * 1024 * 1024;
/// Longest file that is unpacked, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// A file in the archive.
pub(super) struct Entry {
    pub(super) name: String,
    method: u16,
    packed: u64,
    at: u64,
}

/// The files of the archive; `Short` where its directory, which is at the end, is missing.
pub(super) fn entries<R: Read + Seek>(file: &mut Bounded<R>) -> Result<Vec<Entry>, Halt> {
    let tail = file.tail(64 * 1024 + 22)?;
    let at = tail.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or(Halt::Short)?;
    let end = tail.get(at..).ok_or(Halt::Short)?;
    let (size, start) = (u32_at(end, 12)?, u32_at(end, 16)?);
    if size > MAX_DIRECTORY {
        return Err(Halt::Spent);
    }
    file.go(start)?;
    let directory = file.bytes(size, usize::try_from(size).unwrap_or(usize::MAX))?;
    let mut entries = Vec::new();
    let mut rest = directory.as_slice();
    while rest.starts_with(b"PK\x01\x02") {
        let length = |at| u16_at(rest, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let text = rest.get(46..46 + name).ok_or(Halt::Short)?;
        entries.push(Entry {
            name: String::from_utf8_lossy(text).into_owned(),
            method: u16_at(rest, 10)?,
            packed: u32_at(rest, 20)?,
            at: u32_at(rest, 42)?,
        });
        rest = rest.get(46 + name + extra + comment..).unwrap_or_default();
    }
    Ok(entries)
}

/// The first bytes of a file in the archive, at most [`MAX_FILE`].
pub(super) fn content<R: Read + Seek>(
    file: &mut Bounded<R>,
    entry: &Entry,
) -> Result<Vec<u8>, Halt> {
    file.go(entry.at)?;
    let header: [u8; 30] = file.array()?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(Halt::Wrong);
    }
    file.skip(u64::from(u16_at(&header, 26)?) + u64::from(u16_at(&header, 28)?))?;
    let count = entry.packed.min(MAX_FILE);
    let packed = file.bytes(count, usize::try_from(count).unwrap_or(usize::MAX))?;
    match entry.method {
        0 => Ok(packed),
        8 => {
            let mut bytes = Vec::new();
            let decoder = flate2::read::DeflateDecoder::new(packed.as_slice());
            // What came before an error, or before the limit, is all that is asked for.
            let _ = decoder.take(MAX_FILE).read_to_end(&mut bytes);
            Ok(bytes)
        }
        _ => Err(Halt::Wrong),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Halt> {
    let two = bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).ok_or(Halt::Short)?;
    Ok(u16::from_le_bytes(two))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u64, Halt> {
    let four = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).ok_or(Halt::Short)?;
    Ok(u64::from(u32::from_le_bytes(four)))
}
