//! Endpoints and environments that are broken or mean harm: whatever comes back, a run ends in time, after a bounded
//! number of requests, with an exit code and a message, and never with a panic.
//!
//! The answers are scripted: no emulator gives them.

use std::time::{Duration, Instant};

use crate::support::program::{bare, run};
use crate::support::side_by_side;
use crate::support::{Cloud, Outcome, Scripted};

/// What every run has to keep, whatever it met.
#[track_caller]
fn sane(outcome: Outcome) -> Outcome {
    let Outcome { code, stdout, stderr } = &outcome;
    // 101 is a panic's code, -1 a signal's; and the last resort says that it was one.
    assert!((0..=6).contains(code), "exit {code}\n{stdout}\n{stderr}");
    for word in ["panicked", "defect of its own", "RUST_BACKTRACE"] {
        assert!(!stderr.contains(word), "{stderr}");
    }
    outcome
}

/// The environment is told by its variables' names, and none of it is passed over.
#[test]
fn an_environment_that_cannot_be_used_is_named_and_not_passed_over() {
    let cloud = Cloud::start();
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = |inside: &str| format!("-----BEGIN CERTIFICATE-----\n{inside}\n-----END CERTIFICATE-----\n");
    let bundles = [
        file("empty.pem", ""),
        file("garbage.pem", "garbage\n"),
        file("base64.pem", &certificate("!!!!")),
        file("not-der.pem", &certificate("aGVsbG8=")),
        file(
            "cut.pem",
            "-----BEGIN CERTIFICATE-----\nMIIFazCCA1OgAwIBAgIRAIIQz7DSQONZ\n",
        ),
        file(
            "key.pem",
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
        ),
        home.path().to_str().unwrap().to_owned(),
        home.path().join("nowhere").to_str().unwrap().to_owned(),
        "/dev/zero".to_owned(),
        String::new(),
    ];
    let mut cases: Vec<(&str, &str, i32)> = bundles.iter().map(|path| ("AWS_CA_BUNDLE", path.as_str(), 2)).collect();
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"] {
        for url in [
            "",
            "nonsense",
            "http://",
            "http://a b",
            "ftp://host",
            "http://user:hunter2@host",
        ] {
            cases.push((name, url, 2));
        }
    }
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        for url in [
            ":://",
            "http://user:hunter2@",
            "socks5://hunter2@host",
            "http://host:port",
            "foo bar",
        ] {
            cases.push((name, url, 2));
        }
    }
    cases.extend([
        ("AWS_REGION", "hunter2", 2),
        ("AWS_REGION", "eu-west-1a", 2),
        ("AWS_DEFAULT_REGION", "hunter2", 2),
        ("AWS_ACCESS_KEY_ID", "AKIA\nhunter2", 3),
        ("AWS_ACCESS_KEY_ID", "AKIA, hunter2", 3),
        ("AWS_SECRET_ACCESS_KEY", "hunter2\nhunter2", 3),
        ("AWS_SESSION_TOKEN", "hunter2\r\nx-amz-other: header", 3),
        ("AWS_SESSION_TOKEN", "hünter2", 3),
    ]);
    for (name, value, code) in cases {
        let outcome = run(cloud.command(&home, &["verify", "--role", "x"]).env(name, value));
        let outcome = sane(outcome).exits(code).says(name);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
        assert!(cloud.calls().is_empty(), "{name}={value:?}: {:?}", cloud.calls());
    }
    // The same of a profile, which has no variable to name.
    let endpoint = cloud.endpoint();
    for (config, code, words) in [
        ("endpoint_url =\n", 2, "endpoint_url of profile 'default' is empty"),
        ("endpoint_url = nonsense\n", 2, "endpoint_url of profile 'default'"),
        (
            "ca_bundle = /nowhere/hunter2.pem\n",
            2,
            "ca_bundle of profile 'default' names",
        ),
    ] {
        std::fs::write(home.path().join("config"), format!("[default]\n{config}")).unwrap();
        let mut command = cloud.command(&home, &["verify", "--role", "x"]);
        let outcome = sane(run(command.env_remove("AWS_ENDPOINT_URL")));
        outcome.exits(code).says(words);
    }
    std::fs::write(home.path().join("config"), "[default]\nregion = hunter2\n").unwrap();
    let mut command = cloud.command(&home, &["verify", "--role", "x"]);
    let outcome = sane(run(command.env_remove("AWS_REGION")));
    let outcome = outcome
        .exits(2)
        .says("The region of profile 'default' is not a region code");
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    std::fs::write(home.path().join("config"), "[default]\n").unwrap();
    let keys = "[default]\naws_access_key_id = AKIA hunter2\naws_secret_access_key = test\n";
    std::fs::write(home.path().join("credentials"), keys).unwrap();
    let outcome = run(bare(&home)
        .args(["verify", "--role", "x"])
        .env("AWS_ENDPOINT_URL", &endpoint));
    let outcome = sane(outcome)
        .exits(3)
        .says("the access key ID has a line break, a space");
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    assert!(cloud.calls().is_empty());
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let cloud = Cloud::start();
    let home = tempfile::tempdir().unwrap();
    for name in [
        "AWS_ENDPOINT_URL_IAM",
        "HTTPS_PROXY",
        "AWS_CA_BUNDLE",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "MIXPANEL_PROJECT_TOKEN",
    ] {
        let value = std::ffi::OsStr::from_bytes(b"http://\xff\xfe");
        let outcome = run(cloud.command(&home, &["verify", "--role", "x"]).env(name, value));
        sane(outcome).exits(2).says(&format!("{name} is not text"));
        assert!(cloud.calls().is_empty());
    }
}

