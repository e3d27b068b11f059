//! Exports as `verify` sees them: by day, of the projects that are fresh, at a bounded price.

use serde_json::Value;
use time::{Date, Duration, OffsetDateTime};

use crate::support::{Cloud, Scripted};

/// The folder of a day's exports.
fn folder(day: Date) -> String {
    format!("{:04}/{:02}/{:02}", day.year(), u8::from(day.month()), day.day())
}

/// Tries something that the date is part of, and once more where the date has changed meanwhile.
fn on_one_day(test: impl Fn(Date)) {
    let today = || OffsetDateTime::now_utc().date();
    let before = today();
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(before)));
    match tried {
        Err(failure) if today() == before => std::panic::resume_unwind(failure),
        Err(_) => test(today()),
        Ok(()) => {}
    }
}

#[test]
fn exports_are_shown_by_day_and_cost_a_listing_a_day() {
    on_one_day(|today| {
        let cloud = Cloud::start();
        cloud.setup(&[]).exits(0);
        cloud.let_plain_http_in();
        for back in [0, 1, 3] {
            let folder = folder(today - Duration::days(back));
            let key = format!("2195193/mp_master_event/{folder}/export.json.gz");
            cloud.put_object(&cloud.bucket(), &key);
        }
        cloud.forget();
        let screen = cloud.run(&["verify"]).exits(0).stdout;
        let gap = today - Duration::days(2);
        for words in [
            "Exports of project 2195193",
            "Mo Tu We Th Fr Sa Su",
            &format!("no events on: {gap}"),
        ] {
            assert!(screen.contains(words), "{words}: {screen}");
        }
        assert_eq!(screen.matches('■').count(), 3, "{screen}");
        // The first level, 28 days, and the two families without days.
        assert_eq!(cloud.count("s3:GET"), 31);
        let verdict = cloud.run(&["verify", "--output", "json", "--project-id", "2195193"]);
        let export = verdict.exits(0).json()["exports"][0].clone();
        assert_eq!(export["events_by_day"].as_array().unwrap().len(), 28);
        assert!(export["newest_events"].is_string());
    });
}

#[test]
fn of_many_projects_the_freshest_are_read_and_the_others_named() {
    // No answer depends on what day it is: the freshest day is yesterday's or today's.
    let today = OffsetDateTime::now_utc().date();
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.let_plain_http_in();
    for project in 10..22 {
        // The last by name is the freshest; each one before it is a day behind.
        let folder = folder(today - Duration::days(21 - project));
        cloud.put_object(&cloud.bucket(), &format!("{project}/mp_master_event/{folder}/a"));
    }
    // What stands before and after the projects is no project's.
    for key in ["!not/ours", "zebra/x"] {
        cloud.put_object(&cloud.bucket(), key);
    }
    cloud.forget();
    let verdict = cloud.run(&["verify", "--output", "json"]).exits(0).json();
    let ids = |value: &Value, id: fn(&Value) -> &Value| -> Vec<String> {
        let all = value.as_array().unwrap().iter();
        all.map(|one| id(one).as_str().unwrap().to_owned()).collect()
    };
    let read = ids(&verdict["exports"], |export| &export["project_id"]);
    assert_eq!(read, ["21", "20", "19", "18", "17"]);
    let not_read = ids(&verdict["projects_not_read"], |id| id);
    assert_eq!(not_read, ["16", "15", "14", "13", "12", "11", "10"]);
    // The first level, three a project to rank them, and thirty for each of five.
    assert_eq!(cloud.count("s3:GET"), 1 + 12 * 3 + 5 * 30);
    let checks = verdict["checks"].as_array().unwrap();
    let fresh = checks.iter().find(|check| check["id"] == "export-fresh");
    let summary = fresh.unwrap()["summary"].as_str().unwrap();
    let words = "not read: projects 16, 15, 14, 13, 12 and 2 more, none of them fresher";
    assert!(summary.contains(words), "{summary}");
}

#[test]
fn a_project_is_found_behind_thousands_of_other_names() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let bucket = cloud.bucket();
    let page = |inside: &str, next: Option<&str>| {
        let next = next.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |next| {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>")
        });
        Scripted::answer("s3", format!("<ListBucketResult>{next}{inside}</ListBucketResult>"))
    };
    // A script answers, since no emulator is worth five thousand objects.
    let keys: String = (0..1000)
        .map(|n| format!("<Contents><Key>0-{n:04}</Key></Contents>"))
        .collect();
    for number in 1..=5 {
        cloud.script("s3:GET", Some(1), page(&keys, Some(&format!("page-{number}"))));
    }
    let project = "<CommonPrefixes><Prefix>2195193/</Prefix></CommonPrefixes><Contents><Key>readme</Key></Contents>";
    cloud.script("s3:GET", Some(1), page(project, Some("never asked")));
    let verdict = cloud.run(&["verify", "--role", &bucket, "--output", "json"]);
    let verdict = verdict.exits(0).json();
    assert_eq!(verdict["exports"][0]["project_id"], "2195193", "{}", verdict["exports"]);
    // What comes after the digits is not looked through.
    assert_eq!(cloud.count("s3:GET"), 6 + 30);
}
