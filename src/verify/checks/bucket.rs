//! The bucket: whether it is the right one, and whether its policy lets the role in.

use super::reported::{actions, by_keys, has_calls, reasons, refusal, reported};
use super::{Check, CheckId, Examined, edits, unread};
use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::encryption::Method;
use crate::names::BucketName;
use crate::observed::Reading;
use crate::observed::existing::Writer;
use crate::policy::outsiders::{self, Outsider};
use crate::policy::trust::Gravity;
use crate::verify::Status;
use crate::verify::access::source_text;
use crate::verify::evidence::BucketStanding;

/// What the bucket's policy says to the role.
pub(super) fn policy_checks(case: &Examined<'_>) -> Vec<Check> {
    let sse = |mut check: Check| {
        // What stands in the form was guessed, so this is no more than a guess.
        if !case.subject.form.is_declared {
            check.status = Status::Unknown;
        }
        match case.subject.form.encryption {
            Method::None => (
                check.advise(
                    "Choose under \"Encryption\" in Mixpanel what the policy asks for, or have the policy spare the \
                     role:",
                ),
                " (the bucket's default encrypts every object anyway)",
            ),
            Method::Aes | Method::Kms => (
                check.advise(
                    "Choose under \"Encryption\" in Mixpanel what the policy asks for (--encryption and --kms-key try \
                     it here), or have the policy spare the role:",
                ),
                "",
            ),
        }
    };
    vec![
        policy_check(
            case,
            CheckId::BucketPolicySse,
            "the bucket's policy asks for no other encryption than Mixpanel's",
            "the bucket's policy refuses uploads that are encrypted as Mixpanel sends them",
            sse,
        ),
        policy_check(
            case,
            CheckId::BucketPolicyNetwork,
            "the bucket's policy asks for no network that Mixpanel is not in",
            "the bucket's policy refuses requests from outside networks of your own, which is where Mixpanel is",
            |check| (check, ""),
        ),
        policy_check(
            case,
            CheckId::BucketPolicyPrincipal,
            "the bucket's policy does not keep the role out",
            "the bucket's policy keeps the role out",
            |check| (check, ""),
        ),
        others(case),
    ]
}

fn policy_check(
    case: &Examined<'_>,
    id: CheckId,
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
            Some(Reading::Known(None)) => {
                Check::pass(id, "the bucket has no policy").because("s3:GetBucketPolicy → NoSuchBucketPolicy")
            }
            _ => Check::pass(id, passes).because("s3:GetBucketPolicy"),
        };
    }
    let sources: Vec<String> = blamed
        .iter()
        .filter_map(|blame| blame.source)
        .map(source_text)
        .collect();
    let by = sources.first().cloned().unwrap_or_else(|| "the bucket's policy".into());
    let check = reported(
        id,
        &blamed,
        format!("{refused}: {by} denies {}{}", actions(&blamed), by_keys(&blamed)),
        format!("whether {by} refuses Mixpanel hangs on {}", reasons(&blamed)),
    )
    .mixpanel_sees(refusal(&blamed[0]));
    let (check, note) = mend(check);
    edits::of_bucket_policy(case, check, note)
}

const BUCKET_POLICY: &str = "s3:GetBucketPolicy";

