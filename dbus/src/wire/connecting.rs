//! The options of `Connect`.

use crate::error::Error;
use crate::gate::DESCRIPTORS;
use heapq_constraints::value::{Table, Value};

/// Most descriptors that Linux carries in one message (`SCM_MAX_FD`).
pub const DESCRIPTORS_MAX: u32 = 253;

/// How many descriptors the client takes in one message.
pub const MAX_FDS: &str = "max-fds";

/// How many descriptors the client takes in one message: as many as on a bus, unless it says
/// otherwise.
///
/// # Errors
/// `InvalidConstraint` for an option that is not known, or a number that does not do.
pub fn max_fds(options: &Table) -> Result<usize, Error> {
    let mut most = DESCRIPTORS;
    for entry in &options.entries {
        let key = &entry.key;
        if key != MAX_FDS {
            let complaint = format!("{key}: no option of Connect; there is {MAX_FDS}");
            return Err(Error::InvalidConstraint(complaint));
        }
        let stated = match &entry.node.value {
            Value::Integer(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        // One buffer and a receipt have to fit.
        let fitting = stated.filter(|most| (2..=DESCRIPTORS_MAX).contains(most));
        most = fitting.and_then(|most| usize::try_from(most).ok()).ok_or_else(|| {
            Error::InvalidConstraint(format!("{key}: expected an integer, 2 to {DESCRIPTORS_MAX}"))
        })?;
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_option_or_out_of_range_is_named() {
        let options = |key: &str, value: Value| {
            let mut table = Table::default();
            table.push(key, value);
            max_fds(&table)
        };
        assert_eq!(max_fds(&Table::default()), Ok(16));
        assert_eq!(options("max-fds", Value::Integer(253)), Ok(253));
        for (key, value) in [
            ("max-fds", Value::Integer(1)),
            ("max-fds", Value::Integer(254)),
            ("max-fds", Value::Integer(-3)),
            ("max-fds", Value::Text("many".into())),
            ("max_fds", Value::Integer(16)),
        ] {
            let refused = options(key, value).unwrap_err();
            assert!(refused.text().contains(key), "{refused}");
        }
    }
}
