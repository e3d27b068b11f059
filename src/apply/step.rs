//! One step: the calls that it makes, and which of their failures are worth waiting for.

use std::time::Duration;

use super::executor::{Reporter, retry_step};
use super::{Applying, Born};
use crate::aws::iam::NewRole;
use crate::aws::{Aws, Cause, Failure};
use crate::encryption::{BucketEncryption, WantedDefault};
use crate::names::{AliasName, IamPath, KeyArn, PolicyArn, Tag};
use crate::observed::{self, Key, Owner};
use crate::plan::{Action, Before, PolicyDocument};
use crate::policy::Document;
use crate::policy::compare::same_meaning;
use crate::process::Interrupts;
use crate::wait::{Patience, retry_until};

/// How long this run waits for another one, which made the role just now, to make and name the key. The other one needs
/// two requests for it.
const PATIENCE_FOR_A_KEY: Patience = Patience::steady(Duration::from_secs(10));

/// Does what an action says, and tells why whenever it waits.
pub(super) async fn run(
    context: &Applying,
    action: &Action,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let reason = |failure: &Failure| reason_to_wait(context, action, failure);
    retry_step(interrupts, reporter, reason, || {
        attempt(context, action, interrupts, reporter)
    })
    .await
}

/// IAM and S3 answer from many places, and what was just made reaches them one after another.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
fn reason_to_wait(context: &Applying, action: &Action, failure: &Failure) -> Option<&'static str> {
    match failure.cause {
        // Asking again would be answered in the same way.
        Cause::Odd => None,
        Cause::NotYet => Some("AWS is busy with another change of the same thing"),
        _ if failure.names_unknown_principal() => Some("IAM does not know every principal of the trust policy yet"),
        _ if failure.may_have_acted() && looks_before_it_acts(action) => {
            Some("AWS did not answer; looking whether it acted")
        }
        Cause::NotFound if context.creates => match action {
            Action::AttachPolicy(_) => Some("IAM has not heard of the new role or policy everywhere yet"),
            Action::TagBucket { .. }
            | Action::BlockPublicAccess
            | Action::TurnAclsOff
            | Action::SetEncryption { .. }
            | Action::SetBucketPolicy { .. }
            | Action::AbortUnfinishedUploads { .. } => Some("S3 has not heard of the new bucket everywhere yet"),
            _ => None,
        },
        _ => None,
    }
}

async fn attempt(
    context: &Applying,
    action: &Action,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let Applying { aws, spec, .. } = context;
    let (bucket, owner, role) = (&spec.bucket, &spec.account, &spec.role);
    match action {
        Action::CreateKey {
            alias,
            description,
            tags,
        } => {
            let key = match others_key(context, alias, interrupts, reporter).await? {
                Some(key) => key,
                None => named_key(context, alias, description, tags).await?,
            };
            context.keys.named.get_or_init(|| key);
            Ok(())
        }
        Action::CreateBucket { tags } => create_bucket(context, tags).await,
        Action::TagBucket { before, tags } => context.replace_bucket_tags(before, tags).await,
        Action::BlockPublicAccess if context.was_born(Born::blocks_public_access) => Ok(()),
        Action::BlockPublicAccess => aws.block_public_access(bucket, owner).await,
        Action::TurnAclsOff => aws.turn_acls_off(bucket, owner).await,
        Action::SetEncryption { before, default } => set_encryption(context, before, default).await,
        Action::SetBucketPolicy { before, document } => context.replace_bucket_policy(before, document).await,
        Action::AbortUnfinishedUploads { before } => context.add_abort_rule(before).await,
        Action::CreatePolicy {
            arn,
            path,
            description,
            document,
            tags,
        } => {
            let document = resolved(context, document)?;
            let result = aws.create_policy(arn, path, description, &document, tags).await;
            unless_made(result, policy_is_there(aws, arn, &document)).await
        }
        Action::DeletePolicyVersion { arn, version, before } => context.drop_version(arn, version, before).await,
        Action::ReplacePolicyDocument { arn, before, document } => {
            let document = resolved(context, document)?;
            context.replace_policy_document(arn, before, &document).await
        }
        Action::TagPolicy { arn, tags } => aws.tag_policy(arn, tags).await,
        Action::CreateRole {
            path,
            trust,
            boundary,
            description,
            tags,
        } => {
            let boundary = boundary.as_ref();
            let new = NewRole {
                name: role,
                path,
                trust,
                boundary,
                description,
                tags,
            };
            let result = aws.create_role(new).await;
            unless_made(result, role_is_there(context, path, trust)).await
        }
        Action::UpdateTrust { before, document } => context.replace_trust(before, document).await,
        Action::SetBoundary { before, boundary } => context.replace_boundary(before.as_deref(), boundary).await,
        Action::TagRole(tags) => aws.tag_role(role, tags).await,
        Action::PutInlinePolicy { name, before, document } => {
            context.replace_inline_policy(name, before, document).await
        }
        Action::AttachPolicy(policy) => aws.attach_policy(role, policy).await,
    }
}

async fn create_bucket(context: &Applying, tags: &[Tag]) -> Result<(), Failure> {
    let Applying { aws, spec, .. } = context;
    match aws.create_bucket(&spec.bucket, &spec.region, tags).await {
        // It was missing a moment ago and is the account's now: an answer that was lost, or a run beside this one. What
        // is set on it is read before it is written. (In us-east-1 S3 answers 200 instead, and nobody can tell.)
        Err(failure) if failure.code == "BucketAlreadyOwnedByYou" => {
            context.bucket_was_taken.get_or_init(|| ());
            match aws.bucket_tags(&spec.bucket, &spec.account).await?.known() {
                Some(tags) if tags.is_empty() || observed::owner(tags) == Owner::Us => Ok(()),
                _ => Err(failure),
            }
        }
        Ok(()) => {
            context.look_at_the_newborn().await;
            Ok(())
        }
        result => result,
    }
}

