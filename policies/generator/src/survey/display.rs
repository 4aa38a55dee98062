//! DRM drivers, by the GEM helper that imports for them.

use super::{Cpu, Import, Mapping, Meaning, Reason, Row, Sources, Survey};
use crate::c::token::tokens;
use crate::driver::Driver;
use crate::facts::Gem;
use crate::program::At;
use std::collections::{BTreeSet, HashMap};

/// Who mentions one of these, and leads to no `struct drm_driver`, makes a signal out of pixels and
/// fetches none.
const ENCODERS: [&str; 8] = [
    "drm_bridge_add",
    "devm_drm_bridge_add",
    "devm_drm_of_get_bridge",
    "drm_connector_init",
    "drm_encoder_init",
    "drm_simple_encoder_init",
    "i2c_add_adapter",
    "mipi_dsi_host_register",
];
/// Who mentions one of these, and has its buffers mapped by the kernel, copies from them by CPU.
const READERS: [&str; 2] = ["DRM_MIPI_DBI_PLANE_FUNCS", "drm_gem_fb_begin_cpu_access"];
/// How deep macros of operations may hold each other.
const MAX_DEPTH: usize = 8;

/// What each `struct drm_driver` says, by unit and node.
type Gems = HashMap<(usize, usize), Gem>;

pub(crate) fn display(sources: &Sources<'_>) -> Survey {
    let gems = all_gems(sources);
    let holding = sources.modules_with(|at| gems.contains_key(&(at.unit, at.node)));
    let mut survey = Survey::default();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    for module in sources.concerned(holding.clone()) {
        for driver in sources.drivers.of_module(module) {
            let nodes = sources.program.reach(driver.at);
            let cards = among(&nodes, &gems);
            if !cards.is_empty() {
                reached.extend(cards.iter().map(|at| at.module));
                survey.add(row(sources, driver, &nodes, &cards, &gems), driver);
            } else if holding.contains(&module) && !sources.program.mention(&nodes, &ENCODERS) {
                // It may be what fetches the pixels of the module's card.
                let nodes: Vec<At> = sources.program.nodes_of(module).collect();
                let row = row(sources, driver, &nodes, &among(&nodes, &gems), &gems);
                // What is allocated the card allocates.
                survey.rows.extend(
                    row.map(|row| Row { meaning: Meaning { exports: None, ..row.meaning }, ..row }),
                );
            }
        }
    }
    for module in holding.difference(&reached) {
        let nodes: Vec<At> = sources.program.nodes_of(*module).collect();
        let source = source(sources, &among(&nodes, &gems));
        let reason = "no driver of a bus leads to its struct drm_driver".to_owned();
        survey.unclassified.push(sources.unreached(*module, source, reason));
    }
    survey
}

fn among(nodes: &[At], gems: &Gems) -> Vec<At> {
    nodes.iter().filter(|at| gems.contains_key(&(at.unit, at.node))).copied().collect()
}

fn source(sources: &Sources<'_>, cards: &[At]) -> String {
    cards.iter().map(|at| sources.path(*at)).min().unwrap_or_default()
}

fn row(
    sources: &Sources<'_>,
    driver: &Driver,
    nodes: &[At],
    cards: &[At],
    gems: &Gems,
) -> Result<Row, Reason> {
    let source = source(sources, cards);
    let gems: BTreeSet<&Gem> =
        cards.iter().filter_map(|at| gems.get(&(at.unit, at.node))).collect();
    let import = match import(&gems) {
        Ok(Import::Contiguous(Mapping::Mapped)) if sources.program.mention(nodes, &READERS) => {
            Import::Contiguous(Mapping::Read)
        }
        Ok(import) => import,
        Err(reason) => return Err(Reason { source, reason }),
    };
    let (address_bits, assumed) = match import {
        Import::Contiguous(_) | Import::Scattered => sources.address_bits(driver, nodes),
        Import::Cpu(_) | Import::Refused => (None, None),
    };
    let exports = import != Import::Refused && gems.iter().any(|gem| gem.dumb);
    let contiguous = matches!(import, Import::Contiguous(_));
    let exports = exports.then(|| sources.exports(driver, nodes, "dumb buffers", contiguous));
    let meaning = Meaning { import, address_bits, exports };
    Ok(Row { meaning, driver: driver.clone(), source, assumed })
}

fn all_gems(sources: &Sources<'_>) -> Gems {
    let mut all = Gems::new();
    for (at, unit) in sources.program.units.iter().enumerate() {
        for (node, found) in unit.nodes.iter().enumerate() {
            let (Some("drm_driver"), Some(body)) = (found.structure.as_deref(), &found.body) else {
                continue;
            };
            let mut gem = Gem::default();
            let mut open = vec![(body.clone(), 0)];
            while let Some((body, depth)) = open.pop() {
                let macros = gem.add(&tokens(&body)).into_iter().filter(|_| depth < MAX_DEPTH);
                let bodies = macros.filter_map(|name| sources.macros.body(unit, name));
                open.extend(bodies.map(|body| (body, depth + 1)));
            }
            all.insert((at, node), gem);
        }
    }
    all
}

fn import(gems: &BTreeSet<&Gem>) -> Result<Import, String> {
    let imports: BTreeSet<&str> =
        gems.iter().flat_map(|gem| &gem.imports).map(String::as_str).collect();
    let mut found = BTreeSet::new();
    for function in &imports {
        found.insert(match *function {
            "drm_gem_dma_prime_import_sg_table" => Import::Contiguous(Mapping::Unmapped),
            "drm_gem_dma_prime_import_sg_table_vmap" => Import::Contiguous(Mapping::Mapped),
            "drm_gem_shmem_prime_import_no_map" => Import::Cpu(Cpu::Reads),
            "drm_gem_shmem_prime_import_sg_table" => Import::Scattered,
            // What drm_prime.c does without being told.
            "drm_gem_prime_import" => continue,
            own => return Err(format!("it imports by `{own}`, which is no helper of GEM's")),
        });
    }
    match (found.pop_first(), found.is_empty(), gems.iter().all(|gem| gem.gem)) {
        (Some(import), true, _) => Ok(import),
        (Some(_), false, _) => Err(format!("several ways to import: {imports:?}")),
        // drm_prime.c, drm_gem_prime_import_dev: -EINVAL.
        (None, _, true) => Ok(Import::Refused),
        (None, _, false) => Err("no DRIVER_GEM and no import".to_owned()),
    }
}
