//! Protocol buffers, read where they stand: what is not asked for is skipped, however large.

use std::io::{Read, Seek};

use super::bounded::{Bounded, Halt};

/// Most fields that are looked at in one file.
const MAX_FIELDS: u32 = 500_000;

/// A field's content: a number, or where its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Number(u64),
    Bytes { at: u64, length: u64 },
}

/// Reads messages of one file.
pub(super) struct Messages<'a, R> {
    file: &'a mut Bounded<R>,
    left: u32,
}

impl<'a, R: Read + Seek> Messages<'a, R> {
    pub(super) fn new(file: &'a mut Bounded<R>) -> Self {
        Self { file, left: MAX_FIELDS }
    }

    /// The fields of the message between two places, given to `each` one after the other.
    pub(super) fn fields(
        &mut self,
        at: u64,
        length: u64,
        each: &mut dyn FnMut(&mut Self, u64, Content) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        let end = at.checked_add(length).filter(|e| *e <= self.file.length()).ok_or(Halt::Short)?;
        self.file.go_near(at)?;
        while self.file.at() < end {
            self.left = self.left.checked_sub(1).ok_or(Halt::Spent)?;
            let key = self.varint()?;
            if key >> 3 == 0 {
                return Err(Halt::Wrong);
            }
            let content = match key & 7 {
                0 => Content::Number(self.varint()?),
                1 => Content::Bytes { at: self.file.at(), length: 8 },
                2 => {
                    let length = self.varint()?;
                    Content::Bytes { at: self.file.at(), length }
                }
                5 => Content::Bytes { at: self.file.at(), length: 4 },
                _ => return Err(Halt::Wrong),
            };
            let next = match content {
                Content::Number(_) => self.file.at(),
                Content::Bytes { at, length } => at.checked_add(length).ok_or(Halt::Wrong)?,
            };
            if next > end {
                return Err(Halt::Short);
            }
            each(self, key >> 3, content)?;
            self.file.go_near(next)?;
        }
        Ok(())
    }

    /// A short text.
    pub(super) fn text(&mut self, content: Content) -> Result<String, Halt> {
        let Content::Bytes { at, length } = content else { return Err(Halt::Wrong) };
        if length > 4096 {
            return Err(Halt::Wrong);
        }
        self.file.go_near(at)?;
        String::from_utf8(self.file.bytes(length, 4096)?).map_err(|_| Halt::Wrong)
    }

    /// The first field `wanted` of a message.
    pub(super) fn find(&mut self, content: Content, wanted: u64) -> Result<Option<Content>, Halt> {
        let Content::Bytes { at, length } = content else { return Err(Halt::Wrong) };
        let mut found = None;
        self.fields(at, length, &mut |_, number, content| {
            if number == wanted && found.is_none() {
                found = Some(content);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn varint(&mut self) -> Result<u64, Halt> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.file.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Halt::Wrong)
    }
}
