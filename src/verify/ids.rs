//! The registry of checks: the ID of each, what it is of, and what hangs on it. Their order is the order in which they
//! are told: that of how often each is the reason, and then what is tried live.

use std::fmt;

use serde::Serialize;

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// Which account and which role it is.
    Identity,
    /// Who may assume the role.
    Trust,
    /// What the role may do.
    Grants,
    /// The bucket, and what its policy says.
    Bucket,
    /// The key, and what its policy says.
    Key,
    /// What an organization decides, which an account of it seldom sees.
    Organization,
    /// What AWS makes of the role's session.
    Session,
    /// What is set on the bucket besides.
    Settings,
    /// What was exported so far.
    Export,
    /// The role of a live proof that was cut short.
    Probe,
    /// What is tried, and not judged.
    Live,
}

/// What hangs on a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decides {
    /// Whether Mixpanel can write.
    Writing,
    /// Whether the set-up is safe: where it fails, Mixpanel may well be able to write.
    Safety,
    /// Neither; or it is something that nobody can tell from one account.
    Nothing,
}

macro_rules! registry {
    ($($name:ident = $id:literal, $area:ident, $decides:ident, $about:literal;)*) => {
        /// The ID of a check, which scripts and people know it by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum CheckId {
            $(#[doc = concat!("Whether ", $about, ".")] $name,)*
        }

        impl CheckId {
            /// All of them, in the order in which they are told.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable name.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            /// What it looks at.
            pub(crate) fn area(self) -> Area {
                match self {
                    $(Self::$name => Area::$area,)*
                }
            }

            /// What hangs on it.
            pub(crate) fn decides(self) -> Decides {
                match self {
                    $(Self::$name => Decides::$decides,)*
                }
            }
        }
    };
}

