//! Dates, times and durations as `datetime` computes them. No clock, no time zone database: the
//! zone of a moment is a name that two moments share or do not.

use jiff::civil::{Date, DateTime, Time};
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::rc::Rc;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A `date`, `time` or `datetime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Date(Date),
    Time(Time),
    DateTime {
        local: DateTime,
        /// The zone's canonical text.
        zone: Option<Rc<str>>,
        /// Whether it is one of pendulum's, which prints otherwise.
        pendulum: bool,
    },
}

/// A `timedelta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) micros: i64,
    /// Whether it is one of pendulum's, which prints otherwise.
    pub(crate) pendulum: bool,
}

impl Moment {
    /// Python's own text of it, for equality.
    pub(crate) fn repr(&self) -> String {
        match self {
            Self::Date(date) => format!("datetime.date({}, {}, {})", date.year(), date.month(), date.day()),
            Self::Time(time) => format!("datetime.time({time})"),
            Self::DateTime { local, zone, .. } => match zone {
                Some(zone) => format!("datetime.datetime({local}, tzinfo={zone})"),
                None => format!("datetime.datetime({local})"),
            },
        }
    }

    /// Order, where Python defines one and no zone has to be known for it.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::DateTime { local: a, zone: x, .. }, Self::DateTime { local: b, zone: y, .. }) if x == y => {
                Some(a.cmp(b))
            }
            _ => None,
        }
    }

    /// `Some(false)` where two kinds are never equal.
    pub(crate) fn unlike(&self, other: &Self) -> Option<bool> {
        let naive = |moment: &Self| matches!(moment, Self::DateTime { zone: None, .. });
        let aware = |moment: &Self| matches!(moment, Self::DateTime { zone: Some(_), .. });
        if naive(self) && aware(other) || aware(self) && naive(other) {
            return Some(false);
        }
        (std::mem::discriminant(self) != std::mem::discriminant(other)).then_some(false)
    }

    /// The date, of what has one.
    pub(crate) fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::DateTime { local, .. } => Some(local.date()),
            Self::Time(_) => None,
        }
    }

    /// The time of day; midnight for a date.
    pub(crate) fn time(&self) -> Time {
        match self {
            Self::Date(_) => Time::midnight(),
            Self::Time(time) => *time,
            Self::DateTime { local, .. } => local.time(),
        }
    }

    /// `isoformat()`; none if a zone would have to be known.
    pub(crate) fn isoformat(&self, separator: &str) -> Option<String> {
        match self {
            Self::Date(date) => Some(date_text(*date)),
            Self::Time(time) => Some(time_text(*time)),
            Self::DateTime { local, zone, .. } => {
                let offset = match zone.as_deref() {
                    None => "",
                    Some(zone) if is_utc(zone) => "+00:00",
                    Some(_) => return None,
                };
                Some(format!("{}{separator}{}{offset}", date_text(local.date()), time_text(local.time())))
            }
        }
    }

    /// `str(…)`.
    pub(crate) fn str(&self) -> Option<String> {
        match self {
            Self::DateTime { pendulum: true, .. } => None,
            other => other.isoformat(" "),
        }
    }

    /// Moved by a duration; none if it leaves the calendar or a zone would have to be known.
    pub(crate) fn plus(&self, delta: i64) -> Option<Self> {
        match self {
            Self::Date(date) => {
                Some(Self::Date(date.checked_add(jiff::Span::new().try_days(delta.div_euclid(DAY)).ok()?).ok()?))
            }
            Self::Time(_) => None,
            Self::DateTime { zone: Some(zone), pendulum: true, .. } if !is_utc(zone) => None,
            Self::DateTime { local, zone, pendulum } => {
                let local = local.checked_add(jiff::SignedDuration::from_micros(delta)).ok()?;
                Some(Self::DateTime { local, zone: zone.clone(), pendulum: *pendulum })
            }
        }
    }

    /// The microseconds from `other` to this.
    pub(crate) fn since(&self, other: &Self) -> Option<i64> {
        let whole = |date: Date, time: Time| {
            let days = date.since(Date::ZERO).ok()?.get_days();
            let nanoseconds = time.duration_since(Time::midnight()).as_micros();
            i64::from(days).checked_mul(DAY)?.checked_add(i64::try_from(nanoseconds).ok()?)
        };
        match (self, other) {
            (Self::Date(_), Self::Date(_)) => {}
            (Self::DateTime { zone: x, .. }, Self::DateTime { zone: y, .. }) if x == y => {}
            _ => return None,
        }
        whole(self.date()?, self.time())?.checked_sub(whole(other.date()?, other.time())?)
    }

    /// `strftime`; none for a directive that is not held.
    pub(crate) fn strftime(&self, format: &str) -> Option<String> {
        let date = self.date().unwrap_or(Date::constant(1900, 1, 1));
        let time = self.time();
        let mut out = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            let (plain, directive) = match letters.next()? {
                '-' => (true, letters.next()?),
                directive => (false, directive),
            };
            let number = |out: &mut String, value: i64, width: usize| {
                let _ = if plain { write!(out, "{value}") } else { write!(out, "{value:0width$}") };
            };
            let hour12 = i64::from((time.hour() + 11) % 12 + 1);
            match directive {
                'Y' if date.year() >= 1000 => number(&mut out, date.year().into(), 4),
                'y' => number(&mut out, i64::from(date.year().rem_euclid(100)), 2),
                'm' => number(&mut out, date.month().into(), 2),
                'd' => number(&mut out, date.day().into(), 2),
                'H' => number(&mut out, time.hour().into(), 2),
                'I' => number(&mut out, hour12, 2),
                'M' => number(&mut out, time.minute().into(), 2),
                'S' => number(&mut out, time.second().into(), 2),
                'j' => number(&mut out, date.day_of_year().into(), 3),
                _ if plain => return None,
                'f' => {
                    let _ = write!(out, "{:06}", time.subsec_nanosecond() / 1000);
                }
                'p' => out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
                'a' => out.push_str(&DAYS[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())][..3]),
                'A' => out.push_str(DAYS[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]),
                'w' => {
                    let _ = write!(out, "{}", date.weekday().to_sunday_zero_offset());
                }
                'u' => {
                    let _ = write!(out, "{}", date.weekday().to_monday_one_offset());
                }
                'b' | 'h' => out.push_str(&MONTHS[usize::from(date.month().unsigned_abs()) - 1][..3]),
                'B' => out.push_str(MONTHS[usize::from(date.month().unsigned_abs()) - 1]),
                'V' => number(&mut out, date.iso_week_date().week().into(), 2),
                'G' => number(&mut out, date.iso_week_date().year().into(), 4),
                'F' if date.year() >= 1000 => out.push_str(&date_text(date)),
                'T' => {
                    let _ = write!(out, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
                }
                'z' | 'Z' if matches!(self, Self::DateTime { zone: None, .. } | Self::Date(_) | Self::Time(_)) => {}
                '%' => out.push('%'),
                _ => return None,
            }
        }
        Some(out)
    }

    /// `strptime`, for the numeric directives; none for others, and for texts that do not match.
    pub(crate) fn strptime(text: &str, format: &str) -> Option<Self> {
        let (mut year, mut month, mut day, mut clock) = (1900_i16, 1_i8, 1_i8, [0_i8; 3]);
        let mut rest = text;
        let mut letters = format.chars();
        let take = |rest: &mut &str, width: usize| -> Option<i16> {
            let end = rest.chars().take(width).take_while(char::is_ascii_digit).count();
            let (number, after) = rest.split_at(end);
            *rest = after;
            number.parse().ok()
        };
        while let Some(letter) = letters.next() {
            if letter != '%' {
                rest = rest.strip_prefix(letter)?;
                continue;
            }
            match letters.next()? {
                'Y' if rest.len() >= 4 => year = take(&mut rest, 4)?,
                'm' => month = i8::try_from(take(&mut rest, 2)?).ok()?,
                'd' => day = i8::try_from(take(&mut rest, 2)?).ok()?,
                'H' => clock[0] = i8::try_from(take(&mut rest, 2)?).ok()?,
                'M' => clock[1] = i8::try_from(take(&mut rest, 2)?).ok()?,
                'S' => clock[2] = i8::try_from(take(&mut rest, 2)?).ok()?,
                _ => return None,
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let time = Time::new(clock[0], clock[1], clock[2], 0).ok()?;
        let local = DateTime::from_parts(Date::new(year, month, day).ok()?, time);
        Some(Self::DateTime { local, zone: None, pendulum: false })
    }

    /// `fromisoformat`, in the forms that every Python reads.
    pub(crate) fn fromisoformat(text: &str, only_date: bool) -> Option<Self> {
        let day = text.get(..10)?;
        let shape = |text: &str, form: &str| {
            text.len() == form.len()
                && text.bytes().zip(form.bytes()).all(|(c, f)| if f == b'0' { c.is_ascii_digit() } else { c == f })
        };
        if !shape(day, "0000-00-00") {
            return None;
        }
        let date: Date = day.parse().ok()?;
        if only_date {
            return (text.len() == 10).then_some(Self::Date(date));
        }
        let time = match text.get(10..)? {
            "" => Time::midnight(),
            rest => {
                let clock = rest.get(1..)?;
                if !(shape(clock, "00:00") || shape(clock, "00:00:00") || shape(clock, "00:00:00.000000")) {
                    return None;
                }
                clock.parse().ok()?
            }
        };
        Some(Self::DateTime { local: DateTime::from_parts(date, time), zone: None, pendulum: false })
    }
}

/// Whether a zone's canonical text is that of UTC.
pub(crate) fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "datetime.timezone.utc" | "datetime.UTC" | "pytz.UTC" | "pytz.utc" | "pendulum.UTC")
}

