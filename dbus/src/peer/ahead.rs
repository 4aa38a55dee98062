//! What was read of a peer's messages before it was asked for: two reads for each message would cost
//! as much again as the bytes.
//!
//! The kernel glues messages together and says of descriptors only with which read they came. The
//! header of a message says how many are its own, and they come in the order of their messages, all
//! before its last byte. So a message is handed on when it is whole, and takes as many as it says;
//! one that is too long for that is read by itself from its start on, and takes all that come.

use super::meter::{DESCRIPTORS, HEADER, Offence, length};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use zbus::Variant;
use zbus::wire::serialized::{Context, Data};
use zbus::wire::{BE, LE};

/// A question has some hundred bytes.
const BYTES: usize = 2048;

/// The header field that says how many descriptors come with a message (D-Bus specification, "Header
/// Fields").
const UNIX_FDS: u8 = 9;

/// The fixed part of a header, and its fields.
type Fields<'m> = (u8, u8, u8, u8, u32, u32, Vec<(u8, Variant<'m>)>);

/// What was read ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    descriptors: VecDeque<OwnedFd>,
    /// The last read ended before the room did.
    short: bool,
}

impl Ahead {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; BYTES].into(),
            start: 0,
            end: 0,
            descriptors: VecDeque::new(),
            short: false,
        }
    }

    /// Whether a message can be begun with what is there: it is whole, or too long for that.
    ///
    /// # Errors
    /// A message that no peer may send.
    pub(super) fn has_message(&self) -> Result<bool, Offence> {
        let there = |bytes| bytes > BYTES || bytes <= self.waiting().len();
        let begins = self.message()?.is_some_and(there);
        // All that came before a message is whole are its own.
        if !begins && self.descriptors.len() > DESCRIPTORS {
            return Err(Offence::Descriptors);
        }
        Ok(begins)
    }

    /// The length of the message that begins here, where enough of it is there.
    fn message(&self) -> Result<Option<usize>, Offence> {
        let Some(header) = self.waiting().first_chunk::<HEADER>() else { return Ok(None) };
        let rest = usize::try_from(length(header)?).unwrap_or(usize::MAX);
        Ok(Some(rest.saturating_add(HEADER)))
    }

    fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Reads what is there; whether that was all.
    ///
    /// # Errors
    /// Those of `receive`.
    pub(super) fn fill(
        &mut self,
        receive: impl FnOnce(&mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)>,
    ) -> io::Result<bool> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let room = &mut self.bytes[self.end..];
        let most = room.len();
        let (bytes, descriptors) = receive(room)?;
        self.end += bytes;
        self.short = bytes < most;
        // A read ends behind what descriptors came with, too.
        let all = self.short && descriptors.is_empty();
        self.descriptors.extend(descriptors);
        Ok(all)
    }

    /// The descriptors of the message that begins here.
    ///
    /// # Errors
    /// There are others, and no message that they could be of.
    pub(super) fn descriptors(&mut self) -> Result<Vec<OwnedFd>, Offence> {
        if self.descriptors.is_empty() {
            return Ok(Vec::new());
        }
        let whole = self.message()?.and_then(|bytes| self.waiting().get(..bytes));
        let own = whole.map_or(self.descriptors.len(), announced).min(self.descriptors.len());
        let last = self.short && whole.is_some_and(|whole| whole.len() == self.waiting().len());
        let own = self.descriptors.drain(..own).collect();
        match self.descriptors.len() {
            0 => Ok(own),
            left if left > DESCRIPTORS || last => Err(Offence::Stray(left)),
            _ => Ok(own),
        }
    }

    /// Hands on as many bytes as there are, and there is room for.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let bytes = into.len().min(self.waiting().len());
        into[..bytes].copy_from_slice(&self.waiting()[..bytes]);
        self.start += bytes;
        bytes
    }
}

