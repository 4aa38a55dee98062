//! What a peer sends, measured before zbus sees it.

/// Largest message that a peer may send, in bytes. A question at all bounds takes less.
pub(super) const MESSAGE: u64 = 256 << 10;

/// Most bytes before the first message; a proper introduction takes about a hundred.
const HANDSHAKE: u64 = 4096;

/// Most descriptors that a peer may send with one message, in however many parts: no question has
/// more. Before the first message there are none.
pub(super) const DESCRIPTORS: usize = 16;

/// The part of a message that says how long it is.
pub(super) const HEADER: usize = 16;

/// Follows the byte stream of a client.
#[derive(Debug)]
pub(super) struct Meter {
    phase: Phase,
    /// Descriptors that came with the message that is being read.
    descriptors: usize,
}

#[derive(Debug)]
enum Phase {
    /// Lines of text; the end of the last one so far, and how much came in all.
    Handshake { tail: [u8; 7], taken: u64 },
    /// The fixed part of a message's header.
    Header { bytes: [u8; HEADER], taken: usize },
    /// The rest of a message.
    Rest { left: u64 },
}

/// The last line of the introduction.
const END: &[u8; 7] = b"BEGIN\r\n";

const START: Phase = Phase::Header { bytes: [0; HEADER], taken: 0 };

/// Why a peer is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Offence {
    #[error("the introduction takes more than {HANDSHAKE} bytes")]
    Handshake,
    #[error("a line of the introduction ends without a carriage return")]
    Line,
    #[error("a message of {0} bytes exceeds the bound of {MESSAGE}")]
    Message(u64),
    #[error("more than {DESCRIPTORS} descriptors with one message, or any with the introduction")]
    Descriptors,
    #[error("{0} descriptors that no message says it has")]
    Stray(usize),
    #[error("byte order {0:#04x}")]
    Order(u8),
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Handshake { tail: [0; 7], taken: 0 }, descriptors: 0 }
    }

    pub(super) fn in_introduction(&self) -> bool {
        matches!(self.phase, Phase::Handshake { .. })
    }

    /// Whether what comes next begins a message.
    pub(super) fn at_start(&self) -> bool {
        matches!(self.phase, Phase::Header { taken: 0, .. })
    }

    /// How many of the `bytes` that wait may be read at once. A read that went on from the end of the
    /// introduction into the first message would bring that message's descriptors along, and nobody
    /// could tell whose they are.
    pub(super) fn takes(&self, bytes: &[u8]) -> usize {
        let Phase::Handshake { tail, .. } = &self.phase else { return bytes.len() };
        let mut tail = *tail;
        let end = bytes.iter().position(|byte| {
            push(&mut tail, *byte);
            tail == *END
        });
        end.map_or(bytes.len(), |last| last + 1)
    }

    /// Takes note of descriptors; to be called before [`feed`](Self::feed) for the bytes that they
    /// came with. zbus keeps them until the message is complete, so a message in many small parts
    /// could bring any number.
    pub(super) fn descriptors(&mut self, came: usize) -> Result<(), Offence> {
        self.descriptors = self.descriptors.saturating_add(came);
        let bound = if self.in_introduction() { 0 } else { DESCRIPTORS };
        if self.descriptors > bound { Err(Offence::Descriptors) } else { Ok(()) }
    }

    /// Takes note of bytes that came, and returns how many method calls that want an answer begin
    /// in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<usize, Offence> {
        let mut calls = 0;
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.phase {
                Phase::Handshake { tail, taken } => {
                    push(tail, *first);
                    *taken += 1;
                    bytes = rest;
                    if tail == END {
                        self.phase = START;
                    } else if *first == b'\n' && tail[5] != b'\r' {
                        return Err(Offence::Line);
                    } else if *taken > HANDSHAKE {
                        return Err(Offence::Handshake);
                    }
                }
                Phase::Header { bytes: header, taken } => {
                    header[*taken] = *first;
                    *taken += 1;
                    bytes = rest;
                    if *taken == HEADER {
                        let header = *header;
                        calls += usize::from(wants_answer(&header));
                        self.phase = Phase::Rest { left: length(&header)? };
                        self.next_message();
                    }
                }
                Phase::Rest { left } => {
                    let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX).min(*left);
                    *left -= here;
                    bytes = &bytes[usize::try_from(here).unwrap_or(bytes.len())..];
                    self.next_message();
                }
            }
        }
        Ok(calls)
    }

    fn next_message(&mut self) {
        if matches!(self.phase, Phase::Rest { left: 0 }) {
            self.phase = START;
            self.descriptors = 0;
        }
    }
}

