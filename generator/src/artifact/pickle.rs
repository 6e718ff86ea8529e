//! Pickles, walked instruction by instruction without being executed: which modules they import, and what
//! their objects are made of. `joblib`'s own layout, with arrays between the instructions, too.

mod values;

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::bounded::{Bounded, Halt};
pub(super) use values::{Id, Node, Values};

/// Most instructions of one file.
const MAX_STEPS: u32 = 4_000_000;
/// Longest text that is kept, in bytes.
const MAX_TEXT: usize = 4096;
/// Bytes that are kept of the begin and the end of a long run of them.
const KEPT: usize = 64 * 1024;

/// What a walk through a pickle found.
pub(super) struct Walk {
    /// Everything that the pickle makes.
    pub(super) values: Values,
    /// The object that it is, if the walk came to its end.
    pub(super) root: Option<Id>,
    /// Why not, otherwise.
    pub(super) halted: Option<Halt>,
    /// Whether arrays of `joblib` are between the instructions.
    pub(super) joblib: bool,
}

/// Walks the pickle that starts where `file` stands.
pub(super) fn walk<R: Read + Seek>(file: &mut Bounded<R>) -> Walk {
    let mut walk = Walk { values: Values::default(), root: None, halted: None, joblib: false };
    let mut steps = MAX_STEPS;
    match run(file, &mut walk, &mut steps, 0) {
        Ok(root) => walk.root = Some(root),
        Err(halt) => walk.halted = Some(halt),
    }
    walk
}

/// The stack of one unpickler.
#[derive(Default)]
struct Machine {
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Machine {
    fn pop(&mut self) -> Result<Id, Halt> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(Halt::Wrong);
        }
        self.stack.pop().ok_or(Halt::Wrong)
    }

    fn top(&self) -> Result<Id, Halt> {
        self.stack.last().copied().ok_or(Halt::Wrong)
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, Halt> {
        let mark = self.marks.pop().ok_or(Halt::Wrong)?;
        if mark > self.stack.len() {
            return Err(Halt::Wrong);
        }
        Ok(self.stack.split_off(mark))
    }

    fn get(&mut self, number: u64) -> Result<(), Halt> {
        let id = self.memo.get(&number).copied().ok_or(Halt::Wrong)?;
        self.stack.push(id);
        Ok(())
    }

    fn put(&mut self, number: u64) -> Result<(), Halt> {
        let id = self.top()?;
        self.memo.insert(number, id);
        Ok(())
    }
}

