//! Flags, environment and defaults become [`Answers`], and answers become a command line again. Pure: `wizard` asks for
//! what is missing.
//!
//! A [`Draft`] holds what is known so far. Flags and the environment fill it ([`Draft::from_flags`]); a person fills
//! what is left (`wizard`); without one, [`Draft::complete`] says in one error what is missing. A prompt is only another
//! way to fill in a flag: [`question::Question`] is the one table of both, of the replay command and of the "edit" menu.

pub(crate) mod draft;
pub(crate) mod key;
pub(crate) mod question;
pub(crate) mod replay;

use std::collections::BTreeSet;

use crate::encryption::{Encryption, EncryptionAnswer, KmsKey, Method};
use crate::error::{Error, Result};
use crate::names::{
    AccountId, BucketName, ExternalIdReference, IamPath, KeyReference, PolicyArn, ProjectToken, Region, RoleName, Tag,
};
use crate::observed::{Observation, Observed};
use crate::policy::read;
use crate::policy::trust::Trust;
use crate::process::Process;
use crate::spec::{Hardening, SetupSpec, new_key_alias};
pub(crate) use draft::Draft;
use key::{check_key_ownership, usable_key};

pub(crate) use crate::names::TOKEN_VARIABLE;

/// The project token that the environment has. One of white space is none.
pub(crate) fn token_of_environment(process: &Process) -> Option<&str> {
    let token = process.variable(TOKEN_VARIABLE);
    token.filter(|token| !token.trim().is_empty())
}

/// Where a token was given, with the token: in flags, or else in the environment.
pub(crate) fn given_tokens<'a>(flags: &'a [String], process: &'a Process) -> Vec<(&'static str, &'a str)> {
    match flags.is_empty() {
        false => flags.iter().map(|token| ("--project-token", token.as_str())).collect(),
        true => token_of_environment(process)
            .map(|token| (TOKEN_VARIABLE, token))
            .into_iter()
            .collect(),
    }
}

/// All answers of a set-up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    /// The bucket.
    pub(crate) bucket: BucketName,
    /// Its region.
    pub(crate) region: Region,
    /// The role's name.
    pub(crate) role: RoleName,
    /// Everything that may be left out.
    pub(crate) choices: Choices,
}

/// The answers that may be left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Choices {
    /// How Mixpanel shall encrypt; `None` is "as the role remembers, else AES".
    pub(crate) encryption: Option<EncryptionAnswer>,
    /// The project tokens; empty only where some are to go, and those that stay are meant.
    pub(crate) tokens: Vec<ProjectToken>,
    /// The path of role and policies.
    pub(crate) path: Option<IamPath>,
    /// The permissions boundary.
    pub(crate) boundary: Option<PolicyArn>,
    /// The user's tags.
    pub(crate) tags: Vec<Tag>,
    /// The ExternalIds that are to be let in no longer.
    pub(crate) removed: Vec<ExternalIdReference>,
    /// Whether to take over what is not ours.
    pub(crate) adopt: bool,
    /// The role that Mixpanel may be let into although it does not trust Mixpanel yet.
    pub(crate) open_role: Option<RoleName>,
    /// What is to be hardened of a bucket that is not ours.
    pub(crate) harden: BTreeSet<Hardening>,
    /// Whether a region that Mixpanel does not list is accepted.
    pub(crate) allow_unlisted_region: bool,
}

impl Answers {
    /// The key to look for: the named one, or that under the alias of the one to be made.
    pub(crate) fn key_target(&self) -> Option<KeyReference> {
        match self.choices.encryption.as_ref()? {
            Encryption::Kms(KmsKey::Own(reference)) => Some(reference.clone()),
            Encryption::Kms(KmsKey::New(())) => Some(KeyReference::Alias(new_key_alias(&self.role))),
            _ => None,
        }
    }

