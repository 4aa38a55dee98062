//! The agreement matrix: for each importer, heap and size of a machine, what heapq says and what the
//! kernel does. A guest writes cells, a line each; the host reads them.

pub mod report;
mod sum;

pub use sum::Sum;

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a line of a guest's begins with that is a cell.
const MARK: &str = "cell ";

/// One heap's buffers of one size, given to one importer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cell {
    /// Of which guest.
    pub machine: String,
    /// A queue or a card, by a name that no other importer of the machine has.
    pub importer: String,
    /// By its first name.
    pub heap: String,
    /// The heap's buffers are not contiguous.
    pub scattered: bool,
    /// Pixels a row and rows; what the importer was asked to make of them decides the size.
    pub picture: (u32, u32),
    /// The largest buffer of a frame, in bytes.
    pub bytes: u64,
    /// What heapq says.
    pub verdict: Verdict,
    /// What the importer does.
    pub kernel: Kernel,
    /// Parts of the bounce buffer that were taken while the importer had the buffers: it then reads and
    /// writes copies.
    pub bounced: u64,
    /// Why heapq was right to refuse what the kernel accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What `Plan` answers for this importer, heap and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The heap serves.
    Accept,
    /// Nothing is known of the importer; the answer says so.
    Assumed,
    /// The heap does not serve, for these keys.
    Refuse(Vec<String>),
}

/// What the kernel does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// It imports every buffer.
    Accepts,
    /// It refuses one.
    Refuses {
        /// The call that failed.
        call: String,
        /// How.
        error: String,
    },
}

/// That a buffer was accepted by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Other buffers of that heap and size are refused: the first one was so after so many.
    Luck {
        /// Counted from 1.
        refused: u32,
    },
    /// The importer got a copy.
    Bounce,
}

/// How the two compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// Both accept.
    Accepted,
    /// Both refuse.
    Refused,
    /// heapq says that it does not know.
    Assumed,
    /// heapq refuses, and the kernel took it by accident.
    Lucky,
    /// heapq refuses, and the kernel took a copy.
    Copied,
    /// heapq refuses what the kernel accepts.
    FalseReject,
    /// heapq accepts what the kernel refuses, or silently copies.
    FalseAccept,
}

impl Cell {
    /// How the two compare.
    #[must_use]
    pub fn judge(&self) -> Judgement {
        let honest = self.kernel == Kernel::Accepts && self.bounced == 0;
        match (&self.verdict, &self.kernel, self.proof) {
            (Verdict::Assumed, ..) => Judgement::Assumed,
            (Verdict::Accept, ..) if honest => Judgement::Accepted,
            (Verdict::Accept, ..) => Judgement::FalseAccept,
            (Verdict::Refuse(_), Kernel::Refuses { .. }, _) => Judgement::Refused,
            (Verdict::Refuse(_), Kernel::Accepts, None) => Judgement::FalseReject,
            (Verdict::Refuse(_), Kernel::Accepts, Some(Proof::Luck { .. })) => Judgement::Lucky,
            (Verdict::Refuse(_), Kernel::Accepts, Some(Proof::Bounce)) => Judgement::Copied,
        }
    }

    /// Whether this key is among those for which heapq refuses.
    #[must_use]
    pub fn refused_for(&self, key: &str) -> bool {
        matches!(&self.verdict, Verdict::Refuse(keys) if keys.iter().any(|other| other == key))
    }

    /// The line that [`read`] reads.
    ///
    /// # Errors
    /// None that these types can have.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{MARK}{}", serde_json::to_string(self)?))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, importer, heap, bytes, .. } = self;
        write!(f, "{machine}: {importer}, {bytes} bytes of {heap}: heapq ")?;
        match &self.verdict {
            Verdict::Accept => write!(f, "accepts")?,
            Verdict::Assumed => write!(f, "does not know")?,
            Verdict::Refuse(keys) => write!(f, "refuses ({})", keys.join(", "))?,
        }
        match &self.kernel {
            Kernel::Accepts => write!(f, ", the kernel accepts")?,
            Kernel::Refuses { call, error } => write!(f, ", the kernel refuses ({call}: {error})")?,
        }
        if self.bounced > 0 {
            write!(f, ", by a copy in {} parts of the bounce buffer", self.bounced)?;
        }
        match self.proof {
            Some(Proof::Luck { refused }) => write!(f, "; refused at attempt {refused}"),
            Some(Proof::Bounce) | None => Ok(()),
        }
    }
}

/// The cell in a line; `None` for a line that is none.
///
/// # Errors
/// A line that claims to be one and is not.
pub fn read(line: &str) -> Option<Result<Cell, serde_json::Error>> {
    line.strip_prefix(MARK).map(serde_json::from_str)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn cell(verdict: Verdict, kernel: Kernel) -> Cell {
        Cell {
            machine: "m".to_owned(),
            importer: "i".to_owned(),
            heap: "system".to_owned(),
            scattered: true,
            picture: (640, 360),
            bytes: 460_800,
            verdict,
            kernel,
            bounced: 0,
            proof: None,
        }
    }

    pub(crate) fn refused() -> Kernel {
        Kernel::Refuses { call: "QBUF".to_owned(), error: "EFAULT".to_owned() }
    }

    pub(crate) fn refuse() -> Verdict {
        Verdict::Refuse(vec!["contiguous".to_owned()])
    }

    #[test]
    fn each_pair_of_verdicts_has_its_judgement() {
        for (verdict, kernel, expected) in [
            (Verdict::Accept, Kernel::Accepts, Judgement::Accepted),
            (Verdict::Accept, refused(), Judgement::FalseAccept),
            (Verdict::Assumed, Kernel::Accepts, Judgement::Assumed),
            (Verdict::Assumed, refused(), Judgement::Assumed),
            (refuse(), refused(), Judgement::Refused),
            (refuse(), Kernel::Accepts, Judgement::FalseReject),
        ] {
            assert_eq!(cell(verdict, kernel).judge(), expected);
        }
    }

    #[test]
    fn what_was_copied_is_not_accepted() {
        let copied = Cell { bounced: 3, ..cell(Verdict::Accept, Kernel::Accepts) };
        assert_eq!(copied.judge(), Judgement::FalseAccept);
    }

    #[test]
    fn a_proof_makes_a_rejection_right() {
        for (proof, expected) in
            [(Proof::Luck { refused: 2 }, Judgement::Lucky), (Proof::Bounce, Judgement::Copied)]
        {
            let proven = Cell { proof: Some(proof), ..cell(refuse(), Kernel::Accepts) };
            assert_eq!(proven.judge(), expected);
            // And nothing else.
            let refused = Cell { proof: Some(proof), ..cell(Verdict::Accept, refused()) };
            assert_eq!(refused.judge(), Judgement::FalseAccept);
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let cell = Cell { proof: Some(Proof::Luck { refused: 1 }), ..cell(refuse(), refused()) };
        assert_eq!(read(&cell.line().unwrap()).unwrap().unwrap(), cell);
        assert!(read("ok nodes: fine").is_none());
        assert!(read("cell {").unwrap().is_err());
    }
}
