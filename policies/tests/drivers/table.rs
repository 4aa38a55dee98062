//! The tables as rows.

use heapq_constraints::Name;

/// One driver.
pub(crate) struct Row {
    pub(crate) driver: &'static str,
    pub(crate) module: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) import: &'static str,
    /// What the driver sets its DMA mask to.
    pub(crate) masks: &'static str,
    /// As sysfs calls it; empty: none that the table knows.
    pub(crate) bus: &'static str,
    /// Of a DRM driver: `scanout`, `render+scanout`, …; empty for V4L2.
    pub(crate) role: &'static str,
    /// The kernel maps what it imports, besides the DMA.
    pub(crate) mapped: bool,
    pub(crate) compatibles: Vec<Name>,
}

/// All rows of `v4l2.tsv` and `drm.tsv`.
pub(crate) fn drivers() -> Vec<Row> {
    let tables = [include_str!("v4l2.tsv"), include_str!("drm.tsv")];
    tables.into_iter().flat_map(records).map(|record| Row::new(&record)).collect()
}

/// One line of a table.
pub(crate) struct Record {
    header: Vec<&'static str>,
    fields: Vec<&'static str>,
}

/// The lines below the header.
pub(crate) fn records(table: &'static str) -> Vec<Record> {
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines.map(|fields| Record { header: header.clone(), fields }).collect()
}

impl Record {
    /// A column that the table lacks is empty.
    pub(crate) fn field(&self, name: &str) -> &'static str {
        assert_eq!(self.header.len(), self.fields.len(), "{:?}", self.fields);
        let column = self.header.iter().position(|column| *column == name);
        column.map_or("", |column| self.fields[column])
    }
}

impl Row {
    fn new(record: &Record) -> Self {
        let row = Self {
            driver: record.field("driver_name"),
            module: record.field("module"),
            kind: record.field("kind"),
            import: record.field("dmabuf_import"),
            masks: record.field("dma_mask_bits"),
            bus: bus(record.field("bus")),
            role: record.field("role"),
            mapped: record.field("note").contains("_VMAP variant"),
            compatibles: record
                .field("compatible_list")
                .split_whitespace()
                .map(Name::from)
                .collect(),
        };
        assert_eq!(
            row.compatibles.len().to_string(),
            record.field("compatibles"),
            "{}",
            row.driver
        );
        row
    }
}

/// The bus on which a kind of driver registers.
fn bus(registration: &str) -> &'static str {
    match registration {
        "platform_driver" => "platform",
        "pci_driver" | "saa7146_extension" => "pci",
        "usb_driver" => "usb",
        "i2c_driver" => "i2c",
        "spi_driver" => "spi",
        "amba_driver" => "amba",
        "auxiliary_driver" => "auxiliary",
        "host1x_driver" => "host1x",
        "hv_driver" => "vmbus",
        "rmi_function_handler" => "rmi4",
        "virtio_driver" => "virtio",
        "xenbus_driver" => "xen",
        "(core)" | "(core lib)" | "(none)" => "",
        other => panic!("a bus that no test knows: {other}"),
    }
}
