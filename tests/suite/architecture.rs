//! The rooms keep to themselves what is theirs.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    fn walk(path: &Path, found: &mut Vec<(PathBuf, String)>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.to_owned(), fs::read_to_string(path).unwrap()));
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in [source.join(room), source.join(format!("{room}.rs"))] {
        if path.exists() {
            walk(&path, &mut found);
        }
    }
    assert!(!found.is_empty(), "{room} has no source");
    found
}

fn all_sources() -> Vec<(PathBuf, String)> {
    sources("")
}

#[test]
fn the_pure_rooms_know_no_aws_no_async_no_terminal() {
    for room in [
        "names",
        "spec",
        "policy",
        "plan",
        "observed",
        "teardown",
        "verify",
        "details",
        "advice",
        "command_line",
    ] {
        for (path, text) in sources(room) {
            for word in [
                "aws_sdk_",
                "aws_smithy",
                "tokio",
                "dialoguer",
                "std::env",
                "async fn",
                "crate::aws",
                "crate::report",
            ] {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn each_thing_has_one_room() {
    let only = |word: &str, rooms: &[&str]| {
        for (path, text) in all_sources() {
            let place = path
                .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
                .unwrap();
            let place = place.to_string_lossy().replace('\\', "/");
            let allowed = rooms.iter().any(|room| place.starts_with(room));
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            assert!(
                allowed || !code.into_iter().any(|line| line.contains(word)),
                "{place} names {word}"
            );
        }
    };
    only("aws_sdk_", &["aws"]);
    only("dialoguer", &["answers/prompt.rs"]);
    only("std::env::", &["process.rs"]);
    only("std::io::std", &["report.rs", "process.rs"]);
    only("winterbaume", &["sandbox"]);
    only("crate::commands", &["commands", "lib.rs"]);
    only("shlex", &["report/commands.rs"]);
}

/// A command that is put together as text would carry whatever a value holds into somebody's shell.
#[test]
fn no_command_is_put_together_as_text() {
    let calls = [
        "aws account ",
        "aws configure ",
        "aws iam ",
        "aws kms ",
        "aws login ",
        "aws s3 ",
        "aws s3api ",
        "aws s3control ",
        "aws sso ",
        "aws sts ",
        "mixpanel-s3 print-details ",
        "mixpanel-s3 setup ",
        "mixpanel-s3 teardown ",
        "mixpanel-s3 verify ",
    ];
    let mut seen = 0;
    for (path, text) in all_sources() {
        let code = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or(&text);
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            for call in calls {
                for (at, _) in line.match_indices(call) {
                    seen += 1;
                    let rest = &line[at..];
                    let end = rest.find(['"', '`']).unwrap_or(rest.len());
                    assert!(
                        !rest[..end].contains('{'),
                        "{} assembles `{}`: use CommandLine",
                        path.display(),
                        &rest[..end]
                    );
                }
            }
        }
    }
    assert!(seen > 0, "calls without values stand in texts");
}
