//! `verify`: sound set-ups, set-ups that are broken in AWS itself, what may not be read, and the live proof. Each way
//! of being broken has its own row in the unit tests of the checks; here a few go the whole way.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, kms, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, TOKEN, side_by_side};

const OTHER_TOKEN: &str = "feedfacefeedfacefeedfacefeedface";

/// Every way to encrypt.
const ENCRYPTIONS: [&[&str]; 4] = [
    &["--encryption", "none"],
    &["--encryption", "aes"],
    &["--encryption", "kms"],
    &["--encryption", "kms", "--create-kms-key"],
];

/// The IDs of the checks that came to something, such as `fail bucket-exists`; what no account can see is left out.
fn told(outcome: &Outcome) -> Vec<String> {
    let verdict = outcome.json();
    let checks = verdict["checks"].as_array().expect("checks");
    let told = checks.iter().filter_map(|check| {
        let (status, id) = (check["status"].as_str()?, check["id"].as_str()?);
        let quiet = ["pass", "skipped"].contains(&status) || id.starts_with("rcp-");
        // Emulators have no simulator, or one of their own.
        (!quiet && id != "scp" && id != "simulator-agrees").then(|| format!("{status} {id}"))
    });
    told.collect()
}

fn verify(cloud: &Cloud, more: &[&str]) -> Outcome {
    let arguments = [&["verify", "--output", "json"], more].concat();
    cloud.run(&arguments)
}

