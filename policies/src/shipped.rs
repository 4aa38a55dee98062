//! The policy files that are compiled in as the lowest layer, so that a fresh machine needs no
//! set-up. `make install` puts the same files below /usr/share.

/// File name and text of each, as in `policies/shipped/`.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("10-generic.toml", include_str!("../shipped/10-generic.toml")),
    ("20-kernel-display.toml", include_str!("../shipped/20-kernel-display.toml")),
    ("20-kernel-media.toml", include_str!("../shipped/20-kernel-media.toml")),
    ("30-accel.toml", include_str!("../shipped/30-accel.toml")),
    ("30-display.toml", include_str!("../shipped/30-display.toml")),
    ("30-dma-masters.toml", include_str!("../shipped/30-dma-masters.toml")),
    ("30-exports.toml", include_str!("../shipped/30-exports.toml")),
    ("30-gpu.toml", include_str!("../shipped/30-gpu.toml")),
    ("30-media.toml", include_str!("../shipped/30-media.toml")),
    ("30-vendor-heaps.toml", include_str!("../shipped/30-vendor-heaps.toml")),
    ("30-virtual.toml", include_str!("../shipped/30-virtual.toml")),
];
