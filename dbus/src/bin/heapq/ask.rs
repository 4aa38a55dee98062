//! The question as asked on the command line, turned into the vocabulary's own tables, so that it
//! is read and checked like any other.

use clap::Args;
use heapq_allocator::case;
use heapq_constraints::question::Usage;
use heapq_constraints::value::{Entry, Node, Table, Value};
use heapq_constraints::vocabulary::{self, Invalid};
use heapq_dbus::wire::Asked;
use std::path::PathBuf;

/// Who bears what the options say where nobody else can: the person at the command line.
const ASKER: &str = "command-line";

/// Who will touch the buffers, and how large they have to be.
#[derive(Debug, Default, Args)]
pub(crate) struct Ask {
    /// Who will touch the buffers, in pipeline order: a node (/dev/video0), a path in sysfs,
    /// driver:NAME or a PCI address, with what it does: capture, decode, encode, process, render,
    /// texture, scanout, cpu-read, cpu-write. `cpu` is the CPU.
    #[arg(value_name = "[NAME=]DEVICE[:USAGE,…]")]
    participants: Vec<String>,
    // No doc comment: rustdoc would take the tables for links.
    #[arg(
        long,
        value_name = "QUESTION.toml",
        help = "More participants, and a request, from a file: [[participant]] and [request] tables"
    )]
    file: Option<PathBuf>,
    /// Bytes of one buffer; K, M, G and T multiply by 1024.
    #[arg(long, value_name = "BYTES", value_parser = size)]
    size: Option<u64>,
    /// Pixels in a row.
    #[arg(long, requires = "height", requires = "fourcc")]
    width: Option<u32>,
    /// Rows.
    #[arg(long, requires = "width", requires = "fourcc")]
    height: Option<u32>,
    /// The pixel format: a DRM fourcc such as NV12.
    #[arg(long, visible_alias = "format")]
    fourcc: Option<String>,
    /// Modifiers that will do, best first; absent: linear.
    #[arg(long, requires = "fourcc", value_delimiter = ',')]
    modifier: Vec<String>,
    /// At least so many buffers.
    #[arg(long)]
    count: Option<u32>,
    /// Contiguous memory.
    #[arg(long)]
    contiguous: bool,
    /// Only from these heaps or roles. A comma in a name is typed `\,`, here and below.
    #[arg(long, value_name = "NAME[,NAME…]")]
    heap: Vec<String>,
    /// From none of these heaps.
    #[arg(long, value_name = "NAME[,NAME…]")]
    avoid: Vec<String>,
    /// Rather from these heaps, best first.
    #[arg(long, value_name = "NAME[,NAME…]")]
    prefer: Vec<String>,
    /// No answer that rests on a device of which nothing is known.
    #[arg(long)]
    strict: bool,
}

/// Why there is no question.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    /// The file is none.
    #[error(transparent)]
    File(#[from] case::Unusable),
    /// A key or value is wrong.
    #[error("{}", lines(.0))]
    Invalid(Vec<Invalid>),
    /// Nobody is named.
    #[error("name at least one participant, or a file with --file")]
    Nobody,
}

impl From<Vec<Invalid>> for Malformed {
    fn from(complaints: Vec<Invalid>) -> Self {
        Self::Invalid(complaints)
    }
}

