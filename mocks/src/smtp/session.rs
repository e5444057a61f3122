//! One connection, from the greeting to the goodbye: the commands and the order in which they may come.

mod answer;
mod state;

use std::sync::Arc;

use tokio::net::TcpStream;

use super::line::{Line, MAX_AUTH, MAX_COMMAND, MAX_TEXT, read_line};
use super::mailbox::{Message, Shared, Stage, StrictHello, lock};
use crate::faults::Fault;
use answer::{decode, not_full};
use state::{Flow, Session};

/// Speaks with one client until it leaves, or until it is made to.
pub(super) async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // A client that has gone away notices nothing, so there is nobody to tell.
    let _ = stream.set_nodelay(true);
    let mut session = Session::new(stream, shared);
    let verdict = session.judge(Stage::Greeting, None).await;
    let mut flow = session.conclude(verdict, 220, "mock.invalid ESMTP").await.0;
    while flow.is_continue() {
        flow = session.turn().await;
    }
}

impl Session {
    async fn turn(&mut self) -> Flow {
        // AUTH with an initial response may be longer than other commands.
        let line = match read_line(&mut self.stream, MAX_AUTH).await {
            Line::Good(line) => line,
            bad => return self.bad_line(bad).await,
        };
        let text = String::from_utf8_lossy(&line).into_owned();
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let verb = verb.to_ascii_uppercase();
        if verb != "AUTH" && line.len() + 2 > MAX_COMMAND {
            return self.say(500, "Line too long").await;
        }
        match verb.as_str() {
            "EHLO" | "HELO" => self.hello(&verb, rest).await,
            "AUTH" => self.auth(rest).await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data(rest).await,
            "RSET" => {
                self.reset();
                self.say(250, "OK").await
            }
            "NOOP" => self.say(250, "OK").await,
            "QUIT" => {
                self.say(221, "Bye").await?;
                Flow::Break(())
            }
            "VRFY" | "EXPN" | "HELP" | "STARTTLS" => self.say(502, "Command not implemented").await,
            _ => self.say(500, "Command not recognized").await,
        }
    }

    async fn hello(&mut self, verb: &str, name: &str) -> Flow {
        if name.trim().is_empty() || name.contains(char::is_whitespace) {
            return self.say(501, "A single host name is needed").await;
        }
        let mut verdict = self.judge(Stage::Hello, None).await;
        if self.shared.options.strict_hello == StrictHello::AtHello && verdict.instead.is_none() {
            verdict.instead = not_full(name);
        }
        let mut lines = vec!["mock.invalid".to_owned()];
        if verb == "EHLO" {
            lines.push(format!("SIZE {}", self.shared.options.max_size));
            lines.push("8BITMIME".to_owned());
            if self.shared.options.login.is_some() {
                lines.push(format!("AUTH {}", self.shared.options.mechanisms));
            }
        }
        let (flow, done) = self.conclude(verdict, 250, &lines.join("\n")).await;
        if done {
            self.reset();
            self.hello = Some(name.to_owned());
        }
        flow
    }