registry! {
    Partition = "partition", Identity, Writing, "the account is in Mixpanel's partition of AWS";
    RoleExists = "role-exists", Identity, Writing, "there is a role of that name";
    RoleArnShape = "role-arn-shape", Identity, Writing, "what was typed is the role's ARN";
    TrustExternalId = "trust-external-id", Trust, Writing, "the role trusts the project's token as ExternalId";
    TrustPrincipal = "trust-principal", Trust, Writing, "the role trusts Mixpanel's export user";
    TrustNoExternalId = "trust-no-external-id", Trust, Safety, "nobody gets in without a project's token";
    TrustOthers = "trust-others", Trust, Safety, "nobody else gets in";
    TrustOrphanId = "trust-orphan-id", Trust, Writing, "the user that the role trusts was not deleted since";
    TrustExtraConditions = "trust-extra-conditions", Trust, Writing, "no other condition of the trust policy keeps Mixpanel out";
    KmsKeyPolicy = "kms-key-policy", Key, Writing, "the key's policy lets the role in";
    KmsIamActions = "kms-iam-actions", Key, Writing, "the role's policies allow what S3 asks of KMS";
    KmsArnMatch = "kms-arn-match", Key, Writing, "the role's policies name the key that is used";
    KmsEncryptionContext = "kms-encryption-context", Key, Writing, "no policy asks for another encryption context than S3 sends";
    PolicyAttached = "policy-attached", Grants, Writing, "a policy for the bucket is attached to the role";
    S3Actions = "s3-actions", Grants, Writing, "the role's policies allow every action that Mixpanel needs";
    PermissionsBoundary = "permissions-boundary", Grants, Writing, "the permissions boundary lets the calls through";
    RoleExcess = "role-excess", Grants, Safety, "the role can do no more than Mixpanel's page asks for";
    BucketPolicySse = "bucket-policy-sse", Bucket, Writing, "the bucket's policy asks for no other encryption than Mixpanel sends";
    BucketPolicyNetwork = "bucket-policy-network", Bucket, Writing, "the bucket's policy keeps no network of Mixpanel's out";
    BucketPolicyPrincipal = "bucket-policy-principal", Bucket, Writing, "the bucket's policy does not keep the role out";
    BucketOthers = "bucket-others", Bucket, Safety, "the bucket's policy lets nobody in from outside its account";
    BucketRegion = "bucket-region", Bucket, Writing, "the bucket is in the region that Mixpanel is told";
    BucketExists = "bucket-exists", Bucket, Writing, "there is a bucket of that name";
    BucketOwner = "bucket-owner", Bucket, Writing, "the bucket is of the account that it should be of";
    BucketOtherAccount = "bucket-other-account", Bucket, Writing, "a bucket of another account lets the role in";
    BucketType = "bucket-type", Bucket, Writing, "the bucket is a general-purpose bucket";
    DotsInName = "dots-in-name", Bucket, Writing, "the bucket's name has no dots";
    BucketShared = "bucket-shared", Bucket, Nothing, "no other role of Mixpanel's writes to the bucket";
    UiEncryptionMismatch = "ui-encryption-mismatch", Key, Writing, "Mixpanel's form says the same as the bucket's default";
    KmsRegion = "kms-region", Key, Writing, "the key is in the bucket's region";
    KmsState = "kms-state", Key, Writing, "the key is enabled";
    KmsSpec = "kms-spec", Key, Writing, "the key is symmetric";
    KmsOtherAccount = "kms-other-account", Key, Writing, "a key of another account lets the role in";
    KmsLiteralAwsS3 = "kms-literal-aws-s3", Key, Writing, "the bucket's default names a real key";
    KmsAwsManagedXacct = "kms-aws-managed-xacct", Key, Writing, "nobody outside has to read what only the account can decrypt";
    KmsKeyOthers = "kms-key-others", Key, Safety, "the key lets nobody in from outside its account";
    KmsThrottle = "kms-throttle", Key, Nothing, "an S3 bucket key spares KMS most calls";
    Scp = "scp", Organization, Nothing, "no service control policy keeps the role from it";
    SimulatorAgrees = "simulator-agrees", Session, Writing, "IAM's policy simulator says the same";
    RcpSts = "rcp-sts", Organization, Nothing, "no resource control policy keeps Mixpanel from the role";
    RcpNetwork = "rcp-network", Organization, Nothing, "no resource control policy keeps Mixpanel's network from the bucket";
    OptInRegion = "opt-in-region", Session, Writing, "the region takes requests of the account";
    StsV1Token = "sts-v1-token", Session, Nothing, "the region takes tokens of the global STS endpoint";
    ObjectLock = "object-lock", Settings, Nothing, "Object Lock keeps no export";
    LifecycleExpiry = "lifecycle-expiry", Settings, Nothing, "no lifecycle rule takes the exports away";
    VersioningGrowth = "versioning-growth", Settings, Nothing, "old versions do not pile up";
    MpuResidue = "mpu-residue", Settings, Nothing, "unfinished uploads are aborted";
    RequesterPays = "requester-pays", Settings, Nothing, "the requester does not pay";
    AclOwnership = "acl-ownership", Settings, Nothing, "ACLs are off";
    Bpa = "bpa", Settings, Nothing, "public access is blocked";
    PlainHttp = "plain-http", Settings, Nothing, "plain HTTP is refused";
    RoleLastUsed = "role-last-used", Export, Writing, "the role was used lately";
    ExportFresh = "export-fresh", Export, Nothing, "there are fresh exports";
    ProbeLeft = "probe-left", Probe, Nothing, "no live proof left its role";
    LiveAssume = "live-assume", Live, Writing, "a stand-in for the role can be assumed with the token";
    LiveNoExternalId = "live-no-external-id", Live, Writing, "it cannot be assumed without an ExternalId";
    LiveWrongExternalId = "live-wrong-external-id", Live, Writing, "it cannot be assumed with another one";
    LivePut = "live-put", Live, Writing, "it can write an object";
    LiveList = "live-list", Live, Writing, "it can list the folder";
    LiveGet = "live-get", Live, Writing, "it can read the object";
    LiveMultipart = "live-multipart", Live, Writing, "it can write an object in parts";
    LiveDelete = "live-delete", Live, Writing, "it can remove the object";
    LiveOtherBucket = "live-other-bucket", Live, Writing, "it cannot write anywhere else";
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CheckId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Several of them in a sentence.
pub(crate) fn listed(ids: impl IntoIterator<Item = CheckId>) -> String {
    let ids: Vec<&str> = ids.into_iter().map(CheckId::as_str).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_checks_have_one_name() {
        let names: BTreeSet<&str> = CheckId::ALL.iter().map(|id| id.as_str()).collect();
        assert_eq!(names.len(), CheckId::ALL.len());
    }
}
