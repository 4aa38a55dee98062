//! Who takes part in the demonstration, and what they ask.

use crate::table::{DIM, printable};
use heapq_allocator::{Device, Topology};
use heapq_constraints::Name;
use heapq_constraints::value::{Node, Table, Value};
use heapq_dbus::wire::Asked;
use serde::Serialize;
use std::fmt::Write as _;

/// Pixels of a frame.
const WIDTH: u32 = 1280;
/// Rows of a frame.
const HEIGHT: u32 = 720;
/// Its format.
const FOURCC: &str = "NV12";

/// One part, and the device that plays it here.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Role {
    pub(super) name: &'static str,
    usage: &'static str,
    /// Frames that it keeps at once.
    held: u32,
    /// `None` where this machine has no such device: then nothing is known of its needs.
    device: Option<Name>,
    driver: Option<Name>,
}

/// All parts.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) roles: Vec<Role>,
}

/// Drivers of devices that deliver frames.
const CAMERAS: &[&str] =
    &["snps_hdmirx", "rkcif", "rockchip-cif", "rkisp1", "unicam", "rp1-cfe", "uvcvideo", "vivid"];
/// Drivers of devices that encode them.
const ENCODERS: &[&str] =
    &["hantro-vpu", "rkvenc", "bcm2835-codec", "qcom-venus", "wave5", "vicodec", "vim2m"];

impl Cast {
    /// The devices of a machine in their parts.
    pub(super) fn of(topology: &Topology) -> Self {
        let by_driver = |drivers: &[&str]| {
            drivers.iter().find_map(|driver| {
                with_node(topology).find(|device| device.driver.as_deref() == Some(driver))
            })
        };
        let display = with_node(topology).find(|device| {
            let shows = device.driver.as_deref() != Some("vgem");
            &*device.subsystem == "drm" && shows && device.nodes.iter().any(is_card)
        });
        let role = |name, usage, held, device: Option<&Device>| Role {
            name,
            usage,
            held,
            device: device.map(|device| device.nodes.first().unwrap_or(&device.path).clone()),
            driver: device.and_then(|device| device.driver.clone()),
        };
        let roles = vec![
            role("camera", "capture", 3, by_driver(CAMERAS)),
            role("encoder", "encode", 1, by_driver(ENCODERS)),
            role("display", "scanout", 2, display),
        ];
        Self { roles }
    }

    /// Frames that all of them can use, and that this process can write and the other one read.
    pub(super) fn question(&self) -> Asked {
        let mut participants: Vec<Table> = self.roles.iter().map(Role::table).collect();
        let mut painter = Table::default();
        painter.push("name", text("painter"));
        painter.push("usage", list([text("cpu-read"), text("cpu-write")]));
        participants.push(painter);
        Asked { participants, request: Table::default() }
    }

    /// The same with a recorder that takes scattered memory alone. Where nobody needs contiguous
    /// memory so far, the camera does so now: `insists`.
    pub(super) fn impossible(&self, insists: bool) -> Asked {
        let mut asked = self.question();
        for table in asked.participants.iter_mut().filter(|_| insists) {
            if table.get("name").is_some_and(|name| name.value == text("camera")) {
                table.push("contiguous", Value::Bool(true));
            }
        }
        let mut recorder = Table::default();
        recorder.push("name", text("recorder"));
        recorder.push("heaps", list([text("system")]));
        asked.participants.push(recorder);
        asked
    }
}

fn with_node(topology: &Topology) -> impl Iterator<Item = &Device> {
    topology.devices.iter().filter(|device| !device.nodes.is_empty())
}

fn is_card(node: &Name) -> bool {
    node.rsplit('/').next().is_some_and(|name| name.starts_with("card"))
}

impl Role {
    fn table(&self) -> Table {
        let mut table = Table::default();
        table.push("name", text(self.name));
        if let Some(device) = &self.device {
            table.push("device", text(device));
        }
        table.push("usage", list([text(self.usage)]));
        table.push("held", Value::Integer(self.held.into()));
        let mut format = Table::default();
        format.push("fourcc", text(FOURCC));
        let extent = [WIDTH, HEIGHT].map(|pixels| Value::Integer(pixels.into()));
        format.push("min-extent", list(extent));
        table.push("format", list([Value::Table(format)]));
        table
    }
}

/// The question for people.
pub(super) fn in_words(roles: &[Role]) -> String {
    let mut said =
        format!("\nWhich memory can these share, for {FOURCC} frames of {WIDTH}x{HEIGHT}?\n");
    // Writing to a string cannot fail.
    for Role { name, usage, held, device, driver } in roles {
        let device = printable(device.as_deref().unwrap_or("(none on this machine)"));
        let driver = driver.as_deref().map(|driver| format!(" ({})", printable(driver)));
        let driver = driver.unwrap_or_default();
        let _ = writeln!(said, "  {name:<8} {device}{DIM}{driver}{DIM:#}: {usage}, keeps {held}");
    }
    said.push_str("  painter  this process: cpu-read, cpu-write\n");
    said
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn list<const N: usize>(values: [Value; N]) -> Value {
    Value::List(values.map(Node::new).into())
}
