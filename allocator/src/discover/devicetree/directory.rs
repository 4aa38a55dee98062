//! A devicetree as directories: `/sys/firmware/devicetree/base`.

use super::{DEPTH_MAX, NODES_MAX, Tree};
use crate::discover::root::Root;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

const BASE: &str = "/sys/firmware/devicetree/base";

/// Reads what is asked for. Nodes are called by their path; the root by an empty one.
pub(in crate::discover) struct Directory<'a> {
    root: &'a Root,
    /// The nodes that bear a number: the whole tree is walked for it, once and where one is asked for.
    phandles: OnceCell<HashMap<u32, String>>,
}

impl<'a> Directory<'a> {
    /// `None` on a machine without a devicetree.
    pub(in crate::discover) fn of(root: &'a Root) -> Option<Self> {
        root.exists(BASE).then(|| Self { root, phandles: OnceCell::new() })
    }

    fn phandles(&self) -> HashMap<u32, String> {
        let mut found = HashMap::new();
        let mut todo = vec![(self.root(), 0)];
        let mut visited = 0;
        while let Some((node, depth)) = todo.pop() {
            visited += 1;
            if visited > NODES_MAX {
                self.warn(format!("devicetree: more than {NODES_MAX} nodes"));
                break;
            }
            if let Some(word) = self.property(&node, "phandle")
                && let Ok(word) = <[u8; 4]>::try_from(&*word)
            {
                found.insert(u32::from_be_bytes(word), node.clone());
            }
            if depth < DEPTH_MAX {
                todo.extend(self.children(&node).into_iter().map(|child| (child, depth + 1)));
            }
        }
        found
    }
}

impl Tree for Directory<'_> {
    type Node = String;

    fn root(&self) -> String {
        String::new()
    }

    fn parent(&self, node: &String) -> Option<String> {
        node.rsplit_once('/').map(|(above, _)| above.to_owned())
    }

    fn children(&self, node: &String) -> Vec<String> {
        let dir = format!("{BASE}{node}");
        // Properties are files; nodes are directories.
        let names = self.root.list(&dir).into_iter();
        let nodes = names.filter(|name| self.root.is_dir(&format!("{dir}/{name}")));
        nodes.map(|name| format!("{node}/{name}")).collect()
    }

    fn name(&self, node: &String) -> String {
        node.rsplit('/').next().unwrap_or_default().to_owned()
    }

    fn path(&self, node: &String) -> String {
        if node.is_empty() { "/".to_owned() } else { node.clone() }
    }

    fn child(&self, node: &String, name: &str) -> Option<String> {
        let child = format!("{node}/{name}");
        self.root.is_dir(&format!("{BASE}{child}")).then_some(child)
    }

    fn property(&self, node: &String, name: &str) -> Option<Cow<'_, [u8]>> {
        self.root.bytes(&format!("{BASE}{node}/{name}")).map(Cow::Owned)
    }

    fn has(&self, node: &String, name: &str) -> bool {
        self.root.exists(&format!("{BASE}{node}/{name}"))
    }

    fn by_phandle(&self, phandle: u32) -> Option<String> {
        self.phandles.get_or_init(|| self.phandles()).get(&phandle).cloned()
    }

    fn warn(&self, text: String) {
        self.root.warn(text);
    }
}
