//! What lets its bearer into a collection.

use crate::broker::AskError;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fmt::{self, Write as _};
use std::io;

const BYTES: usize = 32;

/// 256 random bits in hexadecimal digits. It is looked up by a keyed hash, so that how long a wrong
/// one takes says nothing of the right ones.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    pub(super) fn random() -> Result<Self, AskError> {
        let mut bytes = [0; BYTES];
        // As few bytes come at once or not at all.
        match getrandom(&mut bytes, GetRandomFlags::empty()) {
            Ok(BYTES) => {}
            Ok(_) => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
            Err(errno) => return Err(failed(errno.into())),
        }
        let mut text = String::with_capacity(2 * BYTES);
        // Writing to a string cannot fail.
        bytes.iter().for_each(|byte| {
            let _ = write!(text, "{byte:02x}");
        });
        Ok(Self(text))
    }

    /// What somebody says is a token; of no use when it is too long to be one.
    #[must_use]
    pub fn claimed(text: &str) -> Self {
        Self(if text.len() == 2 * BYTES { text.to_owned() } else { String::new() })
    }

    /// To be handed on.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Logs must not hold it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn failed(source: io::Error) -> AskError {
    AskError::Io { what: "random bits for a token".into(), source }
}
