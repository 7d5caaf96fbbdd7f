//! Compiles what is loaded into the programs of a sandbox, for the machine that the server is compiled for.

use std::path::Path;
use std::{env, fs};

fn main() {
    let source = "../runtimes/preload/interfaces.c";
    println!("cargo::rerun-if-changed={source}");
    let folder = env::var("OUT_DIR").expect("Cargo says where to write");
    let library = Path::new(&folder).join("interfaces.so");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // No library is named that it needs, so that it fits whatever C library a program has.
        let flags =
            ["-std=gnu11", "-O2", "-fPIC", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-nostdlib", "-shared", "-s"];
        let mut compiler = cc::Build::new().warnings(false).get_compiler().to_command();
        let status = compiler.args(flags).arg("-o").arg(&library).arg(source).status();
        assert!(status.is_ok_and(|status| status.success()), "{source} cannot be compiled: is there a C compiler?");
    } else {
        fs::write(&library, []).expect("Cargo's folder can be written");
    }
}
