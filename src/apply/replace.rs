//! Replaces things whole that somebody else may have changed since the plan was made: a bucket's tags, encryption,
//! policy and lifecycle rules, a role's trust, boundary and inline policies, a policy's document.
//!
//! None of these requests takes a condition such as `If-Match`. So each thing is read again right before it is written,
//! and compared with what the plan was made from: a difference stops the step and loses nothing. What is there as it
//! shall be was written by an earlier try whose answer was lost, or by somebody who wants the same. A window remains:
//! what is changed between that reading and the write, some tens of milliseconds, is overwritten. IAM answers from many
//! places, and a change of a few seconds ago may not show.

use super::{Applying, Born};
use crate::aws::s3::{EncryptionRules, LifecycleRules};
use crate::aws::{Cause, Failure};
use crate::encryption::BucketEncryption;
use crate::names::{PolicyArn, Tag};
use crate::observed::{Lifecycle, Reading, Unanswered};
use crate::plan::Before;
use crate::policy::Document;
use crate::policy::compare::same_meaning;

/// A write, and what it replaces.
struct Write<'a> {
    action: &'static str,
    resource: &'a str,
    /// What it replaces, in words.
    what: &'static str,
}

impl Write<'_> {
    /// Whether it is done already; an error where what is there is neither what is wanted nor what was there.
    fn is_done(&self, is_wanted: bool, is_as_before: bool) -> Result<bool, Failure> {
        match is_wanted || is_as_before {
            true => Ok(is_wanted),
            false => Err(Failure::changed(self.action, self.resource, self.what)),
        }
    }

    /// The same of a document.
    fn is_written(
        &self,
        present: Option<&Document>,
        before: Option<&Document>,
        wanted: &Document,
    ) -> Result<bool, Failure> {
        let is_wanted = present.is_some_and(|present| same_meaning(present, wanted));
        self.is_done(is_wanted, present == before)
    }

    /// What `read_by` read; an error where it may not be read any more, since writing without reading could lose
    /// something.
    fn known<T>(&self, read_by: &'static str, reading: Reading<T>) -> Result<T, Failure> {
        match reading {
            Reading::Known(value) => Ok(value),
            // The plan was made from what could be read then.
            Reading::Unreadable(unread) => {
                let message = format!("{unread}, and writing without reading could lose something");
                let failure = match unread.why {
                    Unanswered::Refused => Failure::refused(read_by, self.resource),
                    Unanswered::Senseless(_) => Failure::incomplete(self.action, self.resource, ""),
                };
                Err(Failure { message, ..failure })
            }
        }
    }
}

impl Applying {
    /// What was there before, where it has to be read again. A bucket that this run makes is read only where it turned
    /// out to be there already when it was to be made: another run of this program, or somebody else, was quicker.
    fn was<T: Clone>(&self, before: &Before<T>, of_new_bucket: T) -> Option<T> {
        match before {
            Before::Was(was) => Some(was.clone()),
            Before::Unborn if self.bucket_was_taken.get().is_some() => Some(of_new_bucket),
            Before::Unborn => None,
        }
    }

