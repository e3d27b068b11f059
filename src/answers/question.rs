//! The one table of questions: what each asks, why, where the answer is found, and which flag says it too.

use super::{Draft, TOKEN_VARIABLE};
use crate::command_line::Word;
use crate::encryption::{Encryption, KmsKey};
use crate::names::ProjectToken;

/// A question of `setup`, in the order of Mixpanel's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
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
    pub(crate) const ALL: [Self; 5] = [
        Self::Bucket,
        Self::Region,
        Self::Encryption,
        Self::ProjectToken,
        Self::RoleName,
    ];

    /// What it is called, in prompts and menus.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bucket => "Bucket",
            Self::Region => "Region",
            Self::Encryption => "Encryption",
            Self::ProjectToken => "Project token",
            Self::RoleName => "Role name",
        }
    }

    /// Why it is asked, and where the answer is found, in a line.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Bucket => "Mixpanel writes its files into it. Let setup make one, or use one you have.",
            Self::Region => "Near whatever reads the files. Mixpanel supports these; type to search.",
            Self::Encryption => "How files are encrypted at rest. In Mixpanel's form you choose the same.",
            Self::ProjectToken => "It guards the role. In Mixpanel: Settings → Project settings → Access keys.",
            Self::RoleName => "Mixpanel assumes this role in order to write. The bucket's name will do.",
        }
    }

    /// The flag that answers it.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Bucket => "--bucket",
            Self::Region => "--region",
            Self::Encryption => "--encryption",
            Self::ProjectToken => "--project-token",
            Self::RoleName => "--role-name",
        }
    }

    /// A line that says what is missing and how to give it.
    pub(crate) fn missing_line(self) -> String {
        match self {
            Self::Bucket => "--bucket NAME            the bucket to export into".into(),
            Self::Region => "--region REGION          the bucket's region (or set AWS_REGION)".into(),
            Self::Encryption => "--encryption HOW         none, aes or kms".into(),
            Self::ProjectToken => {
                format!("--project-token TOKEN    the project token (or set {TOKEN_VARIABLE})")
            }
            Self::RoleName => "--role-name NAME         the role that Mixpanel assumes".into(),
        }
    }

    /// The flags that give the draft's answer, as separate words. A token becomes a reference to a shell variable.
    pub(crate) fn flags_of(self, draft: &Draft) -> Vec<Word> {
        let pair = |value: &str| Word::option(self.flag(), value);
        match self {
            Self::Bucket => draft
                .bucket
                .as_ref()
                .map(|bucket| pair(bucket.as_str()))
                .unwrap_or_default(),
            Self::Region => draft
                .region
                .as_ref()
                .map(|region| pair(region.as_str()))
                .unwrap_or_default(),
            Self::RoleName => draft.role.as_ref().map(|role| pair(role.as_str())).unwrap_or_default(),
            Self::Encryption => match &draft.choices.encryption {
                None => Vec::new(),
                Some(Encryption::None) => pair("none"),
                Some(Encryption::Aes) => pair("aes"),
                Some(Encryption::Kms(KmsKey::AwsManaged)) => pair("kms"),
                Some(Encryption::Kms(KmsKey::Own(key))) => {
                    let mut words = pair("kms");
                    words.extend(Word::option("--kms-key", key.as_str()));
                    words
                }
                Some(Encryption::Kms(KmsKey::New(()))) => {
                    let mut words = pair("kms");
                    words.push(Word::flag("--create-kms-key"));
                    words
                }
            },
            // The program reads a single one by itself, and so it does not stand in a list of processes.
            Self::ProjectToken if draft.choices.tokens.len() < 2 => Vec::new(),
            Self::ProjectToken => (1..=draft.choices.tokens.len())
                .flat_map(|number| {
                    let name = TOKEN_VARIABLE;
                    [Word::flag(self.flag()), Word::Variable { name, number }]
                })
                .collect(),
        }
    }

    /// The draft's answer in a few words, for the "edit" menu.
    pub(crate) fn answer_of(self, draft: &Draft) -> String {
        let text = |value: Option<String>| value.unwrap_or_else(|| "default".into());
        match self {
            Self::Bucket => text(draft.bucket.as_ref().map(ToString::to_string)),
            Self::Region => text(draft.region.as_ref().map(ToString::to_string)),
            Self::RoleName => text(draft.role.as_ref().map(ToString::to_string)),
            Self::Encryption => match &draft.choices.encryption {
                None => "default".into(),
                Some(Encryption::None) => "none".into(),
                Some(Encryption::Aes) => "AES (SSE-S3)".into(),
                Some(Encryption::Kms(KmsKey::AwsManaged)) => "KMS with aws/s3".into(),
                Some(Encryption::Kms(KmsKey::Own(key))) => format!("KMS with {}", key.as_str()),
                Some(Encryption::Kms(KmsKey::New(()))) => "KMS with a new key".into(),
            },
            Self::ProjectToken => draft
                .choices
                .tokens
                .iter()
                .map(ProjectToken::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}
