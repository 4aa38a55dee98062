//! Which node masters DMA for a node that clients open, where that is another one.

use super::Tree;
use super::cells::references;
use super::iommu;
use heapq_constraints::Name;

/// How the master is found.
enum Way {
    /// Nodes that a property of the node names.
    Named(&'static str),
    /// The owners of the ports that a property names: the blocks that scan out.
    OwnersOfPorts(&'static str),
    /// The first node of the tree, wherever, that is one of these.
    First(&'static [&'static str]),
    /// The node above.
    Above,
}

/// `compatible` of the opened node (a `*` at its end stands for the rest), and the way to its master,
/// with the kernel's file that goes it.
const MASTERS: &[(&str, Way, &str)] = &[
    (
        "rockchip,display-subsystem",
        Way::OwnersOfPorts("ports"),
        "drivers/gpu/drm/rockchip/rockchip_drm_drv.c, rockchip_drm_dma_init_device()",
    ),
    (
        "allwinner,sun*",
        Way::Named("allwinner,pipelines"),
        "drivers/gpu/drm/sun4i/sun8i_mixer.c:553, sun4i_backend.c:815",
    ),
    ("brcm,bcm2711-vc5", Way::First(VC4), "drivers/gpu/drm/vc4/vc4_drv.c, vc4_drm_bind()"),
    ("brcm,bcm2712-vc6", Way::First(VC4), "drivers/gpu/drm/vc4/vc4_drv.c, vc4_drm_bind()"),
    ("brcm,bcm2835-vc4", Way::First(VC4), "drivers/gpu/drm/vc4/vc4_drv.c, vc4_drm_bind()"),
    ("brcm,cygnus-vc4", Way::First(VC4), "drivers/gpu/drm/vc4/vc4_drv.c, vc4_drm_bind()"),
    (
        "renesas,vsp*",
        Way::Named("renesas,fcp"),
        "drivers/media/platform/renesas/vsp1/vsp1_drv.c:948",
    ),
    ("renesas,fdp1", Way::Named("renesas,fcp"), "drivers/media/platform/renesas/rcar_fdp1.c:2297"),
    ("venus-decoder", Way::Above, "drivers/media/platform/qcom/venus/core.c"),
    ("venus-encoder", Way::Above, "drivers/media/platform/qcom/venus/core.c"),
];

/// `vc4_dma_range_matches`.
const VC4: &[&str] = &[
    "brcm,bcm2711-hvs",
    "brcm,bcm2712-hvs",
    "brcm,bcm2835-hvs",
    "brcm,bcm2835-v3d",
    "brcm,cygnus-v3d",
    "brcm,vc4-v3d",
];

/// The node that masters DMA for `node`. Of several, the strictest: one without an IOMMU where there
/// is one; and those in use before those that are not.
pub(in crate::discover) fn of<T: Tree>(
    tree: &T,
    node: &T::Node,
    compatible: &[Name],
) -> Option<T::Node> {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => compatible.iter().any(|one| one.starts_with(start)),
        None => compatible.iter().any(|one| **one == *pattern),
    };
    let (_, way, _) = MASTERS.iter().find(|(pattern, ..)| is(pattern))?;
    let mut masters = candidates(tree, node, way);
    masters.retain(|master| master != node);
    masters.sort_by_key(|master| (!tree.available(master), iommu::group(tree, master).is_some()));
    masters.into_iter().next()
}

fn candidates<T: Tree>(tree: &T, node: &T::Node, way: &Way) -> Vec<T::Node> {
    let named = |property| references(tree, node, property, None).into_iter().flatten();
    match way {
        Way::Named(property) => named(property).collect(),
        Way::OwnersOfPorts(property) => {
            named(property).filter_map(|port| owner(tree, &port)).collect()
        }
        Way::First(compatible) => first(tree, compatible).into_iter().collect(),
        Way::Above => tree.parent(node).into_iter().collect(),
    }
}

/// What a `port` belongs to, be there a `ports` between them or not.
fn owner<T: Tree>(tree: &T, port: &T::Node) -> Option<T::Node> {
    let above = tree.parent(port)?;
    if tree.name(&above) == "ports" { tree.parent(&above) } else { Some(above) }
}

/// In the order of the tree, as `of_find_matching_node()` goes.
fn first<T: Tree>(tree: &T, compatible: &[&str]) -> Option<T::Node> {
    let mut todo = vec![tree.root()];
    while let Some(node) = todo.pop() {
        let own = tree.strings(&node, "compatible");
        if own.iter().any(|one| compatible.contains(&&**one)) {
            return Some(node);
        }
        todo.extend(tree.children(&node).into_iter().rev());
    }
    None
}
