//! The key: whether the role may use it, whether S3 can, and whether Mixpanel is told the same as the bucket.

use super::blame::Blame;
use super::grants::missing;
use super::reported::{actions, by_keys, reasons, refusal, refuse, reported};
use super::role_edits::{decided_by_role, without_denies};
use super::settings::of_bucket;
use super::{Check, CheckId, Examined, edits, unread};
use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::encryption::{BucketEncryption, Method};
use crate::names::{KeyArn, KeyReference};
use crate::observed::{Key, Reading};
use crate::policy::evaluate::{Decision, Layer, Refusal};
use crate::policy::outsiders::{self, Outsider};
use crate::policy::trust::Gravity;
use crate::policy::{Document, build};
use crate::verify::evidence::KeyStanding;

/// Said before the command that makes a key.
const ANOTHER_KEY: &str = "Choose a symmetric key that exists with --kms-key, or make one, and paste its ARN under \
                           \"KMS Key ID\" in Mixpanel:";

/// All that S3 asks of KMS.
const BOTH: &str = "kms:Decrypt, kms:GenerateDataKey";

const NOT_USED: &str = "no KMS key is used";

impl Examined<'_> {
    /// The bucket's default encryption, where it is known.
    fn default_encryption(&self) -> Option<&BucketEncryption> {
        self.evidence.facts()?.settings.encryption.known()?.as_ref()
    }

    /// The key that is there, or why there is nothing to say about it.
    fn key(&self) -> Result<(&Key, &Reading<Document>), &'static str> {
        match &self.evidence.key {
            KeyStanding::Here { key, policy } => Ok((key, policy)),
            KeyStanding::NotUsed => Err(NOT_USED),
            KeyStanding::AwsManaged => Err("the key is aws/s3, which AWS manages and whoever may use S3 may use"),
            KeyStanding::Missing(_) => Err("there is no such key"),
            KeyStanding::Unreadable(..) => Err("the key cannot be looked at"),
        }
    }
}

/// Whether the role's calls of KMS are let through, and by whom not.
pub(super) fn access_checks(case: &Examined<'_>) -> Vec<Check> {
    vec![key_policy(case), iam_actions(case), arn_match(case), context(case)]
}

