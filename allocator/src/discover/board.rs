use super::Observation;

/// The Rock 5B, for machines that have no heaps of their own.
#[must_use]
pub fn bundled_board() -> Observation {
    unimplemented!()
}
