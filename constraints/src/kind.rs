//! The kinds of constraint: what each means for a heap or a figure, and how several combine. One
//! file a kind, with a table of tests each.

pub(crate) mod address;
