//! Attribute lists (§4.2): `NAME=value`, values quoted or not, commas only inside quotes.

use super::Fault;

/// A tag's attributes, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes<'a> {
    list: Vec<(&'a str, Value<'a>)>,
}

/// A value, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// The text.
    pub text: &'a str,
    /// Whether quotes stood around it.
    pub quoted: bool,
}

/// Reads a list; what is not one is noted in `faults` and left out.
pub fn parse<'a>(list: &'a str, line: usize, faults: &mut Vec<Fault>) -> Attributes<'a> {
    let mut out = Attributes::default();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            faults.push(Fault { line, what: format!("`{rest}` is no attribute") });
            break;
        };
        let (value, next) = if let Some(inner) = after.strip_prefix('"') {
            let Some((text, next)) = inner.split_once('"') else {
                faults.push(Fault { line, what: format!("{name} has no closing quote") });
                break;
            };
            (Value { text, quoted: true }, next)
        } else {
            let end = after.find(',').unwrap_or(after.len());
            let (text, next) = after.split_at(end);
            (Value { text, quoted: false }, next)
        };
        let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        let plain = name.trim();
        if plain.is_empty() || !plain.chars().all(fits) || plain != name {
            faults.push(Fault { line, what: format!("`{name}` is no attribute name (§4.2)") });
        }
        if out.get(plain).is_some() {
            faults.push(Fault { line, what: format!("{plain} stands twice (§4.2)") });
        } else {
            out.list.push((plain, value));
        }
        rest = match next.strip_prefix(',') {
            Some(next) => next,
            None if next.is_empty() => next,
            None => {
                faults.push(Fault { line, what: format!("`{next}` after the value of {plain}") });
                break;
            }
        };
    }
    out
}

impl<'a> Attributes<'a> {
    /// An attribute as it stands.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.list.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// A quoted string.
    pub fn string(&self, name: &str, line: usize, faults: &mut Vec<Fault>) -> Option<String> {
        let value = self.get(name)?;
        if !value.quoted {
            faults.push(Fault { line, what: format!("{name} must be quoted") });
        }
        Some(value.text.to_owned())
    }

    /// An enumerated string, which is not quoted.
    pub fn word(&self, name: &str, line: usize, faults: &mut Vec<Fault>) -> Option<String> {
        let value = self.get(name)?;
        if value.quoted {
            faults.push(Fault { line, what: format!("{name} must not be quoted") });
        }
        Some(value.text.to_owned())
    }

    /// `YES`; anything else but `NO` is noted.
    pub fn yes(&self, name: &str, line: usize, faults: &mut Vec<Fault>) -> bool {
        match self.word(name, line, faults).as_deref() {
            Some("YES") => true,
            None | Some("NO") => false,
            Some(other) => {
                faults.push(Fault { line, what: format!("{name}={other} is neither YES nor NO") });
                false
            }
        }
    }

    /// A decimal integer.
    pub fn integer(&self, name: &str, line: usize, faults: &mut Vec<Fault>) -> Option<u64> {
        self.number(name, line, faults)
    }

    /// A decimal-floating-point that is not negative.
    pub fn seconds(&self, name: &str, line: usize, faults: &mut Vec<Fault>) -> Option<f64> {
        let value: f64 = self.number(name, line, faults)?;
        if value.is_finite() && value >= 0.0 {
            return Some(value);
        }
        faults.push(Fault { line, what: format!("{name}={value} is no duration") });
        None
    }

    fn number<T: std::str::FromStr>(&self, name: &str, line: usize, faults: &mut Vec<Fault>) -> Option<T> {
        let text = self.word(name, line, faults)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            faults.push(Fault { line, what: format!("{name}={text} is no number") });
        }
        parsed
    }
}
