//! Reading AMF0 under limits. Recursive, but never deeper than [`Limits::depth`].
use super::{Properties, Value};

/// What one message may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Objects and arrays within each other. The outermost is 1.
    pub depth: usize,
    /// Values of all kinds in one message, properties included.
    pub values: usize,
    /// Bytes of one string or property name.
    pub string: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 16, values: 1024, string: 16 << 10 }
    }
}

/// Why bytes are not AMF0 that we take. Offsets count from the start of the message's payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end within a value.
    #[error("cut short at byte {0} of the message")]
    Truncated(usize),
    /// A marker that AMF0 doesn't have, or that it reserves.
    #[error("marker {marker:#04x} at byte {at} of the message")]
    Marker {
        /// As found.
        marker: u8,
        /// Where.
        at: usize,
    },
    /// Nested too deeply.
    #[error("nested deeper than {0}")]
    Depth(usize),
    /// Too many values.
    #[error("more than {0} values in a message")]
    Values(usize),
    /// A string too long.
    #[error("string of {size} bytes, at most {limit} are allowed")]
    String {
        /// As declared.
        size: usize,
        /// The most allowed.
        limit: usize,
    },
}

/// The first value of `bytes`, and how many bytes it took.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<(Value, usize), Error> {
    let mut reader = Reader { bytes, at: 0, values: 0, limits };
    let value = reader.value(0)?;
    Ok((value, reader.at))
}

/// Every value of `bytes`, which must end with the last one.
pub fn read_all(bytes: &[u8], limits: &Limits) -> Result<Vec<Value>, Error> {
    let mut reader = Reader { bytes, at: 0, values: 0, limits };
    let mut values = Vec::new();
    while reader.at < bytes.len() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
    limits: &'a Limits,
}

const OBJECT_END: u8 = 0x09;

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(Error::Values(self.limits.values));
        }
        let at = self.at;
        let [marker] = self.take()?;
        Ok(match marker {
            0x00 => Value::Number(f64::from_be_bytes(self.take()?)),
            0x01 => Value::Boolean(self.take::<1>()? != [0]),
            0x02 => Value::String(self.short_string()?),
            0x03 => Value::Object(self.properties(self.deeper(depth)?)?),
            0x05 => Value::Null,
            0x06 => Value::Undefined,
            0x07 => Value::Reference(u16::from_be_bytes(self.take()?)),
            0x08 => {
                // The count is a hint that encoders get wrong (FFmpeg writes it before it knows): the end marker rules.
                let _count: [u8; 4] = self.take()?;
                Value::EcmaArray(self.properties(self.deeper(depth)?)?)
            }
            0x0A => {
                let depth = self.deeper(depth)?;
                let count = u32::from_be_bytes(self.take()?) as usize;
                if count > self.limits.values {
                    return Err(Error::Values(self.limits.values));
                }
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.value(depth)?);
                }
                Value::StrictArray(items)
            }
            0x0B => Value::Date(f64::from_be_bytes(self.take()?), i16::from_be_bytes(self.take()?)),
            0x0C => Value::String(self.long_string()?),
            0x0D => Value::Unsupported,
            0x0F => Value::Xml(self.long_string()?),
            0x10 => {
                let class = self.short_string()?;
                Value::Typed(class, self.properties(self.deeper(depth)?)?)
            }
            marker => return Err(Error::Marker { marker, at }),
        })
    }

    fn deeper(&self, depth: usize) -> Result<usize, Error> {
        if depth >= self.limits.depth { Err(Error::Depth(self.limits.depth)) } else { Ok(depth + 1) }
    }

    fn properties(&mut self, depth: usize) -> Result<Properties, Error> {
        let mut properties = Properties::new();
        loop {
            // Some encoders end the message instead of the object.
            if self.at == self.bytes.len() && !properties.is_empty() {
                return Ok(properties);
            }
            let name = self.short_string()?;
            if name.is_empty() && self.bytes.get(self.at) == Some(&OBJECT_END) {
                self.at += 1;
                return Ok(properties);
            }
            properties.push((name, self.value(depth)?));
        }
    }

    fn short_string(&mut self) -> Result<String, Error> {
        let size = u16::from_be_bytes(self.take()?).into();
        self.text(size)
    }

    fn long_string(&mut self) -> Result<String, Error> {
        let size = u32::from_be_bytes(self.take()?) as usize;
        self.text(size)
    }

    fn text(&mut self, size: usize) -> Result<String, Error> {
        if size > self.limits.string {
            return Err(Error::String { size, limit: self.limits.string });
        }
        let text = self.bytes.get(self.at..self.at + size).ok_or(Error::Truncated(self.bytes.len()))?;
        self.at += size;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let taken = self.bytes[self.at..].first_chunk::<N>().ok_or(Error::Truncated(self.bytes.len()))?;
        self.at += N;
        Ok(*taken)
    }
}
