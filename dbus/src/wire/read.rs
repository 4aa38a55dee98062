//! Dictionaries from the bus, read within bounds.
//!
//! zbus's own `Variant` takes some hundred bytes for each byte of an `ay`, so one message of the
//! size that a bus allows could claim gigabytes. These types are therefore deserialised straight
//! into the table that the vocabulary reads. What exceeds a bound is walked over but not kept, so
//! that the reply can say which bound it was.

use crate::error::Error;
use heapq_constraints::value::{Node, Table, Value};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use zbus::wire::{Signature, Type, Variant};

/// How large a question may be. The figures are far above what real pipelines ask and small
/// enough that a hostile one costs no more than reading its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Participants of one question.
    pub participants: usize,
    /// Values of one call, containers included.
    pub values: usize,
    /// Bytes of one string or key.
    pub text: usize,
    /// Bytes of all strings and keys of one call.
    pub texts: usize,
    /// Containers within each other.
    pub depth: usize,
}

impl Bounds {
    /// Those of the service.
    pub const SERVICE: Self =
        Self { participants: 64, values: 16_384, text: 4096, texts: 256 << 10, depth: 16 };
}

/// `aa{sv}`: one table a participant, in the order given; or the bound that was exceeded.
#[derive(Debug)]
pub struct Participants(pub Result<Vec<Table>, Error>);

/// `a{sv}`; or the bound that was exceeded.
#[derive(Debug)]
pub struct Options(pub Result<Table, Error>);

impl Type for Participants {
    const SIGNATURE: &'static Signature = <Vec<HashMap<String, Variant<'_>>> as Type>::SIGNATURE;
}

impl Type for Options {
    const SIGNATURE: &'static Signature = <HashMap<String, Variant<'_>> as Type>::SIGNATURE;
}

impl<'de> Deserialize<'de> for Participants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let budget = RefCell::new(Budget::new(Bounds::SERVICE));
        let value = Reader::new(<Self as Type>::SIGNATURE, &budget).deserialize(deserializer)?;
        let Value::List(nodes) = value else {
            return Err(D::Error::custom("participants are a list of dictionaries"));
        };
        let mut budget = budget.into_inner();
        budget.check("participants", nodes.len(), budget.bounds.participants);
        let tables = nodes.into_iter().filter_map(|node| table(node.value)).collect();
        Ok(Self(budget.verdict().map(|()| tables)))
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let budget = RefCell::new(Budget::new(Bounds::SERVICE));
        let value = Reader::new(<Self as Type>::SIGNATURE, &budget).deserialize(deserializer)?;
        let Some(table) = table(value) else {
            return Err(D::Error::custom("options are a dictionary"));
        };
        Ok(Self(budget.into_inner().verdict().map(|()| table)))
    }
}

fn table(value: Value) -> Option<Table> {
    match value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

/// What is left of the bounds, and the first of them that did not suffice.
struct Budget {
    bounds: Bounds,
    values: usize,
    texts: usize,
    exceeded: Option<Error>,
}

impl Budget {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, values: 0, texts: 0, exceeded: None }
    }

    /// Notes that `found` exceeds `bound`; the first note stays.
    fn check(&mut self, what: &'static str, found: usize, bound: usize) -> bool {
        if found > bound && self.exceeded.is_none() {
            self.exceeded = Some(Error::too_many(what, found, bound));
        }
        self.exceeded.is_none()
    }

    /// Whether one more value may be kept.
    fn value(&mut self) -> bool {
        self.values = self.values.saturating_add(1);
        self.check("values in one call", self.values, self.bounds.values)
    }

    /// `text`, or nothing when it may not be kept.
    fn text(&mut self, text: &str) -> String {
        self.texts = self.texts.saturating_add(text.len());
        let kept = self.check("bytes in one string", text.len(), self.bounds.text)
            && self.check("bytes in all strings", self.texts, self.bounds.texts);
        if kept { text.to_owned() } else { String::new() }
    }

    fn verdict(self) -> Result<(), Error> {
        self.exceeded.map_or(Ok(()), Err)
    }
}

/// Reads one value of a known signature.
#[derive(Clone, Copy)]
struct Reader<'s> {
    signature: &'s Signature,
    budget: &'s RefCell<Budget>,
    depth: usize,
}

impl<'s> Reader<'s> {
    fn new(signature: &'s Signature, budget: &'s RefCell<Budget>) -> Self {
        Self { signature, budget, depth: 0 }
    }

    /// The reader of a value inside this one.
    fn inside(self, signature: &'s Signature) -> Self {
        let depth = self.depth.saturating_add(1);
        let mut budget = self.budget.borrow_mut();
        let bound = budget.bounds.depth;
        budget.check("containers within each other", depth, bound);
        Self { signature, budget: self.budget, depth }
    }

