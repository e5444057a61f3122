//! Small C libraries that the dynamic linker puts between the program and the system's calls, to disturb them from outside:
//! the program under test is the one that users run, and knows of nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `tests/support/preload/NAME.c`; gives the library's path, which belongs into `LD_PRELOAD`.
///
/// # Panics
/// If the C compiler, which building the program needs anyway, does not take it.
pub(crate) fn library(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/support/preload/{name}.c"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Test programs run side by side, and so do tests: each writes a file of its own and renames it.
    let unique = format!("{name}-{}-{:?}.so", std::process::id(), std::thread::current().id());
    let fresh = target.join(unique);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let built = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&fresh, &source])
        .arg("-ldl")
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let library = target.join(format!("{name}.so"));
    std::fs::rename(&fresh, &library).expect("renames");
    library
}
