//! The actors room.
