//! A command that is printed gives a shell back the words that it was made from, and nothing else.

use proptest::prelude::*;

use super::*;

// The tests of the whole program read commands by it too, and see its items from outside.
#[allow(unreachable_pub)]
#[path = "../../../tests/suite/support/shell.rs"]
mod shell;

#[test]
fn what_a_shell_cannot_give_back_is_no_command() {
    let with = |value: &str| CommandLine::aws(["iam", "get-role"]).option("--role-name", value);
    for value in [
        "a\nb",
        "\u{1b}[2J",
        "a\u{7f}",
        "a\u{9b}2J",
        "file:///etc/passwd",
        "fileb://x",
    ] {
        assert_eq!(quoted(&with(value)), None, "{value:?}");
        assert_eq!(command_text(&with(value), &Target::default()), NOT_SHOWN);
    }
    assert_eq!(quoted(&with(&"a".repeat(3000))), None);
    let long = (0..4).fold(with("a"), |line, _| line.value("a".repeat(2000)));
    assert_eq!(quoted(&long), None, "a line is printed whole or not at all");
    // What stands in its stead is a comment to a shell, and holds nothing that one acts upon.
    assert!(NOT_SHOWN.starts_with("# "));
    assert!(!NOT_SHOWN.contains(['\'', '"', '$', '`', ';', '&', '|', '<', '>', '(', '*', '?', '!']));
}

/// What a word is made of: letters, everything that a shell acts upon, and everything else that shows.
fn values() -> impl Strategy<Value = String> {
    let shell = prop::sample::select(" '\"$`\\;&|<>(){}[]*?#~!%^=-+:,@/éü…".chars().collect::<Vec<_>>());
    let any = any::<char>().prop_filter("it shows", |c| !c.is_control() && quoted_alone(*c));
    prop::collection::vec(
        prop_oneof![3 => shell, 2 => proptest::char::range('a', 'z'), 1 => any],
        0..24,
    )
    .prop_map(|characters| characters.into_iter().collect::<String>())
    .prop_filter("it is no file", |text| !text.starts_with("file"))
}

fn quoted_alone(character: char) -> bool {
    quoted(&CommandLine::aws(["x"]).value(character)).is_some()
}

fn word_text(word: &Word) -> String {
    match word {
        Word::Literal(text) => text.clone(),
        Word::File(name) => format!("file://{name}"),
        Word::Variable { name, number: 1 } => format!("${name}"),
        Word::Variable { name, number } => format!("${name}_{number}"),
    }
}

fn command_lines() -> impl Strategy<Value = CommandLine> {
    let option = (prop::sample::select(vec!["--key-id", "--tag", "--profile"]), values());
    let step = prop_oneof![
        option.prop_map(|(flag, value)| Word::option(flag, value)),
        values().prop_map(|value| vec![Word::Literal(value)]),
        (1_usize..4).prop_map(|number| vec![Word::Variable {
            name: "MIXPANEL_PROJECT_TOKEN",
            number
        }]),
        Just(vec![Word::flag("--policy"), Word::File("policy.json")]),
    ];
    let base = (prop::collection::vec(step, 0..6), any::<bool>(), 0_u8..4).prop_map(|(steps, over_lines, output)| {
        let command = CommandLine::aws(["s3api", "put"]);
        let command = if over_lines { command.over_lines() } else { command };
        let command = steps.into_iter().fold(command, CommandLine::words);
        match output {
            0 => command.written_to("policy.json"),
            1 => command.evaluated(),
            _ => command,
        }
    });
    (base, prop::option::of(values())).prop_map(|(command, next)| match next {
        Some(value) if command.output() == Redirection::Shown => {
            command.and_then(CommandLine::mixpanel_s3(["verify"]).option("--role", value))
        }
        _ => command,
    })
}

proptest! {
    #[test]
    fn every_command_gives_back_the_words_it_was_made_from(command in command_lines()) {
        let text = quoted(&command).expect("it shows");
        let mut expected = Vec::new();
        let mut one = Some(&command);
        while let Some(command) = one {
            expected.push(command.groups().iter().flatten().map(word_text).collect::<Vec<_>>());
            one = command.next();
        }
        prop_assert_eq!(shell::commands(&text), Ok(expected), "{}", text);
    }

    #[test]
    fn a_value_is_never_taken_for_a_flag(value in values()) {
        let words = Word::option("--role", &value);
        let joined = format!("--role={value}");
        match value.starts_with('-') {
            true => prop_assert_eq!(words, vec![Word::Literal(joined)]),
            false => prop_assert_eq!(words.len(), 2),
        }
    }
}

/// The AWS CLI does not get to a rehearsal: what is pasted from one must not change what stands in AWS itself.
#[test]
fn a_rehearsal_offers_calls_of_aws_as_comments() {
    let name = || CommandLine::aws(["iam", "get-role"]).option("--role-name", "acme");
    let ours = CommandLine::mixpanel_s3(["verify"]);
    for command in [
        name(),
        name().over_lines().option("--query", "Role"),
        name().written_to("role.json"),
        ours.clone().and_then(name()),
    ] {
        let text = command_text(&command, &Target::Sandbox);
        let is_comment = |line: &str| line.starts_with("# ") && line.contains(": ");
        assert!(text.lines().all(is_comment), "{text}");
        assert!(!command_text(&command, &Target::default()).contains('#'));
    }
    let text = command_text(&ours, &Target::Sandbox);
    assert_eq!(text, "mixpanel-s3 verify --sandbox");
}

proptest! {
    #[test]
    fn a_command_sent_to_a_profile_names_it_once_and_changes_nothing_else(
        command in command_lines(),
        profile in values(),
    ) {
        let sent = command.sent_to(&Target::Profile(profile.clone()));
        prop_assert_eq!(&sent.sent_to(&Target::Profile("another".to_owned())), &sent);
        let (mut before, mut after) = (Some(&command), Some(&sent));
        while let (Some(plain), Some(sent)) = (before, after) {
            let words = |line: &CommandLine| line.groups().concat();
            let kept: Vec<Word> = words(plain);
            let mut rest = words(sent);
            for word in Word::option("--profile", &profile) {
                if rest.len() > kept.len() {
                    let at = rest.iter().position(|one| *one == word);
                    rest.remove(at.expect("the profile"));
                }
            }
            prop_assert_eq!(rest, kept);
            (before, after) = (plain.next(), sent.next());
        }
        prop_assert!(before.is_none() && after.is_none());
    }
}
