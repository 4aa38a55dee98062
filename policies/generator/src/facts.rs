//! What single functions and variables say: queues, DMA masks, names of drivers, GEM operations.

use crate::c::fields::fields;
use crate::c::item::Item;
use crate::c::token::{Token, bracketed};
use std::collections::BTreeSet;

/// Functions whose second argument is a DMA mask: of what is mapped for the device, of what its driver
/// allocates (the coherent mask), or of both.
const MASK_SETTERS: [(&str, &[Mask]); 4] = [
    ("dma_set_mask", &[Mask::Streaming]),
    ("dma_set_coherent_mask", &[Mask::Coherent]),
    ("dma_set_mask_and_coherent", &[Mask::Streaming, Mask::Coherent]),
    ("dma_coerce_mask_and_coherent", &[Mask::Streaming, Mask::Coherent]),
];
const MEMOPS: [(&str, Memory); 3] = [
    ("vb2_dma_contig_memops", Memory::Contig),
    ("vb2_dma_sg_memops", Memory::Scattered),
    ("vb2_vmalloc_memops", Memory::Vmalloc),
];
/// The bus that a `struct …_driver` is for, as sysfs spells it.
const BUSES: [(&str, &str); 13] = [
    ("amba_driver", "amba"),
    ("auxiliary_driver", "auxiliary"),
    ("host1x_driver", "host1x"),
    ("hv_driver", "vmbus"),
    ("i2c_driver", "i2c"),
    ("pci_driver", "pci"),
    ("platform_driver", "platform"),
    ("rmi_function_handler", "rmi4"),
    ("saa7146_extension", "pci"),
    ("spi_driver", "spi"),
    ("usb_driver", "usb"),
    ("virtio_driver", "virtio"),
    ("xenbus_driver", "xen"),
];

/// Which of a device's two DMA masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    Streaming,
    Coherent,
}

/// The memory that a videobuf2 queue works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Memory {
    Contig,
    Scattered,
    Vmalloc,
}

/// One queue that a function fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    /// One, if the source says so; several, if it depends.
    pub(crate) memory: BTreeSet<Memory>,
    /// Whether its `io_modes` have `VB2_DMABUF`; `None`: not found.
    pub(crate) imports: Option<bool>,
    /// `V4L2_BUF_TYPE_VIDEO_CAPTURE` and its like, where it is written out.
    pub(crate) buffer_type: Option<String>,
}

impl Queue {
    pub(crate) fn is_vbi(&self) -> bool {
        self.buffer_type.as_deref().is_some_and(|name| name.contains("_VBI_"))
    }
}

/// Whether a body is worth keeping.
pub(crate) fn may_be_in(item: &Item<'_, '_>) -> bool {
    let by_type = |name: &str| {
        bus(name).is_some() || matches!(name, "of_device_id" | "drm_driver" | "vb2_queue")
    };
    item.structure.is_some_and(by_type)
        || item
            .body
            .iter()
            .filter_map(|token| token.word())
            .any(|word| word == "mem_ops" || MASK_SETTERS.iter().any(|(setter, _)| *setter == word))
}

/// The bus of a `struct …_driver`.
pub(crate) fn bus(structure: &str) -> Option<&'static str> {
    BUSES.iter().find(|(name, _)| *name == structure).map(|(_, bus)| *bus)
}

/// The expressions that one of the DMA masks is set to.
pub(crate) fn masks<'t, 'a>(body: &'t [Token<'a>], mask: Mask) -> Vec<&'t [Token<'a>]> {
    let mut values = Vec::new();
    for (at, token) in body.iter().enumerate() {
        let call = body.get(at + 1..).unwrap_or_default();
        let setter = MASK_SETTERS.iter().find(|(setter, _)| *token == Token::Word(setter));
        if setter.is_some_and(|(_, masks)| masks.contains(&mask))
            && let [Token::Mark("("), inner @ .., _] = &call[..bracketed(call)]
            && let Some(comma) = top_level_comma(inner)
        {
            values.push(inner.get(comma + 1..).unwrap_or_default());
        }
    }
    values
}

