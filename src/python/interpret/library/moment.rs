//! `datetime`, `calendar`, and the parts of pendulum that compute the same.

use super::super::{Host, Interp};
use crate::python::standard::Standard;
use crate::python::standard::moment::{DAYS, Delta, MONTHS, Moment};
use crate::python::syntax::BinaryOp;
use crate::python::value::{Args, At, Object, Stop, Value};
use jiff::civil::{Date, DateTime, Time};
use std::rc::Rc;

const FIELDS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];

impl<H: Host> Interp<'_, H> {
    fn new_moment(&mut self, moment: Moment) -> Value {
        self.new_object(Object::Standard(Standard::Moment(moment)))
    }

    fn new_delta(&mut self, micros: i64, pendulum: bool) -> Value {
        self.new_object(Object::Standard(Standard::Delta(Delta { micros, pendulum })))
    }

    pub(super) fn call_moment(&mut self, path: &str, args: &Args, at: At) -> Result<Option<Value>, Stop> {
        let word = |index: usize| args.positional.get(index).and_then(|arg| arg.value.as_str().cloned());
        Ok(match path {
            "datetime.datetime" | "pendulum.datetime" => {
                let pendulum = path.starts_with("pendulum");
                let Some(fields) = fields(args, &FIELDS, &[0, 0, 0, 0, 0, 0, 0]) else { return Ok(None) };
                let zone = match args.value(7, if pendulum { "tz" } else { "tzinfo" }) {
                    None if pendulum => Some("UTC".into()),
                    None | Some(Value::None) => None,
                    Some(Value::Str(text)) => Some(text.text.clone()),
                    Some(value) => Some(self.text(value).into()),
                };
                let made = date(&fields[..3]).zip(time(&fields[3..]));
                let Some((date, time)) = made else { return self.raise("ValueError", "no such date", at) };
                let local = DateTime::from_parts(date, time);
                Some(self.new_moment(Moment::DateTime { local, zone, pendulum }))
            }
            "datetime.date" => {
                let Some(fields) = fields(args, &FIELDS[..3], &[0, 0, 0]) else { return Ok(None) };
                match date(&fields) {
                    Some(date) => Some(self.new_moment(Moment::Date(date))),
                    None => return self.raise("ValueError", "no such date", at),
                }
            }
            "datetime.time" => {
                let Some(fields) = fields(args, &FIELDS[3..], &[0; 4]) else { return Ok(None) };
                match time(&fields) {
                    Some(time) if args.keyword("tzinfo").is_none() => Some(self.new_moment(Moment::Time(time))),
                    Some(_) => None,
                    None => return self.raise("ValueError", "no such time", at),
                }
            }
            "datetime.timedelta" => {
                const NAMES: [&str; 7] =
                    ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
                duration(args, &NAMES).map(|micros| self.new_delta(micros, false))
            }
            "pendulum.duration" => {
                const NAMES: [&str; 7] =
                    ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
                duration(args, &NAMES).map(|micros| self.new_delta(micros, true))
            }
            "datetime.datetime.strptime" => match (word(0), word(1)) {
                (Some(text), Some(format)) => Moment::strptime(&text, &format).map(|moment| self.new_moment(moment)),
                _ => None,
            },
            "datetime.datetime.fromisoformat" | "datetime.date.fromisoformat" => {
                let only_date = path.starts_with("datetime.date.");
                word(0).and_then(|text| Moment::fromisoformat(&text, only_date)).map(|moment| self.new_moment(moment))
            }
            "datetime.datetime.combine" => {
                let part = |index: usize| match self.standard(&args.positional.get(index)?.value)? {
                    Standard::Moment(moment) => Some(moment.clone()),
                    _ => None,
                };
                match (part(0).and_then(|moment| moment.date()), part(1)) {
                    (Some(date), Some(Moment::Time(time))) if args.positional.len() == 2 => {
                        let local = DateTime::from_parts(date, time);
                        Some(self.new_moment(Moment::DateTime { local, zone: None, pendulum: false }))
                    }
                    _ => None,
                }
            }
            "calendar.monthrange" => {
                let Some(fields) = fields(args, &["year", "month"], &[0, 0]) else { return Ok(None) };
                date(&[fields[0], fields[1], 1]).map(|first| {
                    let weekday = i64::from(first.weekday().to_monday_zero_offset());
                    let parts = vec![Value::Int(weekday), Value::Int(i64::from(first.days_in_month()))];
                    self.new_tuple(parts)
                })
            }
            _ => None,
        })
    }

    pub(super) fn moment_attribute(moment: &Moment, name: &str) -> Option<Value> {
        let (date, time) = (moment.date(), moment.time());
        let clock = !matches!(moment, Moment::Date(_));
        Some(Value::Int(match name {
            "year" => date?.year().into(),
            "month" => date?.month().into(),
            "day" => date?.day().into(),
            "hour" if clock => time.hour().into(),
            "minute" if clock => time.minute().into(),
            "second" if clock => time.second().into(),
            "microsecond" if clock => i64::from(time.subsec_nanosecond() / 1000),
            _ => return None,
        }))
    }

    pub(super) fn moment_method(&mut self, moment: &Moment, name: &str, args: &Args, at: At) -> Option<Value> {
        let text = |text: Option<String>| text.map(|text| Self::text_value(text, at));
        let pendulum = matches!(moment, Moment::DateTime { pendulum: true, .. });
        match name {
            "strftime" => args
                .value(0, "format")
                .or_else(|| args.value(0, "fmt"))
                .and_then(Value::as_str)
                .and_then(|format| text(moment.strftime(format))),
            "isoformat" if args.positional.is_empty() && args.keywords.is_empty() => text(moment.isoformat("T")),
            "to_date_string" if pendulum => moment.date().and_then(|date| text(Moment::Date(date).isoformat(""))),
            "date" if !pendulum => moment.date().map(|date| self.new_moment(Moment::Date(date))),
            "time" if !pendulum => Some(self.new_moment(Moment::Time(moment.time()))),
            "weekday" if !pendulum => {
                moment.date().map(|date| Value::Int(i64::from(date.weekday().to_monday_zero_offset())))
            }
            "isoweekday" => moment.date().map(|date| Value::Int(i64::from(date.weekday().to_monday_one_offset()))),
            "toordinal" => moment
                .date()
                .and_then(|date| Moment::Date(date).since(&Moment::Date(Date::constant(1, 1, 1))))
                .map(|micros| Value::Int(micros / 86_400_000_000 + 1)),
            "replace" => {
                // One that does not exist stays unknown.
                replaced(moment, args).map(|moment| self.new_moment(moment))
            }
            "add" | "subtract" if pendulum => {
                const NAMES: [&str; 7] = ["years", "months", "weeks", "days", "hours", "minutes", "seconds"];
                // Only what is of one length everywhere.
                let sign = if name == "add" { 1 } else { -1 };
                let fixed =
                    args.positional.is_empty() && args.keywords.iter().all(|(name, _)| NAMES[2..].contains(&&**name));
                let micros = if fixed {
                    duration(args, &["days", "seconds", "", "", "minutes", "hours", "weeks"])
                } else {
                    None
                };
                micros.and_then(|micros| moment.plus(sign * micros)).map(|moment| self.new_moment(moment))
            }
            _ => None,
        }
    }

    pub(super) fn delta_attribute(delta: Delta, name: &str) -> Option<Value> {
        let (days, seconds, micros) = delta.parts();
        Some(Value::Int(match name {
            _ if delta.pendulum => return None,
            "days" => days,
            "seconds" => seconds,
            "microseconds" => micros,
            _ => return None,
        }))
    }

    pub(super) fn delta_method(delta: Delta, name: &str) -> Option<Value> {
        #[expect(clippy::cast_precision_loss, reason = "as Python divides, within the range of a duration")]
        match name {
            "total_seconds" => Some(Value::Float(delta.micros as f64 / 1e6)),
            _ => None,
        }
    }

    /// Arithmetic of moments and durations.
    pub(super) fn moment_binary(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
        use Standard::{Delta as D, Moment as M};
        let (a, b) = (self.standard(left).cloned(), self.standard(right).cloned());
        #[expect(clippy::cast_precision_loss, reason = "as Python divides")]
        match (op, a, b) {
            (BinaryOp::Add, Some(M(moment)), Some(D(delta))) | (BinaryOp::Add, Some(D(delta)), Some(M(moment))) => {
                moment.plus(delta.micros).map(|moment| self.new_moment(moment))
            }
            (BinaryOp::Sub, Some(M(moment)), Some(D(delta))) => {
                moment.plus(delta.micros.checked_neg()?).map(|moment| self.new_moment(moment))
            }
            (BinaryOp::Sub, Some(M(a)), Some(M(b))) => a.since(&b).map(|micros| self.new_delta(micros, false)),
            (BinaryOp::Add | BinaryOp::Sub, Some(D(a)), Some(D(b))) => {
                let micros =
                    if op == BinaryOp::Add { a.micros.checked_add(b.micros) } else { a.micros.checked_sub(b.micros) };
                Some(self.new_delta(micros?, a.pendulum || b.pendulum))
            }
            (BinaryOp::Div, Some(D(a)), Some(D(b))) if b.micros != 0 => {
                Some(Value::Float(a.micros as f64 / b.micros as f64))
            }
            (BinaryOp::FloorDiv, Some(D(a)), Some(D(b))) if b.micros > 0 => {
                Some(Value::Int(a.micros.div_euclid(b.micros)))
            }
            (BinaryOp::Mul, Some(D(a)), None) => {
                let micros = a.micros.checked_mul(right.as_int()?)?;
                Some(self.new_delta(micros, a.pendulum))
            }
            (BinaryOp::Mul, None, Some(D(b))) => {
                let micros = b.micros.checked_mul(left.as_int()?)?;
                Some(self.new_delta(micros, b.pendulum))
            }
            (BinaryOp::FloorDiv, Some(D(a)), None) => {
                let by = right.as_int().filter(|by| *by > 0)?;
                Some(self.new_delta(a.micros.div_euclid(by), a.pendulum))
            }
            (BinaryOp::Div, Some(D(a)), None) => {
                let by = right.as_int().filter(|by| *by != 0 && a.micros % by == 0)?;
                Some(self.new_delta(a.micros / by, a.pendulum))
            }
            _ => None,
        }
    }

    /// `-delta`, `+delta`, `abs(delta)`.
    pub(in super::super) fn delta_of_sign(&mut self, value: &Value, sign: i64) -> Option<Value> {
        let Some(Standard::Delta(delta)) = self.standard(value).cloned() else { return None };
        let micros = if sign == 0 { delta.micros.checked_abs()? } else { delta.micros.checked_mul(sign)? };
        Some(self.new_delta(micros, delta.pendulum))
    }
}

