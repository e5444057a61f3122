//! Templates: variables, what is known of the machine and of the release, secrets. With an end, and nothing undefined.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

/// What templates may name.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `vars`.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// `host`.
    pub host: BTreeMap<String, String>,
    /// `release`.
    pub release: BTreeMap<String, String>,
    /// What `secret` gives.
    pub secrets: BTreeMap<String, String>,
}

/// Steps after which a template has no end: some 1 s.
const FUEL: u64 = 2_000_000;
const LONGEST: usize = 8 << 20;

/// Renders, and says which secrets were put in.
///
/// # Errors
/// Why it cannot be rendered; the text never holds a secret.
pub fn render(text: &str, context: &Context) -> Result<(String, Vec<String>), String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(
        SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .build()
            .map_err(|error| error.to_string())?,
    );
    let used: Arc<Mutex<Vec<String>>> = Arc::default();
    let (secrets, uses) = (context.secrets.clone(), Arc::clone(&used));
    environment.add_function("secret", move |name: String| -> Result<String, Error> {
        let Some(secret) = secrets.get(&name) else {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("no secret {name} on this server; put it into secrets.dir"),
            ));
        };
        uses.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        Ok(secret.clone())
    });
    let values = minijinja::context! {
        vars => Value::from(Serde(&context.vars)),
        host => Value::from(Serde(&context.host)),
        release => Value::from(Serde(&context.release)),
    };
    let rendered = environment.render_str(text, values).map_err(|error| {
        let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
        match error.kind() {
            ErrorKind::UndefinedError => format!("{line}names something that is not defined; add it to `vars`"),
            ErrorKind::OutOfFuel => format!("{line}has no end; shorten its loops"),
            _ => format!("{line}{}", error.detail().unwrap_or("is no template")),
        }
    })?;
    if rendered.len() > LONGEST {
        return Err(format!("becomes longer than {LONGEST} bytes; shorten it"));
    }
    let mut names = used.lock().unwrap_or_else(PoisonError::into_inner).clone();
    names.sort();
    names.dedup();
    Ok((rendered, names))
}
