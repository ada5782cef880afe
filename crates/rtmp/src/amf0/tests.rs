//! AMF0 in tables and round trips.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(bytes: &[u8], expected: Expect) {
    let text = match read_all(bytes, &Limits::default()) {
        Ok(values) => format!("{values:?}"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&text);
}

#[test]
fn values() {
    check(
        b"\x02\x00\x02ab\x00\x40\x00\x00\x00\x00\x00\x00\x00\x01\x07\x05\x06\x0d",
        expect![[r#"[String("ab"), Number(2.0), Boolean(true), Null, Undefined, Unsupported]"#]],
    );
    check(b"\x03\x00\x01a\x05\x00\x00\x09", expect![[r#"[Object([("a", Null)])]"#]]);
    check(b"\x08\x00\x00\x00\x63\x00\x01a\x05\x00\x00\x09", expect![[r#"[EcmaArray([("a", Null)])]"#]]);
    // Without its end marker.
    check(b"\x08\x00\x00\x00\x01\x00\x01a\x05", expect![[r#"[EcmaArray([("a", Null)])]"#]]);
    check(b"\x0a\x00\x00\x00\x02\x05\x06", expect!["[StrictArray([Null, Undefined])]"]);
    check(b"\x10\x00\x01C\x00\x01a\x05\x00\x00\x09", expect![[r#"[Typed("C", [("a", Null)])]"#]]);
    check(b"\x02\x00\x02\xff\xfe", expect![[r#"[String("��")]"#]]);
    check(b"", expect!["[]"]);
}

#[test]
fn mistakes() {
    check(b"\x00\x40", expect!["cut short at byte 2 of the message"]);
    check(b"\x02\x00\x05ab", expect!["cut short at byte 5 of the message"]);
    check(b"\x03", expect!["cut short at byte 1 of the message"]);
    check(b"\x05\x11", expect!["marker 0x11 at byte 1 of the message"]);
    check(b"\x04", expect!["marker 0x04 at byte 0 of the message"]);
    check(b"\x0a\xff\xff\xff\xff", expect!["more than 1024 values in a message"]);
    check(b"\x0c\xff\xff\xff\xff", expect!["string of 4294967295 bytes, at most 16384 are allowed"]);
}

fn nested(depth: usize) -> Vec<u8> {
    b"\x03\x00\x01a".repeat(depth)
}

#[test]
fn limits_at_and_beyond() {
    let limits = Limits { depth: 3, values: 5, string: 4 };
    let depth = |depth| [nested(depth), b"\x05".to_vec(), b"\x00\x00\x09".repeat(depth)].concat();
    let name = |size: usize| [&[3, 0, size as u8][..], &b"abcdefgh"[..size], b"\x05\x00\x00\x09"].concat();
    let cases = [
        (depth(3), depth(4), Error::Depth(3)),
        (vec![5; 5], vec![5; 6], Error::Values(5)),
        (b"\x02\x00\x04abcd".to_vec(), b"\x02\x00\x05abcde".to_vec(), Error::String { size: 5, limit: 4 }),
        (
            b"\x0c\x00\x00\x00\x04abcd".to_vec(),
            b"\x0c\x00\x00\x00\x05abcde".to_vec(),
            Error::String { size: 5, limit: 4 },
        ),
        (name(4), name(5), Error::String { size: 5, limit: 4 }),
    ];
    for (at, beyond, error) in cases {
        assert!(read_all(&at, &limits).is_ok(), "{error}");
        assert_eq!(read_all(&beyond, &limits), Err(error));
    }
}

#[test]
fn two_hundred_thousand_deep() {
    for opening in [nested(200_000), b"\x0a\x00\x00\x00\x01".repeat(200_000)] {
        assert_eq!(read_all(&opening, &Limits::default()), Err(Error::Depth(16)));
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[a-zA-Z0-9 äöü€]{0,12}";
    let leaf = prop_oneof![
        any::<f64>().prop_filter("not a number is not itself", |n| !n.is_nan()).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        text.prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
        Just(Value::Unsupported),
        any::<u16>().prop_map(Value::Reference),
        (-1e15..1e15, any::<i16>()).prop_map(|(ms, zone)| Value::Date(ms, zone)),
        text.prop_map(Value::Xml),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        let properties = prop::collection::vec((text, inner.clone()), 0..6);
        prop_oneof![
            properties.clone().prop_map(Value::Object),
            properties.clone().prop_map(Value::EcmaArray),
            prop::collection::vec(inner, 0..6).prop_map(Value::StrictArray),
            (text, properties).prop_map(|(class, properties)| Value::Typed(class, properties)),
        ]
    })
}

proptest! {
    #[test]
    fn comes_back_as_it_went(values in prop::collection::vec(value(), 0..5)) {
        let limits = Limits { values: 100_000, ..Limits::default() };
        prop_assert_eq!(read_all(&write_all(&values), &limits), Ok(values));
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(prop_oneof![0_u8..18, any::<u8>()], 0..200)) {
        let _ = read_all(&bytes, &Limits::default());
    }
}

#[test]
fn long_strings() {
    let long = Value::String("x".repeat(70_000));
    let bytes = write_all(std::slice::from_ref(&long));
    assert_eq!(bytes[0], 0x0C);
    let limits = Limits { string: 70_000, ..Limits::default() };
    assert_eq!(read(&bytes, &limits), Ok((long, 70_005)));
}
