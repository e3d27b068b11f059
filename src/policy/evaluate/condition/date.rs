//! Dates of conditions: the W3C profile of ISO 8601 (<https://www.w3.org/TR/NOTE-datetime>), or seconds of the epoch.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date>
//! allows these two.

use time::{Date, Month, OffsetDateTime, UtcDateTime};

/// The nanoseconds since the epoch.
pub(super) fn parse(text: &str) -> Option<i128> {
    // A year by itself has four digits; no epoch time of this century has so few.
    if text.len() != 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(i128::from(text.parse::<i64>().ok()?) * 1_000_000_000);
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = number(fields.next()?, 4)?;
    let month = fields.next().map_or(Some(1), |field| number(field, 2))?;
    let day = fields.next().map_or(Some(1), |field| number(field, 2))?;
    let complete = date.len() == 10;
    if fields.next().is_some() || time.is_some() && !complete {
        return None;
    }
    let days = days_before(year, month, day)?;
    let nanoseconds = time.map_or(Some(0), nanoseconds_of_day)?;
    Some(i128::from(days) * 86_400_000_000_000 + nanoseconds)
}

/// The same as a time, where it is one that this program can say.
pub(crate) fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(parse(text)?).ok()
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The days from the epoch to a date of the Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    Some((date - UtcDateTime::UNIX_EPOCH.date()).whole_days())
}

fn nanoseconds_of_day(text: &str) -> Option<i128> {
    let end = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(end);
    let offset = match zone {
        "Z" => 0,
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = bounded(hours, 23)? * 60 + bounded(minutes, 59)?;
            if zone.starts_with('+') { minutes } else { -minutes }
        }
    };
    let mut fields = clock.split(':');
    let hours = bounded(fields.next()?, 23)?;
    let minutes = bounded(fields.next()?, 59)?;
    let (seconds, fraction) = match fields.next() {
        None => (0, 0),
        Some(field) => match field.split_once('.') {
            // A leap second is the last that a minute can have.
            Some((seconds, fraction)) => (bounded(seconds, 60)?, billionths(fraction)?),
            None => (bounded(field, 60)?, 0),
        },
    };
    if fields.next().is_some() {
        return None;
    }
    let seconds = (hours * 60 + minutes - offset) * 60 + seconds;
    Some(i128::from(seconds) * 1_000_000_000 + fraction)
}

fn bounded(text: &str, most: i64) -> Option<i64> {
    number(text, 2).filter(|value| *value <= most)
}

fn billionths(text: &str) -> Option<i128> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = text.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i128> {
        parse(text).map(|nanoseconds| nanoseconds / 1_000_000_000)
    }

    #[test]
    fn every_form_of_the_profile_is_read() {
        for (text, expected) in [
            ("1970", 0),
            ("1970-02", 2_678_400),
            ("2000-03-01", 951_868_800),
            ("1997-07-16T19:20+01:00", 869_077_200),
            ("1997-07-16T19:20:30+01:00", 869_077_230),
            ("1997-07-16T18:20:30.45Z", 869_077_230),
            ("2020-01-01T00:00:01Z", 1_577_836_801),
            ("2024-02-29T23:59:59-00:30", 1_709_252_999),
            ("1577836801", 1_577_836_801),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_told_apart() {
        assert!(parse("2020-01-01T00:00:00.1Z") < parse("2020-01-01T00:00:00.12Z"));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "x",
            "T",
            "-",
            "2023-02-29",
            "2020-13",
            "2020-00",
            "2020-1-1",
            "2020-01-00",
            "2020-01T00:00Z",
            "2020-01-01T00:00",
            "2020-01-01T24:00Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00+é0:00",
            "2020-01-01-01",
            "2020-01-01T00:00:00:00Z",
            "-1",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
