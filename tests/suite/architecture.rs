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
        "names", "spec", "policy", "plan", "observed", "teardown", "verify", "details",
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
}
