//! Writing AMF0.
use super::{Properties, Value};

/// Every value, one after the other.
pub fn write_all(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for value in values {
        write(value, &mut out);
    }
    out
}

/// Appends one value. Strings beyond 65,535 bytes become long strings; names beyond that are cut.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(0x00);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(yes) => out.extend([0x01, u8::from(*yes)]),
        Value::String(text) => match u16::try_from(text.len()) {
            Ok(size) => {
                out.push(0x02);
                out.extend(size.to_be_bytes());
                out.extend(text.as_bytes());
            }
            Err(_) => long(0x0C, text, out),
        },
        Value::Object(properties) => {
            out.push(0x03);
            write_properties(properties, out);
        }
        Value::Null => out.push(0x05),
        Value::Undefined => out.push(0x06),
        Value::Reference(index) => {
            out.push(0x07);
            out.extend(index.to_be_bytes());
        }
        Value::EcmaArray(properties) => {
            out.push(0x08);
            out.extend((properties.len() as u32).to_be_bytes());
            write_properties(properties, out);
        }
        Value::StrictArray(items) => {
            out.push(0x0A);
            out.extend((items.len() as u32).to_be_bytes());
            for item in items {
                write(item, out);
            }
        }
        Value::Date(milliseconds, zone) => {
            out.push(0x0B);
            out.extend(milliseconds.to_be_bytes());
            out.extend(zone.to_be_bytes());
        }
        Value::Unsupported => out.push(0x0D),
        Value::Xml(text) => long(0x0F, text, out),
        Value::Typed(class, properties) => {
            out.push(0x10);
            name(class, out);
            write_properties(properties, out);
        }
    }
}

fn write_properties(properties: &Properties, out: &mut Vec<u8>) {
    for (key, value) in properties {
        name(key, out);
        write(value, out);
    }
    out.extend([0, 0, 0x09]);
}

fn long(marker: u8, text: &str, out: &mut Vec<u8>) {
    out.push(marker);
    out.extend((text.len() as u32).to_be_bytes());
    out.extend(text.as_bytes());
}

fn name(text: &str, out: &mut Vec<u8>) {
    let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text);
}
