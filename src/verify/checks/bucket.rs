//! The bucket: whether it is the right one, whether its policy lets the role in, and what is set on it.

use super::grants::{actions, by_keys, has_calls, reasons, told};
use super::{Case, Check, edits, unread};
use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::names::BucketName;
use crate::observed::{LifecycleRule, Owner, PublicAccess, Reading, owner};
use crate::policy::compare::marked;
use crate::policy::document::Principals;
use crate::policy::{Document, read};
use crate::teardown::Writer;
use crate::verify::access::source_text;
use crate::verify::evidence::{BucketFacts, BucketStanding};
use crate::verify::freshness::Family;
use crate::verify::{ByHand, Fix, Status};

const DENIED_BY_BUCKET: &str = "AccessDenied: not authorized to perform: s3:PutObject with an explicit deny in a resource-based policy";

/// What the bucket's policy says to the role.
pub(super) fn policy_checks(case: &Case<'_>) -> Vec<Check> {
    let sse = |mut check: Check| {
        // What stands in the form was guessed, so this is no more than a guess.
        if !case.subject.form.is_declared {
            check.status = Status::Unknown;
        }
        match case.subject.form.encryption {
            None => (
                check.advise("Choose under \"Encryption\" in Mixpanel what the policy asks for, or have the policy spare the role:"),
                " (the bucket's default encrypts every object anyway)",
            ),
            Some(_) => (
                check.advise("Choose under \"Encryption\" in Mixpanel what the policy asks for (--encryption and --kms-key try it here), or have the policy spare the role:"),
                "",
            ),
        }
    };
    vec![
        policy_check(
            case,
            "bucket-policy-sse",
            "the bucket's policy asks for no other encryption than Mixpanel's",
            "the bucket's policy refuses uploads that are encrypted as Mixpanel sends them",
            sse,
        ),
        policy_check(
            case,
            "bucket-policy-network",
            "the bucket's policy asks for no network that Mixpanel is not in",
            "the bucket's policy refuses requests from outside networks of your own, which is where Mixpanel is",
            |check| (check, ""),
        ),
        policy_check(
            case,
            "bucket-policy-principal",
            "the bucket's policy does not keep the role out",
            "the bucket's policy keeps the role out",
            |check| (check, ""),
        ),
    ]
}

