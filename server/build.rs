//! Compiles what is loaded into the programs of a sandbox, for the machine that the server is compiled for, and lists the
//! migrations of the databases.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let folder = env::var("OUT_DIR").expect("Cargo says where to write");
    preload(&Path::new(&folder).join("interfaces.so"));
    for database in ["postgres", "sqlite"] {
        migrations(database, &Path::new(&folder).join(database).with_extension("rs"));
    }
}

fn preload(library: &Path) {
    let source = "../runtimes/preload/interfaces.c";
    println!("cargo::rerun-if-changed={source}");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // No library is named that it needs, so that it fits whatever C library a program has.
        let flags =
            ["-std=gnu11", "-O2", "-fPIC", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-nostdlib", "-shared", "-s"];
        let mut compiler = cc::Build::new().warnings(false).get_compiler().to_command();
        let status = compiler.args(flags).arg("-o").arg(library).arg(source).status();
        assert!(status.is_ok_and(|status| status.success()), "{source} cannot be compiled: is there a C compiler?");
    } else {
        fs::write(library, []).expect("Cargo's folder can be written");
    }
}

/// Writes the names and texts of one database's migrations as a Rust expression, which `store/migrations.rs` includes.
///
/// `sqlx::migrate!` would do the same, but it needs both drivers, SQLite among them, compiled a second time for the
/// compiler to load.
fn migrations(database: &str, list: &Path) {
    let folder = Path::new("../migrations").join(database);
    // The folder as well: its time changes with a file that is added or removed.
    println!("cargo::rerun-if-changed={}", folder.display());
    let folder = folder.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let mut text = String::from("&[\n");
    for file in &files {
        let name = file.file_stem().expect("it ends in .sql");
        writeln!(text, "    ({name:?}, include_str!({file:?})),").expect("memory can be written");
    }
    text.push(']');
    fs::write(list, text).expect("Cargo's folder can be written");
}
