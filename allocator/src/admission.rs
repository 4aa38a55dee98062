//! Whether memory suffices.