fn run<R: Read + Seek>(
    file: &mut Bounded<R>,
    walk: &mut Walk,
    steps: &mut u32,
    depth: u32,
) -> Result<Id, Halt> {
    let mut m = Machine::default();
    loop {
        *steps = steps.checked_sub(1).ok_or(Halt::Spent)?;
        let code = file.byte()?;
        let values = &mut walk.values;
        let pushed = match code {
            b'.' => return m.pop(),
            0x80 => {
                if file.byte()? > 5 {
                    return Err(Halt::Wrong);
                }
                None
            }
            0x95 => {
                file.skip(8)?;
                None
            }
            b'(' => {
                m.marks.push(m.stack.len());
                None
            }
            b'0' => {
                // Without anything above it, a mark is what is popped.
                if m.pop().is_err() {
                    m.marks.pop().ok_or(Halt::Wrong)?;
                }
                None
            }
            b'1' => {
                m.since_mark()?;
                None
            }
            b'2' => Some(m.top()?),
            b'N' => Some(values.other()),
            0x88 | 0x89 => Some(values.other()),
            b'F' | b'P' => {
                file.line(0)?;
                Some(values.other())
            }
            b'G' => {
                file.skip(8)?;
                Some(values.other())
            }
            b'I' | b'L' => {
                let line = file.line(32)?;
                Some(values.decimal(&line)?)
            }
            b'J' => Some(values.number(i64::from(i32::from_le_bytes(file.array()?)))?),
            b'K' => Some(values.number(i64::from(file.byte()?))?),
            b'M' => Some(values.number(i64::from(u16::from_le_bytes(file.array()?)))?),
            0x8a => {
                let count = u64::from(file.byte()?);
                let bytes = file.bytes(count, 8)?;
                Some(values.little_endian(count, &bytes)?)
            }
            0x8b => {
                let count = u64::from(u32::from_le_bytes(file.array()?));
                file.skip(count)?;
                Some(values.other())
            }
            b'S' | b'V' => {
                let line = file.line(MAX_TEXT)?;
                if code == b'S' {
                    Some(values.text(unquoted(&line))?)
                } else {
                    Some(values.text(raw_unicode(&line).as_bytes())?)
                }
            }
            b'U' | 0x8c => {
                let count = u64::from(file.byte()?);
                text(file, values, count)?
            }
            b'X' | b'T' => {
                let count = u64::from(u32::from_le_bytes(file.array()?));
                text(file, values, count)?
            }
            0x8d => {
                let count = u64::from_le_bytes(file.array()?);
                text(file, values, count)?
            }
            b'C' => {
                let count = u64::from(file.byte()?);
                bytes(file, values, count)?
            }
            b'B' => {
                let count = u64::from(u32::from_le_bytes(file.array()?));
                bytes(file, values, count)?
            }
            0x8e | 0x96 => {
                let count = u64::from_le_bytes(file.array()?);
                bytes(file, values, count)?
            }
            b'Q' => {
                m.pop()?;
                Some(values.other())
            }
            b'c' | b'i' => {
                let (module, name) = (file.line(MAX_TEXT)?, file.line(MAX_TEXT)?);
                let class = values.global(&module, &name)?;
                if code == b'i' {
                    m.since_mark()?;
                    Some(values.object(class, None)?)
                } else {
                    Some(class)
                }
            }
            0x93 => {
                let (name, module) = (m.pop()?, m.pop()?);
                Some(values.global_of(module, name)?)
            }
            0x82..=0x84 => {
                file.skip(1 << (code - 0x82))?;
                Some(values.other())
            }
            b']' | 0x8f => Some(values.add(Node::List(Vec::new()))?),
            b'}' => Some(values.add(Node::Map(Vec::new()))?),
            b')' => Some(values.add(Node::List(Vec::new()))?),
            b'l' | b't' | 0x91 => {
                let items = m.since_mark()?;
                Some(values.add(Node::List(items))?)
            }
            b'd' => {
                let items = m.since_mark()?;
                let map = values.add(Node::Map(Vec::new()))?;
                values.set(map, &items)?;
                Some(map)
            }
            0x85 => {
                let a = m.pop()?;
                Some(values.add(Node::List(vec![a]))?)
            }
            0x86 => {
                let (b, a) = (m.pop()?, m.pop()?);
                Some(values.add(Node::List(vec![a, b]))?)
            }
            0x87 => {
                let (c, b, a) = (m.pop()?, m.pop()?, m.pop()?);
                Some(values.add(Node::List(vec![a, b, c]))?)
            }
            b'a' => {
                let item = m.pop()?;
                values.extend(m.top()?, &[item])?;
                None
            }
            b'e' | 0x90 => {
                let items = m.since_mark()?;
                values.extend(m.top()?, &items)?;
                None
            }
            b's' => {
                let (value, key) = (m.pop()?, m.pop()?);
                values.set(m.top()?, &[key, value])?;
                None
            }
            b'u' => {
                let items = m.since_mark()?;
                values.set(m.top()?, &items)?;
                None
            }
            b'R' | 0x81 => {
                let (arguments, class) = (m.pop()?, m.pop()?);
                Some(values.object(class, Some(arguments))?)
            }
            0x92 => {
                let (_, arguments, class) = (m.pop()?, m.pop()?, m.pop()?);
                Some(values.object(class, Some(arguments))?)
            }
            b'o' => {
                let mut items = m.since_mark()?.into_iter();
                let class = items.next().ok_or(Halt::Wrong)?;
                Some(values.object(class, None)?)
            }
            b'b' => {
                let state = m.pop()?;
                let object = m.top()?;
                values.build(object, state)?;
                if values.is_joblib_array(object) {
                    walk.joblib = true;
                    m.pop()?;
                    Some(array(file, walk, steps, depth, object)?)
                } else {
                    None
                }
            }
            b'p' => {
                let line = file.line(20)?;
                m.put(decimal(&line)?)?;
                None
            }
            b'q' => {
                m.put(u64::from(file.byte()?))?;
                None
            }
            b'r' => {
                m.put(u64::from(u32::from_le_bytes(file.array()?)))?;
                None
            }
            0x94 => {
                m.put(m.memo.len() as u64)?;
                None
            }
            b'g' => {
                let line = file.line(20)?;
                m.get(decimal(&line)?)?;
                None
            }
            b'h' => {
                m.get(u64::from(file.byte()?))?;
                None
            }
            b'j' => {
                m.get(u64::from(u32::from_le_bytes(file.array()?)))?;
                None
            }
            0x97 => Some(values.other()),
            0x98 => None,
            _ => return Err(Halt::Wrong),
        };
        m.stack.extend(pushed);
    }
}

