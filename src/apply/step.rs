//! One step: the calls that it makes, and which of their failures are worth waiting for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use crate::aws::iam::NewRole;
use crate::aws::s3::DefaultEncryption;
use crate::aws::{Cause, Failure};
use crate::names::KeyArn;
use crate::plan::{Action, BucketDefault, PolicyDocument};
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
            let key = match context.new_key.get() {
                // Only the calls after CreateKey are tried again, so that no key is made twice.
                Some(key) => key.clone(),
                None => {
                    let key = aws.create_key(description, tags).await?;
                    context.new_key.get_or_init(|| key).clone()
                }
            };
            aws.create_alias(alias, &key).await?;
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
            aws.create_policy(arn, path, description, &document, tags)
                .await
        }
        Action::ReplacePolicyDocument { arn, document } => {
            let document = resolved(context, document)?;
            aws.replace_policy_document(arn, &document).await
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
            aws.create_role(NewRole {
                name: role,
                path,
                trust,
                boundary,
                description,
                tags,
            })
            .await
        }
        Action::UpdateTrust(trust) => aws.update_trust(role, trust).await,
        Action::SetBoundary(boundary) => aws.put_boundary(role, boundary).await,
        Action::TagRole(tags) => aws.tag_role(role, tags).await,
        Action::AttachPolicy(policy) => aws.attach_policy(role, policy).await,
    }
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
