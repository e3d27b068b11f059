//! `print-details`: the five values, rebuilt from AWS alone, for set-ups of ours and for those made by hand.

use std::collections::BTreeSet;

use super::pick_role::{exporting_role, wrong_role};
use super::{Context, value_of};
use crate::advice::Advice;
use crate::aws::{Aws, Failure, Session};
use crate::cli::{FieldFlag, PrintDetails};
use crate::command_line::CommandLine;
use crate::details::{Details, Field, FormDoubt, form_of};
use crate::encryption::BucketEncryption;
use crate::error::{DeniedCall, Error, ErrorKind, Result};
use crate::names::{AccountId, BucketName, KeyReference, Region, RoleName, RoleReference};
use crate::observe;
use crate::observe::bucket::{Location, locate};
use crate::observe::role::{Depth, RolePolicies, policies_of};
use crate::observed::{Reading, Role};
use crate::policy::read;
use crate::policy::trust::{Admission, Trust};

/// What the details are rebuilt from.
struct DetailsRequest {
    role: RoleReference,
    bucket: Option<BucketName>,
    /// Whose the bucket is; the caller's own account where nobody says.
    bucket_account: Option<AccountId>,
}

pub(super) async fn run(flags: PrintDetails, context: &Context) -> Result<()> {
    let bucket: Option<BucketName> = value_of("--bucket", flags.bucket.as_deref())?;
    let bucket_account = value_of("--bucket-account", flags.bucket_account.as_deref())?;
    let named_role: Option<RoleReference> = value_of("--role", flags.role.as_deref())?;
    let session = context.session(context.common.profile.as_deref()).await?;
    let aws = Aws::new(&session, &session.home_region());
    let role = match named_role {
        Some(role) => role,
        None => {
            let failed = ErrorKind::Failed;
            exporting_role(context, &session, &aws, bucket.as_ref(), failed)
                .await?
                .into()
        }
    };
    let asked = DetailsRequest {
        role,
        bucket,
        bucket_account,
    };
    let details = context.interrupts.or(rebuild(context, &session, &aws, asked)).await?;
    match flags.field {
        None => context.printer.details(&details),
        Some(field) => context.printer.field(
            &details,
            match field {
                FieldFlag::Bucket => Field::Bucket,
                FieldFlag::Region => Field::Region,
                FieldFlag::Role => Field::Role,
                FieldFlag::Encryption => Field::Encryption,
                FieldFlag::KmsKeyId => Field::KmsKeyId,
            },
        ),
    }
    Ok(())
}

/// Four calls deep at the most: the role, and beside it who calls; its policies; their documents; the bucket.
async fn rebuild(context: &Context, session: &Session, aws: &Aws, asked: DetailsRequest) -> Result<Details> {
    let failed = |failure: Failure| failure.into_error(session.profile());
    let name = asked.role.name();
    let (caller, role, policies) = tokio::join!(
        observe::caller(aws, session.profile()),
        aws.role(name),
        policies_of(aws, name, Depth::CUSTOMERS)
    );
    // Who calls comes first: what was read of a role of that name is another account's otherwise.
    let caller = caller?;
    asked
        .role
        .accept_account(&caller.account, caller.partition)
        .map_err(wrong_role)?;
    let (role, policies) = (role.map_err(failed)?, policies.map_err(failed)?);
    policies.attached().map_err(failed)?;
    let role = role.ok_or_else(|| {
        Error::new(ErrorKind::Failed, format!("There is no role {name} in this account."))
            .hint("Without --role, print-details finds the role that trusts Mixpanel.")
    })?;
    asked.role.accept(&role.arn).map_err(wrong_role)?;
    warn_of_trust(context, &role);

    let bucket = the_bucket(name, &policies, asked.bucket.clone())?;
    let keys = read::keys_used(policies.documents());
    let owner = asked.bucket_account.as_ref().unwrap_or(&caller.account);
    let (region, encryption) = bucket_facts(session, &bucket, owner).await?;
    let (form, doubt) = form_of(&role, &keys, &region, &encryption);
    if let Some(doubt) = doubt {
        warn_of(context, &doubt);
    }
    Ok(Details {
        bucket,
        region,
        role: role.arn,
        encryption: form.encryption,
        kms_key_id: form.key,
    })
}

