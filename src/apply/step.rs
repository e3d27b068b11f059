//! One step: the calls that it makes, and which of their failures are worth waiting for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use crate::aws::iam::NewRole;
use crate::aws::s3::DefaultEncryption;
use crate::aws::{Aws, Cause, Failure};
use crate::names::{AliasName, KeyArn, Tag};
use crate::observed::is_ours;
use crate::plan::{Action, BucketDefault, PolicyDocument};
use crate::policy::compare::same_meaning;
use crate::policy::{Document, build};
use crate::process::Interrupts;

/// How long a step waits in all for AWS to hear of what was just made.
const PATIENCE: Duration = Duration::from_secs(120);
/// The first pause; each one after it is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Does what an action says. `wait` is told why, whenever the step waits. Ctrl-C ends the waiting, never a request.
pub(super) async fn run(
    context: &Context,
    action: &Action,
    interrupts: &Interrupts,
    wait: impl Fn(&'static str),
) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt(context, action).await {
            Ok(()) => return Ok(()),
            Err(failure) => match reason_to_wait(context, action, &failure) {
                Some(reason) if Instant::now() + pause < deadline => {
                    wait(reason);
                    tokio::select! {
                        () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                        () = interrupts.wait(1) => return Err(failure),
                    }
                }
                _ => return Err(failure),
            },
        }
    }
}

/// IAM and S3 answer from many places, and what was just made reaches them one after another.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
fn reason_to_wait(context: &Context, action: &Action, failure: &Failure) -> Option<&'static str> {
    match failure.cause {
        Cause::NotYet => Some("AWS is busy with another change of the same thing"),
        _ if failure.may_have_acted() && looks_before_it_acts(action) => {
            Some("AWS did not answer; looking whether it acted")
        }
        Cause::NotFound if context.creates => match action {
            Action::AttachPolicy(_) => {
                Some("IAM has not heard of the new role or policy everywhere yet")
            }
            Action::TagBucket { .. }
            | Action::BlockPublicAccess
            | Action::TurnAclsOff
            | Action::SetEncryption(_)
            | Action::SetBucketPolicy(_)
            | Action::AbortUnfinishedUploads { .. } => {
                Some("S3 has not heard of the new bucket everywhere yet")
            }
            _ => None,
        },
        _ => None,
    }
}

async fn attempt(context: &Context, action: &Action) -> Result<(), Failure> {
    let Context { aws, spec, .. } = context;
    let (bucket, owner, role) = (&spec.bucket, &spec.account, &spec.role);
    match action {
        Action::CreateKey {
            alias,
            description,
            tags,
        } => {
            let key = made_key(context, description, tags).await?;
            let named = aws.create_alias(alias, &key).await;
            if let Err(failure) = named
                && !(failure.cause == Cause::AlreadyExists && names_key(aws, alias, &key).await?)
            {
                return Err(failure);
            }
            aws.enable_key_rotation(&key).await
        }
        Action::CreateBucket { tags } => {
            match aws.create_bucket(bucket, &spec.region, tags).await {
                // It was missing a moment ago and is ours now: an answer that was lost, or a run beside this one.
                Err(failure) if failure.code == "BucketAlreadyOwnedByYou" => Ok(()),
                result => result,
            }
        }
        Action::TagBucket { tags } => aws.put_bucket_tags(bucket, owner, tags).await,
        Action::BlockPublicAccess => aws.block_public_access(bucket, owner).await,
        Action::TurnAclsOff => aws.turn_acls_off(bucket, owner).await,
        Action::SetEncryption(default) => {
            let key = match default {
                BucketDefault::NewKey => Some(new_key(context, "s3:PutEncryptionConfiguration")?),
                BucketDefault::Kms(key) => key.as_ref(),
                BucketDefault::Aes => {
                    return aws
                        .put_bucket_encryption(bucket, owner, DefaultEncryption::Aes)
                        .await;
                }
            };
            aws.put_bucket_encryption(bucket, owner, DefaultEncryption::Kms(key))
                .await
        }
        Action::SetBucketPolicy(document) => aws.put_bucket_policy(bucket, owner, document).await,
        Action::AbortUnfinishedUploads { others } => {
            aws.abort_unfinished_uploads(bucket, owner, *others).await
        }
        Action::CreatePolicy {
            arn,
            path,
            description,
            document,
            tags,
        } => {
            let document = resolved(context, document)?;
            let result = aws
                .create_policy(arn, path, description, &document, tags)
                .await;
            unless_made(result, async {
                let policy = aws.policy(arn).await?;
                Ok(policy.is_some_and(|policy| {
                    is_ours(&policy.tags) && same_meaning(&policy.document, &document)
                }))
            })
            .await
        }
        Action::ReplacePolicyDocument { arn, document } => {
            let document = resolved(context, document)?;
            // An earlier try may have acted although its answer was lost.
            match aws.policy(arn).await? {
                Some(policy) if same_meaning(&policy.document, &document) => Ok(()),
                _ => aws.replace_policy_document(arn, &document).await,
            }
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
            unless_made(aws.create_role(new).await, async {
                let role = aws.role(role).await?;
                Ok(role.is_some_and(|role| {
                    is_ours(&role.tags) && role.path == *path && same_meaning(&role.trust, trust)
                }))
            })
            .await
        }
        Action::UpdateTrust(trust) => aws.update_trust(role, trust).await,
        Action::SetBoundary(boundary) => aws.put_boundary(role, boundary).await,
        Action::TagRole(tags) => aws.tag_role(role, tags).await,
        Action::AttachPolicy(policy) => aws.attach_policy(role, policy).await,
    }
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

/// Whether an action first looks whether an earlier try has acted, so that it can be tried again after a lost answer. The
/// SDK tries all other calls again by itself: they say the same twice, or answer that the thing is there.
fn looks_before_it_acts(action: &Action) -> bool {
    matches!(
        action,
        Action::CreateKey { .. } | Action::ReplacePolicyDocument { .. }
    )
}

/// The key of this run: the one that it made, or one whose making was cut short, or a new one.
async fn made_key(context: &Context, description: &str, tags: &[Tag]) -> Result<KeyArn, Failure> {
    if let Some(key) = context.new_key.get() {
        return Ok(key.clone());
    }
    let unnamed = context.aws.unnamed_key(description).await?;
    let key = match unnamed {
        Some(key) => key,
        None => context.aws.create_key(description, tags).await?,
    };
    Ok(context.new_key.get_or_init(|| key).clone())
}

/// Whether an alias names this key already.
async fn names_key(aws: &Aws, alias: &AliasName, key: &KeyArn) -> Result<bool, Failure> {
    Ok(aws
        .key(alias.as_str())
        .await?
        .is_some_and(|named| named.arn == *key))
}

fn resolved(context: &Context, document: &PolicyDocument) -> Result<Document, Failure> {
    match document {
        PolicyDocument::Ready(document) => Ok(document.clone()),
        PolicyDocument::KmsForNewKey => Ok(build::kms(new_key(context, "iam:CreatePolicy")?)),
    }
}

/// The plan's order puts every step that needs the key after the one that makes it.
fn new_key<'a>(context: &'a Context, action: &'static str) -> Result<&'a KeyArn, Failure> {
    context
        .new_key
        .get()
        .ok_or_else(|| Failure::incomplete(action, "the new key", "the key has not been made yet"))
}
