//! One key of `match` or `unless`: what it asks for, and what a device has there.

use crate::glob::Glob;
use crate::kernel::KernelRange;
use crate::view::DeviceView;
use heapq_constraints::Name;
use std::borrow::Cow;

/// One key of `match` or `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// One of the patterns matches the text, or one of the texts, that the view has here.
    Text(Subject, Vec<Glob>),
    /// The same for a parameter of the device's module.
    Parameter {
        name: String,
        values: Vec<Glob>,
    },
    /// The same for what udev found out about the node.
    Udev {
        property: Name,
        values: Vec<Glob>,
    },
    Kernel(KernelRange),
    HasIommu(bool),
    IommuPresent(bool),
}

/// The texts of a [`DeviceView`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Driver,
    Module,
    Bus,
    Subsystem,
    Name,
    Compatible,
    Modalias,
    Path,
    Node,
    Board,
    Dmi,
}

impl Subject {
    pub(crate) const ALL: [(&'static str, Self); 11] = [
        ("driver", Self::Driver),
        ("module", Self::Module),
        ("bus", Self::Bus),
        ("subsystem", Self::Subsystem),
        ("name", Self::Name),
        ("compatible", Self::Compatible),
        ("modalias", Self::Modalias),
        ("path", Self::Path),
        ("node", Self::Node),
        ("devicetree-board", Self::Board),
        ("dmi", Self::Dmi),
    ];

    fn key(self) -> &'static str {
        Self::ALL.iter().find(|(_, subject)| *subject == self).map_or("", |(key, _)| key)
    }

    /// What `view` has here, as rules compare it.
    pub(crate) fn texts<'a>(self, view: &DeviceView<'a>) -> Texts<'a> {
        let one = |text: Option<&'a str>| Texts::One(text.map(Cow::Borrowed));
        match self {
            Self::Driver => one(view.driver),
            // The kernel spells a module's name with `_` in sysfs and with either in files.
            Self::Module => Texts::One(view.module.map(|name| match name.contains('-') {
                true => Cow::Owned(name.replace('-', "_")),
                false => Cow::Borrowed(name),
            })),
            Self::Bus => one(view.bus),
            Self::Subsystem => one(view.subsystem),
            Self::Name => one(view.name),
            Self::Compatible => Texts::Several(view.compatible),
            Self::Modalias => one(view.modalias),
            Self::Path => one(view.path),
            Self::Node => one(view.node),
            Self::Board => Texts::Several(view.board),
            Self::Dmi => one(view.dmi),
        }
    }
}

/// What a view has to compare with patterns.
pub(crate) enum Texts<'a> {
    One(Option<Cow<'a, str>>),
    Several(&'a [Name]),
}

impl Texts<'_> {
    fn match_one_of(&self, patterns: &[Glob]) -> bool {
        let fits = |text: &str| patterns.iter().any(|pattern| pattern.matches(text));
        match self {
            Self::One(text) => text.as_deref().is_some_and(fits),
            Self::Several(texts) => texts.iter().any(|text| fits(text)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match self {
            Self::One(text) => (text.as_deref(), &[][..]),
            Self::Several(texts) => (None, *texts),
        };
        one.into_iter().chain(several.iter().map(|text| &**text))
    }

    fn shown(&self) -> Option<String> {
        match self {
            Self::One(text) => text.as_deref().map(|text| listed([text])),
            Self::Several(texts) => {
                (!texts.is_empty()).then(|| listed(texts.iter().map(|text| &**text)))
            }
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, view: &DeviceView<'_>) -> bool {
        match self {
            Self::Text(subject, patterns) => subject.texts(view).match_one_of(patterns),
            Self::Parameter { name, values } => parameter(name, view)
                .is_some_and(|value| values.iter().any(|pattern| pattern.matches(&value))),
            Self::Udev { property, values } => udev(property, view)
                .is_some_and(|value| values.iter().any(|pattern| pattern.matches(value))),
            Self::Kernel(range) => range.holds(view.kernel),
            Self::HasIommu(wanted) => has_iommu(view) == *wanted,
            Self::IommuPresent(wanted) => iommu_present(view) == *wanted,
        }
    }

    /// It holds of so many devices that by itself it tells nothing of one.
    pub(crate) fn is_general(&self) -> bool {
        match self {
            Self::Text(subject, _) => {
                matches!(subject, Subject::Bus | Subject::Subsystem | Subject::Board | Subject::Dmi)
            }
            Self::Parameter { .. } | Self::Udev { .. } => false,
            Self::Kernel(_) | Self::HasIommu(_) | Self::IommuPresent(_) => true,
        }
    }

    /// The key as a rule spells it, with dots for tables in it.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Text(subject, _) => subject.key().to_owned(),
            Self::Parameter { name, .. } => format!("module-parameter.{name}"),
            Self::Udev { property, .. } => format!("udev.{property}"),
            Self::Kernel(_) => "kernel".to_owned(),
            Self::HasIommu(_) => "has-iommu".to_owned(),
            Self::IommuPresent(_) => "iommu-present".to_owned(),
        }
    }

    /// What it asks for, as TOML.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Text(_, patterns)
            | Self::Parameter { values: patterns, .. }
            | Self::Udev { values: patterns, .. } => listed(patterns.iter().map(Glob::as_str)),
            Self::Kernel(range) => format!("{:?}", range.to_string()),
            Self::HasIommu(wanted) | Self::IommuPresent(wanted) => wanted.to_string(),
        }
    }

    /// What the device has there, as TOML; `None`: it is not known.
    pub(crate) fn has(&self, view: &DeviceView<'_>) -> Option<String> {
        match self {
            Self::Text(subject, _) => subject.texts(view).shown(),
            Self::Parameter { name, .. } => parameter(name, view).map(|value| listed([&*value])),
            Self::Udev { property, .. } => udev(property, view).map(|value| listed([value])),
            Self::Kernel(_) => Some(format!("{:?}", view.kernel.to_string())),
            Self::HasIommu(_) => Some(has_iommu(view).to_string()),
            Self::IommuPresent(_) => Some(iommu_present(view).to_string()),
        }
    }
}

fn udev<'v>(property: &Name, view: &DeviceView<'v>) -> Option<&'v str> {
    view.udev?.get(property).map(|value| &**value)
}

fn has_iommu(view: &DeviceView<'_>) -> bool {
    view.has_iommu.unwrap_or(false)
}

fn iommu_present(view: &DeviceView<'_>) -> bool {
    view.iommu_present.or(view.has_iommu).unwrap_or(false)
}

/// The parameter's value for this device. Of an array, the element of its instance: drivers that
/// make several instances number them in the node's name (`vivid-000-vid-cap`).
fn parameter(name: &str, view: &DeviceView<'_>) -> Option<String> {
    let value = view.module_parameter?(name)?;
    if !value.contains(',') {
        return Some(value.trim().to_owned());
    }
    let mut digits = view.name?.split(|c: char| !c.is_ascii_digit());
    let instance: usize = digits.find(|run| !run.is_empty())?.parse().ok()?;
    value.split(',').nth(instance).map(|element| element.trim().to_owned())
}

/// One text in quotes, or a list of them.
pub(crate) fn listed<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(|text| format!("{text:?}")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}
