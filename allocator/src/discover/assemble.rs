use super::Observation;
use crate::topology::Topology;
use heapq_constraints::vocabulary::Invalid;
use heapq_policies::PolicySet;

/// The topology that follows from an observation and what the policies know.
///
/// # Errors
/// Two heaps that bear one name.
pub fn assemble(
    _seen: &Observation,
    _policies: &PolicySet,
    _generation: u64,
) -> Result<Topology, Invalid> {
    unimplemented!()
}