fn lines(complaints: &[Invalid]) -> String {
    complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Ask {
    /// The question in the vocabulary's tables, found to be well-formed.
    pub(crate) fn asked(&self) -> Result<Asked, Malformed> {
        let mut asked = match &self.file {
            Some(file) => {
                let question = case::question(file)?;
                Asked { participants: question.participants, request: question.request }
            }
            None => Asked::default(),
        };
        let mut options = self.options();
        for typed in &self.participants {
            let mut table = participant(typed, &asked.participants);
            // The first one bears them all: one more participant would be somebody for whom no
            // heap is reserved.
            table.entries.append(&mut options.entries);
            asked.participants.push(table);
        }
        if asked.participants.is_empty() {
            return Err(Malformed::Nobody);
        }
        options.entries.retain(|entry| !borne(&mut asked.participants, entry));
        if !options.entries.is_empty() {
            options.push("name", Value::Text(unique(ASKER, &asked.participants)));
            // It has no objection to protected memory: its default would be one.
            options.push("protected", Value::Text("accepted".to_owned()));
            asked.participants.push(options);
        }
        if self.strict {
            asked.request.entries.retain(|entry| entry.key != "strict");
            asked.request.push("strict", Value::Bool(true));
        }
        asked.question()?;
        Ok(asked)
    }

    /// What the options say, as keys of a participant.
    fn options(&self) -> Table {
        let mut table = Table::default();
        if let Some(size) = self.size {
            table.push("min-size", Value::Integer(size.into()));
        }
        if let Some(count) = self.count {
            table.push("min-count", Value::Integer(count.into()));
        }
        if self.contiguous {
            table.push("contiguous", Value::Bool(true));
        }
        for (key, names) in
            [("heaps", &self.heap), ("avoid", &self.avoid), ("prefer", &self.prefer)]
        {
            if !names.is_empty() {
                let names: Vec<String> = names.iter().flat_map(|typed| listed(typed)).collect();
                table.push(key, texts(&names));
            }
        }
        if let Some(format) = self.format() {
            table.push("format", Value::List(vec![Node::new(Value::Table(format))]));
        }
        table
    }

    fn format(&self) -> Option<Table> {
        let mut format = Table::default();
        format.push("fourcc", Value::Text(self.fourcc.clone()?));
        if !self.modifier.is_empty() {
            format.push("modifiers", texts(&self.modifier));
        }
        if let (Some(width), Some(height)) = (self.width, self.height) {
            let extent = [width, height].map(|pixels| Node::new(Value::Integer(pixels.into())));
            format.push("min-extent", Value::List(extent.into()));
        }
        Some(format)
    }
}

/// One participant as typed. Its name is what was typed, made unique among `before`.
fn participant(typed: &str, before: &[Table]) -> Table {
    let (name, rest) = match typed.split_once('=') {
        Some((name, rest)) if !name.contains('/') => (Some(name), rest),
        _ => (None, typed),
    };
    let (device, usage) = match rest.rsplit_once(':') {
        // `driver:encode` is a driver, however it is called.
        Some((device, words)) if !matches!(device, "" | "driver") && are_usages(words) => {
            (device, words.split(',').map(str::to_owned).collect())
        }
        _ if rest == "cpu" => (rest, vec!["cpu-read".to_owned(), "cpu-write".to_owned()]),
        _ => (rest, Vec::new()),
    };
    let mut table = Table::default();
    let name = unique(name.unwrap_or(device), before);
    table.push("name", Value::Text(name));
    if device != "cpu" {
        table.push("device", Value::Text(device.to_owned()));
    }
    if !usage.is_empty() {
        table.push("usage", texts(&usage));
    }
    table
}

/// Whether these words say what a device does. One that is known suffices, so that a misspelt one
/// beside it is complained of as such; a colon may also stand in a device's name.
fn are_usages(words: &str) -> bool {
    let known: Vec<&str> = Usage::ALL.iter().map(|usage| usage.word()).collect();
    words.split(',').any(|word| vocabulary::nearest(word, &known).is_some())
}

/// Whether somebody from a file now bears what an option says: the first who has to be in and says
/// nothing under that key. Where all do, the first whose word can be made as strict.
fn borne(participants: &mut [Table], option: &Entry) -> bool {
    let mut required: Vec<&mut Table> =
        participants.iter_mut().filter(|table| !is(table, "optional")).collect();
    if let Some(silent) = required.iter_mut().find(|table| !says(table, &option.key)) {
        silent.entries.push(option.clone());
        return true;
    }
    let said = required.into_iter().flat_map(|table| &mut table.entries);
    said.filter(|entry| entry.key == option.key).any(|entry| {
        match (&mut entry.node.value, &option.node.value) {
            (Value::Integer(said), Value::Integer(asked)) => *said = *asked.max(said),
            (Value::Bool(said), Value::Bool(asked)) => *said |= asked,
            _ => return false,
        }
        true
    })
}

fn is(table: &Table, key: &str) -> bool {
    table.get(key).is_some_and(|node| node.value == Value::Bool(true))
}

/// Whether it says something under `key`, be it in one of its alternatives.
fn says(table: &Table, key: &str) -> bool {
    let inside = match table.get("alternatives").map(|node| &node.value) {
        Some(Value::List(tables)) => tables.as_slice(),
        _ => &[],
    };
    let inside = inside
        .iter()
        .any(|node| matches!(&node.value, Value::Table(one) if one.get(key).is_some()));
    inside || table.get(key).is_some()
}

fn unique(name: &str, before: &[Table]) -> String {
    let taken = |name: &str| {
        before.iter().any(|table| {
            matches!(table.get("name").map(|node| &node.value), Some(Value::Text(one)) if one == name)
        })
    };
    let mut candidates =
        std::iter::once(name.to_owned()).chain((2..).map(|number: u32| format!("{name}#{number}")));
    candidates.find(|candidate| !taken(candidate)).unwrap_or_else(|| name.to_owned())
}

/// The names of a list as typed: a comma parts them, unless a backslash stands before it. Names that
/// heaps have from a devicetree may have commas: `linux,cma`.
fn listed(typed: &str) -> Vec<String> {
    // No argument of a command has a NUL: it can stand for the comma of a name.
    let parts = typed.replace("\\,", "\0");
    parts.split(',').map(|name| name.replace('\0', ",")).collect()
}

fn texts(texts: &[String]) -> Value {
    Value::List(texts.iter().map(|text| Node::new(Value::Text(text.clone()))).collect())
}

/// What a buffer takes: one byte at least.
fn size(typed: &str) -> Result<u64, String> {
    match bytes(typed)? {
        0 => Err("a buffer has at least one byte".to_owned()),
        size => Ok(size),
    }
}

/// Bytes with an optional binary multiplier.
fn bytes(typed: &str) -> Result<u64, String> {
    let digits = typed.trim_end_matches("iB").trim_end_matches('B');
    let (digits, shift) = match digits.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let shift = match unit.to_ascii_uppercase() {
                'K' => 10,
                'M' => 20,
                'G' => 30,
                'T' => 40,
                _ => return Err(format!("unknown unit {unit:?}: K, M, G and T are known")),
            };
            (&digits[..at], shift)
        }
        _ => (digits, 0),
    };
    let number: u64 = digits.parse().map_err(|error| format!("{error}"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{typed} is more than 64 bits of bytes can say"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
        match table.get(key).map(|node| &node.value) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn usages(table: &Table) -> usize {
        match table.get("usage").map(|node| &node.value) {
            Some(Value::List(words)) => words.len(),
            _ => 0,
        }
    }

    #[test]
    fn a_colon_in_a_devices_name_is_not_taken_for_a_usage() {
        for (typed, device, words) in [
            ("/dev/video0", "/dev/video0", 0),
            ("/dev/video0:capture,cpu-read", "/dev/video0", 2),
            ("0000:00:02.0", "0000:00:02.0", 0),
            ("0000:00:02.0:scanout", "0000:00:02.0", 1),
            ("driver:uvcvideo", "driver:uvcvideo", 0),
            ("driver:encode", "driver:encode", 0),
            ("driver:hantro-vpu:encode", "driver:hantro-vpu", 1),
        ] {
            let table = participant(typed, &[]);
            assert_eq!(text(&table, "device"), Some(device), "{typed}");
            assert_eq!(text(&table, "name"), Some(device), "{typed}");
            assert_eq!(usages(&table), words, "{typed}");
        }
    }

    #[test]
    fn names_are_as_typed_and_unique() {
        let one = participant("camera=/dev/video0:capture", &[]);
        assert_eq!(
            (text(&one, "name"), text(&one, "device")),
            (Some("camera"), Some("/dev/video0"))
        );
        let two = participant("camera=/dev/video1", std::slice::from_ref(&one));
        assert_eq!(text(&two, "name"), Some("camera#2"));
        let cpu = participant("cpu", &[one, two]);
        assert_eq!((text(&cpu, "device"), usages(&cpu)), (None, 2));
    }

    #[test]
    fn the_first_who_is_typed_bears_the_options() {
        let typed = |participants: &[&str]| Ask {
            participants: participants.iter().map(ToString::to_string).collect(),
            count: Some(3),
            fourcc: Some("NV12".to_owned()),
            ..Ask::default()
        };
        let asked = typed(&["/dev/video0:capture", "cpu"]).asked();
        let asked = asked.map_err(|error| error.to_string()).unwrap().participants;
        assert_eq!(asked.len(), 2);
        for key in ["min-count", "format"] {
            let borne: Vec<bool> = asked.iter().map(|table| table.get(key).is_some()).collect();
            assert_eq!(borne, [true, false], "{key}");
        }
        assert!(matches!(typed(&[]).asked(), Err(Malformed::Nobody)));
    }

    /// The participants of a file with `--size 8192 --count 2 --contiguous --avoid system`.
    fn beside(file: &str) -> Vec<Table> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("question.toml");
        std::fs::write(&path, file).unwrap();
        let ask = Ask {
            file: Some(path),
            size: Some(8192),
            count: Some(2),
            contiguous: true,
            avoid: vec!["system".to_owned()],
            ..Ask::default()
        };
        ask.asked().map_err(|error| error.to_string()).unwrap().participants
    }

    #[test]
    fn beside_a_file_the_first_who_says_nothing_of_it_bears_an_option() {
        let rest = "[[participant]]\nname = 'p'\nmin-size = 9\n\
                    alternatives = [{ min-count = 1 }, { contiguous = true }]\n\
                    [[participant]]\nname = 'q'\n";
        let optional = "[[participant]]\nname = 'o'\noptional = true\n";
        let asked = beside(&format!("{optional}{rest}"));
        let bearing = |key: &str| {
            let says = asked.iter().filter(|table| table.get(key).is_some());
            says.map(|table| text(table, "name").unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(asked.len(), 3);
        assert_eq!(bearing("min-size"), ["p", "q"]);
        assert_eq!(bearing("min-count"), ["q"]);
        assert_eq!(bearing("contiguous"), ["q"]);
        assert_eq!(bearing("avoid"), ["p"]);
    }

    #[test]
    fn beside_a_file_where_all_say_something_the_stricter_word_holds() {
        let one = "[[participant]]\nname = 'p'\nmin-size = 9\nmin-count = 3\ncontiguous = false\n";
        let [asked] = &beside(one)[..] else { panic!() };
        let value = |key: &str| asked.get(key).map(|node| node.value.clone());
        assert_eq!(value("min-size"), Some(Value::Integer(8192)));
        assert_eq!(value("min-count"), Some(Value::Integer(3)));
        assert_eq!(value("contiguous"), Some(Value::Bool(true)));
        // Two lists are not one: these are a participant of their own, of a name of its own.
        let both = beside("[[participant]]\nname = 'command-line'\navoid = ['cma']\n");
        let names: Vec<_> = both.iter().map(|table| text(table, "name")).collect();
        assert_eq!(names, [Some("command-line"), Some("command-line#2")]);
        assert!(both[1].get("avoid").is_some() && both[1].get("min-size").is_none());
    }

    #[test]
    fn a_comma_in_a_heaps_name_is_typed_with_a_backslash() {
        for (typed, names) in [
            ("system", &["system"][..]),
            ("a,b", &["a", "b"]),
            ("linux\\,cma", &["linux,cma"]),
            ("system,linux\\,cma,b", &["system", "linux,cma", "b"]),
            ("a\\b\\", &["a\\b\\"]),
            ("a,", &["a", ""]),
        ] {
            assert_eq!(listed(typed), names, "{typed}");
        }
    }

    #[test]
    fn sizes_with_units() {
        assert_eq!(bytes("600K"), Ok(614_400));
        assert_eq!(bytes("2MiB"), Ok(2 << 20));
        assert!(size("0").is_err() && size("0K").is_err());
        for wrong in ["", "K", "-1", "1.5M", "1Q", "16777216T", "99999999999999999999"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
