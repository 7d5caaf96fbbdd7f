//! The `eventflow` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = server::executor::bridge::entry() {
        return code;
    }
    ExitCode::SUCCESS
}
