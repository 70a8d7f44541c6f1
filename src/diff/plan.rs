//! When a DAG runs, as far as its options say it: how many runs a time holds.
//!
//! Dates are reckoned as UTC: a zone moves each run by hours, which no count of many turns on.

use crate::dag::Dag;
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Unit};
use std::collections::BTreeSet;

/// Runs are counted up to here; more is as many.
pub const MOST: usize = 10_000;

/// Days that are looked at for one count.
const DAYS: usize = 366 * 60;

/// When a DAG runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    schedule: Schedule,
    /// Its first moment, if it is written as a date.
    pub start: Option<DateTime>,
    end: Option<DateTime>,
    /// Whether it makes up for the past; none where it does not say.
    pub catchup: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Schedule {
    /// By hand, or by events.
    Never,
    /// `@once`: one run is no storm.
    Once,
    Cron(Cron),
    /// Every so many seconds.
    Every(i64),
    /// A timetable, or what the text does not hold.
    NotKnown,
}

/// The minutes, hours and days of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cron {
    minutes: BTreeSet<u8>,
    hours: BTreeSet<u8>,
    days: BTreeSet<u8>,
    months: BTreeSet<u8>,
    /// Sunday is 0.
    weekdays: BTreeSet<u8>,
    /// Whether both days and weekdays are said: then either of them is enough.
    either: bool,
}

impl Plan {
    /// Of a DAG, on that major release of Airflow.
    pub fn of(dag: &Dag, major: Option<u32>) -> Self {
        let option = |name: &str| dag.options.get(name);
        let date = |name: &str| {
            let text = option(name).filter(|text| *text != "None");
            text.or_else(|| option(&format!("default_args.{name}"))).and_then(moment)
        };
        let schedule = ["schedule", "schedule_interval"].iter().find_map(|name| option(name));
        let schedule = match (schedule, option("timetable")) {
            (_, Some(text)) if text != "None" => Schedule::NotKnown,
            (Some(text), _) => Schedule::of(text),
            // 2.x runs a DAG daily that does not say when.
            (None, _) if major == Some(2) => Schedule::Every(86_400),
            (None, _) => Schedule::Never,
        };
        let catchup = match option("catchup") {
            Some("True") => Some(true),
            Some("False") => Some(false),
            _ => None,
        };
        Self { schedule, start: date("start_date"), end: date("end_date"), catchup }
    }

    /// Whether runs are created by time, at moments that are known.
    pub fn is_regular(&self) -> bool {
        matches!(self.schedule, Schedule::Cron(_) | Schedule::Every(_))
    }

    /// Whether runs are created by time at all, or that is not known.
    pub fn may_be_scheduled(&self) -> bool {
        !matches!(self.schedule, Schedule::Never)
    }

    /// The intervals that are over between two moments, each of which is a run.
    pub fn runs_between(&self, from: DateTime, to: DateTime) -> usize {
        let to = self.end.map_or(to, |end| end.min(to));
        let from = self.start.map_or(from, |start| start.max(from));
        if from >= to {
            return 0;
        }
        let moments = match &self.schedule {
            Schedule::Cron(cron) => cron.count(from, to),
            Schedule::Every(seconds) => {
                let whole = from.until((Unit::Second, to)).map_or(i64::MAX, |span| span.get_seconds());
                usize::try_from(whole / (*seconds).max(1)).unwrap_or(MOST).saturating_add(1)
            }
            Schedule::Never | Schedule::Once | Schedule::NotKnown => 0,
        };
        // Between n moments there are n - 1 intervals.
        moments.saturating_sub(1).min(MOST)
    }

    /// The last moment before another one at which a run was due; none where there was none.
    pub fn last_before(&self, now: DateTime) -> Option<DateTime> {
        let last = match &self.schedule {
            Schedule::Cron(cron) => cron.last_before(now)?,
            Schedule::Every(seconds) => now.checked_sub(SignedDuration::from_secs(*seconds)).ok()?,
            Schedule::Never | Schedule::Once | Schedule::NotKnown => return None,
        };
        self.start.is_none_or(|start| start <= last).then_some(last)
    }
}

