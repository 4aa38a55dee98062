//! Where the devicetrees of boards are on this machine.

use std::path::{Path, PathBuf};

/// Where kernels are installed: a directory, how a kernel's own directory in it begins, and where in
/// that the devicetrees are. Debian's since 7.x, Debian's before, and two customs of /boot.
const INSTALLED: [(&str, &str, &str); 4] = [
    ("/usr/lib/modules", "", "dtb"),
    ("/usr/lib", "linux-image-", ""),
    ("/boot/dtbs", "", ""),
    ("/boot", "dtb", ""),
];

/// The devicetree that a case calls `name`: beside the case (`beside`), else in one of `dirs`, in
/// `tests/boards/dtb`, where kernels are installed with theirs, or where `make boards` keeps those of
/// Debian's arm64 kernel. In directories that hold one for each vendor, one level down.
pub(super) fn find(beside: &Path, name: &Path, dirs: &[PathBuf]) -> Option<PathBuf> {
    if beside.is_file() {
        return Some(beside.to_owned());
    }
    let own = dirs.iter().cloned().chain([PathBuf::from("tests/boards/dtb")]);
    own.chain(installed()).chain(fetched()).find_map(|dir| within(&dir, name))
}

/// In `dir`, or in a directory directly below it.
fn within(dir: &Path, name: &Path) -> Option<PathBuf> {
    let own = dir.join(name);
    if own.is_file() {
        return Some(own);
    }
    below(dir).into_iter().map(|vendor| vendor.join(name)).find(|path| path.is_file())
}

/// The newest kernel's first.
fn installed() -> impl Iterator<Item = PathBuf> {
    INSTALLED.into_iter().flat_map(|(dir, prefix, inner)| {
        let kernels = below(Path::new(dir)).into_iter().rev();
        let named = move |kernel: &PathBuf| {
            kernel.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        kernels.filter(named).map(move |kernel| kernel.join(inner))
    })
}

/// `HEAPQ_DTB_DIR`, and the cache of `make boards`, the newest kernel first.
fn fetched() -> impl Iterator<Item = PathBuf> {
    let path =
        |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")));
    let kernels = cache.map(|cache| below(&cache.join("heapq/boards"))).unwrap_or_default();
    path("HEAPQ_DTB_DIR").into_iter().chain(kernels.into_iter().rev())
}

/// The directories in `dir`, by name.
fn below(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::{find, within};
    use std::path::Path;

    #[test]
    fn directories_are_searched_in_order_and_one_level_down() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let deep = file("a/acme/kiosk.dtb");
        let own = file("b/kiosk.dtb");
        file("b/acme/kiosk.dtb");
        let beside = file("case/kiosk.dtb");
        let dirs = [dir.path().join("a"), dir.path().join("b"), dir.path().join("absent")];
        let name = Path::new("kiosk.dtb");
        assert_eq!(find(&beside, name, &dirs), Some(beside));
        let absent = dir.path().join("case/other/kiosk.dtb");
        assert_eq!(find(&absent, name, &dirs), Some(deep));
        assert_eq!(find(&absent, name, &dirs[1..]), Some(own));
        assert_eq!(within(&dirs[0], Path::new("acme/other.dtb")), None);
        // A directory of that name is no devicetree.
        std::fs::create_dir(dir.path().join("a/none.dtb")).unwrap();
        assert_eq!(within(&dirs[0], Path::new("none.dtb")), None);
    }
}