    fn list<'de, A: SeqAccess<'de>>(
        self,
        mut elements: A,
        signature_of: impl Fn(usize) -> Option<&'s Signature>,
    ) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let mut index = 0;
        while let Some(signature) = signature_of(index) {
            let Some(value) = elements.next_element_seed(self.inside(signature))? else { break };
            if self.budget.borrow_mut().value() {
                list.push(Node::new(value));
            }
            index += 1;
        }
        Ok(Value::List(list))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E>(self, value: $type) -> Result<Value, E> {
            Ok(Value::Integer(value.into()))
        }
    )*};
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of signature {}", self.signature)
    }

    integers!(visit_u8: u8, visit_i16: i16, visit_u16: u16, visit_u32: u32, visit_i64: i64,
        visit_u64: u64);

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i32<E>(self, value: i32) -> Result<Value, E> {
        Ok(match self.signature {
            Signature::Fd => Value::Unfit("a file descriptor"),
            _ => Value::Integer(value.into()),
        })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Unfit("a floating-point number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(match self.signature {
            Signature::Signature => Value::Unfit("a type signature"),
            _ => Value::Text(self.budget.borrow_mut().text(text)),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        match self.signature {
            Signature::Variant => {
                let signature: Signature =
                    elements.next_element()?.ok_or_else(|| A::Error::missing_field("signature"))?;
                let value = elements.next_element_seed(self.inside(&signature))?;
                value.ok_or_else(|| A::Error::missing_field("value"))
            }
            Signature::Array(element) => self.list(elements, |_| Some(element.signature())),
            Signature::Structure(fields) => self.list(elements, |index| fields.iter().nth(index)),
            _ => Err(A::Error::custom("a sequence where none can be")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let Signature::Dict { key: key_signature, value: value_signature } = self.signature else {
            return Err(A::Error::custom("a dictionary where none can be"));
        };
        let mut known = BTreeMap::new();
        while let Some(key) = entries.next_key_seed(self.inside(key_signature.signature()))? {
            let value = entries.next_value_seed(self.inside(value_signature.signature()))?;
            let key = key_text(key).map_err(A::Error::custom)?;
            if self.budget.borrow_mut().value() && known.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format!("the key {key} stands twice")));
            }
        }
        Ok(Value::Table(known.into_iter().collect()))
    }
}

/// Dictionary keys as the vocabulary spells them: planes are numbered, and TOML has text keys only.
fn key_text(key: Value) -> Result<String, &'static str> {
    match key {
        Value::Text(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Bool(word) => Ok(word.to_string()),
        _ => Err("a dictionary's key is a string or a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::wire::serialized::Context;
    use zbus::wire::{LE, to_bytes};

    type Sent<'v> = Vec<HashMap<&'v str, Variant<'v>>>;

    fn read(sent: &Sent<'_>) -> Result<Vec<Table>, Error> {
        let bytes = to_bytes(Context::new(LE, 0), sent).unwrap();
        let (received, _): (Participants, usize) = bytes.deserialize().unwrap();
        received.0
    }

    fn one<'v>(key: &'v str, value: Variant<'v>) -> Sent<'v> {
        vec![HashMap::from([(key, value)])]
    }

    fn value(sent: Variant<'_>) -> Value {
        read(&one("key", sent)).unwrap()[0].get("key").unwrap().value.clone()
    }

    #[test]
    fn every_kind_becomes_the_vocabularys() {
        assert_eq!(value(Variant::U8(7)), Value::Integer(7));
        assert_eq!(value(Variant::I64(-7)), Value::Integer(-7));
        assert_eq!(value(Variant::U64(u64::MAX)), Value::Integer(u64::MAX.into()));
        assert_eq!(value(Variant::from(true)), Value::Bool(true));
        assert_eq!(value(Variant::from("text")), Value::Text("text".into()));
        assert_eq!(value(Variant::F64(0.5)), Value::Unfit("a floating-point number"));
        let boxed = Variant::Variant(Box::new(Variant::Variant(Box::new(Variant::U8(1)))));
        assert_eq!(value(boxed), Value::Integer(1));
    }

    #[test]
    fn structs_and_arrays_are_lists_and_numbered_keys_text() {
        let pair = Value::List(vec![Node::new(Value::Integer(3)), Node::new(Value::Integer(4))]);
        assert_eq!(value(Variant::from((3_u32, 4_u32))), pair);
        assert_eq!(value(Variant::from(vec![3_u8, 4])), pair);
        let planes = value(Variant::from(HashMap::from([(1_u32, true)])));
        assert_eq!(
            planes,
            Value::Table([("1".to_owned(), Value::Bool(true))].into_iter().collect())
        );
    }

    #[test]
    fn each_bound_is_named_with_its_figure() {
        let bounds = Bounds::SERVICE;
        let long = "x".repeat(bounds.text + 1);
        let many = vec!["y".repeat(bounds.text); bounds.texts / bounds.text + 1];
        let mut deep = Variant::U8(0);
        for _ in 0..bounds.depth {
            deep = Variant::Variant(Box::new(deep));
        }
        let cases = [
            (one("k", Variant::from(vec![0_u8; bounds.values])), "16384"),
            (one("k", Variant::from(long.as_str())), "4096"),
            (one("k", Variant::from(many)), "262144"),
            (one("k", deep), "16"),
            ((0..=bounds.participants).map(|_| HashMap::new()).collect(), "64"),
        ];
        for (sent, figure) in cases {
            let refused = read(&sent).unwrap_err();
            assert!(
                matches!(&refused, Error::TooMany(words) if words.contains(figure)),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_fits_the_bounds_exactly_is_taken() {
        let bounds = Bounds::SERVICE;
        let text = "x".repeat(bounds.text);
        assert_eq!(value(Variant::from(text.as_str())), Value::Text(text.clone()));
        let crowd: Sent<'_> = (0..bounds.participants).map(|_| HashMap::new()).collect();
        assert_eq!(read(&crowd).unwrap().len(), bounds.participants);
    }
}
