//! The server's log: lines with fields on standard error, as text or JSON.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::repeats::REPEATS;
/// The target of the access log.
pub const ACCESS: &str = "eventflow::access";

/// Starts logging to standard error. `filter` is a level or a list of directives by module. Colors are used on a
/// terminal unless `NO_COLOR` is set. Messages about the start of the HTTP library, and those of the AMQP library
/// beyond the errors that it returns, are logged only if asked for by name. `json`: each line is a JSON object.
pub fn start_logging(filter: &str, json: bool) {
    // The access log has its own setting, regardless of the level.
    let usual = format!("actix_server=warn,lapin=off,{ACCESS}=info,eventflow::repeated=warn");
    // The library that talks to the Docker engine would write down the variables of containers, which may be secrets.
    let filter =
        EnvFilter::try_new(format!("{usual},{filter},bollard=info")).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(Masked);
    let lines = match json {
        false => {
            let colours =
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
            lines.with_ansi(colours).boxed()
        }
        true => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(lines).with(REPEATS.clone());
    // A second start (in tests) keeps the first configuration.
    if subscriber.try_init().is_ok()
        && let Err(error) = REPEATS.count_in_background()
    {
        tracing::warn!(%error, "no thread could be started: repeated faults are not counted in the log");
    }
}

/// Logs the pending counts of repetitions before the process ends.
pub fn finish_logging() {
    REPEATS.log_due(Duration::ZERO);
}

/// Standard error with the credentials in addresses masked: an error may repeat an address.
struct Masked;

impl<'a> MakeWriter<'a> for Masked {
    type Writer = MaskedLine;

    fn make_writer(&'a self) -> MaskedLine {
        MaskedLine(std::io::stderr())
    }
}

/// One line of the log, written at once.
struct MaskedLine(std::io::Stderr);

impl Write for MaskedLine {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(domain::address::masked(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
