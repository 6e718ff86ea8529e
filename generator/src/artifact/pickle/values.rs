//! The values that a pickle makes, as far as they are looked at.

use std::collections::BTreeSet;

use super::super::bounded::Halt;

/// A value's place among [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// One value.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Whatever is not looked at: `None`, flags, floats, long texts.
    Other,
    Number(i64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// A list, tuple or set.
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
    /// Something imported.
    Global {
        module: Box<str>,
        name: Box<str>,
    },
    /// Something called or constructed, with what it was given and its attributes.
    Object {
        class: Id,
        arguments: Option<Id>,
        state: Option<Id>,
    },
}

/// Most values that are kept, and most places in lists and maps.
const MAX_VALUES: usize = 300_000;
/// Most bytes that are kept of long runs, together.
const MAX_KEPT: usize = 4 * 1024 * 1024;

/// All values of a pickle.
#[derive(Default)]
pub(crate) struct Values {
    nodes: Vec<Node>,
    places: usize,
    kept: usize,
    /// Modules that it imports, with the names from them.
    imports: BTreeSet<(Box<str>, Box<str>)>,
    /// Values of attributes named `_sklearn_version`.
    releases: BTreeSet<Box<str>>,
}

/// How `joblib` wrote an array.
pub(super) struct Layout {
    /// Bytes of an item; nothing for objects, which are pickled.
    pub(super) item: Option<u64>,
    pub(super) count: u64,
    pub(super) aligned: bool,
}

impl Values {
    pub(super) fn add(&mut self, node: Node) -> Result<Id, Halt> {
        if self.nodes.len() >= MAX_VALUES {
            return Err(Halt::Spent);
        }
        let id = u32::try_from(self.nodes.len()).map_err(|_| Halt::Spent)?;
        if let Node::List(items) = &node {
            self.room(items.len())?;
        }
        // The first is shared by all values that nobody looks at.
        if self.nodes.is_empty() {
            self.nodes.push(Node::Other);
            return self.add(node);
        }
        self.nodes.push(node);
        Ok(Id(id))
    }

    fn room(&mut self, places: usize) -> Result<(), Halt> {
        self.places += places;
        if self.places > 4 * MAX_VALUES { Err(Halt::Spent) } else { Ok(()) }
    }

    #[allow(clippy::unused_self, reason = "the shared value is one of these")]
    pub(super) fn other(&self) -> Id {
        Id(0)
    }

    pub(super) fn number(&mut self, number: i64) -> Result<Id, Halt> {
        self.add(Node::Number(number))
    }

    pub(super) fn decimal(&mut self, line: &[u8]) -> Result<Id, Halt> {
        let text = std::str::from_utf8(line).map_err(|_| Halt::Wrong)?;
        match text.trim_end_matches('L').trim().parse() {
            Ok(number) => self.number(number),
            Err(_) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(Id(0)),
            Err(_) => Err(Halt::Wrong),
        }
    }

