//! A command as it came: `name, transaction, object, arguments…`, any of which may be missing.
use crate::amf0::Value;

pub(super) struct Command {
    pub(super) name: String,
    pub(super) transaction: f64,
    values: Vec<Value>,
}

impl Command {
    /// `None` where it doesn't begin with a name.
    pub(super) fn new(values: Vec<Value>) -> Option<Self> {
        let name = values.first()?.string()?.to_owned();
        let transaction = values.get(1).and_then(Value::number).unwrap_or(0.0);
        Some(Self { name, transaction, values })
    }

    /// A string of the command object.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.values.get(2)?.property(name)?.string()
    }

    /// The stream's name: the first string after the command object, or in its place where that is left out.
    pub(super) fn stream_name(&self) -> Option<&str> {
        self.values.iter().skip(2).take(2).find_map(Value::string)
    }
}
