//! JSON as nested variants and back: `explanation` is the very tree that `--json` prints.
//!
//! An object is `a{sv}`, a list of strings `as`, any other list `av`, an integer `t` (`x` when
//! negative). `null` has no place on D-Bus: such a key is left out, as serde does for `None`.

use serde_json::{Map, Number, Value as Json};
use std::collections::HashMap;
use zbus::Variant;

/// A JSON value on its way out; `None` for `null`.
#[must_use]
pub fn to_variant(json: &Json) -> Option<Variant<'static>> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(bool) => Variant::Bool(*bool),
        Json::Number(number) => self::number(number),
        Json::String(text) => Variant::from(text.clone()),
        Json::Array(list) => list_to_variant(list),
        Json::Object(object) => Variant::from(object_to_dictionary(object)),
    })
}

fn number(number: &Number) -> Variant<'static> {
    match (number.as_u64(), number.as_i64()) {
        (Some(unsigned), _) => Variant::U64(unsigned),
        (None, Some(signed)) => Variant::I64(signed),
        (None, None) => Variant::F64(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn list_to_variant(list: &[Json]) -> Variant<'static> {
    let texts: Option<Vec<String>> =
        list.iter().map(|element| element.as_str().map(str::to_owned)).collect();
    match texts {
        Some(texts) => Variant::from(texts),
        None => Variant::from(list.iter().filter_map(to_variant).collect::<Vec<_>>()),
    }
}

/// A JSON object on its way out.
#[must_use]
pub fn object_to_dictionary(object: &Map<String, Json>) -> HashMap<String, Variant<'static>> {
    object.iter().filter_map(|(key, value)| Some((key.clone(), to_variant(value)?))).collect()
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

    #[test]
    fn what_goes_out_comes_back() {
        let tree = json!({
            "verdict": "conflict",
            "figures": [1, u64::MAX, -3],
            "names": ["a", "b"],
            "nothing": [],
            "conflicts": [{"elements": [{"name": "camera.contiguous", "origins": ["client"]}]}],
        });
        assert_eq!(to_json(&to_variant(&tree).unwrap()), tree);
    }

    #[test]
    fn null_is_left_out() {
        let variant = to_variant(&json!({"fourcc": null, "count": 1})).unwrap();
        assert_eq!(to_json(&variant), json!({"count": 1}));
    }
}