/// A page of a list that goes on; `%` is its number.
struct List {
    action: &'static str,
    arguments: fn(&str) -> Vec<&str>,
    /// With markers that change, with one that repeats, and with none.
    pages: [fn(usize) -> String; 3],
    /// How many requests there may be of it with markers that change.
    most: usize,
}

macro_rules! list {
    ($action:literal, $arguments:expr, $most:expr, $before:literal, $marker:literal, $after:literal) => {
        List {
            action: $action,
            arguments: $arguments,
            most: $most,
            pages: [
                |number| {
                    let marker = $marker.replace('%', &format!("{number:07}"));
                    [$before, &marker, $after].concat()
                },
                |_| [$before, $marker, $after].concat(),
                |_| [$before, $after].concat(),
            ],
        }
    };
}

/// Every list that this program asks for.
fn lists() -> Vec<List> {
    let pages = 1000;
    vec![
        list!(
            "iam:ListRoles",
            |_| vec!["verify"],
            pages,
            "<ListRolesResponse><ListRolesResult><Roles/><IsTruncated>true</IsTruncated>",
            "<Marker>%</Marker>",
            "</ListRolesResult></ListRolesResponse>"
        ),
        list!(
            "iam:ListAttachedRolePolicies",
            |role| vec!["verify", "--role", role],
            pages,
            "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies/><IsTruncated>true</\
             IsTruncated>",
            "<Marker>%</Marker>",
            "</ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>"
        ),
        list!(
            "iam:ListRolePolicies",
            |role| vec!["verify", "--role", role],
            pages,
            "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames/><IsTruncated>true</IsTruncated>",
            "<Marker>%</Marker>",
            "</ListRolePoliciesResult></ListRolePoliciesResponse>"
        ),
        list!(
            "iam:ListPolicyVersions",
            |role| vec!["teardown", "--yes", "--role", role],
            pages,
            "<ListPolicyVersionsResponse><ListPolicyVersionsResult><Versions/><IsTruncated>true</IsTruncated>",
            "<Marker>%</Marker>",
            "</ListPolicyVersionsResult></ListPolicyVersionsResponse>"
        ),
        list!(
            "iam:ListEntitiesForPolicy",
            |role| vec!["teardown", "--yes", "--role", role],
            pages,
            "<ListEntitiesForPolicyResponse><ListEntitiesForPolicyResult><PolicyRoles/><IsTruncated>true</IsTruncated>",
            "<Marker>%</Marker>",
            "</ListEntitiesForPolicyResult></ListEntitiesForPolicyResponse>"
        ),
        list!(
            "iam:ListInstanceProfilesForRole",
            |role| vec!["teardown", "--yes", "--role", role],
            pages,
            "<ListInstanceProfilesForRoleResponse><ListInstanceProfilesForRoleResult><InstanceProfiles/\
             ><IsTruncated>true</IsTruncated>",
            "<Marker>%</Marker>",
            "</ListInstanceProfilesForRoleResult></ListInstanceProfilesForRoleResponse>"
        ),
        list!(
            "iam:ListPolicies",
            |_| vec!["teardown", "--yes", "--role", "gone"],
            pages,
            "<ListPoliciesResponse><ListPoliciesResult><Policies/><IsTruncated>true</IsTruncated>",
            "<Marker>%</Marker>",
            "</ListPoliciesResult></ListPoliciesResponse>"
        ),
        list!(
            "kms:ListAliases",
            |_| vec![
                "setup",
                "--yes",
                "--bucket",
                "acme-other",
                "--encryption",
                "kms",
                "--create-kms-key"
            ],
            pages,
            "{\"Aliases\":[],\"Truncated\":true",
            ",\"NextMarker\":\"%\"",
            "}"
        ),
        list!(
            "kms:ListKeys",
            |_| vec![
                "setup",
                "--yes",
                "--bucket",
                "acme-other",
                "--encryption",
                "kms",
                "--create-kms-key"
            ],
            pages,
            "{\"Keys\":[],\"Truncated\":true",
            ",\"NextMarker\":\"%\"",
            "}"
        ),
        list!(
            "s3:GET versions",
            |role| vec!["teardown", "--yes", "--role", role, "--delete-data", role],
            1,
            "<ListVersionsResult><IsTruncated>true</IsTruncated>",
            "<NextKeyMarker>%</NextKeyMarker>",
            "</ListVersionsResult>"
        ),
        list!(
            "s3:GET uploads",
            |role| vec!["teardown", "--yes", "--role", role, "--delete-data", role],
            1,
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>",
            "<NextKeyMarker>%</NextKeyMarker>",
            "</ListMultipartUploadsResult>"
        ),
    ]
}