/// Lists of `calendar`.
pub(in super::super) fn names(path: &str) -> Option<Vec<Value>> {
    let short = path.ends_with("_abbr");
    let name = |name: &&str| Value::str(if short { &name[..3] } else { name });
    match path {
        "calendar.day_name" | "calendar.day_abbr" => Some(DAYS.iter().map(name).collect()),
        "calendar.month_name" | "calendar.month_abbr" => {
            Some(std::iter::once(Value::str("")).chain(MONTHS.iter().map(name)).collect())
        }
        _ => None,
    }
}

/// Integer arguments by position or name; none if one is not known or there are others.
fn fields(args: &Args, names: &[&str], defaults: &[i64]) -> Option<Vec<i64>> {
    let others = ["tz", "tzinfo", "fold"];
    if args.keywords.iter().any(|(name, _)| !names.contains(&&**name) && !others.contains(&&**name)) {
        return None;
    }
    names
        .iter()
        .zip(defaults)
        .enumerate()
        .map(|(index, (name, default))| match args.value(index, name) {
            Some(value) => value.as_int(),
            None => Some(*default),
        })
        .collect()
}

fn date(fields: &[i64]) -> Option<Date> {
    let [year, month, day] = fields else { return None };
    Date::new(
        i16::try_from(*year).ok().filter(|year| *year >= 1)?,
        i8::try_from(*month).ok()?,
        i8::try_from(*day).ok()?,
    )
    .ok()
}

