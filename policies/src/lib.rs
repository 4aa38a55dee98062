//! Policies.
#![forbid(unsafe_code)]
