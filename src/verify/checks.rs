//! One check for each way in which a set-up is known to fail, in the order of how often it is the reason.
//!
//! A call that is refused belongs to exactly one check (`blame`), so that one mistake is told once. What no check can
//! see from the customer's side says so: the values in Mixpanel's form (as far as nobody gave them), resource control
//! policies, the addresses that Mixpanel calls from. Two rows of the usual catalogues are no checks at all: SSE-C
//! blocking and MFA Delete do not touch this export.

mod blame;
mod bucket;
mod edits;
mod encryption;
mod export;
mod grants;
mod organization;
mod probe;
mod reported;
mod role_edits;
mod settings;
#[cfg(test)]
mod tests;
mod trust;

use super::evidence::{BucketStanding, Evidence, Subject};
use super::ids::{Area, CheckId};
use super::{Access, Check, Status};
use crate::command_line::{CommandLine, Word};
use crate::names::{Partition, RoleArn};
use crate::observed::{Owner, Unanswered, Unread, owner};
use crate::policy::trust::{Admission, Trust};
use blame::Blame;

/// What every check is given.
struct Examined<'a> {
    subject: &'a Subject,
    evidence: &'a Evidence,
    access: &'a [Access],
}

/// Every check, whatever it comes to.
pub(super) fn all(subject: &Subject, evidence: &Evidence, access: &[Access]) -> Vec<Check> {
    let case = Examined {
        subject,
        evidence,
        access,
    };
    let mut checks = Vec::new();
    checks.extend(identity(&case));
    checks.extend(trust::checks(&case));
    checks.extend(encryption::access_checks(&case));
    checks.extend(grants::checks(&case));
    checks.extend(bucket::policy_checks(&case));
    checks.extend(bucket::place_checks(&case));
    checks.extend(encryption::key_checks(&case));
    checks.extend(organization::checks(&case));
    checks.extend(settings::checks(&case));
    checks.extend(export::checks(&case));
    checks.push(probe::left(&case));
    checks.into_iter().map(|check| known(evidence, check)).collect()
}

/// The check; one that was skipped is unknown where what would say whether it applies could not be read.
fn known(evidence: &Evidence, check: Check) -> Check {
    if check.status != Status::Skipped {
        return check;
    }
    let ground = match (&evidence.role, &evidence.unread_role) {
        (None, Some(denied)) => Some(("the role", denied)),
        _ if evidence.bucket.is_none() => evidence
            .unread_grants
            .first()
            .map(|denied| ("what the role may do", denied)),
        _ => None,
    };
    let encryption = || {
        let settings = &evidence.facts()?.settings;
        let of_a_key = check.id.area() == Area::Key;
        let denied = settings.encryption.unread().filter(|_| of_a_key)?;
        Some(("how the bucket encrypts", denied))
    };
    match ground.or_else(encryption) {
        Some((what, denied)) => Check::unknown(
            check.id,
            format!("this was not judged, since {what} cannot be read: {denied}"),
        ),
        None => check,
    }
}

/// Whether there is a role of that name, and whether its ARN is what was typed.
fn identity(case: &Examined<'_>) -> Vec<Check> {
    let Examined { subject, evidence, .. } = case;
    let name = &evidence.role_name;
    let partition = match evidence.caller.partition {
        Partition::Aws => Check::pass(
            CheckId::Partition,
            "the account is in the partition 'aws', where Mixpanel's user is",
        ),
        other => Check::fail(
            CheckId::Partition,
            format!(
                "the account is in the partition '{}', and a role there cannot trust Mixpanel's user, which is in \
                 'aws'",
                other.as_str()
            ),
        )
        .mixpanel_sees("MalformedPolicyDocument: Invalid principal in policy")
        .advise("Use an account of the partition 'aws', or ask Mixpanel for a principal in yours."),
    }
    .because(format!("sts:GetCallerIdentity → Arn {}", evidence.caller.arn));
    let exists = match (&evidence.role, &evidence.unread_role) {
        (Some(role), _) => Check::pass(CheckId::RoleExists, format!("role {name} exists"))
            .because(format!("iam:GetRole → {}", role.arn)),
        (None, Some(denied)) => unread(CheckId::RoleExists, &format!("role {name}"), denied),
        (None, None) => Check::fail(
            CheckId::RoleExists,
            format!("there is no role {name} in account {}", evidence.caller.account),
        )
        .because("iam:GetRole → NoSuchEntity")
        .mixpanel_sees("AccessDenied: not authorized to perform: sts:AssumeRole")
        .fix_command(case.setup_command(&[])),
    };
    let shape = match (&evidence.role, &subject.role_arn) {
        (Some(role), Some(typed)) if typed != role.arn.as_str() => Check::fail(
            CheckId::RoleArnShape,
            format!("{typed} is not the role's ARN, which is {}", role.arn),
        )
        .because(format!("iam:GetRole → Arn {}", role.arn))
        .mixpanel_sees("AccessDenied: not authorized to perform: sts:AssumeRole")
        .advise(format!(
            "Paste the whole ARN under \"Role\" in Mixpanel, account and path included: {}",
            role.arn
        )),
        (Some(role), _) => Check::pass(
            CheckId::RoleArnShape,
            format!("\"Role\" in Mixpanel has to be {}", role.arn),
        )
        .because("iam:GetRole → Arn"),
        (None, _) => Check::skipped(CheckId::RoleArnShape, "there is no role to compare with"),
    };
    vec![partition, exists, shape]
}

