//! Bytes that are no messages, or not quite. A bus turns most of them away; what it lets through
//! must not matter either.

use super::Attack;
use super::way::{Dictionary, Way, hear, modest, repeat, with};
use crate::raw::header;
use std::os::fd::AsFd;
use zbus::Variant;

pub(super) const ALL: &[Attack] = &[
    ("garbage instead of messages", garbage_later),
    ("headers that are cut off", half_a_header),
    ("bodies that are cut off", half_a_body),
    ("claims of huge messages", oversize_claims),
    ("a message in single bytes", byte_by_byte),
    ("text that is no text", no_utf8),
    ("a body that contradicts its signature", contradictions),
    ("odd types, versions and byte orders", odd_headers),
    ("descriptors promised and not sent", promised),
    ("descriptors sent and not announced", unannounced),
];

/// What a bus would take for its own affair.
pub(super) const PRIVATE: &[Attack] = &[
    ("garbage instead of an introduction", garbage_first),
    ("an introduction that is cut off", half_an_introduction),
    ("an introduction that goes on for ever", endless_introduction),
    ("descriptors with every byte", descriptors_with_every_byte),
    ("answers that nobody asked for", unasked_answers),
];

fn garbage_first(way: &Way) {
    for garbage in [b"\n".as_slice(), b"GET / HTTP/1.1\r\n\r\n", &[0xff; 8192], &[0; 8192]] {
        let mut raw = way.connect();
        repeat(&mut raw, garbage, 1);
        assert!(raw.ends_cut_off());
    }
}

fn garbage_later(way: &Way) {
    for garbage in [[0xff; 4096], [0; 4096], [b'l'; 4096], [1; 4096]] {
        let mut raw = way.open();
        repeat(&mut raw, &garbage, 4);
        hear(&mut raw, "nothing");
    }
}

fn half_an_introduction(way: &Way) {
    for part in ["\0", "\0AUTH", "\0AUTH EXTERNAL 30\r\n", "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r"] {
        let mut raw = way.connect();
        repeat(&mut raw, part.as_bytes(), 1);
    }
}

fn endless_introduction(way: &Way) {
    let mut raw = way.connect();
    repeat(&mut raw, b"\0", 1);
    repeat(&mut raw, b"AUTH ANONYMOUS\r\n", 2000);
    assert!(raw.ends_cut_off());
}

fn half_a_header(way: &Way) {
    let call = way.call("Plan", &modest());
    for length in [1, 4, 12, 15, 16, 17, 40] {
        repeat(&mut way.open(), &call[..length], 1);
    }
}

fn half_a_body(way: &Way) {
    let call = way.call("Plan", &modest());
    for cut in [1, 8, 30] {
        repeat(&mut way.open(), &call[..call.len() - cut], 1);
    }
}

fn oversize_claims(way: &Way) {
    for (body, fields) in [(127 << 20, 8), (u32::MAX, 8), (8, u32::MAX), (8, 1 << 26)] {
        for _ in 0..4 {
            let mut raw = way.open();
            repeat(&mut raw, &header(body, fields), 1);
            repeat(&mut raw, &[0; 65536], 4);
        }
    }
}

fn byte_by_byte(way: &Way) {
    let mut raw = way.open();
    for byte in way.call("Plan", &modest()) {
        raw.say(&[byte]);
    }
    assert!(hear(&mut raw, "verdict").contains("verdict"));
}

fn no_utf8(way: &Way) {
    let call = way.call("Plan", &(with("heaps", Variant::from("mmmmmmmm")), Dictionary::new()));
    let at = call.windows(8).position(|part| part == b"mmmmmmmm").unwrap();
    for byte in [0xff, 0xc0, 0] {
        let mut bad = call.clone();
        bad[at + 3] = byte;
        let mut raw = way.open();
        repeat(&mut raw, &bad, 1);
        hear(&mut raw, "nothing");
    }
}

fn contradictions(way: &Way) {
    let call = way.call("Plan", &modest());
    // Every byte of the body's first hundred in turn.
    for at in call.len() - 100..call.len() {
        let mut bad = call.clone();
        bad[at] ^= 0x55;
        repeat(&mut way.open(), &bad, 1);
    }
}

fn odd_headers(way: &Way) {
    let call = way.call("Plan", &modest());
    for (at, value) in [(0, b'x'), (0, b'B'), (1, 0), (1, 99), (2, 0xff), (3, 0), (3, 2)] {
        let mut bad = call.clone();
        bad[at] = value;
        let mut raw = way.open();
        repeat(&mut raw, &bad, 2);
        hear(&mut raw, "nothing");
    }
}

fn promised(way: &Way) {
    let stdin = std::io::stdin();
    let question = (with("device", Variant::Fd((&stdin).into())), Dictionary::new());
    for _ in 0..10 {
        let mut raw = way.open();
        repeat(&mut raw, &way.call("Plan", &question), 1);
    }
}

fn unannounced(way: &Way) {
    let stdin = std::io::stdin();
    for count in [1, 10, 16, 40] {
        let mut raw = way.open();
        raw.say_with(&way.call("Plan", &modest()), &vec![stdin.as_fd(); count]);
        hear(&mut raw, "verdict");
    }
}

fn descriptors_with_every_byte(way: &Way) {
    let stdin = std::io::stdin();
    let mut raw = way.open();
    for byte in header(1000, 8) {
        raw.say_with(&[byte], &[stdin.as_fd(); 2]);
    }
    assert!(raw.ends_cut_off());
}

fn unasked_answers(way: &Way) {
    let call = way.call("Plan", &modest());
    for kind in [2, 3] {
        let mut answer = call.clone();
        answer[1] = kind;
        let mut raw = way.open();
        repeat(&mut raw, &answer, 500);
        hear(&mut raw, "nothing");
    }
}