fn warn_of_trust(context: &Context, role: &Role) {
    let trust = Trust::new(&role.trust, &role.arn);
    match trust.admission() {
        Admission::Narrow => {}
        Admission::Open | Admission::Wide => {
            for opening in trust.openings(&BTreeSet::new()) {
                context.printer.warning(format!(
                    "the trust policy of role {} is wider than Mixpanel's page asks for ({}): {}.",
                    role.name,
                    opening.place(),
                    opening.who
                ));
            }
        }
        Admission::None | Admission::Kept => context.printer.warning(format!(
            "role {} does not let Mixpanel's export user in: Mixpanel cannot assume it.",
            role.name
        )),
    }
}

/// The bucket that the role may write to.
fn the_bucket(role: &RoleName, policies: &RolePolicies, wanted: Option<BucketName>) -> Result<BucketName> {
    if let Some(wanted) = wanted {
        return Ok(wanted);
    }
    let buckets = read::buckets_written(policies.documents());
    let mut names = buckets.into_iter();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only),
        (None, _) if !policies.unread.is_empty() => {
            let refused: Vec<DeniedCall> = policies.unread.iter().map(Failure::denied_call).collect();
            let actions: Vec<String> = refused.iter().map(|call| call.action.clone()).collect();
            let mut error = Error::new(
                ErrorKind::Denied,
                format!(
                    "The policies of role {role} cannot all be read, since AWS refuses {}, and the others name no \
                     bucket.",
                    actions.join(", ")
                ),
            )
            .hint("Name the bucket with --bucket, or use another profile with --profile.");
            error.denied = refused;
            Err(error)
        }
        (None, _) => Err(Error::new(
            ErrorKind::Failed,
            format!("The policies of role {role} name no bucket to write to."),
        )
        .hint(
            Advice::from("Name it with --bucket, or let ")
                .code(CommandLine::mixpanel_s3(["setup"]))
                .text(" attach the policy."),
        )),
        (Some(first), Some(second)) => {
            let all: Vec<String> = [first, second]
                .into_iter()
                .chain(names)
                .map(|name| name.to_string())
                .collect();
            Err(
                Error::usage(format!("Role {role} may write to several buckets: {}.", all.join(", ")))
                    .hint("Choose one with --bucket."),
            )
        }
    }
}

/// Where the bucket is and how it encrypts by default, both asked at once in the home region. Only a bucket that is
/// elsewhere costs one call more.
async fn bucket_facts(
    session: &Session,
    bucket: &BucketName,
    owner: &AccountId,
) -> Result<(Region, Reading<Option<BucketEncryption>>)> {
    let failed = |failure: Failure| failure.into_error(session.profile());
    let encryption = async |aws: Aws| aws.bucket_encryption(bucket, owner).await;
    match locate(session, &session.home_region(), bucket, owner, encryption)
        .await
        .map_err(failed)?
    {
        Location::Here { region, beside, .. } => Ok((region, beside)),
        Location::Refused(_) => Err(refused(session, bucket, owner)),
        Location::Disabled(_, failure) => Err(failed(failure)),
        Location::Missing => Err(Error::new(
            ErrorKind::Failed,
            format!("The role may write to bucket {bucket}, and there is no such bucket."),
        )
        .hint(
            Advice::default()
                .code(CommandLine::mixpanel_s3(["setup"]).option("--bucket", bucket))
                .text(" with the same --role-name makes it."),
        )),
    }
}

/// S3 refuses alike what belongs to another account and what the caller may not list.
fn refused(session: &Session, bucket: &BucketName, owner: &AccountId) -> Error {
    let failure = Failure::refused("s3:ListBucket", bucket.as_str());
    failure.into_error(session.profile()).hint(format!(
        "It may not be a bucket of account {owner}. If it is meant to be another account's, say whose with \
         --bucket-account ID."
    ))
}

/// Says why the choice of encryption may be another one.
fn warn_of(context: &Context, doubt: &FormDoubt) {
    let warning = match doubt {
        FormDoubt::NoPolicyFor(key) => {
            let warning = Advice::from(format!(
                "the bucket encrypts with the KMS key {key} by default, and the role has no policy for it"
            ));
            match key.parse::<KeyReference>() {
                Ok(key) => warning
                    .text(": ")
                    .code(CommandLine::mixpanel_s3(["setup", "--encryption", "kms"]).option("--kms-key", key.as_str()))
                    .text(" adds one."),
                Err(_) => warning.text("; and that is not how KMS names a key."),
            }
        }
        FormDoubt::Unreadable(denied) => {
            format!("the bucket's encryption is not known, since {denied}; AES works with any bucket default.").into()
        }
    };
    context.printer.warning(warning);
}
