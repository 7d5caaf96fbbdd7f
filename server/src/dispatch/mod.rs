//! The dispatch room.
