//! The builder room.

/// Placeholder until the builder is there.
#[derive(Clone)]
pub struct Workshop;

/// Placeholder until the builder is there.
pub mod manifest {
    /// Placeholder.
    #[derive(Debug)]
    pub struct Fault {
        /// Where.
        pub pointer: String,
        /// What.
        pub message: String,
    }
    impl std::fmt::Display for Fault {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}: {}", self.pointer, self.message)
        }
    }
    /// Placeholder.
    pub fn parse(json: &serde_json::Value) -> Result<domain::manifest::Manifest, Vec<Fault>> {
        serde_json::from_value(json.clone()).map_err(|e| vec![Fault { pointer: String::new(), message: e.to_string() }])
    }
    /// Placeholder.
    pub fn schema() -> &'static str {
        "{}"
    }
}
