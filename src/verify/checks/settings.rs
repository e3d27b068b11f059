//! What is set on the bucket: Object Lock, lifecycle rules, versions, who pays, ACLs, public access, and plain HTTP.

use super::{Check, CheckId, Examined, unread};
use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::names::BucketName;
use crate::observed::{LifecycleRule, Owner, PublicAccess, Reading, owner};
use crate::policy::compare::marked;
use crate::policy::plain_http::refuses_plain_http;
use crate::verify::evidence::BucketFacts;
use crate::verify::freshness::Family;
use crate::verify::{ByHand, Fix};

/// What is set on the bucket.
pub(super) fn checks(case: &Examined<'_>) -> Vec<Check> {
    const IDS: [CheckId; 8] = [
        CheckId::ObjectLock,
        CheckId::LifecycleExpiry,
        CheckId::VersioningGrowth,
        CheckId::MpuResidue,
        CheckId::RequesterPays,
        CheckId::AclOwnership,
        CheckId::Bpa,
        CheckId::PlainHttp,
    ];
    let (Some(facts), Some(bucket)) = (case.evidence.facts(), case.evidence.bucket_name()) else {
        return IDS.map(|id| Check::skipped(id, case.no_bucket())).into();
    };
    vec![
        object_lock(facts),
        lifecycle_expiry(case, facts, bucket),
        versioning_growth(facts, bucket),
        unfinished_uploads(case, facts),
        requester_pays(facts, bucket),
        acls(case, facts),
        public_access(case, facts),
        plain_http(case, facts, bucket),
    ]
}

/// `setup`, which completes a bucket of ours by itself and hardens one of somebody else's on request.
fn hardening(case: &Examined<'_>, facts: &BucketFacts, what: &'static str) -> CommandLine {
    let ours = facts.settings.tags.known().is_some_and(|tags| owner(tags) == Owner::Us);
    match ours {
        true => case.setup_command(&[]),
        false => case.setup_command(&["--harden", what]),
    }
}

fn object_lock(facts: &BucketFacts) -> Check {
    const ID: CheckId = CheckId::ObjectLock;
    const SOURCE: &str = "s3:GetObjectLockConfiguration → DefaultRetention";
    match &facts.retention {
        None => Check::skipped(ID, "it was not read"),
        Some(Reading::Unreadable(denied)) => unread(ID, "Object Lock", denied),
        Some(Reading::Known(None)) => Check::pass(ID, "Object Lock has no default retention").because(SOURCE),
        Some(Reading::Known(Some(retention))) => Check::warn(
            ID,
            format!(
                "Object Lock keeps every new object ({retention}): Mixpanel replaces people's profiles at every run, \
                 and old versions pile up; uploads without a checksum are refused"
            ),
        )
        .because(format!("{SOURCE} {retention}"))
        .mixpanel_sees("InvalidRequest: Content-MD5 OR x-amz-checksum- HTTP header is required")
        .advise("Use a bucket of its own for the export, without a default retention."),
    }
}

fn lifecycle_expiry(case: &Examined<'_>, facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: CheckId = CheckId::LifecycleExpiry;
    const SOURCE: &str = "s3:GetBucketLifecycleConfiguration";
    let rules = match &facts.settings.lifecycle {
        Reading::Unreadable(denied) => {
            return unread(ID, "the bucket's lifecycle rules", denied);
        }
        Reading::Known(lifecycle) => &lifecycle.rules,
    };
    let project = case.subject.project.as_ref().map(|id| id.as_str());
    let found = rules
        .iter()
        .find(|rule| rule.enabled && (rule.expires || rule.archives_to.is_some()) && touches(rule, project));
    match found {
        None => Check::pass(ID, "no lifecycle rule removes or archives exports").because(SOURCE),
        Some(rule) => {
            let does = match &rule.archives_to {
                _ if rule.expires => "removes".to_owned(),
                Some(class) => format!("archives (to {class})"),
                None => "archives".to_owned(),
            };
            let of = match rule.prefix.as_str() {
                "" => "everything".to_owned(),
                prefix => format!("everything under {prefix}"),
            };
            Check::warn(
                ID,
                format!("the lifecycle rule '{}' {does} {of}, exports included", rule.id),
            )
            .because(format!("{SOURCE} → rule '{}', prefix '{}'", rule.id, rule.prefix))
            .mixpanel_sees("nothing: exported data disappears, or cannot be read without being restored")
            .by_hand(
                lifecycle_as_a_file(facts, bucket),
                format!(
                    "switch the rule '{}' off, or give it a prefix that no export begins with",
                    rule.id
                ),
                switched_off(&rule.id),
            )
        }
    }
}

