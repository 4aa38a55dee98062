//! What the shipped files say of heaps, devices and callers.

mod common;

use common::{driven, facts, kernel, names, usages};
use heapq_constraints::fact::AccessSet;
use heapq_constraints::{Constraint, Fact, Origin};
use heapq_policies::{DeviceView, FileState, Grants, PolicySet, Right, Who, load};

fn shipped() -> PolicySet {
    load(&[]).set
}

#[test]
fn they_load_without_a_word() {
    let loaded = load(&[]);
    let shown: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    let in_tree = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/shipped")).unwrap();
    let mut in_tree: Vec<String> =
        in_tree.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    in_tree.sort();
    let compiled_in: Vec<&str> = loaded.files.iter().map(|file| &*file.name).collect();
    assert_eq!(compiled_in, in_tree, "every file of shipped/ is compiled in");
    assert!(loaded.files.iter().all(|file| file.state == FileState::Used));
}

#[test]
fn installed_files_replace_the_compiled_in_ones() {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/shipped");
    let loaded = load(&[installed.into()]);
    assert_eq!(loaded.diagnostics, []);
    for file in &loaded.files {
        assert_eq!(*file.path, format!("{installed}/{}", file.name));
        assert_eq!(*file.replaces, names(&[&format!("builtin:{}", file.name)]));
    }
    let heap = loaded.set.heap("system", kernel("6.12")).heap;
    assert!(heap.origins["contiguous"].to_string().starts_with(installed));
}

#[test]
fn heaps() {
    let set = shipped();
    let cma = ["default_cma_region", "reserved", "linux,cma", "default-pool"];
    for (name, contiguous, cached, protected, role) in [
        ("system", false, true, false, "default"),
        ("system_cc_shared", false, true, false, ""),
        ("default_cma_region", true, true, false, "default-contiguous"),
        ("reserved", true, true, false, "default-contiguous"),
        ("linux,cma", true, true, false, "default-contiguous"),
        ("default-pool", true, true, false, "default-contiguous"),
        ("protected,secure-video", true, true, true, "protected-video"),
        ("protected,anything-new", true, true, true, ""),
        ("udmabuf", false, true, false, ""),
        ("udmabuf-2M", true, true, false, ""),
        ("system-uncached", false, false, false, "default-uncached"),
    ] {
        let knowledge = set.heap(name, kernel("6.17"));
        let heap = &knowledge.heap;
        assert!(knowledge.known && *heap.name == *name, "{name}");
        assert_eq!((heap.contiguous, heap.cached, heap.protected), (contiguous, cached, protected));
        assert_eq!(heap.roles, names(&[role][..usize::from(!role.is_empty())]), "{name}");
        assert!(heap.origins.contains_key("contiguous"), "{name}");
        let others: Vec<&str> =
            cma.into_iter().filter(|alias| cma.contains(&name) && *alias != name).collect();
        let mut aliases: Vec<&str> = heap.aliases.iter().map(|alias| &**alias).collect();
        aliases.sort_by_key(|alias| cma.iter().position(|known| known == alias));
        assert_eq!(aliases, others, "{name}");
    }
    let secure = set.heap("protected,secure-video", kernel("6.17")).heap;
    assert_eq!(secure.access, AccessSet { coherent: false, sync: false, none: true });
}

#[test]
fn pools_of_signal_processors_are_reserved() {
    let set = shipped();
    for name in ["fastrpc", "adsp-rpc-remote-heap", "adsp-rpc-remote-heap@85900000"] {
        let heap = set.heap(name, kernel("6.12")).heap;
        let drivers = ["fastrpc", "qcom,fastrpc", "qcom,fastrpc-cb"];
        assert_eq!(heap.reserved_for, names(&drivers), "{name}");
        assert!(heap.aliases.is_empty(), "patterns are no aliases of each other");
    }
    let camera = set.heap("camera-pool@50000000", kernel("6.12"));
    assert!(!camera.known && camera.rules.is_empty() && camera.heap.origins.is_empty());
}