impl Plan {
    /// Whether each of the next runs of this plan finds a run of the other one `before` it; with the
    /// first that does not. None where the text does not say when one of them runs.
    pub fn meets(&self, other: &Self, before: SignedDuration) -> Option<Result<(), DateTime>> {
        /// Runs that are looked at: five years of a monthly one.
        const RUNS: usize = 60;
        let (Schedule::Cron(own), Schedule::Cron(others)) = (&self.schedule, &other.schedule) else { return None };
        let from = self.start.unwrap_or(Date::constant(2024, 1, 1).at(0, 0, 0, 0));
        for moment in own.from(from).take(RUNS) {
            let wanted = moment.checked_sub(before).ok()?;
            if !others.is_moment(wanted) {
                return Some(Err(wanted));
            }
        }
        Some(Ok(()))
    }
}

impl Schedule {
    fn of(text: &str) -> Self {
        if text == "None" {
            return Self::Never;
        }
        if let Some(seconds) = super::settings::seconds(text) {
            return if seconds > 0 { Self::Every(seconds) } else { Self::NotKnown };
        }
        let Some(text) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
            // A list of assets, a timetable, what is not known.
            return Self::NotKnown;
        };
        let cron = match text {
            "@once" => return Self::Once,
            "@continuous" => return Self::NotKnown,
            "@hourly" => "0 * * * *",
            "@daily" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@quarterly" => "0 0 1 */3 *",
            "@yearly" => "0 0 1 1 *",
            cron => cron,
        };
        Cron::of(cron).map_or(Self::NotKnown, Self::Cron)
    }
}

impl Cron {
    fn of(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else { return None };
        let mut on = field(weekdays, 0, 7, &WEEKDAYS, 0)?;
        if on.remove(&7) {
            on.insert(0);
        }
        Some(Self {
            minutes: field(minutes, 0, 59, &[], 0)?,
            hours: field(hours, 0, 23, &[], 0)?,
            days: field(days, 1, 31, &[], 0)?,
            months: field(months, 1, 12, &MONTHS, 1)?,
            weekdays: on,
            either: !days.starts_with('*') && !weekdays.starts_with('*'),
        })
    }

    fn is_on(&self, date: Date) -> bool {
        let number = |value: i8| u8::try_from(value).unwrap_or_default();
        let day = self.days.contains(&number(date.day()));
        let weekday = self.weekdays.contains(&number(date.weekday().to_sunday_zero_offset()));
        let fits = if self.either { day || weekday } else { day && weekday };
        fits && self.months.contains(&number(date.month()))
    }

    /// The moments of a day, in order.
    fn moments(&self, date: Date) -> impl DoubleEndedIterator<Item = DateTime> {
        let at = move |hour: u8, minute: u8| {
            let number = |value: u8| i8::try_from(value).unwrap_or_default();
            date.at(number(hour), number(minute), 0, 0)
        };
        self.hours.iter().flat_map(move |hour| self.minutes.iter().map(move |minute| at(*hour, *minute)))
    }

    fn is_moment(&self, at: DateTime) -> bool {
        self.is_on(at.date()) && self.moments(at.date()).any(|moment| moment == at)
    }

    /// The moments from one on.
    fn from(&self, from: DateTime) -> impl Iterator<Item = DateTime> {
        let days = std::iter::successors(Some(from.date()), |date| date.tomorrow().ok()).take(DAYS);
        let days = days.filter(|date| self.is_on(*date));
        days.flat_map(|date| self.moments(date)).filter(move |moment| *moment >= from)
    }

    /// The moments from one to another, both included, as far as they are counted.
    fn count(&self, from: DateTime, to: DateTime) -> usize {
        let mut count = 0;
        let mut date = from.date();
        for _ in 0..DAYS {
            if date > to.date() || count > MOST {
                break;
            }
            if self.is_on(date) {
                let whole = date > from.date() && date < to.date();
                count += if whole {
                    self.hours.len() * self.minutes.len()
                } else {
                    self.moments(date).filter(|moment| (from..=to).contains(moment)).count()
                };
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        count
    }

    fn last_before(&self, now: DateTime) -> Option<DateTime> {
        let mut date = now.date();
        for _ in 0..DAYS {
            if self.is_on(date)
                && let Some(last) = self.moments(date).rev().find(|moment| *moment <= now)
            {
                return Some(last);
            }
            date = date.yesterday().ok()?;
        }
        None
    }
}

/// The values of a field: `*`, `a`, `a-b`, each with `/n`, several with commas; names stand for the
/// numbers from `first` on.
fn field(text: &str, low: u8, high: u8, names: &[&str], first: u8) -> Option<BTreeSet<u8>> {
    let number = |text: &str| -> Option<u8> {
        let lower = text.to_ascii_lowercase();
        let named =
            names.iter().position(|name| *name == lower).and_then(|at| u8::try_from(at).ok()).map(|at| at + first);
        named.or_else(|| text.parse().ok()).filter(|value| (low..=high).contains(value))
    };
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u8>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return None;
        }
        values.extend((from..=to).step_by(step.into()));
    }
    Some(values)
}

