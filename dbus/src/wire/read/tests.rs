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
    assert_eq!(planes, Value::Table([("1".to_owned(), Value::Bool(true))].into_iter().collect()));
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
        assert!(matches!(&refused, Error::TooMany(words) if words.contains(figure)), "{refused}");
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
