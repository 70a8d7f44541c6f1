//! `hashlib`, `base64`, `uuid`, `binascii`, `math`, `textwrap`: what is computed from bytes,
//! numbers and texts alone.

use super::super::{Host, Interp};
use crate::python::standard::{Standard, uuid_text};
use crate::python::value::{Args, At, Object, Ref, Value};
use sha1::Digest as _;
use std::fmt::Write as _;
use std::rc::Rc;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn bytes_of(value: &Value) -> Option<Rc<[u8]>> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

impl<H: Host> Interp<'_, H> {
    pub(super) fn call_digest(&mut self, path: &str, args: &Args, at: At) -> Option<Value> {
        let first = args.positional.first().map(|arg| &arg.value);
        match path {
            "hashlib.md5" | "hashlib.sha1" | "hashlib.sha256" | "hashlib.sha512" | "hashlib.sha224"
            | "hashlib.sha384" => {
                let given = match first {
                    None => Rc::from([]),
                    Some(value) => bytes_of(value)?,
                };
                let name = path.strip_prefix("hashlib.")?;
                Some(self.new_object(Object::Standard(Standard::Digest(name.into(), given))))
            }
            "base64.b64encode" | "base64.standard_b64encode" | "base64.urlsafe_b64encode" => {
                let text = base64(&bytes_of(first?)?, path.contains("urlsafe"));
                (args.positional.len() == 1).then(|| Value::Bytes(text.into_bytes().into()))
            }
            "uuid.UUID" => {
                let text: String = first?.as_str()?.chars().filter(char::is_ascii_hexdigit).collect();
                let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32)?;
                Some(self.new_object(Object::Standard(Standard::Uuid(number.to_be_bytes()))))
            }
            "uuid.uuid3" | "uuid.uuid5" => {
                let space = match first? {
                    Value::Outside(path) => namespace(path)?,
                    other => match self.standard(other)? {
                        Standard::Uuid(bytes) => *bytes,
                        _ => return None,
                    },
                };
                let name = args.value(1, "name")?.as_str()?.clone();
                let input = [&space[..], name.as_bytes()].concat();
                let (hash, version): (Vec<u8>, u8) = if path == "uuid.uuid3" {
                    (md5::Md5::digest(&input).to_vec(), 3)
                } else {
                    (sha1::Sha1::digest(&input).to_vec(), 5)
                };
                let mut bytes: [u8; 16] = hash.get(..16)?.try_into().ok()?;
                bytes[6] = bytes[6] & 0x0f | version << 4;
                bytes[8] = bytes[8] & 0x3f | 0x80;
                Some(self.new_object(Object::Standard(Standard::Uuid(bytes))))
            }
            "textwrap.dedent" => dedent(first?.as_str()?).map(|text| Self::text_value(text, at)),
            "textwrap.indent" if args.positional.len() == 2 => {
                let (text, prefix) = (first?.as_str()?, args.positional[1].value.as_str()?);
                let lines = text.split_inclusive('\n');
                let indented: String = lines
                    .map(|line| if line.trim().is_empty() { line.to_owned() } else { format!("{prefix}{line}") })
                    .collect();
                Some(Self::text_value(indented, at))
            }
            _ => path.strip_prefix("math.").and_then(|name| math(name, args)),
        }
    }

    pub(super) fn digest_method(
        &mut self,
        object: Ref,
        (name, given): (&Rc<str>, &Rc<[u8]>),
        method: &str,
        args: &Args,
        at: At,
    ) -> Option<Value> {
        match method {
            "update" => {
                let more = bytes_of(&args.positional.first()?.value)?;
                let all: Rc<[u8]> = [&given[..], &more[..]].concat().into();
                if let Object::Standard(Standard::Digest(_, given)) = self.change(object) {
                    *given = all;
                }
                Some(Value::None)
            }
            "hexdigest" | "digest" => {
                let hash = match &**name {
                    "md5" => md5::Md5::digest(given).to_vec(),
                    "sha1" => sha1::Sha1::digest(given).to_vec(),
                    "sha224" => sha2::Sha224::digest(given).to_vec(),
                    "sha256" => sha2::Sha256::digest(given).to_vec(),
                    "sha384" => sha2::Sha384::digest(given).to_vec(),
                    "sha512" => sha2::Sha512::digest(given).to_vec(),
                    _ => return None,
                };
                if method == "digest" {
                    return Some(Value::Bytes(hash.into()));
                }
                let mut text = String::new();
                for byte in hash {
                    let _ = write!(text, "{byte:02x}");
                }
                Some(Self::text_value(text, at))
            }
            _ => None,
        }
    }

    pub(super) fn uuid_attribute(bytes: &[u8; 16], name: &str, at: At) -> Option<Value> {
        match name {
            "hex" => Some(Self::text_value(uuid_text(bytes).replace('-', ""), at)),
            "version" => Some(Value::Int(i64::from(bytes[6] >> 4))),
            _ => None,
        }
    }
}

/// The namespaces that `uuid` names.
fn namespace(path: &str) -> Option<[u8; 16]> {
    let first = match path {
        "uuid.NAMESPACE_DNS" => 0x10,
        "uuid.NAMESPACE_URL" => 0x11,
        "uuid.NAMESPACE_OID" => 0x12,
        "uuid.NAMESPACE_X500" => 0x14,
        _ => return None,
    };
    Some([0x6b, 0xa7, 0xb8, first, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8])
}

fn base64(bytes: &[u8], url: bool) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            if index > chunk.len() {
                out.push('=');
                continue;
            }
            let letter = BASE64[usize::try_from(number >> (18 - 6 * index) & 63).unwrap_or(0)];
            out.push(match letter {
                b'+' if url => '-',
                b'/' if url => '_',
                letter => char::from(letter),
            });
        }
    }
    out
}

/// `textwrap.dedent`; none where a line mixes tabs and spaces.
fn dedent(text: &str) -> Option<String> {
    if text.contains(['\t', '\r', '\x0b', '\x0c']) {
        return None;
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let blank = |line: &str| line.trim_matches(' ').is_empty();
    let indent =
        lines.iter().filter(|line| !blank(line)).map(|line| line.len() - line.trim_start_matches(' ').len()).min();
    let indent = indent.unwrap_or(0);
    Some(lines.iter().map(|line| if blank(line) { "" } else { &line[indent..] }).collect::<Vec<_>>().join("\n"))
}

fn math(name: &str, args: &Args) -> Option<Value> {
    let first = &args.positional.first()?.value;
    #[expect(clippy::cast_precision_loss, reason = "as Python converts")]
    let number = |value: &Value| match value {
        Value::Float(value) => Some(*value),
        other => other.as_int().map(|value| value as f64),
    };
    #[expect(clippy::cast_possible_truncation, reason = "within the range checked")]
    let whole = |value: f64| (value.abs() < 9e15).then_some(Value::Int(value as i64));
    match name {
        "ceil" | "floor" | "trunc" if first.as_int().is_some() => first.as_int().map(Value::Int),
        "ceil" => whole(number(first)?.ceil()),
        "floor" => whole(number(first)?.floor()),
        "trunc" => whole(number(first)?.trunc()),
        "sqrt" => number(first).filter(|value| *value >= 0.0).map(|value| Value::Float(value.sqrt())),
        "gcd" if args.positional.len() == 2 => {
            let (mut a, mut b) = (first.as_int()?.checked_abs()?, args.positional[1].value.as_int()?.checked_abs()?);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            Some(Value::Int(a))
        }
        _ => None,
    }
}