/// Whether the bucket's policy lets anybody in from outside its account. What is shared with a named account may be meant;
/// strangers, and whoever may change the bucket, are not.
fn others(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketOthers;
    let (Some(facts), Some(bucket)) = (case.evidence.facts(), case.evidence.bucket_name()) else {
        return Check::skipped(ID, case.no_bucket());
    };
    let policy = match &facts.settings.policy {
        Reading::Unreadable(denied) => return unread(ID, "the bucket's policy", denied),
        Reading::Known(None) => return Check::pass(ID, "the bucket has no policy").because(BUCKET_POLICY),
        Reading::Known(Some(policy)) => policy,
    };
    // S3 restricts a public policy to the account and to AWS's services then.
    let blocks = facts.settings.public_access.known();
    let is_restricted = blocks.is_some_and(|blocks| !blocks.off.contains(&"RestrictPublicBuckets"));
    let is_cut = |outsider: &Outsider| outsider.is_everybody && outsider.gravity == Gravity::Open && is_restricted;
    let mut found = outsiders::of_bucket(policy, facts.owner.as_str(), bucket);
    found.retain(|outsider| !outsider.is_service && !is_cut(outsider));
    let is_open = |outsider: &&Outsider| outsider.gravity == Gravity::Open;
    let Some(gravest) = found.iter().find(is_open).or_else(|| found.first()) else {
        return Check::pass(ID, "the bucket's policy lets in nobody from outside its account").because(BUCKET_POLICY);
    };
    let check = match gravest.gravity {
        Gravity::Open => Check::fail(
            ID,
            format!("the bucket is open to {}, from outside its account", gravest.principal),
        ),
        Gravity::Wide => Check::warn(
            ID,
            format!(
                "the bucket can be used by {}, from outside its account",
                gravest.principal
            ),
        ),
    };
    let check = found.iter().fold(check, |check, outsider| {
        let (statement, principal) = (outsider.statement + 1, &outsider.principal);
        check.because(format!("{BUCKET_POLICY}: statement {statement}: {principal}"))
    });
    let statements: Vec<usize> = found.iter().map(|outsider| outsider.statement).collect();
    edits::bucket_without_outsiders(case, check, policy, &statements)
}

/// Whether the bucket is there, whose it is, where it is, and whether it is of the right kind.
pub(super) fn place_checks(case: &Examined<'_>) -> Vec<Check> {
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

/// Whether Mixpanel writes to the bucket through another role too: what one set-up's owner does to the bucket, the
/// other one bears.
fn shared(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketShared;
    const SOURCE: &str = "iam:ListRoles, and the policies of the roles that trust Mixpanel";
    match &case.evidence.sharing {
        None => Check::skipped(ID, case.no_bucket()),
        Some(Reading::Unreadable(denied)) => unread(ID, "which other roles may write to the bucket", denied),
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
                format!(
                    "Mixpanel can write to the bucket through another role too: {}",
                    names.join(", ")
                ),
            )
            .because(SOURCE)
            .advise(
                "If two set-ups are meant to share the bucket, leave it so: `teardown` keeps the bucket while either \
                 role stays. If not, remove the one that is not used.",
            )
        }
    }
}

fn region(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketRegion;
    const SOURCE: &str = "s3:HeadBucket → x-amz-bucket-region";
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    let region = &facts.settings.region;
    match &case.subject.region {
        Some(told) if told != region => {
            Check::fail(ID, format!("the bucket is in {region}, and Mixpanel is told {told}"))
                .because(format!("{SOURCE} {region}"))
                .mixpanel_sees("PermanentRedirect or AuthorizationHeaderMalformed")
                .advise(format!(
                    "Choose {region} under \"Region\" in Mixpanel. A pipeline's destination cannot be changed: make a \
                     new one."
                ))
        }
        _ if !region.is_listed() => Check::warn(ID, format!("the bucket is in {region}, which Mixpanel does not list"))
            .because(format!("{SOURCE} {region}"))
            .advise("Ask Mixpanel whether it exports there, or use a bucket in a region that it lists."),
        _ => Check::pass(ID, format!("\"Region\" in Mixpanel has to be {region}")).because(SOURCE),
    }
}

fn exists(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketExists;
    match &case.evidence.bucket {
        None => Check::skipped(ID, case.no_bucket()),
        Some((bucket, BucketStanding::Missing)) => Check::fail(ID, format!("there is no bucket {bucket}"))
            .because("s3:HeadBucket → 404")
            .mixpanel_sees("NoSuchBucket")
            .fix_command(case.setup_command(&[])),
        Some((bucket, BucketStanding::Refused { ours: Some(true) })) => Check::unknown(
            ID,
            format!("bucket {bucket} is the account's own, and AWS refuses s3:ListBucket on it"),
        )
        .because("s3:HeadBucket → 403, s3:ListBuckets names it")
        .advise("Ask for s3:ListBucket on it, or use another profile with --profile."),
        Some((bucket, BucketStanding::Refused { .. })) => {
            Check::pass(ID, format!("there is a bucket {bucket}")).because("s3:HeadBucket → 403, and not 404")
        }
        Some((bucket, _)) => Check::pass(ID, format!("bucket {bucket} exists")).because("s3:HeadBucket"),
    }
}

