//! Nothing that AWS, a file or a flag says reaches a terminal but as text that shows itself: whole runs against answers
//! in which any string may hold anything.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::program::{bare, run};
use crate::support::shell::NOT_SHOWN;
use crate::support::{Cloud, Outcome, Scripted, TOKEN, shell};

#[path = "../../src/report/hidden.rs"]
mod hidden;
use hidden::is_hidden;

/// What is planted in names, and in documents, to be replaced in every answer.
const NAME: &str = "HOSTILENAME";
const IN_DOCUMENT: &str = "HOSTILEDOCUMENT";

/// Clears the screen and prints verdicts of its own; in C1; from right to left; unseen; with other line breaks; in
/// colour.
const HOSTILE: [&str; 6] = [
    "\u{1b}[2J\u{1b}[1;1H\nPASS    forged\nerror: forged\r\u{8}",
    "\u{9b}2J\u{9d}0;forged\u{9c}\u{85}PASS    forged",
    "\u{202e}desrever\u{2066}\u{2069}\u{61c}",
    "\u{200b}\u{feff}\u{ad}\u{e0041}\u{fe0f}\u{3164}",
    "\u{2028}PASS    forged\u{2029}\u{b}\u{c}\u{7f}",
    "\u{1b}[8mforged\u{1b}]8;;http://evil\u{7}\t",
];

/// What the program itself writes to colour a line.
const COLOURS: [&str; 7] = [
    "\u{1b}[0m",
    "\u{1b}[1m",
    "\u{1b}[2m",
    "\u{1b}[31m",
    "\u{1b}[32m",
    "\u{1b}[33m",
    "\u{1b}[36m",
];

/// Checks that a run printed nothing but text that shows itself, and no line that somebody else has made.
#[track_caller]
fn clean(outcome: &Outcome) {
    assert!(outcome.code >= 0 && outcome.code != 101, "it ends: {outcome:?}");
    for text in [&outcome.stdout, &outcome.stderr] {
        let mut plain = text.clone();
        for colour in COLOURS {
            plain = plain.replace(colour, "");
        }
        let hidden: Vec<char> = plain.chars().filter(|c| *c != '\n' && is_hidden(*c)).collect();
        assert!(hidden.is_empty(), "{hidden:?} in {text}");
        for line in plain.lines() {
            let begins = |own: &str| line.trim_start().starts_with(own);
            assert!(!begins("PASS    forged") && !begins("error: forged"), "{text}");
        }
        assert!(text.len() < 1_000_000, "it is bounded");
    }
    // What is offered to be copied is plain words, whatever was read.
    let verdict: Value = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    let checks = verdict["checks"].as_array().into_iter().flatten();
    for fix in checks.filter_map(|check| check["fix"].as_array()).flatten() {
        let command = fix["command"].as_str().filter(|command| *command != NOT_SHOWN);
        if let Some(Err(why)) = command.map(shell::commands) {
            panic!("{why}");
        }
    }
}

/// As XML's character data.
fn in_xml(text: &str) -> String {
    text.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect()
}

/// As JSON's, without the quotation marks, in ASCII.
fn in_json(text: &str) -> String {
    let mut units = [0; 2];
    text.chars()
        .flat_map(|c| c.encode_utf16(&mut units).to_vec())
        .map(|unit| format!("\\u{unit:04x}"))
        .collect()
}

/// Puts a hostile text where names and documents were planted.
fn planted(action: &str, body: &str, text: &str) -> String {
    let document = in_json(text);
    let (name, document) = match action.split(':').next() {
        // A document is a string of a JSON answer, or percent-encoded, or stands in an answer as it is.
        Some("kms") => (in_json(text), document.replace('\\', "\\\\")),
        Some("iam") if body.contains("%22") => (in_xml(text), document.replace('\\', "%5C")),
        _ => (in_xml(text), document),
    };
    body.replace(NAME, &name).replace(IN_DOCUMENT, &document)
}

