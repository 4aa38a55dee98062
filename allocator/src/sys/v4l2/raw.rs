//! Structures and request numbers of `linux/videodev2.h`. The numbers contain the sizes, so a
//! structure of a wrong size is a request that the kernel does not know.

/// `V4L2_CAP_DEVICE_CAPS`
pub(super) const DEVICE_CAPS: u32 = 0x8000_0000;
/// `V4L2_BUF_FLAG_ERROR`
pub(super) const BUF_FLAG_ERROR: u32 = 0x0000_0040;
/// `V4L2_FIELD_NONE`
pub(super) const FIELD_NONE: u32 = 1;
/// `VIDEO_MAX_PLANES`
pub(super) const PLANES_MAX: usize = 8;

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

/// One plane in [`PixFormatPlanes`].
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub(super) struct PlaneFormat {
    pub sizeimage: u32,
    pub bytesperline: u32,
    reserved: [u16; 6],
}

/// `v4l2_pix_format_mplane`
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
pub(super) struct PixFormatPlanes {
    pub width: u32,
    pub height: u32,
    pub pixelformat: u32,
    pub field: u32,
    pub colorspace: u32,
    pub planes: [PlaneFormat; PLANES_MAX],
    pub count: u8,
    rest: [u8; 11],
}

/// [`Format`] of a multi-planar queue.
#[repr(C)]
#[derive(Default)]
pub(super) struct FormatPlanes {
    pub kind: u32,
    pub(super) align: [usize; 0],
    pub pix: PixFormatPlanes,
    pub(super) rest: [u8; 200 - size_of::<PixFormatPlanes>()],
}

/// [`Format`], whatever the kind of queue makes of it.
#[repr(C)]
pub(super) struct FormatBytes {
    pub kind: u32,
    pub(super) align: [usize; 0],
    pub bytes: [u8; 200],
}

/// `v4l2_plane`: where the contents of one plane are.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Plane {
    pub bytesused: u32,
    pub length: u32,
    pub m: Place,
    pub data_offset: u32,
    reserved: [u32; 11],
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
#[derive(Clone, Copy, Default)]
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

/// [`Buffer`] of a multi-planar queue: `length` is the number of planes, to which `planes` points.
#[repr(C)]
pub(super) struct BufferPlanes {
    pub index: u32,
    pub kind: u32,
    bytesused: u32,
    pub flags: u32,
    pub field: u32,
    timestamp: [usize; 2],
    timecode: [u32; 4],
    sequence: u32,
    pub memory: u32,
    pub planes: *mut Plane,
    pub length: u32,
    reserved2: u32,
    request_fd: i32,
}

impl BufferPlanes {
    pub(super) fn of(kind: u32, memory: u32, index: u32, planes: &mut [Plane; PLANES_MAX]) -> Self {
        Self {
            index,
            kind,
            bytesused: 0,
            flags: 0,
            field: FIELD_NONE,
            timestamp: [0; 2],
            timecode: [0; 4],
            sequence: 0,
            memory,
            planes: planes.as_mut_ptr(),
            length: 0,
            reserved2: 0,
            request_fd: 0,
        }
    }
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
nix::ioctl_readwrite!(g_fmt_bytes, b'V', 4, FormatBytes);
nix::ioctl_readwrite!(s_fmt_bytes, b'V', 5, FormatBytes);
nix::ioctl_readwrite!(g_fmt_planes, b'V', 4, FormatPlanes);
nix::ioctl_readwrite!(s_fmt_planes, b'V', 5, FormatPlanes);
nix::ioctl_readwrite!(reqbufs, b'V', 8, RequestBuffers);
nix::ioctl_readwrite!(qbuf, b'V', 15, Buffer);
nix::ioctl_readwrite!(qbuf_planes, b'V', 15, BufferPlanes);
nix::ioctl_readwrite!(expbuf, b'V', 16, ExportBuffer);
nix::ioctl_readwrite!(dqbuf, b'V', 17, Buffer);
nix::ioctl_readwrite!(dqbuf_planes, b'V', 17, BufferPlanes);
nix::ioctl_write_ptr!(streamon, b'V', 18, i32);
nix::ioctl_write_ptr!(streamoff, b'V', 19, i32);

#[cfg(test)]
mod tests {
    use super::{
        Buffer, BufferPlanes, Capability, ExportBuffer, Format, FormatBytes, FormatPlanes,
    };
    use super::{PixFormatPlanes, Plane, PlaneFormat, RequestBuffers};
    use std::mem::offset_of;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn sizes_and_offsets_are_those_of_the_header() {
        assert_eq!(size_of::<Capability>(), 104);
        assert_eq!(size_of::<Format>(), 208);
        assert_eq!(offset_of!(Format, pix), 8);
        assert_eq!((size_of::<FormatBytes>(), offset_of!(FormatBytes, bytes)), (208, 8));
        assert_eq!((size_of::<FormatPlanes>(), offset_of!(FormatPlanes, pix)), (208, 8));
        assert_eq!((size_of::<PixFormatPlanes>(), size_of::<PlaneFormat>()), (192, 20));
        assert_eq!(offset_of!(PixFormatPlanes, count), 180);
        assert_eq!((size_of::<Plane>(), offset_of!(Plane, data_offset)), (64, 16));
        assert_eq!(size_of::<RequestBuffers>(), 20);
        assert_eq!(size_of::<Buffer>(), 88);
        assert_eq!(offset_of!(Buffer, m), 64);
        assert_eq!((size_of::<BufferPlanes>(), offset_of!(BufferPlanes, planes)), (88, 64));
        assert_eq!(offset_of!(BufferPlanes, length), offset_of!(Buffer, length));
        assert_eq!(size_of::<ExportBuffer>(), 64);
    }
}
