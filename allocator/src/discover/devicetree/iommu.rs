//! Which IOMMUs translate for whom.
//!
//! That a node has `iommus` proves nothing: the IOMMU may be disabled, its driver may refuse the
//! device (R-Car), or leave its addresses as they are. What drivers/iommu of Linux 7.3 does, as data.

use super::Tree;
use super::cells::{Arguments, references};
use heapq_constraints::Name;

/// IOMMUs whose driver gives the devices behind them a domain of type `DMA`: it makes paging domains
/// and asks for no other kind. In the list, what its device table or `IOMMU_OF_DECLARE` names.
const TRANSLATING: &[(&str, &[&str])] = &[
    // qcom's and nvidia's SMMUs bear one of these names too.
    (
        "drivers/iommu/arm/arm-smmu/arm-smmu.c",
        &[
            "arm,smmu-v1",
            "arm,smmu-v2",
            "arm,mmu-400",
            "arm,mmu-401",
            "arm,mmu-500",
            "cavium,smmu-v2",
            "nvidia,smmu-500",
            "qcom,smmu-v2",
            "qcom,smmu-500",
            "qcom,adreno-smmu",
        ],
    ),
    ("drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c", &["arm,smmu-v3"]),
    ("drivers/iommu/arm/arm-smmu/qcom_iommu.c", &["qcom,msm-iommu-v1", "qcom,msm-iommu-v2"]),
    ("drivers/iommu/rockchip-iommu.c", &["rockchip,iommu", "rockchip,rk3568-iommu"]),
    ("drivers/iommu/sun50i-iommu.c", &["allwinner,sun50i-h6-iommu", "allwinner,sun50i-h616-iommu"]),
    (
        "drivers/iommu/mtk_iommu.c",
        &[
            "mediatek,mt2712-m4u",
            "mediatek,mt6779-m4u",
            "mediatek,mt6795-m4u",
            "mediatek,mt6893-iommu-mm",
            "mediatek,mt8167-m4u",
            "mediatek,mt8173-m4u",
            "mediatek,mt8183-m4u",
            "mediatek,mt8186-iommu-mm",
            "mediatek,mt8188-iommu-infra",
            "mediatek,mt8188-iommu-vdo",
            "mediatek,mt8188-iommu-vpp",
            "mediatek,mt8189-iommu-apu",
            "mediatek,mt8189-iommu-infra",
            "mediatek,mt8189-iommu-mm",
            "mediatek,mt8192-m4u",
            "mediatek,mt8195-iommu-infra",
            "mediatek,mt8195-iommu-vdo",
            "mediatek,mt8195-iommu-vpp",
            "mediatek,mt8365-m4u",
        ],
    ),
    ("drivers/iommu/mtk_iommu_v1.c", &["mediatek,mt2701-m4u"]),
    ("drivers/iommu/exynos-iommu.c", &["samsung,exynos-sysmmu"]),
    ("drivers/iommu/sprd-iommu.c", &["sprd,iommu-v1"]),
    ("drivers/iommu/vsi-iommu.c", &["verisilicon,iommu-1.2"]),
    ("drivers/iommu/riscv/iommu-platform.c", &["riscv,iommu"]),
];

/// IOMMUs that refuse all devices that heapq is about: `ipmmu_device_is_allowed()` in
/// drivers/iommu/ipmmu-vmsa.c lets storage and PCI pass on R-Car and RZ/G2, and nobody else.
const REFUSING: &[&str] = &["renesas,ipmmu-", "renesas,rcar-gen4-ipmmu-vmsa"];

/// Devices whose driver runs a domain of its own: `qcom_smmu_def_domain_type()` in
/// drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c leaves their addresses as they are.
const OWN_DOMAIN: &[&str] = &[
    "qcom,adreno",
    "qcom,adreno-gmu",
    "qcom,glymur-mdss",
    "qcom,mdp4",
    "qcom,mdss",
    "qcom,qcm2290-mdss",
    "qcom,sar2130p-mdss",
    "qcom,sc7180-mdss",
    "qcom,sc7180-mss-pil",
    "qcom,sc7280-mdss",
    "qcom,sc7280-mss-pil",
    "qcom,sc8180x-mdss",
    "qcom,sc8280xp-mdss",
    "qcom,sdm670-mdss",
    "qcom,sdm845-mdss",
    "qcom,sdm845-mss-pil",
    "qcom,sm6115-mdss",
    "qcom,sm6350-mdss",
    "qcom,sm6375-mdss",
    "qcom,sm8150-mdss",
    "qcom,sm8250-mdss",
    "qcom,sm8450-mdss",
    "qcom,x1e80100-mdss",
];

/// What the type of the node's IOMMU group would be; `None`: no IOMMU takes it.
///
/// `unknown` stands for IOMMUs of which we do not know that they translate: Tegra's, whose driver
/// asks for `identity` (drivers/iommu/tegra-smmu.c), OMAP's, Apple's on kernels of smaller pages.
pub(super) fn group<T: Tree>(tree: &T, node: &T::Node) -> Option<Name> {
    if !tree.has(node, "iommus") {
        return None;
    }
    let iommus = references(tree, node, "iommus", Arguments::Counted("#iommu-cells"));
    let iommus: Vec<Vec<Name>> = iommus
        .iter()
        .flatten()
        .filter(|iommu| tree.available(iommu))
        .map(|iommu| tree.strings(iommu, "compatible"))
        .filter(|compatible| !any(compatible, refuses))
        .collect();
    if iommus.is_empty() {
        return None;
    }
    let own = any(&tree.strings(node, "compatible"), |name| OWN_DOMAIN.contains(&name));
    let all = iommus.iter().all(|compatible| any(compatible, translates));
    let kind = match (own, all) {
        (true, _) => "identity",
        (false, true) => "DMA",
        (false, false) => "unknown",
    };
    Some(kind.into())
}

fn any(compatible: &[Name], holds: impl Fn(&str) -> bool) -> bool {
    compatible.iter().any(|name| holds(name))
}

fn refuses(name: &str) -> bool {
    // The 32-bit chips' node has the general name alone; there every device is taken.
    name != "renesas,ipmmu-vmsa" && REFUSING.iter().any(|prefix| name.starts_with(prefix))
}

fn translates(name: &str) -> bool {
    TRANSLATING.iter().any(|(_, names)| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::{refuses, translates};

    #[test]
    fn the_lists_say_who_translates() {
        for name in ["rockchip,rk3568-iommu", "allwinner,sun50i-h6-iommu", "arm,mmu-500"] {
            assert!(translates(name) && !refuses(name), "{name}");
        }
        for name in ["apple,t8103-dart", "nvidia,tegra124-mc", "ti,dra7-iommu"] {
            assert!(!translates(name) && !refuses(name), "{name}");
        }
        assert!(refuses("renesas,ipmmu-r8a7795") && refuses("renesas,rcar-gen4-ipmmu-vmsa"));
    }
}
