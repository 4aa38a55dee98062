//! The loop that reads a flattened devicetree.

use super::{BYTES_MAX, BlobError, Cause, DEPTH_MAX, NAME_MAX, NODES_MAX, Node, PROPERTIES_MAX};

/// Bytes of a header of version 17.
const HEADER: usize = 40;
const MAGIC: u32 = 0xd00d_feed;
/// The version that is read; dtc writes no other since 2007.
const VERSION: u32 = 17;

/// The two parts of a blob that hold the tree, and where the first one begins.
struct Blocks<'b> {
    structure: &'b [u8],
    strings: &'b [u8],
    start: usize,
}

impl<'b> Blocks<'b> {
    fn of(bytes: &'b [u8]) -> Result<Self, BlobError> {
        if bytes.len() > BYTES_MAX {
            return Err(too_many(BYTES_MAX, "bytes", BYTES_MAX));
        }
        let header = bytes.first_chunk::<HEADER>();
        let header = header.ok_or_else(|| short(0, "the header", HEADER, bytes.len()))?;
        let magic = word_at(header, 0)?;
        if magic != MAGIC {
            return Err(BlobError { offset: 0, cause: Cause::Magic(magic) });
        }
        let (version, compatible) = (word_at(header, 20)?, word_at(header, 24)?);
        if version < VERSION || compatible > VERSION {
            return Err(BlobError { offset: 20, cause: Cause::Version { version, compatible } });
        }
        let total = offset_at(header, 4)?;
        let whole = bytes.get(..total);
        let whole = whole.ok_or_else(|| short(4, "the whole", total, bytes.len()))?;
        let start = offset_at(header, 8)?;
        Ok(Self {
            structure: part(whole, start, offset_at(header, 36)?, 36, "the structure block")?,
            strings: part(
                whole,
                offset_at(header, 12)?,
                offset_at(header, 32)?,
                32,
                "the strings",
            )?,
            start,
        })
    }
}

fn part<'b>(
    whole: &'b [u8],
    start: usize,
    length: usize,
    said_at: usize,
    what: &'static str,
) -> Result<&'b [u8], BlobError> {
    let end = start.saturating_add(length);
    whole.get(start..end).ok_or_else(|| short(said_at, what, end, whole.len()))
}

fn word_at(bytes: &[u8], at: usize) -> Result<u32, BlobError> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk);
    let word = word.ok_or_else(|| short(at, "a word", at.saturating_add(4), bytes.len()))?;
    Ok(u32::from_be_bytes(*word))
}

fn offset_at(bytes: &[u8], at: usize) -> Result<usize, BlobError> {
    Ok(usize::try_from(word_at(bytes, at)?).unwrap_or(usize::MAX))
}

fn short(offset: usize, what: &'static str, end: usize, length: usize) -> BlobError {
    BlobError { offset, cause: Cause::Short { what, end, length } }
}

fn too_many(offset: usize, what: &'static str, bound: usize) -> BlobError {
    BlobError { offset, cause: Cause::TooMany { what, bound } }
}

/// The loop over the structure block.
pub(super) struct Reader<'b> {
    blocks: Blocks<'b>,
    /// Offset in the structure block.
    at: usize,
    /// Nodes that have begun and not ended.
    open: Vec<u32>,
    pub(super) nodes: Vec<Node<'b>>,
    pub(super) properties: Vec<(&'b str, &'b [u8])>,
}

impl<'b> Reader<'b> {
    /// Checks the header.
    pub(super) fn new(bytes: &'b [u8]) -> Result<Self, BlobError> {
        let blocks = Blocks::of(bytes)?;
        Ok(Self { blocks, at: 0, open: Vec::new(), nodes: Vec::new(), properties: Vec::new() })
    }

    /// Takes one token; `false` at the end.
    pub(super) fn step(&mut self) -> Result<bool, BlobError> {
        let at = self.at;
        match self.word()? {
            1 => self.begin(at)?,
            2 => self.end(at)?,
            3 => self.take_property(at)?,
            4 => {}
            9 => return self.finish(at),
            other => return Err(self.wrong(at, Cause::Token(other))),
        }
        Ok(true)
    }

    fn wrong(&self, at: usize, cause: Cause) -> BlobError {
        BlobError { offset: self.blocks.start.saturating_add(at), cause }
    }

