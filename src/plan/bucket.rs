//! The bucket's part of a plan.

use super::{Action, BucketDefault, Change, Planner, Resource, Step, missing_tags};
use crate::names::Tag;
use crate::observed::{Bucket, BucketEncryption, is_ours};
use crate::policy::Document;
use crate::policy::build::deny_plain_http;
use crate::policy::compare::diff;
use crate::policy::merge::with_statement;
use crate::spec::{ABORT_AFTER_DAYS, Encryption, KmsKey};

impl Planner<'_> {
    /// Makes the bucket, completes one of ours, or leaves somebody else's as it is. `key` is the step that makes the key.
    pub(super) fn bucket(&mut self, key: Option<usize>) {
        let bucket = self.spec.bucket.clone();
        match &self.observed.bucket {
            None => {
                let region = self.spec.region.clone();
                let created = self.bucket_step(
                    Change::Create,
                    &format!("in {region}, with ACLs off"),
                    Action::CreateBucket {
                        tags: self.spec.all_tags(),
                    },
                    Vec::new(),
                );
                self.complete(&Bucket::new_born(region), Some(created), key);
            }
            Some(present) if present.tags.known().is_some_and(|tags| is_ours(tags)) => {
                let before = self.plan.steps.len();
                self.complete(present, None, key);
                if self.plan.steps.len() == before {
                    let note = format!("in {}, as it should be", present.region);
                    self.keep(Resource::Bucket, bucket, note);
                }
            }
            Some(present) => {
                let note = match present.tags.known() {
                    Some(_) => "exists and was not made by mixpanel-s3: used as it is",
                    None => "exists, and its tags cannot be read: used as it is",
                };
                let note = format!("in {}; {note}", present.region);
                self.keep(Resource::Bucket, bucket, note);
            }
        }
    }

    /// The chain of sub-resources that a bucket of ours lacks. What cannot be read is not written.
    fn complete(&mut self, present: &Bucket, created: Option<usize>, key: Option<usize>) {
        let uploads =
            format!("lifecycle: unfinished uploads are aborted after {ABORT_AFTER_DAYS} days");
        let mut changes: Vec<(&str, Action)> = Vec::new();
        if let Some(tags) = self.tags_to_write(present) {
            changes.push(("tags", Action::TagBucket { tags }));
        }
        if present.blocks_public_access.known() == Some(&false) {
            changes.push(("all public access blocked", Action::BlockPublicAccess));
        }
        if present.acls_off.known() == Some(&false) {
            changes.push(("ACLs off", Action::TurnAclsOff));
        }
        if let Some(default) = self.encryption_to_write(present) {
            let summary = match &default {
                BucketDefault::Aes => "default encryption SSE-S3 (AES)",
                BucketDefault::Kms(None) => "default encryption SSE-KMS with the aws/s3 key",
                BucketDefault::Kms(Some(_)) => "default encryption SSE-KMS with your key",
                BucketDefault::NewKey => "default encryption SSE-KMS with the new key",
            };
            changes.push((summary, Action::SetEncryption(default)));
        }
        if let Some(policy) = self.policy_to_write(present) {
            changes.push((
                "bucket policy: plain HTTP is refused",
                Action::SetBucketPolicy(policy),
            ));
        }
        if let Some(lifecycle) = present
            .lifecycle
            .known()
            .filter(|rules| !rules.aborts_uploads)
        {
            let action = Action::AbortUnfinishedUploads {
                others: lifecycle.rules > 0,
            };
            changes.push((&uploads, action));
        }

        let mut last = created;
        for (summary, action) in changes {
            let waits_for_key = action == Action::SetEncryption(BucketDefault::NewKey);
            let after = last
                .into_iter()
                .chain(key.filter(|_| waits_for_key))
                .collect();
            let difference = match (&action, present.policy.known()) {
                (Action::SetBucketPolicy(wanted), Some(Some(policy))) => Some(diff(policy, wanted)),
                _ => None,
            };
            let step = self.bucket_step(Change::Update, summary, action, after);
            self.plan.steps[step].diff = difference;
            last = Some(step);
        }
    }

    fn bucket_step(
        &mut self,
        change: Change,
        summary: &str,
        action: Action,
        after: Vec<usize>,
    ) -> usize {
        self.push(Step {
            change,
            resource: Resource::Bucket,
            id: self.spec.bucket.to_string(),
            summary: summary.to_owned(),
            action,
            after,
            diff: None,
        })
    }

    /// PutBucketTagging replaces all tags, so what is written holds those that are there.
    fn tags_to_write(&self, present: &Bucket) -> Option<Vec<Tag>> {
        let present = present.tags.known()?;
        let missing = missing_tags(&self.spec.all_tags(), present);
        if missing.is_empty() {
            return None;
        }
        let replaced = |tag: &&Tag| missing.iter().any(|new| new.key == tag.key);
        let kept = present.iter().filter(|tag| !replaced(tag)).cloned();
        Some(kept.chain(missing.iter().cloned()).collect())
    }

    /// The bucket's policy with the statement that refuses plain HTTP, unless it has it.
    fn policy_to_write(&self, present: &Bucket) -> Option<Document> {
        let empty = Document::new(Vec::new());
        let policy = present.policy.known()?.as_ref().unwrap_or(&empty);
        let wanted = with_statement(policy, &deny_plain_http(&self.spec.bucket));
        (wanted != *policy).then_some(wanted)
    }

    fn encryption_to_write(&self, present: &Bucket) -> Option<BucketDefault> {
        let present = present.encryption.known()?.as_ref();
        let (is_kms, key) = match present {
            Some(BucketEncryption::Kms { key, .. }) => (true, key.as_deref()),
            _ => (false, None),
        };
        match &self.spec.encryption {
            // Mixpanel asks for nothing, so whatever the bucket does by default is what is wanted.
            Encryption::None => None,
            Encryption::Aes => {
                (present != Some(&BucketEncryption::Aes)).then_some(BucketDefault::Aes)
            }
            Encryption::Kms(KmsKey::New(_)) => Some(BucketDefault::NewKey),
            Encryption::Kms(KmsKey::AwsManaged) => {
                let same = is_kms && key.is_none_or(|key| key.ends_with("alias/aws/s3"));
                (!same).then_some(BucketDefault::Kms(None))
            }
            Encryption::Kms(KmsKey::Own(arn)) => {
                // A bucket may name its key by ARN or by ID.
                let same = key.is_some_and(|key| {
                    arn.as_str() == key || arn.as_str().ends_with(&format!("/{key}"))
                });
                (!same).then(|| BucketDefault::Kms(Some(arn.clone())))
            }
        }
    }
}