/// Why the calls of KMS were not judged, if so.
fn unjudged(case: &Examined<'_>) -> Option<&'static str> {
    match case.key() {
        Err(why) => Some(why),
        Ok(_) if case.access.iter().any(|access| access.call.is_of_kms()) => None,
        Ok(_) => Some("the key is not one that the bucket can use"),
    }
}

fn key_policy(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsKeyPolicy;
    if let Some(why) = unjudged(case) {
        return Check::skipped(ID, why);
    }
    let Ok((_, policy)) = case.key() else {
        return Check::skipped(ID, NOT_USED);
    };
    if let Reading::Unreadable(denied) = policy {
        return unread(ID, "the key's policy", denied);
    }
    let blamed = case.blamed(ID);
    if blamed.is_empty() {
        return Check::pass(ID, "the key's policy delegates to IAM, or names the role").because("kms:GetKeyPolicy");
    }
    let check = reported(
        ID,
        &blamed,
        match by_keys(&blamed).as_str() {
            _ if blamed.iter().any(Blame::is_deny) => {
                format!(
                    "the key's policy denies the role {}{}",
                    actions(&blamed),
                    by_keys(&blamed)
                )
            }
            "" if actions(&blamed) != BOTH => format!("the key's policy does not let the role {}", actions(&blamed)),
            "" => "the key's policy neither delegates to the account's IAM nor names the role: what IAM allows has no \
                   effect"
                .to_owned(),
            keys => format!("the key's policy keeps the role out by a condition{keys}"),
        },
        format!("what the key's policy says hangs on {}", reasons(&blamed)),
    )
    .because("kms:GetKeyPolicy")
    .mixpanel_sees(refusal(&blamed[0]));
    edits::of_key_policy(case, check)
}

fn iam_actions(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsIamActions;
    if let Some(why) = unjudged(case) {
        return Check::skipped(ID, why);
    }
    let blamed = case.blamed(ID);
    if blamed.is_empty() {
        return Check::pass(ID, "the role's policies allow what S3 asks of KMS").because("the access table");
    }
    let only_decrypt = actions(&blamed) == "kms:Decrypt";
    let note = match only_decrypt {
        true => "; only reading and multipart uploads need it, so small exports work",
        false => "",
    };
    let check = reported(
        ID,
        &blamed,
        format!(
            "the role's policies {} {} on the key{}{note}",
            refuse(&blamed),
            actions(&blamed),
            by_keys(&blamed)
        ),
        format!(
            "whether the role's policies allow {} hangs on {}",
            actions(&blamed),
            reasons(&blamed)
        ),
    )
    .mixpanel_sees(refusal(&blamed[0]));
    match (decided_by_role(&blamed), case.key()) {
        (Some(blame), _) if blame.is_deny() => without_denies(case, check),
        (_, Ok((key, _))) => page_of_key(case, check, &key.arn),
        (_, Err(_)) => check,
    }
}

fn arn_match(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsArnMatch;
    if let Some(why) = unjudged(case) {
        return Check::skipped(ID, why);
    }
    let blamed = case.blamed(ID);
    let Ok((key, _)) = case.key() else {
        return Check::skipped(ID, NOT_USED);
    };
    if blamed.is_empty() {
        return Check::pass(ID, format!("the key is {}", key.arn)).because("kms:DescribeKey → Arn");
    }
    let named: Vec<&str> = case
        .evidence
        .grants
        .iter()
        .flat_map(|grant| grant.document.statements())
        .filter(|statement| statement.allows())
        .flat_map(|statement| statement.resources())
        .filter(|resource| resource.starts_with("arn:aws:kms:"))
        .collect();
    let check = reported(
        ID,
        &blamed,
        format!(
            "the role's policies name {}, and the key in use is {}; a key's alias does not count in a policy",
            named.join(", "),
            key.arn
        ),
        "the role's policies may name another key",
    )
    .because("kms:DescribeKey → Arn, against the Resource of the role's policies")
    .mixpanel_sees(refusal(&blamed[0]));
    page_of_key(case, check, &key.arn)
}

fn context(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsEncryptionContext;
    if let Some(why) = unjudged(case) {
        return Check::skipped(ID, why);
    }
    let blamed = case.blamed(ID);
    if blamed.is_empty() {
        return Check::pass(ID, "no policy asks for an encryption context other than S3's").because("the access table");
    }
    let bucket = case.evidence.bucket_name().map(ToString::to_string).unwrap_or_default();
    let bucket_key = case.default_encryption().is_some_and(BucketEncryption::has_bucket_key);
    let context = match bucket_key {
        true => format!("the bucket's ARN, arn:aws:s3:::{bucket}, since the bucket has an S3 bucket key"),
        false => format!("the object's ARN, arn:aws:s3:::{bucket}/…, since the bucket has no S3 bucket key"),
    };
    let check = reported(
        ID,
        &blamed,
        format!("a policy asks for another encryption context than S3 sends, which is {context}"),
        format!("whether the encryption context fits hangs on {}", reasons(&blamed)),
    )
    .because("s3:GetBucketEncryption → BucketKeyEnabled")
    .mixpanel_sees(refusal(&blamed[0]));
    let not_granted = Decision::Denied(Refusal::NoAllow(Layer::Identity));
    let is_granted = !blamed
        .iter()
        .any(|blame| blame.access.judgement.decision == not_granted);
    match (decided_by_role(&blamed), case.key()) {
        (Some(blame), _) if blame.is_deny() => without_denies(case, check),
        (Some(_), Ok((key, _))) => page_of_key(case, check, &key.arn),
        (None, Ok((key, _))) if !is_granted => page_of_key(case, check, &key.arn),
        _ => edits::of_key_policy(case, check),
    }
}

/// The check with the `setup` that gives the role what Mixpanel's page says of a key.
fn page_of_key(case: &Examined<'_>, check: Check, key: &KeyArn) -> Check {
    check.edit(missing(case, &build::kms(key)), case.setup_command(&[]))
}

/// Whether the key itself is one that S3 can use for this bucket, and whether the form says the same as the bucket.
pub(super) fn key_checks(case: &Examined<'_>) -> Vec<Check> {
    vec![
        form_matches(case),
        region(case),
        state(case),
        kind(case),
        account(case),
        literal(case),
        aws_managed(case),
        outsiders(case),
        throttling(case),
    ]
}

fn form_matches(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::UiEncryptionMismatch;
    const SOURCE: &str = "s3:GetBucketEncryption";
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    if let Reading::Unreadable(denied) = &facts.settings.encryption {
        return unread(ID, "the bucket's default encryption", denied);
    }
    let form = &case.subject.form;
    let bucket_key = case.default_encryption().and_then(BucketEncryption::named_key);
    match (form.encryption, &form.key, bucket_key) {
        (Method::Kms, None, Some(key)) => Check::warn(
            ID,
            format!(
                "KMS with an empty \"KMS Key ID\" uses the account's aws/s3 key, and not the bucket's default {key}"
            ),
        )
        .because(format!("{SOURCE} → KMSMasterKeyID {key}"))
        .mixpanel_sees("nothing: objects are encrypted with another key than you think")
        .advise(match key.parse::<KeyReference>() {
            Ok(key) => Advice::from(format!(
                "Paste {} (as an ARN) under \"KMS Key ID\" in Mixpanel, or run this again: ",
                key.as_str()
            ))
            .command(
                case.verify_command()
                    .option("--encryption", "kms")
                    .option("--kms-key", key.as_str()),
            ),
            Err(_) => {
                "The bucket's default names no key in KMS's own form: look at it before anything is written.".into()
            }
        }),
        (Method::Aes, _, Some(key)) => Check::warn(
            ID,
            format!("AES in Mixpanel overrides the bucket's default, the KMS key {key}"),
        )
        .because(format!("{SOURCE} → KMSMasterKeyID {key}"))
        .mixpanel_sees("nothing: objects are encrypted with S3's own key")
        .advise("Choose KMS and the key's ARN in Mixpanel, or leave \"Encryption\" empty."),
        (encryption, _, _) => {
            let said = match form.is_declared {
                true => "is",
                false => "is most likely",
            };
            let word = match encryption {
                Method::None => "empty",
                Method::Aes | Method::Kms => encryption.form_value(),
            };
            Check::pass(
                ID,
                format!("\"Encryption\" in Mixpanel {said} {word}, which fits the bucket's default"),
            )
            .because(SOURCE)
        }
    }
}

fn region(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsRegion;
    let named = match (&case.evidence.key, &case.subject.form.key) {
        (KeyStanding::Here { key, .. }, _) => Some(key.arn.clone()),
        (_, Some(arn)) => Some(arn.clone()),
        (KeyStanding::Missing(text) | KeyStanding::Unreadable(text, _), None) => text.parse::<KeyArn>().ok(),
        _ => None,
    };
    let (Some(arn), Some(facts)) = (named, case.evidence.facts()) else {
        return Check::skipped(ID, NOT_USED);
    };
    let bucket = &facts.settings.region;
    if arn.region() == bucket.as_str() {
        return Check::pass(ID, format!("key and bucket are both in {bucket}")).because("the key's ARN");
    }
    Check::fail(
        ID,
        format!(
            "the key is in {}, and the bucket in {bucket}: S3 uses keys of the bucket's own region only",
            arn.region()
        ),
    )
    .because(format!("the key's ARN {arn}, and s3:HeadBucket → x-amz-bucket-region"))
    .mixpanel_sees("KMS.NotFoundException: Key … does not exist")
    .advise(
        Advice::from(format!(
            "If the key is multi-Region, it may have a replica in {bucket}, whose ARN you can choose: "
        ))
        .code(
            CommandLine::aws(["kms", "describe-key"])
                .option("--region", bucket)
                .option("--key-id", id_of(&arn)),
        )
        .text(format!(
            " shows it. Else make a key in {bucket}, and paste its ARN under \"KMS Key ID\" in Mixpanel:"
        )),
    )
    .fix_command(case.setup_with_new_key())
}

fn id_of(arn: &KeyArn) -> &str {
    arn.as_str().rsplit('/').next().unwrap_or_default()
}

fn state(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsState;
    const SOURCE: &str = "kms:DescribeKey → KeyState";
    match &case.evidence.key {
        KeyStanding::Missing(text) if text == "aws/s3" => Check::skipped(ID, "the bucket names no real key"),
        KeyStanding::Missing(text) => Check::fail(ID, format!("there is no KMS key {text}"))
            .because("kms:DescribeKey → NotFoundException")
            .mixpanel_sees("KMS.NotFoundException")
            .advise(ANOTHER_KEY)
            .fix_command(case.setup_with_new_key()),
        KeyStanding::Unreadable(text, denied) => unread(ID, &format!("key {text}"), denied),
        KeyStanding::Here { key, .. } => {
            let broken = |mend: CommandLine| {
                Check::fail(ID, format!("the key's state is {}: S3 cannot use it", key.state))
                    .because(format!("{SOURCE} {}", key.state))
                    .mixpanel_sees("KMS.DisabledException or KMS.KMSInvalidStateException")
                    .fix_command(mend)
            };
            match key.enabling_command() {
                None => Check::pass(ID, "the key is enabled").because(SOURCE),
                Some(command) => broken(command),
            }
        }
        KeyStanding::NotUsed | KeyStanding::AwsManaged => Check::skipped(ID, case.key().err().unwrap_or(NOT_USED)),
    }
}

fn kind(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsSpec;
    const SOURCE: &str = "kms:DescribeKey → KeySpec";
    match case.key() {
        Err(why) => Check::skipped(ID, why),
        // A key of this spec encrypts and decrypts, and does nothing else.
        Ok((key, _)) if key.spec == "SYMMETRIC_DEFAULT" => Check::pass(ID, "the key is symmetric").because(SOURCE),
        Ok((key, _)) => Check::fail(
            ID,
            format!(
                "the key is of the kind {}: S3 encrypts with symmetric encryption keys only",
                key.spec
            ),
        )
        .because(format!("{SOURCE} {}", key.spec))
        .mixpanel_sees("KMS.InvalidKeyUsageException, or 400 InvalidRequest")
        .advise(ANOTHER_KEY)
        .fix_command(case.setup_with_new_key()),
    }
}

fn account(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsOtherAccount;
    let Some(role) = &case.evidence.role else {
        return Check::skipped(ID, "there is no role");
    };
    let own = role.arn.account();
    if let KeyStanding::Unreadable(text, denied) = &case.evidence.key
        && let Ok(arn) = text.parse::<KeyArn>()
        && arn.account() != own
    {
        return Check::unknown(ID, format!("the key is account {}'s, and {denied}", arn.account()))
            .because(format!("the key's ARN {arn}"))
            .mixpanel_sees("AccessDenied: not authorized to perform: kms:GenerateDataKey")
            .advise(format!(
                "Its policy has to allow kms:GenerateDataKey and kms:Decrypt to {}, and so do the role's own policies.",
                role.arn
            ));
    }
    let Ok((key, policy)) = case.key() else {
        return Check::skipped(ID, case.key().err().unwrap_or(NOT_USED));
    };
    if key.arn.account() == own {
        return Check::pass(ID, "key and role are in one account").because("the key's ARN");
    }
    let because = format!("the key's ARN {}", key.arn);
    if let Reading::Unreadable(denied) = policy {
        return unread(ID, "the policy of the key, which is another account's,", denied).because(because);
    }
    let blamed = case.blamed(ID);
    if blamed.is_empty() {
        return Check::pass(ID, "the key is another account's, and its policy lets the role in").because(because);
    }
    reported(
        ID,
        &blamed,
        format!(
            "the key is account {}'s, and its policy does not let the role in{}",
            key.arn.account(),
            by_keys(&blamed)
        ),
        format!(
            "whether the key, which is another account's, lets the role in hangs on {}",
            reasons(&blamed)
        ),
    )
    .because(because)
    .mixpanel_sees(refusal(&blamed[0]))
    .advise(format!(
        "Its owner has to add a statement to the key's policy that allows kms:GenerateDataKey, kms:Decrypt and \
         kms:DescribeKey to {}.",
        role.arn
    ))
}

/// A bucket's default encryption with the account's `aws/s3` key, as PutBucketEncryption takes it.
const AWS_MANAGED_DEFAULT: &str =
    r#"{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms"},"BucketKeyEnabled":true}]}"#;

fn literal(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsLiteralAwsS3;
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    match case.default_encryption() {
        Some(BucketEncryption::Kms { key, .. }) if key.is_the_text_aws_s3() => {
            let Some(bucket) = case.evidence.bucket_name() else {
                return Check::skipped(ID, case.no_bucket());
            };
            Check::fail(
                ID,
                "the bucket's default key is the text 'aws/s3', which names no key: for that key the ID is left out",
            )
            .because("s3:GetBucketEncryption → KMSMasterKeyID aws/s3")
            .mixpanel_sees("KMS.NotFoundException: Invalid keyId aws/s3")
            .fix_command(
                of_bucket("put-bucket-encryption", facts, bucket)
                    .option("--server-side-encryption-configuration", AWS_MANAGED_DEFAULT),
            )
        }
        _ => Check::pass(ID, "the bucket's default names a real key, or none").because("s3:GetBucketEncryption"),
    }
}

fn aws_managed(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsAwsManagedXacct;
    let managed = match &case.evidence.key {
        KeyStanding::AwsManaged => true,
        KeyStanding::Here { key, .. } => !key.customer_managed,
        _ => false,
    };
    if !managed {
        return Check::skipped(ID, "the key aws/s3 is not used");
    }
    let reader = case
        .evidence
        .facts()
        .zip(case.evidence.bucket_name())
        .and_then(|(facts, bucket)| {
            let policy = facts.settings.policy.known()?.as_ref()?;
            let own = case.evidence.caller.account.as_str();
            let mut readers = outsiders::who_may("s3:GetObject", policy, own, bucket).into_iter();
            readers
                .find(|reader| !reader.is_everybody)
                .map(|reader| reader.principal)
        });
    match reader {
        None => Check::pass(ID, "the bucket's policy lets no other account read").because("s3:GetBucketPolicy"),
        Some(reader) => Check::warn(
            ID,
            format!(
                "the bucket's policy lets {reader} read, and nobody outside the account can decrypt with the key \
                 aws/s3"
            ),
        )
        .because("s3:GetBucketPolicy, and kms:DescribeKey → KeyManager AWS")
        .mixpanel_sees("nothing; the reader gets AccessDenied: kms:Decrypt")
        .advise(
            "Use a key of your own, let the reader decrypt in its policy, and paste its ARN under \"KMS Key ID\" in \
             Mixpanel:",
        )
        .fix_command(case.setup_with_new_key()),
    }
}

/// Whether the key's policy lets anybody in from outside its account. A key that says it was made by this program has
/// nobody of that kind; with a key of one's own, those who only use it may be meant.
fn outsiders(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsKeyOthers;
    let (key, policy) = match case.key() {
        Ok((key, Reading::Known(policy))) => (key, policy),
        Ok((_, Reading::Unreadable(_))) => {
            return Check::skipped(ID, "the key's policy cannot be read");
        }
        Err(why) => return Check::skipped(ID, why),
    };
    let found = outsiders::of_key(policy, key.arn.account());
    let made_here = key.description.ends_with("made by mixpanel-s3");
    let is_open = |outsider: &&Outsider| outsider.gravity == Gravity::Open || made_here && !outsider.is_service;
    let Some(gravest) = found.iter().find(is_open).or_else(|| found.first()) else {
        return Check::pass(ID, "the key's policy lets in nobody from outside its account").because("kms:GetKeyPolicy");
    };
    let mut check = match is_open(&gravest) {
        true => Check::fail(
            ID,
            format!("the key is open to {}, from outside its account", gravest.principal),
        ),
        false => Check::warn(
            ID,
            format!("the key can be used by {}, from outside its account", gravest.principal),
        ),
    };
    for outsider in &found {
        check = check.because(format!(
            "kms:GetKeyPolicy: statement {}: {}",
            outsider.statement + 1,
            outsider.principal
        ));
    }
    let statements: Vec<usize> = found.iter().map(|outsider| outsider.statement).collect();
    edits::key_without_outsiders(check, key, policy, &statements)
}

fn throttling(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::KmsThrottle;
    const SOURCE: &str = "s3:GetBucketEncryption → BucketKeyEnabled";
    if matches!(case.evidence.key, KeyStanding::NotUsed) {
        return Check::skipped(ID, NOT_USED);
    }
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    if let Reading::Unreadable(denied) = &facts.settings.encryption {
        return unread(ID, "the bucket's default encryption", denied);
    }
    match case.default_encryption() {
        Some(BucketEncryption::Kms { bucket_key: true, .. }) => {
            Check::pass(ID, "the bucket has an S3 bucket key, which spares KMS most calls").because(SOURCE)
        }
        _ => Check::warn(
            ID,
            "without an S3 bucket key every file is a call to KMS: it costs, and KMS may throttle",
        )
        .because(SOURCE)
        .mixpanel_sees("503 SlowDown: … operations involving AWS KMS")
        .fix_command(case.setup_command(&["--harden", "encryption"])),
    }
}