#[test]
fn a_list_that_never_ends_is_an_error() {
    for list in lists() {
        for (way, page) in ["changes", "repeats", "is missing"].into_iter().zip(list.pages) {
            // S3's objects have no number that they cannot exceed: that bound has a test of its own.
            if way == "changes" && list.most == 1 {
                continue;
            }
            let cloud = Cloud::start();
            let bucket = cloud.bucket();
            cloud.setup(&[]).exits(0);
            cloud.forget();
            cloud.script(list.action, None, Scripted::Numbered(page));
            let arguments = (list.arguments)(&bucket);
            let outcome = sane(cloud.run(&arguments));
            let context = format!("{}, whose marker {way}:\n{}", list.action, outcome.stderr);
            let requests = cloud.count(list.action);
            assert!(requests > 0, "it was not asked: {context}");
            let most = match way {
                "changes" => list.most,
                "repeats" => 2,
                _ => 1,
            };
            // Some lists are asked for twice, side by side.
            assert!(requests <= 2 * most, "{requests} requests: {context}");
            // Of a role that is named, verify says what it cannot know, and judges the rest.
            match arguments.as_slice() {
                ["verify", "--role", _] => {
                    assert!(outcome.stdout.contains("the list does not end"), "{context}");
                }
                _ => {
                    assert!(outcome.stderr.contains("the list does not end"), "{context}");
                    assert_ne!(outcome.code, 0, "{context}");
                }
            }
        }
    }
}

#[test]
fn a_listing_of_objects_that_never_ends_leaves_the_exports_unknown() {
    let pages: [fn(usize) -> String; 3] = [
        |number| objects(&format!("<NextContinuationToken>{number}</NextContinuationToken>")),
        |_| objects("<NextContinuationToken>again</NextContinuationToken>"),
        |_| objects(""),
    ];
    for page in pages {
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        cloud.setup(&[]).exits(0);
        cloud.forget();
        cloud.script("s3:GET", None, Scripted::Numbered(page));
        let arguments = ["verify", "--role", &bucket, "--project-id", "1"];
        let outcome = sane(cloud.run(&[&arguments[..], &["--output", "json"]].concat()));
        let verdict = outcome.json();
        let checks = verdict["checks"].as_array().unwrap();
        let fresh = checks.iter().find(|check| check["id"] == "export-fresh");
        let status = &fresh.unwrap()["status"];
        assert!(status == "unknown" || status == "skipped", "{fresh:?}");
        // Of a day, three pages are looked at; of each of two families, twenty.
        let requests = cloud.count("s3:GET");
        assert!(requests <= 29 * 3 + 2 * 20, "{requests}");
    }
}

fn objects(next: &str) -> String {
    format!("<ListBucketResult><IsTruncated>true</IsTruncated>{next}</ListBucketResult>")
}

