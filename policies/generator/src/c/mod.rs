//! C as far as driver tables need it: what stands at file scope, which names its bodies mention, and
//! what initialisers say. No types, no expressions: the kernel's style makes up for it.

pub(crate) mod fields;
pub(crate) mod item;
pub(crate) mod text;
pub(crate) mod token;
