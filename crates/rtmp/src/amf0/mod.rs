//! AMF0: the values of commands and data messages, read under limits, and written.
//!
//! Source: Action Message Format, AMF 0 (Adobe, 2007). Markers the format reserves (movie clip, record set) and the
//! switch to AMF3 are refused by name.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Error, Limits, read, read_all};
pub use write::{write, write_all};

/// One AMF0 value. Objects keep the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A double: AMF0 has no other number.
    Number(f64),
    /// Any byte but 0 is true.
    Boolean(bool),
    /// A string or a long string. Bytes that are not UTF-8 are replaced.
    String(String),
    /// An anonymous object.
    Object(Properties),
    /// Null.
    Null,
    /// Undefined.
    Undefined,
    /// A reference to an earlier object, which we don't follow: no encoder sends one.
    Reference(u16),
    /// An associative array: an object that says how many it holds, often wrongly.
    EcmaArray(Properties),
    /// An array.
    StrictArray(Vec<Value>),
    /// Milliseconds since 1970, and a time zone that is to be ignored.
    Date(f64, i16),
    /// Unsupported.
    Unsupported,
    /// XML, as text.
    Xml(String),
    /// An object of a named class.
    Typed(String, Properties),
}

/// Names and values in order.
pub type Properties = Vec<(String, Value)>;

impl Value {
    /// Null, `undefined` and nothing at all are the same to most peers.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::Undefined | Value::Unsupported)
    }

    /// A number; also a string that reads as one, and a boolean.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) | Value::Date(number, _) => Some(*number),
            Value::Boolean(yes) => Some(f64::from(u8::from(*yes))),
            Value::String(text) => text.trim().parse().ok(),
            Value::Object(_) | Value::Null | Value::Undefined | Value::Reference(_) | Value::EcmaArray(_) => {
                None
            }
            Value::StrictArray(_) | Value::Unsupported | Value::Xml(_) | Value::Typed(..) => None,
        }
        .filter(|number: &f64| number.is_finite())
    }

    /// A string.
    pub fn string(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::Xml(text) => Some(text),
            Value::Number(_) | Value::Boolean(_) | Value::Object(_) | Value::Null | Value::Undefined => None,
            Value::Reference(_) | Value::EcmaArray(_) | Value::StrictArray(_) | Value::Date(..) => None,
            Value::Unsupported | Value::Typed(..) => None,
        }
    }

    /// The properties of an object, typed or not, or of an associative array.
    pub fn properties(&self) -> Option<&Properties> {
        match self {
            Value::Object(properties) | Value::EcmaArray(properties) | Value::Typed(_, properties) => {
                Some(properties)
            }
            Value::Number(_) | Value::Boolean(_) | Value::String(_) | Value::Null | Value::Undefined => None,
            Value::Reference(_) | Value::StrictArray(_) | Value::Date(..) | Value::Unsupported => None,
            Value::Xml(_) => None,
        }
    }

    /// The last property of that name.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties()?.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

/// An object of these properties.
pub fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    Value::Object(properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
