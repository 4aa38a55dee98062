//! JSON as nested variants and back: `explanation` is the very tree that `--json` prints.
//!
//! An object is `a{sv}`, a list of strings `as`, any other list `av`, an integer `t` (`x` when
//! negative). `null` has no place on D-Bus: such a key is left out, as serde does for `None`.
//! Going out, nothing is copied: the tree becomes bytes as it stands.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use zbus::Variant;
use zbus::wire::{Signature, Type};

/// A JSON value on its way out, as a variant. Not for `null`.
#[derive(Clone, Copy, Debug)]
pub struct AsVariant<'j>(pub &'j Json);

impl Serialize for AsVariant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut variant = serializer.serialize_struct("Variant", 2)?;
        variant.serialize_field("signature", signature(self.0))?;
        variant.serialize_field("value", &Value(self.0))?;
        variant.end()
    }
}

impl Type for AsVariant<'_> {
    const SIGNATURE: &'static Signature = Variant::SIGNATURE;
}

fn signature(json: &Json) -> &'static Signature {
    match json {
        Json::Null => <()>::SIGNATURE,
        Json::Bool(_) => bool::SIGNATURE,
        Json::Number(number) if number.is_u64() => u64::SIGNATURE,
        Json::Number(number) if number.is_i64() => i64::SIGNATURE,
        Json::Number(_) => f64::SIGNATURE,
        Json::String(_) => str::SIGNATURE,
        Json::Array(list) if texts_only(list) => <[&str]>::SIGNATURE,
        Json::Array(_) => <[Variant<'_>]>::SIGNATURE,
        Json::Object(_) => <HashMap<&str, Variant<'_>>>::SIGNATURE,
    }
}

fn texts_only(list: &[Json]) -> bool {
    list.iter().all(Json::is_string)
}

/// What is in the variant: a list or an object of variants, or something plain.
struct Value<'j>(&'j Json);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Json::Array(list) if !texts_only(list) => {
                let mut seq = serializer.serialize_seq(None)?;
                for element in list.iter().filter(|element| !element.is_null()) {
                    seq.serialize_element(&AsVariant(element))?;
                }
                seq.end()
            }
            Json::Object(object) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
                    map.serialize_entry(key, &AsVariant(value))?;
                }
                map.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// What came in, as JSON. Kinds that JSON has no word for (file descriptors) become `null`.
#[must_use]
pub fn to_json(variant: &Variant<'_>) -> Json {
    match variant {
        Variant::U8(number) => Json::from(*number),
        Variant::Bool(bool) => Json::from(*bool),
        Variant::I16(number) => Json::from(*number),
        Variant::U16(number) => Json::from(*number),
        Variant::I32(number) => Json::from(*number),
        Variant::U32(number) => Json::from(*number),
        Variant::I64(number) => Json::from(*number),
        Variant::U64(number) => Json::from(*number),
        Variant::F64(number) => Json::from(*number),
        Variant::Str(text) => Json::from(text.as_str()),
        Variant::Signature(signature) => Json::from(signature.to_string()),
        Variant::ObjectPath(path) => Json::from(path.as_str()),
        Variant::Variant(inner) => to_json(inner),
        Variant::Array(array) => array.inner().iter().map(to_json).collect(),
        Variant::Structure(structure) => structure.fields().iter().map(to_json).collect(),
        Variant::Dict(dictionary) => dictionary
            .iter()
            .map(|(key, value)| (key_text(key), to_json(value)))
            .collect::<Map<_, _>>()
            .into(),
        Variant::Fd(_) => Json::Null,
    }
}

fn key_text(key: &Variant<'_>) -> String {
    match to_json(key) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use zbus::wire::serialized::Context;
    use zbus::wire::{LE, OwnedVariant, to_bytes};

    fn sent(tree: &Json) -> Json {
        let bytes = to_bytes(Context::new(LE, 0), &AsVariant(tree)).unwrap();
        let (back, _): (OwnedVariant, _) = bytes.deserialize().unwrap();
        to_json(&back)
    }

    #[test]
    fn what_goes_out_comes_back() {
        let tree = json!({
            "verdict": "conflict",
            "figures": [1, u64::MAX, -3, 0.5, true],
            "names": ["a", "b"],
            "nothing": [],
            "conflicts": [{"elements": [{"name": "camera.contiguous", "origins": ["client"]}]}],
        });
        assert_eq!(sent(&tree), tree);
    }

    #[test]
    fn null_is_left_out() {
        let tree = json!({"fourcc": null, "count": 1, "list": [null, 2]});
        assert_eq!(sent(&tree), json!({"count": 1, "list": [2]}));
    }
}
