//! `eventflow`: the platform. `eventflow serve` is the default verb.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use server::config::{self, Flags, Settings};
use server::{app, executor, ingress, telemetry};

/// Calls make and drop many small things on several threads: the system's allocator took a tenth of their time.
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
    /// Bring the database to the newest form
    Migrate,
    /// Make the read tables anew from the log; no server may be running on it
    Rebuild,
    /// Compare the read tables with the log and check its hash chain
    Verify,
    /// Print what calls back (X-Callback-Url) of a namespace without a CALLBACK_SECRET of its own are signed with
    CallbackSecret {
        /// The namespace; the default one when absent
        namespace: Option<String>,
    },
    /// Print the settings that are in force and where each comes from; secrets are masked
    Config {
        /// As JSON
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// The page about all settings instead: docs/guide/settings.md
        #[arg(long)]
        markdown: bool,
    },
    /// Print the GraphQL schema
    Schema,
    /// Print the OpenAPI document
    Openapi,
}

fn main() -> ExitCode {
    if let Some(code) = executor::bridge::entry().or_else(executor::network::entry) {
        return code;
    }
    app::close_new_files();
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("eventflow: {}", domain::address::masked(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let verb = cli.verb.clone().unwrap_or(Verb::Serve);
    match verb {
        Verb::Schema => {
            print!("{}", ingress::graphql::sdl());
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Openapi => {
            println!("{}", ingress::openapi());
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Config { markdown: true, .. } => {
            print!("{}", config::page());
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Config { json, .. } => {
            let settings = config::in_force(&cli.flags)?;
            match json {
                true => println!("{}", serde_json::to_string_pretty(&settings)?),
                false => print!("{}", config::table(&settings)),
            }
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Serve | Verb::Migrate | Verb::Rebuild | Verb::Verify | Verb::CallbackSecret { .. } => {}
    }
    let settings = Settings::read(&cli.flags)?;
    telemetry::start_logging(&settings.log_level, settings.log_json);
    if let Verb::CallbackSecret { namespace } = verb {
        println!("{}", app::callback_secret(&settings, namespace.as_deref().unwrap_or(&settings.namespace))?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Verb::Serve = verb {
        executor::isolate_mounts();
        let served = app::serve(settings);
        telemetry::finish_logging();
        served?;
        return Ok(ExitCode::SUCCESS);
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        match verb {
            Verb::Rebuild => {
                let events = app::open_store(&settings).await?.rebuild().await?;
                println!("The read tables were made anew from {events} events.");
                Ok(ExitCode::SUCCESS)
            }
            Verb::Verify => verify(&settings).await,
            _ => {
                let store = app::open_store(&settings).await?;
                println!("{} is up to date.", store.describe());
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

async fn verify(settings: &Settings) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let store = app::open_store_to_read(settings).await?;
    let report = store.verify().await?;
    println!(
        "{}: checked {} events, {} streams and {} rows of the read tables.",
        store.describe(),
        report.events,
        report.streams,
        report.rows
    );
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
