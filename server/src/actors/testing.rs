//! For tests of the rooms above.

/// Does a test in which actors are started.
pub(crate) fn with_actors<T>(test: impl Future<Output = T>) -> T {
    actix::System::new().block_on(test)
}
