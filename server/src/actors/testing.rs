//! Helpers for tests of the rooms above.

/// Runs a test that starts actors.
pub(crate) fn with_actors<T>(test: impl Future<Output = T>) -> T {
    actix::System::new().block_on(test)
}