fn bucket_denies(cloud: &Cloud, bucket: &str, condition: &Value) {
    let policy = statements(json!([
        { "Sid": "Plain", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
          "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
          "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
        { "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
          "Resource": format!("arn:aws:s3:::{bucket}/*"), "Condition": condition },
    ]));
    cloud.set_bucket_policy(bucket, &policy);
}

#[test]
fn a_set_up_of_ours_is_sound_with_every_encryption() {
    for encryption in ENCRYPTIONS {
        let cloud = Cloud::start();
        cloud.setup(encryption).exits(0).says("checks pass");
        cloud.forget();
        let outcome = verify(&cloud, &["--project-token", TOKEN]).exits(0);
        assert_eq!(told(&outcome), Vec::<String>::new(), "{encryption:?}");
        let verdict = outcome.json();
        assert_eq!(verdict["verdict"], "pass");
        assert!(verdict["access"].as_array().unwrap().len() >= 11);
        assert!(cloud.writes().is_empty(), "it only reads");
    }
}

/// `setup` ends with the judgement that `verify` gives right afterwards: of a new bucket, of a run with nothing to do,
/// and of a bucket of somebody's.
#[test]
fn setup_ends_with_the_judgement_that_verify_gives() {
    let same = |cloud: &Cloud, encryption: &[&str]| {
        let setup = cloud.setup(&[encryption, &["--output", "json"]].concat());
        let setup = setup.exits(0).json()["judgement"].clone();
        let verdict = verify(cloud, &["--project-token", TOKEN]).exits(0).json();
        assert_eq!(setup, verdict["judgement"], "{encryption:?}: {verdict:#}");
        assert!(setup["pass"].as_u64().unwrap() > 30, "{setup}");
    };
    for encryption in ENCRYPTIONS {
        let cloud = Cloud::start();
        same(&cloud, encryption);
        same(&cloud, encryption);
        let theirs = Cloud::start();
        let bucket = theirs.bucket();
        theirs.bucket_by_hand(&bucket, "eu-west-1");
        theirs.keep_versions(&bucket);
        theirs.put_object(&bucket, "2195193/mp_people_data/export.json.gz");
        theirs.role_by_hand("other", &trust(USER, Some(OTHER_TOKEN)), &[data(&bucket)]);
        let role = ["--role-name", "export"];
        let ours = |more: &[&str]| theirs.setup(&[encryption, &role, more].concat());
        let setup = ours(&["--output", "json"]).exits(0).json()["judgement"].clone();
        let verdict = verify(&theirs, &["--project-token", TOKEN, "--role", "export"]).exits(0);
        assert_eq!(setup, verdict.json()["judgement"], "{encryption:?}");
        assert_eq!(setup["verdict"], "warn");
    }
}

#[test]
fn a_decision_is_explained_step_by_step_and_ends_with_the_verdict() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let bucket = cloud.bucket();
    let vpc = json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1" } });
    bucket_denies(&cloud, &bucket, &vpc);
    let refused = cloud.run(&["verify", "--explain", "s3:putobject"]).exits(4);
    insta::assert_snapshot!("explain_refused", undated(&refused.stdout));
    refused.says("s3:PutObject is refused: denied by statement 2 (Theirs)");
    let allowed = cloud.run(&["verify", "--explain", "s3:ListBucket"]).exits(0);
    let last = allowed.stdout.trim_end().lines().last().unwrap();
    assert!(last.starts_with("ALLOWED by statement 1"), "{last}");

    let json = cloud.run(&["verify", "--explain", "s3:PutObject", "--output", "json"]);
    let json = json.exits(4).json();
    assert_eq!(json["action"], "s3:PutObject");
    let explained = json["explained"].as_array().unwrap();
    assert_eq!(explained.len(), 3, "a call for each folder");
    for call in explained {
        assert_eq!(call["decision"], "denied");
        let steps: Vec<&str> = call["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["step"].as_str().unwrap())
            .collect();
        let order = [
            "explicit-deny",
            "resource-control-policies",
            "service-control-policies",
            "resource-based-policy",
            "identity-based-policies",
            "permissions-boundary",
            "session-policies",
        ];
        assert_eq!(steps, order);
        assert_eq!(call["steps"][0]["outcome"], "denies");
        let theirs = &call["steps"][0]["statements"][1];
        assert_eq!(theirs["matched"], "yes");
        let condition = theirs["elements"].as_array().unwrap().last().unwrap();
        assert_eq!(condition["key"], "aws:SourceVpce");
        assert_eq!(condition["in_policy"], json!(["vpce-1"]));
        assert_eq!(condition["in_call"]["is"], "absent");
    }
    let assumed = ["verify", "--explain", "sts:AssumeRole", "--project-token", OTHER_TOKEN];
    let assumed = cloud.run(&assumed).exits(4);
    assert!(
        assumed
            .stdout
            .contains("StringEquals sts:ExternalId \"0123…cdef\" does not"),
        "{}",
        assumed.stdout
    );
    for token in [TOKEN, OTHER_TOKEN] {
        assert!(!assumed.stdout.contains(token) && !assumed.stderr.contains(token));
    }
    let none = cloud.run(&["verify", "--explain", "kms:Decrypt"]).exits(0);
    let says = "Nobody has to allow kms:Decrypt: the set-up uses no KMS key of your own.";
    assert_eq!(none.stdout.trim_end(), says);
    let gone = ["verify", "--explain", "s3:PutObject", "--role", "gone"];
    let gone = cloud.run(&gone).exits(4);
    gone.says("There is nothing to decide about s3:PutObject: the role is not there");
    let unheard = cloud.run(&["verify", "--explain", "s3:PutBucketPolicy"]).exits(2);
    unheard.says("possible values: sts:AssumeRole, s3:ListBucket, s3:PutObject");
}

/// A text without the day of the export that is asked for.
fn undated(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("mp_master_event/2") {
        let (before, after) = rest.split_at(at + "mp_master_event/".len());
        shown.push_str(before);
        shown.push_str("YYYY/MM/DD");
        rest = &after["2026/11/26".len()..];
    }
    shown + rest
}

#[test]
fn a_set_up_made_by_hand_works_and_could_be_better() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let key = cloud.key_by_hand();
    let documents = [data(&bucket), kms(&key)];
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &documents);
    let outcome = verify(&cloud, &["--project-token", TOKEN]).exits(0);
    assert!(
        told(&outcome).iter().all(|told| told.starts_with("warn ")),
        "{:?}",
        told(&outcome)
    );
    assert_eq!(outcome.json()["verdict"], "warn");
}

