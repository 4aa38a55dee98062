//! Parameters of the modules that drive the devices: some drivers need other memory by them.

use super::SeenDevice;
use super::root::Root;
use heapq_constraints::Name;
use std::collections::{BTreeMap, BTreeSet};

/// Parameters that are read of one module.
const PARAMETERS_MAX: usize = 128;

/// What modules' parameters are set to, by module and parameter.
pub(super) type Parameters = BTreeMap<Name, BTreeMap<Name, Name>>;

/// From `/sys/module/NAME/parameters`; where that is not there, what the command line says.
pub(super) fn read(root: &Root, devices: &[SeenDevice], command_line: &str) -> Parameters {
    let opened = devices.iter().filter(|device| !device.nodes.is_empty());
    let names: BTreeSet<Name> = opened.filter_map(module_of).collect();
    let with_parameters = names.into_iter().filter_map(|module| {
        let mut parameters = stated(command_line, &module);
        parameters.extend(shown(root, &module));
        (!parameters.is_empty()).then_some((module, parameters))
    });
    with_parameters.collect()
}

/// The module under whose name a device's parameters are. A driver that is built in has no link to
/// one; by custom it bears the module's name.
pub(crate) fn module_of(device: &SeenDevice) -> Option<Name> {
    let name = device.module.as_ref().or(device.driver.as_ref())?;
    Some(name.replace('-', "_").into())
}

fn shown(root: &Root, module: &str) -> BTreeMap<Name, Name> {
    let dir = format!("/sys/module/{module}/parameters");
    let names = root.list(&dir).into_iter().take(PARAMETERS_MAX);
    names
        .filter_map(|name| Some((Name::from(&*name), root.line(&format!("{dir}/{name}"))?)))
        .collect()
}

fn stated(command_line: &str, module: &str) -> BTreeMap<Name, Name> {
    let mut found = BTreeMap::new();
    for word in command_line.split_ascii_whitespace() {
        let Some((key, value)) = word.split_once('=') else { continue };
        let Some((of, parameter)) = key.split_once('.') else { continue };
        if of.replace('-', "_") == module && found.len() < PARAMETERS_MAX {
            found.insert(parameter.replace('-', "_").into(), value.into());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::stated;

    #[test]
    fn the_command_line_speaks_for_what_is_built_in() {
        let line = "quiet vivid.allocators=1,0 other-mod.two-words=x vivid.flag cma=1M vivid.n=1 vivid.n=2";
        let vivid = stated(line, "vivid");
        assert_eq!(vivid.len(), 2);
        assert_eq!(vivid.get("allocators").map(|value| &**value), Some("1,0"));
        assert_eq!(vivid.get("n").map(|value| &**value), Some("2"));
        assert_eq!(stated(line, "other_mod").len(), 1);
    }
}
