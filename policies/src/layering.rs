//! Which files keep which others from being read, and whether somebody should know.

use crate::diagnostic::{Code, Diagnostic, Related};
use crate::load::{Content, FileState, PolicyFile, read};
use crate::shipped;
use heapq_constraints::{Name, vocabulary};
use std::path::Path;

/// Masks that switch nothing off: mostly of a file that has got another name since.
pub(crate) fn idle_masks(files: &[PolicyFile]) -> Vec<Diagnostic> {
    let idle = |file: &&PolicyFile| file.state == FileState::Masked && file.replaces.is_empty();
    let others = files.iter().filter(|file| file.state != FileState::Masked);
    let others: Vec<&str> = others.map(|file| &*file.name).collect();
    let complain = |file: &PolicyFile| {
        let message = format!("no lower layer has a `{}` to switch off", file.name);
        let help = match vocabulary::nearest(&file.name, &others) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it, or name it like the file that is to be switched off".to_owned(),
        };
        Diagnostic::whole(Code::MasksNothing, &file.path, message).with_help(help)
    };
    files.iter().filter(idle).map(complain).collect()
}

/// Files that are not read because of a higher layer. An installed copy of a compiled-in file is
/// that file, and nothing is hidden by it.
pub(crate) fn hidden(files: &[PolicyFile]) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    for file in files {
        let text = file.source.as_ref().map(|source| source.text());
        for below in &file.replaces {
            notes.extend(match (file.state, text) {
                (FileState::Masked, _) => Some(note(Code::Masked, below, file, "switched off")),
                (_, Some(text)) if text_of(below).as_deref() == Some(text) => None,
                _ => Some(note(Code::Replaced, below, file, "not read")),
            });
        }
    }
    notes
}

fn note(code: Code, below: &Name, file: &PolicyFile, what: &str) -> Diagnostic {
    let message = format!("`{}` is {what}: a higher layer has its name", file.name);
    let mut said = Diagnostic::whole(code, below, message);
    said.related.push(Related {
        file: Name::clone(&file.path),
        line: 0,
        label: "this one counts".to_owned(),
        excerpt: None,
    });
    said
}

fn text_of(shown: &Name) -> Option<String> {
    if let Some(name) = shown.strip_prefix("builtin:") {
        return shipped::FILES
            .iter()
            .find(|(file, _)| *file == name)
            .map(|(_, text)| (*text).into());
    }
    match read(Path::new(&**shown), shown) {
        Ok(Content::Text(text)) => Some(text),
        _ => None,
    }
}