fn top_level_comma(tokens: &[Token<'_>]) -> Option<usize> {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += match token {
            Token::Mark(",") => return Some(at),
            Token::Mark("(" | "[" | "{") => bracketed(tokens.get(at..).unwrap_or_default()),
            _ => 1,
        };
    }
    None
}

/// The queues that a function or a `struct vb2_queue` fills in. Of several with one owner
/// (`q = &dev->vbi; q->mem_ops = …`), the n-th assignments of each member belong together.
pub(crate) fn queues(body: &[Token<'_>]) -> Vec<Queue> {
    let assignments = assignments(body);
    let of = |owner: &str, member: &str| -> Vec<&[Token<'_>]> {
        let same = |found: &&Assignment<'_, '_>| found.member == member && found.owner == owner;
        assignments.iter().filter(same).map(|found| found.value).collect()
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut queues = Vec::new();
    for found in assignments.iter().filter(|found| found.member == "mem_ops") {
        let nth = seen.iter().filter(|owner| **owner == found.owner).count();
        seen.push(&found.owner);
        let modes = of(&found.owner, "io_modes");
        let types = of(&found.owner, "type");
        let memory =
            MEMOPS.into_iter().filter(|(name, _)| found.value.contains(&Token::Word(name)));
        queues.push(Queue {
            memory: memory.map(|(_, memory)| memory).collect(),
            imports: modes
                .get(nth)
                .or(modes.last())
                .map(|m| m.contains(&Token::Word("VB2_DMABUF"))),
            buffer_type: types.get(nth).or(types.last()).and_then(|value| match value {
                [Token::Word(word)] if word.contains("_BUF_TYPE_") => Some((*word).to_owned()),
                _ => None,
            }),
        });
    }
    queues
}

/// `owner->member = value`; `.member = value` and plain variables have no owner. `|=` counts too.
struct Assignment<'t, 'a> {
    owner: String,
    member: &'a str,
    value: &'t [Token<'a>],
}

fn assignments<'t, 'a>(body: &'t [Token<'a>]) -> Vec<Assignment<'t, 'a>> {
    let mut list = Vec::new();
    let mut begin = 0;
    for (at, token) in body.iter().enumerate() {
        match token {
            Token::Mark(";" | "{" | "}" | "," | ")" | ":") | Token::Word("else") => begin = at + 1,
            Token::Mark("=") => {
                let left = body.get(begin..at).unwrap_or_default();
                let left = left.strip_suffix(&[Token::Mark("|")]).unwrap_or(left);
                let Some((Token::Word(member), owner)) = left.split_last() else { continue };
                let is_member = owner.last().is_some_and(|mark| mark.is(".") || mark.is("->"));
                let owner = if is_member { owner } else { &[] };
                let value = value(body.get(at + 1..).unwrap_or_default());
                list.push(Assignment {
                    owner: owner.iter().map(ToString::to_string).collect(),
                    member,
                    value,
                });
            }
            _ => {}
        }
    }
    list
}

/// The tokens before the end of a statement or of an initialiser's element.
fn value<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let end = tokens.iter().position(|token| matches!(token, Token::Mark(";" | "," | "}")));
    tokens.get(..end.unwrap_or(tokens.len())).unwrap_or_default()
}

/// What a `struct drm_driver` says of import, with its helpers' macros spelt out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gem {
    /// `.gem_prime_import` and `.gem_prime_import_sg_table`.
    pub(crate) imports: Vec<String>,
    /// It has `DRIVER_GEM` among its features.
    pub(crate) gem: bool,
    /// It makes dumb buffers.
    pub(crate) dumb: bool,
}

impl Gem {
    /// Adds what the fields say. Bare words are macros, which are returned.
    pub(crate) fn add<'a>(&mut self, body: &[Token<'a>]) -> Vec<&'a str> {
        let mut macros = Vec::new();
        for field in fields(body) {
            match (field.path.as_str(), field.value) {
                ("gem_prime_import" | "gem_prime_import_sg_table", [Token::Word(function)]) => {
                    self.imports.push((*function).to_owned());
                }
                ("driver_features", value) => {
                    self.gem |= value.contains(&Token::Word("DRIVER_GEM"))
                }
                ("dumb_create", _) => self.dumb = true,
                ("", [Token::Word(name), ..]) => macros.push(*name),
                _ => {}
            }
        }
        macros
    }
}