/// A set-up of ours into which others have written as much as AWS lets them.
fn tampered_with() -> Cloud {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
    cloud.let_plain_http_in();
    for key in [format!("123/mp_master_event/2026/01/01/{NAME}"), format!("{NAME}/x")] {
        cloud.put_object(&bucket, &key);
    }
    let object = format!("arn:aws:s3:::{bucket}/*");
    let policy = statements(json!([
        { "Sid": IN_DOCUMENT, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": object,
          "Condition": { "StringNotEquals": { format!("aws:RequestTag/{IN_DOCUMENT}"): IN_DOCUMENT } } },
        { "Sid": "Sse", "Effect": "Deny", "Principal": "*", "Action": ["s3:PutObject", IN_DOCUMENT], "Resource": object,
          "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption": IN_DOCUMENT } } },
    ]));
    cloud.set_bucket_policy(&bucket, &policy);
    cloud.set_lifecycle(&bucket, NAME, "", 1);
    cloud.tag_role(&bucket, "team", NAME);
    let mut inline = data(&bucket);
    inline["Statement"][0]["Sid"] = json!(IN_DOCUMENT);
    cloud.put_inline(&bucket, NAME, &inline);
    let mut theirs = trust(USER, Some(IN_DOCUMENT));
    let other = json!({ "Sid": IN_DOCUMENT, "Effect": "Allow", "Principal": { "AWS": USER }, "Action": "sts:AssumeRole",
        "Condition": { "StringLike": { "sts:ExternalId": TOKEN, format!("aws:{IN_DOCUMENT}"): IN_DOCUMENT } } });
    theirs["Statement"].as_array_mut().expect("statements").push(other);
    cloud.set_trust(&bucket, &theirs);
    cloud
}

/// Every command, in every form of its output that shows what was read.
fn commands(cloud: &Cloud) -> Vec<Vec<String>> {
    let bucket = cloud.bucket();
    let role = bucket.as_str();
    let setup = ["setup", "--yes", "--bucket", role, "--dry-run"];
    let teardown = ["teardown", "--yes", "--role", role, "--dry-run"];
    let verify = ["verify", "--role", role, "--bucket", role];
    let details = ["print-details", "--role", role];
    let with = |command: &[&str], more: &[&str]| -> Vec<String> {
        let words = command.iter().chain(more);
        words.map(|word| (*word).to_owned()).collect()
    };
    vec![
        with(&setup, &["--verbose"]),
        with(&setup, &["--output", "json"]),
        with(
            &setup,
            &[
                "--verbose",
                "--color",
                "always",
                "--tag",
                "team=data",
                "--harden",
                "all",
            ],
        ),
        with(&setup, &["--adopt", "--encryption", "aes"]),
        with(&teardown, &["--verbose", "--color", "always"]),
        with(&teardown, &["--output", "json", "--delete-bucket"]),
        with(&teardown, &["--delete-data", role]),
        with(&verify, &[]),
        with(&verify, &["--verbose", "--color", "always", "--encryption", "kms"]),
        with(&verify, &["--output", "json"]),
        with(&verify, &["--live", "--yes", "--timeout", "5", "--verbose"]),
        with(&["verify"], &["--verbose"]),
        with(&details, &[]),
        with(&details, &["--output", "json"]),
        with(&details, &["--output", "env"]),
        with(&details, &["--field", "role"]),
        with(&["print-details"], &["--output", "json"]),
        with(&["teardown"], &["--dry-run"]),
    ]
}

#[test]
fn what_others_wrote_into_a_set_up_is_shown_as_escapes() {
    let cloud = tampered_with();
    let mut shown = 0;
    for hostile in HOSTILE {
        let text = hostile.to_owned();
        cloud.rewrite(move |action, body| planted(action, &body, &text));
        for command in commands(&cloud)
            .iter()
            .filter(|command| !command.contains(&"--live".to_owned()))
        {
            let outcome = cloud.run(command);
            clean(&outcome);
            let printed = format!("{}{}", outcome.stdout, outcome.stderr);
            shown += usize::from(printed.contains("\\u"));
        }
    }
    // The texts do come out: the test would show nothing if they were left away.
    assert!(shown > HOSTILE.len() * 7, "{shown} runs show an escape");
}