fn date_text(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

fn time_text(time: Time) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let micros = time.subsec_nanosecond() / 1000;
    if micros != 0 {
        let _ = write!(text, ".{micros:06}");
    }
    text
}

impl Delta {
    /// Days, seconds of the day, microseconds of the second, as Python normalises them.
    pub(crate) fn parts(self) -> (i64, i64, i64) {
        let rest = self.micros.rem_euclid(DAY);
        (self.micros.div_euclid(DAY), rest / 1_000_000, rest % 1_000_000)
    }

    /// Python's own text of it, for equality.
    pub(crate) fn repr(self) -> String {
        let (days, seconds, micros) = self.parts();
        let parts: Vec<String> = [("days", days), ("seconds", seconds), ("microseconds", micros)]
            .into_iter()
            .filter(|(_, value)| *value != 0)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("datetime.timedelta({})", if parts.is_empty() { "0".to_owned() } else { parts.join(", ") })
    }

    /// `str(…)`; none for pendulum's, which speaks in words.
    pub(crate) fn str(self) -> Option<String> {
        if self.pendulum {
            return None;
        }
        let (days, seconds, micros) = self.parts();
        let mut text = match days {
            0 => String::new(),
            1 | -1 => format!("{days} day, "),
            _ => format!("{days} days, "),
        };
        let _ = write!(text, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if micros != 0 {
            let _ = write!(text, ".{micros:06}");
        }
        Some(text)
    }
}

/// `calendar.day_name`.
pub(crate) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `calendar.month_name`, without the empty first.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
