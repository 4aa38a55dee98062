//! Which processes have a device open, as far as this process may look.

use std::fs;
use std::path::Path;

/// Most processes that are looked at.
const PROCESSES: usize = 32_768;

/// The processes below `proc` that have `node` open, each with its name. Only what the kernel prints
/// is read, never the files themselves.
#[must_use]
pub fn users_of(proc: &Path, node: &Path) -> Vec<(u32, String)> {
    let Ok(processes) = fs::read_dir(proc) else { return Vec::new() };
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let processes = processes.flatten().filter_map(number).take(PROCESSES);
    let mut users: Vec<(u32, String)> = processes
        .filter(|pid| has_open(&proc.join(pid.to_string()), node))
        .map(|pid| (pid, name(&proc.join(pid.to_string()))))
        .collect();
    users.sort_unstable();
    users
}

fn has_open(process: &Path, node: &Path) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == node))
}

fn name(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::users_of;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn who_has_it_open_is_named() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, comm, target) in [
            ("7", "cheese\n", "/dev/video0"),
            ("8", "mpv\n", "/dev/video1"),
            ("self", "me\n", "/dev/video0"),
        ] {
            let dir = proc.path().join(pid);
            fs::create_dir_all(dir.join("fd")).unwrap();
            fs::write(dir.join("comm"), comm).unwrap();
            symlink(target, dir.join("fd/3")).unwrap();
        }
        let users = users_of(proc.path(), Path::new("/dev/video0"));
        assert_eq!(users, [(7, "cheese".to_owned())]);
        assert_eq!(users_of(Path::new("/there-is-none"), Path::new("/dev/video0")), []);
    }
}