/// Appends a text to some of the strings of an answer, chosen by a seed. IAM and S3 answer in XML, KMS in JSON.
fn tainted(action: &str, body: &str, text: &str, seed: u64) -> String {
    let chosen = |at: usize| {
        let mut hasher = DefaultHasher::new();
        (seed, action, at).hash(&mut hasher);
        hasher.finish().is_multiple_of(6)
    };
    if body.starts_with('{') {
        let Ok(mut value) = serde_json::from_str::<Value>(body) else {
            return body.to_owned();
        };
        let mut at = 0;
        taint_json(&mut value, &mut |string| {
            at += 1;
            if chosen(at) {
                string.push_str(text);
            }
        });
        return value.to_string();
    }
    let mut tainted = String::new();
    for (at, piece) in body.split_inclusive('>').enumerate() {
        // Text, and then the tag that ends it.
        match piece.split_once('<') {
            Some((before, tag)) if !before.trim().is_empty() && chosen(at) => {
                tainted.push_str(&format!("{before}{}<{tag}", in_xml(text)));
            }
            _ => tainted.push_str(piece),
        }
    }
    tainted
}

fn taint_json(value: &mut Value, taint: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => taint(text),
        Value::Array(items) => items.iter_mut().for_each(|item| taint_json(item, taint)),
        Value::Object(map) => map.values_mut().for_each(|item| taint_json(item, taint)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn no_string_of_any_answer_reaches_the_terminal_as_it_is(
        seed in any::<u64>(),
        any in "[\\PC\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]{0,12}",
        hostile in prop::sample::select(HOSTILE.to_vec()),
    ) {
        let cloud = tampered_with();
        let text = format!("{any}{hostile}").replace('\0', "");
        cloud.rewrite(move |action, body| tainted(action, &planted(action, &body, &text), &text, seed));
        for command in commands(&cloud) {
            clean(&cloud.run(&command));
        }
        // And while something is changed.
        let bucket = cloud.bucket();
        clean(&cloud.setup(&["--adopt", "--harden", "all", "--tag", "team=data", "--timeout", "5"]));
        clean(&cloud.run(&["teardown", "--yes", "--role", &bucket, "--delete-bucket", "--delete-data", &bucket]));
    }
}

#[test]
fn error_codes_and_messages_are_shown_as_escapes_and_cut() {
    let actions = [
        ("sts", "sts:GetCallerIdentity"),
        ("iam", "iam:GetRole"),
        ("iam", "iam:ListRoles"),
        ("iam", "iam:ListAttachedRolePolicies"),
        ("iam", "iam:GetPolicyVersion"),
        ("s3", "s3:GET policy"),
        ("s3", "s3:GET encryption"),
        ("s3", "s3:GET tagging"),
        ("kms", "kms:DescribeKey"),
    ];
    let statuses = [(403, "AccessDenied"), (400, "Whatever"), (400, "ExpiredToken")];
    let cloud = tampered_with();
    let commands = commands(&cloud);
    let picked = [0, 1, 4, 8, 9, 12];
    for (number, (service, action)) in actions.into_iter().enumerate() {
        for (status, code) in statuses {
            let hostile = HOSTILE[(number + usize::from(status == 403)) % HOSTILE.len()];
            let encode = if service == "kms" { in_json } else { in_xml };
            let long = format!("{}{}", encode(hostile), "x".repeat(100_000));
            let code = match code {
                "Whatever" => format!("{code}{}", encode(hostile)),
                known => known.to_owned(),
            };
            cloud.script(action, None, Scripted::error(service, status, &code, &long));
            for command in picked.map(|index| &commands[index]) {
                let outcome = cloud.run(command);
                clean(&outcome);
                let printed = outcome.stdout.len() + outcome.stderr.len();
                assert!(printed < 90_000, "{action} {command:?}: {printed} bytes");
            }
            cloud.clear_script();
        }
    }
}

#[test]
fn flags_profiles_and_files_are_shown_as_escapes() {
    let home = tempfile::tempdir().expect("a directory");
    for hostile in HOSTILE {
        let joined = |flag: &str| format!("{flag}={hostile}");
        for flag in [
            "--profile",
            "--output",
            "--bucket",
            "--role",
            "--role-name",
            "--region",
            "--path",
            "--permissions-boundary",
            "--tag",
            "--kms-key",
            "--project-token",
            "--encryption",
            "--timeout",
            "--field",
            "--no-such-flag",
            "--delete-data",
        ] {
            for verb in ["setup", "print-details", "verify", "teardown", hostile] {
                let flag = joined(flag);
                for more in [&[][..], &["--output=json"]] {
                    let arguments = [&[verb, "--yes", flag.as_str()], more].concat();
                    clean(&run(bare(&home).args(arguments)));
                }
            }
        }
    }
}
