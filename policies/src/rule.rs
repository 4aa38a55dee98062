//! Checked rules: what the files say once nothing is wrong with them.

use crate::glob::Glob;
use crate::kernel::KernelRange;
use crate::view::DeviceView;
use heapq_constraints::question::{Exports, Usage, Usages};
use heapq_constraints::{Fact, Heap, Name, Origin};

/// A `[[heap]]`: the meaning of heap names.
#[derive(Clone, Debug)]
pub(crate) struct HeapRule {
    /// `name` and `names`.
    pub(crate) names: Vec<Glob>,
    pub(crate) kernel: Option<KernelRange>,
    /// The stated properties; `origins` tells which are stated. Where there are `aliases`, the
    /// rule's one name is among them.
    pub(crate) stated: Heap,
    pub(crate) origin: Origin,
}

/// A `[[device]]`: what devices that match need.
#[derive(Clone, Debug)]
pub(crate) struct DeviceRule {
    /// The devices that it describes.
    pub(crate) matches: Vec<Situation>,
    /// It says nothing where one of these holds.
    pub(crate) unless: Vec<Situation>,
    /// The rule applies to these uses; empty: to all.
    pub(crate) when: Vec<When>,
    pub(crate) usage: Vec<(Usage, Origin)>,
    pub(crate) overrides: Option<(Vec<Name>, Origin)>,
    /// What the device's own driver allocates.
    pub(crate) exports: Option<Exports>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) origin: Origin,
}

/// One table of `match` or `unless`; everything in it must hold.
pub(crate) type Situation = Vec<Condition>;

/// One table of a rule's `when`; everything in it must hold.
#[derive(Clone, Debug)]
pub(crate) struct When {
    /// At least one of these uses is made.
    pub(crate) usage: Vec<Usage>,
}

/// A `[[grant]]`.
#[derive(Clone, Debug)]
pub(crate) struct GrantRule {
    pub(crate) users: Vec<Account>,
    pub(crate) groups: Vec<Account>,
    pub(crate) allocate: Option<bool>,
    pub(crate) scarce: Option<bool>,
    pub(crate) origin: Origin,
}

/// A user or group as a grant names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// `"*"`
    Everybody,
    Id(u32),
    Name(Name),
}

/// One key of `match` or `unless`.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// One of the patterns matches the text, or one of the texts, that the view has here.
    Text(Subject, Vec<Glob>),
    Parameter {
        name: String,
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
}

impl Subject {
    pub(crate) const ALL: [(&'static str, Self); 10] = [
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
    ];
}

impl Condition {
    fn holds(&self, view: &DeviceView<'_>) -> bool {
        match self {
            Self::Text(subject, patterns) => text_holds(*subject, patterns, view),
            Self::Parameter { name, values } => parameter(name, view)
                .is_some_and(|value| values.iter().any(|pattern| pattern.matches(&value))),
            Self::Kernel(range) => range.holds(view.kernel),
            Self::HasIommu(wanted) => view.has_iommu.unwrap_or(false) == *wanted,
            Self::IommuPresent(wanted) => {
                view.iommu_present.or(view.has_iommu).unwrap_or(false) == *wanted
            }
        }
    }
}

fn text_holds(subject: Subject, patterns: &[Glob], view: &DeviceView<'_>) -> bool {
    let any = |text: &str| patterns.iter().any(|pattern| pattern.matches(text));
    let one = |text: Option<&str>| text.is_some_and(any);
    let several = |texts: &[Name]| texts.iter().any(|text| any(text));
    match subject {
        Subject::Driver => one(view.driver),
        // The kernel spells a module's name with `_` in sysfs and with either in files.
        Subject::Module => one(view.module.map(|name| name.replace('-', "_")).as_deref()),
        Subject::Bus => one(view.bus),
        Subject::Subsystem => one(view.subsystem),
        Subject::Name => one(view.name),
        Subject::Compatible => several(view.compatible),
        Subject::Modalias => one(view.modalias),
        Subject::Path => one(view.path),
        Subject::Node => several(view.nodes),
        Subject::Board => several(view.board),
    }
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

impl DeviceRule {
    /// Whether the rule describes this device, though perhaps for another situation or use.
    pub(crate) fn describes(&self, view: &DeviceView<'_>) -> bool {
        any_holds(&self.matches, view)
    }

    /// Whether what it says is true of a device that it describes, in this use.
    pub(crate) fn applies(&self, view: &DeviceView<'_>, usage: Usages) -> bool {
        !any_holds(&self.unless, view)
            && (self.when.is_empty() || self.when.iter().any(|when| when.holds(usage)))
    }
}

fn any_holds(situations: &[Situation], view: &DeviceView<'_>) -> bool {
    situations.iter().any(|all| all.iter().all(|condition| condition.holds(view)))
}

impl When {
    fn holds(&self, usage: Usages) -> bool {
        self.usage.iter().any(|word| usage.contains(*word))
    }
}
