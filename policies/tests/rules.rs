//! How rules combine: key by key for heaps, in order for devices, the last word for grants.

mod common;

use common::{driven, facts, kernel, names, usages, with};
use heapq_constraints::choice::Choice;
use heapq_constraints::fact::Protection;
use heapq_constraints::{Constraint, Fact, Name, Origin, Question};
use heapq_policies::{Arguments, DeviceView, DmaMaster, Right, Said, Who};

#[test]
fn heap_rules_add_up_key_by_key() {
    let set = with(
        r#"
        [[heap]]
        names = ["vpu-*"]
        contiguous = true
        address-bits = 32
        reserved-for = ["decode"]
        roles = ["vpu"]

        [[heap]]
        name = "vpu-a"
        aliases = ["vpu-b"]
        address-bits = 36
        reserved-for = []
        roles = ["vpu", "main"]
        address-window = [[0, 0x1000]]
        alignment = 65536
        access = ["sync"]
        cached = false
        bank = "north"
        max-size = 1048576
        capacity = 2097152
        weight = -3

        [[heap]]
        name = "vpu-a"
        kernel = ">=6.17"
        weight = 4
        "#,
    );
    let heap = set.heap("vpu-a", kernel("6.12")).heap;
    assert!(heap.contiguous && !heap.cached && heap.address_bits == 36);
    assert!(heap.reserved_for.is_empty(), "a later rule lifts the reservation");
    assert_eq!((heap.roles, heap.aliases), (names(&["vpu", "main"]), names(&["vpu-b"])));
    assert_eq!(heap.address_window.unwrap().intervals(), [(0, 0x1000)]);
    assert!(heap.access.sync && !heap.access.coherent && !heap.access.none);
    assert_eq!((heap.alignment, heap.weight, heap.bank.as_deref()), (65536, -3, Some("north")));
    assert_eq!((heap.max_size, heap.capacity), (Some(1 << 20), Some(1 << 21)));
    assert!(heap.origins["contiguous"].to_string().ends_with("50-test.toml:4"));
    assert!(heap.origins["address-bits"].to_string().ends_with("50-test.toml:12"));

    // Names of one pool: a rule for either counts.
    let by_alias = set.heap("vpu-b", kernel("6.17")).heap;
    assert_eq!((by_alias.weight, &*by_alias.aliases), (4, &*names(&["vpu-a"])));
    assert_eq!(set.heap("vpu-a", kernel("6.17")).heap.weight, 4);
    assert!(!set.heap("camera", kernel("6.17")).known);
}

#[test]
fn a_later_rule_overrides_what_it_names_and_nothing_else() {
    let set = with(
        r#"
        [[device]]
        match = { driver = "hantro-vpu", devicetree-board = "acme,*" }
        override = ["contiguous", "attribute.vendor,bank"]
        base-alignment = 65536
        "#,
    );
    let board = names(&["acme,one", "rockchip,rk3399"]);
    let view = DeviceView { board: &board, ..driven("hantro-vpu") };
    let knowledge = set.device(&view, usages(&["decode"]));
    assert_eq!(facts(&knowledge), ["AddressBits(32)", "BaseAlignment(65536)"]);
    let [lifted] = &*knowledge.overrides else { panic!() };
    assert_eq!(*lifted.keys, names(&["contiguous", "attribute.vendor,bank"]));
    assert_eq!(lifted.dropped[0].constraint, Constraint::Contiguous(true));
    assert!(lifted.dropped[0].origin.to_string().starts_with("builtin:20-kernel-media.toml:"));
    assert!(lifted.origin.to_string().ends_with("50-test.toml:4"));
    let elsewhere = set.device(&driven("hantro-vpu"), usages(&["decode"]));
    assert_eq!(facts(&elsewhere), ["Contiguous(true)", "AddressBits(32)"]);
}

#[test]
fn an_override_leaves_its_own_and_later_facts_alone() {
    let set = with(
        r#"
        [[device]]
        match = { driver = "x" }
        address-bits = 30
        [[device]]
        match = { driver = "x" }
        override = ["address-bits"]
        address-bits = 34
        [[device]]
        match = { driver = "x" }
        address-bits = 33
        "#,
    );
    let knowledge = set.device(&driven("x"), usages(&[]));
    assert_eq!(facts(&knowledge), ["AddressBits(34)", "AddressBits(33)"]);
    assert_eq!(knowledge.rules.len(), 3);
}

