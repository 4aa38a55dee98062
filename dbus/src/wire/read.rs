//! Dictionaries from the bus, read within bounds.
//!
//! zbus's own `Variant` takes some hundred bytes for each byte of an `ay`, so one message of the
//! size that a bus allows could claim gigabytes. These types are therefore deserialised straight
//! into the table that the vocabulary reads. What exceeds a bound is walked over but not kept, so
//! that the reply can say which bound it was.

use super::node;
use crate::error::Error;
use heapq_constraints::value::{Node, Table, Value};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;
use zbus::wire::{Fd, Signature, Type, Variant};

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

/// The key that names a device.
pub(super) const DEVICE: &str = "device";

/// Reads one value of a known signature.
#[derive(Clone, Copy)]
struct Reader<'s> {
    signature: &'s Signature,
    budget: &'s RefCell<Budget>,
    depth: usize,
    /// It is the value of a key that may name a device node by its number or by a descriptor.
    node: bool,
}

impl<'s> Reader<'s> {
    fn new(signature: &'s Signature, budget: &'s RefCell<Budget>) -> Self {
        Self { signature, budget, depth: 0, node: false }
    }

    /// The reader of a value inside this one.
    fn inside(self, signature: &'s Signature) -> Self {
        let depth = self.depth.saturating_add(1);
        let mut budget = self.budget.borrow_mut();
        let bound = budget.bounds.depth;
        budget.check("containers within each other", depth, bound);
        Self { signature, budget: self.budget, depth, node: false }
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
        match self.signature {
            Signature::Fd if self.node => Ok(node::named_by(&Fd::deserialize(deserializer)?)),
            _ => deserializer.deserialize_any(self),
        }
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E>(self, value: $type) -> Result<Value, E> {
            Ok(if self.node { node::numbered(value.into()) } else { Value::Integer(value.into()) })
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
            _ if self.node => node::numbered(value.into()),
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
                let inside = Reader { node: self.node, ..self.inside(&signature) };
                let value = elements.next_element_seed(inside)?;
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
            let key = key_text(key).map_err(A::Error::custom)?;
            let inside = self.inside(value_signature.signature());
            let value = entries.next_value_seed(Self { node: key == DEVICE, ..inside })?;
            if !self.budget.borrow_mut().value() {
                continue;
            }
            match known.entry(key) {
                Entry::Vacant(free) => free.insert(value),
                Entry::Occupied(taken) => {
                    let twice = format!("the key {} stands twice", taken.key());
                    return Err(A::Error::custom(twice));
                }
            };
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
mod tests;