/// Facts of a driver without an IOMMU, then with one that translates.
#[test]
fn needs_of_dma_contig_importers_end_behind_an_iommu() {
    let set = shipped();
    for driver in
        ["unicam", "hantro-vpu", "rkvdec", "rockchip-cif", "snps_hdmirx", "rockchip-drm", "vc4-drm"]
    {
        let mut view = driven(driver);
        for unknown_or_none in [None, Some(false)] {
            view.has_iommu = unknown_or_none;
            let bare = set.device(&view, usages(&[]));
            assert!(bare.known);
            assert_eq!(facts(&bare), ["Contiguous(true)", "AddressBits(32)"], "{driver}");
        }
        view.has_iommu = Some(true);
        let translated = set.device(&view, usages(&[]));
        assert!(translated.known && translated.facts.is_empty(), "{driver}");
    }
}

#[test]
fn an_own_domain_translates_even_in_a_group_of_type_identity() {
    let set = shipped();
    for (driver, needs) in [("rockchip-drm", 0), ("hantro-vpu", 2)] {
        let mut view = driven(driver);
        (view.has_iommu, view.iommu_present) = (Some(false), Some(true));
        assert_eq!(set.device(&view, usages(&[])).facts.len(), needs, "{driver}");
    }
}

#[test]
fn devicetree_nodes_without_a_driver_are_named_by_compatible() {
    let set = shipped();
    for (compatible, bits) in [
        ("brcm,bcm2835-unicam", 32),
        ("rockchip,rk3588-vdec", 32),
        ("rockchip,rk3588-vop", 32),
        ("rockchip,rk3588-vicap", 32),
        ("nxp,imx8mm-vpu-g1", 32),
        ("brcm,bcm2712-vc6", 36),
    ] {
        let list = names(&[compatible]);
        let view = DeviceView { compatible: &list, ..DeviceView::new(kernel("6.12")) };
        let found = facts(&set.device(&view, usages(&[])));
        assert_eq!(found, ["Contiguous(true)".to_owned(), format!("AddressBits({bits})")]);
    }
    let list = names(&["brcm,bcm2712-vc6"]);
    let bound = DeviceView { compatible: &list, ..driven("vc4-drm") };
    assert_eq!(facts(&set.device(&bound, usages(&[]))), ["Contiguous(true)", "AddressBits(36)"]);
}

#[test]
fn drivers_that_map_in_the_kernel_are_cpu_users() {
    let set = shipped();
    for (driver, release, added) in [
        ("uvcvideo", "6.12", vec!["cpu-write"]),
        ("vim2m", "6.12", vec!["cpu-read", "cpu-write"]),
        ("vicodec", "6.12", vec!["cpu-read", "cpu-write"]),
        ("visl", "6.12", vec!["cpu-read", "cpu-write"]),
        ("vkms", "6.12", vec!["cpu-read"]),
        ("vgem", "6.12", vec!["cpu-read"]),
        ("bochs-drm", "7.3", vec!["cpu-read"]),
    ] {
        let view = DeviceView { kernel: kernel(release), ..driven(driver) };
        let knowledge = set.device(&view, usages(&["capture"]));
        let words: Vec<&str> = knowledge.usage.iter().map(|usage| usage.word()).collect();
        assert_eq!(words, added, "{driver}");
        assert_eq!(facts(&knowledge), [format!("Access({:?})", AccessSet::CPU)], "{driver}");
        assert_eq!(knowledge.usage_origins.len(), added.len());
        // What the kernel shows of DMA does not count: bochs has a mask of 32 bits and no DMA.
        let mask = Fact { constraint: Constraint::AddressBits(32), origin: Origin::Default };
        assert!(knowledge.overrides.iter().any(|lifted| lifted.voids(&mask)), "{driver}");
    }
}