#[test]
fn a_need_of_protected_memory_cannot_be_overridden() {
    let set = with(
        r#"
        [[device]]
        match = { driver = "x" }
        protected = "required"
        [[device]]
        match = { driver = "y" }
        protected = "refused"
        [[device]]
        match = { driver = ["x", "y"] }
        override = ["protected"]
        "#,
    );
    assert_eq!(facts(&set.device(&driven("x"), usages(&[]))), ["Protected(Required)"]);
    let lifted = set.device(&driven("y"), usages(&[]));
    assert!(lifted.facts.is_empty());
    // The same for what the kernel states, which the caller drops.
    let kernels = |constraint| Fact { constraint, origin: Origin::Sysfs("/sys".into()) };
    let void = |protection| lifted.overrides[0].voids(&kernels(Constraint::Protected(protection)));
    assert!(void(Protection::Refused) && void(Protection::Accepted) && !void(Protection::Required));
    assert!(!lifted.overrides[0].voids(&kernels(Constraint::Contiguous(true))));
}

#[test]
fn every_key_of_match_is_looked_at() {
    let read = |name: &str| (name == "mode").then(|| "Y".to_owned());
    let (compatible, board) = (names(&["acme,isp-2"]), names(&["acme,board"]));
    let udev = [("ID_BUS", "usb"), ("ID_V4L_PRODUCT", "Acme Eye")];
    let udev = udev.map(|(key, value)| (Name::from(key), Name::from(value))).into();
    let view = DeviceView {
        module: Some("acme_isp"),
        bus: Some("platform"),
        subsystem: Some("video4linux"),
        name: Some("isp-1"),
        compatible: &compatible,
        modalias: Some("of:NispT(null)Cacme,isp-2"),
        path: Some("/sys/devices/platform/isp"),
        node: Some("/dev/video1"),
        board: &board,
        udev: Some(&udev),
        dmi: Some("dmi:bvnAcme:svnAcme:pnKiosk:"),
        module_parameter: Some(&read),
        has_iommu: Some(true),
        iommu_present: Some(true),
        ..driven("acme-isp")
    };
    for (condition, other) in [
        ("driver = 'acme-isp'", "driver = 'acme'"),
        ("driver = ['a', 'acme-isp']", "driver = ['a', 'b']"),
        ("module = 'acme-isp'", "module = 'acme'"),
        ("bus = 'platform'", "bus = 'pci'"),
        ("subsystem = 'video4linux'", "subsystem = 'drm'"),
        ("name = 'isp-?'", "name = 'isp-??'"),
        ("compatible = 'acme,*'", "compatible = 'other,*'"),
        ("modalias = 'of:N*Cacme,isp-2'", "modalias = 'pci:*'"),
        ("path = '/sys/devices/platform/*'", "path = '/sys/devices/pci*'"),
        ("node = '/dev/video1'", "node = '/dev/video2'"),
        ("devicetree-board = 'acme,board'", "devicetree-board = 'board'"),
        ("dmi = 'dmi:*:svnAcme:*'", "dmi = 'dmi:*:svnOther:*'"),
        ("udev = { ID_V4L_PRODUCT = 'Acme *' }", "udev = { ID_V4L_PRODUCT = 'Other *' }"),
        (
            "udev = { ID_BUS = ['pci', 'usb'], ID_V4L_PRODUCT = '*' }",
            "udev = { ID_BUS = 'usb', ID_MODEL = '*' }",
        ),
        ("module-parameter = { mode = true }", "module-parameter = { mode = false }"),
        ("module-parameter = { mode = ['N', 'Y'] }", "module-parameter = { depth = 'Y' }"),
        ("kernel = '>=6.12'", "kernel = '>6.12'"),
        ("has-iommu = true", "has-iommu = false"),
        ("iommu-present = true", "iommu-present = false"),
        ("bus = 'platform', kernel = '6.12'", "bus = 'platform', kernel = '6.11'"),
    ] {
        let known = |text: &str| {
            let set = with(&format!("[[device]]\nmatch = {{ {text} }}\n"));
            set.device(&view, usages(&[])).known
        };
        assert!(known(condition), "{condition}");
        assert!(!known(other), "{other}");
        // What is not known of a device matches nothing but the absence of an IOMMU.
        let set = with(&format!("[[device]]\nmatch = {{ {condition} }}\n"));
        let bare = DeviceView::new(kernel("5.1"));
        assert!(!set.device(&bare, usages(&[])).known, "{condition}");
    }
}

