//! UBJSON as XGBoost writes it, without the numbers of the trees.

use serde_json::{Map, Value};

/// Deepest nesting.
const MAX_DEPTH: u32 = 64;
/// Items of lists that are kept; more are only counted as far as they are walked over.
const MAX_ITEMS: usize = 20_000;

struct Reader<'a> {
    rest: &'a [u8],
    kept: usize,
}

/// The value that `bytes` hold; long lists of numbers and what is below `trees` are left out.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { rest: bytes, kept: 0 };
    let kind = reader.byte()?;
    reader.value(kind, 0, true)
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self, kind: u8) -> Option<i64> {
        let bytes = self.take(size(kind)?)?;
        Some(match (kind, bytes) {
            (b'U', [b]) => i64::from(*b),
            (b'i', [b]) => i64::from(i8::from_be_bytes([*b])),
            (b'I', _) => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
            (b'l', _) => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
            (b'L', _) => i64::from_be_bytes(bytes.try_into().ok()?),
            _ => return None,
        })
    }

    fn length(&mut self) -> Option<u64> {
        let kind = self.byte()?;
        u64::try_from(self.number(kind)?).ok()
    }

    fn value(&mut self, kind: u8, depth: u32, keep: bool) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match kind {
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'S' => {
                let length = self.length()?;
                let text = self.take(length)?;
                if keep { String::from_utf8_lossy(text).into_owned().into() } else { Value::Null }
            }
            b'C' => {
                self.byte()?;
                Value::Null
            }
            b'd' | b'D' => {
                self.take(size(kind)?)?;
                Value::Null
            }
            b'[' => self.list(depth, keep)?,
            b'{' => self.map(depth, keep)?,
            kind => self.number(kind)?.into(),
        })
    }

    fn list(&mut self, depth: u32, keep: bool) -> Option<Value> {
        let mut items = Vec::new();
        let (kind, count) = self.header()?;
        if let Some(kind) = kind
            && let Some(size) = size(kind)
        {
            let count = count?;
            let keep = keep && matches!(kind, b'U' | b'i' | b'I' | b'l' | b'L');
            if keep && count <= MAX_ITEMS as u64 {
                for _ in 0..count {
                    items.push(self.number(kind)?.into());
                }
            } else {
                self.take(count.checked_mul(size)?)?;
            }
            return Some(Value::Array(items));
        }
        let mut walked = 0;
        loop {
            if count.is_some_and(|count| walked >= count) {
                break;
            }
            let kind = match kind {
                Some(kind) => kind,
                None => match self.byte()? {
                    b']' if count.is_none() => break,
                    kind => kind,
                },
            };
            let item = self.value(kind, depth + 1, keep)?;
            if keep && self.kept < MAX_ITEMS {
                self.kept += 1;
                items.push(item);
            }
            walked += 1;
        }
        Some(Value::Array(items))
    }

    fn map(&mut self, depth: u32, keep: bool) -> Option<Value> {
        let mut members = Map::new();
        let (kind, count) = self.header()?;
        let mut walked = 0;
        loop {
            if count.is_some_and(|count| walked >= count) {
                break;
            }
            if count.is_none() && self.rest.first() == Some(&b'}') {
                self.byte();
                break;
            }
            let length = self.length()?;
            let key = self.take(length)?;
            let kind = match kind {
                Some(kind) => kind,
                None => self.byte()?,
            };
            let keep = keep && key != b"trees" && key != b"tree_info" && key != b"weights";
            let value = self.value(kind, depth + 1, keep)?;
            if keep && self.kept < MAX_ITEMS {
                self.kept += 1;
                members.insert(String::from_utf8_lossy(key).into_owned(), value);
            }
            walked += 1;
        }
        Some(Value::Object(members))
    }

    /// The type and the number of the items, where they are said before them.
    fn header(&mut self) -> Option<(Option<u8>, Option<u64>)> {
        let kind = if self.rest.first() == Some(&b'$') {
            self.byte();
            Some(self.byte()?)
        } else {
            None
        };
        let count = if self.rest.first() == Some(&b'#') {
            self.byte();
            Some(self.length()?)
        } else {
            None
        };
        // A typed container without a number of items is none, and one of nothing but types has no end.
        let endless = kind.is_some_and(|k| matches!(k, b'Z' | b'T' | b'F' | b'N'));
        (!endless && (kind.is_none() || count.is_some())).then_some((kind, count))
    }
}

/// Bytes of a number.
fn size(kind: u8) -> Option<u64> {
    Some(match kind {
        b'U' | b'i' => 1,
        b'I' => 2,
        b'l' | b'd' => 4,
        b'L' | b'D' => 8,
        _ => return None,
    })
}