    pub(super) fn little_endian(&mut self, count: u64, bytes: &[u8]) -> Result<Id, Halt> {
        if count > 8 {
            return Ok(Id(0));
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut all = [if negative { 0xff } else { 0 }; 8];
        all.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.number(i64::from_le_bytes(all))
    }

    pub(super) fn text(&mut self, bytes: &[u8]) -> Result<Id, Halt> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.add(Node::Text(text.into())),
            Err(_) => Ok(Id(0)),
        }
    }

    pub(super) fn bytes(&mut self, bytes: Vec<u8>) -> Result<Id, Halt> {
        let looked_at = bytes.starts_with(b"{") || bytes.starts_with(b"CONFIG-offset:");
        if !looked_at || self.kept + bytes.len() > MAX_KEPT {
            return Ok(Id(0));
        }
        self.kept += bytes.len();
        self.add(Node::Bytes(bytes.into()))
    }

    pub(super) fn global(&mut self, module: &[u8], name: &[u8]) -> Result<Id, Halt> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Halt::Wrong);
        self.import(text(module)?.into(), text(name)?.into())
    }

    pub(super) fn global_of(&mut self, module: Id, name: Id) -> Result<Id, Halt> {
        let text = |id| self.as_text(id).map(Box::from).ok_or(Halt::Wrong);
        let (module, name) = (text(module)?, text(name)?);
        self.import(module, name)
    }

    fn import(&mut self, module: Box<str>, name: Box<str>) -> Result<Id, Halt> {
        let form = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        if !form(&module) || !form(&name) {
            return Err(Halt::Wrong);
        }
        if self.imports.len() < 10_000 {
            self.imports.insert((module.clone(), name.clone()));
        }
        self.add(Node::Global { module, name })
    }

    pub(super) fn object(&mut self, class: Id, arguments: Option<Id>) -> Result<Id, Halt> {
        self.add(Node::Object { class, arguments, state: None })
    }

    pub(super) fn extend(&mut self, list: Id, items: &[Id]) -> Result<(), Halt> {
        self.room(items.len())?;
        // Whatever else is appended to is somebody's own list.
        if let Some(Node::List(all)) = self.nodes.get_mut(list.0 as usize) {
            all.extend_from_slice(items);
        }
        Ok(())
    }

    pub(super) fn set(&mut self, map: Id, items: &[Id]) -> Result<(), Halt> {
        if !items.len().is_multiple_of(2) {
            return Err(Halt::Wrong);
        }
        self.room(items.len())?;
        let pairs: Vec<(Id, Id)> = items
            .chunks_exact(2)
            .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
            .collect();
        for (key, value) in &pairs {
            if self.as_text(*key) == Some("_sklearn_version")
                && self.releases.len() < 100
                && let Some(text) = self.as_text(*value)
            {
                self.releases.insert(text.into());
            }
        }
        if let Some(Node::Map(all)) = self.nodes.get_mut(map.0 as usize) {
            all.extend(pairs);
        }
        Ok(())
    }

    pub(super) fn build(&mut self, object: Id, new: Id) -> Result<(), Halt> {
        if let Some(Node::Object { state, .. }) = self.nodes.get_mut(object.0 as usize) {
            *state = Some(new);
        }
        Ok(())
    }

    /// What a value is.
    pub(crate) fn node(&self, id: Id) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::Other)
    }

    pub(crate) fn as_text(&self, id: Id) -> Option<&str> {
        if let Node::Text(text) = self.node(id) { Some(text) } else { None }
    }

    pub(crate) fn as_number(&self, id: Id) -> Option<i64> {
        if let Node::Number(number) = self.node(id) { Some(*number) } else { None }
    }

    pub(crate) fn items(&self, id: Id) -> &[Id] {
        if let Node::List(items) = self.node(id) { items } else { &[] }
    }

    /// The module and name of an object's class.
    pub(crate) fn class(&self, object: Id) -> Option<(&str, &str)> {
        let Node::Object { class, arguments, .. } = self.node(object) else { return None };
        let Node::Global { module, name } = self.node(*class) else { return None };
        // `copyreg._reconstructor(class, base, state)`, by which old protocols construct everything.
        if &**name == "_reconstructor" {
            let first = *self.items((*arguments)?).first()?;
            let Node::Global { module, name } = self.node(first) else { return None };
            return Some((module, name));
        }
        Some((module, name))
    }

    /// An attribute of an object.
    pub(crate) fn attribute(&self, object: Id, wanted: &str) -> Option<Id> {
        let Node::Object { state, .. } = self.node(object) else { return None };
        // A state of two is that of a class with slots: attributes and slots.
        let state = (*state)?;
        let state = self.items(state).first().copied().unwrap_or(state);
        let Node::Map(pairs) = self.node(state) else { return None };
        let found = pairs.iter().rev().find(|(key, _)| self.as_text(*key) == Some(wanted));
        found.map(|(_, value)| *value)
    }

    /// The texts of an array of objects, if it is one of texts.
    pub(crate) fn texts(&self, array: Id) -> Option<Vec<String>> {
        let Node::Object { state, .. } = self.node(array) else { return None };
        // (version, shape, dtype, whether columns come first, items)
        let items = self.items(*self.items((*state)?).get(4)?);
        let texts: Option<Vec<String>> =
            items.iter().map(|id| self.as_text(*id).map(str::to_owned)).collect();
        texts.filter(|t| !t.is_empty())
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.imports.iter().map(|(module, name)| (&**module, &**name))
    }

    pub(crate) fn releases(&self) -> impl Iterator<Item = &str> {
        self.releases.iter().map(|r| &**r)
    }

    /// Runs of bytes that may hold a model.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.iter().filter_map(|n| if let Node::Bytes(b) = n { Some(&**b) } else { None })
    }

    pub(super) fn is_joblib_array(&self, object: Id) -> bool {
        let class = self.class(object);
        class.is_some_and(|(m, n)| m.ends_with("joblib.numpy_pickle") && n == "NumpyArrayWrapper")
    }

    /// How the array of a wrapper of `joblib` follows it.
    pub(super) fn layout(&self, wrapper: Id) -> Option<Layout> {
        let shape = self.attribute(wrapper, "shape")?;
        let mut count = 1u64;
        for length in self.items(shape) {
            let length = u64::try_from(self.as_number(*length)?).ok()?;
            count = count.checked_mul(length)?;
        }
        let aligned = self.attribute(wrapper, "numpy_array_alignment_bytes");
        let aligned = aligned.is_some_and(|id| self.as_number(id).is_some());
        let kind = self.attribute(wrapper, "dtype")?;
        let Node::Object { arguments, state, .. } = self.node(kind) else { return None };
        let code = self.as_text(*self.items((*arguments)?).first()?)?;
        let (letter, size) = code.split_at_checked(1)?;
        let size: u64 = size.parse().ok()?;
        let flags = state.and_then(|s| self.as_number(*self.items(s).last()?));
        // NPY_ITEM_HASOBJECT
        let objects = letter == "O" || (letter == "V" && flags.is_some_and(|f| f & 1 != 0));
        let item = if letter == "U" { size.checked_mul(4)? } else { size };
        Some(Layout { item: (!objects).then_some(item), count, aligned })
    }
}
