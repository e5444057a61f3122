//! CBOR (RFC 8949), as far as Smithy's RPC v2 protocol uses it: read in whole, and written in its plainest form.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cbor {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Seconds since 1970.
    Time(f64),
    Text(String),
    List(Vec<Cbor>),
    /// In the order in which it was written; keys are texts.
    Map(Vec<(String, Cbor)>),
}

impl Cbor {
    /// A map of the members that are there.
    pub(crate) fn map<const N: usize>(members: [(&str, Option<Self>); N]) -> Self {
        let there = members
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Self::Map(there.collect())
    }

    pub(crate) fn text(text: &str) -> Option<Self> {
        Some(Self::Text(text.to_owned()))
    }

    /// The bytes that say it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0xf6),
            Self::Bool(value) => out.push(0xf4 + u8::from(*value)),
            Self::Int(value @ 0..) => head(out, 0, value.unsigned_abs()),
            Self::Int(value) => head(out, 1, value.unsigned_abs() - 1),
            Self::Float(value) => {
                out.push(0xfb);
                out.extend(value.to_be_bytes());
            }
            Self::Time(value) => {
                head(out, 6, 1);
                Self::Float(*value).write(out);
            }
            Self::Text(text) => {
                head(out, 3, text.len() as u64);
                out.extend(text.as_bytes());
            }
            Self::List(items) => {
                head(out, 4, items.len() as u64);
                items.iter().for_each(|item| item.write(out));
            }
            Self::Map(members) => {
                head(out, 5, members.len() as u64);
                for (key, value) in members {
                    Self::Text(key.clone()).write(out);
                    value.write(out);
                }
            }
        }
    }

    /// Reads one value, which must be all that there is.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader { rest: bytes, depth: 0 };
        let value = reader.value()?;
        if reader.rest.is_empty() {
            Ok(value)
        } else {
            Err(format!("{} bytes follow the value", reader.rest.len()))
        }
    }
}

fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..24 => out.push(major | argument as u8),
        24..0x100 => out.extend([major | 24, argument as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend((argument as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend((argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend(argument.to_be_bytes());
        }
    }
}

/// Deeper values are an attack.
const DEEPEST: u8 = 16;

struct Reader<'b> {
    rest: &'b [u8],
    depth: u8,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64, String> {
        let taken = self.take(bytes)?;
        Ok(taken.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The major type and the argument; `None` if the length is left open.
    fn head(&mut self) -> Result<(u8, u8, Option<u64>), String> {
        let first = self.number(1)? as u8;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..24 => Some(u64::from(info)),
            24..=27 => Some(self.number(1 << (info - 24))?),
            31 if (2..=5).contains(&major) => None,
            _ => return Err(format!("a value begins with 0x{first:02x}")),
        };
        Ok((major, info, argument))
    }

    /// Whether a list or map of open length ends here; the sign is taken.
    fn breaks(&mut self) -> bool {
        let breaks = self.rest.first() == Some(&0xff);
        if breaks {
            self.rest = &self.rest[1..];
        }
        breaks
    }

    fn value(&mut self) -> Result<Cbor, String> {
        if self.depth == DEEPEST {
            return Err("it is too deep".to_owned());
        }
        self.depth += 1;
        let (major, info, argument) = self.head()?;
        let small = || i64::try_from(argument.unwrap_or_default()).map_err(|_| "a number is too large".to_owned());
        let value = match major {
            0 => Cbor::Int(small()?),
            1 => Cbor::Int(-1 - small()?),
            3 => Cbor::Text(self.text(argument)?),
            4 => {
                let mut items = Vec::new();
                while argument.map_or_else(|| !self.breaks(), |count| (items.len() as u64) < count) {
                    items.push(self.value()?);
                }
                Cbor::List(items)
            }
            5 => {
                let mut members: Vec<(String, Cbor)> = Vec::new();
                while argument.map_or_else(|| !self.breaks(), |count| (members.len() as u64) < count) {
                    let Cbor::Text(key) = self.value()? else {
                        return Err("a key is not a text".to_owned());
                    };
                    if members.iter().any(|(known, _)| *known == key) {
                        return Err(format!("the key {key} stands twice"));
                    }
                    let value = self.value()?;
                    members.push((key, value));
                }
                Cbor::Map(members)
            }
            6 if argument == Some(1) => match self.value()? {
                Cbor::Float(seconds) => Cbor::Time(seconds),
                Cbor::Int(seconds) => Cbor::Time(seconds as f64),
                _ => return Err("a time is not a number".to_owned()),
            },
            7 => match (info, argument) {
                (20 | 21, _) => Cbor::Bool(info == 21),
                (22, _) => Cbor::Null,
                (26, Some(bits)) => Cbor::Float(f32::from_bits(bits as u32).into()),
                (27, Some(bits)) => Cbor::Float(f64::from_bits(bits)),
                _ => return Err(format!("a simple value is {info}")),
            },
            _ => return Err(format!("values of type {major} are not used")),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn text(&mut self, length: Option<u64>) -> Result<String, String> {
        let Some(length) = length else {
            return Err("a text of open length is not used".to_owned());
        };
        let length = usize::try_from(length).map_err(|_| "a text is too long")?;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of RFC 8949, appendix A.
    #[test]
    fn the_examples_of_the_standard() {
        let texts = |items: &[&str]| items.iter().filter_map(|item| Cbor::text(item)).collect();
        for (bytes, value) in [
            (&b"\x00"[..], Cbor::Int(0)),
            (b"\x17", Cbor::Int(23)),
            (b"\x18\x18", Cbor::Int(24)),
            (b"\x19\x03\xe8", Cbor::Int(1000)),
            (b"\x1a\x00\x0f\x42\x40", Cbor::Int(1_000_000)),
            (b"\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", Cbor::Int(1_000_000_000_000)),
            (b"\x20", Cbor::Int(-1)),
            (b"\x39\x03\xe7", Cbor::Int(-1000)),
            (b"\xf4", Cbor::Bool(false)),
            (b"\xf5", Cbor::Bool(true)),
            (b"\xf6", Cbor::Null),
            (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", Cbor::Float(1.1)),
            (b"\xc1\xfb\x41\xd4\x52\xd9\xec\x20\x00\x00", Cbor::Time(1_363_896_240.5)),
            (b"\x64IETF", Cbor::Text("IETF".to_owned())),
            (b"\x82\x61a\x61b", Cbor::List(texts(&["a", "b"]))),
            (b"\xa1\x61a\xf5", Cbor::Map(vec![("a".to_owned(), Cbor::Bool(true))])),
        ] {
            assert_eq!(Cbor::decode(bytes).as_ref(), Ok(&value));
            assert_eq!(value.encode(), bytes);
        }
        // Of open length, and a short float.
        assert_eq!(Cbor::decode(b"\x9f\x61a\x61b\xff"), Ok(Cbor::List(texts(&["a", "b"]))));
        assert_eq!(
            Cbor::decode(b"\xbf\x61a\xf5\xff"),
            Ok(Cbor::Map(vec![("a".to_owned(), Cbor::Bool(true))]))
        );
        assert_eq!(Cbor::decode(b"\xfa\x47\xc3\x50\x00"), Ok(Cbor::Float(100_000.0)));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for bytes in [
            &b""[..],
            b"\x00\x00",
            b"\x64IET",
            b"\x82\x00",
            b"\x9f\x00",
            b"\xbf\x61a\xff",
            b"\xa1\x00\x00",
            b"\xa2\x61a\x00\x61a\x00",
            b"\x61\xff",
            b"\xff",
            b"\x1c",
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x5f",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            &[0x81; 40],
        ] {
            assert!(Cbor::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
