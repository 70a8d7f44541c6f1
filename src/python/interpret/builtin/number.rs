//! Built-in functions of numbers and texts.

use super::super::{Host, Interp};
use crate::python::standard::spec;
use crate::python::syntax::BinaryOp;
use crate::python::value::{Args, At, Stop, Value};

impl<H: Host> Interp<'_, H> {
    /// `int`, `round`, `hex`, `repr` and the like; none if the result is not known.
    pub(super) fn number_builtin(
        &mut self,
        name: &str,
        first: &Value,
        second: Option<&Value>,
        args: &Args,
        at: At,
    ) -> Result<Option<Value>, Stop> {
        Ok(match (name, first, second) {
            ("int", value, None) if args.keywords.is_empty() => return self.int_of(value, at),
            ("int", Value::Str(text), _) => {
                let Some(base) = args.value(1, "base") else { return Ok(None) };
                let base =
                    base.as_int().and_then(|base| u32::try_from(base).ok()).filter(|base| (2..=36).contains(base));
                let digits = text.text.trim().to_lowercase();
                let plain = digits.chars().all(|c| c.is_ascii_alphanumeric());
                let digits = match base {
                    Some(16) => digits.strip_prefix("0x").unwrap_or(&digits),
                    Some(2) => digits.strip_prefix("0b").unwrap_or(&digits),
                    _ => &digits,
                };
                base.filter(|_| plain).and_then(|base| i64::from_str_radix(digits, base).ok()).map(Value::Int)
            }
            ("float", value, None) => match value {
                Value::Float(_) => Some(value.clone()),
                Value::Str(text) => {
                    let plain = text.text.trim();
                    let known = !plain.is_empty() && plain.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
                    match plain.parse() {
                        Ok(number) if known => Some(Value::Float(number)),
                        Err(_) if plain.is_ascii() && !plain.contains('_') => {
                            return self.raise("ValueError", "could not convert string to float", at);
                        }
                        _ => None,
                    }
                }
                #[expect(clippy::cast_precision_loss, reason = "as Python converts")]
                other => other.as_int().map(|value| Value::Float(value as f64)),
            },
            ("abs", Value::Float(value), None) => Some(Value::Float(value.abs())),
            ("abs", Value::Object(_), None) => self.delta_of_sign(first, 0),
            ("abs", value, None) => value.as_int().and_then(i64::checked_abs).map(Value::Int),
            ("round", Value::Int(value), None) => Some(Value::Int(*value)),
            ("round", Value::Float(value), None) if value.abs() < 9e15 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "within the range checked")]
                Some(Value::Int(value.round_ties_even() as i64))
            }
            ("round", Value::Float(value), Some(Value::Int(digits @ 0..=15))) => {
                // Rust's printing rounds the exact value half to even, as Python's rounding does.
                format!("{value:.*}", usize::try_from(*digits).unwrap_or(0)).parse().ok().map(Value::Float)
            }
            ("hex" | "oct" | "bin", value, None) => value.as_int().and_then(|value| {
                let kind = match name {
                    "hex" => "#x",
                    "oct" => "#o",
                    _ => "#b",
                };
                spec::format(spec::Formatted::Int(value), kind).map(|text| Self::text_value(text, at))
            }),
            ("pow", base, Some(power)) if args.positional.len() == 2 => {
                Some(self.binary(BinaryOp::Pow, base, power, at)?)
            }
            ("pow", Value::Int(base), Some(Value::Int(power))) => {
                let modulus = args.value(2, "mod").and_then(Value::as_int).filter(|m| (2..1 << 31).contains(m));
                modulus.filter(|_| *power >= 0).map(|modulus| {
                    let (mut result, mut base, mut power) = (1_i64, base.rem_euclid(modulus), *power);
                    while power > 0 {
                        if power & 1 == 1 {
                            result = result * base % modulus;
                        }
                        base = base * base % modulus;
                        power >>= 1;
                    }
                    Value::Int(result)
                })
            }
            ("repr", value, None) => Some(match self.repr(value, at)? {
                Some(text) => Self::text_value(text, at),
                None => self.unknown_repr(value, at),
            }),
            ("ascii", value, None) => {
                self.repr(value, at)?.filter(|text| text.is_ascii()).map(|text| Self::text_value(text, at))
            }
            ("format", value, spec) => {
                let spec = spec.map_or_else(|| Some("".into()), |spec| spec.as_str().cloned());
                match spec {
                    Some(spec) => Some(self.formatted(value, &spec, false, at)?),
                    None => None,
                }
            }
            ("chr", Value::Int(value), None) => {
                u32::try_from(*value).ok().and_then(char::from_u32).map(|c| Self::text_value(c.to_string(), at))
            }
            ("ord", Value::Str(text), None) => {
                let mut letters = text.text.chars();
                match (letters.next(), letters.next()) {
                    (Some(c), None) => Some(Value::Int(i64::from(u32::from(c)))),
                    _ => return self.raise("TypeError", "ord() expected a character", at),
                }
            }
            ("bytes", Value::Str(text), Some(Value::Str(encoding)))
                if matches!(&*encoding.text.to_lowercase(), "utf-8" | "utf8")
                    || text.text.is_ascii() && &*encoding.text == "ascii" =>
            {
                Some(Value::Bytes(text.text.as_bytes().into()))
            }
            _ => None,
        })
    }

    fn int_of(&mut self, value: &Value, at: At) -> Result<Option<Value>, Stop> {
        Ok(match value {
            #[expect(clippy::cast_possible_truncation, reason = "as Python truncates, within the range checked")]
            Value::Float(number) if number.abs() < 9e15 => Some(Value::Int(number.trunc() as i64)),
            Value::Str(text) => {
                let plain = text.text.trim();
                let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
                let numeral = !digits.is_empty()
                    && !digits.starts_with('_')
                    && !digits.ends_with('_')
                    && !digits.contains("__")
                    && digits.chars().all(|c| c.is_ascii_digit() || c == '_');
                if !numeral && plain.is_ascii() {
                    return self.raise("ValueError", format!("invalid literal for int() with base 10: {plain:?}"), at);
                }
                // Longer ones are beyond 64 bits.
                plain.replace('_', "").parse().ok().filter(|_| numeral).map(Value::Int)
            }
            Value::None => return self.raise("TypeError", "int() argument must be a string or a number", at),
            other => other.as_int().map(Value::Int),
        })
    }
}
