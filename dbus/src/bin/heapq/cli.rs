//! The command line as typed.

use crate::ask::Ask;
use crate::problem::Problem;
use clap::{Args, Parser, Subcommand, ValueEnum};
use heapq_allocator::discover::Described;
use std::ffi::OsString;
use std::path::PathBuf;

/// Finds the memory that several devices can share, and hands it out as dma-bufs.
///
/// Without a command: what this machine offers (`heapq status`).
#[derive(Debug, Parser)]
#[command(name = "heapq", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit status: 0 ok; 1 failure; 2 usage; 3 conflict; 4 not authorised; 5 over quota or no memory; \
6 no daemon where one was demanded; 7 invalid policy or question.";

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Global {
    /// Print data: `short` (one line) or `pretty`; without a form, `pretty` on a terminal.
    #[arg(long, global = true, value_name = "FORM", num_args = 0..=1, require_equals = true,
          default_missing_value = "auto", hide_possible_values = true)]
    pub(crate) json: Option<Json>,
    /// Look at this directory, which holds sys/ (a capture, an image), not at the running machine.
    #[arg(long, global = true, value_name = "DIR", conflicts_with_all = ["daemon", "bus", "session"])]
    pub(crate) root: Option<PathBuf>,
    /// Look at the board that this flattened devicetree describes, with the heaps that a current
    /// kernel makes on it.
    #[arg(long, global = true, value_name = "FILE",
          conflicts_with_all = ["root", "daemon", "bus", "session"])]
    pub(crate) dtb: Option<PathBuf>,
    /// Look at the machine of which `heapq snapshot` wrote this file.
    #[arg(long, global = true, value_name = "FILE",
          conflicts_with_all = ["root", "dtb", "daemon", "bus", "session"])]
    pub(crate) snapshot: Option<PathBuf>,
    /// Policy files from here, and not from the system's directories; repeatable, the last wins.
    #[arg(long, global = true, value_name = "DIR", conflicts_with_all = ["daemon", "bus", "session"])]
    pub(crate) policy_dir: Vec<PathBuf>,
    /// Ask the daemon on the bus at this D-Bus address, or behind the socket at this absolute path.
    #[arg(long, global = true, value_name = "ADDRESS", conflicts_with_all = ["session", "offline"])]
    pub(crate) bus: Option<String>,
    /// Ask the daemon on the session bus.
    #[arg(long, global = true, conflicts_with = "offline")]
    pub(crate) session: bool,
    /// Ask no daemon: solve and allocate in this process.
    #[arg(long, global = true, conflicts_with = "daemon")]
    pub(crate) offline: bool,
    /// Fail (exit status 6) when no daemon answers.
    #[arg(long, global = true)]
    pub(crate) daemon: bool,
    /// When to colour: `auto` (on a terminal, unless NO_COLOR is set), `always` or `never`.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) color: When,
    /// Leave out the headings of tables.
    #[arg(long, global = true)]
    pub(crate) no_legend: bool,
}

impl Global {
    /// A directory that is not there holds nothing, but one that is named is meant.
    pub(crate) fn named_dirs_are_there(&self) -> Result<(), Problem> {
        self.root.iter().chain(&self.policy_dir).try_for_each(|dir| match std::fs::read_dir(dir) {
            Ok(_) => Ok(()),
            Err(source) => Err(Problem::Named { path: dir.clone(), source }),
        })
    }

    /// Refuses the first of these options that was given: `command` cannot heed it.
    pub(crate) fn refuse(
        &self,
        options: &[&str],
        command: &'static str,
        why: &'static str,
    ) -> Result<(), Problem> {
        let given = [
            ("--root", self.root.is_some()),
            ("--dtb", self.dtb.is_some()),
            ("--snapshot", self.snapshot.is_some()),
            ("--policy-dir", !self.policy_dir.is_empty()),
            ("--bus", self.bus.is_some()),
            ("--session", self.session),
            ("--offline", self.offline),
            ("--daemon", self.daemon),
        ];
        match given.iter().find(|(option, given)| *given && options.contains(option)) {
            Some((option, _)) => Err(Problem::Option { command, option, why }),
            None => Ok(()),
        }
    }

    /// The machine that is to be looked at, where it is described and has no directory.
    pub(crate) fn described(&self) -> Option<Described> {
        let dtb = self.dtb.clone().map(Described::Devicetree);
        dtb.or_else(|| self.snapshot.clone().map(Described::Snapshot))
    }
}

/// Options that name another machine than the running one.
pub(crate) const MACHINES: [&str; 3] = ["--root", "--dtb", "--snapshot"];

/// Options that demand a daemon.
pub(crate) const DAEMONS: [&str; 3] = ["--bus", "--session", "--daemon"];

