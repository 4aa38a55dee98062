//! A board for machines that have nothing to show.

use super::{Observation, snapshot};

/// The snapshot, for tools that let people read it.
pub const BUNDLED_BOARD: &str = include_str!("../../../tests/boards/rock-5b.toml");

/// The Rock 5B: camera, codecs, display and GPU of an RK3588, with the heaps of a mainline kernel.
#[must_use]
pub fn bundled_board() -> Observation {
    // It is compiled in, and a test reads it: it can be read.
    snapshot::read(BUNDLED_BOARD).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::bundled_board;
    use crate::discover::snapshot;

    #[test]
    fn it_can_be_read_and_written() {
        let board = bundled_board();
        assert_eq!((board.heaps.len(), board.devices.len()), (3, 7));
        let text = snapshot::write(&board).unwrap();
        assert_eq!(snapshot::read(&text).unwrap(), board, "{text}");
    }
}
