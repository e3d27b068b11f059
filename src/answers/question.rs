//! The one table of questions: what each asks, why, where the answer is found, and which flag says it too.

use super::{Draft, TOKEN_VARIABLE};
use crate::command_line::{CommandLine, Word};
use crate::encryption::{Encryption, KmsKey};
use crate::names::ProjectToken;
use crate::process::Process;

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
            Self::Encryption => match &draft.encryption {
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
            Self::ProjectToken if draft.tokens.len() < 2 => Vec::new(),
            Self::ProjectToken => (1..=draft.tokens.len())
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
            Self::Encryption => match &draft.encryption {
                None => "default".into(),
                Some(Encryption::None) => "none".into(),
                Some(Encryption::Aes) => "AES (SSE-S3)".into(),
                Some(Encryption::Kms(KmsKey::AwsManaged)) => "KMS with aws/s3".into(),
                Some(Encryption::Kms(KmsKey::Own(key))) => format!("KMS with {}", key.as_str()),
                Some(Encryption::Kms(KmsKey::New(()))) => "KMS with a new key".into(),
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

/// What has to be set before the command that does the same can find the tokens; nothing where the environment has the
/// only one.
pub(crate) fn tokens_to_export(draft: &Draft, process: &Process) -> Option<String> {
    let names: Vec<String> = (1..=draft.tokens.len())
        .map(|number| match number {
            1 => TOKEN_VARIABLE.to_owned(),
            number => format!("{TOKEN_VARIABLE}_{number}"),
        })
        .filter(|name| process.variable(name).is_none_or(|value| value.trim().is_empty()))
        .collect();
    let read = match draft.tokens.len() {
        1 => "it reads the project token from there",
        _ => "it reads the project tokens from there",
    };
    (!names.is_empty()).then(|| format!("Before it, export {}: {read}.", names.join(" and ")))
}

/// The command that does the same without questions, laid out over lines of a flag each.
pub(crate) fn replay_command(draft: &Draft) -> CommandLine {
    let mut command = CommandLine::mixpanel_s3(["setup"]).over_lines();
    for question in Question::ALL {
        command = command.words(question.flags_of(draft));
    }
    if let Some(path) = &draft.path {
        command = command.option("--path", path);
    }
    if let Some(arn) = &draft.boundary {
        command = command.option("--permissions-boundary", arn);
    }
    for tag in &draft.tags {
        command = command.option("--tag", format!("{}={}", tag.key, tag.value));
    }
    for id in &draft.removed {
        command = command.option("--remove-token", id.ends());
    }
    if let Some(role) = &draft.open_role {
        command = command.option("--open-role", role);
    }
    for (on, flag) in [
        (draft.adopt, "--adopt"),
        (draft.allow_unlisted_region, "--allow-unlisted-region"),
    ] {
        if on {
            command = command.flag(flag);
        }
    }
    if !draft.harden.is_empty() {
        let items: Vec<&str> = draft.harden.iter().map(|item| item.as_str()).collect();
        command = command.option("--harden", items.join(","));
    }
    command.flag("--yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::Target;
    use crate::report::commands::command_text;

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
            encryption: Some(Encryption::Kms(KmsKey::New(()))),
            tokens: vec![
                token.parse().unwrap(),
                "feedfacefeedfacefeedfacefeedface".parse().unwrap(),
            ],
            tags: vec!["team=data platform".parse().unwrap()],
            ..Draft::default()
        };
        let single = Draft {
            tokens: vec![token.parse().unwrap()],
            ..Draft::default()
        };
        assert_eq!(
            command_text(&replay_command(&single), &Target::Environment),
            "mixpanel-s3 setup \\\n    --yes"
        );
        let with = Process::stand_in(&[], &[(TOKEN_VARIABLE, token)]);
        let without = Process::stand_in(&[], &[]);
        assert_eq!(tokens_to_export(&single, &with), None);
        let told = tokens_to_export(&single, &without).unwrap();
        assert!(told.contains("export MIXPANEL_PROJECT_TOKEN:"), "{told}");
        let told = tokens_to_export(&draft, &with).unwrap();
        assert!(told.contains("export MIXPANEL_PROJECT_TOKEN_2:"), "{told}");
        let command = replay_command(&draft);
        assert_eq!(
            command_text(&command, &Target::Profile("prod".to_owned())),
            "mixpanel-s3 setup --profile prod \\\n    --bucket acme \\\n    --region eu-west-1 \\\n    --encryption \
             kms --create-kms-key \\\n    --project-token \"$MIXPANEL_PROJECT_TOKEN\" --project-token \
             \"$MIXPANEL_PROJECT_TOKEN_2\" \\\n    --tag 'team=data platform' \\\n    --yes"
        );
    }
}
