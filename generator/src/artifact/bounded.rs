//! A file of somebody else's, read within limits: so many bytes, so many steps, so much time.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

/// Most bytes that are read of a file, or unpacked from it.
pub(crate) const MAX_READ: u64 = 16 * 1024 * 1024;
/// Longest time that one file is looked at: far more than the work within the other limits takes.
const MAX_TIME: Duration = Duration::from_secs(2);
/// Bytes that one read fetches. Small, because most of a model is skipped.
const CHUNK: usize = 2 * 1024;

/// Why reading ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// The file ends in the middle of something.
    Short,
    /// It is not what it was taken for.
    Wrong,
    /// A limit is reached: what was found holds, what was not found is unknown.
    Spent,
}

/// Counts what is really read.
struct Counted<R> {
    inner: R,
    left: u64,
    deadline: Instant,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || Instant::now() > self.deadline {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// A reader with a position, a length and limits.
pub(super) struct Bounded<R> {
    inner: BufReader<Counted<R>>,
    at: u64,
    length: u64,
}

impl<R: Read + Seek> Bounded<R> {
    pub(super) fn new(inner: R, length: u64) -> Self {
        let counted = Counted { inner, left: MAX_READ, deadline: Instant::now() + MAX_TIME };
        Self { inner: BufReader::with_capacity(CHUNK, counted), at: 0, length }
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn exact(&mut self, buffer: &mut [u8]) -> Result<(), Halt> {
        let wanted = buffer.len() as u64;
        if wanted > self.length.saturating_sub(self.at) {
            return Err(Halt::Short);
        }
        self.inner.read_exact(buffer).map_err(|e| halt(&e))?;
        self.at += wanted;
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Result<u8, Halt> {
        let mut one = [0];
        self.exact(&mut one)?;
        Ok(one[0])
    }

    /// `N` bytes, for a number.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        let mut all = [0; N];
        self.exact(&mut all)?;
        Ok(all)
    }

    /// The next `count` bytes, of which at most `keep` are kept.
    pub(super) fn bytes(&mut self, count: u64, keep: usize) -> Result<Vec<u8>, Halt> {
        if count > self.length.saturating_sub(self.at) {
            return Err(Halt::Short);
        }
        let kept = usize::try_from(count).unwrap_or(usize::MAX).min(keep);
        let mut all = vec![0; kept];
        self.exact(&mut all)?;
        self.skip(count - kept as u64)?;
        Ok(all)
    }

    /// The rest of a line without its end; at most `keep` bytes of it are kept.
    pub(super) fn line(&mut self, keep: usize) -> Result<Vec<u8>, Halt> {
        let mut line = Vec::new();
        loop {
            let buffer = self.inner.fill_buf().map_err(|e| halt(&e))?;
            if buffer.is_empty() {
                return Err(Halt::Short);
            }
            let end = buffer.iter().position(|b| *b == b'\n');
            let taken = end.unwrap_or(buffer.len());
            let room = keep.saturating_sub(line.len()).min(taken);
            line.extend_from_slice(buffer.get(..room).unwrap_or_default());
            let used = taken + usize::from(end.is_some());
            self.inner.consume(used);
            self.at += used as u64;
            if end.is_some() {
                return Ok(line);
            }
        }
    }

    pub(super) fn skip(&mut self, count: u64) -> Result<(), Halt> {
        if count > self.length.saturating_sub(self.at) {
            return Err(Halt::Short);
        }
        let step = i64::try_from(count).map_err(|_| Halt::Wrong)?;
        self.inner.seek_relative(step).map_err(|e| halt(&e))?;
        self.at += count;
        Ok(())
    }

    /// Goes to `at`, without reading again what is in memory.
    pub(super) fn go_near(&mut self, at: u64) -> Result<(), Halt> {
        if at > self.length {
            return Err(Halt::Short);
        }
        let step = i64::try_from(i128::from(at) - i128::from(self.at)).map_err(|_| Halt::Wrong)?;
        self.inner.seek_relative(step).map_err(|e| halt(&e))?;
        self.at = at;
        Ok(())
    }

    pub(super) fn go(&mut self, at: u64) -> Result<(), Halt> {
        if at > self.length {
            return Err(Halt::Short);
        }
        self.inner.seek(SeekFrom::Start(at)).map_err(|e| halt(&e))?;
        self.at = at;
        Ok(())
    }

    /// The rest of the file, as bytes.
    pub(super) fn reader(&mut self) -> &mut impl Read {
        &mut self.inner
    }

    /// Whether a limit was reached.
    pub(super) fn spent(&self) -> bool {
        self.inner.get_ref().left == 0 || Instant::now() > self.inner.get_ref().deadline
    }

    /// The first bytes of the file, at most `count`.
    pub(super) fn head(&mut self, count: u64) -> Result<Vec<u8>, Halt> {
        self.go(0)?;
        let count = count.min(self.length);
        self.bytes(count, usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The last bytes of the file, at most `count`.
    pub(super) fn tail(&mut self, count: u64) -> Result<Vec<u8>, Halt> {
        let count = count.min(self.length);
        self.go(self.length - count)?;
        self.bytes(count, usize::try_from(count).unwrap_or(usize::MAX))
    }
}

fn halt(error: &io::Error) -> Halt {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Halt::Short,
        io::ErrorKind::QuotaExceeded => Halt::Spent,
        _ => Halt::Wrong,
    }
}
