//! What macros stand for: names of drivers, DMA masks, and the lists of operations of DRM's helpers.

use crate::c::text::{Include, Prepared, prepare};
use crate::c::token::{Token, tokens};
use crate::program::Unit;
use crate::tree::Tree;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// How deep macros may refer to each other.
const MAX_DEPTH: usize = 8;

/// Looks macros up in a file and in the headers that it includes.
#[derive(Debug)]
pub(crate) struct Macros<'t> {
    tree: &'t Tree,
    headers: RefCell<HashMap<String, Option<Rc<Prepared>>>>,
}

impl<'t> Macros<'t> {
    pub(crate) fn new(tree: &'t Tree) -> Self {
        Self { tree, headers: RefCell::default() }
    }

    /// The body of a macro as `unit` sees it: of its own, of the headers beside it and what these
    /// include, of the headers of `include/` that it names.
    pub(crate) fn body(&self, unit: &Unit, name: &str) -> Option<String> {
        if let Some(body) = unit.defines.get(name) {
            return Some(body.clone());
        }
        let mut open = headers(&unit.path, &unit.includes);
        let mut seen = BTreeSet::new();
        let mut next = 0;
        while let Some(path) = open.get(next).cloned() {
            next += 1;
            if !seen.insert(path.clone()) {
                continue;
            }
            let Some(header) = self.header(&path) else { continue };
            if let Some(body) = header.defines.get(name) {
                return Some(body.clone());
            }
            // Those of include/ lead everywhere.
            if !path.starts_with("include/") {
                open.extend(headers(&path, &header.includes));
            }
        }
        None
    }

    fn header(&self, path: &str) -> Option<Rc<Prepared>> {
        if let Some(known) = self.headers.borrow().get(path) {
            return known.clone();
        }
        let found = self.tree.read_if_there(path).map(|text| Rc::new(prepare(&text)));
        self.headers.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    /// The string that an expression is: literals and macros side by side.
    pub(crate) fn string(&self, unit: &Unit, module: &str, value: &[Token<'_>]) -> Option<String> {
        self.string_within(unit, module, value, 0)
    }

    fn string_within(
        &self,
        unit: &Unit,
        module: &str,
        value: &[Token<'_>],
        depth: usize,
    ) -> Option<String> {
        let mut text = String::new();
        for token in value {
            match token {
                Token::Text(part) => text.push_str(part),
                Token::Word("KBUILD_MODNAME") => text.push_str(&module.replace('-', "_")),
                Token::Word(name) if depth < MAX_DEPTH => {
                    let body = self.body(unit, name)?;
                    text.push_str(&self.string_within(unit, module, &tokens(&body), depth + 1)?);
                }
                Token::Mark("(" | ")") => {}
                _ => return None,
            }
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// How many bits the mask has that an expression is: `DMA_BIT_MASK(36)`, `0xffffffff`, `~0ULL`.
    pub(crate) fn mask_bits(&self, unit: &Unit, value: &[Token<'_>]) -> Option<u32> {
        self.mask_within(unit, value, 0)
    }

    fn mask_within(&self, unit: &Unit, value: &[Token<'_>], depth: usize) -> Option<u32> {
        match value {
            [Token::Mark("("), inner @ .., Token::Mark(")")] if depth < MAX_DEPTH => {
                self.mask_within(unit, inner, depth + 1)
            }
            [Token::Word("DMA_BIT_MASK"), Token::Mark("("), inner @ .., Token::Mark(")")] => {
                self.number(unit, inner, depth).and_then(|bits| u32::try_from(bits).ok())
            }
            [Token::Mark("~"), zero] if number(*zero) == Some(0) => Some(64),
            [Token::Word(name)] if depth < MAX_DEPTH => {
                let body = self.body(unit, name)?;
                self.mask_within(unit, &tokens(&body), depth + 1)
            }
            [token] => {
                let ones = number(*token)?.checked_add(1)?;
                ones.is_power_of_two().then(|| ones.trailing_zeros())
            }
            _ => None,
        }
    }

    fn number(&self, unit: &Unit, value: &[Token<'_>], depth: usize) -> Option<u64> {
        match value {
            [Token::Word(name)] if depth < MAX_DEPTH => {
                let body = self.body(unit, name)?;
                self.number(unit, &tokens(&body), depth + 1)
            }
            [token] => number(*token),
            [Token::Mark("("), inner @ .., Token::Mark(")")] if depth < MAX_DEPTH => {
                self.number(unit, inner, depth + 1)
            }
            _ => None,
        }
    }
}

fn number(token: Token<'_>) -> Option<u64> {
    let Token::Number(text) = token else { return None };
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// Where the headers are that a file includes.
fn headers(path: &str, includes: &[Include]) -> Vec<String> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let place = |include: &Include| match include {
        Include::Quoted(name) => crate::kbuild::below(dir, name),
        Include::System(name) => crate::kbuild::below("include", name),
    };
    includes.iter().map(place).collect()
}
