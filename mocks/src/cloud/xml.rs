//! Just enough XML to answer in: elements and escaped text.

use std::fmt::Write as _;

/// XML namespace of EC2's replies.
pub(crate) const EC2_NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
/// XML namespace of the replies of STS.
pub(crate) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An XML document in the making.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// A document with its declaration and one root element that carries a namespace.
    pub(crate) fn document(root: &str, namespace: &str, fill: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self(String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
        let attribute = if namespace.is_empty() {
            String::new()
        } else {
            format!(" xmlns=\"{namespace}\"")
        };
        xml.raw(format_args!("<{root}{attribute}>"));
        fill(&mut xml);
        xml.raw(format_args!("</{root}>"));
        xml.0
    }

    /// An element that holds elements.
    pub(crate) fn nest(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.raw(format_args!("<{name}>"));
        fill(self);
        self.raw(format_args!("</{name}>"));
    }

    /// An element that holds text.
    pub(crate) fn leaf(&mut self, name: &str, text: impl std::fmt::Display) {
        self.raw(format_args!("<{name}>"));
        escape_into(&mut self.0, &text.to_string());
        self.raw(format_args!("</{name}>"));
    }

    fn raw(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(text);
    }
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A parser would turn bare ones into spaces or newlines of its own.
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            // XML 1.0 has no way to write the others.
            c if c.is_control() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let doc = Xml::document("r", "urn:x", |xml| {
            xml.nest("a", |xml| xml.leaf("b", "<i>&\"\n\u{1}"));
        });
        assert!(doc.ends_with("<r xmlns=\"urn:x\"><a><b>&lt;i&gt;&amp;&quot;&#xA;\u{FFFD}</b></a></r>"));
    }
}
