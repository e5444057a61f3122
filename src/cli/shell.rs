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
    with_channels(shell, &String::from_utf8_lossy(&script))
}

/// The script, with channels where a channel is asked for. The program gives names that are safe as words of a shell only.
fn with_channels(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Fish => format!("{script}{FISH}"),
        Shell::Zsh => {
            let asks = |line: &str| {
                ["channel -- ", ":name -- ", "'--channel="]
                    .iter()
                    .any(|word| line.contains(word))
                    && line.contains(":_default'")
            };
            let line = |line: &str| match asks(line) {
                true => line.replace(":_default'", ":_fleetsheet_names'"),
                false => line.to_owned(),
            };
            let lines: Vec<String> = script.lines().map(line).collect();
            let (head, rest) = lines.split_first().map_or(("", &[][..]), |(head, rest)| (head, rest));
            format!("{head}\n\n{ZSH}{}\n", rest.join("\n"))
        }
        _ => script.to_owned(),
    }
}

const BASH: &str = r#"
_fleetsheet_channels() {
    _fleetsheet "$@"
    case "${COMP_WORDS[COMP_CWORD-1]}" in
        plan|rollback|explain|history|--channel)
            local name
            for name in $(fleetsheet names 2>/dev/null); do
                [[ $name == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$name")
            done ;;
    esac
    return 0
}
complete -F _fleetsheet_channels -o bashdefault -o default fleetsheet
"#;

const FISH: &str = r#"complete -c fleetsheet -n "__fish_fleetsheet_using_subcommand plan rollback explain history" -f -a "(fleetsheet names 2>/dev/null)"
"#;

const ZSH: &str = r#"_fleetsheet_names() {
    local -a names
    names=(${(f)"$(fleetsheet names 2>/dev/null)"})
    compadd -a names
}

"#;

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
    let mut codes = Vec::new();
    whole.render_extra_section(&mut codes)?;
    page.extend(
        String::from_utf8_lossy(&codes)
            .replacen(".SH EXTRA", ".SH \"EXIT STATUS\"", 1)
            .bytes(),
    );
    page.extend(PLACES.bytes());
    whole.render_version_section(&mut page)?;
    Ok(page)
}

/// What the definition of the command line does not know.
const PLACES: &str = r#".SH EXAMPLES
.TP
fleetsheet plan web\-prod
Says what the next pass will do to one channel, and writes nothing.
.TP
fleetsheet \-\-once \-\-allow unapproved
Makes one pass that lets the belt on unapproved changes through.
.TP
fleetsheet rollback web\-prod \-\-reason "2.4.0 loses orders"
Takes a release back at once, whether or not the spreadsheet can be reached.
.TP
fleetsheet history web\-prod \-\-since 2d
Lists what happened to a channel in two days.
.SH ENVIRONMENT
.TP
FLEETSHEET_CONFIG
The configuration file, where \-\-config names none.
.TP
FLEETSHEET_SECTION__KEY
Comes before the same key of the file, as FLEETSHEET_SHEETS__SPREADSHEET_ID does.
.TP
GOOGLE_APPLICATION_CREDENTIALS, AWS_PROFILE and the other variables of Google and AWS
Credentials, as for their own programs.
.TP
HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, AWS_CA_BUNDLE
How requests leave this machine, and which authorities vouch for the far ends.
.TP
NO_COLOR
No colours, where it is set.
.SH FILES
.TP
config/fleetsheet.toml, /etc/fleetsheet/fleetsheet.toml
The configuration, the first of the two that is there.
.TP
state/fleetsheet.db
The state store, unless state.url names another, with its lock and the last report beside it.
.TP
logs/
Log files of the service and of single passes, unless log.dir names another place.
"#;

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
            for word in ["history", "completions", "takeover", "format", "row_drop"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn shells_ask_for_channels_where_one_is_meant() {
        for (shell, times, words) in [
            (Shell::Bash, 1, "$(fleetsheet names 2>/dev/null)"),
            (Shell::Fish, 1, "(fleetsheet names 2>/dev/null)"),
            (Shell::Zsh, 6, ":_fleetsheet_names'"),
        ] {
            let script = completions(shell);
            assert_eq!(script.matches(words).count(), times, "{shell}: {script}");
        }
        assert!(completions(Shell::Zsh).starts_with("#compdef fleetsheet\n"));
    }

    #[test]
    fn the_manual_has_each_command_and_the_exit_codes() {
        let page = manual();
        for words in [
            ".TH",
            "FLEETSHEET PLAN",
            "FLEETSHEET HISTORY",
            "exit\\-code",
            ".SH \"EXIT STATUS\"",
            ".SH EXAMPLES",
            ".SH ENVIRONMENT",
            ".SH FILES",
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
