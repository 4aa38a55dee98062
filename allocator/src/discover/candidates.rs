//! From the names of heaps to candidates with properties: one for each pool of memory, whatever it
//! is called.

use super::{Arch, CmaArea, Observation, SeenHeap, Udmabuf, cma};
use heapq_constraints::fact::Windows;
use heapq_constraints::{Heap, MAX_HEAPS, Name, Origin};
use heapq_policies::{HeapKnowledge, Kernel, PolicySet};
use std::collections::BTreeSet;

/// How kernels from 6.17 on name the heap of the default contiguous area.
const DEFAULT_AREA: &str = "default_cma_region";
/// The role of that heap on all kernels.
const DEFAULT_ROLE: &str = "default-contiguous";
/// What a heap of which nobody knows anything is reserved for: no driver and no usage is called so.
const UNDESCRIBED: &str = "undescribed-heap";
/// Top of what a 32-bit DMA mask reaches.
const FOUR_GIB: u64 = 1 << 32;

/// Heaps of one machine, with what the policies and the machine itself say of them.
pub(super) fn from(
    seen: &Observation,
    policies: &PolicySet,
    kernel: Kernel,
    warnings: &mut Vec<String>,
) -> Vec<Heap> {
    let known = |name: &str| policies.heap(name, kernel);
    let all = all(seen);
    let pools = pools(seen, &all, &known);
    let mut borne: BTreeSet<Name> = all.iter().map(|heap| heap.name.clone()).collect();
    let mut heaps = Vec::new();
    for pool in &pools {
        let mut heap = candidate(seen, pool, &|names| policies.pool(names, kernel));
        let (kept, taken) = heap.aliases.into_iter().partition(|alias| borne.insert(alias.clone()));
        heap.aliases = kept;
        let taken: Vec<Name> = taken;
        for alias in taken.iter().filter(|alias| !pool.bears(alias)) {
            warnings.push(format!("heap {}: another heap bears its alias {alias}", heap.name));
        }
        heap.aliases.extend(pool.names().skip(1).cloned());
        if let Some(udmabuf) = &seen.udmabuf {
            udmabuf.bound(&mut heap);
        }
        heaps.push(heap);
    }
    as_many_as_are_solved_for(heaps, warnings)
}

/// The kernel's heaps, and those that are none to it.
fn all(seen: &Observation) -> Vec<SeenHeap> {
    let mut all = seen.heaps.clone();
    let further = seen.udmabuf.iter().flat_map(Udmabuf::heaps);
    // A dma-heap of such a name would be what the name says already.
    all.extend(further.filter(|one| seen.heaps.iter().all(|heap| heap.name != one.name)));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// A machine with too many heaps does without the last of them, those first that nobody describes
/// and that therefore nobody gets.
fn as_many_as_are_solved_for(mut heaps: Vec<Heap>, warnings: &mut Vec<String>) -> Vec<Heap> {
    let undescribed = |heap: &Heap| heap.reserved_for.iter().any(|word| **word == *UNDESCRIBED);
    if let Some(unused) = heaps.len().checked_sub(MAX_HEAPS).filter(|unused| *unused > 0) {
        heaps.sort_by(|a, b| (undescribed(a), &a.name).cmp(&(undescribed(b), &b.name)));
        let first = heaps.get(MAX_HEAPS).map(|heap| heap.name.clone()).unwrap_or_default();
        warnings.push(format!("{unused} heaps from {first} on are left out: {MAX_HEAPS} are used"));
        heaps.truncate(MAX_HEAPS);
    }
    heaps
}

/// Heaps of one memory: never empty, the name to call it by first.
struct Pool<'a> {
    heaps: Vec<&'a SeenHeap>,
    /// It is the kernel's default contiguous area.
    default: bool,
}

impl Pool<'_> {
    fn names(&self) -> impl Iterator<Item = &Name> {
        self.heaps.iter().map(|heap| &heap.name)
    }

    fn bears(&self, name: &str) -> bool {
        self.names().any(|own| &**own == name)
    }
}