    fn short(&self, at: usize, what: &'static str, end: usize) -> BlobError {
        let start = self.blocks.start;
        let end = start.saturating_add(end);
        short(start.saturating_add(at), what, end, start + self.blocks.structure.len())
    }

    fn word(&mut self) -> Result<u32, BlobError> {
        let at = self.at;
        let rest = self.blocks.structure.get(at..).unwrap_or_default();
        let word = rest.first_chunk();
        let word = word.ok_or_else(|| self.short(at, "a word", at.saturating_add(4)))?;
        self.at = at.saturating_add(4);
        Ok(u32::from_be_bytes(*word))
    }

    /// Steps over `length` bytes and what pads them to whole words.
    fn skip(&mut self, length: usize) {
        self.at = self.at.saturating_add(length).saturating_add(3) & !3;
    }

    fn begin(&mut self, at: usize) -> Result<(), BlobError> {
        if self.nodes.len() == NODES_MAX {
            return Err(self.wrong(at, Cause::TooMany { what: "nodes", bound: NODES_MAX }));
        }
        if self.open.len() == DEPTH_MAX {
            let cause = Cause::TooMany { what: "nodes in each other", bound: DEPTH_MAX };
            return Err(self.wrong(at, cause));
        }
        let parent = self.open.last().copied();
        if parent.is_none() && !self.nodes.is_empty() {
            return Err(self.wrong(at, Cause::Misplaced("a second root node")));
        }
        let rest = self.blocks.structure.get(self.at..).unwrap_or_default();
        let name = name(rest).ok_or_else(|| self.wrong(self.at, Cause::Name { of: "node" }))?;
        let parted = name.contains('/');
        if parted || (name.is_empty() != parent.is_none()) {
            let text = "a node's name is empty for the root, and for no other, and has no slash";
            return Err(self.wrong(self.at, Cause::Misplaced(text)));
        }
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let first = self.properties.len();
        self.nodes.push(Node { name, parent, properties: first..first, after: number });
        self.open.push(number);
        self.skip(name.len() + 1);
        Ok(())
    }

    fn end(&mut self, at: usize) -> Result<(), BlobError> {
        let after = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let number = self.open.pop();
        let node = number.and_then(|number| self.nodes.get_mut(usize::try_from(number).ok()?));
        match node {
            Some(node) => {
                node.after = after;
                Ok(())
            }
            None => Err(self.wrong(at, Cause::Misplaced("a node ends where none is open"))),
        }
    }

    fn take_property(&mut self, at: usize) -> Result<(), BlobError> {
        if self.properties.len() == PROPERTIES_MAX {
            let cause = Cause::TooMany { what: "properties", bound: PROPERTIES_MAX };
            return Err(self.wrong(at, cause));
        }
        let length = usize::try_from(self.word()?).unwrap_or(usize::MAX);
        let name_at = usize::try_from(self.word()?).unwrap_or(usize::MAX);
        let end = self.at.saturating_add(length);
        let value = self.blocks.structure.get(self.at..end);
        let value = value.ok_or_else(|| self.short(at, "a property's value", end))?;
        let name = self.blocks.strings.get(name_at..).and_then(name);
        let name = name.ok_or_else(|| self.wrong(at, Cause::Name { of: "property" }))?;
        // Properties of a node stand before the nodes in it: its own are those since it began.
        let last = u32::try_from(self.nodes.len()).ok().and_then(|count| count.checked_sub(1));
        if self.open.last().copied() != last || last.is_none() {
            let text = "a property that stands in no node, or behind the nodes in its own";
            return Err(self.wrong(at, Cause::Misplaced(text)));
        }
        self.properties.push((name, value));
        if let Some(node) = self.nodes.last_mut() {
            node.properties.end = self.properties.len();
        }
        self.skip(length);
        Ok(())
    }

    fn finish(&self, at: usize) -> Result<bool, BlobError> {
        if self.nodes.is_empty() || !self.open.is_empty() {
            return Err(self.wrong(at, Cause::Misplaced("the tree ends before its nodes do")));
        }
        Ok(false)
    }
}

/// The text before the first NUL.
fn name(bytes: &[u8]) -> Option<&str> {
    let bounded = bytes.get(..=NAME_MAX).unwrap_or(bytes);
    let end = bounded.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(bounded.get(..end)?).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}