/// A date in canonical text, without its zone.
pub(super) fn moment(text: &str) -> Option<DateTime> {
    let inner = text.strip_prefix("datetime.datetime(")?.strip_suffix(')')?;
    inner.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(schedule: &str, start: &str) -> Plan {
        Plan { schedule: Schedule::of(schedule), start: start.parse().ok(), end: None, catchup: Some(true) }
    }

    #[track_caller]
    fn runs(schedule: &str, from: &str, to: &str) -> usize {
        plan(schedule, from).runs_between(from.parse().unwrap(), to.parse().unwrap())
    }

    #[test]
    fn intervals_that_are_over_are_counted() {
        assert_eq!(runs("\"@daily\"", "2024-01-01", "2024-01-11T12:00:00"), 10);
        assert_eq!(runs("\"@hourly\"", "2024-01-01", "2024-01-02"), 24);
        assert_eq!(runs("\"@monthly\"", "2024-01-15", "2024-06-15"), 4);
        assert_eq!(runs("\"*/15 9-17 * * MON-FRI\"", "2024-01-01", "2024-01-02"), 35);
        assert_eq!(runs("\"0 0 13 * 5\"", "2024-10-01", "2024-11-01"), 5, "the 13th or a Friday");
        assert_eq!(runs("datetime.timedelta(seconds=3600)", "2024-01-01", "2024-01-01T10:30:00"), 10);
        assert_eq!(runs("\"* * * * *\"", "2000-01-01", "2024-01-01"), MOST);
        for nothing in ["None", "\"@once\"", "[dataset]", "\"0 0 31 2 *\"", "\"at noon\"", "\"0 0 * * 1#2\""] {
            assert_eq!(runs(nothing, "2024-01-01", "2026-01-01"), 0, "{nothing}");
        }
        assert_eq!(runs("\"@daily\"", "2024-01-01", "2023-01-01"), 0);
    }

    #[test]
    fn the_last_moment_before_now() {
        let last = |schedule: &str| {
            let now = "2024-05-15T10:30:00".parse().unwrap();
            plan(schedule, "2024-01-01").last_before(now).map(|at| at.to_string())
        };
        assert_eq!(last("\"@monthly\"").as_deref(), Some("2024-05-01T00:00:00"));
        assert_eq!(last("\"15 * * * *\"").as_deref(), Some("2024-05-15T10:15:00"));
        assert_eq!(last("\"0 0 1 1 *\"").as_deref(), Some("2024-01-01T00:00:00"));
        assert_eq!(last("\"0 0 31 12 *\""), None, "before its start there was none");
        assert_eq!(last("None"), None);
    }

    #[test]
    fn a_run_finds_one_of_another_plan_before_it_or_does_not() {
        let meets = |own: &str, other: &str, hours: i64| {
            let met = plan(own, "2024-01-01").meets(&plan(other, "2024-01-01"), SignedDuration::from_hours(hours));
            met.map(|met| met.map_err(|at| at.to_string()))
        };
        assert_eq!(meets("\"0 6 * * *\"", "\"@hourly\"", 0), Some(Ok(())));
        assert_eq!(meets("\"0 6 * * *\"", "\"@daily\"", 6), Some(Ok(())));
        assert_eq!(meets("\"0 6 * * *\"", "\"@daily\"", 0), Some(Err("2024-01-01T06:00:00".to_owned())));
        assert_eq!(meets("\"@daily\"", "\"0 0 * * 1\"", 0), Some(Err("2024-01-02T00:00:00".to_owned())));
        assert_eq!(meets("\"@daily\"", "None", 0), None);
    }

    #[test]
    fn any_text_is_read() {
        for text in
            ["\"\"", "\"*/0 * * * *\"", "\"60 * * * *\"", "\"5-1 * * * *\"", "\"a b c d e\"", "\"* * * * * *\"", "\""]
        {
            assert_eq!(Schedule::of(text), Schedule::NotKnown, "{text}");
        }
    }
}