fn pools<'a>(
    seen: &Observation,
    all: &'a [SeenHeap],
    known: &dyn Fn(&str) -> HeapKnowledge,
) -> Vec<Pool<'a>> {
    let area = seen.default_area_name();
    let mut pools: Vec<Pool<'a>> = Vec::new();
    for heap in all {
        let default = &*heap.name == DEFAULT_AREA || heap.name == area;
        let aliases = known(&heap.name).heap.aliases;
        let same = pools.iter_mut().find(|pool| {
            let aliased = aliases.iter().any(|alias| pool.bears(alias));
            let aliases_it = pool.names().any(|name| known(name).heap.aliases.contains(&heap.name));
            (default && pool.default) || aliased || aliases_it
        });
        match same {
            Some(pool) => {
                pool.default |= default;
                pool.heaps.push(heap);
            }
            None => pools.push(Pool { heaps: vec![heap], default }),
        }
    }
    for pool in &mut pools {
        // `default_cma_region` is what the other names are aliases of; elsewhere names sort.
        pool.heaps.sort_by_key(|heap| (&*heap.name != DEFAULT_AREA, &heap.name));
    }
    pools
}

fn candidate(
    seen: &Observation,
    pool: &Pool<'_>,
    known: &dyn Fn(&[Name]) -> HeapKnowledge,
) -> Heap {
    let (mut heap, described) = describe(pool, known);
    heap.present = pool.heaps.iter().any(|heap| heap.node);
    let path = pool.heaps.first().map(|heap| heap.path.clone()).unwrap_or_default();
    let area = Area::of(seen, pool);
    let placed = area.as_ref().and_then(|area| area.place(seen));
    if let Some(area) = &area {
        state(&mut heap, "contiguous", area.origin.clone(), |heap| heap.contiguous = true);
        if let Some(bytes) = area.bytes {
            state(&mut heap, "capacity", area.origin.clone(), |heap| heap.capacity = Some(bytes));
        }
        if area.default && heap.roles.is_empty() {
            heap.roles.push(DEFAULT_ROLE.into());
        }
    } else if !described {
        let origin = Origin::Sysfs(path);
        state(&mut heap, "reserved-for", origin, |heap| {
            heap.reserved_for = vec![UNDESCRIBED.into()]
        });
    }
    // Firmware's own memory is not among the RAM that the kernel lists.
    let ram = (described && !heap.protected && heap.bank.is_none()) || area.is_some();
    let place = placed.or_else(|| ram.then(|| ram_of(seen)).flatten());
    if let Some((windows, origin)) = place {
        set_place(&mut heap, windows, &origin);
    }
    heap
}

/// What the policies say under all of its names; a default area of a name of its own is described
/// as the one that all kernels know.
fn describe(pool: &Pool<'_>, known: &dyn Fn(&[Name]) -> HeapKnowledge) -> (Heap, bool) {
    let usual: Name = DEFAULT_AREA.into();
    let names: Vec<Name> = pool.names().chain(pool.default.then_some(&usual)).cloned().collect();
    let HeapKnowledge { heap, known, .. } = known(&names);
    (heap, known)
}

/// States a property unless a policy has.
fn state(heap: &mut Heap, key: &'static str, origin: Origin, set: impl FnOnce(&mut Heap)) {
    if !heap.origins.contains_key(key) {
        set(heap);
        heap.origins.insert(key, origin);
    }
}

fn set_place(heap: &mut Heap, windows: Windows, origin: &Origin) {
    let top = windows.intervals().last().map_or(u64::MAX, |(_, end)| end.saturating_sub(1));
    let bits = u8::try_from(u64::BITS - top.leading_zeros()).unwrap_or(64).max(1);
    state(heap, "address-window", origin.clone(), |heap| heap.address_window = Some(windows));
    state(heap, "address-bits", origin.clone(), |heap| heap.address_bits = bits);
}

fn ram_of(seen: &Observation) -> Option<(Windows, Origin)> {
    let ram = seen.ram.as_ref()?;
    Some((ram.windows.clone(), ram.origin()))
}

