//! Drivers as sysfs shows them: name, bus, module, and the compatibles that they match.

use crate::c::fields::fields;
use crate::c::token::{Token, tokens};
use crate::facts;
use crate::macros::Macros;
use crate::program::{At, Program};
use std::collections::{BTreeMap, BTreeSet};

/// A `struct platform_driver` or one of its kin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Driver {
    /// Below `/sys/bus/BUS/drivers`.
    pub(crate) name: String,
    pub(crate) bus: &'static str,
    pub(crate) module: String,
    pub(crate) compatibles: BTreeSet<String>,
    /// Where it stands.
    pub(crate) at: At,
}

/// Every driver of every module, and the places of those whose names cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Drivers {
    pub(crate) known: Vec<Driver>,
    /// Which buses and modules have drivers of a name.
    homes: BTreeMap<String, BTreeSet<(&'static str, String)>>,
}

/// Where else in the kernel a driver's name occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Nowhere.
    Unique,
    /// On other buses.
    OtherBus,
    /// On the same bus, in another module.
    SameBus,
}

impl Drivers {
    pub(crate) fn of(program: &Program, macros: &Macros<'_>) -> Self {
        let mut drivers = Self::default();
        for module in 0..program.modules.len() {
            for at in program.nodes_of(module) {
                if let Some(driver) = driver(program, macros, at) {
                    let home = (driver.bus, driver.module.clone());
                    drivers.homes.entry(driver.name.clone()).or_default().insert(home);
                    drivers.known.push(driver);
                }
            }
        }
        drivers
    }

    /// Those of one module.
    pub(crate) fn of_module(&self, module: usize) -> impl Iterator<Item = &Driver> {
        self.known.iter().filter(move |driver| driver.at.module == module)
    }

    pub(crate) fn likeness(&self, driver: &Driver) -> Likeness {
        let others = self.homes.get(&driver.name).into_iter().flatten();
        let others = others.filter(|(bus, module)| (*bus, module) != (driver.bus, &driver.module));
        others.fold(Likeness::Unique, |found, (bus, _)| match found {
            _ if *bus == driver.bus => Likeness::SameBus,
            Likeness::Unique => Likeness::OtherBus,
            found => found,
        })
    }
}

fn driver(program: &Program, macros: &Macros<'_>, at: At) -> Option<Driver> {
    let node = program.node_at(at);
    let bus = facts::bus(node.structure.as_deref()?)?;
    let module = &program.modules[at.module].name;
    let unit = &program.units[at.unit];
    let body = tokens(node.body.as_deref()?);
    let fields = fields(&body);
    let field = |names: &[&str]| {
        fields.iter().find(|field| names.contains(&field.path.as_str())).map(|field| field.value)
    };
    let name = macros.string(unit, module, field(&["driver.name", "drv.name", "name"])?)?;
    let table = field(&["driver.of_match_table", "drv.of_match_table"]).unwrap_or_default();
    let compatibles = table.iter().filter_map(|token| token.word()).filter_map(|table| {
        program.find(at, table).map(|table| compatibles(program, macros, table))
    });
    Some(Driver {
        name: name.replace('/', "!"),
        bus,
        module: module.clone(),
        compatibles: compatibles.flatten().collect(),
        at,
    })
}

/// The strings of a `struct of_device_id` table.
fn compatibles(program: &Program, macros: &Macros<'_>, table: At) -> BTreeSet<String> {
    let node = program.node_at(table);
    let unit = &program.units[table.unit];
    let body = tokens(node.body.as_deref().unwrap_or(""));
    let string = |value: &[Token<'_>]| macros.string(unit, "", value);
    let fields = fields(&body);
    let named = fields.iter().filter(|field| field.path == "compatible");
    named.filter_map(|field| string(field.value)).collect()
}
