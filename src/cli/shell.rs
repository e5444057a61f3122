//! What a shell and `man` want to know of the command line, made from its definition, so that it cannot say anything else.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;

const NAME: &str = "fleetsheet";

/// A script that completes words after `fleetsheet`.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page, in roff: the program, and after it each of its commands.
#[must_use]
pub fn manual() -> String {
    // Writing to memory does not fail.
    String::from_utf8_lossy(&render().unwrap_or_default()).into_owned()
}

fn render() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    let whole = Man::new(command.clone());
    whole.render_title(&mut page)?;
    whole.render_name_section(&mut page)?;
    whole.render_synopsis_section(&mut page)?;
    whole.render_description_section(&mut page)?;
    whole.render_options_section(&mut page)?;
    for own in command.get_subcommands().filter(|own| own.get_name() != "help") {
        let about = own.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(
            page,
            ".SH \"FLEETSHEET {}\"\n{}",
            own.get_name().to_uppercase(),
            roff(&about)
        )?;
        let mut options = Vec::new();
        Man::new(without_globals(own)).render_options_section(&mut options)?;
        // Under its own heading it needs no second one.
        page.extend(
            String::from_utf8_lossy(&options)
                .replacen(".SH OPTIONS\n", "", 1)
                .bytes(),
        );
    }
    whole.render_extra_section(&mut page)?;
    whole.render_version_section(&mut page)?;
    Ok(page)
}

/// The command without the options that each of them has: those stand at the top.
fn without_globals(command: &clap::Command) -> clap::Command {
    let own = command.get_arguments().filter(|argument| !argument.is_global_set());
    let own: Vec<clap::Arg> = own.filter(|argument| argument.get_id() != "help").cloned().collect();
    clap::Command::new(NAME).disable_help_flag(true).args(own)
}

/// Text as roff shows it: no line of it may begin with a request.
fn roff(text: &str) -> String {
    let line = text.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn each_shell_learns_each_command() {
        for shell in Shell::value_variants() {
            let script = completions(*shell);
            for word in ["history", "completions", "takeover", "format"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn the_manual_has_each_command_and_the_exit_codes() {
        let page = manual();
        for words in [
            ".TH",
            "FLEETSHEET PLAN",
            "FLEETSHEET HISTORY",
            "exit\\-code",
            "Exit codes",
            "takeover",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(
            page.matches("RUST_LOG").count(),
            1,
            "what all have in common stands once: {page}"
        );
    }
}
