use super::*;
use crate::fleet::filter::Filter;
use crate::plan::Belt;

fn parse(line: &str) -> Result<Invocation, clap::Error> {
    let words = line.split(' ').filter(|word| !word.is_empty());
    Invocation::parse(
        std::iter::once("fleetsheet").chain(words).map(OsString::from),
        None,
        |_| false,
    )
}

fn command(line: &str) -> Command {
    parse(line).unwrap().command
}

fn refusal(line: &str) -> String {
    let error = parse(line).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{line}");
    error.to_string()
}

fn belts(belts: &[Belt]) -> Allowed {
    Allowed {
        belts: belts.iter().copied().collect(),
        window: false,
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_request_is_understood() {
    assert_eq!(command("run"), Command::Task(Task::Service));
    assert_eq!(command("status"), Command::Task(Task::Status));
    assert_eq!(
        command("--once"),
        Command::Task(Task::Once {
            allow: Allowed::default(),
            takeover: false
        })
    );
    assert_eq!(
        command("--once --allow row_drop --allow history --takeover"),
        Command::Task(Task::Once {
            allow: belts(&[Belt::RowDrop, Belt::History]),
            takeover: true
        })
    );
    assert_eq!(
        command("rollback web-prod --reason broken --yes"),
        Command::Task(Task::Rollback(RollbackRequest {
            channel: "web-prod".into(),
            reason: "broken".into(),
            yes: true,
        }))
    );
    assert!(refusal("rollback web-prod").contains("--reason"));
    assert_eq!(command("completions zsh"), Command::Completions { shell: Shell::Zsh });
    assert_eq!(command("man"), Command::Man);
    assert_eq!(
        command("check --send-test-mail"),
        Command::Check { send_test_mail: true }
    );
    assert_eq!(
        command("init"),
        Command::Task(Task::Init(InitRequest {
            channel: None,
            dry_run: false,
            a_editors: Vec::new(),
            b_editors: Vec::new(),
        }))
    );
    assert_eq!(
        command("init --channel web-prod --dry-run"),
        Command::Task(Task::Init(InitRequest {
            channel: Some("web-prod".into()),
            dry_run: true,
            a_editors: Vec::new(),
            b_editors: Vec::new(),
        }))
    );
    assert_eq!(
        command("init --a-editor SRE@example.com --a-editor group:ops@example.com --b-editor rel@example.com"),
        Command::Task(Task::Init(InitRequest {
            channel: None,
            dry_run: false,
            a_editors: vec!["sre@example.com".into(), "group:ops@example.com".into()],
            b_editors: vec!["rel@example.com".into()],
        }))
    );
    assert_eq!(
        command("explain i-1"),
        Command::Task(Task::Explain { name: "i-1".into() })
    );
    assert_eq!(
        command("history"),
        Command::Task(Task::History {
            channel: None,
            since: None,
            limit: None
        })
    );
    assert_eq!(
        command("history web --limit 3"),
        Command::Task(Task::History {
            channel: Some("web".into()),
            since: None,
            limit: Some(3)
        })
    );
}

#[test]
fn rows_are_added_for_servers_that_a_filter_names() {
    let filter = |text| Filter::parse(text).unwrap();
    assert_eq!(
        command("add --filter Env=prod --filter Name=a,b --channel web --dry-run"),
        Command::Task(Task::Add(AddRequest {
            filters: vec![filter("Env=prod"), filter("Name=a,b")],
            channel: Some("web".into()),
            dry_run: true,
        }))
    );
    assert_eq!(
        command("add --filter Env=prod Name=a,b --dry-run --channel web"),
        command("add --filter Env=prod --filter Name=a,b --channel web --dry-run")
    );
    assert!(refusal("add").contains("--filter <KEY=VALUE>"));
    assert!(refusal("add --filter Env").contains("is not KEY=VALUE, such as Env=prod"));
}

#[test]
fn a_plan_is_asked_for_whole_or_in_part() {
    assert_eq!(command("plan"), Command::Task(Task::Plan(PlanRequest::default())));
    assert_eq!(
        command("plan web --all --takeover --allow row_drop"),
        Command::Task(Task::Plan(PlanRequest {
            channel: Some("web".into()),
            all: true,
            exit_code: false,
            allow: belts(&[Belt::RowDrop]),
            takeover: true,
        }))
    );
    assert_eq!(
        command("plan --exit-code"),
        Command::Task(Task::Plan(PlanRequest {
            exit_code: true,
            ..PlanRequest::default()
        }))
    );
}

#[test]
fn every_belt_has_a_name_that_allow_takes() {
    for allowed in Belt::ALL {
        let line = format!("--once --allow {}", allowed.word());
        assert_eq!(
            command(&line),
            Command::Task(Task::Once {
                allow: belts(&[allowed]),
                takeover: false
            })
        );
    }
}

#[test]
fn windows_are_let_through_beside_belts() {
    for (line, allow) in [
        (
            "window",
            Allowed {
                window: true,
                ..Allowed::default()
            },
        ),
        (
            "tab --allow window",
            Allowed {
                window: true,
                ..belts(&[Belt::Tab])
            },
        ),
    ] {
        assert_eq!(
            command(&format!("--once --allow {line}")),
            Command::Task(Task::Once { allow, takeover: false })
        );
    }
    let Command::Task(Task::Plan(request)) = command("plan --allow window") else {
        panic!("a plan")
    };
    assert!(request.allow.window);
    assert!(refusal("--once --allow windows").contains("history, window"));
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    for line in [
        "--config a.toml --format json -vv plan",
        "plan --config a.toml --format json -vv",
    ] {
        let asked = parse(line).unwrap();
        assert_eq!(asked.config, PathBuf::from("a.toml"), "{line}");
        assert_eq!((asked.format, asked.verbosity), (Format::Json, 2), "{line}");
    }
}

#[test]
fn the_file_is_named_by_the_option_or_the_variable_or_nobody() {
    let there = |line: &str, variable: Option<&str>, there: &[&str]| {
        let words = line.split(' ').map(OsString::from);
        Invocation::parse(words, variable.map(OsStr::new), |path| {
            there.iter().any(|one| path == Path::new(one))
        })
        .unwrap()
        .config
        .display()
        .to_string()
    };
    let config = |line: &str, variable: Option<&str>| there(line, variable, &[]);
    assert_eq!(config("fleetsheet --once --config a.toml", Some("b.toml")), "a.toml");
    assert_eq!(config("fleetsheet plan", Some("b.toml")), "b.toml");
    assert_eq!(config("fleetsheet plan", Some("")), DEFAULT_PATH);
    assert_eq!(config("fleetsheet plan", None), DEFAULT_PATH);
    assert_eq!(there("fleetsheet plan", None, &[SYSTEM_PATH]), SYSTEM_PATH);
    assert_eq!(
        there("fleetsheet plan", None, &[SYSTEM_PATH, DEFAULT_PATH]),
        DEFAULT_PATH
    );
    assert_eq!(
        config("fleetsheet sandbox", Some("stale.toml")),
        DEFAULT_PATH,
        "a sandbox of its own"
    );
    assert_eq!(
        config("fleetsheet sandbox --config a.toml", Some("stale.toml")),
        "a.toml"
    );
}

#[test]
fn words_of_other_tools_lead_to_ours() {
    for (line, hint) in [
        ("--once --dry-run", "fleetsheet plan says what --once would do"),
        ("plan --once", "fleetsheet plan says what it would do"),
        ("plan --json", "--format json"),
        ("--json --once", "--format json"),
        ("apply", "fleetsheet --once makes a pass"),
    ] {
        assert!(refusal(line).contains(hint), "{line}: {}", refusal(line));
    }
    assert!(
        !refusal("--nonsense").contains("tip: fleetsheet"),
        "{}",
        refusal("--nonsense")
    );
}

#[test]
fn the_help_of_a_command_has_its_own_exit_codes() {
    let help = |line: &str| parse(line).unwrap_err().to_string();
    for command in ["history", "status", "check", "init", "explain"] {
        let text = help(&format!("{command} --help"));
        assert!(text.contains("  0  ") && !text.contains("--exit-code"), "{text}");
        assert!(!text.contains("  6  "), "{text}");
    }
    assert!(help("plan --help").contains("  3  ") && help("rollback --help").contains("  6  "));
    assert!(help("--help").contains("  3  ") && help("--help").contains("  6  "));
}

#[test]
fn wrong_usage_is_refused_with_the_way_out() {
    assert!(refusal("--once --allow store").contains("--takeover"));
    assert!(refusal("--once --allow rowdrop").contains("row_drop, fleet_drop, source, unapproved, tab, history"));
    assert!(refusal("--allow tab").contains("--once"));
    assert!(refusal("--takeover").contains("--once"));
    assert!(refusal("--takeover plan").contains("--once"), "it stands after plan");
    assert!(refusal("--once plan").contains("leave it or the command out"));
    assert!(refusal("plan --once").contains("--once"));
    for line in [
        "nonsense",
        "explain",
        "history --limit 0",
        "history --limit many",
        "--format yaml",
        "init --channel",
        "init --a-editor everybody",
    ] {
        refusal(line);
    }
}

#[test]
fn nothing_asked_is_answered_with_the_help_and_is_wrong_usage() {
    for line in ["", "--config a.toml", "-v", "--format json"] {
        let help = refusal(line);
        assert!(help.contains("Commands:") && help.contains("--once"), "{help}");
    }
}

#[test]
fn help_and_version_are_no_failures_and_name_the_exit_codes() {
    for line in ["--help", "-h", "--version", "plan --help"] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
    }
    for (line, code) in [
        ("--help", "6  another pass holds the state store"),
        ("-h", "6  another pass holds the state store"),
        ("plan --help", "3  with --exit-code: there are changes"),
    ] {
        let help = parse(line).unwrap_err().to_string();
        assert!(help.contains(code), "{help}");
    }
}

#[test]
fn a_mistake_is_said_in_one_line_that_reads_well() {
    let said = |line: &str| mistake(&parse(line).unwrap_err());
    assert_eq!(
        said("rollback --yes"),
        "the following required arguments were not provided: --reason <TEXT>\n<CHANNEL>"
    );
    assert_eq!(said(""), "say what to do; fleetsheet --help lists it");
    assert!(
        said("frobnicate").starts_with("unrecognized subcommand 'frobnicate'"),
        "{}",
        said("frobnicate")
    );
}

#[test]
fn a_sandbox_has_a_size_and_a_port() {
    assert_eq!(command("sandbox"), Command::Sandbox(SandboxRequest::default()));
    let small = Command::Sandbox(SandboxRequest {
        servers: Some(60),
        port: Some(8080),
        fresh: true,
    });
    assert_eq!(command("sandbox --servers 60 --port 8080 --fresh"), small);
    for wrong in [
        "--servers 0",
        "--servers 100001",
        "--port 0",
        "--fresh",
        "--servers many",
    ] {
        assert!(parse(&format!("sandbox {wrong}")).is_err(), "{wrong}");
    }
}