#[test]
fn what_is_broken_in_aws_fails_one_check_and_the_screen_says_how_to_mend_it() {
    type Break = fn(&Cloud, &str);
    let table: [(&str, Break); 6] = [
        ("fail trust-external-id", |cloud, role| {
            cloud.set_trust(role, &trust(USER, Some(OTHER_TOKEN)));
        }),
        ("fail policy-attached", |cloud, role| {
            cloud.detach(role, &cloud.data_policy());
        }),
        ("fail kms-iam-actions", |cloud, role| {
            cloud.detach(role, &cloud.key_policy());
        }),
        ("fail bucket-policy-sse", |cloud, bucket| {
            let aes = json!({ "StringNotEquals": { "s3:x-amz-server-side-encryption": "AES256" } });
            bucket_denies(cloud, bucket, &aes);
        }),
        ("unknown bucket-policy-network", |cloud, bucket| {
            let address = json!({ "NotIpAddress": { "aws:SourceIp": "203.0.113.0/24" } });
            bucket_denies(cloud, bucket, &address);
        }),
        ("fail kms-state", |cloud, _| cloud.disable_key(&cloud.own_key())),
    ];
    for (expected, make) in table {
        let cloud = Cloud::start();
        cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
        make(&cloud, &cloud.bucket());
        // The role's name is given, since it is found by its trust.
        let bucket = cloud.bucket();
        let more = ["--role", &bucket, "--bucket", &bucket, "--project-token", TOKEN];
        let code = if expected.starts_with("fail") { 4 } else { 0 };
        let outcome = verify(&cloud, &more).exits(code);
        assert_eq!(told(&outcome), [expected]);
        assert!(!outcome.stdout.contains(TOKEN) && !outcome.stdout.contains(OTHER_TOKEN));
        let screen = cloud.run(&[&["verify"], &more[..]].concat()).exits(code);
        assert!(screen.stdout.contains("mend: "), "{}", screen.stdout);
        assert!(!screen.stdout.contains(TOKEN), "{}", screen.stdout);
    }
}

#[test]
fn a_broken_screen_reads_well() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let unencrypted = json!({ "Null": { "s3:x-amz-server-side-encryption": "true" } });
    bucket_denies(&cloud, &cloud.bucket(), &unencrypted);
    let arguments = ["verify", "--encryption", "none", "--project-token", OTHER_TOKEN];
    let screen = cloud.run(&arguments).exits(4);
    // What an emulator's simulator says is its own.
    let blocks = screen.stdout.split("\n\n");
    let shown: Vec<&str> = blocks
        .filter(|block| !block.contains(" scp\n") && !block.contains(" simulator-agrees\n"))
        .filter(|block| !block.starts_with("FAIL: "))
        .collect();
    insta::assert_snapshot!("verify_broken", shown.join("\n\n"));
    let last = screen.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("FAIL: Mixpanel cannot write (trust-external-id, bucket-policy-sse)."),
        "{last}"
    );
    // Commands, documents and the line for a ticket stay in one piece, to be copied.
    for line in screen.stdout.lines().filter(|line| line.chars().count() > 80) {
        let whole = ["mend: ", "then: ", "          + ", "          - "]
            .iter()
            .any(|label| line.contains(label));
        assert!(whole || line == last, "{line}");
    }
}

