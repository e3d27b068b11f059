//! What the README says that the program asks of AWS is what its source asks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const SERVICES: [&str; 4] = ["iam", "s3", "kms", "sts"];

/// What AWS asks for beside the action of a call, so that no call bears its name.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html#API_CreateKey_RequestSyntax>
const BESIDE: [&str; 1] = ["kms:TagResource"];
/// What only the stand-in of a live proof calls, with the policies of the role.
const OF_THE_STAND_IN: [&str; 2] = ["s3:GetObject", "s3:PutObject"];

fn is_operation(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphabetic())
}

/// The actions of a section: `iam:GetRole`, and after it `ListRoles` of the same service.
fn listed(section: &str) -> BTreeSet<String> {
    let mut service = "";
    let mut actions = BTreeSet::new();
    for word in section.split('`').skip(1).step_by(2) {
        let (named, operation) = word.split_once(':').unwrap_or((service, word));
        if SERVICES.contains(&named) && is_operation(operation) {
            service = named;
            actions.insert(format!("{named}:{operation}"));
        }
    }
    actions
}

/// The actions that a source names in string literals.
fn called(path: &Path, actions: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            called(&entry.unwrap().path(), actions);
        }
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    for literal in code.split('"').skip(1).step_by(2) {
        if let Some((service, operation)) = literal.split_once(':')
            && SERVICES.contains(&service)
            && is_operation(operation)
        {
            actions.insert(literal.to_owned());
        }
    }
}

#[test]
fn the_readme_lists_the_actions_that_the_program_calls() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, section) = readme.split_once("## What it needs to be allowed").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut listed = listed(section);
    let mut called_ones = BTreeSet::new();
    called(&root.join("src/aws"), &mut called_ones);
    called(&root.join("src/aws.rs"), &mut called_ones);
    for action in BESIDE {
        assert!(listed.remove(action), "the README lists {action} no longer");
    }
    for action in OF_THE_STAND_IN {
        assert!(called_ones.remove(action), "nothing calls {action} any more");
    }
    assert!(listed.len() > 50, "{listed:?}");
    assert_eq!(listed, called_ones);
}
