//! The `eventflow` binary. `eventflow serve` is the default command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::app::operate::{self, State};
use server::config::{self, Flags, Settings};
use server::store::{Anchor, Proof};
use server::{app, builder, executor, ingress, telemetry};

/// Calls make many small allocations on several threads: the system's allocator took a tenth of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "eventflow", version, about = "A self-hosted, function-first developer platform")]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand, Clone)]
enum Verb {
    /// Run the platform (the default)
    Serve,
    /// Migrate the database to the latest schema
    Migrate,
    /// Rebuild the read tables from the log; no server may be running on it
    Rebuild {
        /// Even if the log itself is damaged
        #[arg(long)]
        damaged: bool,
    },
    /// Compare the read tables with the log, and verify its hash chain and seals; a server may be running
    Verify {
        /// A seal printed by an earlier `verify` and kept elsewhere, HASH@POSITION; may be repeated
        #[arg(long = "anchor", value_name = "HASH@POSITION")]
        anchors: Vec<Anchor>,
    },
    /// Back up the log, the artifacts and the keys; a server may be running
    Backup {
        /// A folder that is empty or does not exist
        folder: PathBuf,
        #[command(flatten)]
        keys: Keys,
    },
    /// Restore a backup into an empty data folder and database
    Restore {
        /// The folder of the backup
        folder: PathBuf,
        #[command(flatten)]
        keys: Keys,
    },
    /// Check everything that a server needs from this machine
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Administration without signing in
    Admin {
        #[command(subcommand)]
        verb: AdminVerb,
    },
    /// Print the key that signs callbacks (X-Callback-Url) of a namespace without a CALLBACK_SECRET
    CallbackSecret {
        /// The namespace; defaults to the default namespace
        namespace: Option<String>,
    },
    /// Print the effective settings and the source of each; secrets are masked
    Config {
        /// Print JSON
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// Print the reference of all settings instead: docs/guide/settings.md
        #[arg(long)]
        markdown: bool,
    },
    /// Print the GraphQL schema
    Schema,
    /// Print the OpenAPI document
    Openapi,
}

/// Options for the keys of a backup.
#[derive(clap::Args, Clone)]
struct Keys {
    /// A file whose first line is the passphrase; without it, the passphrase is asked for at the terminal
    #[arg(long, value_name = "FILE", conflicts_with = "without_keys")]
    passphrase_file: Option<PathBuf>,
    /// Leave the keys out
    #[arg(long)]
    without_keys: bool,
}

#[derive(Subcommand, Clone)]
enum AdminVerb {
    /// Set a new password for the admin and print it; a running server accepts it immediately
    ResetPassword,
    /// Re-encrypt secrets and the key of the log's seals with a new EVENTFLOW_SECRET_KEY; no server may be running
    ChangeKey {
        /// A file with the old key
        #[arg(long, value_name = "FILE")]
        old_key_file: PathBuf,
    },
    /// Discard all seals of the log because their key is lost; no server may be running
    ForgetSeals,
}

