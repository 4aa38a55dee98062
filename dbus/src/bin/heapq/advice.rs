//! What a machine without a usable heap lacks, and what works all the same.

use heapq_allocator::Broker;

/// What to say of the machine of `broker`; nothing where this process can use one of its heaps.
pub(crate) fn about(broker: &Broker) -> Vec<String> {
    let mut advice = broker.lacking();
    if !advice.is_empty() {
        let stand_ins = "`heapq demo`, `heapq alloc --stand-in` and `heapq bench --stand-in` work \
                         without heaps, on memfds, which are no dma-bufs";
        advice.push(stand_ins.to_owned());
    }
    advice
}
