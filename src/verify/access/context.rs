//! What is known of the requests that Mixpanel makes: the values of the condition keys that policies ask for.

use time::format_description::well_known::Rfc3339;

use super::{Asked, Call, SOME_PROJECT};
use crate::details::UiEncryption;
use crate::names::{KeyArn, ProjectToken};
use crate::observed::{BucketEncryption, Role};
use crate::policy::build::{MIXPANEL_ACCOUNT, MIXPANEL_USER_ARN};
use crate::policy::evaluate::{Context, Fact, Principal, Request};
use crate::verify::evidence::Evidence;
use crate::verify::freshness::day_prefix;

/// The request in which Mixpanel's user assumes the role: from Mixpanel's account and network, without MFA.
pub fn assumption(evidence: &Evidence, role: &Role, token: &ProjectToken) -> Request {
    let context = everywhere(evidence)
        .with("sts:ExternalId", known(token.expose()))
        .with("aws:PrincipalArn", known(MIXPANEL_USER_ARN))
        .with("aws:PrincipalAccount", known(MIXPANEL_ACCOUNT))
        .with("aws:PrincipalType", known("User"))
        .with("aws:username", known("mixpanel-export"))
        .with("aws:userid", Fact::StartsWith("AIDA".into()))
        // Whatever Mixpanel's organization is, it is not the customer's.
        .with("aws:PrincipalOrgID", known("(Mixpanel's organization)"))
        .with("aws:PrincipalOrgPaths", known("(Mixpanel's organization)"))
        .with("aws:MultiFactorAuthPresent", Fact::Absent)
        .with("aws:ResourceAccount", known(role.arn.account()))
        .with("sts:RoleSessionName", Fact::Present)
        .with("sts:SourceIdentity", Fact::Absent);
    Request {
        principal: Principal::User {
            account: MIXPANEL_ACCOUNT.into(),
            arn: MIXPANEL_USER_ARN.into(),
        },
        action: "sts:AssumeRole".into(),
        resource: role.arn.to_string(),
        context,
    }
}

/// What is known of every request of Mixpanel's: it comes over TLS, from outside any VPC of the customer's, and not through
/// another AWS service. Which addresses it comes from, nobody says.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn everywhere(evidence: &Evidence) -> Context {
    let now = evidence.now.format(&Rfc3339).unwrap_or_default();
    let absent = [
        "aws:SourceVpc",
        "aws:SourceVpcArn",
        "aws:SourceVpce",
        "aws:VpcSourceIp",
        "aws:VpceAccount",
        "aws:VpceOrgID",
        "aws:VpceOrgPaths",
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:CalledVia",
        "aws:CalledViaFirst",
        "aws:CalledViaLast",
        "aws:FederatedProvider",
        "aws:MultiFactorAuthAge",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "ec2:SourceInstanceARN",
    ];
    let context = Context::default()
        .with("aws:SecureTransport", known("true"))
        .with("aws:CurrentTime", known(&now))
        .with(
            "aws:EpochTime",
            known(&evidence.now.unix_timestamp().to_string()),
        )
        .with("aws:PrincipalIsAWSService", known("false"))
        .with("aws:SourceIp", Fact::Present)
        .with("aws:UserAgent", Fact::Present)
        .with_default("aws:PrincipalTag/", Fact::Absent);
    absent
        .into_iter()
        .fold(context, |context, key| context.with(key, Fact::Absent))
}

pub(super) fn known(value: &str) -> Fact {
    Fact::Known(vec![value.to_owned()])
}

impl Asked<'_> {
    /// What is known of every request of the session's.
    fn session_context(&self) -> Context {
        let role = self.role;
        let user_id = match role.id.as_str() {
            "" => Fact::Present,
            id => Fact::StartsWith(format!("{id}:")),
        };
        let context = everywhere(self.evidence)
            .with("aws:PrincipalArn", known(role.arn.as_str()))
            .with("aws:PrincipalAccount", known(role.arn.account()))
            .with("aws:PrincipalType", known("AssumedRole"))
            .with("aws:userid", user_id)
            .with("aws:username", Fact::Absent)
            .with("aws:MultiFactorAuthPresent", known("false"))
            .with("aws:TokenIssueTime", Fact::Present)
            .with(
                "aws:RequestedRegion",
                known(self.facts.settings.region.as_str()),
            );
        role.tags.iter().fold(context, |context, tag| {
            context.with(&format!("aws:PrincipalTag/{}", tag.key), known(&tag.value))
        })
    }

    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
    pub(super) fn s3_context(&self, call: &Call) -> Context {
        let owner = match self.facts.ours {
            true => known(self.role.arn.account()),
            false => Fact::Present,
        };
        let form = &self.subject.form;
        let (algorithm, key) = match (call, form.encryption) {
            (Call::Put(_), Some(UiEncryption::Aes)) => (known("AES256"), Fact::Absent),
            (Call::Put(_), Some(UiEncryption::Kms)) => {
                let key = form.key.as_ref();
                let key = key.map_or(Fact::Absent, |key| known(key.as_str()));
                (known("aws:kms"), key)
            }
            _ => (Fact::Absent, Fact::Absent),
        };
        self.session_context()
            .with("aws:ViaAWSService", known("false"))
            .with("aws:ResourceAccount", owner.clone())
            .with("s3:ResourceAccount", owner)
            .with("s3:x-amz-server-side-encryption", algorithm)
            .with("s3:x-amz-server-side-encryption-aws-kms-key-id", key)
            .with(
                "s3:x-amz-server-side-encryption-customer-algorithm",
                Fact::Absent,
            )
            .with("s3:signatureversion", known("AWS4-HMAC-SHA256"))
            .with("s3:TlsVersion", Fact::Present)
            .with("s3:DataAccessPointArn", Fact::Absent)
            .with("s3:DataAccessPointAccount", Fact::Absent)
            .with("s3:AccessPointNetworkOrigin", Fact::Absent)
            .with("s3:VersionId", Fact::Absent)
            .with("s3:object-lock-mode", Fact::Absent)
            .with("s3:object-lock-legal-hold", Fact::Absent)
            .with("s3:object-lock-retain-until-date", Fact::Absent)
            .with("s3:object-lock-remaining-retention-days", Fact::Absent)
    }

    /// S3 calls KMS in the session's name, with the object's ARN as encryption context, or with the bucket's where there is a
    /// bucket key.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context>
    pub(super) fn kms_context(&self, key: &KeyArn) -> Context {
        let region = &self.facts.settings.region;
        let project = self.subject.project.as_ref();
        let project = project.map_or(SOME_PROJECT, |id| id.as_str());
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        let object = format!(
            "{bucket}/{}export.json.gz",
            day_prefix(project, self.evidence.now.date())
        );
        let encrypted = match self.has_bucket_key() {
            true => bucket,
            false => object,
        };
        self.session_context()
            .with(
                "kms:ViaService",
                known(&format!("s3.{region}.amazonaws.com")),
            )
            .with("kms:CallerAccount", known(self.role.arn.account()))
            .with("kms:EncryptionContext:aws:s3:arn", known(&encrypted))
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
            Some(Some(BucketEncryption::Kms {
                bucket_key: true,
                ..
            }))
        )
    }
}