fn of_this_account(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketOwner;
    let caller = &case.evidence.caller.account;
    let said = case.subject.bucket_account.as_ref();
    let account = said.unwrap_or(caller);
    let foreign = |bucket: &BucketName, source: &str| {
        Check::fail(
            ID,
            format!(
                "bucket {bucket} belongs to another account than {account}: what Mixpanel writes would go to a \
                 stranger, or be refused"
            ),
        )
        .because(source)
        .mixpanel_sees("AccessDenied, or nothing at all while data leaks")
        .advise(
            Advice::from("Choose another bucket: ")
                .code(CommandLine::mixpanel_s3(["setup"]))
                .text(
                    " makes one. If the bucket is meant to be another account's, say whose with --bucket-account ID, \
                     and have its owner let you read its policy (s3:GetBucketPolicy).",
                ),
        )
    };
    match &case.evidence.bucket {
        None | Some((_, BucketStanding::Missing | BucketStanding::Disabled(_))) => Check::skipped(ID, case.no_bucket()),
        Some((bucket, BucketStanding::Refused { .. })) if account != caller => Check::unknown(
            ID,
            format!("whether bucket {bucket} is account {account}'s cannot be told: s3:ListBucket on it is refused"),
        )
        .because("s3:HeadBucket with ExpectedBucketOwner → 403")
        .advise("Have its owner allow you s3:ListBucket on it."),
        Some((bucket, BucketStanding::Strangers)) => {
            foreign(bucket, "s3:HeadBucket → 403 with ExpectedBucketOwner, 200 without")
        }
        Some((bucket, BucketStanding::Refused { ours: Some(false) })) => {
            foreign(bucket, "s3:HeadBucket → 403, and s3:ListBuckets does not name it")
        }
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

fn of_another_account(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketOtherAccount;
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    if facts.owner == case.evidence.caller.account {
        return Check::pass(ID, "role and bucket are in one account, so the role's policies suffice")
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
    reported(
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
pub(super) fn odd_resource<'a>(case: &Examined<'a>) -> Option<&'a str> {
    let resources = case
        .evidence
        .grants
        .iter()
        .flat_map(|grant| grant.document.statements());
    resources.flat_map(|statement| statement.resources()).find(|resource| {
        let special = ["--x-s3", "-s3alias", "--ol-s3", ".mrap", "--table-s3", ":accesspoint/"];
        resource.starts_with("arn:aws:s3express:")
            || (resource.starts_with("arn:aws:s3:") && special.iter().any(|mark| resource.contains(mark)))
    })
}

/// Directory buckets, access points and tables take the place of a bucket's name in a policy, and Mixpanel writes to
/// none.
fn kind(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::BucketType;
    if case.evidence.bucket.is_some() {
        return Check::pass(ID, "it is a general-purpose bucket").because("its name");
    }
    match odd_resource(case) {
        Some(resource) => Check::fail(
            ID,
            format!("the role's policies name {resource}, and Mixpanel writes to general-purpose buckets only"),
        )
        .because("the Resource of a policy of the role")
        .mixpanel_sees("NoSuchBucket or InvalidBucketName")
        .fix_command(case.setup_command(&[])),
        None => Check::skipped(ID, case.no_bucket()),
    }
}

fn dots(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::DotsInName;
    match case.evidence.bucket_name() {
        None => Check::skipped(ID, case.no_bucket()),
        Some(bucket) if bucket.has_dots() => Check::warn(
            ID,
            format!(
                "the name {bucket} has dots, which S3's certificate does not cover where the bucket is addressed by \
                 host name"
            ),
        )
        .because("its name")
        .mixpanel_sees("a TLS error")
        .advise("Use a bucket without dots in its name."),
        Some(_) => Check::pass(ID, "the bucket's name fits S3's certificate").because("its name"),
    }
}