    pub(super) async fn replace_bucket_tags(&self, before: &Before<Vec<Tag>>, tags: &[Tag]) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket("s3:PutBucketTagging", "its tags");
        let has_them = |born: &Born| born.tags.as_ref().is_some_and(|own| same_tags(own, tags));
        if self.was_born(has_them) {
            return Ok(());
        }
        if let Some(was) = self.was(before, Vec::new()) {
            let present = write.known("s3:GetBucketTagging", self.aws.bucket_tags(bucket, owner).await?)?;
            if write.is_done(same_tags(&present, tags), same_tags(&present, &was))? {
                return Ok(());
            }
        }
        self.aws.put_bucket_tags(bucket, owner, tags).await
    }

    pub(super) async fn replace_bucket_policy(
        &self,
        before: &Before<Option<Document>>,
        document: &Document,
    ) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket("s3:PutBucketPolicy", "its policy");
        if let Some(was) = self.was(before, None) {
            let present = write.known("s3:GetBucketPolicy", self.aws.bucket_policy(bucket, owner).await?)?;
            if write.is_written(present.as_ref(), was.as_ref(), document)? {
                return Ok(());
            }
        }
        self.aws.put_bucket_policy(bucket, owner, document).await
    }

    pub(super) async fn replace_encryption(
        &self,
        before: &Before<Option<BucketEncryption>>,
        default: &BucketEncryption,
    ) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket("s3:PutEncryptionConfiguration", "its default encryption");
        let mut rules = EncryptionRules::default();
        if let Some(was) = self.was(before, None) {
            rules = write.known(
                "s3:GetEncryptionConfiguration",
                self.aws.encryption_rules(bucket, owner).await?,
            )?;
            let present = rules.default_encryption();
            // AWS answers SSE-S3 for a bucket that nobody has told anything.
            let nothing_set =
                |encryption: &Option<BucketEncryption>| matches!(encryption, None | Some(BucketEncryption::Aes));
            let is_as_before = present == was || (nothing_set(&present) && nothing_set(&was));
            if write.is_done(present.as_ref() == Some(default), is_as_before)? {
                return Ok(());
            }
        }
        self.aws.put_bucket_encryption(bucket, owner, default, rules).await
    }

    pub(super) async fn add_abort_rule(&self, before: &Before<Lifecycle>) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket("s3:PutLifecycleConfiguration", "its lifecycle rules");
        let mut rules = LifecycleRules::default();
        let of_new_bucket = rules.lifecycle();
        if let Some(was) = self.was(before, of_new_bucket) {
            rules = write.known(
                "s3:GetLifecycleConfiguration",
                self.aws.lifecycle_rules(bucket, owner).await?,
            )?;
            let present = rules.lifecycle();
            let same_others = present.others == was.others;
            if write.is_done(present.aborts_uploads() && same_others, present == was)? {
                return Ok(());
            }
        }
        self.aws.abort_unfinished_uploads(bucket, owner, rules).await
    }

    pub(super) async fn replace_trust(&self, before: &Document, document: &Document) -> Result<(), Failure> {
        let role = &self.spec.role;
        let write = Write {
            action: "iam:UpdateAssumeRolePolicy",
            resource: role.as_str(),
            what: "its trust policy",
        };
        let present = self.aws.role(role).await?.map(|role| role.trust);
        if write.is_written(present.as_ref(), Some(before), document)? {
            return Ok(());
        }
        self.aws.update_trust(role, document).await
    }

    pub(super) async fn replace_boundary(&self, before: Option<&str>, boundary: &PolicyArn) -> Result<(), Failure> {
        let role = &self.spec.role;
        let write = Write {
            action: "iam:PutRolePermissionsBoundary",
            resource: role.as_str(),
            what: "its permissions boundary",
        };
        let present = self.aws.role(role).await?;
        let now = present.as_ref().and_then(|role| role.boundary.as_deref());
        let is_as_before = present.is_some() && now == before;
        if write.is_done(now == Some(boundary.as_str()), is_as_before)? {
            return Ok(());
        }
        self.aws.put_boundary(role, boundary).await
    }

    pub(super) async fn replace_inline_policy(
        &self,
        name: &str,
        before: &Document,
        document: &Document,
    ) -> Result<(), Failure> {
        let role = &self.spec.role;
        let write = Write {
            action: "iam:PutRolePolicy",
            resource: role.as_str(),
            what: "its inline policy",
        };
        let present = match self.aws.inline_policy(role, name).await {
            Ok(present) => Some(present.document),
            Err(failure) if failure.cause == Cause::NotFound => None,
            Err(failure) => return Err(failure),
        };
        if write.is_written(present.as_ref(), Some(before), document)? {
            return Ok(());
        }
        self.aws.put_inline_policy(role, name, document).await
    }

    pub(super) async fn replace_policy_document(
        &self,
        arn: &PolicyArn,
        before: &Document,
        document: &Document,
    ) -> Result<(), Failure> {
        let write = Write {
            action: "iam:CreatePolicyVersion",
            resource: arn.as_str(),
            what: "what it says",
        };
        let present = self.aws.managed_document(arn).await?;
        if write.is_written(present.as_ref(), Some(before), document)? {
            return Ok(());
        }
        self.aws.replace_policy_document(arn, document).await
    }

    /// Makes room for a new version, where the policy still says what the plan was made from.
    pub(super) async fn drop_version(&self, arn: &PolicyArn, version: &str, before: &Document) -> Result<(), Failure> {
        let write = Write {
            action: "iam:DeletePolicyVersion",
            resource: arn.as_str(),
            what: "what it says",
        };
        let present = self.aws.managed_document(arn).await?;
        write.is_done(false, present.as_ref() == Some(before))?;
        self.aws.delete_policy_version(arn, version).await
    }

    fn on_bucket(&self, action: &'static str, what: &'static str) -> Write<'_> {
        Write {
            action,
            resource: self.spec.bucket.as_str(),
            what,
        }
    }
}

/// S3 keeps no order among tags.
fn same_tags(one: &[Tag], other: &[Tag]) -> bool {
    one.len() == other.len() && one.iter().all(|tag| other.contains(tag))
}