fn policy_check(
    case: &Case<'_>,
    id: &'static str,
    passes: &str,
    refused: &str,
    mend: impl Fn(Check) -> (Check, &'static str),
) -> Check {
    if !has_calls(case) {
        return Check::skipped(id, case.no_bucket());
    }
    let blamed = case.blamed(id);
    let policy = case.evidence.facts().map(|facts| &facts.settings.policy);
    if let Some(Reading::Unreadable(denied)) = policy {
        return unread(id, "the bucket's policy", denied);
    }
    if blamed.is_empty() {
        return match policy {
            Some(Reading::Known(None)) => Check::pass(id, "the bucket has no policy")
                .because("s3:GetBucketPolicy → NoSuchBucketPolicy"),
            _ => Check::pass(id, passes).because("s3:GetBucketPolicy"),
        };
    }
    let sources: Vec<String> = blamed
        .iter()
        .filter_map(|blame| blame.source)
        .map(source_text)
        .collect();
    let by = sources
        .first()
        .cloned()
        .unwrap_or_else(|| "the bucket's policy".into());
    let check = told(
        id,
        &blamed,
        format!(
            "{refused}: {by} denies {}{}",
            actions(&blamed),
            by_keys(&blamed)
        ),
        format!(
            "whether {by} refuses Mixpanel hangs on {}",
            reasons(&blamed)
        ),
    )
    .mixpanel_sees(DENIED_BY_BUCKET);
    let (check, note) = mend(check);
    edits::of_bucket_policy(case, check, note)
}

/// Whether the bucket is there, whose it is, where it is, and whether it is of the right kind.
pub(super) fn place_checks(case: &Case<'_>) -> Vec<Check> {
    vec![
        region(case),
        exists(case),
        of_this_account(case),
        of_another_account(case),
        kind(case),
        dots(case),
        shared(case),
    ]
}

/// Whether Mixpanel writes to the bucket through another role too: what one set-up's owner does to the bucket, the other one bears.
fn shared(case: &Case<'_>) -> Check {
    const ID: &str = "bucket-shared";
    const SOURCE: &str = "iam:ListRoles, and the policies of the roles that trust Mixpanel";
    match &case.evidence.sharing {
        None => Check::skipped(ID, case.no_bucket()),
        Some(Reading::Unreadable(denied)) => {
            unread(ID, "which other roles may write to the bucket", denied)
        }
        Some(Reading::Known(writers)) if writers.is_empty() => {
            Check::pass(ID, "Mixpanel writes to the bucket through this role alone").because(SOURCE)
        }
        Some(Reading::Known(writers)) => {
            let told = |writer: &Writer| match &writer.unread {
                None => writer.role.to_string(),
                Some(denied) => format!("{} (perhaps: {denied})", writer.role),
            };
            let names: Vec<String> = writers.iter().map(told).collect();
            Check::warn(
                ID,
                format!("Mixpanel can write to the bucket through another role too: {}", names.join(", ")),
            )
            .because(SOURCE)
            .advise("If two set-ups are meant to share the bucket, leave it so: `teardown` keeps the bucket while either role stays. If not, remove the one that is not used.")
        }
    }
}

fn region(case: &Case<'_>) -> Check {
    const ID: &str = "bucket-region";
    const SOURCE: &str = "s3:HeadBucket → x-amz-bucket-region";
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    let region = &facts.settings.region;
    match &case.subject.region {
        Some(told) if told != region => Check::fail(
            ID,
            format!("the bucket is in {region}, and Mixpanel is told {told}"),
        )
        .because(format!("{SOURCE} {region}"))
        .mixpanel_sees("PermanentRedirect or AuthorizationHeaderMalformed")
        .advise(format!("Choose {region} under \"Region\" in Mixpanel. A pipeline's destination cannot be changed: make a new one.")),
        _ if !region.is_listed() => Check::warn(
            ID,
            format!("the bucket is in {region}, which Mixpanel does not list"),
        )
        .because(format!("{SOURCE} {region}"))
        .advise("Ask Mixpanel whether it exports there, or use a bucket in a region that it lists."),
        _ => Check::pass(ID, format!("\"Region\" in Mixpanel has to be {region}")).because(SOURCE),
    }
}

fn exists(case: &Case<'_>) -> Check {
    const ID: &str = "bucket-exists";
    match &case.evidence.bucket {
        None => Check::skipped(ID, case.no_bucket()),
        Some((bucket, BucketStanding::Missing)) => {
            Check::fail(ID, format!("there is no bucket {bucket}"))
                .because("s3:HeadBucket → 404")
                .mixpanel_sees("NoSuchBucket")
                .mended_by(case.setup_command(&[]))
        }
        Some((bucket, BucketStanding::Refused { ours: Some(true) })) => Check::unknown(
            ID,
            format!("bucket {bucket} is the account's own, and AWS refuses s3:ListBucket on it"),
        )
        .because("s3:HeadBucket → 403, s3:ListBuckets names it")
        .advise("Ask for s3:ListBucket on it, or use another profile with --profile."),
        Some((bucket, BucketStanding::Refused { .. })) => {
            Check::pass(ID, format!("there is a bucket {bucket}"))
                .because("s3:HeadBucket → 403, and not 404")
        }
        Some((bucket, _)) => {
            Check::pass(ID, format!("bucket {bucket} exists")).because("s3:HeadBucket")
        }
    }
}

fn of_this_account(case: &Case<'_>) -> Check {
    const ID: &str = "bucket-owner";
    let caller = &case.evidence.caller.account;
    let said = case.subject.bucket_account.as_ref();
    let account = said.unwrap_or(caller);
    let foreign = |bucket: &BucketName, source: &str| {
        Check::fail(
            ID,
            format!("bucket {bucket} belongs to another account than {account}: what Mixpanel writes would go to a stranger, or be refused"),
        )
        .because(source)
        .mixpanel_sees("AccessDenied, or nothing at all while data leaks")
        .advise(Advice::from("Choose another bucket: ").code(CommandLine::mixpanel_s3(["setup"])).text(" makes one. If the bucket is meant to be another account's, say whose with --bucket-account ID, and have its owner let you read its policy (s3:GetBucketPolicy)."))
    };
    match &case.evidence.bucket {
        None | Some((_, BucketStanding::Missing | BucketStanding::Disabled(_))) => {
            Check::skipped(ID, case.no_bucket())
        }
        Some((bucket, BucketStanding::Refused { .. })) if account != caller => Check::unknown(
            ID,
            format!("whether bucket {bucket} is account {account}'s cannot be told: s3:ListBucket on it is refused"),
        )
        .because("s3:HeadBucket with ExpectedBucketOwner → 403")
        .advise("Have its owner allow you s3:ListBucket on it."),
        Some((bucket, BucketStanding::Strangers)) => foreign(
            bucket,
            "s3:HeadBucket → 403 with ExpectedBucketOwner, 200 without",
        ),
        Some((bucket, BucketStanding::Refused { ours: Some(false) })) => foreign(
            bucket,
            "s3:HeadBucket → 403, and s3:ListBuckets does not name it",
        ),
        Some((_, BucketStanding::Refused { ours: Some(true) })) => {
            Check::pass(ID, format!("the bucket is account {account}'s own")).because("s3:ListBuckets")
        }
        Some((bucket, BucketStanding::Refused { ours: None })) => Check::unknown(
            ID,
            format!("whose bucket {bucket} is cannot be told: s3:ListBucket and s3:ListAllMyBuckets are refused"),
        )
        .because("s3:HeadBucket → 403")
        .advise("Ask for one of the two, or use another profile with --profile."),
        Some((_, BucketStanding::Here(facts))) => Check::pass(
            ID,
            match facts.owner == *caller {
                true => format!("the bucket is account {caller}'s own"),
                false => format!("the bucket is account {}'s, as --bucket-account says", facts.owner),
            },
        )
        .because("s3:HeadBucket with ExpectedBucketOwner"),
    }
}

fn of_another_account(case: &Case<'_>) -> Check {
    const ID: &str = "bucket-other-account";
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    if facts.owner == case.evidence.caller.account {
        return Check::pass(
            ID,
            "role and bucket are in one account, so the role's policies suffice",
        )
        .because("s3:HeadBucket with ExpectedBucketOwner");
    }
    if !matches!(facts.settings.policy, Reading::Known(Some(_))) {
        return Check::skipped(ID, "its policy cannot be read");
    }
    let blamed = case.blamed(ID);
    let role = case
        .evidence
        .role
        .as_ref()
        .map(|role| role.arn.to_string())
        .unwrap_or_default();
    if blamed.is_empty() {
        return Check::pass(
            ID,
            "the policy of the bucket, which is another account's, lets the role in",
        )
        .because("s3:GetBucketPolicy");
    }
    told(
        ID,
        &blamed,
        format!(
            "the bucket is another account's, and its policy does not allow the role {}{}",
            actions(&blamed),
            by_keys(&blamed)
        ),
        format!(
            "whether the bucket, which is another account's, lets the role in hangs on {}",
            reasons(&blamed)
        ),
    )
    .mixpanel_sees("AccessDenied")
    .advise(format!(
        "Its owner has to add a statement to the bucket's policy that allows {} to {role}.",
        actions(&blamed)
    ))
}

/// What the role's policies name in the place of a general-purpose bucket, if they do.
pub(super) fn odd_resource<'a>(case: &Case<'a>) -> Option<&'a str> {
    let resources = case
        .evidence
        .grants
        .iter()
        .flat_map(|grant| grant.document.statements());
    resources
        .flat_map(|statement| statement.resources())
        .find(|resource| {
            let special = [
                "--x-s3",
                "-s3alias",
                "--ol-s3",
                ".mrap",
                "--table-s3",
                ":accesspoint/",
            ];
            resource.starts_with("arn:aws:s3express:")
                || (resource.starts_with("arn:aws:s3:")
                    && special.iter().any(|mark| resource.contains(mark)))
        })
}

