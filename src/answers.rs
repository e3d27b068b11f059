//! Flags, environment, defaults and prompts become [`Answers`].
//!
//! A [`Draft`] holds what is known so far. Flags and the environment fill it ([`Draft::from_flags`]); a person fills
//! what is left ([`wizard`]); without one, [`Draft::complete`] says in one error what is missing. A prompt is only
//! another way to fill in a flag: [`question::Question`] is the one table of both, of the replay command and of the
//! "edit" menu.

pub(crate) mod account;
mod choose;
mod keyboard;
pub(crate) mod prompt;
pub(crate) mod question;
pub(crate) mod wizard;

use std::collections::BTreeSet;

use crate::advice::Advice;
use crate::cli::{HardenFlag, Setup};
use crate::command_line::CommandLine;
use crate::encryption::{Encryption, EncryptionAnswer, KmsKey, Method};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{
    AccountId, AliasName, BucketName, ExternalIdReference, IamPath, InvalidName, KeyReference, MIXPANEL_REGIONS,
    Partition, PolicyArn, ProjectToken, Region, RoleName, Tag, TokenShape,
};
use crate::observe::Observation;
use crate::observed::{KeyOwnership, Observed};
use crate::policy::read;
use crate::policy::trust::Trust;
use crate::process::Process;
use crate::spec::{Hardening, SetupSpec, default_role_name, new_key_alias};
use question::Question;

pub(crate) use crate::names::TOKEN_VARIABLE;

/// How many tags the user may give: AWS takes 50 on a thing, and the role gets two of this program's own.
const MOST_TAGS: usize = 48;

/// What is known of the answers so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Draft {
    /// The bucket.
    pub(crate) bucket: Option<BucketName>,
    /// Its region.
    pub(crate) region: Option<Region>,
    /// How Mixpanel shall encrypt.
    pub(crate) encryption: Option<EncryptionAnswer>,
    /// The project tokens.
    pub(crate) tokens: Vec<ProjectToken>,
    /// The role's name.
    pub(crate) role: Option<RoleName>,
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

/// All answers of a set-up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    /// The bucket.
    pub(crate) bucket: BucketName,
    /// Its region.
    pub(crate) region: Region,
    /// How Mixpanel shall encrypt; `None` is "as the role remembers, else AES".
    pub(crate) encryption: Option<EncryptionAnswer>,
    /// The project tokens; empty only where some are to go, and those that stay are meant.
    pub(crate) tokens: Vec<ProjectToken>,
    /// The role's name.
    pub(crate) role: RoleName,
    /// Everything that has no question of its own.
    pub(crate) rest: Draft,
}

