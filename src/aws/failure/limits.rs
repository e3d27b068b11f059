//! What to do about a limit or a rule of AWS's that a person can do something about.

use super::Failure;

/// What to do about a limit or a rule of AWS's that a person can do something about.
pub(super) fn limit_hints(failure: &Failure) -> &'static [&'static str] {
    match (failure.action, failure.code.as_str()) {
        ("iam:CreatePolicyVersion", "LimitExceeded") => &[
            "IAM keeps five versions of a policy, and setup may not list them (iam:ListPolicyVersions).",
            "Remove one: aws iam list-policy-versions and aws iam delete-policy-version, with --policy-arn.",
        ],
        ("iam:AttachRolePolicy", "LimitExceeded") => &["A role takes 10 managed policies unless the account's quota \
                                                        was raised (Service Quotas, IAM). Detach one, or choose \
                                                        another role with --role-name."],
        ("iam:CreateRole" | "iam:CreatePolicy", "LimitExceeded") => {
            &["The account's quota is used up: see Service Quotas, IAM."]
        }
        ("s3:CreateBucket", "TooManyBuckets") => {
            &["The account's quota of buckets is used up: see Service Quotas, Amazon S3. Or use a bucket that exists."]
        }
        (_, "OperationAborted") => {
            &["A bucket of that name may have been deleted lately: S3 can take up to an hour until the name is free."]
        }
        _ if failure.names_unknown_principal() => &["A principal of the trust policy does not exist, or no longer \
                                                     does. If Mixpanel's export user is the only one, ask Mixpanel."],
        _ => &[],
    }
}
