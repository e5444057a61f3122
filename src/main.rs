//! The `fleetsheet` command.

use std::process::ExitCode;

use fleetsheet::cli::Invocation;

fn main() -> ExitCode {
    let config = std::env::var_os("FLEETSHEET_CONFIG");
    let arguments: Vec<_> = std::env::args_os().collect();
    let asked = match Invocation::parse(arguments.iter().cloned(), config.as_deref(), std::path::Path::is_file) {
        Ok(asked) => asked,
        Err(help) => return ExitCode::from(fleetsheet::commands::say(&help, &arguments)),
    };
    // A dependency that brings a second provider must not make rustls panic. Setting it twice does no harm.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "fleetsheet: cannot start the async runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(fleetsheet::commands::run(asked));
    // Waits neither for a pass that was abandoned nor for a name that is still being resolved.
    runtime.shutdown_background();
    ExitCode::from(code)
}
