//! The one table of questions: what each asks, why, where the answer is found, and which flag says it too.

use super::{Draft, EncryptionAnswer, TOKEN_VARIABLE};
use crate::names::ProjectToken;

/// A question of `setup`, in the order of Mixpanel's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which bucket.
    Bucket,
    /// Where.
    Region,
    /// How Mixpanel encrypts.
    Encryption,
    /// Which project.
    ProjectToken,
    /// Which role.
    RoleName,
}

impl Question {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::Bucket,
        Self::Region,
        Self::Encryption,
        Self::ProjectToken,
        Self::RoleName,
    ];

    /// What it is called, in prompts and menus.
    pub fn title(self) -> &'static str {
        match self {
            Self::Bucket => "Bucket",
            Self::Region => "Region",
            Self::Encryption => "Encryption",
            Self::ProjectToken => "Project token",
            Self::RoleName => "Role name",
        }
    }

    /// Why it is asked, and where the answer is found, in a line.
    pub fn why(self) -> &'static str {
        match self {
            Self::Bucket => {
                "Mixpanel writes its files into it. Let setup make one, or use one you have."
            }
            Self::Region => {
                "Near whatever reads the files. Mixpanel supports these; type to search."
            }
            Self::Encryption => {
                "How files are encrypted at rest. In Mixpanel's form you choose the same."
            }
            Self::ProjectToken => {
                "It guards the role. In Mixpanel: Settings → Project settings → Access keys."
            }
            Self::RoleName => {
                "Mixpanel assumes this role in order to write. The bucket's name will do."
            }
        }
    }

    /// The flag that answers it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Bucket => "--bucket",
            Self::Region => "--region",
            Self::Encryption => "--encryption",
            Self::ProjectToken => "--project-token",
            Self::RoleName => "--role-name",
        }
    }

    /// A line that says what is missing and how to give it.
    pub fn missing_line(self) -> String {
        match self {
            Self::Bucket => "--bucket NAME            the bucket to export into".into(),
            Self::Region => {
                "--region REGION          the bucket's region (or set AWS_REGION)".into()
            }
            Self::Encryption => "--encryption HOW         none, aes or kms".into(),
            Self::ProjectToken => {
                format!("--project-token TOKEN    the project token (or set {TOKEN_VARIABLE})")
            }
            Self::RoleName => "--role-name NAME         the role that Mixpanel assumes".into(),
        }
    }

    /// The flags that give the draft's answer, as separate words. A token becomes a reference to a shell variable.
    pub fn flags_of(self, draft: &Draft) -> Vec<Word> {
        let pair =
            |value: String| vec![Word::Literal(self.flag().to_owned()), Word::Literal(value)];
        match self {
            Self::Bucket => draft
                .bucket
                .as_ref()
                .map(|bucket| pair(bucket.to_string()))
                .unwrap_or_default(),
            Self::Region => draft
                .region
                .as_ref()
                .map(|region| pair(region.to_string()))
                .unwrap_or_default(),
            Self::RoleName => draft
                .role
                .as_ref()
                .map(|role| pair(role.to_string()))
                .unwrap_or_default(),
            Self::Encryption => match &draft.encryption {
                None => Vec::new(),
                Some(EncryptionAnswer::None) => pair("none".into()),
                Some(EncryptionAnswer::Aes) => pair("aes".into()),
                Some(EncryptionAnswer::KmsAwsManaged) => pair("kms".into()),
                Some(EncryptionAnswer::KmsKey(key)) => {
                    let mut words = pair("kms".into());
                    words.extend([
                        Word::Literal("--kms-key".into()),
                        Word::Literal(key.as_str().into()),
                    ]);
                    words
                }
                Some(EncryptionAnswer::KmsNewKey) => {
                    let mut words = pair("kms".into());
                    words.push(Word::Literal("--create-kms-key".into()));
                    words
                }
            },
            Self::ProjectToken => draft
                .tokens
                .iter()
                .enumerate()
                .flat_map(|(index, _)| [Word::Literal(self.flag().to_owned()), Word::Token(index)])
                .collect(),
        }
    }

    /// The draft's answer in a few words, for the "edit" menu.
    pub fn answer_of(self, draft: &Draft) -> String {
        let text = |value: Option<String>| value.unwrap_or_else(|| "default".into());
        match self {
            Self::Bucket => text(draft.bucket.as_ref().map(ToString::to_string)),
            Self::Region => text(draft.region.as_ref().map(ToString::to_string)),
            Self::RoleName => text(draft.role.as_ref().map(ToString::to_string)),
            Self::Encryption => match &draft.encryption {
                None => "default".into(),
                Some(EncryptionAnswer::None) => "none".into(),
                Some(EncryptionAnswer::Aes) => "AES (SSE-S3)".into(),
                Some(EncryptionAnswer::KmsAwsManaged) => "KMS with aws/s3".into(),
                Some(EncryptionAnswer::KmsKey(key)) => format!("KMS with {}", key.as_str()),
                Some(EncryptionAnswer::KmsNewKey) => "KMS with a new key".into(),
            },
            Self::ProjectToken => draft
                .tokens
                .iter()
                .map(ProjectToken::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// A word of a command line that is shown to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A flag or a value; quoted where a shell needs it.
    Literal(String),
    /// The n-th project token, as a shell variable.
    Token(usize),
}

impl Word {
    /// The word as a POSIX shell reads it.
    fn quoted(&self) -> String {
        match self {
            Self::Literal(text) => shlex::try_quote(text).map_or_else(|_| text.clone(), Into::into),
            Self::Token(0) => format!("\"${TOKEN_VARIABLE}\""),
            Self::Token(index) => format!("\"${TOKEN_VARIABLE}_{}\"", index + 1),
        }
    }
}

/// The command that does the same without questions, for a POSIX shell, broken into lines of a flag each.
pub fn replay_command(draft: &Draft, before: &[String]) -> String {
    let literal =
        |flag: &str, value: &str| vec![Word::Literal(flag.into()), Word::Literal(value.into())];
    let mut groups: Vec<Vec<Word>> = Question::ALL
        .into_iter()
        .map(|question| question.flags_of(draft))
        .collect();
    groups.extend(
        draft
            .path
            .iter()
            .map(|path| literal("--path", path.as_str())),
    );
    groups.extend(
        draft
            .boundary
            .iter()
            .map(|arn| literal("--permissions-boundary", arn.as_str())),
    );
    groups.extend(
        draft
            .tags
            .iter()
            .map(|tag| literal("--tag", &format!("{}={}", tag.key, tag.value))),
    );
    groups.extend(
        draft
            .removed
            .iter()
            .map(|id| literal("--remove-token", &id.ends())),
    );
    groups.extend(
        draft
            .open_role
            .iter()
            .map(|role| literal("--open-role", role.as_str())),
    );
    for (on, flag) in [
        (draft.adopt, "--adopt"),
        (draft.allow_unlisted_region, "--allow-unlisted-region"),
    ] {
        if on {
            groups.push(vec![Word::Literal(flag.into())]);
        }
    }
    if !draft.harden.is_empty() {
        let items: Vec<&str> = draft.harden.iter().map(|item| item.as_str()).collect();
        groups.push(literal("--harden", &items.join(",")));
    }
    groups.push(vec![Word::Literal("--yes".into())]);
    let mut lines = vec![
        std::iter::once("mixpanel-s3 setup".to_owned())
            .chain(before.iter().cloned())
            .collect::<Vec<_>>()
            .join(" "),
    ];
    for group in groups.iter().filter(|group| !group.is_empty()) {
        lines.push(group.iter().map(Word::quoted).collect::<Vec<_>>().join(" "));
    }
    lines.join(" \\\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_question_says_fits_a_line() {
        for question in Question::ALL {
            assert!(question.why().chars().count() <= 76, "{question:?}");
        }
    }

    #[test]
    fn the_replay_command_quotes_and_hides_tokens() {
        let token = "0123456789abcdef0123456789abcdef";
        let draft = Draft {
            bucket: Some("acme".parse().unwrap()),
            region: Some("eu-west-1".parse().unwrap()),
            encryption: Some(EncryptionAnswer::KmsNewKey),
            tokens: vec![
                token.parse().unwrap(),
                "feedfacefeedfacefeedfacefeedface".parse().unwrap(),
            ],
            tags: vec!["team=data platform".parse().unwrap()],
            ..Draft::default()
        };
        let command = replay_command(&draft, &["--profile".into(), "prod".into()]);
        assert_eq!(
            command,
            "mixpanel-s3 setup --profile prod \\\n    --bucket acme \\\n    --region eu-west-1 \\\n    \
             --encryption kms --create-kms-key \\\n    --project-token \"$MIXPANEL_PROJECT_TOKEN\" \
             --project-token \"$MIXPANEL_PROJECT_TOKEN_2\" \\\n    --tag 'team=data platform' \\\n    --yes"
        );
    }
}