/// How many descriptors the header of a message says that it has.
fn announced(message: &[u8]) -> usize {
    let order = if message.first() == Some(&b'B') { BE } else { LE };
    let header = Data::new(message, Context::new(order, 0));
    let Ok(((.., fields), _)) = header.deserialize::<Fields<'_>>() else { return 0 };
    let count = fields.iter().find_map(|(code, value)| match value {
        Variant::U32(count) if *code == UNIX_FDS => Some(*count),
        _ => None,
    });
    count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, fstat, memfd_create};
    use std::os::fd::AsFd;
    use zbus::message::Message;
    use zbus::wire::OwnedFd as WireFd;

    /// A call with so many descriptors and about so many bytes.
    fn message(descriptors: usize, bytes: usize) -> Message {
        let memfd = |_| WireFd::from(memfd_create("m", MemfdFlags::CLOEXEC).unwrap());
        let descriptors: Vec<WireFd> = (0..descriptors).map(memfd).collect();
        Message::method_call("/", "M").build(&("x".repeat(bytes), descriptors)).unwrap()
    }

    fn inodes(descriptors: &[impl AsFd]) -> Vec<u64> {
        descriptors.iter().map(|one| fstat(one).unwrap().st_ino).collect()
    }

    /// What was written at once, and what the kernel does with it: a read goes on over writes, and
    /// ends behind one with descriptors.
    struct Writes(VecDeque<(Vec<u8>, Vec<OwnedFd>)>);

    impl Writes {
        fn read(&mut self, room: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
            let mut filled = 0;
            while let Some((bytes, descriptors)) = self.0.front_mut() {
                let most = bytes.len().min(room.len() - filled);
                room[filled..filled + most].copy_from_slice(&bytes[..most]);
                filled += most;
                bytes.drain(..most);
                let came = std::mem::take(descriptors);
                if bytes.is_empty() {
                    self.0.pop_front();
                }
                if !came.is_empty() || filled == room.len() {
                    return Ok((filled, came));
                }
            }
            if filled > 0 {
                Ok((filled, Vec::new()))
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }

    /// Reads one message as zbus does.
    fn next(ahead: &mut Ahead, writes: &mut Writes) -> Result<(Vec<u8>, Vec<u64>), Offence> {
        while !ahead.has_message()? {
            ahead.fill(|room| writes.read(room)).unwrap();
        }
        let mut all = ahead.descriptors()?;
        let mut bytes = vec![0; HEADER];
        assert_eq!(ahead.take(&mut bytes), HEADER);
        let rest = length(bytes.first_chunk().unwrap())?;
        bytes.resize(HEADER + usize::try_from(rest).unwrap(), 0);
        let mut at = HEADER;
        while at < bytes.len() {
            at += match ahead.take(&mut bytes[at..]) {
                0 => {
                    let (read, more) = writes.read(&mut bytes[at..]).unwrap();
                    all.extend(more);
                    read
                }
                taken => taken,
            };
        }
        Ok((bytes, inodes(&all)))
    }

    /// The writes of a client that sends each batch at once, one message of it with descriptors; or,
    /// where they come late, a batch of one in two parts, with its descriptors on the last byte.
    fn writes(batches: &[Vec<Message>], late: bool) -> Writes {
        let mut writes = VecDeque::new();
        for batch in batches {
            let mut bytes: Vec<u8> =
                batch.iter().flat_map(|one| one.data().bytes()).copied().collect();
            let own = batch.iter().flat_map(|one| one.data().fds());
            let own = own.map(|fd| fd.as_fd().try_clone_to_owned().unwrap()).collect();
            if late && batch.len() == 1 {
                let last = bytes.pop().unwrap();
                writes.extend([(bytes, Vec::new()), (vec![last], own)]);
            } else {
                writes.push_back((bytes, own));
            }
        }
        Writes(writes)
    }

    #[test]
    fn each_message_gets_its_own_descriptors_however_they_were_written() {
        let long = 3 * BYTES;
        for batches in [
            vec![vec![(0, 5)], vec![(2, 5)], vec![(0, 5)], vec![(1, 5)], vec![(16, 5)]],
            vec![vec![(0, 5)], vec![(2, 5), (0, 5)], vec![(0, 5), (0, 5)], vec![(1, 5)]],
            vec![vec![(16, 5), (0, 5), (0, 5)], vec![(16, 5)], vec![(0, 5)]],
            vec![vec![(0, 5)], vec![(3, long)], vec![(0, 5)], vec![(1, 5)]],
            vec![vec![(1, long), (0, 5)], vec![(1, long)], vec![(1, 5)]],
            vec![vec![(1, BYTES - 200)], vec![(1, BYTES - 100)], vec![(1, BYTES)]],
        ] {
            let message = |(descriptors, bytes)| message(descriptors, bytes);
            let batch = |batch: Vec<_>| batch.into_iter().map(message).collect();
            let batches: Vec<Vec<Message>> = batches.into_iter().map(batch).collect();
            for late in [false, true] {
                let (mut ahead, mut writes) = (Ahead::new(), writes(&batches, late));
                for one in batches.iter().flatten() {
                    let (bytes, descriptors) = next(&mut ahead, &mut writes).unwrap();
                    assert_eq!(bytes, one.data().bytes());
                    assert_eq!(descriptors, inodes(one.data().fds()));
                }
                assert!(ahead.waiting().is_empty() && ahead.descriptors.is_empty());
            }
        }
    }

    #[test]
    fn descriptors_of_no_message_are_refused() {
        let stray = || vec![memfd_create("m", MemfdFlags::CLOEXEC).unwrap()];
        let bytes = message(0, 5).data().bytes().to_vec();
        let mut writes = Writes(VecDeque::from([(bytes.clone(), stray())]));
        assert_eq!(next(&mut Ahead::new(), &mut writes), Err(Offence::Stray(1)));
        // They may be those of the next message, of which enough is there to know that there is one.
        let mut writes = Writes(VecDeque::from([([&*bytes, b"l"].concat(), stray())]));
        assert_eq!(next(&mut Ahead::new(), &mut writes), Ok((bytes, Vec::new())));
    }
}
