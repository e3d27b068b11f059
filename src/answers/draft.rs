//! What is known of the answers so far. Flags and the environment fill it; a person fills what is left.

use super::question::Question;
use super::{Answers, Choices, TOKEN_VARIABLE, given_tokens};
use crate::cli::{HardenFlag, Setup};
use crate::encryption::{Encryption, EncryptionAnswer, KmsKey, Method};
use crate::error::{Error, Result};
use crate::names::{BucketName, InvalidName, MIXPANEL_REGIONS, Partition, ProjectToken, Region, RoleName, TokenShape};
use crate::process::Process;
use crate::spec::{Hardening, default_role_name};

/// How many tags the user may give: AWS takes 50 on a thing, and the role gets two of this program's own.
const MOST_TAGS: usize = 48;

/// What is known of the answers so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Draft {
    /// The bucket.
    pub(crate) bucket: Option<BucketName>,
    /// Its region.
    pub(crate) region: Option<Region>,
    /// The role's name.
    pub(crate) role: Option<RoleName>,
    /// Everything that may be left out.
    pub(crate) choices: Choices,
}

impl Draft {
    /// Reads flags and environment. All that is wrong is told in one error.
    pub(crate) fn from_flags(flags: &Setup, process: &Process) -> Result<Self> {
        let mut problems = Problems::default();
        let mut draft = Self {
            bucket: problems.parse("--bucket", flags.bucket.as_deref()),
            region: problems.parse("--region", flags.region.as_deref()),
            role: problems.parse("--role-name", flags.role_name.as_deref()),
            ..Self::default()
        };
        draft.choices = Choices {
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
            ..Choices::default()
        };
        draft.choices.tokens = given_tokens(&flags.project_token, process)
            .into_iter()
            .filter_map(|(place, token)| problems.parse(place, Some(token)))
            .collect();
        for token in &draft.choices.tokens {
            if draft.choices.removed.iter().any(|id| id.means(token.expose())) {
                problems.0.push(Error::usage(format!(
                    "--remove-token: {token} is the project token that is to be trusted (--project-token or \
                     {TOKEN_VARIABLE})."
                )));
            }
        }
        draft.choices.encryption = problems.encryption(flags);
        let region_problem = draft
            .region
            .as_ref()
            .and_then(|region| region_problem(region, flags.allow_unlisted_region));
        problems.0.extend(region_problem);
        let mut keys: Vec<&str> = draft.choices.tags.iter().map(|tag| tag.key.as_str()).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            problems
                .0
                .push(Error::usage(format!("--tag: the key '{}' is given twice.", twice[0])));
        }
        if draft.choices.tags.len() > MOST_TAGS {
            problems.0.push(Error::usage(format!(
                "--tag: {} tags are given; AWS takes 50 on a thing, of which two are this program's own.",
                draft.choices.tags.len()
            )));
        }
        problems.into_result(draft)
    }

    /// The draft with the region of the environment or the profile, where none was given and that one can work.
    pub(crate) fn with_default_region(mut self, region: Option<&Region>) -> Self {
        let usable = region.filter(|region| region_problem(region, self.choices.allow_unlisted_region).is_none());
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
                Question::ProjectToken => self.choices.tokens.is_empty() && self.choices.removed.is_empty(),
                // These have defaults.
                Question::Encryption | Question::RoleName => false,
            })
            .collect()
    }

    /// The tokens that do not look like Mixpanel's.
    pub(crate) fn unusual_tokens(&self) -> Vec<&ProjectToken> {
        self.choices
            .tokens
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
                role,
                choices: self.choices,
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
        return Some(Error::closed_partition(region.partition()));
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
