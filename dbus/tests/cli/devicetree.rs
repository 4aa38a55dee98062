//! `--dtb`: a board that is known by its devicetree alone.

use crate::machine::{Run, run};
use std::path::PathBuf;

fn tree(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/boards/dtb").join(name);
    path.to_str().unwrap().to_owned()
}

fn on_rock(arguments: &[&str]) -> Run {
    run(&[&["--dtb", &*tree("rk3588-rock-5b.dtb")], arguments].concat())
}

#[test]
fn devices_that_policies_know_are_listed_by_path() {
    let data = on_rock(&["--json", "devices"]).json();
    let devices = data["devices"].as_array().unwrap();
    let at = |path: &str| devices.iter().find(|device| device["path"] == path);
    let display = at("/display-subsystem").unwrap();
    assert_eq!(display["dma-master"], "/vop@fdd90000");
    assert_eq!(display["iommu"]["translates"], true);
    assert!(at("/serial@feb50000").is_none());
    let camera = on_rock(&["devices", "/video-capture@fdce0000"]).out;
    assert!(camera.contains("status      disabled"), "{camera}");
    assert!(camera.contains("contiguous = true"), "{camera}");
    // Others can be named.
    assert_eq!(on_rock(&["devices", "/serial@feb50000"]).code, Some(0));
}

#[test]
fn heaps_are_those_that_a_kernel_makes() {
    let data = on_rock(&["--json", "heaps"]).json();
    let heaps = data["heaps"].as_array().unwrap();
    let names: Vec<&str> = heaps.iter().map(|heap| heap["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["default_cma_region", "system"]);
    assert_eq!(heaps[0]["contiguous"], true);
}

#[test]
fn questions_are_answered_and_buffers_are_not_given() {
    let question =
        ["/hdmi_receiver@fdee0000:capture", "/display-subsystem:scanout", "--size", "4M"];
    let plan = on_rock(&[&["plan"], &question[..]].concat());
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    assert!(plan.out.contains("default_cma_region"), "{}", plan.out);
    let why = on_rock(&[&["explain"], &question[..]].concat());
    assert!(why.out.contains("system") && why.out.contains("contiguous"), "{}", why.out);
    let alloc = on_rock(&[&["alloc"], &question[..]].concat());
    assert_eq!(alloc.code, Some(2));
    assert!(alloc.err.contains("no memory to give"), "{}", alloc.err);
    let stand_in = on_rock(&[&["alloc", "--stand-in"], &question[..]].concat());
    assert_eq!(stand_in.code, Some(0), "{}", stand_in.err);
}

#[test]
fn what_is_no_devicetree_is_told_with_place_and_cause() {
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.dtb");
    let whole = std::fs::read(tree("imx8mm-evk.dtb")).unwrap();
    std::fs::write(&cut, &whole[..5000]).unwrap();
    let run = run(&["--dtb", cut.to_str().unwrap(), "heaps"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("cut.dtb: devicetree, byte 0x4: the whole ends at"), "{}", run.err);
}

#[test]
fn a_case_finds_its_tree_in_the_directories_given() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.toml");
    // A name that no installed or fetched tree has.
    let vendor = dir.path().join("boards/acme");
    std::fs::create_dir_all(&vendor).unwrap();
    std::fs::copy(tree("imx8mm-evk.dtb"), vendor.join("acme-kiosk.dtb")).unwrap();
    std::fs::write(
        &case,
        "name = \"a\"\n[board]\ndtb = \"acme-kiosk.dtb\"\nheaps = [\"system\", \"reserved\"]\n\
         [[participant]]\nname = \"p\"\ndevice = \"/soc@0/video-codec@38300000\"\nmin-size = 1\n\
         [expect]\nheaps = [\"reserved\"]\n",
    )
    .unwrap();
    let case = case.to_str().unwrap();
    assert_eq!(run(&["test", case]).code, Some(1), "skipped is not passed");
    let above = dir.path().join("boards");
    let [boards, above] = [vendor, above].map(|dir| dir.to_str().unwrap().to_owned());
    // Directly there, and by vendor one level below.
    for directory in [&boards, &above] {
        let run = run(&["test", "--dtb-dir", directory, case]);
        assert_eq!(run.code, Some(0), "{}", run.out);
    }
    let why = run(&["explain", "--case", case, "--dtb-dir", &boards]);
    assert!(why.out.contains("default_cma_region") || why.out.contains("reserved"), "{}", why.err);
}

#[test]
fn a_snapshot_takes_the_boards_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rock.toml");
    let written = on_rock(&["snapshot"]);
    assert_eq!(written.code, Some(0), "{}", written.err);
    assert!(written.out.contains("# display-subsystem: DMA by vop@fdd90000\n"), "{}", written.out);
    std::fs::write(&file, &written.out).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        vec!["heaps"],
        vec!["--json", "devices"],
        vec!["--json", "explain", "/hdmi_receiver@fdee0000", "/vop@fdd90000", "--size", "3M"],
    ] {
        let [described, read] =
            [on_rock(&arguments), run(&[&["--snapshot", file], &*arguments].concat())];
        assert_eq!((read.code, read.out), (described.code, described.out), "{arguments:?}");
    }
    let alloc = run(&["--snapshot", file, "alloc", "cpu", "--size", "4096"]);
    assert_eq!(alloc.code, Some(2), "{}", alloc.err);
    std::fs::write(file, "heaps = 3").unwrap();
    let broken = run(&["--snapshot", file, "heaps"]);
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.err.contains("rock.toml: snapshot: ") && broken.err.contains("line 1"),
        "{}",
        broken.err
    );
}