fn time(fields: &[i64]) -> Option<Time> {
    let [hour, minute, second, micros] = fields else { return None };
    let nanoseconds = i32::try_from(micros.checked_mul(1000)?).ok()?;
    Time::new(i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?, i8::try_from(*second).ok()?, nanoseconds).ok()
}

/// The microseconds of a duration's arguments, in Python's order of them.
fn duration(args: &Args, names: &[&str]) -> Option<i64> {
    const UNITS: [i64; 7] = [86_400_000_000, 1_000_000, 1, 1000, 60_000_000, 3_600_000_000, 604_800_000_000];
    if args.positional.len() > names.len() || args.keywords.iter().any(|(name, _)| !names.contains(&&**name)) {
        return None;
    }
    let mut total: i64 = 0;
    for (index, (name, unit)) in names.iter().zip(UNITS).enumerate() {
        let amount = match args.value(index, name) {
            None => continue,
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "only whole results within a safe range are taken"
            )]
            Some(Value::Float(value)) => {
                let micros = value * unit as f64;
                if micros.fract() != 0.0 || micros.abs() > 9e15 {
                    return None;
                }
                micros as i64
            }
            Some(value) => value.as_int()?.checked_mul(unit)?,
        };
        total = total.checked_add(amount)?;
    }
    Some(total)
}

/// `replace(…)`: none if an argument is not known, or if there is no such date.
fn replaced(moment: &Moment, args: &Args) -> Option<Moment> {
    let date_fields = moment.date().map(|date| [date.year().into(), date.month().into(), date.day().into()]);
    let time_now = moment.time();
    let clock = [
        time_now.hour().into(),
        time_now.minute().into(),
        time_now.second().into(),
        i64::from(time_now.subsec_nanosecond() / 1000),
    ];
    let zone_given = args.keyword("tzinfo").map(|arg| &arg.value);
    match moment {
        Moment::Date(_) => date(&fields(args, &FIELDS[..3], &date_fields?)?).map(Moment::Date),
        Moment::Time(_) if zone_given.is_none() => time(&fields(args, &FIELDS[3..], &clock)?).map(Moment::Time),
        Moment::Time(_) => None,
        Moment::DateTime { zone, pendulum, .. } => {
            let zone: Option<Rc<str>> = match zone_given {
                None => zone.clone(),
                Some(Value::None) => None,
                Some(_) => return None,
            };
            let now: Vec<i64> = date_fields?.into_iter().chain(clock).collect();
            let all = fields(args, &FIELDS, &now)?;
            let made = date(&all[..3]).zip(time(&all[3..]));
            made.map(|(date, time)| Moment::DateTime {
                local: DateTime::from_parts(date, time),
                zone,
                pendulum: *pendulum,
            })
        }
    }
}
