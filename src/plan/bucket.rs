//! The bucket's part of a plan.

use super::{Action, Before, Change, Difference, Offer, Planner, Resource, Step, missing_tags, tags_difference};
use crate::encryption::{BucketEncryption, DefaultKey, Encryption, KmsKey, WantedDefault};
use crate::names::Tag;
use crate::observed::{Bucket, Owner, bucket_was_begun, owner, role_names_bucket};
use crate::policy::Document;
use crate::policy::build::deny_plain_http;
use crate::policy::merge::{SameSid, with_statement};
use crate::policy::plain_http::refuses_plain_http;
use crate::spec::{ABORT_AFTER_DAYS, ABORT_RULE_ID, Hardening};

/// A setting that a bucket lacks.
struct MissingSetting {
    /// `None` for the tags, which make nothing safer.
    hardening: Option<Hardening>,
    summary: String,
    action: Action,
    diff: Difference,
}

impl Planner<'_> {
    /// Makes the bucket, completes one of ours, or leaves somebody else's as it is but for what was agreed to. `key` is
    /// the step that makes the key.
    pub(super) fn bucket(&mut self, key: Option<usize>) {
        let bucket = self.spec.bucket.clone();
        let Some(present) = &self.observed.bucket else {
            let region = self.spec.region.clone();
            let created = self.bucket_step(
                Change::Create,
                &format!("in {region}, with ACLs off"),
                Action::CreateBucket {
                    tags: self.spec.all_tags(),
                },
                self.proof_of_bucket(),
            );
            let lacks = self.lacks(&Bucket::new_born(region), true);
            self.complete(lacks, Some(created), key);
            return;
        };
        let lacks = self.lacks(present, false);
        let tagged = present.tags.known().is_some_and(|tags| owner(tags) == Owner::Us);
        if self.was_begun(present) {
            let note =
                "a run that was cut short made it, as the role's tag says, and nothing is in it yet: it is completed";
            self.keep(Resource::Bucket, bucket, note);
            self.complete(lacks, None, key);
            return;
        }
        if tagged && self.role_names_bucket() {
            if lacks.is_empty() {
                let note = format!("in {}, as it should be", present.region);
                self.keep(Resource::Bucket, bucket, note);
            }
            self.complete(lacks, None, key);
            return;
        }
        let note = match present.tags.known() {
            Some(_) if tagged => {
                "exists; its tags say that mixpanel-s3 made it, and no policy of this set-up's role says so too: used \
                 as it is"
            }
            Some(_) => "exists and was not made by mixpanel-s3: used as it is",
            None => "exists, and its tags cannot be read: used as it is",
        };
        let note = format!("in {}; {note}", present.region);
        let (agreed, offered): (Vec<MissingSetting>, Vec<MissingSetting>) = lacks
            .into_iter()
            .filter(|lack| lack.hardening.is_some())
            .partition(|lack| {
                lack.hardening
                    .is_some_and(|hardening| self.spec.harden.contains(&hardening))
            });
        if agreed.is_empty() {
            self.keep(Resource::Bucket, bucket, note);
        }
        self.complete(agreed, None, key);
        self.plan.offers.extend(offered.into_iter().filter_map(|lack| {
            Some(Offer {
                hardening: lack.hardening?,
                summary: lack.summary,
                diff: Some(lack.diff),
            })
        }));
    }

    /// Whether the role of this set-up is proved to be ours and its policies name the bucket, which bears out the
    /// bucket's tags.
    fn role_names_bucket(&self) -> bool {
        let observed = self.observed;
        let role = observed.role.as_ref();
        role.is_some_and(|role| role_names_bucket(role, &observed.policies, &self.spec.bucket))
    }

    /// Whether an earlier run made the bucket and came no further.
    fn was_begun(&self, present: &Bucket) -> bool {
        let observed = self.observed;
        let role = observed.role.as_ref();
        role.is_some_and(|role| bucket_was_begun(present, &self.spec.bucket, role, &observed.policies))
    }

    /// What a bucket lacks of what a new one gets. What cannot be read is not written, so it is not lacking either.
    /// `is_new` says that the plan makes the bucket.
    fn lacks(&self, present: &Bucket, is_new: bool) -> Vec<MissingSetting> {
        let mut lacks = Vec::new();
        let mut lack = |hardening, summary: &str, action, diff| {
            lacks.push(MissingSetting {
                hardening,
                summary: summary.to_owned(),
                action,
                diff,
            });
        };
        if let Some((tags, diff)) = self.tags_to_write(present) {
            let before = before(is_new, present.tags.known().cloned().unwrap_or_default());
            lack(None, "tags", Action::TagBucket { before, tags }, diff);
        }
        if present.public_access.known().is_some_and(|blocks| !blocks.is_blocked()) {
            let diff = Difference::of_values(
                "public access: not blocked in every way",
                "public access: all four blocks on",
            );
            lack(
                Some(Hardening::PublicAccess),
                "all public access blocked",
                Action::BlockPublicAccess,
                diff,
            );
        }
        if present
            .ownership
            .known()
            .is_some_and(|ownership| !ownership.turns_acls_off())
        {
            let diff = Difference::of_values(
                "object ownership: ACLs are in force",
                "object ownership: BucketOwnerEnforced",
            );
            lack(Some(Hardening::Acls), "ACLs off", Action::TurnAclsOff, diff);
        }
        if let Some(default) = self.encryption_to_write(present) {
            let is = present.encryption.known().and_then(Option::as_ref);
            let before = before(is_new, is.cloned());
            let diff = Difference::of_values(
                format!(
                    "default encryption: {}",
                    is.map_or("none of its own".into(), ToString::to_string)
                ),
                format!("default encryption: {}", default),
            );
            let summary = match &default {
                WantedDefault::Aes => "default encryption SSE-S3 (AES)",
                WantedDefault::Kms(KmsKey::AwsManaged) => "default encryption SSE-KMS with the aws/s3 key",
                WantedDefault::Kms(KmsKey::Own(_)) => "default encryption SSE-KMS with your key",
                WantedDefault::Kms(KmsKey::New(())) => "default encryption SSE-KMS with the new key",
            };
            let action = Action::SetEncryption { before, default };
            lack(Some(Hardening::Encryption), summary, action, diff);
        }
        if let Some((was, document)) = self.policy_to_write(present) {
            let diff = Difference::of_documents(&was, &document);
            let before = before(is_new, present.policy.known().cloned().flatten());
            let action = Action::SetBucketPolicy { before, document };
            let summary = "bucket policy: plain HTTP is refused";
            lack(Some(Hardening::PlainHttp), summary, action, diff);
        }
        if let Some(lifecycle) = present.lifecycle.known().filter(|rules| !rules.aborts_uploads()) {
            let action = Action::AbortUnfinishedUploads {
                before: before(is_new, lifecycle.clone()),
            };
            let summary = format!("lifecycle: unfinished uploads are aborted after {ABORT_AFTER_DAYS} days");
            let diff = Difference::Values {
                present: Vec::new(),
                wanted: vec![format!("lifecycle rule: {ABORT_RULE_ID}")],
            };
            lack(Some(Hardening::Uploads), &summary, action, diff);
        }
        lacks
    }

    /// The chain of steps that give a bucket what it lacks.
    fn complete(&mut self, lacks: Vec<MissingSetting>, created: Option<usize>, key: Option<usize>) {
        let mut last = created;
        for lack in lacks {
            let waits_for_key = matches!(
                lack.action,
                Action::SetEncryption {
                    default: WantedDefault::Kms(KmsKey::New(())),
                    ..
                }
            );
            let depends_on = last.into_iter().chain(key.filter(|_| waits_for_key)).collect();
            let step = self.bucket_step(Change::Update, &lack.summary, lack.action, depends_on);
            // What a new bucket gets takes the place of nothing.
            self.plan.steps[step].diff = Some(lack.diff).filter(|_| created.is_none());
            last = Some(step);
        }
    }

    fn bucket_step(&mut self, change: Change, summary: &str, action: Action, depends_on: Vec<usize>) -> usize {
        self.push(Step {
            change,
            resource: Resource::Bucket,
            id: self.spec.bucket.to_string(),
            summary: summary.to_owned(),
            action,
            depends_on,
            diff: None,
        })
    }

    /// PutBucketTagging replaces all tags, so what is written holds those that are there.
    fn tags_to_write(&self, present: &Bucket) -> Option<(Vec<Tag>, Difference)> {
        let present = present.tags.known()?;
        let missing = missing_tags(&self.spec.all_tags(), present);
        if missing.is_empty() {
            return None;
        }
        let replaced = |tag: &&Tag| missing.iter().any(|new| new.key == tag.key);
        let kept = present.iter().filter(|tag| !replaced(tag)).cloned();
        let all = kept.chain(missing.iter().cloned()).collect();
        Some((all, tags_difference(&missing, present)))
    }

    /// The bucket's policy, and the same with the statement that refuses plain HTTP, unless it refuses it already.
    fn policy_to_write(&self, present: &Bucket) -> Option<(Document, Document)> {
        let empty = || Document::new(Vec::new());
        let policy = present.policy.known()?.clone().unwrap_or_else(empty);
        if refuses_plain_http(&policy, &self.spec.bucket) {
            return None;
        }
        let deny = deny_plain_http(&self.spec.bucket);
        let wanted = with_statement(&policy, &deny, SameSid::ReplacedIfNarrower);
        (wanted != policy).then_some((policy, wanted))
    }

    fn encryption_to_write(&self, present: &Bucket) -> Option<WantedDefault> {
        let present = present.encryption.known()?.as_ref();
        // A bucket may do without a bucket key, which costs no more than money, unless somebody asks for one.
        let asked = self.spec.harden.contains(&Hardening::Encryption);
        let encrypts_with = |wanted: &dyn Fn(&DefaultKey) -> bool| match present {
            Some(BucketEncryption::Kms { key, bucket_key }) => wanted(key) && (*bucket_key || !asked),
            None | Some(BucketEncryption::Aes) => false,
        };
        let wanted = match &self.spec.encryption {
            // Mixpanel asks for nothing, so whatever the bucket does by default is what is wanted.
            Encryption::None => return None,
            Encryption::Aes => return (present != Some(&BucketEncryption::Aes)).then_some(WantedDefault::Aes),
            Encryption::Kms(KmsKey::New(_)) => KmsKey::New(()),
            Encryption::Kms(KmsKey::AwsManaged) if encrypts_with(&|key| *key == DefaultKey::AwsManaged) => return None,
            Encryption::Kms(KmsKey::AwsManaged) => KmsKey::AwsManaged,
            Encryption::Kms(KmsKey::Own(arn)) if encrypts_with(&|key| key.names(arn)) => return None,
            Encryption::Kms(KmsKey::Own(arn)) => KmsKey::Own(arn.clone()),
        };
        Some(WantedDefault::Kms(wanted))
    }
}

/// What was there of a bucket that the plan makes, or does not.
fn before<T>(is_new: bool, was: T) -> Before<T> {
    match is_new {
        true => Before::Unborn,
        false => Before::Was(was),
    }
}