/// Appends `byte` to the end of what came so far.
fn push(tail: &mut [u8; 7], byte: u8) {
    tail.rotate_left(1);
    tail[6] = byte;
}

/// Whether a message is a method call (type 1) without the flag "no reply expected".
fn wants_answer(header: &[u8; HEADER]) -> bool {
    header[1] == 1 && header[2] & 1 == 0
}

/// Bytes of a message after the fixed part of its header.
pub(super) fn length(header: &[u8; HEADER]) -> Result<u64, Offence> {
    let word = |at: usize| {
        let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        match header[0] {
            b'l' => Ok(u64::from(u32::from_le_bytes(bytes))),
            b'B' => Ok(u64::from(u32::from_be_bytes(bytes))),
            other => Err(Offence::Order(other)),
        }
    };
    let (body, fields) = (word(4)?, word(12)?);
    let rest = fields.next_multiple_of(8) + body;
    if rest > MESSAGE { Err(Offence::Message(rest)) } else { Ok(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

    fn header(kind: u8, flags: u8, fields: u32, body: u32) -> Vec<u8> {
        let mut header = vec![b'l', kind, flags, 1];
        header.extend(body.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(fields.to_le_bytes());
        header
    }

    #[test]
    fn calls_are_counted_however_the_bytes_are_cut() {
        let mut stream = HELLO.to_vec();
        for (kind, flags) in [(1, 0), (1, 1), (2, 0), (1, 0)] {
            stream.extend(header(kind, flags, 13, 5));
            stream.extend([0; 16 + 5]);
        }
        for cut in [1, 3, 16, 1000] {
            let mut meter = Meter::new();
            let calls: usize = stream.chunks(cut).map(|part| meter.feed(part).unwrap()).sum();
            assert_eq!(calls, 2, "in parts of {cut}");
        }
    }

    #[test]
    fn a_claimed_length_is_refused_before_anything_is_read_of_it() {
        let mut meter = Meter::new();
        meter.feed(HELLO).unwrap();
        let claim = header(1, 0, 8, 127 << 20);
        assert_eq!(meter.feed(&claim), Err(Offence::Message((127 << 20) + 8)));
    }

    #[test]
    fn descriptors_are_counted_over_the_parts_of_a_message() {
        assert_eq!(Meter::new().descriptors(1), Err(Offence::Descriptors));
        let mut meter = Meter::new();
        meter.feed(HELLO).unwrap();
        for part in header(1, 0, 8, 0).chunks(8) {
            meter.descriptors(8).unwrap();
            meter.feed(part).unwrap();
        }
        assert_eq!(meter.descriptors(1), Err(Offence::Descriptors));
        let mut meter = Meter::new();
        meter.feed(HELLO).unwrap();
        for _ in 0..3 {
            // The count begins anew with each message.
            meter.descriptors(16).unwrap();
            meter.feed(&header(1, 0, 0, 0)).unwrap();
        }
    }

    #[test]
    fn introductions_are_bounded_and_well_formed() {
        assert_eq!(Meter::new().feed(&[b'a'; 5000]), Err(Offence::Handshake));
        assert_eq!(Meter::new().feed(b"\n"), Err(Offence::Line));
        assert_eq!(Meter::new().feed(b"AUTH\r\nDATA\n"), Err(Offence::Line));
    }

    #[test]
    fn an_introduction_is_read_to_its_end_and_no_further() {
        let mut meter = Meter::new();
        let (first, rest) = HELLO.split_at(HELLO.len() - 3);
        assert_eq!(meter.takes(first), first.len());
        meter.feed(first).unwrap();
        assert_eq!(meter.takes(&[rest, b"l\x01BEGIN\r\n"].concat()), rest.len());
        meter.feed(rest).unwrap();
        assert_eq!(meter.takes(b"BEGIN\r\nand more"), 15);
    }

    #[test]
    fn a_byte_order_that_is_none_is_refused() {
        let mut meter = Meter::new();
        meter.feed(HELLO).unwrap();
        let mut header = header(1, 0, 8, 8);
        header[0] = b'x';
        assert_eq!(meter.feed(&header), Err(Offence::Order(b'x')));
    }
}