impl Draft {
    /// Reads flags and environment. All that is wrong is told in one error.
    pub(crate) fn from_flags(flags: &Setup, process: &Process) -> Result<Self> {
        let mut problems = Problems::default();
        let mut draft = Self {
            bucket: problems.parse("--bucket", flags.bucket.as_deref()),
            region: problems.parse("--region", flags.region.as_deref()),
            role: problems.parse("--role-name", flags.role_name.as_deref()),
            path: problems.parse("--path", flags.path.as_deref()),
            boundary: problems.parse("--permissions-boundary", flags.permissions_boundary.as_deref()),
            tags: flags
                .tag
                .iter()
                .filter_map(|tag| problems.parse("--tag", Some(tag)))
                .collect(),
            removed: flags
                .remove_token
                .iter()
                .filter_map(|token| problems.parse("--remove-token", Some(token)))
                .collect(),
            adopt: flags.adopt,
            open_role: problems.parse("--open-role", flags.open_role.as_deref()),
            harden: flags.harden.iter().flat_map(hardenings).collect(),
            allow_unlisted_region: flags.allow_unlisted_region,
            ..Self::default()
        };
        draft.tokens = if flags.project_token.is_empty() {
            problems
                .parse(TOKEN_VARIABLE, process.variable(TOKEN_VARIABLE))
                .into_iter()
                .collect()
        } else {
            flags
                .project_token
                .iter()
                .filter_map(|token| problems.parse("--project-token", Some(token)))
                .collect()
        };
        for token in &draft.tokens {
            if draft.removed.iter().any(|id| id.means(token.expose())) {
                problems.0.push(Error::usage(format!(
                    "--remove-token: {token} is the project token that is to be trusted (--project-token or \
                     {TOKEN_VARIABLE})."
                )));
            }
        }
        draft.encryption = problems.encryption(flags);
        let region_problem = draft
            .region
            .as_ref()
            .and_then(|region| region_problem(region, flags.allow_unlisted_region));
        problems.0.extend(region_problem);
        let mut keys: Vec<&str> = draft.tags.iter().map(|tag| tag.key.as_str()).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            problems
                .0
                .push(Error::usage(format!("--tag: the key '{}' is given twice.", twice[0])));
        }
        if draft.tags.len() > MOST_TAGS {
            problems.0.push(Error::usage(format!(
                "--tag: {} tags are given; AWS takes 50 on a thing, of which two are this program's own.",
                draft.tags.len()
            )));
        }
        problems.into_result(draft)
    }

    /// The draft with the region of the environment or the profile, where none was given and that one can work.
    pub(crate) fn with_default_region(mut self, region: Option<&Region>) -> Self {
        let usable = region.filter(|region| region_problem(region, self.allow_unlisted_region).is_none());
        self.region = self.region.or_else(|| usable.cloned());
        self
    }

    /// The questions that still have no answer and no default.
    pub(crate) fn missing(&self) -> Vec<Question> {
        Question::ALL
            .into_iter()
            .filter(|question| match question {
                Question::Bucket => self.bucket.is_none(),
                Question::Region => self.region.is_none(),
                // Where one goes, those that stay are known.
                Question::ProjectToken => self.tokens.is_empty() && self.removed.is_empty(),
                // These have defaults.
                Question::Encryption | Question::RoleName => false,
            })
            .collect()
    }

    /// The tokens that do not look like Mixpanel's.
    pub(crate) fn unusual_tokens(&self) -> Vec<&ProjectToken> {
        self.tokens
            .iter()
            .filter(|token| token.shape() == TokenShape::Unusual)
            .collect()
    }

    /// All answers, or one error that names every missing one with its flag. `also` are flags that are missing besides.
    pub(crate) fn complete(self, reason: &str, also: &[String]) -> Result<Answers> {
        let missing: Vec<String> = self
            .missing()
            .into_iter()
            .map(Question::missing_line)
            .chain(also.iter().cloned())
            .collect();
        let role = self.role.clone().or_else(|| default_role_name(self.bucket.as_ref()?));
        match (&self.bucket, &self.region, role) {
            (Some(bucket), Some(region), Some(role)) if missing.is_empty() => Ok(Answers {
                bucket: bucket.clone(),
                region: region.clone(),
                encryption: self.encryption.clone(),
                tokens: self.tokens.clone(),
                role,
                rest: self,
            }),
            _ => {
                let list: Vec<String> = missing.iter().map(|line| format!("  {line}")).collect();
                Err(Error::usage(format!("{reason}, and these answers are missing:"))
                    .below(list)
                    .hint("`mixpanel-s3 setup --help` explains every flag."))
            }
        }
    }
}

fn hardenings(flag: &HardenFlag) -> Vec<Hardening> {
    match flag {
        HardenFlag::PublicAccess => vec![Hardening::PublicAccess],
        HardenFlag::Acls => vec![Hardening::Acls],
        HardenFlag::Encryption => vec![Hardening::Encryption],
        HardenFlag::PlainHttp => vec![Hardening::PlainHttp],
        HardenFlag::Uploads => vec![Hardening::Uploads],
        HardenFlag::All => Hardening::ALL.to_vec(),
    }
}

/// Why a region cannot be used, if it cannot.
pub(crate) fn region_problem(region: &Region, allow_unlisted: bool) -> Option<Error> {
    if region.partition() != Partition::Aws {
        return Some(crate::observe::partition_error(region.partition()));
    }
    if region.is_listed() || allow_unlisted {
        return None;
    }
    let listed: Vec<&str> = MIXPANEL_REGIONS.iter().map(|(code, _)| *code).collect();
    let rows = listed.chunks(5);
    let last = rows.len() - 1;
    let rows = rows.enumerate().map(|(index, row)| {
        let end = if index == last { "." } else { "," };
        format!("  {}{end}", row.join(", "))
    });
    Some(
        Error::usage(format!(
            "Mixpanel does not list the region {region} for exports to S3. It lists"
        ))
        .below(rows)
        .hint("If Mixpanel supports it by now, add --allow-unlisted-region.")
        .hint("The risk: everything is made, and then the export fails."),
    )
}

