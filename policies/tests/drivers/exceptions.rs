//! Rows that mean something else than their columns say, each with its reason.

use crate::table::Row;

/// Rows that are no device which a client can name and a rule can match.
pub(crate) const NO_DEVICE: &[(&str, &str)] = &[
    ("(any DVB demux)", "its nodes are of class dvb, which take no dma-bufs: nobody can name one"),
    ("saa7134-go7007", "a module without a driver: its nodes hang on devices of saa7134"),
    ("v4l2_pci_skeleton", "a sample, for nobody's hardware"),
    ("st7571", "the module that the drivers st7571-i2c and st7571-spi use"),
    ("ssd130x", "the module that the drivers ssd130x-i2c and ssd130x-spi use"),
    ("(gadget function)", "it is in the gadget's device, told by bus and class; a test of its own"),
];

/// Compatibles that another driver matches too, which does something else with buffers: as long as none
/// is bound, the rules speak of that one.
pub(crate) const SHARED: &[(&str, &str, &str)] =
    &[("s5p-g2d", "samsung,exynos4212-g2d", "exynos-drm-g2d imports, with the same engine")];

/// A module parameter that decides the kind of a `param` row.
pub(crate) struct Setting {
    pub(crate) parameter: &'static str,
    /// As sysfs shows it.
    pub(crate) value: &'static str,
    pub(crate) kind: &'static str,
}

/// Every value of the parameter that decides; empty: none does, or rules cannot see it.
pub(crate) fn settings(row: &Row) -> &'static [Setting] {
    const fn setting(parameter: &'static str, value: &'static str, kind: &'static str) -> Setting {
        Setting { parameter, value, kind }
    }
    match row.driver {
        "tw686x" => {
            const {
                &[
                    setting("dma_mode", "memcpy", "vmalloc"),
                    setting("dma_mode", "contig", "contig"),
                    setting("dma_mode", "sg", "sg"),
                ]
            }
        }
        "vivid" => {
            const { &[setting("allocators", "0", "vmalloc"), setting("allocators", "1", "contig")] }
        }
        "vimc" => {
            const { &[setting("allocator", "0", "vmalloc"), setting("allocator", "1", "contig")] }
        }
        _ => &[],
    }
}

/// The kind as which the row is to be read for a device with this `compatible`.
pub(crate) fn kind(row: &Row, compatible: Option<&str>, usage: &str) -> &'static str {
    let shown = usage == "scanout";
    match row.driver {
        // Notes of these rows: a foreign buffer is never where the display reads.
        "amdgpu" | "radeon" | "loongson" if shown => "none",
        "nouveau" if shown && row.bus == "pci" => "none",
        // It becomes amdgpu's node, with its functions (amdgpu_xcp.c:309-316).
        "amdxcp" => "sg",
        // `sg|contig` by chip: with a DMM, or with page tables in the engine.
        "omapdrm" | "omapdss_dispc" | "dmm" => match compatible {
            None if row.driver != "dmm" => "contig",
            Some("ti,omap2-dispc" | "ti,omap3-dispc") => "contig",
            _ => "sg",
        },
        "rockchip-rga" => match compatible {
            Some("rockchip,rk3288-rga" | "rockchip,rk3399-rga") => "sg",
            _ => "contig",
        },
        // Objects of the shmem helper, but no import callback (rocket_drv.c:146-156, drm_prime.c:987).
        "rocket" => "none",
        // Its own domain only with a module parameter (amdxdna_iommu.c:183).
        "amdxdna" => "contig",
        // Whether the host agreed to guest blobs shows nowhere.
        "virtio_gpu" => "unknown",
        // The parameter is of another module than the driver's: its default.
        "cafe1000-ccic" => "vmalloc",
        "mmp-camera" => "sg",
        // The decoder's node refuses; by the device's name the encoder's is meant.
        "s5p-mfc" => "contig",
        _ if row.import == "no" => "none",
        _ => row.kind,
    }
}

/// Whether the kernel must be able to map the buffer, besides the DMA.
pub(crate) fn mapped(row: &Row, usage: &str) -> bool {
    match row.driver {
        // Streams, which are copied; and frames of a client that states no format.
        "coda" | "amphion-vpu" => matches!(usage, "decode" | "encode"),
        _ => row.mapped,
    }
}

/// The addresses below which the device reaches, where the columns do not tell.
pub(crate) fn reach(row: &Row) -> Option<u64> {
    match row.driver {
        // What the buffer is mapped for is the DMA engine's channel (k3-udma.c:437).
        "j721e-csi2rx" => Some(1 << 48),
        // The coherent mask, which is not what imports go by, is of 32 bits (etnaviv_drv.c:658).
        "etnaviv" | "etnaviv-gpu" => Some(1 << 40),
        _ => None,
    }
}