    async fn auth(&mut self, rest: &str) -> Flow {
        let Some(login) = self.shared.options.login.clone() else {
            return self.say(502, "Command not implemented").await;
        };
        if self.hello.is_none() || self.user.is_some() || self.from.is_some() {
            return self.say(503, "Bad sequence of commands").await;
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        let mut offered = self.shared.options.mechanisms.split(' ');
        if !offered.any(|offered| offered == mechanism) {
            return self.say(504, "5.5.4 Mechanism not supported").await;
        }
        let given = match mechanism.as_str() {
            "PLAIN" => {
                let response = if initial.is_empty() {
                    self.ask("").await
                } else {
                    decode(initial)
                };
                response.and_then(|text| {
                    let mut parts = text.splitn(3, '\0').skip(1).map(str::to_owned);
                    Some((parts.next()?, parts.next()?))
                })
            }
            "LOGIN" => {
                let user = if initial.is_empty() {
                    self.ask("VXNlcm5hbWU6").await
                } else {
                    decode(initial)
                };
                match user {
                    Some(user) => self.ask("UGFzc3dvcmQ6").await.map(|password| (user, password)),
                    None => None,
                }
            }
            _ => return self.say(504, "Mechanism not supported").await,
        };
        let Some(given) = given else {
            return self.say(501, "Cannot decode the response").await;
        };
        let mut verdict = self.judge(Stage::Auth, None).await;
        if given != login && verdict.instead.is_none() {
            verdict.instead = Some((535, "5.7.8 Authentication credentials invalid".to_owned()));
        }
        let (flow, done) = self.conclude(verdict, 235, "2.7.0 Authentication successful").await;
        if done {
            self.user = Some(given.0);
        }
        flow
    }

    async fn mail(&mut self, rest: &str) -> Flow {
        if self.hello.is_none() || self.from.is_some() {
            return self.say(503, "Bad sequence of commands").await;
        }
        if self.shared.options.auth_required && self.user.is_none() {
            return self.say(530, "5.7.0 Authentication required").await;
        }
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return self.say(501, "Syntax: MAIL FROM:<address>").await;
        };
        for parameter in parameters {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
                ("BODY", "7BIT" | "8BITMIME") => {}
                ("SIZE", size) => match size.parse::<usize>() {
                    Ok(size) if size <= self.shared.options.max_size => {}
                    Ok(_) => return self.say(552, "5.3.4 Message too big").await,
                    Err(_) => return self.say(501, "SIZE is a number").await,
                },
                ("AUTH", _) if self.user.is_some() => {}
                _ => return self.say(555, "Parameter not recognized").await,
            }
        }
        let verdict = self.judge(Stage::Mail, Some(address)).await;
        let (flow, done) = self.conclude(verdict, 250, "2.1.0 OK").await;
        if done {
            self.from = Some(address.to_owned());
        }
        flow
    }

    async fn rcpt(&mut self, rest: &str) -> Flow {
        if self.from.is_none() {
            return self.say(503, "Bad sequence of commands").await;
        }
        let address = match path(rest, "TO:") {
            Some((address, parameters)) if address.contains('@') && parameters.is_empty() => address,
            _ => return self.say(501, "Syntax: RCPT TO:<address>").await,
        };
        if self.to.len() >= self.shared.options.max_recipients {
            return self.say(452, "4.5.3 Too many recipients").await;
        }
        let mut verdict = self.judge(Stage::Rcpt, Some(address)).await;
        if self.shared.options.strict_hello == StrictHello::AtRecipient && verdict.instead.is_none() {
            verdict.instead = not_full(self.hello.as_deref().unwrap_or_default());
        }
        let (flow, done) = self.conclude(verdict, 250, "2.1.5 OK").await;
        if done {
            self.to.push(address.to_owned());
        }
        flow
    }

    async fn data(&mut self, rest: &str) -> Flow {
        if self.from.is_none() {
            return self.say(503, "Bad sequence of commands").await;
        }
        if self.to.is_empty() {
            return self.say(554, "5.5.1 No valid recipients").await;
        }
        if !rest.is_empty() {
            return self.say(501, "DATA takes no argument").await;
        }
        let verdict = self.judge(Stage::Data, None).await;
        let (flow, done) = self.conclude(verdict, 354, "End with <CRLF>.<CRLF>").await;
        flow?;
        if !done {
            return Flow::Continue(());
        }
        let mut data = Vec::new();
        loop {
            match read_line(&mut self.stream, MAX_TEXT).await {
                Line::Good(line) if line == b"." => break,
                Line::Good(line) => {
                    data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    data.extend_from_slice(b"\r\n");
                }
                bad => return self.bad_line(bad).await,
            }
        }
        self.take(data).await
    }

    async fn take(&mut self, data: Vec<u8>) -> Flow {
        let from = self.from.take().unwrap_or_default();
        let to = std::mem::take(&mut self.to);
        let mut verdict = self.judge(Stage::Dot, Some(&from)).await;
        if data.len() > self.shared.options.max_size && verdict.instead.is_none() {
            verdict.instead = Some((552, "5.3.4 Message too big".to_owned()));
        }
        if verdict.instead.is_none() && matches!(verdict.ticket.fault, None | Some(Fault::ResetAfter)) {
            let message = Message {
                from,
                to,
                data,
                user: self.user.clone(),
                hello: self.hello.clone().unwrap_or_default(),
            };
            lock(&self.shared.messages).push(message);
        }
        self.conclude(verdict, 250, "2.0.0 Queued").await.0
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }
}

/// The address and the parameters of `FROM:<address> …` or `TO:<address> …`.
fn path<'t>(text: &'t str, keyword: &str) -> Option<(&'t str, Vec<&'t str>)> {
    let head = text.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (address, parameters) = text.get(keyword.len()..)?.strip_prefix('<')?.split_once('>')?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '<' || !c.is_ascii();
    if address.contains(odd) || !(parameters.is_empty() || parameters.starts_with(' ')) {
        return None;
    }
    Some((address, parameters.split_whitespace().collect()))
}
