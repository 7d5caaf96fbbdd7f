//! EventFlow
