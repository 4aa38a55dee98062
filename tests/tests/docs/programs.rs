//! The programs that the documents are about.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Runs `heapq` or `heapqd` as they are built from this source.
fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(dir().join(program));
    command.args(arguments).env_remove("DBUS_SYSTEM_BUS_ADDRESS").env("NO_COLOR", "1");
    command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// What it prints.
pub(crate) fn printed(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a line of shell prints in this directory, with the programs where a shell finds them.
pub(crate) fn in_shell(line: &str, directory: &Path) -> String {
    let path = format!("{}:{}", dir().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory).env("PATH", path);
    let output = shell.env_remove("DBUS_SYSTEM_BUS_ADDRESS").env("NO_COLOR", "1").output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where they are.
pub(crate) fn dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "heapq-dbus", "--bins"]);
        build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
        build.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "heapq was not built");
        profile.to_owned()
    })
}
