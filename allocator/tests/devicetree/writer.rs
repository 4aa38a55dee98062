//! Writes flattened devicetrees, right ones and wrong ones.

use std::path::{Path, PathBuf};

/// A blob in the making. Nodes are begun and ended by hand, so that wrong ones can be made too.
#[derive(Default)]
pub(crate) struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
    /// Where the same is written as directories.
    directory: Option<PathBuf>,
}

impl Writer {
    /// A tree whose root has these cells.
    pub(crate) fn board(address: u32, size: u32) -> Self {
        Self::default().with_board(address, size)
    }

    /// The same, written below `root` as /sys shows it too.
    pub(crate) fn mirrored(root: &Path, address: u32, size: u32) -> Self {
        let directory = Some(root.join("sys/firmware/devicetree/base"));
        Self { directory, ..Self::default() }.with_board(address, size)
    }

    fn with_board(self, address: u32, size: u32) -> Self {
        let mut writer = self;
        writer.begin("").cells("#address-cells", &[address]).cells("#size-cells", &[size]);
        writer.text("compatible", "made,up");
        writer.begin("cpus").begin("cpu@0").text("compatible", "arm,cortex-a72");
        writer.text("enable-method", "psci").end().end();
        writer
    }

    pub(crate) fn word(&mut self, word: u32) -> &mut Self {
        self.structure.extend(word.to_be_bytes());
        self
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    pub(crate) fn begin(&mut self, name: &str) -> &mut Self {
        self.word(1).padded(&[name.as_bytes(), &[0]].concat());
        if let Some(directory) = self.directory.as_mut().filter(|_| !name.is_empty()) {
            directory.push(name);
        }
        self
    }

    pub(crate) fn end(&mut self) -> &mut Self {
        self.directory.as_mut().map(PathBuf::pop);
        self.word(2)
    }

    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        if let Some(directory) = &self.directory {
            std::fs::create_dir_all(directory).unwrap();
            std::fs::write(directory.join(name), value).unwrap();
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        self.word(3).word(u32::try_from(value.len()).unwrap()).word(at).padded(value);
        self
    }

    pub(crate) fn flag(&mut self, name: &str) -> &mut Self {
        self.bytes(name, &[])
    }

    pub(crate) fn cells(&mut self, name: &str, cells: &[u32]) -> &mut Self {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.bytes(name, &bytes)
    }

    /// A list of strings, parted by `|`.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.bytes(name, &[text.replace('|', "\0").as_bytes(), &[0]].concat())
    }

    /// A whole node without others in it.
    pub(crate) fn node(&mut self, name: &str, compatible: &str) -> &mut Self {
        self.begin(name).text("compatible", compatible).end()
    }

    /// Ends the tree, whose root is still open.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.end().word(9).blob()
    }

    /// The blob as it stands.
    pub(crate) fn blob(&self) -> Vec<u8> {
        let (structure, strings) = (self.structure.len(), self.strings.len());
        let total = 56 + structure + strings;
        let header = [0xd00d_feed, total, 56, 56 + structure, 40, 17, 16, 0, strings, structure];
        let mut blob: Vec<u8> = Vec::new();
        for word in header {
            blob.extend(u32::try_from(word).unwrap().to_be_bytes());
        }
        blob.extend([0; 16]);
        blob.extend(&self.structure);
        blob.extend(&self.strings);
        blob
    }
}
