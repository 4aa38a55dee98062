//! A made-up kernel, in which each pattern occurs once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails")]

use heapq_generator::{Fault, NoKernel, Tables, tables};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Files of the tree: a driver each, most as short as one can be.
const FILES: &[(&str, &str)] = &[
    ("Makefile", "VERSION = 7\nPATCHLEVEL = 3\n"),
    (
        "drivers/media/Makefile",
        "obj-m += own.o lib.o user.o mixed.o copies.o deaf.o own-dup.o\nown-objs := own-core.o own-queue.o\n",
    ),
    ("drivers/media/own.h", "#define OWN_NAME \"own\" /* in sysfs */\n#define OWN_BITS 36\n"),
    (
        "drivers/media/own-core.c",
        "#include \"own.h\"\n\
         static const struct of_device_id own_ids[] = { { .compatible = \"acme,own\" }, { } };\n\
         static int own_probe(void) { dma_set_mask_and_coherent(dev, DMA_BIT_MASK(OWN_BITS)); return own_queue(); }\n\
         static struct platform_driver own_driver = { .probe = own_probe,\n\
         \t.driver = { .name = OWN_NAME \"-cam\", .of_match_table = of_match_ptr(own_ids) } };\n",
    ),
    (
        "drivers/media/own-queue.c",
        "static const struct ops o = { .vidioc_expbuf = vb2_ioctl_expbuf };\n\
         int own_queue(void) {\n#if 0\n q->mem_ops = &vb2_vmalloc_memops;\n#endif\n use(&o);\n\
         q->type = V4L2_BUF_TYPE_VIDEO_CAPTURE; /* q->io_modes = VB2_MMAP; */\n\
         q->io_modes = VB2_MMAP | VB2_DMABUF; q->mem_ops = &vb2_dma_contig_memops; return 0; }\n",
    ),
    (
        "drivers/media/lib.c",
        "int lib_init(void) { q->io_modes = VB2_DMABUF; q->mem_ops = &vb2_dma_sg_memops; return 0; }\n\
         EXPORT_SYMBOL_GPL(lib_init);\n",
    ),
    (
        "drivers/media/user.c",
        "static int probe(void) { return lib_init(); }\n\
         static struct pci_driver user = { .name = KBUILD_MODNAME, .probe = probe };\n",
    ),
    (
        "drivers/media/mixed.c",
        "static int probe(void) { a->io_modes = VB2_DMABUF; a->mem_ops = &vb2_vmalloc_memops;\n\
         b->io_modes = VB2_DMABUF; b->mem_ops = &vb2_dma_contig_memops; return 0; }\n\
         static struct platform_driver mixed = { .driver.name = \"mixed\", .probe = probe };\n",
    ),
    (
        "drivers/media/copies.c",
        "static const struct vb2_queue q = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,\n\
         \t.io_modes = VB2_MMAP | VB2_DMABUF, .mem_ops = &vb2_vmalloc_memops };\n\
         static int probe(void) { return start(&q); }\n\
         static struct usb_driver copies = { .name = \"copies\", .probe = probe };\n",
    ),
    (
        "drivers/media/deaf.c",
        "static int probe(void) { q->io_modes = VB2_MMAP; q->mem_ops = &vb2_vmalloc_memops; return 0; }\n\
         static struct usb_driver deaf = { .name = \"deaf\", .probe = probe };\n",
    ),
    ("drivers/media/own-dup.c", "static struct usb_driver other = { .name = \"own-cam\" };\n"),
    ("drivers/gpu/Makefile", "obj-y += card.o foreign.o helped.o mapped.o read.o\n"),
    (
        "include/drm/helper.h",
        "#define HELPER_OPS(create) \\\n\t.dumb_create = (create), \\\n\
         \t.gem_prime_import_sg_table = drm_gem_dma_prime_import_sg_table\n",
    ),
    (
        "drivers/gpu/card.c",
        "#include <drm/helper.h>\n\
         static const struct drm_driver card = { .driver_features = DRIVER_GEM, HELPER_OPS(make) };\n\
         static int probe(void) { return drm_dev_alloc(&card); }\n\
         static struct platform_driver driver = { .probe = probe, .driver = { .name = \"card\" } };\n",
    ),
    (
        "drivers/gpu/mapped.c",
        "static const struct drm_driver card = { .driver_features = DRIVER_GEM,\n\
         \t.gem_prime_import_sg_table = drm_gem_dma_prime_import_sg_table_vmap };\n\
         static int probe(void) { return drm_dev_alloc(&card); }\n\
         static struct platform_driver driver = { .probe = probe, .driver = { .name = \"mapped\" } };\n",
    ),
    (
        "drivers/gpu/read.c",
        "static const struct drm_driver card = { .driver_features = DRIVER_GEM,\n\
         \t.gem_prime_import_sg_table = drm_gem_dma_prime_import_sg_table_vmap };\n\
         static const struct drm_plane_funcs plane = { DRM_MIPI_DBI_PLANE_FUNCS };\n\
         static int probe(void) { init(&plane); return drm_dev_alloc(&card); }\n\
         static struct spi_driver driver = { .probe = probe, .driver = { .name = \"read\" } };\n",
    ),
    (
        "drivers/gpu/foreign.c",
        "static const struct drm_driver card = { .gem_prime_import = foreign_import };\n\
         static int probe(void) { return drm_dev_alloc(&card); }\n\
         static struct pci_driver driver = { .probe = probe, .name = \"foreign\" };\n",
    ),
    (
        "drivers/gpu/helped.c",
        "static const struct drm_driver card = { .gem_prime_import = drm_gem_shmem_prime_import_no_map };\n\
         static int probe(void) { return drm_dev_alloc(&card); }\n\
         static struct pci_driver driver = { .probe = probe, .name = \"helped\" };\n",
    ),
];

