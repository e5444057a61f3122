//! YAML as a tree that knows where each value stands. Strict: no tags, no doubled keys, one document; and bounded, because anybody
//! who may push to the repository may write it.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::problem::Problem;

/// Longest cookbook, in bytes.
pub const LONGEST: usize = 1 << 20;
const DEEPEST: usize = 32;
const ALIASES: usize = 1_000;
/// All values, those that aliases repeat included.
const NODES: usize = 100_000;

/// A value and where it stands, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Line and column.
    pub at: (usize, usize),
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text; `true` where it was written without quotes, so that it may be a number or a truth value.
    Scalar(String, bool),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in order.
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn size(&self) -> usize {
        match &self.value {
            Value::Scalar(..) => 1,
            Value::List(list) => 1 + list.iter().map(Self::size).sum::<usize>(),
            Value::Map(map) => 1 + map.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>(),
        }
    }
}

struct Open {
    node: Node,
    anchor: usize,
    key: Option<Node>,
}

struct Builder {
    file: String,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    aliases: usize,
    nodes: usize,
    problems: Vec<Problem>,
}

/// Reads one document.
///
/// # Errors
/// All that is wrong with it as YAML.
pub fn read(file: &str, text: &str) -> Result<Node, Vec<Problem>> {
    let problem = |message: String| vec![Problem::new("cookbook", file, message)];
    if text.len() > LONGEST {
        return Err(problem(format!(
            "{} bytes; a cookbook has at most {LONGEST}: split it",
            text.len()
        )));
    }
    let mut builder = Builder {
        file: file.to_owned(),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
        aliases: 0,
        nodes: 0,
        problems: Vec::new(),
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = (error.marker().line(), error.marker().col() + 1);
                builder.wrong(
                    at,
                    format!("is not YAML: {}; check indentation and quotes", error.info()),
                );
                break;
            }
        };
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
        }
        if documents > 1 {
            builder.wrong(place(span), "a second document; keep one document in a file".into());
            break;
        }
        if !builder.take(event, span) {
            break;
        }
    }
    match builder.root {
        Some(root) if builder.problems.is_empty() => Ok(root),
        _ if builder.problems.is_empty() => Err(problem("is empty; a cookbook has at least `name`".into())),
        _ => Err(builder.problems),
    }
}

fn place(span: Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

impl Builder {
    fn wrong(&mut self, at: (usize, usize), message: String) {
        let place = format!("{}:{}:{}", self.file, at.0, at.1);
        self.problems.push(Problem::new("cookbook", place, message));
    }

    /// Takes one event in. `false` where nothing more is to be read.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = place(span);
        let (value, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = Value::Scalar(text.into_owned(), style == ScalarStyle::Plain);
                if tag.is_some() {
                    self.wrong(at, "a YAML tag (`!…`); leave it out".into());
                }
                return self.close(Node { at, value }, anchor);
            }
            Event::Alias(anchor) => {
                self.aliases += 1;
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    self.wrong(at, "an alias into itself; write the value out".into());
                    return false;
                };
                if self.aliases > ALIASES {
                    self.wrong(at, format!("more than {ALIASES} aliases; write the values out"));
                    return false;
                }
                let size = node.size();
                self.nodes += size;
                return self.close(node, 0);
            }
            Event::SequenceStart(anchor, tag) => (Value::List(Vec::new()), anchor, tag),
            Event::MappingStart(anchor, tag) => (Value::Map(Vec::new()), anchor, tag),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return false };
                return self.close(open.node, open.anchor);
            }
            _ => return true,
        };
        if tag.is_some() {
            self.wrong(at, "a YAML tag (`!…`); leave it out".into());
        }
        if self.open.len() >= DEEPEST {
            self.wrong(at, format!("nested more than {DEEPEST} deep; make it flatter"));
            return false;
        }
        let node = Node { at, value };
        self.open.push(Open {
            node,
            anchor,
            key: None,
        });
        true
    }

    fn close(&mut self, node: Node, anchor: usize) -> bool {
        self.nodes += 1;
        if self.nodes > NODES {
            self.wrong(
                node.at,
                format!("more than {NODES} values, aliases counted in full; split the cookbook"),
            );
            return false;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        let Value::Map(map) = &mut parent.node.value else {
            if let Value::List(list) = &mut parent.node.value {
                list.push(node);
            }
            return true;
        };
        match parent.key.take() {
            None => parent.key = Some(node),
            Some(key) => {
                let doubled = map.iter().any(|(known, _)| known.value == key.value);
                let at = key.at;
                map.push((key, node));
                if doubled {
                    self.wrong(at, "a key that stands here twice; remove one".into());
                }
            }
        }
        true
    }
}
