//! What names and paths in sysfs tell by themselves.

use heapq_constraints::Name;

/// Steps up from a node to its DMA master.
const CLIMB_MAX: usize = 32;

pub(super) fn is_node(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The directories above a device, nearest first, up to `/sys/devices`.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    let up = |at: &str| at.rsplit_once('/').map(|(above, _)| above.len());
    let first = up(path).and_then(|end| path.get(..end));
    std::iter::successors(first, move |at| up(at).and_then(|end| path.get(..end)))
        .take_while(|at| at.len() > "/sys/devices".len())
        .take(CLIMB_MAX)
}

/// A faux device, or a platform device of before them, is made by the module that drives it and
/// bears its name: its `driver` link says `faux_driver` or is not there.
pub(super) fn nameless_driver(path: &str, subsystem: &str, bound: Option<&str>) -> Option<Name> {
    let synthetic = bound == Some("faux_driver") || (bound.is_none() && subsystem == "drm");
    let name = path.rsplit('/').next()?;
    let (stem, number) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem = if number.bytes().all(|byte| byte.is_ascii_digit()) { stem } else { name };
    let plain =
        stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (synthetic && plain && !stem.is_empty()).then(|| stem.into())
}

/// The instance in the name that `v4l2_device_set_name()` makes: `vivid-000` in
/// `vivid-000-vid-cap`.
pub(super) fn instance(label: &str) -> Option<&str> {
    let bytes = label.as_bytes();
    let end = bytes.windows(4).position(|four| {
        four.first() == Some(&b'-') && four.iter().skip(1).all(u8::is_ascii_digit)
    })? + 4;
    matches!(bytes.get(end), None | Some(b'-')).then(|| label.get(..end)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{above, instance, is_node, nameless_driver};

    #[test]
    fn connectors_and_subdevices_are_no_nodes() {
        assert!(is_node("card0", "card"));
        assert!(is_node("renderD128", "renderD"));
        for other in ["card", "card0-HDMI-A-1", "v4l-subdev0", "card١"] {
            assert!(!is_node(other, "card"), "{other}");
        }
    }

    #[test]
    fn instances_are_three_digits_between_dashes() {
        assert_eq!(instance("vivid-000-vid-cap"), Some("vivid-000"));
        assert_eq!(instance("vim2m-012"), Some("vim2m-012"));
        for none in ["rkvdec", "cam-12", "imx-2000", "x-000y", "UVC Camera (046d:0825)"] {
            assert_eq!(instance(none), None, "{none}");
        }
    }

    #[test]
    fn synthetic_devices_are_driven_by_their_namesakes() {
        let driver = |path, subsystem, bound| nameless_driver(path, subsystem, bound);
        let faux = driver("/sys/devices/faux/vkms", "drm", Some("faux_driver"));
        assert_eq!(faux.as_deref(), Some("vkms"));
        let platform = driver("/sys/devices/platform/vgem.0", "drm", None);
        assert_eq!(platform.as_deref(), Some("vgem"));
        assert_eq!(driver("/sys/devices/platform/x", "video4linux", None), None);
        assert_eq!(driver("/sys/devices/pci0000:00/0000:00:02.0", "drm", Some("i915")), None);
    }

    #[test]
    fn climbing_ends_below_the_root_of_devices() {
        let up: Vec<_> = above("/sys/devices/pci0000:00/0000:00:14.0/usb1").collect();
        assert_eq!(up, ["/sys/devices/pci0000:00/0000:00:14.0", "/sys/devices/pci0000:00"]);
        assert_eq!(above("/sys/devices").count(), 0);
        assert_eq!(above("").count(), 0);
    }
}