#[test]
fn unless_and_when_leave_the_device_known() {
    let set = with(
        r#"
        [[device]]
        match = [{ driver = "x" }, { name = "x" }]
        unless = [{ bus = "pci" }, { bus = "usb", has-iommu = true }]
        when = [{ usage = ["scanout", "render"] }, { usage = "decode" }]
        padding = 64
        "#,
    );
    for (bus, has_iommu, usage, applies) in [
        (None, None, "scanout", true),
        (None, None, "decode", true),
        (None, None, "encode", false),
        (Some("pci"), None, "scanout", false),
        (Some("usb"), None, "scanout", true),
        (Some("usb"), Some(true), "scanout", false),
    ] {
        let view = DeviceView { bus, has_iommu, ..driven("x") };
        let knowledge = set.device(&view, usages(&[usage]));
        assert!(knowledge.known);
        assert_eq!(knowledge.facts.len(), usize::from(applies), "{bus:?} {has_iommu:?} {usage}");
    }
    let named = DeviceView { name: Some("x"), ..driven("y") };
    assert_eq!(facts(&set.device(&named, usages(&["render"]))), ["Padding(64)"]);
}

#[test]
fn when_looks_at_what_can_still_be_chosen() {
    let set = with(
        r#"
        [[device]]
        match = { driver = "x" }
        when = [
            { usage = "decode", fourcc = ["NV12", "P010"], modifier = "0x08" },
            { min-extent = [4096, 1] },
            { min-size = 0x100_0000 },
        ]
        padding = 64
        "#,
    );
    let needs = |usage: &str, format: &str, needs: &str| {
        let text = format!("name = 'p'\nusage = ['{usage}']\nformat = [{format}]\n{needs}");
        let table = heapq_policies::document::parse(&text).unwrap();
        let read = heapq_constraints::vocabulary::participant(&table, &|_| Origin::Client);
        let question = Question { participants: vec![read.unwrap()], ..Question::default() };
        let choice = Choice::of(&question, &question.participants[0], None);
        !set.device(&driven("x"), choice).facts.is_empty()
    };
    for (usage, format, further, expected) in [
        ("decode", "{ fourcc = 'NV12', modifiers = ['0x8'], min-extent = [64, 64] }", "", true),
        ("encode", "{ fourcc = 'NV12', modifiers = ['0x8'], min-extent = [64, 64] }", "", false),
        ("decode", "{ fourcc = 'NV12', min-extent = [64, 64] }", "", false),
        ("decode", "{ fourcc = 'XR24', modifiers = ['*'], min-extent = [64, 64] }", "", false),
        ("encode", "{ fourcc = 'XR24', min-extent = [4096, 16] }", "", true),
        ("encode", "{ fourcc = 'XR24', min-extent = [64, 64] }", "min-size = 16777216", true),
        ("encode", "{ fourcc = 'XR24', min-extent = [64, 64] }", "min-size = 16777215", false),
    ] {
        assert_eq!(needs(usage, format, further), expected, "{usage} {format} {further}");
    }
    // Where nobody says what it will be, nothing is ruled out.
    assert!(!set.device(&driven("x"), usages(&["encode"])).facts.is_empty());
}

#[test]
fn uses_that_rules_add_do_not_make_other_rules_match() {
    let set = with(
        r#"
        [[device]]
        match = { driver = "x" }
        usage = "cpu-write"
        [[device]]
        match = { driver = "x" }
        when = { usage = "cpu-write" }
        padding = 64
        "#,
    );
    assert!(set.device(&driven("x"), usages(&["capture"])).facts.is_empty());
}

#[test]
fn the_last_grant_that_names_somebody_has_the_last_word() {
    let set = with(
        r#"
        [[grant]]
        groups = ["video", 26]
        allocate = true

        [[grant]]
        users = ["kiosk", 4000]
        allocate = false

        [[grant]]
        users = "*"
        scarce = false
        "#,
    );
    for (who, allocate) in [
        (Who { uid: 1, user: Some("ada"), gids: &[44], groups: &["video"] }, true),
        (Who { uid: 1, user: Some("ada"), gids: &[26], groups: &[] }, true),
        (Who { uid: 2, user: Some("kiosk"), gids: &[44], groups: &["video"] }, false),
        (Who { uid: 4000, user: None, gids: &[44], groups: &["video"] }, false),
        (Who { uid: 26, user: Some("video"), gids: &[1], groups: &["kiosk"] }, false),
    ] {
        let grants = set.grant(&who);
        assert_eq!(grants.gives(Right::Allocate), allocate, "{who:?}");
        let scarce = grants.of(Right::Scarce).origin().unwrap().to_string();
        assert!(!grants.gives(Right::Scarce) && scarce.ends_with("50-test.toml:10"), "{who:?}");
        assert_eq!(*grants.of(Right::Reload), Said::Nothing, "{who:?}");
    }
}

