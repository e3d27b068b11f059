//! The ways in which a set-up is broken, each with the check whose commands mend it.

mod bucket;
mod key;
mod role;

use serde_json::{Value, json};

use crate::support::Cloud;
use crate::support::by_hand::statements as document;

/// What the commands of a row need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// This program alone.
    Program,
    /// The AWS CLI too.
    AwsCli,
}

/// What the check comes to afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It passes, or has nothing to tell any more.
    Passes,
    /// It can never be known, and the check offers nothing any more.
    OffersNothing,
}

/// What is asked of AWS that the emulators cannot do, and what AWS answers from then on.
pub struct Asked {
    /// The action.
    pub action: &'static str,
    /// A text of the request.
    pub text: &'static str,
    /// Has the script answer as AWS does afterwards.
    pub then: fn(&Cloud),
}

/// A way in which a set-up is broken.
pub struct Row {
    /// The check.
    pub id: &'static str,
    /// In what way.
    pub name: &'static str,
    /// What its commands need.
    pub tool: Tool,
    /// The flags of the `setup` that it begins with; without any, what is there is made by hand.
    pub setup: &'static [&'static str],
    /// Breaks it; the role has the bucket's name.
    pub breaks: fn(&Cloud, &str),
    /// The flags of `verify`.
    pub verify: fn(&Cloud) -> Vec<String>,
    /// Whether the project's token is in the environment.
    pub has_token: bool,
    /// What the check comes to before.
    pub before: &'static str,
    /// What it comes to afterwards.
    pub after: Outcome,
    /// What `setup` asks for at a terminal, as the flags that answer it.
    pub answers: fn(&Cloud) -> Vec<String>,
    /// How `setup` exits: 4 where something else is left to mend, which it then tells.
    pub exits: i32,
    /// What the commands have to ask of AWS that the emulators cannot do.
    pub asks: Option<Asked>,
    /// What holds afterwards besides.
    pub holds: fn(&Cloud, &str) -> Result<(), String>,
}

/// A row of the usual kind: a set-up of ours without a key, broken in some way, that fails.
const ROW: Row = Row {
    id: "",
    name: "",
    tool: Tool::Program,
    setup: &["--encryption", "aes"],
    breaks: |_, _| {},
    verify: named,
    has_token: true,
    before: "fail",
    after: Outcome::Passes,
    answers: |_| Vec::new(),
    exits: 0,
    asks: None,
    holds: |_, _| Ok(()),
};

/// The same, mended with the AWS CLI.
const BY_CLI: Row = Row {
    tool: Tool::AwsCli,
    ..ROW
};

const WITH_KEY: &[&str] = &["--encryption", "kms", "--create-kms-key"];

/// Every row.
pub fn all() -> Vec<Row> {
    let mut rows = role::rows();
    rows.extend(bucket::rows());
    rows.extend(key::rows());
    rows
}

pub use key::of_the_form;

/// Checks whose commands are no row of the table, and where they are tried, or why they cannot be.
pub const ELSEWHERE: &[(&str, &str)] = &[(
    "ui-encryption-mismatch",
    "it is mended in Mixpanel's form; the command only judges again, and has a test of its own",
)];

/// Checks that offer no command, and why.
pub const ADVICE_ONLY: &[(&str, &str)] = &[
    ("partition", "it takes another account"),
    ("role-arn-shape", "it is mended in Mixpanel's form"),
    ("permissions-boundary", "whoever owns the boundary changes it"),
    ("bucket-region", "it is mended in Mixpanel's form"),
    ("bucket-owner", "it takes another bucket, or its owner's consent"),
    ("bucket-other-account", "the bucket's owner changes its policy"),
    ("bucket-shared", "nothing has to be mended"),
    ("dots-in-name", "it takes another bucket"),
    ("kms-other-account", "the key's owner changes its policy"),
    ("scp", "whoever administers the organization changes it"),
    ("simulator-agrees", "it is a doubt, and not a fault"),
    ("rcp-sts", "whoever administers the organization changes it"),
    ("object-lock", "it takes another bucket"),
    ("role-last-used", "nothing has to be mended"),
    ("export-fresh", "it is mended in Mixpanel"),
];

/// `--role` and `--bucket`: a role that is broken is not found by its trust.
fn named(cloud: &Cloud) -> Vec<String> {
    let bucket = cloud.bucket();
    ["--role", &bucket, "--bucket", &bucket].map(str::to_owned).into()
}

fn with(cloud: &Cloud, more: &[&str]) -> Vec<String> {
    let more = more.iter().map(|flag| (*flag).to_owned());
    named(cloud).into_iter().chain(more).collect()
}

/// The role's trust policy says this from now on.
fn trusts(cloud: &Cloud, role: &str, statements: Value) {
    cloud.set_trust(role, &document(statements));
}

/// The set-up's policy of that kind, `s3` or `kms`.
fn policy_arn(cloud: &Cloud, kind: &str) -> String {
    cloud.policy_arn(&format!("{}-{kind}", cloud.bucket()))
}

/// That policy says this from now on.
fn grants(cloud: &Cloud, kind: &str, statements: Value) {
    cloud.set_policy(&policy_arn(cloud, kind), &document(statements));
}

fn detaches(cloud: &Cloud, role: &str, kind: &str) {
    cloud.detach(role, &policy_arn(cloud, kind));
}

/// The statement of the bucket's policy that refuses plain HTTP.
fn plain(bucket: &str) -> Value {
    json!({
        "Sid": "Plain", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}

/// The bucket's policy says this from now on.
fn bucket_says(cloud: &Cloud, bucket: &str, statements: Value) {
    cloud.set_bucket_policy(bucket, &document(statements));
}

fn role_arn(cloud: &Cloud, name: &str) -> String {
    format!("arn:aws:iam::{}:role/{name}", cloud.account)
}
