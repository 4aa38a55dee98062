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

/// A master may have one itself: each device gets the last. One that masters its own DMA has none, nor
/// has one that is led nowhere: what is found there is told.
pub(super) fn follow(devices: &mut [SeenDevice], warn: &dyn Fn(String)) {
    let direct: BTreeMap<Name, Option<Name>> =
        devices.iter().map(|device| (device.path.clone(), device.master.clone())).collect();
    for device in devices.iter_mut() {
        let Some(first) = device.master.take() else { continue };
        match last(&first, &direct) {
            Ok(last) => device.master = (last != device.path).then_some(last),
            Err(why) => warn(format!("{}: the way to its DMA master {why}", device.path)),
        }
    }
}

/// Where the steps from `first` end.
fn last(first: &Name, direct: &BTreeMap<Name, Option<Name>>) -> Result<Name, String> {
    let mut at = first;
    for _ in 0..STEPS_MAX {
        match direct.get(at) {
            None => return Err(format!("leads to {at}, which is no device")),
            Some(None) => return Ok(at.clone()),
            // A bus master may be named as its own.
            Some(Some(next)) if next == at => return Ok(at.clone()),
            Some(Some(next)) => at = next,
        }
    }
    Err(format!("leads from {first} in a circle, or too far"))
}

#[cfg(test)]
mod tests {
    use super::{SeenDevice, follow};
    use heapq_constraints::Name;
    use std::cell::RefCell;

    #[test]
    fn the_last_master_counts_and_circles_end() {
        let device = |(path, master): &(&str, &str)| SeenDevice {
            path: (*path).into(),
            master: (!master.is_empty()).then(|| (*master).into()),
            ..SeenDevice::default()
        };
        for (given, expected, warning) in [
            (vec![("du", "vsp"), ("vsp", "fcp"), ("fcp", "")], vec!["fcp", "fcp", ""], ""),
            (vec![("du", "gone")], vec![""], "du: the way to its DMA master leads to gone, which"),
            (
                vec![("a", "b"), ("b", "a"), ("c", "a")],
                vec!["", "", ""],
                "c: the way to its DMA master leads from a in a circle",
            ),
            (vec![("a", "a"), ("b", "a")], vec!["", "a"], ""),
        ] {
            let mut devices: Vec<SeenDevice> = given.iter().map(device).collect();
            let told = RefCell::new(String::new());
            follow(&mut devices, &|warning| *told.borrow_mut() = warning);
            let found: Vec<Name> =
                devices.iter().map(|one| one.master.clone().unwrap_or_default()).collect();
            assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), expected, "{given:?}");
            let told = told.into_inner();
            assert!(told.starts_with(warning) && told.is_empty() == warning.is_empty(), "{told}");
        }
    }
}
