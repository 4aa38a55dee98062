//! Starting a command with file descriptors under numbers that it can rely on.

use rustix::io::fcntl_dupfd_cloexec;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};

/// The first number after standard input, output and error.
const FIRST: RawFd = 3;

/// Runs `command` with `fds` as its file descriptors 3, 4, … and waits for its end.
///
/// # Errors
/// No file descriptors left, or the command cannot be started.
pub fn with_fds(mut command: Command, fds: &[OwnedFd]) -> io::Result<ExitStatus> {
    let count = RawFd::try_from(fds.len()).map_err(io::Error::other)?;
    let end = FIRST.checked_add(count).ok_or(io::ErrorKind::InvalidInput)?;
    // Copies beyond the numbers that the command gets: none is overwritten before it is copied.
    let sources: Vec<OwnedFd> =
        fds.iter().map(|fd| fcntl_dupfd_cloexec(fd, end)).collect::<Result<_, _>>()?;
    let _fillers = occupy(&sources, end)?;
    let place = move || sources.iter().zip(FIRST..).try_for_each(|(from, to)| place(from, to));
    // SAFETY: between fork and exec the closure only walks a vector that was made before the fork
    // and calls dup2, which is async-signal-safe; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(place) };
    command.status()
}

/// Takes every free number below `end`. Otherwise the pipe through which the standard library
/// learns of a failed exec could get one of them, and be overwritten in the child.
fn occupy(sources: &[OwnedFd], end: RawFd) -> io::Result<Vec<OwnedFd>> {
    let Some(any) = sources.first() else { return Ok(Vec::new()) };
    let mut fillers = Vec::new();
    loop {
        let filler = fcntl_dupfd_cloexec(any, FIRST)?;
        if filler.as_raw_fd() >= end {
            return Ok(fillers);
        }
        fillers.push(filler);
    }
}

/// Makes `to` a copy of `from` that survives exec.
fn place(from: &OwnedFd, to: RawFd) -> io::Result<()> {
    // SAFETY: whatever had the number `to` in this child, which is about to exec, is a filler or
    // a descriptor that the parent would not have passed on; nobody in the child uses it again.
    let copy = unsafe { nix::unistd::dup2_raw(from, to) }?;
    // It stays open for the command.
    let _ = copy.into_raw_fd();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::io::{Seek, Write};
    use std::process::Stdio;

    fn file(text: &str) -> OwnedFd {
        let fd = memfd_create("heapq-test", MemfdFlags::CLOEXEC).unwrap();
        let mut file = std::fs::File::from(fd);
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file.into()
    }

    #[test]
    fn the_command_finds_them_from_three_on() {
        let fds: Vec<OwnedFd> = ["a", "b", "c"].map(file).into();
        let mut output = tempfile::tempfile().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "cat <&3; cat <&4; cat <&5; exit 9"]);
        command.stdout(Stdio::from(output.try_clone().unwrap()));
        assert_eq!(with_fds(command, &fds).unwrap().code(), Some(9));
        output.rewind().unwrap();
        assert_eq!(io::read_to_string(output).unwrap(), "abc");
    }

    #[test]
    fn a_command_that_is_not_there_is_an_error() {
        let error = with_fds(Command::new("/nonexistent/command"), &[file("a")]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
