//! What is known of the requests that Mixpanel makes: the values of the condition keys that policies ask for.

use super::{Call, RoleCalls};
use crate::encryption::{BucketEncryption, Method};
use crate::names::KeyArn;
use crate::policy::evaluate::{Fact, RequestContext};
use crate::policy::trust::requests::{everywhere, known, time};
use crate::verify::freshness::day_prefix;

impl RoleCalls<'_> {
    /// What is known of every request of the session's.
    fn session_context(&self) -> RequestContext {
        let role = self.role;
        let user_id = match role.id.as_str() {
            "" => Fact::Present,
            id => Fact::StartsWith(format!("{id}:")),
        };
        let context = everywhere(Some(self.evidence.now))
            .with("aws:PrincipalArn", known(role.arn.as_str()))
            .with("aws:PrincipalAccount", known(role.arn.account()))
            .with("aws:PrincipalType", known("AssumedRole"))
            .with("aws:userid", user_id)
            .with("aws:username", Fact::Absent)
            .with("aws:SourceIdentity", Fact::Absent)
            .with("aws:MultiFactorAuthPresent", known("false"))
            // The next session begins later than now.
            .with("aws:TokenIssueTime", time(self.evidence.now))
            .with("aws:RequestedRegion", known(self.facts.settings.region.as_str()));
        role.tags.iter().fold(context, |context, tag| {
            context.with(&format!("aws:PrincipalTag/{}", tag.key), known(&tag.value))
        })
    }

    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
    pub(super) fn s3_context(&self, call: &Call) -> RequestContext {
        let owner = known(self.facts.owner.as_str());
        let form = &self.subject.form;
        let (algorithm, key) = match (call, form.encryption) {
            (Call::Put(_), Method::Aes) => (known("AES256"), Fact::Absent),
            (Call::Put(_), Method::Kms) => {
                let key = form.key.as_ref();
                let key = key.map_or(Fact::Absent, |key| known(key.as_str()));
                (known("aws:kms"), key)
            }
            _ => (Fact::Absent, Fact::Absent),
        };
        let only = |applies: bool, fact: Fact| if applies { fact } else { Fact::Absent };
        let (puts, lists) = (matches!(call, Call::Put(_)), matches!(call, Call::List));
        let removes = matches!(call, Call::Delete(_));
        self.session_context()
            .with("aws:ViaAWSService", known("false"))
            .with("aws:ResourceAccount", owner.clone())
            // These belong to listings, and those to writing; Mixpanel makes nothing public.
            .with("s3:prefix", only(lists, Fact::Unknown))
            .with("s3:delimiter", only(lists, Fact::Unknown))
            .with("s3:max-keys", only(lists, Fact::Unknown))
            .with("s3:x-amz-acl", only(puts, private_acl()))
            .with("s3:LocationConstraint", Fact::Absent)
            .with("s3:x-amz-copy-source", only(puts, Fact::Unknown))
            .with("s3:x-amz-metadata-directive", only(puts, Fact::Unknown))
            .with("s3:x-amz-website-redirect-location", only(puts, Fact::Unknown))
            .with("s3:ObjectCreationOperation", only(puts, Fact::Unknown))
            .with("s3:RequestObjectTagKeys", only(puts, Fact::Unknown))
            .with_default("s3:RequestObjectTag/", only(puts, Fact::Unknown))
            .with_default("s3:x-amz-grant-", only(puts, Fact::Unknown))
            // A write or a removal may depend on what is there.
            .with("s3:if-match", only(puts || removes, Fact::Unknown))
            .with("s3:if-none-match", only(puts || removes, Fact::Unknown))
            // No object that is written or listed has its tags in the request.
            .with_default("s3:ExistingObjectTag/", only(!puts && !lists, Fact::Unknown))
            .with("s3:x-amz-storage-class", only(puts, Fact::Unknown))
            // What AWS's SDKs send.
            .with("s3:authType", known("REST-HEADER"))
            .with("s3:ResourceAccount", owner)
            .with("s3:x-amz-server-side-encryption", algorithm)
            .with("s3:x-amz-server-side-encryption-aws-kms-key-id", key)
            .with("s3:x-amz-server-side-encryption-customer-algorithm", Fact::Absent)
            .with("s3:signatureversion", known("AWS4-HMAC-SHA256"))
            .with("s3:TlsVersion", Fact::Among(["1.2", "1.3"].map(known).into()))
            .with("s3:DataAccessPointArn", Fact::Absent)
            .with("s3:DataAccessPointAccount", Fact::Absent)
            .with("s3:AccessPointNetworkOrigin", Fact::Absent)
            .with("s3:VersionId", Fact::Absent)
            .with("s3:object-lock-mode", Fact::Absent)
            .with("s3:object-lock-legal-hold", Fact::Absent)
            .with("s3:object-lock-retain-until-date", Fact::Absent)
            .with("s3:object-lock-remaining-retention-days", Fact::Absent)
    }

    /// S3 calls KMS in the session's name, with the object's ARN as encryption context, or with the bucket's where
    /// there is a bucket key.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context>
    pub(super) fn kms_context(&self, key: &KeyArn) -> RequestContext {
        let region = &self.facts.settings.region;
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        let encrypted = match (self.has_bucket_key(), &self.subject.project) {
            (true, _) => known(&bucket),
            (false, None) => Fact::StartsWith(format!("{bucket}/")),
            (false, Some(project)) => known(&format!(
                "{bucket}/{}export.json.gz",
                day_prefix(project.as_str(), self.evidence.now.date())
            )),
        };
        self.session_context()
            .with("kms:ViaService", known(&format!("s3.{region}.amazonaws.com")))
            .with("kms:CallerAccount", known(self.role.arn.account()))
            .with("kms:EncryptionContext:aws:s3:arn", encrypted)
            .with("kms:EncryptionContextKeys", known("aws:s3:arn"))
            .with("kms:EncryptionAlgorithm", known("SYMMETRIC_DEFAULT"))
            .with("kms:KeySpec", known("SYMMETRIC_DEFAULT"))
            .with("kms:KeyUsage", known("ENCRYPT_DECRYPT"))
            .with("kms:GrantIsForAWSResource", Fact::Absent)
            .with("aws:ResourceAccount", known(key.account()))
            .with_default("kms:EncryptionContext:", Fact::Absent)
    }

    fn has_bucket_key(&self) -> bool {
        matches!(
            self.facts.settings.encryption.known(),
            Some(Some(BucketEncryption::Kms { bucket_key: true, .. }))
        )
    }
}

/// The canned ACLs that let nobody but the two accounts in, or none.
fn private_acl() -> Fact {
    let named = ["private", "bucket-owner-read", "bucket-owner-full-control"].map(known);
    Fact::Among([Fact::Absent].into_iter().chain(named).collect())
}
