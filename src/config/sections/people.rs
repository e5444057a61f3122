//! Who turns the keys and who gets mail: `[dual_key]` and `[email]`.

use std::collections::BTreeMap;

use crate::config::keys;
use crate::config::model::{DualKey, Email};
use crate::config::read::Reader;
use crate::config::syntax::{self, DAY, SECOND};
use crate::problem::Kind;
use crate::sheet::names::address_of;

pub(super) fn dual_key(r: &mut Reader, in_sandbox: bool) -> Option<DualKey> {
    let require_protection = r.flag("dual_key.require_protection");
    let a_editors = r.list("dual_key.a_editors", syntax::editor);
    let b_editors = r.list("dual_key.b_editors", syntax::editor);
    let owners = r.list("dual_key.owners", syntax::address);
    for (path, list) in [("dual_key.a_editors", &a_editors), ("dual_key.b_editors", &b_editors)] {
        if require_protection == Some(true) && !in_sandbox && list.as_ref().is_some_and(Vec::is_empty) {
            r.fail(
                path,
                "is empty; name who may turn this key, or set dual_key.require_protection = false",
            );
        }
        for address in list
            .iter()
            .flatten()
            .filter(|address| owners.iter().flatten().any(|owner| *owner == address_of(address)))
        {
            r.fail(
                path,
                format!(
                    "{address} is one of dual_key.owners, who can edit everything; let another account own the file and name \
                     that one in dual_key.owners"
                ),
            );
        }
    }
    for address in a_editors
        .iter()
        .flatten()
        .filter(|address| b_editors.iter().flatten().any(|b| address_of(b) == address_of(address)))
    {
        r.fail(
            "dual_key.b_editors",
            format!("{address} is in a_editors too and could turn both keys; take it out of one"),
        );
    }
    Some(DualKey {
        require_protection: require_protection?,
        a_editors: a_editors?,
        b_editors: b_editors?,
        owners: owners?,
    })
}

pub(super) fn email(r: &mut Reader) -> Option<Email> {
    const URL: &str = "email.smtp_url";
    let smtp = r.text(URL, syntax::smtp);
    let smtp_password_file = r.optional("email.smtp_password_file", syntax::path);
    let hello_name = r.optional("email.hello_name", syntax::hello_name);
    let from = r.text("email.from", syntax::mailbox);
    let to = r.list("email.to", syntax::mailbox);
    let routes = routes(r);
    let repeat_after = r.duration("email.repeat_after", SECOND * 60..=DAY * 365);
    let failure_threshold = r.positive("email.failure_threshold", 1000);
    if to.as_ref().is_some_and(Vec::is_empty) {
        r.fail(
            "email.to",
            "is empty; name at least one recipient, or take the [email] section out",
        );
    }
    if let Some(smtp) = &smtp {
        let has_file = matches!(smtp_password_file, Some(Some(_)));
        if smtp.password.is_some() && r.is_from_file(URL) {
            let variable = keys::variable(URL);
            let message = format!(
                "holds a password, which does not belong in this file; name a file that holds it in \
                 email.smtp_password_file, or give the whole address in {variable}"
            );
            r.fail(URL, message);
        } else if smtp.password.is_some() && has_file {
            r.fail(
                URL,
                "holds a password, and email.smtp_password_file names another; keep one of them",
            );
        }
        if has_file && smtp.user.is_none() {
            r.fail(
                URL,
                "names no user for the password of email.smtp_password_file; write smtps://USER@HOST",
            );
        }
    }
    Some(Email {
        smtp: smtp?,
        smtp_password_file: smtp_password_file?,
        hello_name: hello_name?,
        from: from?,
        to: to?,
        routes: routes?,
        repeat_after: repeat_after?,
        failure_threshold: failure_threshold?.get(),
    })
}

fn routes(r: &mut Reader) -> Option<BTreeMap<Kind, Vec<String>>> {
    const PATH: &str = "email.routes";
    let kinds = Kind::ALL.map(|kind| (kind.word(), kind));
    let table = r.table(PATH)?;
    let mut read = BTreeMap::new();
    for (name, value) in &table {
        let shown = format!("{PATH}.{name}");
        let kind = syntax::one_of(&kinds)(name);
        let list = r.list_inside(PATH, &shown, value, syntax::mailbox);
        match (kind, list) {
            (Err(message), _) => r.fail_inside(PATH, &shown, message),
            (_, Some(list)) if list.is_empty() => {
                r.fail_inside(
                    PATH,
                    &shown,
                    "is empty; name a recipient, or take the route out and email.to gets it",
                );
            }
            (Ok(kind), Some(list)) => {
                read.insert(kind, list);
            }
            (Ok(_), None) => {}
        }
    }
    (read.len() == table.len()).then_some(read)
}