#[test]
fn what_may_not_be_read_is_unknown_and_stops_nothing() {
    for (call, told_as, permission) in [
        (
            "iam:ListAttachedRolePolicies",
            "policy-attached",
            "iam:ListAttachedRolePolicies",
        ),
        ("iam:GetPolicyVersion", "policy-attached", "iam:GetPolicyVersion"),
        ("s3:GET policy", "bucket-policy-principal", "s3:GetBucketPolicy"),
        (
            "s3:GET encryption",
            "ui-encryption-mismatch",
            "s3:GetEncryptionConfiguration",
        ),
        ("s3:GET lifecycle", "mpu-residue", "s3:GetLifecycleConfiguration"),
        ("s3:GET publicAccessBlock", "bpa", "s3:GetBucketPublicAccessBlock"),
        (
            "s3:GET ownershipControls",
            "acl-ownership",
            "s3:GetBucketOwnershipControls",
        ),
        ("s3:GET versioning", "versioning-growth", "s3:GetBucketVersioning"),
        (
            "s3:GET object-lock",
            "object-lock",
            "s3:GetBucketObjectLockConfiguration",
        ),
        ("s3:GET requestPayment", "requester-pays", "s3:GetBucketRequestPayment"),
        ("kms:GetKeyPolicy", "kms-key-policy", "kms:GetKeyPolicy"),
        ("kms:DescribeKey", "kms-state", "kms:DescribeKey"),
        ("iam:SimulatePrincipalPolicy", "scp", "iam:SimulatePrincipalPolicy"),
        ("iam:GetRole", "role-exists", "iam:GetRole"),
    ] {
        let cloud = Cloud::start();
        cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
        let service = call.split(':').next().unwrap();
        let code = if service == "kms" {
            "AccessDeniedException"
        } else {
            "AccessDenied"
        };
        let status = if service == "kms" { 400 } else { 403 };
        cloud.script(call, None, Scripted::error(service, status, code, "no"));
        let bucket = cloud.bucket();
        let outcome = verify(&cloud, &["--role", &bucket, "--bucket", &bucket]).exits(0);
        let verdict = outcome.json();
        let checks = verdict["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == told_as).unwrap();
        assert_eq!(check["status"], "unknown", "{call}: {check:#}");
        assert!(check.to_string().contains(permission), "{call}: {check:#}");
        let passed = checks.iter().filter(|check| check["status"] == "pass");
        assert!(passed.count() > 5, "{call}: the rest is judged");
    }
}

#[test]
fn a_bucket_that_is_gone_or_somebody_elses_is_told() {
    let refused = || Scripted::bare(403, Vec::new());
    let bucket_of = |cloud: &Cloud| cloud.bucket();
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.script("s3:HEAD", None, Scripted::bare(404, Vec::new()));
    assert_eq!(told(&verify(&cloud, &[]).exits(4)), ["fail bucket-exists"]);

    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.script("s3:HEAD", None, refused());
    let listed = "<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>";
    let none = Scripted::answer("s3", listed);
    cloud.script("s3:GET", None, none);
    let outcome = verify(&cloud, &["--bucket", &bucket_of(&cloud)]).exits(4);
    assert_eq!(told(&outcome), ["fail bucket-owner"]);

    // Open to everybody, and not ours: 403 with ExpectedBucketOwner, 200 without.
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.script("s3:HEAD", Some(1), refused());
    let denied = Scripted::error("s3", 403, "AccessDenied", "no");
    cloud.script("s3:GET policy", None, denied);
    let outcome = verify(&cloud, &[]).exits(4);
    let told = told(&outcome);
    assert!(told.contains(&"fail bucket-owner".to_owned()), "{told:?}");
}

#[test]
fn without_a_role_that_trusts_mixpanel_or_with_a_wrong_arn_it_says_so() {
    let cloud = Cloud::start();
    cloud.run(&["verify"]).exits(4).says("No role in this account trusts");
    let outcome = verify(&cloud, &["--role", "no-such-role"]).exits(4);
    assert_eq!(told(&outcome), ["fail role-exists"]);
    cloud.setup(&[]).exits(0);
    let shortened = format!("arn:aws:iam:::role/{}", cloud.bucket());
    let outcome = verify(&cloud, &["--role", &shortened]).exits(4);
    assert_eq!(told(&outcome), ["fail role-arn-shape"]);
    let outcome = verify(&cloud, &["--region", "us-east-1"]).exits(4);
    assert_eq!(told(&outcome), ["fail bucket-region"]);
    cloud
        .run(&["verify", "--project-id", TOKEN])
        .exits(2)
        .says("--project-id");
    cloud
        .run(&["verify", "--kms-key", "alias/x"])
        .exits(2)
        .says("goes with --encryption kms");
}

#[test]
fn a_live_proof_shows_what_mixpanel_can_do_and_leaves_nothing() {
    let cloud = Cloud::start();
    cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
    cloud.let_plain_http_in();
    let before = cloud.everything();
    cloud.forget();
    let outcome = cloud.run(&["verify", "--live", "--yes"]).exits(0);
    outcome
        .says("the stand-in cannot be assumed without an ExternalId")
        .says("an object can be written in parts")
        .says("everything that was made for it is removed")
        .says("What the live proof does not show");
    assert_eq!(cloud.everything(), before);
    let bodies: Vec<String> = cloud.calls().into_iter().map(|call| call.action).collect();
    assert!(bodies.contains(&"iam:CreateRole".to_owned()));
    assert!(
        !bodies.contains(&"iam:UpdateAssumeRolePolicy".to_owned()),
        "the real role is not touched"
    );
}

#[test]
fn a_live_refusal_is_a_finding_and_what_cannot_be_removed_is_told() {
    let message = "not authorized to perform: x with an explicit deny in a service control policy";
    let denied = || Scripted::error("s3", 403, "AccessDenied", message);
    let cases = [
        ("s3:PUT object", "fail live-put", 4),
        ("s3:POST uploads", "fail live-multipart", 4),
        // Refused to the stand-in alone, it is removed by who proves; refused to all, it stays.
        ("s3:DELETE object", "fail live-delete", 4),
        ("s3:DELETE object", "fail live-delete", 6),
    ];
    side_by_side(&cases, |&(action, expected, code)| {
        let cloud = Cloud::start();
        cloud.setup(&[]).exits(0);
        cloud.let_plain_http_in();
        let before = cloud.everything();
        match code {
            4 => cloud.script_for_roles(action, denied()),
            _ => cloud.script(action, None, denied()),
        }
        // A refusal is believed after a third of this; an attempt of what is answered never needs as much.
        let outcome = verify(&cloud, &["--live", "--yes", "--timeout", "6"]).exits(code);
        assert!(told(&outcome).contains(&expected.to_owned()), "{outcome:?}");
        assert!(outcome.stdout.contains("service control policy"), "{outcome:?}");
        cloud.clear_script();
        if code == 6 {
            outcome.says("left something behind").says("aws s3 rm --recursive");
            assert_ne!(cloud.everything(), before);
        } else {
            assert_eq!(cloud.everything(), before);
        }
    });
}

#[test]
fn a_live_proof_is_agreed_to_and_leaves_alone_what_it_does_not_know() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.forget();
    cloud
        .run(&["verify", "--live"])
        .exits(2)
        .says("nobody is there to be asked");
    assert!(cloud.calls().is_empty(), "it is said before anything is asked");

    let probe = format!("{}-probe", cloud.bucket());
    cloud.role_by_hand(&probe, &trust(USER, Some(OTHER_TOKEN)), &[]);
    let before = cloud.everything();
    let outcome = cloud.run(&["verify", "--live", "--yes", "--role", &cloud.bucket()]);
    outcome.exits(1).says("it is not touched");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn setup_says_what_it_could_not_judge() {
    let cloud = Cloud::start();
    let made = cloud.setup(&[]).exits(0);
    assert!(!made.stderr.contains("not known:"), "{}", made.stderr);
    let denied = Scripted::error("s3", 403, "AccessDenied", "not authorized");
    cloud.script("s3:GET lifecycle", None, denied);
    cloud.setup(&[]).says("not known: lifecycle-expiry");
}

#[test]
fn what_hangs_on_something_that_was_not_read_is_unknown_and_not_skipped() {
    for (action, spared) in [
        ("iam:GetRole", &[][..]),
        ("iam:ListAttachedRolePolicies", &["kms-throttle"]),
        ("iam:GetPolicyVersion", &[]),
    ] {
        let cloud = Cloud::start();
        cloud.setup(&["--encryption", "kms"]).exits(0);
        cloud.script(action, None, Scripted::answer("iam", "<html>sign in</html>"));
        let outcome = cloud.run(&["verify", "--role", &cloud.bucket(), "--output", "json"]);
        let verdict = outcome.json();
        let skipped: Vec<&str> = verdict["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["status"] == "skipped")
            .filter_map(|check| check["id"].as_str())
            .filter(|id| !spared.contains(id))
            .collect();
        assert!(skipped.is_empty(), "{action}: {skipped:?}");
    }
}

#[test]
fn a_token_that_was_not_compared_is_no_pass() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let verify = |output: &str| {
        let home = tempfile::tempdir().unwrap();
        let mut command = cloud.command(&home, &["verify", "--output", output]);
        crate::support::program::run(command.env_remove("MIXPANEL_PROJECT_TOKEN")).exits(0)
    };
    let text = verify("text").stdout;
    for words in [
        "UNKNOWN trust-external-id\n  The token was not compared: the role trusts 0123…cdef.",
        "Set MIXPANEL_PROJECT_TOKEN",
        "cannot be known from here (trust-external-id)",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(verify("json").json()["verdict"], "unknown");
}

#[test]
fn what_is_open_and_what_cannot_write_are_two_verdicts() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let judged = |word: &str, verdict: &str| {
        let text = cloud.run(&["verify", "--role", &bucket]).exits(4).stdout;
        assert!(text.contains(&format!("\n{word}: ")), "{text}");
        let json = cloud.run(&["verify", "--role", &bucket, "--output", "json"]);
        assert_eq!(json.exits(4).json()["verdict"], verdict);
    };
    cloud.set_trust(&bucket, &trust(USER, None));
    judged("UNSAFE", "unsafe");
    cloud.set_trust(&bucket, &trust(USER, Some("fedcba9876543210fedcba9876543210")));
    judged("FAIL", "fail");
}
