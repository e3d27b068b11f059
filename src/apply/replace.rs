//! Replaces things whole that somebody else may have changed since the plan was made: a bucket's tags, encryption, policy and
//! lifecycle rules, a role's trust, boundary and inline policies, a policy's document.
//!
//! None of these requests takes a condition such as `If-Match`. So each thing is read again right before it is written, and
//! compared with what the plan was made from: a difference stops the step and loses nothing. What is there as it shall be was
//! written by an earlier try whose answer was lost, or by somebody who wants the same. A window remains: what is changed between
//! that reading and the write, some tens of milliseconds, is overwritten. IAM answers from many places, and a change of a few
//! seconds ago may not show.

use super::Context;
use crate::aws::s3::{DefaultEncryption, EncryptionRules, LifecycleRules};
use crate::aws::{Cause, Failure};
use crate::names::{PolicyArn, Tag};
use crate::observed::{BucketEncryption, Lifecycle, Reading, Unanswered};
use crate::plan::Before;
use crate::policy::Document;
use crate::policy::compare::same_meaning;
use crate::spec::ABORT_RULE_ID;

/// What is to be done about something that was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Write,
    IsDone,
}

/// A write, and what it replaces.
struct Write<'a> {
    action: &'static str,
    /// The action that reads it.
    read_by: &'static str,
    resource: &'a str,
    /// What it replaces, in words.
    what: &'static str,
}

impl Write<'_> {
    /// What to do, after what is there and what was there.
    fn verdict(&self, is_wanted: bool, is_as_before: bool) -> Result<Verdict, Failure> {
        match (is_wanted, is_as_before) {
            (true, _) => Ok(Verdict::IsDone),
            (false, true) => Ok(Verdict::Write),
            (false, false) => Err(Failure::changed(self.action, self.resource, self.what)),
        }
    }

    /// What was read; an error where it may not be read any more, since writing without reading could lose something.
    fn known<T>(&self, reading: Reading<T>) -> Result<T, Failure> {
        match reading {
            Reading::Known(value) => Ok(value),
            // The plan was made from what could be read then.
            Reading::Unreadable(unread) => {
                let message = format!("{unread}, and writing without reading could lose something");
                let failure = match unread.why {
                    Unanswered::Refused => Failure::refused(self.read_by, self.resource),
                    Unanswered::Senseless(_) => Failure::incomplete(self.action, self.resource, ""),
                };
                Err(Failure { message, ..failure })
            }
        }
    }
}

impl Context {
    /// What was there before, where it has to be read again. A bucket that this run makes is read only where it turned out to be
    /// there already when it was to be made: another run of this program, or somebody else, was quicker.
    fn was<T: Clone>(&self, before: &Before<T>, of_new_bucket: T) -> Option<T> {
        match before {
            Before::Was(was) => Some(was.clone()),
            Before::Unborn if self.bucket_was_taken.get().is_some() => Some(of_new_bucket),
            Before::Unborn => None,
        }
    }

    pub(super) async fn replace_bucket_tags(
        &self,
        before: &Before<Vec<Tag>>,
        tags: &[Tag],
    ) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket("s3:PutBucketTagging", "s3:GetBucketTagging", "its tags");
        if let Some(was) = self.was(before, Vec::new()) {
            let present = write.known(self.aws.bucket_tags(bucket, owner).await?)?;
            if write.verdict(same_tags(&present, tags), same_tags(&present, &was))?
                == Verdict::IsDone
            {
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
        let write = self.on_bucket("s3:PutBucketPolicy", "s3:GetBucketPolicy", "its policy");
        if let Some(was) = self.was(before, None) {
            let present = write.known(self.aws.bucket_policy(bucket, owner).await?)?;
            let is_wanted = present
                .as_ref()
                .is_some_and(|present| same_meaning(present, document));
            if write.verdict(is_wanted, present == was)? == Verdict::IsDone {
                return Ok(());
            }
        }
        self.aws.put_bucket_policy(bucket, owner, document).await
    }

    pub(super) async fn replace_encryption(
        &self,
        before: &Before<Option<BucketEncryption>>,
        default: DefaultEncryption<'_>,
    ) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket(
            "s3:PutEncryptionConfiguration",
            "s3:GetEncryptionConfiguration",
            "its default encryption",
        );
        let mut rules = EncryptionRules::default();
        if let Some(was) = self.was(before, None) {
            rules = write.known(self.aws.encryption_rules(bucket, owner).await?)?;
            let present = rules.default_encryption();
            let wanted = match default {
                DefaultEncryption::Aes => BucketEncryption::Aes,
                DefaultEncryption::Kms(key) => BucketEncryption::Kms {
                    key: key.map(ToString::to_string),
                    bucket_key: true,
                },
            };
            // AWS answers SSE-S3 for a bucket that nobody has told anything.
            let nothing_set = |encryption: &Option<BucketEncryption>| {
                matches!(encryption, None | Some(BucketEncryption::Aes))
            };
            let is_as_before = present == was || (nothing_set(&present) && nothing_set(&was));
            if write.verdict(present == Some(wanted), is_as_before)? == Verdict::IsDone {
                return Ok(());
            }
        }
        self.aws
            .put_bucket_encryption(bucket, owner, default, rules)
            .await
    }