    /// The wanted state, from the answers and what was found.
    pub(crate) fn into_spec(self, observation: &Observation) -> Result<SetupSpec> {
        let observed = &observation.observed;
        let key = observation.key.as_ref();
        let account = observed.caller.account.clone();
        check_account_regional(&self.bucket, &account, &self.region)?;
        let encryption = match &self.choices.encryption {
            None => remembered_encryption(observed, &self.region).unwrap_or(Encryption::Aes),
            Some(Encryption::None) => Encryption::None,
            Some(Encryption::Aes) => Encryption::Aes,
            Some(Encryption::Kms(KmsKey::AwsManaged)) => Encryption::Kms(KmsKey::AwsManaged),
            Some(Encryption::Kms(KmsKey::Own(reference))) => {
                Encryption::Kms(KmsKey::Own(usable_key(key, reference, &self.region)?.arn))
            }
            Some(Encryption::Kms(KmsKey::New(()))) => {
                let alias = new_key_alias(&self.role);
                Encryption::Kms(match key {
                    None => KmsKey::New(alias),
                    // An earlier run made it, if it is as that would have made it.
                    Some(_) => {
                        let ownership = observation.key_ownership.as_ref();
                        check_key_ownership(&alias, ownership, &account, &self.region)?;
                        let reference = KeyReference::Alias(alias);
                        KmsKey::Own(usable_key(key, &reference, &self.region)?.arn)
                    }
                })
            }
        };
        let removed_ids = removed_ids(&self.choices.removed, observed)?;
        let tokens = match self.choices.tokens.is_empty() {
            true => tokens_left(&self.role, &removed_ids, observed)?,
            false => self.choices.tokens.into_iter().collect(),
        };
        Ok(SetupSpec {
            account,
            bucket: self.bucket,
            region: self.region,
            encryption,
            role: self.role,
            path: self.choices.path,
            boundary: self.choices.boundary,
            tokens,
            tags: self.choices.tags,
            removed_ids,
            adopt: self.choices.adopt,
            open_role: self.choices.open_role,
            harden: self.choices.harden,
        })
    }
}

/// The ExternalIds that a role's trust policy names one by one; none where there is no role.
fn present_ids(observed: &Observed) -> BTreeSet<String> {
    let role = observed.role.as_ref();
    role.map(|role| Trust::new(&role.trust, &role.arn).external_ids())
        .unwrap_or_default()
}

impl Answers {
    /// The tokens that are to go and that the role does not trust, by their ends.
    pub(crate) fn not_there_to_remove(&self, observed: &Observed) -> Vec<String> {
        let present = present_ids(observed);
        let references = self.choices.removed.iter();
        references
            .filter(|reference| !present.iter().any(|id| reference.means(id)))
            .map(ExternalIdReference::ends)
            .collect()
    }
}

/// The ExternalIds that are there and meant to go. One that is not there has gone already.
fn removed_ids(references: &[ExternalIdReference], observed: &Observed) -> Result<BTreeSet<String>> {
    let present = present_ids(observed);
    let mut removed = BTreeSet::new();
    for reference in references {
        let meant: Vec<&String> = present.iter().filter(|id| reference.means(id)).collect();
        if meant.len() > 1 {
            return Err(Error::usage(format!(
                "--remove-token: {} names {} ExternalIds of the role.",
                reference.ends(),
                meant.len()
            ))
            .hint("Give the token whole."));
        }
        removed.extend(meant.into_iter().cloned());
    }
    Ok(removed)
}

/// The tokens that a role keeps trusting where only such as go were named.
fn tokens_left(role: &RoleName, removed: &BTreeSet<String>, observed: &Observed) -> Result<BTreeSet<ProjectToken>> {
    if observed.role.is_none() {
        return Err(Error::usage(format!(
            "--remove-token: there is no role {role} to remove a token from."
        )));
    }
    let left: BTreeSet<ProjectToken> = present_ids(observed)
        .difference(removed)
        .filter_map(|id| id.parse().ok())
        .collect();
    if left.is_empty() {
        return Err(Error::usage(format!(
            "--remove-token: the role {role} trusts no other token, and the last one cannot be removed."
        ))
        .hint(format!(
            "Give the token that is to be trusted instead, with --project-token or {TOKEN_VARIABLE}."
        ))
        .hint("To end Mixpanel's access, use teardown."));
    }
    Ok(left)
}

/// A bucket name of the account-regional namespace has to carry the account and the region that it is made in.
fn check_account_regional(bucket: &BucketName, account: &AccountId, region: &Region) -> Result<()> {
    if bucket.fits(account, region) {
        return Ok(());
    }
    Err(Error::usage(format!(
        "Bucket name '{bucket}' has the form of S3's account-regional namespace, but not this account and region: \
         such a name ends in -{account}-{region}-an."
    )))
}

/// The choice that an earlier run left in the role's tag, so that a missing flag changes nothing.
fn remembered_encryption(observed: &Observed, region: &Region) -> Option<Encryption> {
    let role = observed.role.as_ref()?;
    Some(match Method::remembered_by(&role.tags)? {
        Method::None => Encryption::None,
        Method::Aes => Encryption::Aes,
        Method::Kms => {
            let managed = observed.attached_policies().map(|policy| &policy.document);
            let inline = role.inline.iter().map(|policy| &policy.document);
            // A key of another region cannot be the bucket's.
            let key = read::keys_used(managed.chain(inline))
                .into_iter()
                .find(|key| key.region() == region.as_str());
            Encryption::Kms(key.map_or(KmsKey::AwsManaged, KmsKey::Own))
        }
    })
}
