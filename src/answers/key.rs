//! Which key a set-up can use: one that S3 can, and under our own alias only one that `setup` made.

use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{AccountId, AliasName, KeyReference, Region};
use crate::observed::{Key, KeyOwnership};

/// A key under the alias of ours that somebody else made, or whose policy lets somebody else in, encrypts nothing.
pub(super) fn check_key_ownership(
    alias: &AliasName,
    ownership: Option<&KeyOwnership>,
    account: &AccountId,
    region: &Region,
) -> Result<()> {
    let objection = match ownership {
        Some(ownership) => ownership.objection(account.as_str()),
        None => Some("whose it is was not read".to_owned()),
    };
    let Some(objection) = objection else {
        return Ok(());
    };
    let of_alias = |operation| {
        CommandLine::aws(["kms", operation])
            .option("--region", region)
            .option("--key-id", alias)
    };
    Err(Error::new(
        ErrorKind::Conflict,
        format!("{alias} names a key that setup did not make, or that others can use: {objection}."),
    )
    .hint(Advice::from("Look at it: ").command(of_alias("describe-key")))
    .hint(
        "To use it as a key of your own, give it with --kms-key. To have another one made, choose another \
         --role-name, or remove the alias.",
    ))
}

/// The key that a set-up can use, or why it cannot.
///
/// Mixpanel writes through S3, which takes enabled symmetric keys of the bucket's own region only.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>
pub(crate) fn usable_key(key: Option<&Key>, reference: &KeyReference, region: &Region) -> Result<Key> {
    let Some(key) = key else {
        return Err(
            Error::usage(format!("KMS key '{}' was not found in {region}.", reference.as_str())).hint(
                Advice::default()
                    .code(CommandLine::aws(["kms", "list-aliases"]).option("--region", region))
                    .text(" lists the keys there."),
            ),
        );
    };
    let arn = &key.arn;
    if arn.region() != region.as_str() {
        return Err(Error::usage(format!(
            "KMS key {arn} is in {}, and the bucket in {region}: S3 uses keys of the bucket's own region only.",
            arn.region()
        ))
        .hint(format!("Choose a key in {region}, or --create-kms-key.")));
    }
    if !key.customer_managed {
        return Err(Error::usage(format!(
            "KMS key {arn} is AWS-managed; Mixpanel wants 'KMS Key ID' left empty for it."
        ))
        .hint("Use --encryption kms without --kms-key."));
    }
    // A key of this spec encrypts and decrypts, and does nothing else.
    if key.spec != "SYMMETRIC_DEFAULT" {
        return Err(Error::usage(format!(
            "KMS key {arn} is of the kind {}: S3 encrypts with symmetric encryption keys only.",
            key.spec
        ))
        .hint("Choose a symmetric key, or --create-kms-key."));
    }
    let Some(enable) = key.enabling_command() else {
        return Ok(key.clone());
    };
    Err(
        Error::usage(format!("KMS key {arn} is not usable: its state is {}.", key.state))
            .hint(Advice::from("Run: ").command(enable))
            .hint("Or choose another key."),
    )
}