/// Everything that is wrong with the flags.
#[derive(Default)]
struct Problems(Vec<Error>);

impl Problems {
    fn parse<T: std::str::FromStr<Err = InvalidName>>(&mut self, flag: &str, text: Option<&str>) -> Option<T> {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.0.push(Error::usage(format!("{flag}: {invalid}")));
                None
            }
        }
    }

    fn encryption(&mut self, flags: &Setup) -> Option<EncryptionAnswer> {
        let key = self.parse("--kms-key", flags.kms_key.as_deref());
        if flags.encryption != Some(Method::Kms) && (flags.kms_key.is_some() || flags.create_kms_key) {
            let flag = if flags.create_kms_key {
                "--create-kms-key"
            } else {
                "--kms-key"
            };
            self.0.push(Error::usage(format!(
                "{flag}: a KMS key is used with --encryption kms only."
            )));
            return None;
        }
        Some(match (flags.encryption?, key) {
            (Method::None, _) => Encryption::None,
            (Method::Aes, _) => Encryption::Aes,
            (Method::Kms, Some(key)) => Encryption::Kms(KmsKey::Own(key)),
            (Method::Kms, None) if flags.create_kms_key => Encryption::Kms(KmsKey::New(())),
            (Method::Kms, None) => Encryption::Kms(KmsKey::AwsManaged),
        })
    }

    fn into_result<T>(self, value: T) -> Result<T> {
        let mut problems = self.0.into_iter();
        let Some(mut first) = problems.next() else {
            return Ok(value);
        };
        for problem in problems {
            first.lines.push(problem.message);
            first.lines.extend(problem.lines);
            first.hints.extend(problem.hints);
        }
        Err(first)
    }
}

impl Answers {
    /// The key to look for: the named one, or that under the alias of the one to be made.
    pub(crate) fn key_target(&self) -> Option<KeyReference> {
        match self.encryption.as_ref()? {
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
        let encryption = match &self.encryption {
            None => remembered_encryption(observed, &self.region).unwrap_or(Encryption::Aes),
            Some(Encryption::None) => Encryption::None,
            Some(Encryption::Aes) => Encryption::Aes,
            Some(Encryption::Kms(KmsKey::AwsManaged)) => Encryption::Kms(KmsKey::AwsManaged),
            Some(Encryption::Kms(KmsKey::Own(reference))) => Encryption::Kms(KmsKey::Own(
                crate::observe::usable_key(key, reference, &self.region)?.arn,
            )),
            Some(Encryption::Kms(KmsKey::New(()))) => {
                let alias = new_key_alias(&self.role);
                Encryption::Kms(match key {
                    None => KmsKey::New(alias),
                    // An earlier run made it, if it is as that would have made it.
                    Some(_) => {
                        let ownership = observation.key_ownership.as_ref();
                        check_key_ownership(&alias, ownership, &account, &self.region)?;
                        let reference = KeyReference::Alias(alias);
                        KmsKey::Own(crate::observe::usable_key(key, &reference, &self.region)?.arn)
                    }
                })
            }
        };
        let removed_ids = removed_ids(&self.rest.removed, observed)?;
        let tokens = match self.tokens.is_empty() {
            true => tokens_left(&self.role, &removed_ids, observed)?,
            false => self.tokens.into_iter().collect(),
        };
        Ok(SetupSpec {
            account,
            bucket: self.bucket,
            region: self.region,
            encryption,
            role: self.role,
            path: self.rest.path,
            boundary: self.rest.boundary,
            tokens,
            tags: self.rest.tags,
            removed_ids,
            adopt: self.rest.adopt,
            open_role: self.rest.open_role,
            harden: self.rest.harden,
        })
    }
}

/// A key under the alias of ours that somebody else made, or whose policy lets somebody else in, encrypts nothing.
fn check_key_ownership(
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
        let references = self.rest.removed.iter();
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
