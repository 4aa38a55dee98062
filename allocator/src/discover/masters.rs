//! Which other device masters a device's DMA, as the policies say where to look for it.

use super::SeenDevice;
use heapq_constraints::Name;
use heapq_policies::{DeviceView, DmaMaster, Kernel, PolicySet};
use std::collections::BTreeMap;

/// Most steps from a device to its DMA master: a display, its filter, the filter's bus master.
const STEPS_MAX: usize = 8;

/// The policies, and what of the machine they look at beside a device.
pub(super) struct Rules<'a> {
    pub(super) policies: &'a PolicySet,
    pub(super) kernel: Kernel,
    pub(super) board: &'a [Name],
}

impl Rules<'_> {
    /// Where to look for the device that masters DMA for this one, in order.
    pub(super) fn dma_master(&self, device: &SeenDevice) -> &[DmaMaster] {
        let view = DeviceView { board: self.board, ..device.view(self.kernel) };
        self.policies.dma_master(&view)
    }
}

/// A master may have one itself: each device gets the last. One that masters its own DMA has none.
pub(super) fn follow(devices: &mut [SeenDevice]) {
    let direct: BTreeMap<Name, Name> = devices
        .iter()
        .filter_map(|device| Some((device.path.clone(), device.master.clone()?)))
        .collect();
    for device in devices.iter_mut().filter(|device| device.master.is_some()) {
        let steps = std::iter::successors(device.master.clone(), |at| direct.get(at).cloned());
        // Of a circle, what is next is as good as any.
        let steps: Vec<Name> = steps.take(STEPS_MAX).collect();
        let last = if steps.len() < STEPS_MAX { steps.last() } else { steps.first() };
        device.master = last.filter(|last| **last != device.path).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::{SeenDevice, follow};
    use heapq_constraints::Name;

    #[test]
    fn the_last_master_counts_and_circles_end() {
        let device = |(path, master): &(&str, &str)| SeenDevice {
            path: (*path).into(),
            master: (!master.is_empty()).then(|| (*master).into()),
            ..SeenDevice::default()
        };
        for (given, expected) in [
            (vec![("du", "vsp"), ("vsp", "fcp"), ("fcp", "")], vec!["fcp", "fcp", ""]),
            (vec![("du", "gone")], vec!["gone"]),
            (vec![("a", "b"), ("b", "a"), ("c", "a")], vec!["b", "a", "a"]),
            (vec![("a", "a")], vec![""]),
        ] {
            let mut devices: Vec<SeenDevice> = given.iter().map(device).collect();
            follow(&mut devices);
            let found: Vec<Name> =
                devices.iter().map(|one| one.master.clone().unwrap_or_default()).collect();
            assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), expected, "{given:?}");
        }
    }
}