/// Directory buckets, access points and tables take the place of a bucket's name in a policy, and Mixpanel writes to none.
fn kind(case: &Case<'_>) -> Check {
    const ID: &str = "bucket-type";
    if case.evidence.bucket.is_some() {
        return Check::pass(ID, "it is a general-purpose bucket").because("its name");
    }
    match odd_resource(case) {
        Some(resource) => Check::fail(ID, format!("the role's policies name {resource}, and Mixpanel writes to general-purpose buckets only"))
            .because("the Resource of a policy of the role")
            .mixpanel_sees("NoSuchBucket or InvalidBucketName")
            .mended_by(case.setup_command(&[])),
        None => Check::skipped(ID, case.no_bucket()),
    }
}

fn dots(case: &Case<'_>) -> Check {
    const ID: &str = "dots-in-name";
    match case.evidence.bucket_name() {
        None => Check::skipped(ID, case.no_bucket()),
        Some(bucket) if bucket.has_dots() => Check::warn(
            ID,
            format!("the name {bucket} has dots, which S3's certificate does not cover where the bucket is addressed by host name"),
        )
        .because("its name")
        .mixpanel_sees("a TLS error")
        .advise("Use a bucket without dots in its name."),
        Some(_) => Check::pass(ID, "the bucket's name fits S3's certificate").because("its name"),
    }
}

