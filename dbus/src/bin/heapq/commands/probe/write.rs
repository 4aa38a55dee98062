//! Writing a policy file where the user wants it.

use crate::cli::Global;
use crate::output;
use crate::problem::Problem;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes `text` to the file `to`, into the directory `to` under the name `name`, or, for `-`, to
/// standard output. Where.
///
/// # Errors
/// What writing says, and what is there and is no file: a device's node is easily typed there.
pub(crate) fn write(
    text: &str,
    to: &Path,
    name: &str,
    global: &Global,
) -> Result<PathBuf, Problem> {
    if to == Path::new("-") {
        output::write(text, global).map_err(Problem::system("writing"))?;
        return Ok(to.to_owned());
    }
    let file = if to.is_dir() { to.join(name) } else { to.to_owned() };
    let failed = |source| Problem::Run { command: file.display().to_string(), source };
    match fs::symlink_metadata(&file) {
        Ok(there) if !there.is_file() => {
            let what = io::Error::new(io::ErrorKind::AlreadyExists, "it is there and no file");
            return Err(failed(what));
        }
        _ => fs::write(&file, text).map_err(failed)?,
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::cli::Cli;
    use clap::Parser;
    use std::fs;
    use std::path::Path;

    #[test]
    fn files_are_written_and_nothing_else() {
        let global = Cli::try_parse_from(["heapq"]).unwrap().global;
        let dir = tempfile::tempdir().unwrap();
        let into = |to: &Path| write("# x\n", to, "70-probe.toml", &global);
        assert_eq!(into(dir.path()).unwrap(), dir.path().join("70-probe.toml"));
        let own = dir.path().join("90-own.toml");
        fs::write(&own, "before, and longer").unwrap();
        into(&own).unwrap();
        assert_eq!(fs::read_to_string(&own).unwrap(), "# x\n");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&own, &link).unwrap();
        for other in [link.as_path(), Path::new("/dev/null"), Path::new("/nonexistent/x.toml")] {
            assert!(into(other).is_err(), "{other:?}");
        }
    }
}
