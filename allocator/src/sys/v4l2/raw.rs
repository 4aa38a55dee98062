//! Structures and request numbers of `linux/videodev2.h`, for single-planar queues. The numbers
//! contain the sizes, so a structure of a wrong size is a request that the kernel does not know.

/// `V4L2_CAP_DEVICE_CAPS`
pub(super) const DEVICE_CAPS: u32 = 0x8000_0000;
/// `V4L2_BUF_FLAG_ERROR`
pub(super) const BUF_FLAG_ERROR: u32 = 0x0000_0040;
/// `V4L2_FIELD_NONE`
pub(super) const FIELD_NONE: u32 = 1;

#[repr(C)]
#[derive(Default)]
pub(super) struct Capability {
    pub driver: [u8; 16],
    pub card: [u8; 32],
    pub bus_info: [u8; 32],
    pub version: u32,
    pub capabilities: u32,
    pub device_caps: u32,
    pub(super) reserved: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct PixFormat {
    pub width: u32,
    pub height: u32,
    pub pixelformat: u32,
    pub field: u32,
    pub bytesperline: u32,
    pub sizeimage: u32,
    pub colorspace: u32,
    pub private: u32,
    pub flags: u32,
    pub encoding: u32,
    pub quantization: u32,
    pub xfer_func: u32,
}

/// The union in it holds pointers (`v4l2_window`), hence the alignment, and takes 200 bytes.
#[repr(C)]
pub(super) struct Format {
    pub kind: u32,
    pub(super) align: [usize; 0],
    pub pix: PixFormat,
    pub(super) rest: [u8; 200 - size_of::<PixFormat>()],
}

impl Default for Format {
    fn default() -> Self {
        let rest = [0; 200 - size_of::<PixFormat>()];
        Self { kind: 0, align: [], pix: PixFormat::default(), rest }
    }
}

#[repr(C)]
#[derive(Default)]
pub(super) struct RequestBuffers {
    pub count: u32,
    pub kind: u32,
    pub memory: u32,
    pub capabilities: u32,
    pub flags: u8,
    pub(super) reserved: [u8; 3],
}

/// A union of a descriptor, an offset and pointers: as long as a pointer, the descriptor first.
#[repr(C)]
#[derive(Default)]
pub(super) struct Place {
    pub(super) align: [usize; 0],
    pub fd: i32,
    rest: [u32; size_of::<usize>() / 4 - 1],
}

#[repr(C)]
#[derive(Default)]
pub(super) struct Buffer {
    pub index: u32,
    pub kind: u32,
    pub bytesused: u32,
    pub flags: u32,
    pub field: u32,
    pub(super) timestamp: [usize; 2],
    pub(super) timecode: [u32; 4],
    pub sequence: u32,
    pub memory: u32,
    pub m: Place,
    pub length: u32,
    pub(super) reserved2: u32,
    pub(super) request_fd: i32,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct ExportBuffer {
    pub kind: u32,
    pub index: u32,
    pub plane: u32,
    pub flags: u32,
    pub fd: i32,
    pub(super) reserved: [u32; 11],
}

nix::ioctl_read!(querycap, b'V', 0, Capability);
nix::ioctl_readwrite!(g_fmt, b'V', 4, Format);
nix::ioctl_readwrite!(s_fmt, b'V', 5, Format);
nix::ioctl_readwrite!(reqbufs, b'V', 8, RequestBuffers);
nix::ioctl_readwrite!(qbuf, b'V', 15, Buffer);
nix::ioctl_readwrite!(expbuf, b'V', 16, ExportBuffer);
nix::ioctl_readwrite!(dqbuf, b'V', 17, Buffer);
nix::ioctl_write_ptr!(streamon, b'V', 18, i32);
nix::ioctl_write_ptr!(streamoff, b'V', 19, i32);

#[cfg(test)]
mod tests {
    use super::{Buffer, Capability, ExportBuffer, Format, RequestBuffers};

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn sizes_and_offsets_are_those_of_the_header() {
        assert_eq!(size_of::<Capability>(), 104);
        assert_eq!(size_of::<Format>(), 208);
        assert_eq!(std::mem::offset_of!(Format, pix), 8);
        assert_eq!(size_of::<RequestBuffers>(), 20);
        assert_eq!(size_of::<Buffer>(), 88);
        assert_eq!(std::mem::offset_of!(Buffer, m), 64);
        assert_eq!(size_of::<ExportBuffer>(), 64);
    }
}