/// What is in no answer of AWS's: bodies of the wrong kind, cut off, or far too deep.
fn garbage() -> Vec<(&'static str, String)> {
    vec![
        ("nothing", String::new()),
        ("text", "garbage".to_owned()),
        ("a web page", "<html><body>Sign in</body></html>".to_owned()),
        ("a number", "42".to_owned()),
        ("zero bytes", "\0".repeat(1000)),
    ]
}

/// The settings of a bucket, and the check of `verify` that tells of each.
const SETTINGS: [(&str, &str, &str); 9] = [
    ("s3:GET tagging", "", "tags"),
    ("s3:GET publicAccessBlock", "bpa", "public-access blocks"),
    ("s3:GET ownershipControls", "acl-ownership", "object ownership"),
    ("s3:GET encryption", "ui-encryption-mismatch", "default encryption"),
    ("s3:GET policy", "plain-http", "policy"),
    ("s3:GET lifecycle", "lifecycle-expiry", "lifecycle rules"),
    ("s3:GET versioning", "versioning-growth", ""),
    ("s3:GET object-lock", "object-lock", ""),
    ("s3:GET requestPayment", "requester-pays", ""),
];

#[test]
fn garbage_where_a_setting_was_asked_is_unknown_and_told() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    for (what, body) in garbage() {
        for (action, id, setting) in SETTINGS {
            cloud.forget();
            cloud.clear_script();
            cloud.script(action, None, Scripted::answer("s3", body.as_str()));
            let context = format!("{what} for {action}");
            if !id.is_empty() {
                let outcome = sane(cloud.run(&["verify", "--role", &bucket, "--output", "json"]));
                let verdict = outcome.json();
                let checks = verdict["checks"].as_array().unwrap();
                let check = checks.iter().find(|check| check["id"] == id).unwrap();
                assert_eq!(check["status"], "unknown", "{context}: {check}");
                let summary = check["summary"].as_str().unwrap();
                assert!(summary.contains("makes no sense"), "{context}: {summary}");
            }
            if !setting.is_empty() {
                let outcome = sane(cloud.run(&["setup", "--bucket", &bucket, "--yes"])).exits(0);
                outcome.says(&format!("the bucket's {setting} cannot be read"));
                assert_eq!(cloud.writes(), Vec::<String>::new(), "{context}");
            }
        }
    }
}