fn main() -> ExitCode {
    if let Some(code) = executor::bridge::entry().or_else(executor::network::entry).or_else(builder::inspect::entry) {
        return code;
    }
    app::close_new_files();
    app::leave_no_core_dumps();
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("eventflow: {}", domain::address::masked(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn run(cli: Cli) -> Outcome {
    let Cli { verb, flags } = cli;
    match verb.unwrap_or(Verb::Serve) {
        Verb::Schema => print!("{}", ingress::graphql::sdl()),
        Verb::Openapi => println!("{}", ingress::openapi()),
        Verb::Config { markdown: true, .. } => print!("{}", config::page()),
        Verb::Config { json: true, .. } => println!("{}", serde_json::to_string_pretty(&config::in_force(&flags)?)?),
        Verb::Config { .. } => print!("{}", config::table(&config::in_force(&flags)?)),
        verb => {
            let settings = Settings::read(&flags)?;
            telemetry::start_logging(&settings.log_level, settings.log_json);
            return work(verb, settings);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that needs the settings.
fn work(verb: Verb, settings: Settings) -> Outcome {
    if let Verb::Serve = verb {
        executor::isolate_mounts();
        let served = app::serve(settings);
        telemetry::finish_logging();
        served?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        match verb {
            Verb::Migrate => println!("{} is up to date.", operate::migrate(&settings).await?),
            Verb::Rebuild { damaged } => {
                let records = operate::rebuild(&settings, damaged).await?;
                println!("The read tables were made from {records} records.");
            }
            Verb::Verify { anchors } => return verify(&settings, &anchors).await,
            Verb::Backup { folder, keys } => {
                let passphrase = match keys.without_keys {
                    true => None,
                    false => Some(operate::passphrase(keys.passphrase_file.as_deref(), true)?),
                };
                let passphrase = passphrase.as_ref().map(|text| text.as_str());
                println!("{}", operate::backup(&settings, &folder, passphrase).await?);
            }
            Verb::Restore { folder, keys } => {
                let passphrase = || match keys.without_keys {
                    true => Ok(None),
                    false => operate::passphrase(keys.passphrase_file.as_deref(), false).map(Some),
                };
                println!("{}", operate::restore(&settings, &folder, &passphrase).await?);
            }
            Verb::Doctor { json } => return doctor(&settings, json).await,
            Verb::Admin { verb: AdminVerb::ResetPassword } => {
                let password = operate::reset_password(&settings)?;
                println!("The new password of `admin` is {password} (it is not shown again).");
                println!("Whoever is signed in stays so until the token expires, after 12 hours at most.");
            }
            Verb::Admin { verb: AdminVerb::ChangeKey { old_key_file } } => {
                println!("{}", operate::change_key(&settings, &old_key_file).await?);
            }
            Verb::Admin { verb: AdminVerb::ForgetSeals } => println!("{}", operate::forget_seals(&settings).await?),
            Verb::CallbackSecret { namespace } => {
                let namespace = namespace.as_deref().unwrap_or(&settings.namespace);
                println!("{}", operate::callback_secret(&settings, namespace)?);
            }
            Verb::Serve | Verb::Config { .. } | Verb::Schema | Verb::Openapi => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn verify(settings: &Settings, anchors: &[Anchor]) -> Outcome {
    let (description, report) = operate::verify(settings, anchors).await?;
    println!(
        "{description}: checked {} events, {} streams and {} rows of the read tables.",
        report.events, report.streams, report.rows
    );
    match &report.proof {
        Proof::Nothing(why) => println!("Nothing is proved: {why}."),
        Proof::Sealed { newest, since, began, unsealed } => {
            println!("Sealed under the log's key up to {} ({}).", newest.anchor, newest.at.to_rfc3339());
            let (began, after) = (began.to_rfc3339(), since + 1);
            match since {
                0 => println!("That holds from the first record on."),
                _ => println!(
                    "That holds from position {after} on; what came before was there when sealing began ({began}), and has \
                     not been changed since."
                ),
            }
            if *unsealed > 0 {
                println!("{unsealed} newer records are not sealed yet: a running server seals every 30 seconds.");
            }
        }
    }
    if report.faults.is_empty() {
        println!("Everything fits.");
        return Ok(ExitCode::SUCCESS);
    }
    for fault in &report.faults {
        println!("  {fault}");
    }
    println!(
        "{} faults. A fault in the read tables is mended by `eventflow rebuild`; one in the log is not: somebody changed it.",
        report.faults.len()
    );
    Ok(ExitCode::FAILURE)
}

async fn doctor(settings: &Settings, json: bool) -> Outcome {
    let findings = operate::doctor(settings).await;
    if json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            let sign = match finding.state {
                State::Good => "ok     ",
                State::Warning => "WARNING",
                State::Bad => "BAD    ",
            };
            println!("{sign}  {:24} {}", finding.what, finding.text);
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    if !json {
        println!("\n{} bad, {} warnings", count(State::Bad), count(State::Warning));
    }
    Ok(if count(State::Bad) > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
