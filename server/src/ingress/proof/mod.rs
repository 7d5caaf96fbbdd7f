//! Authentication of webhook deliveries, one file for each scheme. Pure functions of headers, body, secret and time;
//! refusals reveal nothing about what would have been right.

mod demand;
mod github;
mod sent;
mod signature;
mod slack;
mod standard;
mod stripe;
mod token;
mod twilio;

pub(super) use demand::Demand;
pub(super) use sent::{Sent, Unproved, check_nothing};