async fn set_encryption(
    context: &Applying,
    before: &Before<Option<BucketEncryption>>,
    default: &WantedDefault,
) -> Result<(), Failure> {
    if *default == WantedDefault::Aes && context.was_born(Born::encrypts_with_aes) {
        return Ok(());
    }
    let default = default
        .resolved(context.keys.named.get())
        .ok_or_else(|| no_key_yet("s3:PutEncryptionConfiguration"))?;
    context.replace_encryption(before, &default).await
}

async fn policy_is_there(aws: &Aws, arn: &PolicyArn, document: &Document) -> Result<bool, Failure> {
    let policy = aws.policy(arn).await?;
    Ok(policy
        .is_some_and(|policy| observed::owner(&policy.tags) == Owner::Us && same_meaning(&policy.document, document)))
}

async fn role_is_there(context: &Applying, path: &IamPath, trust: &Document) -> Result<bool, Failure> {
    context.keys.role_was_taken.get_or_init(|| ());
    let role = context.aws.role(&context.spec.role).await?;
    Ok(role.is_some_and(|role| {
        observed::owner(&role.tags) == Owner::Us && role.path == *path && same_meaning(&role.trust, trust)
    }))
}

/// Takes "it is there already" for done where what is there is ours and says the same: an earlier answer was lost, or
/// another run beside this one was quicker.
async fn unless_made(
    result: Result<(), Failure>,
    is_as_wanted: impl Future<Output = Result<bool, Failure>>,
) -> Result<(), Failure> {
    match result {
        Err(failure) if failure.cause == Cause::AlreadyExists && is_as_wanted.await? => Ok(()),
        result => result,
    }
}

/// Whether an action first looks whether an earlier try has acted, so that it can be tried again after a lost answer.
/// The SDK tries all other calls again by itself: they say the same twice, or answer that the thing is there.
fn looks_before_it_acts(action: &Action) -> bool {
    matches!(action, Action::CreateKey { .. } | Action::ReplacePolicyDocument { .. })
}

/// The key that another run has made under this alias meanwhile. Where the role was there already when this run came to
/// make it, another run may be between its role and its key, and is waited for.
async fn others_key(
    context: &Applying,
    alias: &AliasName,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<Option<KeyArn>, Failure> {
    if context.keys.role_was_taken.get().is_none() || context.keys.made.get().is_some() {
        return Ok(None);
    }
    let found = retry_until(
        PATIENCE_FOR_A_KEY,
        interrupts,
        |reason| reporter.tell(format!("waiting: {reason}")),
        |found| matches!(found, Ok(None)).then_some("another run may be making it"),
        || context.aws.key(alias.as_str()),
    )
    .await?;
    match found {
        Some(key) => key_of_ours(context, alias, key).await.map(Some),
        None if interrupts.happened() => Err(Failure::incomplete("kms:CreateKey", alias.as_str(), "interrupted")),
        None => Ok(None),
    }
}

/// The key under its alias: the one that this run makes, or the one that another run named first.
async fn named_key(context: &Applying, alias: &AliasName, description: &str, tags: &[Tag]) -> Result<KeyArn, Failure> {
    let aws = &context.aws;
    let made = made_key(context, description, tags).await?;
    // The name comes last: a key without one is what the next run completes.
    aws.enable_key_rotation(&made).await?;
    match aws.create_alias(alias, &made).await {
        Ok(()) => Ok(made),
        // An answer that was lost, or a run beside this one. An alias names one key, so both go on with that one.
        Err(failure) if failure.cause == Cause::AlreadyExists => match aws.key(alias.as_str()).await? {
            Some(key) if key.arn == made => Ok(made),
            Some(key) => key_of_ours(context, alias, key).await,
            None => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

/// A key that an alias names, if it is as this program makes them: somebody may have put another one there.
async fn key_of_ours(context: &Applying, alias: &AliasName, key: Key) -> Result<KeyArn, Failure> {
    let ownership = context.aws.key_ownership(&key.arn).await?;
    match ownership.objection(context.spec.account.as_str()) {
        None => Ok(key.arn),
        Some(objection) => Err(Failure {
            cause: Cause::AlreadyExists,
            ..Failure::incomplete(
                "kms:CreateAlias",
                alias.as_str(),
                &format!("it names a key that is not as setup makes them: {objection}"),
            )
        }),
    }
}

/// The key of this run: the one that it made, or one whose making was cut short, or a new one.
async fn made_key(context: &Applying, description: &str, tags: &[Tag]) -> Result<KeyArn, Failure> {
    if let Some(key) = context.keys.made.get() {
        return Ok(key.clone());
    }
    let account = &context.spec.account;
    let unnamed = context.aws.unnamed_key(description, account).await?;
    let key = match unnamed {
        Some(key) => key,
        None => context.aws.create_key(description, tags).await?,
    };
    Ok(context.keys.made.get_or_init(|| key).clone())
}

fn resolved(context: &Applying, document: &PolicyDocument) -> Result<Document, Failure> {
    document
        .resolved(context.keys.named.get())
        .ok_or_else(|| no_key_yet("iam:CreatePolicy"))
}

/// The plan's order puts every step that needs the key after the one that makes it.
fn no_key_yet(action: &'static str) -> Failure {
    Failure::incomplete(action, "the new key", "the key has not been made yet")
}
