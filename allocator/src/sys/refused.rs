//! Which call of several a kernel refused.

use std::io;

/// A call of the kernel's that failed, where which one did matters as much as how.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {source}")]
pub struct Refused {
    /// `QBUF`, `ADDFB2`.
    pub call: &'static str,
    /// How it failed.
    pub source: io::Error,
}

impl Refused {
    /// For use with `map_err`.
    pub(super) fn at<E: Into<io::Error>>(call: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self { call, source: error.into() }
    }
}