/// Whether a rule is for exports: its prefix and an export's path meet, and it asks for no tag, which Mixpanel gives
/// none.
fn touches(rule: &LifecycleRule, project: Option<&str>) -> bool {
    if rule.tagged {
        return false;
    }
    let prefix = rule.prefix.as_str();
    let meets = |path: &str| path.starts_with(prefix) || prefix.starts_with(path);
    match project {
        Some(project) => Family::ALL.iter().any(|family| meets(&family.prefix(project))),
        None => {
            let folder = prefix.split('/').next().unwrap_or_default();
            folder.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

fn versioning_growth(facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: CheckId = CheckId::VersioningGrowth;
    const SOURCE: &str = "s3:GetBucketVersioning and s3:GetBucketLifecycleConfiguration";
    match (&facts.versioned, &facts.settings.lifecycle) {
        (None, _) => Check::skipped(ID, "it was not read"),
        (Some(Reading::Unreadable(denied)), _) => unread(ID, "whether the bucket keeps versions", denied),
        (Some(Reading::Known(false)), _) => Check::pass(ID, "the bucket keeps no versions").because(SOURCE),
        (_, Reading::Unreadable(denied)) => unread(ID, "the bucket's lifecycle rules", denied),
        (_, Reading::Known(lifecycle))
            if lifecycle
                .rules
                .iter()
                .any(|rule| rule.enabled && rule.expires_noncurrent) =>
        {
            Check::pass(ID, "old versions are removed by a lifecycle rule").because(SOURCE)
        }
        _ => Check::warn(
            ID,
            "the bucket keeps every version, and Mixpanel replaces people's profiles at every run: it grows without \
             end",
        )
        .because(SOURCE)
        .fixed_by(old_versions_removed(facts, bucket)),
    }
}

/// The diff that switches a lifecycle rule off: its ID tells which one.
fn switched_off(id: &str) -> String {
    let field = |name: &str, value: &str| format!("\"{name}\": {}", serde_json::Value::from(value));
    [
        marked(' ', &field("ID", id)),
        marked('-', &field("Status", "Enabled")),
        marked('+', &field("Status", "Disabled")),
    ]
    .concat()
}

/// What removes the versions that are no longer current. There is no file to read where the bucket has no lifecycle
/// rule yet.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html>
fn old_versions_removed(facts: &BucketFacts, bucket: &BucketName) -> Fix {
    let rule = serde_json::json!({
        "ID": "remove-old-versions",
        "Status": "Enabled",
        "Filter": { "Prefix": "" },
        "NoncurrentVersionExpiration": { "NoncurrentDays": 30 },
    });
    let has_rules = facts
        .settings
        .lifecycle
        .known()
        .is_some_and(|lifecycle| !lifecycle.rules.is_empty());
    let [read, write] = lifecycle_as_a_file(facts, bucket);
    match has_rules {
        true => Fix::ByHand(Box::new(ByHand {
            read,
            change: "add this rule to those that are there, with as many days as you may want an old version back"
                .into(),
            diff: marked('+', &format!("{rule:#}")),
            write,
        })),
        false => Fix::Command(
            of_bucket("put-bucket-lifecycle-configuration", facts, bucket)
                .option("--lifecycle-configuration", serde_json::json!({ "Rules": [rule] })),
        ),
    }
}

/// The commands that write a bucket's lifecycle rules to a file, and the file to the bucket.
fn lifecycle_as_a_file(facts: &BucketFacts, bucket: &BucketName) -> [CommandLine; 2] {
    let read = of_bucket("get-bucket-lifecycle-configuration", facts, bucket)
        .option("--query", "{Rules: Rules}")
        .option("--output", "json")
        .written_to("lifecycle.json");
    let write = of_bucket("put-bucket-lifecycle-configuration", facts, bucket)
        .file("--lifecycle-configuration", "lifecycle.json");
    [read, write]
}

/// A call of the AWS CLI that is of the bucket.
pub(super) fn of_bucket(operation: &'static str, facts: &BucketFacts, bucket: &BucketName) -> CommandLine {
    CommandLine::aws(["s3api", operation])
        .option("--region", &facts.settings.region)
        .option("--bucket", bucket)
}

fn unfinished_uploads(case: &Examined<'_>, facts: &BucketFacts) -> Check {
    const ID: CheckId = CheckId::MpuResidue;
    const SOURCE: &str = "s3:GetBucketLifecycleConfiguration → AbortIncompleteMultipartUpload";
    match &facts.settings.lifecycle {
        Reading::Unreadable(denied) => unread(ID, "the bucket's lifecycle rules", denied),
        Reading::Known(lifecycle) if lifecycle.aborts_uploads() => {
            Check::pass(ID, "unfinished uploads are removed").because(SOURCE)
        }
        Reading::Known(_) => Check::warn(ID, "unfinished uploads stay for ever, unseen, and are paid for")
            .because(SOURCE)
            .fix_command(hardening(case, facts, "uploads")),
    }
}

fn requester_pays(facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: CheckId = CheckId::RequesterPays;
    const SOURCE: &str = "s3:GetBucketRequestPayment → Payer";
    match &facts.requester_pays {
        None => Check::skipped(ID, "it was not read"),
        Some(Reading::Unreadable(denied)) => unread(ID, "who pays for requests", denied),
        Some(Reading::Known(false)) => Check::pass(ID, "the bucket's owner pays for requests").because(SOURCE),
        Some(Reading::Known(true)) => Check::warn(
            ID,
            "the requester pays: S3 refuses every request that does not say so, as Mixpanel's may not",
        )
        .because(format!("{SOURCE} Requester"))
        .mixpanel_sees("AccessDenied")
        .fix_command(
            of_bucket("put-bucket-request-payment", facts, bucket)
                .option("--request-payment-configuration", "Payer=BucketOwner"),
        ),
    }
}

fn acls(case: &Examined<'_>, facts: &BucketFacts) -> Check {
    const ID: CheckId = CheckId::AclOwnership;
    let ownership = match &facts.settings.ownership {
        Reading::Unreadable(denied) => return unread(ID, "the bucket's object ownership", denied),
        Reading::Known(ownership) => ownership,
    };
    let source = format!("s3:GetBucketOwnershipControls → ObjectOwnership {}", ownership.setting);
    match ownership.turns_acls_off() {
        true => Check::pass(ID, "ACLs are off, and the bucket's owner owns every object").because(source),
        false => Check::warn(
            ID,
            format!(
                "ACLs are on ({}): an object's ACL can let others read it",
                ownership.setting
            ),
        )
        .because(source)
        .fix_command(hardening(case, facts, "acls")),
    }
}

/// The account's own block, which S3 Control alone shows, may cover the bucket as well; neither ever blocks this
/// export.
fn public_access(case: &Examined<'_>, facts: &BucketFacts) -> Check {
    const ID: CheckId = CheckId::Bpa;
    const SOURCE: &str = "s3:GetPublicAccessBlock";
    match &facts.settings.public_access {
        Reading::Unreadable(denied) => unread(ID, "the bucket's public-access blocks", denied),
        Reading::Known(blocks) if blocks.is_blocked() => {
            Check::pass(ID, "the bucket blocks all public access").because(SOURCE)
        }
        Reading::Known(blocks) => Check::warn(
            ID,
            format!(
                "the bucket does not block public access in every way, unless its account does: {} off",
                match blocks.off.as_slice() {
                    [only] => format!("{only} is"),
                    several if several.len() == PublicAccess::BLOCKS.len() => "all four blocks are".into(),
                    several => format!("{} are", several.join(", ")),
                }
            ),
        )
        .because(format!("{SOURCE} → {}", blocks.off.join(", ")))
        .advise(
            Advice::from("The account's own blocks: ").command(
                CommandLine::aws(["s3control", "get-public-access-block"])
                    .option("--region", &facts.settings.region)
                    .option("--account-id", &case.evidence.caller.account),
            ),
        )
        .fix_command(hardening(case, facts, "public-access")),
    }
}

fn plain_http(case: &Examined<'_>, facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: CheckId = CheckId::PlainHttp;
    match &facts.settings.policy {
        Reading::Unreadable(denied) => unread(ID, "the bucket's policy", denied),
        Reading::Known(policy) if policy.as_ref().is_some_and(|policy| refuses_plain_http(policy, bucket)) => {
            Check::pass(ID, "the bucket refuses plain HTTP").because("s3:GetBucketPolicy")
        }
        Reading::Known(_) => Check::warn(ID, "the bucket takes requests over plain HTTP")
            .because("s3:GetBucketPolicy: no Deny with aws:SecureTransport false")
            .fix_command(hardening(case, facts, "plain-http")),
    }
}
