//! Where buffers come from.
