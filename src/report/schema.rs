//! The JSON schemas of what the program prints and of what it is configured by; tests hold them against real output.

/// A shape that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `dagguard check`.
    Report,
    /// `dagguard model`.
    Model,
    /// `dagguard model --explain`.
    Explanation,
    /// `dagguard snapshot`.
    Snapshot,
    /// `dagguard status`.
    Status,
    /// The operator's configuration, as JSON would hold it.
    Config,
    /// The configuration that a tree carries, likewise.
    TreeConfig,
}

/// The schema of a shape (JSON Schema, draft 2020-12), as it is checked in.
pub fn schema(shape: Shape) -> &'static str {
    match shape {
        Shape::Report => include_str!("schema/report.json"),
        Shape::Model => include_str!("schema/model.json"),
        Shape::Explanation => include_str!("schema/explanation.json"),
        Shape::Snapshot => include_str!("schema/snapshot.json"),
        Shape::Status => include_str!("schema/status.json"),
        Shape::Config => include_str!("schema/config.json"),
        Shape::TreeConfig => include_str!("schema/tree-config.json"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
