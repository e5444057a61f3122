//! A request for a token, read whole.

use std::collections::HashMap;

use axum::http::HeaderMap;

/// A request, read whole.
pub(super) struct Asked {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The fields of a form, each once.
    pub(super) fn form(&self) -> Option<HashMap<String, String>> {
        let kind = self.header("content-type")?;
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return None;
        }
        let mut fields = HashMap::new();
        for (name, value) in form_urlencoded::parse(&self.body) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        Some(fields)
    }
}