/// What is said of a layer that lets calls through which another one does not.
const ELSEWHERE: &str = "another check tells why calls are refused or undecided";

/// A check that could not be made for want of a permission, or of an answer.
fn unread(id: CheckId, what: &str, unread: &Unread) -> Check {
    let advice = match &unread.why {
        Unanswered::Refused => format!("Ask for {}, or use another profile with --profile.", unread.action),
        Unanswered::Senseless(_) => "AWS does not answer so. Check what stands between it and you: HTTPS_PROXY, \
                                     AWS_ENDPOINT_URL, a network that asks to sign in."
            .to_owned(),
    };
    Check::unknown(id, format!("{what} cannot be read: {unread}")).advise(advice)
}

impl Examined<'_> {
    /// The refused and undecided calls of which this check tells.
    fn blamed(&self, id: CheckId) -> Vec<Blame<'_>> {
        self.access
            .iter()
            .filter_map(|access| blame::blame(access, self.evidence))
            .filter(|blame| blame.id == id)
            .collect()
    }

    /// Whether every call of S3, or of KMS, is known to be allowed.
    fn all_allowed(&self, of_kms: bool) -> bool {
        let mut calls = self.access.iter();
        calls.all(|access| match of_kms {
            true => !access.call.is_of_kms() || access.is_allowed(),
            false => !access.call.is_of_s3() || access.is_allowed(),
        })
    }

    /// The `setup` that mends what it can mend, with what is known of the answers.
    fn setup_command(&self, more: &[&'static str]) -> CommandLine {
        let form = &self.subject.form;
        let is_known = form.is_declared || self.evidence.facts().is_some();
        let encryption = form.encryption.flag_value();
        let mut words = Vec::new();
        if is_known {
            words.extend(Word::option("--encryption", encryption));
        }
        if let Some(key) = &form.key {
            words.extend(Word::option("--kms-key", key));
        }
        self.setup_encrypting(words)
            .words(more.iter().map(|word| Word::flag(word)))
    }

    /// The `setup` that makes a key of the bucket's own region in the place of one that cannot be used.
    fn setup_with_new_key(&self) -> CommandLine {
        let mut words = Word::option("--encryption", "kms");
        words.push(Word::flag("--create-kms-key"));
        self.setup_encrypting(words)
    }

    fn setup_encrypting(&self, encryption: Vec<Word>) -> CommandLine {
        let Self { subject, evidence, .. } = self;
        let mut command = CommandLine::mixpanel_s3(["setup"]);
        // Where no bucket is known, setup asks for its name.
        if let Some(bucket) = evidence.bucket_name() {
            command = command.option("--bucket", bucket);
        }
        let region = evidence.facts().map(|facts| &facts.settings.region);
        if let Some(region) = region.or(subject.region.as_ref()) {
            command = command.option("--region", region);
        }
        command = command.option("--role-name", &evidence.role_name);
        // A role that is there keeps its path; one that is gone comes back where it was.
        let typed = subject.role_arn.as_ref().filter(|_| evidence.role.is_none());
        let typed = typed.and_then(|arn| arn.parse::<RoleArn>().ok());
        if let Some(arn) = typed.filter(|arn| arn.path() != "/") {
            command = command.option("--path", arn.path());
        }
        command = command.words(encryption);
        let foreign = |role: &crate::observed::Role| owner(&role.tags) == Owner::Others;
        if evidence.role.as_ref().is_some_and(foreign) {
            command = command.flag("--adopt");
        }
        let closed = |role: &&crate::observed::Role| Trust::new(&role.trust, &role.arn).admission() <= Admission::Kept;
        if let Some(role) = evidence.role.as_ref().filter(closed) {
            command = command.option("--open-role", &role.name);
        }
        command
    }

    /// `verify` of the same role and bucket once more.
    fn verify_command(&self) -> CommandLine {
        let mut command = CommandLine::mixpanel_s3(["verify"]).option("--role", &self.evidence.role_name);
        if let Some(bucket) = self.evidence.bucket_name() {
            command = command.option("--bucket", bucket);
        }
        if let Some(account) = &self.subject.bucket_account {
            command = command.option("--bucket-account", account);
        }
        command
    }

    /// Why nothing can be said about the bucket's inside.
    fn no_bucket(&self) -> &'static str {
        match &self.evidence.bucket {
            None => "no bucket is known: --bucket names it",
            Some((_, BucketStanding::Missing)) => "there is no such bucket",
            Some((_, BucketStanding::Refused { .. })) => "the bucket cannot be looked at",
            Some((_, BucketStanding::Strangers)) => {
                "the bucket is of another account than it should be: --bucket-account says whose"
            }
            Some((_, BucketStanding::Disabled(_))) => "the bucket's region is not enabled",
            Some((_, BucketStanding::Here(_))) => "it does not apply",
        }
    }
}