#[test]
fn vkms_and_vgem_are_known_by_their_place() {
    let set = shipped();
    for path in ["/sys/devices/platform/vkms", "/sys/devices/faux/vkms", "/sys/devices/faux/vgem"] {
        let view = DeviceView { path: Some(path), ..DeviceView::new(kernel("7.3")) };
        assert!(set.device(&view, usages(&["scanout"])).known, "{path}");
    }
}

#[test]
fn vivid_instances_are_told_apart() {
    let set = shipped();
    let contiguous = ["Contiguous(true)", "AddressBits(32)"];
    let vmalloc = format!("Access({:?})", AccessSet::CPU);
    let vmalloc = [vmalloc.as_str()];
    let eleven = "0,0,0,0,0,0,0,0,0,0,1";
    for (name, allocators, usage, expected, added) in [
        ("vivid-000-vid-cap", Some("1,0\n"), "capture", &contiguous[..], ""),
        ("vivid-001-vid-cap", Some("1,0\n"), "capture", &vmalloc, "cpu-write"),
        ("vivid-001-vid-out", Some("1,0,0,0"), "scanout", &vmalloc, "cpu-read"),
        ("vivid-010-vid-cap", Some(eleven), "capture", &contiguous, ""),
        ("vivid-000-rad-rx", Some("0"), "capture", &vmalloc, "cpu-write"),
        // Without the parameter, or an element for the instance, nothing is guessed.
        ("vivid-002-vid-cap", Some("1,0"), "capture", &[], ""),
        ("vivid-000-vid-cap", None, "capture", &[], ""),
        ("", Some("1,0"), "capture", &[], ""),
    ] {
        let read = |wanted: &str| allocators.filter(|_| wanted == "allocators").map(str::to_owned);
        let name = Some(name).filter(|name| !name.is_empty());
        let view = DeviceView { name, module_parameter: Some(&read), ..driven("vivid") };
        let knowledge = set.device(&view, usages(&[usage]));
        assert_eq!(facts(&knowledge), expected, "{name:?} {allocators:?}");
        let words: Vec<&str> = knowledge.usage.iter().map(|usage| usage.word()).collect();
        assert_eq!(words.join(" "), added, "{name:?} {allocators:?}");
        assert_eq!(knowledge.known, !expected.is_empty(), "{name:?} {allocators:?}");
    }
}

#[test]
fn gpus_that_never_scan_out_a_foreign_buffer() {
    let set = shipped();
    let integrated = Some("/sys/devices/pci0000:00/0000:00:02.0");
    let discrete = Some("/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0");
    for (driver, bus, path, usage, expected) in [
        ("i915", "pci", integrated, "scanout", vec![]),
        ("i915", "pci", discrete, "scanout", vec!["Link([])"]),
        ("i915", "pci", discrete, "texture", vec![]),
        ("i915", "pci", None, "scanout", vec![]),
        ("xe", "pci", discrete, "scanout", vec!["Link([])"]),
        ("amdgpu", "pci", integrated, "scanout", vec!["Link([])"]),
        ("amdgpu", "pci", discrete, "render", vec![]),
        ("nouveau", "pci", discrete, "scanout", vec!["Link([])"]),
        ("bochs-drm", "pci", integrated, "scanout", vec!["Link([])"]),
        ("virtio_gpu", "virtio", None, "texture", vec!["Link([])"]),
    ] {
        let view = DeviceView { bus: Some(bus), path, ..driven(driver) };
        let knowledge = set.device(&view, usages(&[usage]));
        assert_eq!(facts(&knowledge), expected, "{driver} {path:?} {usage}");
        assert!(knowledge.known, "{driver} {path:?} {usage}");
    }
}