/// Answers of the right kind that say nothing. S3 answers what is not set with an error, so these do not mean "not
/// set".
const EMPTY: [(&str, &str); 11] = [
    ("s3:GET policy", "{}"),
    ("s3:GET policy", r#"{"a":1}"#),
    ("s3:GET policy", r#"{"Version":"2012-10-17"}"#),
    ("s3:GET policy", r#"{"Statement":[]}"#),
    ("s3:GET policy", r#"{"Statement":{}}"#),
    ("s3:GET policy", r#"{"Statement":[{"Effect":"deny"}]}"#),
    ("s3:GET lifecycle", "<LifecycleConfiguration/>"),
    ("s3:GET encryption", "<ServerSideEncryptionConfiguration/>"),
    ("s3:GET publicAccessBlock", "<PublicAccessBlockConfiguration/>"),
    ("s3:GET ownershipControls", "<OwnershipControls/>"),
    ("s3:GET ownershipControls", "<OwnershipControls></OwnershipControls>"),
];

#[test]
fn an_answer_that_says_nothing_is_never_written_over_what_is_there() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    for (action, body) in EMPTY {
        cloud.forget();
        cloud.clear_script();
        cloud.script(action, None, Scripted::answer("s3", body));
        let outcome = sane(cloud.run(&["setup", "--bucket", &bucket, "--yes"])).exits(0);
        outcome.says("cannot be read");
        assert_eq!(cloud.writes(), Vec::<String>::new(), "{body} for {action}");
    }
}

#[test]
fn garbage_where_something_has_to_be_known_is_an_error() {
    for (what, body) in garbage() {
        for (action, arguments) in [
            ("sts:GetCallerIdentity", vec!["verify"]),
            ("iam:GetRole", vec!["print-details", "--role", "x"]),
            ("iam:ListRoles", vec!["verify"]),
            ("iam:CreateRole", vec!["setup", "--yes", "--bucket", "acme-export"]),
            (
                "kms:DescribeKey",
                vec![
                    "setup",
                    "--yes",
                    "--bucket",
                    "acme-export",
                    "--encryption",
                    "kms",
                    "--kms-key",
                    "alias/x",
                ],
            ),
        ] {
            let cloud = Cloud::start();
            let service = action.split(':').next().unwrap();
            cloud.script(action, None, Scripted::answer(service, &*body));
            let outcome = sane(cloud.run(&arguments));
            let context = format!("{what} for {action}:\n{}", outcome.stderr);
            assert_ne!(outcome.code, 0, "{context}");
            assert!(outcome.stderr.contains("makes no sense"), "{context}");
            assert!(cloud.count(action) <= 2, "{context}");
        }
    }
}

#[test]
fn documents_far_beyond_what_aws_keeps_are_no_answers() {
    let statement = r#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}"#;
    let many = vec![statement; 5000].join(",");
    let deep = format!("{{\"Statement\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let documents = [
        ("many statements", format!("{{\"Statement\":[{many}]}}")),
        ("deep", deep),
        ("white space", format!("{{{}}}", " ".repeat(200_000))),
        ("cut off", "{\"Statement\":[{\"Effect\":".to_owned()),
    ];
    for (what, document) in &documents {
        let escaped = document.replace('"', "&quot;");
        let role = format!(
            "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>x</RoleName><RoleId>AROA</RoleId><Arn>arn:\
             aws:iam::123456789012:role/x</Arn><CreateDate>2024-01-01T00:00:00Z</\
             CreateDate><AssumeRolePolicyDocument>{escaped}</AssumeRolePolicyDocument></Role></GetRoleResult></\
             GetRoleResponse>"
        );
        let cloud = Cloud::start();
        cloud.script("iam:GetRole", None, Scripted::answer("iam", role.as_str()));
        let outcome = sane(cloud.run(&["print-details", "--role", "x"])).exits(1);
        outcome.says("the policy document");
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        cloud.setup(&[]).exits(0);
        cloud.script("s3:GET policy", None, Scripted::answer("s3", document));
        let outcome = sane(cloud.run(&["verify", "--role", &bucket, "--output", "json"]));
        let told = outcome.stdout.contains("the policy document");
        assert!(told, "{what}:\n{}", outcome.stdout);
    }
}

#[test]
fn a_body_that_does_not_end_is_cut_off_and_one_that_drips_has_a_deadline() {
    let flood = "<!-- ...................................................................... -->";
    let flood: &'static str = flood.repeat(2000).leak();
    for (action, begins) in [
        ("sts:GetCallerIdentity", "<GetCallerIdentityResponse>"),
        ("iam:ListRoles", "<ListRolesResponse>"),
    ] {
        let arguments = ["verify"];
        let cloud = Cloud::start();
        let endless = Scripted::Endless(begins, flood, Duration::ZERO);
        cloud.script(action, None, endless);
        let outcome = sane(cloud.run(&arguments)).exits(1);
        outcome.says("the answer has more than 16777216 bytes");
        assert_eq!(cloud.count(action), 1);

        let cloud = Cloud::start();
        let drip = Scripted::Endless(begins, " ", Duration::from_millis(50));
        cloud.script(action, None, drip);
        let began = Instant::now();
        let outcome = cloud.run(&[&arguments[..], &["--timeout", "1"]].concat());
        sane(outcome).exits(1).says("no answer within the deadline");
        // A bound against dripping for ever, far above what it takes.
        assert!(began.elapsed() < Duration::from_secs(30));
        assert!(cloud.count(action) <= 4);
    }
}

#[test]
fn nobody_is_followed_to_another_host() {
    let elsewhere = Cloud::start();
    let bucket = elsewhere.bucket();
    for status in [301, 302, 303, 307, 308] {
        let cloud = Cloud::start();
        let to = vec![("location", format!("{}/elsewhere", elsewhere.endpoint()))];
        cloud.script("*", None, Scripted::Answer(status, to, String::new()));
        for arguments in [
            vec!["verify", "--role", "x"],
            vec!["setup", "--yes", "--bucket", &bucket],
            vec!["teardown", "--yes", "--role", "x"],
        ] {
            let outcome = sane(cloud.run(&arguments));
            assert_ne!(outcome.code, 0, "{status}: {}", outcome.stderr);
        }
    }
    assert!(elsewhere.calls().is_empty(), "{:?}", elsewhere.calls());
}

/// The SDK has assertions about this header, which a debug build would have turned into panics.
#[test]
fn a_time_to_wait_is_no_defect() {
    let mut cases = Vec::new();
    for (action, code) in [("*", 1), ("s3:PUT policy", 6), ("s3:PUT lifecycle", 6)] {
        for wait in ["50", "18446744073709551615"] {
            for error in ["ServiceUnavailable", "InternalError", "NoSuchThing", "Throttling"] {
                cases.push((action, code, wait, error));
            }
        }
    }
    side_by_side(&cases, |&(action, code, wait, error)| {
        let cloud = Cloud::start();
        let Scripted::Answer(_, mut headers, body) = Scripted::error("s3", 503, error, "no") else {
            unreachable!("an error is an answer");
        };
        headers.push(("x-amz-retry-after", wait.to_owned()));
        cloud.script(action, None, Scripted::Answer(503, headers, body));
        // An attempt of another call has a third of this, which it never needs.
        let outcome = sane(cloud.setup(&["--timeout", "6"]));
        assert_eq!(outcome.code, code, "{action} {wait} {error}: {}", outcome.stderr);
    });
}

#[test]
fn shapes_that_break_parsers_break_nothing() {
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=\"b\"")).collect();
    let same = " a=\"b\"".repeat(100_000);
    let nested = "<a>".repeat(300_000) + &"</a>".repeat(300_000);
    let entities = "&lol;".repeat(10_000);
    let bodies = [
        format!("<GetCallerIdentityResponse{attributes}></GetCallerIdentityResponse>"),
        format!("<GetCallerIdentityResponse{same}></GetCallerIdentityResponse>"),
        format!("<GetCallerIdentityResponse>{nested}</GetCallerIdentityResponse>"),
        format!("<GetCallerIdentityResponse>{entities}</GetCallerIdentityResponse>"),
        format!(
            "<!DOCTYPE x [<!ENTITY lol \"lol\"><!ENTITY lol2 \
             \"{entities}\">]><GetCallerIdentityResponse>&lol2;</GetCallerIdentityResponse>"
        ),
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn></\
         GetCallerIdentityResult></GetCallerIdentityResponse>"
            .to_owned(),
    ];
    for body in bodies {
        let cloud = Cloud::start();
        cloud.script("sts:GetCallerIdentity", None, Scripted::answer("sts", body.as_str()));
        let began = Instant::now();
        let outcome = sane(cloud.run(&["verify", "--role", "x", "--timeout", "5"]));
        assert_ne!(outcome.code, 0);
        assert!(began.elapsed() < Duration::from_secs(30), "{:.80}", body);
    }
    let deep = "{\"KeyMetadata\":".repeat(200_000);
    let cloud = Cloud::start();
    cloud.script("kms:DescribeKey", None, Scripted::answer("kms", deep.as_str()));
    let arguments = [
        "setup",
        "--yes",
        "--bucket",
        "acme-x",
        "--encryption",
        "kms",
        "--kms-key",
        "alias/x",
    ];
    sane(cloud.run(&arguments)).says("makes no sense");
}

/// Real answers of whole runs, with some bytes changed, dropped, doubled or cut off. Each run has a seed, which the
/// failure names.
#[test]
fn mutated_answers_end_every_run_in_time() {
    let seeds: Vec<u64> = (0..48).collect();
    side_by_side(&seeds, |&seed| {
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        if !seed.is_multiple_of(3) {
            cloud.setup(&[]).exits(0);
        }
        cloud.forget();
        cloud.script("*", None, Scripted::Mutated(seed * 7919 + 1));
        let arguments = match seed % 5 {
            0 => vec!["setup", "--yes", "--bucket", &bucket, "--timeout", "2"],
            1 => vec!["verify", "--role", &bucket, "--timeout", "2"],
            2 => vec!["print-details", "--timeout", "2"],
            3 => vec![
                "teardown",
                "--yes",
                "--role",
                &bucket,
                "--delete-bucket",
                "--timeout",
                "6",
            ],
            _ => vec![
                "setup",
                "--yes",
                "--bucket",
                &bucket,
                "--encryption",
                "kms",
                "--create-kms-key",
                "--timeout",
                "6",
            ],
        };
        let outcome = sane(cloud.run(&arguments));
        let requests = cloud.calls().len();
        assert!(requests < 500, "seed {seed}: {requests} requests\n{}", outcome.stderr);
    });
}