    pub(super) async fn add_abort_rule(&self, before: &Before<Lifecycle>) -> Result<(), Failure> {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let write = self.on_bucket(
            "s3:PutLifecycleConfiguration",
            "s3:GetLifecycleConfiguration",
            "its lifecycle rules",
        );
        let mut rules = LifecycleRules::default();
        let of_new_bucket = rules.lifecycle();
        if let Some(was) = self.was(before, of_new_bucket) {
            rules = write.known(self.aws.lifecycle_rules(bucket, owner).await?)?;
            let present = rules.lifecycle();
            let mut own = present.rules.iter();
            let has_own = own.any(|rule| {
                rule.id == ABORT_RULE_ID && rule.is_for_everything() && rule.aborts_uploads
            });
            let same_others = present.others == was.others;
            if write.verdict(has_own && same_others, present == was)? == Verdict::IsDone {
                return Ok(());
            }
        }
        self.aws
            .abort_unfinished_uploads(bucket, owner, rules)
            .await
    }

    pub(super) async fn replace_trust(
        &self,
        before: &Document,
        document: &Document,
    ) -> Result<(), Failure> {
        let role = &self.spec.role;
        let write = Write {
            action: "iam:UpdateAssumeRolePolicy",
            read_by: "iam:GetRole",
            resource: role.as_str(),
            what: "its trust policy",
        };
        let present = self.aws.role(role).await?.map(|role| role.trust);
        let is_wanted = present
            .as_ref()
            .is_some_and(|present| same_meaning(present, document));
        match write.verdict(is_wanted, present.as_ref() == Some(before))? {
            Verdict::IsDone => Ok(()),
            Verdict::Write => self.aws.update_trust(role, document).await,
        }
    }

    pub(super) async fn replace_boundary(
        &self,
        before: Option<&str>,
        boundary: &PolicyArn,
    ) -> Result<(), Failure> {
        let role = &self.spec.role;
        let write = Write {
            action: "iam:PutRolePermissionsBoundary",
            read_by: "iam:GetRole",
            resource: role.as_str(),
            what: "its permissions boundary",
        };
        let present = self.aws.role(role).await?;
        let now = present.as_ref().and_then(|role| role.boundary.as_deref());
        let is_as_before = present.is_some() && now == before;
        match write.verdict(now == Some(boundary.as_str()), is_as_before)? {
            Verdict::IsDone => Ok(()),
            Verdict::Write => self.aws.put_boundary(role, boundary).await,
        }
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
            read_by: "iam:GetRolePolicy",
            resource: role.as_str(),
            what: "its inline policy",
        };
        let present = match self.aws.inline_policy(role, name).await {
            Ok(present) => Some(present.document),
            Err(failure) if failure.cause == Cause::NotFound => None,
            Err(failure) => return Err(failure),
        };
        let is_wanted = present
            .as_ref()
            .is_some_and(|present| same_meaning(present, document));
        match write.verdict(is_wanted, present.as_ref() == Some(before))? {
            Verdict::IsDone => Ok(()),
            Verdict::Write => self.aws.put_inline_policy(role, name, document).await,
        }
    }

    pub(super) async fn replace_policy_document(
        &self,
        arn: &PolicyArn,
        before: &Document,
        document: &Document,
    ) -> Result<(), Failure> {
        let write = Write {
            action: "iam:CreatePolicyVersion",
            read_by: "iam:GetPolicyVersion",
            resource: arn.as_str(),
            what: "what it says",
        };
        let present = self.aws.policy(arn).await?.map(|policy| policy.document);
        let is_wanted = present
            .as_ref()
            .is_some_and(|present| same_meaning(present, document));
        match write.verdict(is_wanted, present.as_ref() == Some(before))? {
            Verdict::IsDone => Ok(()),
            Verdict::Write => self.aws.replace_policy_document(arn, document).await,
        }
    }

    /// Makes room for a new version, where the policy still says what the plan was made from.
    pub(super) async fn drop_version(
        &self,
        arn: &PolicyArn,
        version: &str,
        before: &Document,
    ) -> Result<(), Failure> {
        let write = Write {
            action: "iam:DeletePolicyVersion",
            read_by: "iam:GetPolicyVersion",
            resource: arn.as_str(),
            what: "what it says",
        };
        let present = self.aws.policy(arn).await?;
        let is_there = present.as_ref().is_some_and(|policy| {
            policy.versions.is_empty() || policy.versions.iter().any(|one| one.id == version)
        });
        let is_as_before = present.is_some_and(|policy| policy.document == *before);
        match write.verdict(!is_there && is_as_before, is_as_before)? {
            Verdict::IsDone => Ok(()),
            Verdict::Write => self.aws.delete_policy_version(arn, version).await,
        }
    }

    fn on_bucket(
        &self,
        action: &'static str,
        read_by: &'static str,
        what: &'static str,
    ) -> Write<'_> {
        Write {
            action,
            read_by,
            resource: self.spec.bucket.as_str(),
            what,
        }
    }
}

/// S3 keeps no order among tags.
fn same_tags(one: &[Tag], other: &[Tag]) -> bool {
    one.len() == other.len() && one.iter().all(|tag| other.contains(tag))
}