/// What is set on the bucket.
pub(super) fn setting_checks(case: &Case<'_>) -> Vec<Check> {
    const IDS: [&str; 8] = [
        "object-lock",
        "lifecycle-expiry",
        "versioning-growth",
        "mpu-residue",
        "requester-pays",
        "acl-ownership",
        "bpa",
        "plain-http",
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
fn hardening(case: &Case<'_>, facts: &BucketFacts, what: &'static str) -> CommandLine {
    let ours = facts
        .settings
        .tags
        .known()
        .is_some_and(|tags| owner(tags) == Owner::Us);
    match ours {
        true => case.setup_command(&[]),
        false => case.setup_command(&["--harden", what]),
    }
}

fn object_lock(facts: &BucketFacts) -> Check {
    const ID: &str = "object-lock";
    const SOURCE: &str = "s3:GetObjectLockConfiguration → DefaultRetention";
    match &facts.retention {
        None => Check::skipped(ID, "it was not read"),
        Some(Reading::Unreadable(denied)) => unread(ID, "Object Lock", denied),
        Some(Reading::Known(None)) => Check::pass(ID, "Object Lock has no default retention").because(SOURCE),
        Some(Reading::Known(Some(retention))) => Check::warn(
            ID,
            format!("Object Lock keeps every new object ({retention}): Mixpanel replaces people's profiles at every run, and old versions pile up; uploads without a checksum are refused"),
        )
        .because(format!("{SOURCE} {retention}"))
        .mixpanel_sees("InvalidRequest: Content-MD5 OR x-amz-checksum- HTTP header is required")
        .advise("Use a bucket of its own for the export, without a default retention."),
    }
}

fn lifecycle_expiry(case: &Case<'_>, facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: &str = "lifecycle-expiry";
    const SOURCE: &str = "s3:GetBucketLifecycleConfiguration";
    let rules = match &facts.settings.lifecycle {
        Reading::Unreadable(denied) => {
            return unread(ID, "the bucket's lifecycle rules", denied);
        }
        Reading::Known(lifecycle) => &lifecycle.rules,
    };
    let project = case.subject.project.as_ref().map(|id| id.as_str());
    let found = rules.iter().find(|rule| {
        rule.enabled && (rule.expires || rule.archives_to.is_some()) && touches(rule, project)
    });
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
                format!(
                    "the lifecycle rule '{}' {does} {of}, exports included",
                    rule.id
                ),
            )
            .because(format!(
                "{SOURCE} → rule '{}', prefix '{}'",
                rule.id, rule.prefix
            ))
            .mixpanel_sees(
                "nothing: exported data disappears, or cannot be read without being restored",
            )
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

/// Whether a rule is for exports: its prefix and an export's path meet, and it asks for no tag, which Mixpanel gives none.
fn touches(rule: &LifecycleRule, project: Option<&str>) -> bool {
    if rule.tagged {
        return false;
    }
    let prefix = rule.prefix.as_str();
    let meets = |path: &str| path.starts_with(prefix) || prefix.starts_with(path);
    match project {
        Some(project) => Family::ALL
            .iter()
            .any(|family| meets(&family.prefix(project))),
        None => {
            let folder = prefix.split('/').next().unwrap_or_default();
            folder.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

fn versioning_growth(facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: &str = "versioning-growth";
    const SOURCE: &str = "s3:GetBucketVersioning and s3:GetBucketLifecycleConfiguration";
    match (&facts.versioned, &facts.settings.lifecycle) {
        (None, _) => Check::skipped(ID, "it was not read"),
        (Some(Reading::Unreadable(denied)), _) => unread(ID, "whether the bucket keeps versions", denied),
        (Some(Reading::Known(false)), _) => Check::pass(ID, "the bucket keeps no versions").because(SOURCE),
        (_, Reading::Unreadable(denied)) => unread(ID, "the bucket's lifecycle rules", denied),
        (_, Reading::Known(lifecycle))
            if lifecycle.rules.iter().any(|rule| rule.enabled && rule.expires_noncurrent) =>
        {
            Check::pass(ID, "old versions are removed by a lifecycle rule").because(SOURCE)
        }
        _ => Check::warn(
            ID,
            "the bucket keeps every version, and Mixpanel replaces people's profiles at every run: it grows without end",
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

/// What removes the versions that are no longer current. There is no file to read where the bucket has no lifecycle rule yet.
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
            change: "add this rule to those that are there, with as many days as you may want an old version back".into(),
            diff: marked('+', &format!("{rule:#}")),
            write,
        })),
        false => Fix::Command(of_bucket("put-bucket-lifecycle-configuration", facts, bucket).option(
            "--lifecycle-configuration",
            serde_json::json!({ "Rules": [rule] }),
        )),
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
pub(super) fn of_bucket(
    operation: &'static str,
    facts: &BucketFacts,
    bucket: &BucketName,
) -> CommandLine {
    CommandLine::aws(["s3api", operation])
        .option("--region", &facts.settings.region)
        .option("--bucket", bucket)
}

fn unfinished_uploads(case: &Case<'_>, facts: &BucketFacts) -> Check {
    const ID: &str = "mpu-residue";
    const SOURCE: &str = "s3:GetBucketLifecycleConfiguration → AbortIncompleteMultipartUpload";
    match &facts.settings.lifecycle {
        Reading::Unreadable(denied) => unread(ID, "the bucket's lifecycle rules", denied),
        Reading::Known(lifecycle) if lifecycle.aborts_uploads() => {
            Check::pass(ID, "unfinished uploads are removed").because(SOURCE)
        }
        Reading::Known(_) => Check::warn(
            ID,
            "unfinished uploads stay for ever, unseen, and are paid for",
        )
        .because(SOURCE)
        .mended_by(hardening(case, facts, "uploads")),
    }
}

fn requester_pays(facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: &str = "requester-pays";
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
        .mended_by(
            of_bucket("put-bucket-request-payment", facts, bucket)
                .option("--request-payment-configuration", "Payer=BucketOwner"),
        ),
    }
}

fn acls(case: &Case<'_>, facts: &BucketFacts) -> Check {
    const ID: &str = "acl-ownership";
    let ownership = match &facts.settings.ownership {
        Reading::Unreadable(denied) => return unread(ID, "the bucket's object ownership", denied),
        Reading::Known(ownership) => ownership,
    };
    let source = format!(
        "s3:GetBucketOwnershipControls → ObjectOwnership {}",
        ownership.setting
    );
    match ownership.turns_acls_off() {
        true => Check::pass(ID, "ACLs are off, and the bucket's owner owns every object")
            .because(source),
        false => Check::warn(
            ID,
            format!(
                "ACLs are on ({}): an object's ACL can let others read it",
                ownership.setting
            ),
        )
        .because(source)
        .mended_by(hardening(case, facts, "acls")),
    }
}

/// The account's own block, which S3 Control alone shows, may cover the bucket as well; neither ever blocks this export.
fn public_access(case: &Case<'_>, facts: &BucketFacts) -> Check {
    const ID: &str = "bpa";
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
        .mended_by(hardening(case, facts, "public-access")),
    }
}

fn plain_http(case: &Case<'_>, facts: &BucketFacts, bucket: &BucketName) -> Check {
    const ID: &str = "plain-http";
    match &facts.settings.policy {
        Reading::Unreadable(denied) => unread(ID, "the bucket's policy", denied),
        Reading::Known(policy)
            if policy
                .as_ref()
                .is_some_and(|policy| refuses_plain_http(policy, bucket)) =>
        {
            Check::pass(ID, "the bucket refuses plain HTTP").because("s3:GetBucketPolicy")
        }
        Reading::Known(_) => Check::warn(ID, "the bucket takes requests over plain HTTP")
            .because("s3:GetBucketPolicy: no Deny with aws:SecureTransport false")
            .mended_by(hardening(case, facts, "plain-http")),
    }
}

/// Whether some statement refuses everybody to write over plain HTTP, in whatever words.
fn refuses_plain_http(policy: &Document, bucket: &BucketName) -> bool {
    let object = format!("arn:aws:s3:::{bucket}/object");
    policy.statements().iter().any(|statement| {
        let everybody = match statement.principals() {
            Principals::Anyone => true,
            Principals::Aws(principals) => principals.contains(&"*"),
            Principals::Others => false,
        };
        let plain = statement.condition("Bool", "aws:SecureTransport");
        let put = "s3:putobject";
        !statement.allows()
            && everybody
            && plain.is_some_and(|values| values.contains(&"false"))
            && statement
                .actions()
                .iter()
                .any(|pattern| read::action_matches(pattern, put))
            && statement
                .resources()
                .iter()
                .any(|pattern| read::matches_pattern(pattern, &object))
    })
}
