//! Finds case files below directories.

use super::file::{Case, Complaint, Unusable};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Deepest directory below one that is named. A capture of /sys beside a case is deeper, and is
/// not searched to its end.
const DEEPEST: usize = 8;
/// Most files that one search looks at.
const MOST: usize = 100_000;

/// The cases at `paths`, each read: a file as it is named, a directory by every `.toml` file
/// below it, in the order of their names. In a directory, the parts of a case's board (its
/// snapshot, its policies) are not cases.
pub(super) fn cases(paths: &[PathBuf]) -> Vec<Result<Case, Unusable>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(Case::read(path));
            continue;
        }
        match below(path) {
            Ok(files) => {
                let cases = files.iter().map(|file| Case::read(file)).collect();
                found.extend(without_parts(cases));
            }
            Err(complaint) => {
                found.push(Err(Unusable { file: path.clone(), complaints: vec![complaint] }));
            }
        }
    }
    found
}

/// Leaves out what is no case by itself but a part of one that is.
fn without_parts(cases: Vec<Result<Case, Unusable>>) -> Vec<Result<Case, Unusable>> {
    let (good, bad): (Vec<_>, Vec<_>) = cases.into_iter().partition(Result::is_ok);
    let used = |unusable: &Unusable| good.iter().flatten().any(|case| case.uses(&unusable.file));
    let bad: Vec<_> = bad.into_iter().filter(|case| !case.as_ref().is_err_and(used)).collect();
    let mut all: Vec<_> = good.into_iter().chain(bad).collect();
    all.sort_by(|a, b| file(a).cmp(file(b)));
    all
}

fn file(case: &Result<Case, Unusable>) -> &Path {
    match case {
        Ok(case) => &case.file,
        Err(unusable) => &unusable.file,
    }
}

/// All `.toml` files below `directory`, not through links to other directories.
fn below(directory: &Path) -> Result<Vec<PathBuf>, Complaint> {
    let mut files = Vec::new();
    let mut waiting = VecDeque::from([(directory.to_owned(), 0)]);
    let mut seen = 0_usize;
    while let Some((directory, depth)) = waiting.pop_front() {
        let fail = |error: std::io::Error| Complaint {
            line: None,
            message: format!("{}: {error}", directory.display()),
        };
        for entry in std::fs::read_dir(&directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            seen += 1;
            if seen > MOST {
                let message = format!("more than {MOST} files: name the directory of the cases");
                return Err(Complaint { line: None, message });
            }
            let (kind, path) = (entry.file_type().map_err(fail)?, entry.path());
            if kind.is_dir() && depth < DEEPEST {
                waiting.push_back((path, depth + 1));
            } else if path.extension().is_some_and(|extension| extension == "toml")
                && path.is_file()
            {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
