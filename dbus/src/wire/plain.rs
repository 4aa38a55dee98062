//! Questions that say plain things, read from where they lie in a message.
//!
//! zbus reads a value by its signature, step by step: a question of four keys takes it 11,800
//! instructions, a quarter of what solving it took in all (zbus 6.2, counted by callgrind), and this
//! reader 3,500. It knows strings, whole numbers, booleans and lists of strings. Whatever else there
//! is, and whatever is not quite as it should be, is left to zbus, which says what is wrong.

use heapq_constraints::value::{Entry, Node, Table, Value};
use std::str::from_utf8;

/// The arguments of `Allocate` whose bytes, in the order of this machine, are `body`. `None`: zbus has
/// to read them.
#[must_use]
pub fn read(body: &[u8]) -> Option<(Vec<Table>, Table)> {
    let mut reader = Reader { body, at: 0 };
    let participants = reader.array::<4, _>(Reader::table)?;
    let options = reader.table()?;
    (reader.at == body.len()).then_some((participants, options))
}

struct Reader<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, bytes: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(bytes)?;
        let taken = self.body.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn pad<const TO: usize>(&mut self) -> Option<()> {
        let padding = self.take(self.at.next_multiple_of(TO) - self.at)?;
        padding.iter().all(|byte| *byte == 0).then_some(())
    }

    /// A number of so many bytes, which lies at a multiple of them.
    fn number<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        self.pad::<BYTES>()?;
        self.take(BYTES)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_ne_bytes(self.number()?)).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let text = self.take(length)?;
        let ends = self.take(1)? == [0] && !text.contains(&0);
        ends.then(|| from_utf8(text).ok()).flatten().map(str::to_owned)
    }

    /// An array whose elements begin at multiples of so many bytes.
    fn array<const ALIGNED: usize, T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let length = self.length()?;
        self.pad::<ALIGNED>()?;
        let end = self.at.checked_add(length)?;
        let mut elements = Vec::new();
        while self.at < end {
            elements.push(element(self)?);
        }
        (self.at == end).then_some(elements)
    }

    /// Keys come out in their order, as those of all dictionaries do.
    fn table(&mut self) -> Option<Table> {
        let mut entries = self.array::<8, _>(Self::entry)?;
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let once = entries.windows(2).all(|pair| pair[0].key != pair[1].key);
        once.then_some(Table { entries })
    }

    fn entry(&mut self) -> Option<Entry> {
        self.pad::<8>()?;
        let key = self.text()?;
        let value = self.variant()?;
        // A number or a descriptor names a device in its own way.
        let plain = key != super::read::DEVICE || matches!(value, Value::Text(_));
        plain.then(|| Entry { key, at: None, node: Node::new(value) })
    }

    fn variant(&mut self) -> Option<Value> {
        let letters = usize::from(*self.take(1)?.first()?);
        let signature = self.take(letters + 1)?;
        Some(match signature {
            b"s\0" => Value::Text(self.text()?),
            b"y\0" => Value::Integer(u8::from_ne_bytes(self.number()?).into()),
            b"n\0" => Value::Integer(i16::from_ne_bytes(self.number()?).into()),
            b"q\0" => Value::Integer(u16::from_ne_bytes(self.number()?).into()),
            b"i\0" => Value::Integer(i32::from_ne_bytes(self.number()?).into()),
            b"u\0" => Value::Integer(u32::from_ne_bytes(self.number()?).into()),
            b"x\0" => Value::Integer(i64::from_ne_bytes(self.number()?).into()),
            b"t\0" => Value::Integer(u64::from_ne_bytes(self.number()?).into()),
            b"b\0" => match u32::from_ne_bytes(self.number()?) {
                said @ (0 | 1) => Value::Bool(said == 1),
                _ => return None,
            },
            b"as\0" => {
                let text = |reader: &mut Self| reader.text().map(Value::Text).map(Node::new);
                Value::List(self.array::<4, _>(text)?)
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Options, Participants};
    use std::collections::HashMap;
    use zbus::Variant;
    use zbus::wire::serialized::{Context, Data};
    use zbus::wire::{Endian, to_bytes};

    type Sent<'v> = (Vec<HashMap<&'v str, Variant<'v>>>, HashMap<&'v str, Variant<'v>>);

    fn bytes(sent: &Sent<'_>) -> Vec<u8> {
        to_bytes(Context::new(Endian::native(), 0), sent).unwrap().bytes().to_vec()
    }

    /// As zbus reads it; `None` where it refuses.
    fn by_zbus(bytes: &[u8]) -> Option<(Vec<Table>, Table)> {
        let data = Data::new(bytes.to_vec(), Context::new(Endian::native(), 0));
        let ((participants, options), length) =
            data.deserialize::<(Participants, Options)>().ok()?;
        (length == bytes.len()).then(|| Some((participants.0.ok()?, options.0.ok()?)))?
    }

    fn plain() -> Sent<'static> {
        let camera = HashMap::from([
            ("name", Variant::from("camera")),
            ("device", Variant::from("/dev/video0")),
            ("optional", Variant::from(true)),
            ("min-count", Variant::U32(4)),
            ("max-size", Variant::U64(u64::MAX)),
            ("size-align", Variant::I64(-7)),
            ("a", Variant::U8(1)),
            ("b", Variant::I16(-2)),
            ("c", Variant::U16(3)),
            ("d", Variant::I32(-4)),
            ("usage", Variant::from(vec!["capture", "cpu-read"])),
            ("heaps", Variant::from(Vec::<&str>::new())),
        ]);
        let display = HashMap::from([("name", Variant::from("écran"))]);
        (vec![camera, HashMap::new(), display], HashMap::from([("strict", Variant::from(false))]))
    }

    #[test]
    fn plain_things_are_read_as_zbus_reads_them() {
        for sent in [plain(), (Vec::new(), HashMap::new())] {
            let bytes = bytes(&sent);
            let found = read(&bytes);
            assert!(found.is_some());
            assert_eq!(found, by_zbus(&bytes));
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_zbus() {
        let others = [
            ("name", Variant::F64(1.0)),
            ("format", Variant::from(vec![HashMap::from([("fourcc", Variant::from("NV12"))])])),
            ("device", Variant::U64(0x5100)),
            ("windows", Variant::from((1_u64, 2_u64))),
        ];
        for (key, value) in others {
            let sent = (vec![HashMap::from([(key, value)])], HashMap::new());
            assert_eq!(read(&bytes(&sent)), None, "{key}");
        }
    }

    /// One byte of a question is another, or its end is missing: it is read as zbus reads it, or not.
    #[test]
    fn nothing_is_read_that_zbus_reads_otherwise() {
        let good = bytes(&plain());
        let mut read_at_all = 0;
        for at in 0..good.len() {
            assert_eq!(read(&good[..at]), None, "{at} bytes of {}", good.len());
            for other in [0, 1, 2, 4, 8, 0x7f, 0xff, b'a', b's', b'u', b'b', good[at] ^ 1] {
                let mut bytes = good.clone();
                bytes[at] = other;
                if let Some(found) = read(&bytes) {
                    assert_eq!(Some(found), by_zbus(&bytes), "byte {at} is {other}");
                    read_at_all += 1;
                }
            }
        }
        assert!(read_at_all > 100, "{read_at_all}");
    }

    #[test]
    fn a_key_that_stands_twice_is_left_to_zbus() {
        let sent = HashMap::from([("aa", Variant::U32(1)), ("bb", Variant::U32(2))]);
        let mut bytes = bytes(&(vec![sent], HashMap::new()));
        let at = bytes.windows(2).position(|two| two == b"bb").unwrap();
        bytes[at..at + 2].copy_from_slice(b"aa");
        assert_eq!((read(&bytes), by_zbus(&bytes)), (None, None));
    }
}