/// The form of data that a command line asks for which is not well-formed otherwise. What `--exec` runs
/// has options of its own.
pub(crate) fn json_typed(arguments: impl Iterator<Item = OsString>) -> Option<Json> {
    let ours = arguments.take_while(|one| one != "--" && one != "--exec");
    let forms = ours.filter_map(|one| match one.to_str()?.strip_prefix("--json")? {
        "=short" => Some(Json::Short),
        "=pretty" => Some(Json::Pretty),
        other => (other.is_empty() || other.starts_with('=')).then_some(Json::Auto),
    });
    forms.last()
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Json {
    /// `pretty` on a terminal, else `short`.
    Auto,
    /// One line.
    Short,
    /// Indented.
    Pretty,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what this machine offers, and who serves it.
    Status,
    /// List the heaps.
    Heaps {
        /// Only these, by name, alias or role, with all that is known of them.
        heaps: Vec<String>,
    },
    /// List the devices with what is known of their needs.
    Devices {
        /// Only these: a node (/dev/video0), a path in sysfs, driver:NAME, a PCI address, udev's ID_PATH.
        devices: Vec<String>,
    },
    /// Say which heap would serve, and allocate nothing.
    #[command(visible_alias = "solve")]
    Plan(Ask),
    /// Say which heap would serve and why each other one does not, or what is in the way.
    Explain {
        #[command(flatten)]
        ask: Ask,
        /// What a case asks, on the case's own board and heaps.
        #[arg(long, value_name = "CASE.toml", conflicts_with_all = ["participants", "file"])]
        case: Option<PathBuf>,
        /// Where to look for the devicetree of the case's board, as in `heapq test`.
        #[arg(long, value_name = "DIR", requires = "case")]
        dtb_dir: Vec<PathBuf>,
    },
    /// Allocate, and give the buffers to a command; without one, show them and give them back.
    Alloc {
        #[command(flatten)]
        ask: Ask,
        /// Run this with the buffers as its file descriptors from 3 on (HEAPQ_FDS says how many)
        /// and end with its exit status. Takes the rest of the command line.
        #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true)]
        exec: Vec<OsString>,
        /// Plain memfds that are no dma-bufs: for tries on a machine without heaps. Allocates in
        /// this process.
        #[arg(long, conflicts_with_all = ["daemon", "bus", "session"])]
        stand_in: bool,
    },
    /// Write what this machine shows as a file that takes its place, without serial numbers and names.
    Snapshot,
    /// Run cases: questions with the answers that are expected.
    Test {
        /// Case files, or directories that are searched for them.
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        /// Where to look for a board's devicetree that is not beside its case; repeatable. Directories
        /// directly below count too, as kernels install them by vendor. After these, installed
        /// kernels and what `make boards` fetched are searched.
        #[arg(long, value_name = "DIR")]
        dtb_dir: Vec<PathBuf>,
        /// Print only what did not pass, and the count.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Show who holds which buffers, of which leases and after them. Root, and whom a grant lets
    /// reload, see everybody's.
    Usage,
    /// Measure how fast the heaps are: at most 16 MiB and about a second for each.
    Bench {
        /// Only these, by name, alias or role.
        heaps: Vec<String>,
        /// Write the weights that follow as a policy file: to this file, into this directory, or `-`
        /// for standard output.
        #[arg(long, value_name = "FILE|DIR")]
        write: Option<PathBuf>,
        /// Plain memfds that are no dma-bufs: for tries on a machine without heaps.
        #[arg(long, conflicts_with_all = ["heaps", "write"])]
        stand_in: bool,
    },
    /// Learn what an idle device takes: give it buffers from each heap, and take them back.
    Probe {
        /// A node (/dev/video0, /dev/dri/card0) or what else has only one.
        device: String,
        /// Write what is proven as a policy file: to this file, into this directory, or `-` for
        /// standard output.
        #[arg(long, value_name = "FILE|DIR")]
        write: Option<PathBuf>,
        /// How long to wait for the device's driver each time.
        #[arg(long, value_name = "SECONDS", default_value_t = 10,
              value_parser = clap::value_parser!(u64).range(1..=600))]
        limit: u64,
    },
    /// Print what completes this command in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Show the main job on this machine: ask, allocate, pass on, write, read.
    Demo,
    /// Check policy files, and see what they say.
    #[command(subcommand)]
    Policy(Policy),
    /// Play the display of `heapq demo`: started by it.
    #[command(hide = true, name = "demo-display")]
    DemoDisplay,
    /// Have the device of `heapq probe`: started by it.
    #[command(hide = true, name = "probe-subject")]
    ProbeSubject {
        /// The node.
        node: PathBuf,
    },
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Tell everything that is wrong with policy files.
    Check {
        /// Files or directories of policies; without any, those that are in force.
        #[arg(value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
    },
    /// Show what the rules say of a device, use by use, and who says it.
    Show {
        /// A node (/dev/video0), a path in sysfs, driver:NAME, a PCI address, udev's ID_PATH.
        device: String,
    },
    /// Print all policy files in the order in which they take effect.
    Cat,
    /// Tell which rules apply to a device, which nearly do, and the condition that fails.
    ExplainMatch {
        /// As for `show`.
        device: String,
        /// Rules that are shown whatever they speak of: a file's name, or FILE:LINE.
        #[arg(value_name = "FILE[:LINE]")]
        rules: Vec<String>,
        /// What the device does with the buffer; without it, rules for single uses do not apply.
        #[arg(long, value_name = "USAGE", value_delimiter = ',')]
        usage: Vec<String>,
    },
    /// Print the JSON Schema of policy files.
    Schema,
}