#[test]
fn each_right_has_its_own_last_word() {
    let set = with(
        r#"
        [[grant]]
        users = [7]
        scarce = false

        [[grant]]
        users = [7, 8]
        allocate = true
        open-heap = false
        reload = true
        "#,
    );
    let said = |uid, right| {
        let grants = set.grant(&Who { uid, user: None, gids: &[], groups: &[] });
        let line = grants.of(right).origin().map(ToString::to_string);
        (grants.gives(right), line.and_then(|line| line.rsplit(':').next().map(str::to_owned)))
    };
    let at = |line: &str| Some(line.to_owned());
    assert_eq!(said(7, Right::Scarce), (false, at("2")));
    assert_eq!(said(8, Right::Scarce), (false, None));
    assert_eq!(said(7, Right::Allocate), (true, at("6")));
    assert_eq!(said(8, Right::OpenHeap), (false, at("6")));
    assert_eq!(said(8, Right::Reload), (true, at("6")));
}

#[test]
fn what_a_driver_exports_is_the_last_rules_to_say() {
    let set = with(
        r#"
        [[device]]
        match = { driver = ["x", "y"] }
        exports = { how = "GBM", bank = "vram" }
        [[device]]
        match = { driver = "x" }
        unless = { has-iommu = true }
        exports = { how = "EXPBUF", contiguous = true, address-bits = 32 }
        [[device]]
        match = { driver = "x" }
        contiguous = true
        "#,
    );
    let exports = |view: &DeviceView<'_>| set.device(view, usages(&[])).exports;
    let bare = exports(&driven("x")).unwrap();
    assert_eq!((&*bare.how, bare.heap.contiguous, bare.heap.address_bits), ("EXPBUF", true, 32));
    assert_eq!(bare.heap.bank, None, "not key by key: it is another memory");
    assert!(bare.origin.to_string().ends_with("50-test.toml:8"), "{}", bare.origin);
    assert!(bare.heap.origins["contiguous"].to_string().ends_with("50-test.toml:8"));
    let translated = DeviceView { has_iommu: Some(true), ..driven("x") };
    assert_eq!(&*exports(&translated).unwrap().how, "GBM");
    assert_eq!(exports(&driven("y")).unwrap().heap.bank.as_deref(), Some("vram"));
    assert!(exports(&driven("z")).is_none());
}

#[test]
fn a_dma_master_is_no_need() {
    let set = with(
        r##"
        [[device]]
        match = { driver = "acme-isp" }
        unless = { devicetree-board = "acme,old" }
        dma-master = [
            { property = "dmas", cells = "#dma-cells" },
            { property = "acme,engines", cells = 2 },
            { ports-of = "ports" },
            { first = ["acme,*-dma"] },
            { parent = true },
            { bus = ["pci"] },
        ]

        [[device]]
        match = { driver = "acme-*", bus = "usb" }
        dma-master = { parent = true }
        "##,
    );
    let isp = driven("acme-isp");
    let ways = set.dma_master(&isp);
    assert_eq!(
        ways[0],
        DmaMaster::Property("dmas".into(), Arguments::Counted("#dma-cells".into()))
    );
    assert_eq!(ways[1], DmaMaster::Property("acme,engines".into(), Arguments::Fixed(2)));
    assert_eq!(ways[2], DmaMaster::PortsOf("ports".into()));
    assert!(matches!(&ways[3], DmaMaster::First(patterns) if patterns.matches("acme,a1-dma")));
    assert_eq!(ways[4], DmaMaster::Parent);
    assert!(matches!(&ways[5], DmaMaster::Bus(buses) if !buses.matches("usb")));
    assert!(!set.device(&isp, usages(&["capture"])).known, "what it needs nobody has said");
    let old = names(&["acme,old"]);
    assert_eq!(set.dma_master(&DeviceView { board: &old, ..isp }), []);
    // The last rule says, also where the shipped ones say something else.
    let usb = DeviceView { bus: Some("usb"), ..isp };
    assert_eq!(set.dma_master(&usb), [DmaMaster::Parent]);
    assert_eq!(set.dma_master(&driven("hantro-vpu")), []);
}
