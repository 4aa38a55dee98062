//! Device nodes by number, or by a descriptor of the opened node: names that mean the same in every
//! mount namespace. They become the name `char:MAJOR:MINOR`, and no descriptor is kept.

use heapq_constraints::value::Value;
use rustix::fs::{Dev, FileType, OFlags, Stat, fcntl_getfl, fstat, major, minor};
use std::os::fd::AsFd;

/// The node that a device number means, as `st_rdev` has it.
pub(super) fn numbered(number: i128) -> Value {
    match Dev::try_from(number) {
        Ok(number) => named(number),
        Err(_) => Value::Unfit("a number that is no device number"),
    }
}

/// The node that is open as `descriptor`. Who has opened it may use it; an `O_PATH` descriptor says
/// nothing of that, since anybody gets one of any node.
pub(super) fn named_by(descriptor: &impl AsFd) -> Value {
    match (fstat(descriptor), fcntl_getfl(descriptor)) {
        (Ok(file), Ok(flags)) => opened(&file, flags),
        _ => Value::Unfit("a file descriptor of which nothing can be learnt"),
    }
}

fn opened(file: &Stat, flags: OFlags) -> Value {
    if flags.contains(OFlags::PATH) {
        Value::Unfit("a file descriptor opened with O_PATH")
    } else if FileType::from_raw_mode(file.st_mode) == FileType::CharacterDevice {
        named(file.st_rdev)
    } else {
        Value::Unfit("a file descriptor of no character device")
    }
}

fn named(number: Dev) -> Value {
    Value::Text(format!("char:{}:{}", major(number), minor(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, open};

    #[test]
    fn only_opened_character_devices_name_a_node() {
        let opened = |path: &str, flags| named_by(&open(path, flags, Mode::empty()).unwrap());
        assert_eq!(opened("/dev/null", OFlags::RDONLY), Value::Text("char:1:3".into()));
        for (path, flags, kind) in [
            ("/dev/null", OFlags::PATH, "O_PATH"),
            ("/", OFlags::RDONLY, "no character device"),
            ("/proc/self/exe", OFlags::RDONLY, "no character device"),
        ] {
            let value = opened(path, flags);
            assert!(matches!(value, Value::Unfit(what) if what.contains(kind)), "{value:?}");
        }
        let (end, _other) = rustix::pipe::pipe().unwrap();
        assert!(matches!(named_by(&end), Value::Unfit(_)));
    }

    #[test]
    fn numbers_are_those_of_st_rdev() {
        assert_eq!(numbered(0x5103), Value::Text("char:81:3".into()));
        assert_eq!(numbered(0x1000_0000_0001), Value::Text("char:4096:1".into()));
        assert!(matches!(numbered(-1), Value::Unfit(_)));
        assert!(matches!(numbered(1 << 64), Value::Unfit(_)));
    }
}