fn kernel() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn made(root: &Path, by_hand: &str) -> Tables {
    tables(root, &[("30-hand.toml".to_owned(), by_hand.to_owned())]).unwrap()
}

#[test]
fn each_pattern_becomes_its_rule() {
    let kernel = kernel();
    let made = made(kernel.path(), "");
    let mut text = String::new();
    for (name, rules) in &made.files {
        text.push_str(&format!("=== {name}\n{rules}"));
    }
    text.push_str(&format!("=== report\n{}", made.report));
    insta::assert_snapshot!(text);
}

#[test]
fn what_it_writes_is_right_policy() {
    let kernel = kernel();
    let dir = tempfile::tempdir().unwrap();
    let written = made(kernel.path(), "").files.into_iter().map(|(name, text)| {
        fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name)
    });
    let loaded = heapq_policies::load_files(&written.collect::<Vec<_>>());
    assert_eq!(loaded.diagnostics, []);
}

#[test]
fn drivers_that_hands_describe_are_left_out() {
    let kernel = kernel();
    let rules = "[[device]]\nmatch = [{ driver = \"c*\", bus = \"usb\" }, { driver = \"mixed\" }]\nlink = []\n\
                 [[device]]\nmatch = { driver = \"deaf\" }\nexports = { how = \"EXPBUF\" }\n";
    let made = made(kernel.path(), rules);
    let by_hand: Vec<&str> = made.report.by_hand.iter().map(String::as_str).collect();
    assert_eq!(by_hand, ["copies", "mixed"], "the rule of `deaf` says nothing of what it takes");
    let all: String = made.files.iter().map(|(_, text)| text.as_str()).collect();
    assert!(!all.contains("\"copies\"") && all.contains("\"deaf\"") && all.contains("\"card\""));
}

#[test]
fn hostile_trees_are_bounded() {
    let kernel = kernel();
    let media = kernel.path().join("drivers/media");
    symlink("..", media.join("loop")).unwrap();
    let open = "{(".repeat(100_000);
    fs::write(media.join("deaf.c"), format!("static struct usb_driver deaf = {open}")).unwrap();
    fs::write(media.join("copies.c"), vec![b'/'; (4 << 20) + 1]).unwrap();
    let made = made(kernel.path(), "");
    let skipped: Vec<&String> = made.report.skipped.iter().collect();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(skipped[0].starts_with("drivers/media/copies.c: larger"), "{skipped:?}");
    assert!(skipped[1].starts_with("drivers/media/loop: neither"), "{skipped:?}");
}

#[test]
fn what_is_no_kernel_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = || tables(dir.path(), &[]).unwrap_err();
    assert!(matches!(refused(), Fault::NoKernel(NoKernel::Unreadable { .. })));
    fs::write(dir.path().join("Makefile"), "all:\n").unwrap();
    assert!(matches!(refused(), Fault::NoKernel(NoKernel::NoVersion)));
    let broken = [("30-hand.toml".to_owned(), "[[".to_owned())];
    let fault = tables(kernel().path(), &broken).unwrap_err();
    assert!(fault.to_string().starts_with("30-hand.toml: "), "{fault}");
}
