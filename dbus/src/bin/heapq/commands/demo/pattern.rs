//! The test pattern: bytes that tell frame, buffer and place, so that a frame in another's place,
//! or a row in another's, is not taken for right.

use heapq_allocator::sys::dma_buf::{Direction, begin_access, end_access};
use heapq_allocator::sys::mapping::Mapping;
use std::io;
use std::os::fd::AsFd;

/// Bytes that are written or compared at a time.
const STRIP: usize = 64 << 10;

/// Which bytes a buffer is to hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    /// The index of the buffer among all.
    pub(super) index: u64,
    /// Bytes that are drawn.
    pub(super) size: u64,
    /// Whether the buffer is a dma-buf, so that access has to be announced.
    pub(super) dma_buf: bool,
}

impl Pattern {
    /// Draws it through a mapping of its own.
    pub(super) fn write(self, buffer: impl AsFd) -> io::Result<()> {
        let mut mapping = Mapping::new(&buffer, self.size)?;
        self.announced(&buffer, Direction::WRITE, || {
            let length = mapping.len();
            for start in (0..length).step_by(STRIP) {
                let strip = self.strip(start, length);
                mapping.write_at(start, &strip)?;
            }
            Ok(())
        })
    }

    /// Whether a mapping of its own shows it.
    pub(super) fn is_in(self, buffer: impl AsFd) -> io::Result<bool> {
        let mapping = Mapping::new(&buffer, self.size)?;
        self.announced(&buffer, Direction::READ, || {
            let length = mapping.len();
            let mut found = vec![0; STRIP];
            for start in (0..length).step_by(STRIP) {
                let wanted = self.strip(start, length);
                let found = &mut found[..wanted.len()];
                mapping.read_at(start, found)?;
                if *found != *wanted {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn announced<T>(
        self,
        buffer: &impl AsFd,
        direction: Direction,
        access: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        if !self.dma_buf {
            return access();
        }
        begin_access(buffer.as_fd(), direction)?;
        let done = access();
        end_access(buffer.as_fd(), direction)?;
        done
    }

    /// The bytes from `start` on, a strip of them or what is left of `length`.
    fn strip(self, start: usize, length: usize) -> Vec<u8> {
        let end = start.saturating_add(STRIP).min(length);
        (start..end).map(|at| self.byte(at)).collect()
    }

    fn byte(self, at: usize) -> u8 {
        // 251 is prime, so no stride and no frame size brings the same byte to the same place.
        let place = (at as u64).wrapping_add(self.index.wrapping_mul(97)) % 251;
        u8::try_from(place).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    #[test]
    fn what_one_mapping_wrote_another_finds_and_nothing_else() {
        let buffer = memfd_create("heapq-demo", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&buffer, 1 << 18).unwrap();
        let pattern = Pattern { index: 2, size: 200_000, dma_buf: false };
        assert!(!pattern.is_in(&buffer).unwrap(), "an empty buffer is not right");
        pattern.write(&buffer).unwrap();
        assert!(pattern.is_in(&buffer).unwrap());
        assert!(!Pattern { index: 3, ..pattern }.is_in(&buffer).unwrap(), "another frame's place");
        Mapping::new(&buffer, 1 << 18).unwrap().write_at(199_999, &[255]).unwrap();
        assert!(!pattern.is_in(&buffer).unwrap(), "the last byte counts");
    }
}