/// The array that follows a wrapper of `joblib`: a pickle of its own, or plain numbers.
fn array<R: Read + Seek>(
    file: &mut Bounded<R>,
    walk: &mut Walk,
    steps: &mut u32,
    depth: u32,
    wrapper: Id,
) -> Result<Id, Halt> {
    let layout = walk.values.layout(wrapper).ok_or(Halt::Spent)?;
    let Some(item) = layout.item else {
        if depth > 4 {
            return Err(Halt::Wrong);
        }
        return run(file, walk, steps, depth + 1);
    };
    if layout.aligned {
        let padding = u64::from(file.byte()?);
        file.skip(padding)?;
    }
    file.skip(layout.count.checked_mul(item).ok_or(Halt::Wrong)?)?;
    Ok(wrapper)
}

fn text<R: Read + Seek>(
    file: &mut Bounded<R>,
    values: &mut Values,
    count: u64,
) -> Result<Option<Id>, Halt> {
    let bytes = file.bytes(count, MAX_TEXT)?;
    if count > MAX_TEXT as u64 {
        return Ok(Some(values.other()));
    }
    values.text(&bytes).map(Some)
}

/// A run of bytes: its begin and, if it is long, its end.
fn bytes<R: Read + Seek>(
    file: &mut Bounded<R>,
    values: &mut Values,
    count: u64,
) -> Result<Option<Id>, Halt> {
    if count <= 2 * KEPT as u64 {
        let all = file.bytes(count, 2 * KEPT)?;
        return values.bytes(all).map(Some);
    }
    let first = file.byte()?;
    if first != b'{' && first != b'C' {
        // Only what may be a model within the pickle is looked into.
        file.skip(count - 1)?;
        return Ok(Some(values.other()));
    }
    let mut all = vec![first];
    all.extend(file.bytes(KEPT as u64, KEPT)?);
    file.skip(count - 1 - 2 * KEPT as u64)?;
    all.extend(file.bytes(KEPT as u64, KEPT)?);
    values.bytes(all).map(Some)
}

fn unquoted(line: &[u8]) -> &[u8] {
    match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}

/// Text as protocol 0 writes it: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for the rest.
fn raw_unicode(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let digits = match after.first() {
            Some(b'u') if *first == b'\\' => 4,
            Some(b'U') if *first == b'\\' => 8,
            _ => 0,
        };
        let code = after.get(1..=digits).filter(|_| digits > 0);
        let escaped = code
            .and_then(|code| u32::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok())
            .and_then(char::from_u32);
        match escaped {
            Some(c) => {
                text.push(c);
                rest = after.get(digits + 1..).unwrap_or_default();
            }
            None => {
                text.push(char::from(*first));
                rest = after;
            }
        }
    }
    text
}

fn decimal(line: &[u8]) -> Result<u64, Halt> {
    std::str::from_utf8(line).ok().and_then(|t| t.trim().parse().ok()).ok_or(Halt::Wrong)
}
