//! The command that does the same without questions, and what it needs from the environment.

use super::question::Question;
use super::{Draft, TOKEN_VARIABLE};
use crate::command_line::CommandLine;
use crate::process::Process;

/// What has to be set before the command that does the same can find the tokens; nothing where the environment has the
/// only one.
pub(crate) fn tokens_to_export(draft: &Draft, process: &Process) -> Option<String> {
    let names: Vec<String> = (1..=draft.choices.tokens.len())
        .map(|number| match number {
            1 => TOKEN_VARIABLE.to_owned(),
            number => format!("{TOKEN_VARIABLE}_{number}"),
        })
        .filter(|name| process.variable(name).is_none_or(|value| value.trim().is_empty()))
        .collect();
    let read = match draft.choices.tokens.len() {
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
    if let Some(path) = &draft.choices.path {
        command = command.option("--path", path);
    }
    if let Some(arn) = &draft.choices.boundary {
        command = command.option("--permissions-boundary", arn);
    }
    for tag in &draft.choices.tags {
        command = command.option("--tag", format!("{}={}", tag.key, tag.value));
    }
    for id in &draft.choices.removed {
        command = command.option("--remove-token", id.ends());
    }
    if let Some(role) = &draft.choices.open_role {
        command = command.option("--open-role", role);
    }
    for (on, flag) in [
        (draft.choices.adopt, "--adopt"),
        (draft.choices.allow_unlisted_region, "--allow-unlisted-region"),
    ] {
        if on {
            command = command.flag(flag);
        }
    }
    if !draft.choices.harden.is_empty() {
        let items: Vec<&str> = draft.choices.harden.iter().map(|item| item.as_str()).collect();
        command = command.option("--harden", items.join(","));
    }
    command.flag("--yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::Choices;
    use crate::command_line::Target;
    use crate::encryption::{Encryption, KmsKey};
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
            role: None,
            choices: Choices {
                encryption: Some(Encryption::Kms(KmsKey::New(()))),
                tokens: vec![
                    token.parse().unwrap(),
                    "feedfacefeedfacefeedfacefeedface".parse().unwrap(),
                ],
                tags: vec!["team=data platform".parse().unwrap()],
                ..Choices::default()
            },
        };
        let mut single = Draft::default();
        single.choices.tokens = vec![token.parse().unwrap()];
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