/// The contiguous area behind a pool of heaps.
struct Area {
    default: bool,
    bytes: Option<u64>,
    /// Where it lies, or may lie, and who says so.
    place: Option<(Windows, Origin)>,
    /// It was made by a node of the devicetree, which lets it lie anywhere but says otherwise.
    described: bool,
    origin: Origin,
}

impl Area {
    fn of(seen: &Observation, pool: &Pool<'_>) -> Option<Self> {
        let own = seen.default_area_name();
        let bears = |name: &str| pool.bears(name) || (pool.default && *own == *name);
        let node = seen.pools.iter().find(|node| bears(&node.name));
        let area = seen.cma.iter().find(|area| bears(&area.name));
        let argument = seen.cma_argument.as_ref().filter(|_| pool.default);
        if node.is_none() && area.is_none() && !pool.default {
            return None;
        }
        let origin = match (area, node, argument) {
            (Some(area), ..) => Origin::Sysfs(format!("/sys/kernel/mm/cma/{}", area.name).into()),
            (None, Some(node), _) => reserved(&node.name),
            (None, None, Some(_)) => Origin::Sysfs("/proc/cmdline".into()),
            (None, None, None) => {
                Origin::Sysfs(pool.heaps.first().map(|heap| heap.path.clone()).unwrap_or_default())
            }
        };
        let node = node.filter(|node| !node.default || argument.is_none());
        let bytes = area.map(|area| area.bytes).or_else(|| node.and_then(|node| node.bytes));
        let stated = || Some((node?.window.clone()?, origin.clone()));
        Some(Self {
            default: pool.default,
            bytes: bytes.or_else(|| argument.map(|argument| argument.bytes)),
            place: area.and_then(exactly).or_else(stated),
            described: node.is_some(),
            origin,
        })
    }

    /// Where it lies, as far as anybody says; `None`: anywhere in RAM.
    fn place(&self, seen: &Observation) -> Option<(Windows, Origin)> {
        if self.place.is_some() {
            return self.place.clone();
        }
        if !self.default || self.described {
            return None;
        }
        let argument = seen.cma_argument.as_ref().and_then(|argument| argument.window.clone());
        if let Some(window) = argument {
            return Some((window, Origin::Sysfs("/proc/cmdline".into())));
        }
        below_the_dma_limit(seen)
    }
}

/// Where debugfs shows the area to lie.
fn exactly(area: &CmaArea) -> Option<(Windows, Origin)> {
    let first = area.base?;
    let windows = Windows::new(vec![(first, first.checked_add(area.bytes)?)])?;
    let origin = Origin::Sysfs(format!("{}/{}/base_pfn", cma::DEBUGFS, area.name).into());
    Some((windows, origin))
}

fn reserved(name: &str) -> Origin {
    Origin::Devicetree(format!("/reserved-memory/{name}").into())
}

/// Where the kernel puts a default area that nobody placed: on ARM and RISC-V below what its 32-bit
/// (and more limited) devices reach, as long as there is RAM (`arm64_dma_phys_limit` and its like).
fn below_the_dma_limit(seen: &Observation) -> Option<(Windows, Origin)> {
    let limit = match seen.arch {
        Arch::Arm | Arch::Arm64 | Arch::Riscv => seen.dma_reach.unwrap_or(FOUR_GIB).min(FOUR_GIB),
        Arch::X86 | Arch::Other => return None,
    };
    let ram = seen.ram.as_ref()?;
    let start = ram.windows.intervals().first()?.0;
    let limit = match start {
        // RAM begins above what anybody reaches: the kernel then sets no limit.
        start if start >= FOUR_GIB => return None,
        start if start >= limit => FOUR_GIB,
        _ => limit,
    };
    let below = ram.windows.intervals().iter().filter(|(first, _)| *first < limit);
    let windows = Windows::new(below.map(|(first, end)| (*first, (*end).min(limit))).collect())?;
    Some((windows, ram.origin()))
}
