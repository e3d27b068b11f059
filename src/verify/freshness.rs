//! What Mixpanel exported lately, by day, and whether that is as fresh as it promises.
//!
//! Mixpanel's page: up to 24 hours from ingestion to the bucket, and as much again for late data.

use time::{Date, Duration, OffsetDateTime};

use crate::names::ProjectId;
use crate::observed::Exported;

/// How old the newest export may be.
pub(crate) const PROMISE: Duration = Duration::hours(48);
/// How many days are looked at, the present one included.
pub(crate) const DAYS: usize = 28;

/// One of the three kinds of things that Mixpanel writes, each under a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// Events, in a folder a day.
    Events,
    /// People's profiles, replaced at every run.
    People,
    /// Identity mappings.
    Identities,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Events, Self::People, Self::Identities];

    /// The folder in a project's own.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Events => "mp_master_event",
            Self::People => "mp_people_data",
            Self::Identities => "mp_identity_mappings_data",
        }
    }

    /// What begins the keys of a project's objects of this family.
    pub(crate) fn prefix(self, project: &str) -> String {
        format!("{project}/{}/", self.folder())
    }
}

/// What begins the keys of a day's events.
pub(crate) fn day_prefix(project: &str, day: Date) -> String {
    format!(
        "{}{:04}/{:02}/{:02}/",
        Family::Events.prefix(project),
        day.year(),
        u8::from(day.month()),
        day.day()
    )
}

/// The days that are looked at, the oldest first.
pub(crate) fn days(now: OffsetDateTime) -> Vec<Date> {
    let back = (0..DAYS).rev();
    back.filter_map(|days| {
        let days = i64::try_from(days).ok()?;
        now.date().checked_sub(Duration::days(days))
    })
    .collect()
}

/// What was found of the exports in a bucket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exports {
    /// The projects that were looked at. Of more than a few, the freshest first.
    pub(crate) read: Vec<Export>,
    /// The projects that are there too and were not looked at, the freshest first.
    pub(crate) not_read: Vec<ProjectId>,
    /// Whether every project of the bucket is among them: a first level of very many names is not looked through to its
    /// end.
    pub(crate) complete: bool,
}

impl Exports {
    /// Those of a bucket in which there is nothing yet.
    pub(crate) fn none() -> Self {
        Self {
            read: Vec::new(),
            not_read: Vec::new(),
            complete: true,
        }
    }
}

/// What one project has exported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Export {
    /// The project.
    pub(crate) project: ProjectId,
    /// Events by day, the oldest day first.
    pub(crate) days: Vec<(Date, Exported)>,
    /// People's profiles.
    pub(crate) people: Exported,
    /// Identity mappings.
    pub(crate) identities: Exported,
}

impl Export {
    /// When the newest object of a family was written, as far as was looked.
    pub(crate) fn newest(&self, family: Family) -> Option<OffsetDateTime> {
        match family {
            Family::Events => self.days.iter().filter_map(|(_, day)| day.newest).max(),
            Family::People => self.people.newest,
            Family::Identities => self.identities.newest,
        }
    }

    /// When the newest object of all was written.
    pub(crate) fn newest_of_all(&self) -> Option<OffsetDateTime> {
        Family::ALL.into_iter().filter_map(|family| self.newest(family)).max()
    }

    /// The days without events between the first day that has some and the last.
    pub(crate) fn gaps(&self) -> Vec<Date> {
        let has = |entry: &(Date, Exported)| entry.1.objects > 0;
        let first = self.days.iter().position(has);
        let last = self.days.iter().rposition(has);
        let (Some(first), Some(last)) = (first, last) else {
            return Vec::new();
        };
        self.days[first..=last]
            .iter()
            .filter(|entry| !has(entry))
            .map(|(day, _)| *day)
            .collect()
    }
}

/// How long ago something was, for people: `3 hours`, `2 days`.
pub(crate) fn ago(then: OffsetDateTime, now: OffsetDateTime) -> String {
    let age = now - then;
    let (count, unit) = match (age.whole_days(), age.whole_hours(), age.whole_minutes()) {
        (_, hours, minutes) if hours < 1 => (minutes.max(0), "minute"),
        (_, hours, _) if hours < 48 => (hours, "hour"),
        (days, _, _) => (days, "day"),
    };
    match count {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn four_weeks_end_today() {
        let days = days(datetime!(2026-03-01 10:00 UTC));
        assert_eq!(days.len(), DAYS);
        assert_eq!(days[0], date!(2026 - 02 - 02));
        assert_eq!(days[27], date!(2026 - 03 - 01));
        assert_eq!(day_prefix("7", days[27]), "7/mp_master_event/2026/03/01/");
    }

    #[test]
    fn a_gap_lies_between_days_that_have_events() {
        let some = Exported {
            objects: 1,
            ..Exported::default()
        };
        let days = [
            Exported::default(),
            some,
            Exported::default(),
            some,
            Exported::default(),
        ];
        let export = Export {
            project: "7".parse().unwrap(),
            days: (1..)
                .zip(days)
                .map(|(day, exported)| (Date::from_calendar_date(2026, time::Month::May, day).unwrap(), exported))
                .collect(),
            people: Exported::default(),
            identities: Exported::default(),
        };
        assert_eq!(export.gaps(), [date!(2026 - 05 - 03)]);
    }

    #[test]
    fn ages_are_for_people() {
        let now = datetime!(2026-03-03 10:00 UTC);
        assert_eq!(ago(datetime!(2026-03-03 09:59 UTC), now), "1 minute");
        assert_eq!(ago(datetime!(2026-03-02 10:00 UTC), now), "24 hours");
        assert_eq!(ago(datetime!(2026-02-01 10:00 UTC), now), "30 days");
    }
}
