//! The codes that tell problems of one kind and place apart when their words change.
//!
//! A code's word is stored in the state store, as part of a problem's fingerprint, and counted by metrics: it never changes.

/// Declares the codes, in the order of their words, each with its word.
macro_rules! codes {
    ($($code:ident = $word:literal,)*) => {
        /// What went wrong, apart from where. Ordered by its word.
        #[expect(missing_docs, reason = "each code is said by its word, and explained by the message that carries it")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($code,)*
        }

        impl Code {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The word that is stored and counted.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)*
                }
            }
        }
    };
}

codes! {
    Act = "act",
    Adopted = "adopted",
    Advance = "advance",
    Audit = "audit",
    AutoRollback = "auto_rollback",
    Barred = "barred",
    Busy = "busy",
    Call = "call",
    Channel = "channel",
    Check = "check",
    Checkbox = "checkbox",
    Colours = "colours",
    Contested = "contested",
    Deserted = "deserted",
    Duplicate = "duplicate",
    Edit = "edit",
    Editors = "editors",
    Filled = "filled",
    FleetDrop = "fleet_drop",
    GateFailed = "gate_failed",
    GateSource = "gate_source",
    Hidden = "hidden",
    History = "history",
    Interrupted = "interrupted",
    Late = "late",
    LeftOver = "left_over",
    Missing = "missing",
    NoChannel = "no_channel",
    NoColumn = "no_column",
    NoEditors = "no_editors",
    NoRow = "no_row",
    NotText = "not_text",
    NothingToRollBack = "nothing_to_roll_back",
    Observe = "observe",
    OwnColumn = "own_column",
    Prerequisite = "prerequisite",
    Protection = "protection",
    Refused = "refused",
    RowDrop = "row_drop",
    ServerCells = "server_cells",
    ServerId = "server_id",
    ShutOut = "shut_out",
    Source = "source",
    Stalled = "stalled",
    Store = "store",
    Structure = "structure",
    Tab = "tab",
    TabName = "tab_name",
    TabProtection = "tab_protection",
    TagColumn = "tag_column",
    TagValue = "tag_value",
    Tags = "tags",
    TwoRows = "two_rows",
    Unapproved = "unapproved",
    UnknownChannel = "unknown_channel",
    Version = "version",
    WriteBack = "write_back",
}

impl Code {
    /// The code of a stored word; `None` for one that this version does not know, such as a newer version's.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_ordered_by_their_words_and_found_by_them() {
        let words: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        let mut sorted = words.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(words, sorted);
        for code in Code::ALL {
            assert_eq!(Code::from_word(code.word()), Some(*code));
        }
        assert_eq!(Code::from_word("not_yet_invented"), None);
    }
}
