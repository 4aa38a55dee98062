//! What an administrator meets in the journal: each kind of message has an id to search by, and an
//! entry in the catalogue (`data/heapq.catalog`) that says what to do about it.

/// A client was refused: it lacks a right, holds enough already, or there is no memory.
pub const REFUSED: &str = "43d218198930450c859048ab3db84040";
/// Something is to be said of a policy file.
pub const POLICY: &str = "4a400a40507946ff8eee509ffd3a72ea";
/// All heaps that would serve have vanished.
pub const HEAP_GONE: &str = "af5bbb38d0534a63a8dc6226a4f54b33";
/// A private connection was refused or ended by the service.
pub const DROPPED: &str = "c021d829f6a94608b98c1d738d0c953d";

/// All of them.
pub const ALL: [&str; 4] = [REFUSED, POLICY, HEAP_GONE, DROPPED];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn each_has_its_entry_in_the_catalogue() {
        let catalogue = include_str!("../data/heapq.catalog");
        let entries: Vec<&str> =
            catalogue.lines().filter_map(|line| line.strip_prefix("-- ")).collect();
        assert_eq!(entries, ALL);
        for id in ALL {
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
    }
}