#[test]
fn devices_whose_own_drivers_allocate() {
    let set = shipped();
    let integrated = Some("/sys/devices/pci0000:00/0000:00:02.0");
    let discrete = Some("/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0");
    let exports = |driver, path, iommu| {
        let view = DeviceView { bus: Some("pci"), path, has_iommu: iommu, ..driven(driver) };
        let exports = set.device(&view, usages(&["scanout"])).exports?;
        Some((exports.how.to_string(), exports.heap.contiguous, exports.heap.bank.is_some()))
    };
    let card = Some(("GBM".to_owned(), false, true));
    for driver in ["amdgpu", "radeon", "nouveau", "i915", "xe"] {
        assert_eq!(exports(driver, discrete, Some(true)), card, "{driver}");
    }
    let pages = Some(("GBM".to_owned(), false, false));
    assert_eq!(exports("i915", integrated, None), pages, "an integrated GPU's are RAM");
    assert_eq!(exports("virtio_gpu", None, None), Some(("dumb buffers".to_owned(), false, false)));
    let queue = Some(("EXPBUF".to_owned(), true, false));
    for driver in
        ["cedrus", "hantro-vpu", "meson-vdec", "rkvdec", "rockchip-cif", "snps_hdmirx", "unicam"]
    {
        assert_eq!(exports(driver, None, None), queue, "{driver}");
        assert_eq!(exports(driver, None, Some(true)), None, "{driver}");
        assert!(
            set.device(&driven(driver), usages(&[])).facts.len() == 2,
            "{driver} is dma-contig"
        );
    }
    assert_eq!(exports("uvcvideo", None, None), None);
}

#[test]
fn engines_with_page_tables_of_their_own_take_scattered_memory() {
    let set = shipped();
    for (driver, compatible, expected) in [
        (Some("panthor"), "rockchip,rk3588-mali", vec![]),
        (None, "arm,mali-valhall-csf", vec![]),
        (Some("lima"), "allwinner,sun50i-a64-mali", vec!["AddressBits(32)"]),
        (Some("rockchip-rga"), "rockchip,rk3288-rga", vec!["AddressBits(32)"]),
        (Some("rockchip-rga"), "rockchip,rk3588-rga3", vec!["AddressBits(32)", "Contiguous(true)"]),
        (None, "rockchip,rk3588-rga3", vec!["AddressBits(32)", "Contiguous(true)"]),
    ] {
        let list = names(&[compatible]);
        let view = DeviceView { driver, compatible: &list, ..DeviceView::new(kernel("7.3")) };
        let knowledge = set.device(&view, usages(&["render"]));
        assert!(knowledge.known, "{driver:?} {compatible}");
        assert_eq!(facts(&knowledge), expected, "{driver:?} {compatible}");
    }
}

#[test]
fn virtio_gpu_is_known_to_be_unknown() {
    let set = shipped();
    let view = DeviceView {
        modalias: Some("pci:v00001AF4d00001050sv00001AF4sd00001100bc03sc80i00"),
        subsystem: Some("drm"),
        kernel: kernel("7.3"),
        ..driven("virtio-pci")
    };
    assert_eq!(facts(&set.device(&view, usages(&["scanout"]))), ["Unknown(true)"]);
}

#[test]
fn what_no_rule_describes_is_not_known() {
    let set = shipped();
    let knowledge = set.device(&driven("my-driver"), usages(&["capture"]));
    assert!(!knowledge.known && knowledge.facts.is_empty() && knowledge.rules.is_empty());
}

#[test]
fn only_root_and_the_group_have_buffers() {
    let set = shipped();
    let nobody = Who { uid: 1000, user: Some("root"), gids: &[1000, 44], groups: &["video"] };
    assert_eq!(set.grant(&nobody), Grants::default());
    for who in [
        Who { uid: 0, user: None, gids: &[], groups: &[] },
        Who { uid: 1000, user: Some("ada"), gids: &[1000, 990], groups: &["ada", "heapq"] },
    ] {
        let grants = set.grant(&who);
        assert!(grants.gives(Right::Allocate) && grants.gives(Right::Scarce));
        assert_eq!(grants.gives(Right::Reload), who.uid == 0);
        // What no bound holds for is never given by default.
        assert!(!grants.gives(Right::OpenHeap));
    }
}
