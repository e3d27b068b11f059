//! The walk at a real terminal: the questions, a wrong answer corrected, and Ctrl-C.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use aws_sdk_s3::types::{ObjectOwnership, ServerSideEncryption};

use crate::support::by_hand::{USER, data, trust};
use crate::support::{Cloud, Scripted, TOKEN};

const SHOW_CURSOR: &str = "\u{1b}[?25h";
const HIDE_CURSOR: &str = "\u{1b}[?25l";
const DOWN: &str = "\u{1b}[B";

/// The program at a terminal, with a record of all that it printed.
struct Terminal {
    session: PtySession,
    screen: String,
    _home: tempfile::TempDir,
}

impl Terminal {
    fn start(cloud: &Cloud, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = cloud.command(&home, arguments);
        command
            .env_remove("MIXPANEL_PROJECT_TOKEN")
            .env("TERM", "xterm-256color")
            .env("NO_COLOR", "1");
        // A pty is the program's stdin too.
        command.stdin(std::process::Stdio::inherit());
        let session = spawn_command(command, Some(20_000)).unwrap();
        Self {
            session,
            screen: String::new(),
            _home: home,
        }
    }

    /// Waits for a text in ASCII: rexpect reads bytes as Latin-1.
    #[track_caller]
    fn sees(&mut self, text: &str) -> &mut Self {
        match self.session.exp_string(text) {
            Ok(before) => {
                self.screen.push_str(&before);
                self.screen.push_str(text);
            }
            Err(error) => panic!("expected: {text}\n{error}\nso far:\n{}", self.screen),
        }
        self
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
        self
    }

    fn enter(&mut self) -> &mut Self {
        self.types("\r")
    }

    /// Waits for the end, and answers the exit code and all that was printed.
    #[track_caller]
    fn ends(mut self, code: i32) -> String {
        self.screen.push_str(
            &self
                .session
                .exp_eof()
                .unwrap_or_else(|error| panic!("{error}\nso far:\n{}", self.screen)),
        );
        match self.session.process().wait().unwrap() {
            WaitStatus::Exited(_, status) => assert_eq!(status, code, "{}", self.screen),
            other => panic!("{other:?}\n{}", self.screen),
        }
        let (hidden, shown) = (self.screen.rfind(HIDE_CURSOR), self.screen.rfind(SHOW_CURSOR));
        assert!(hidden <= shown, "the cursor is back:\n{:?}", self.screen);
        self.screen
    }
}

fn changed(cloud: &Cloud) -> bool {
    !cloud.writes().is_empty()
}

#[test]
fn the_names_of_others_do_nothing_to_the_terminal() {
    let cloud = Cloud::start();
    let alias = "&#x1b;[2Jforged&#xa;&#x202e;";
    let answer = format!(
        "<ListAccountAliasesResponse><ListAccountAliasesResult><IsTruncated>false</\
         IsTruncated><AccountAliases><member>{alias}</member></AccountAliases></ListAccountAliasesResult></\
         ListAccountAliasesResponse>"
    );
    cloud.script("iam:ListAccountAliases", None, Scripted::answer("iam", answer));
    let mut terminal = Terminal::start(&cloud, &["setup"]);
    terminal
        .sees("\\u{1b}[2Jforged\\n\\u{202e}")
        .sees("Is this the right account?")
        .enter();
    // Such a name is not proposed.
    terminal.sees("Name of the bucket").types("\u{3}");
    let screen = terminal.ends(130);
    assert!(!screen.contains("\u{1b}[2J") && !screen.contains("forged-mixpanel-export"));
}

#[test]
fn the_whole_walk() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let mut terminal = Terminal::start(&cloud, &["setup"]);
    terminal
        .sees("Who you are in AWS")
        .sees(&cloud.account)
        .sees("Is this the right account?")
        .enter();
    terminal
        .sees("Mixpanel writes its files into it")
        .sees("Name of the bucket");
    terminal.types(&bucket).enter();
    terminal.sees("Which region?").enter();
    terminal.sees(" eu-west-1").sees("How shall Mixpanel encrypt?").enter();
    terminal
        .sees(" AES (SSE-S3)")
        .sees("Access keys")
        .sees("Project token")
        .types(TOKEN)
        .enter();
    terminal.sees("0123").sees("Name of the role").enter();
    terminal
        .sees("The plan:")
        .sees("Shall setup do this?")
        .types(&DOWN.repeat(2))
        .enter();
    terminal
        .sees("Trust policy of role")
        .sees("Shall setup do this?")
        .types(DOWN)
        .enter();
    terminal
        .sees("Read back from AWS:")
        .sees("Bucket:")
        .sees(&bucket)
        .sees("KMS Key ID:")
        .sees("(leave empty)");
    terminal
        .sees("Create Pipeline")
        .sees("The same without questions:")
        .sees("Before it, export MIXPANEL_PROJECT_TOKEN: it reads the project token from there.")
        .sees("checks pass")
        .sees("Live proof")
        .sees("Prove it live?")
        .enter();
    terminal.ends(0);
    assert!(changed(&cloud));
    // The command that it ends with does the same, and so has nothing to do.
    cloud
        .setup(&["--region", "eu-west-1", "--encryption", "aes", "--role-name", &bucket])
        .exits(0)
        .says("Nothing to do");
}

#[test]
fn a_wrong_answer_is_corrected() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let mut terminal = Terminal::start(
        &cloud,
        &[
            "setup",
            "--region",
            "eu-west-1",
            "--encryption",
            "aes",
            "--role-name",
            "first",
        ],
    );
    terminal.sees("Is this the right account?").enter();
    terminal.sees("Name of the bucket").types("Not_A_Bucket").enter();
    terminal
        .sees("S3 takes lowercase letters only")
        .types(&"\u{7f}".repeat(12))
        .types(&bucket)
        .enter();
    terminal.sees("Project token").types("2195193").enter();
    terminal
        .sees("that looks like the project ID")
        .types(&"\u{7f}".repeat(7))
        .types(TOKEN)
        .enter();
    terminal.sees("Shall setup do this?").types(&DOWN.repeat(3)).enter();
    terminal
        .sees("Which answer do you want to change?")
        .types(&DOWN.repeat(4))
        .enter();
    terminal
        .sees("Name of the role")
        .types(&"\u{7f}".repeat(5))
        .types("second")
        .enter();
    terminal.sees("role second").sees("Shall setup do this?").enter();
    let screen = terminal.ends(1);
    assert!(screen.contains("Cancelled. Nothing was changed in AWS."), "{screen}");
    assert!(!changed(&cloud));
}

#[test]
fn an_answer_that_aws_refutes_can_be_changed() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.script("s3:HEAD", Some(1), Scripted::bare(403, vec![]));
    let mut terminal = Terminal::start(
        &cloud,
        &[
            "setup",
            "--region",
            "eu-west-1",
            "--encryption",
            "aes",
            "--role-name",
            "r",
            "--project-token",
            TOKEN,
        ],
    );
    terminal.sees("Is this the right account?").enter();
    terminal.sees("Name of the bucket").types("somebody-elses").enter();
    terminal
        .sees("belongs to a bucket of another AWS account")
        .sees("Name of the bucket")
        .types(&bucket)
        .enter();
    terminal.sees("Shall setup do this?").enter();
    terminal.ends(1);
    assert!(!changed(&cloud));
}

#[test]
fn ctrl_c_after_the_changes_does_not_say_that_nothing_was_changed() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let arguments = ["setup", "--bucket", &bucket, "--region", "eu-west-1"];
    let more = ["--encryption", "aes", "--role-name", &bucket];
    let token = ["--project-token", TOKEN];
    let mut terminal = Terminal::start(&cloud, &[&arguments[..], &more, &token].concat());
    terminal.sees("Is this the right account?").enter();
    terminal
        .sees("Shall setup do this?")
        .types(DOWN)
        .enter()
        .sees("Prove it live?")
        .types("\u{3}");
    let screen = terminal.ends(130);
    let said = "Interrupted. Everything is set up, and nothing was tried live.";
    assert!(screen.contains(said), "{screen}");
    assert!(!screen.contains("Nothing was changed"), "{screen}");
    assert!(changed(&cloud));
}

#[test]
fn ctrl_c_at_every_kind_of_prompt_leaves_nothing_half_done() {
    let waits: [(&[&str], &str); 4] = [
        (&["setup"], "Is this the right account?"),
        (&["setup", "--bucket", "acme-export"], "Which region?"),
        (
            &["setup", "--bucket", "acme-export", "--region", "eu-west-1"],
            "How shall Mixpanel encrypt?",
        ),
        (
            &[
                "setup",
                "--bucket",
                "acme-export",
                "--region",
                "eu-west-1",
                "--encryption",
                "aes",
            ],
            "Project token",
        ),
    ];
    for (arguments, prompt) in waits {
        let cloud = Cloud::start();
        let mut terminal = Terminal::start(&cloud, arguments);
        if prompt != waits[0].1 {
            terminal.sees(waits[0].1).enter();
        }
        terminal.sees(prompt);
        // The title of the token's question has its prompt's words; the prompt itself comes after the explanation.
        if prompt == waits[3].1 {
            terminal.sees("Access keys").sees(prompt);
        }
        terminal.types("\u{3}");
        let screen = terminal.ends(130);
        assert!(screen.contains("Interrupted. Nothing was changed in AWS."), "{screen}");
        assert!(!changed(&cloud));
    }
}

#[test]
fn ctrl_c_during_the_work_says_what_was_done() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let held = cloud.hold("s3:PUT policy");
    let mut terminal = Terminal::start(
        &cloud,
        &[
            "setup",
            "--bucket",
            &bucket,
            "--region",
            "eu-west-1",
            "--yes",
            "--project-token",
            TOKEN,
        ],
    );
    terminal.sees("SSE-S3 (AES)").sees("SSE-S3 (AES)");
    cloud.wait_for_hang();
    terminal.types("\u{3}").sees("what is under way ends");
    drop(held);
    let screen = terminal.ends(130);
    for words in [
        "what is under way ends",
        "Interrupted.",
        "Done:",
        "Not done:",
        "Running the same again",
    ] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
}

#[test]
fn a_bucket_in_a_region_that_mixpanel_does_not_list_is_refused_at_once() {
    let cloud = Cloud::start();
    let headers = vec![("x-amz-bucket-region", "il-central-1".to_owned())];
    cloud.script("s3:HEAD", Some(1), Scripted::bare(301, headers.clone()));
    cloud.script("s3:HEAD", Some(1), Scripted::bare(200, headers));
    let mut terminal = Terminal::start(&cloud, &["setup"]);
    terminal.sees("Is this the right account?").enter();
    terminal.sees("Name of the bucket").types("far-away").enter();
    terminal
        .sees("Mixpanel does not list the region il-central-1")
        .sees("Name of the bucket");
    terminal.types("\u{3}");
    terminal.ends(130);
    assert!(!changed(&cloud));
}

#[test]
fn what_somebody_else_made_is_taken_over_and_hardened_only_as_far_as_agreed() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.unblock(&bucket);
    cloud.encrypt(&bucket, ServerSideEncryption::Aes256, None, false);
    cloud.set_ownership(&bucket, ObjectOwnership::ObjectWriter);
    let other = "feedfacefeedfacefeedfacefeedface";
    cloud.role_by_hand("theirs", &trust(USER, Some(other)), &[data(&bucket)]);
    cloud.forget();

    let mut terminal = Terminal::start(&cloud, &["setup", "--project-token", TOKEN]);
    terminal.sees("Is this the right account?").enter();
    terminal.sees("Which bucket?").types(DOWN).enter();
    terminal.sees("Which one?").types(&bucket).enter();
    terminal.sees("The bucket exists, in eu-west-1.");
    terminal.sees("How shall Mixpanel encrypt?").enter();
    terminal
        .sees("through the role theirs")
        .sees("Name of the role")
        .enter();
    terminal
        .sees("does not let Mixpanel in with this project token")
        .sees("What now?")
        .types(&DOWN.repeat(2))
        .enter();
    terminal
        .sees("Hardening")
        .sees("all public access blocked")
        .sees("Change this?")
        .types("n")
        .enter();
    terminal.sees("ACLs off").sees("Change this?").enter();
    terminal
        .sees("plain HTTP is refused")
        .sees("DenyPlainHttp")
        .sees("Change this?")
        .types("yes")
        .enter();
    terminal.sees("unfinished uploads").sees("Change this?").enter();
    terminal
        .sees("The plan:")
        .sees("could be hardened")
        .sees("Shall setup do this?")
        .types(DOWN)
        .enter();
    terminal
        .sees("The same without questions:")
        .sees("--role-name theirs")
        .sees("--adopt")
        .sees("--harden plain-http")
        .sees("Prove it live?")
        .enter();
    terminal.ends(0);
    let mut writes = cloud.writes();
    writes.sort();
    assert_eq!(
        writes,
        [
            "iam:TagPolicy",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "s3:PUT policy"
        ]
    );
}

#[test]
fn what_somebody_does_while_the_gate_is_open_stops_everything() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let mut terminal = Terminal::start(&cloud, &["teardown", "--role", &bucket, "--delete-bucket"]);
    terminal.sees("Role to remove");
    cloud.role_by_hand("late", &trust(USER, Some(TOKEN)), &[data(&bucket)]);
    let before = cloud.everything();
    terminal
        .types(&bucket)
        .enter()
        .sees("somebody has changed the roles through which Mixpanel can write to it");
    terminal.ends(6);
    assert_eq!(cloud.everything(), before);
}

#[test]
fn data_goes_only_after_the_buckets_name_is_typed() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    cloud.let_plain_http_in();
    cloud.put_object(&bucket, "1/mp_people_data/a");
    let arguments = ["teardown", "--bucket", &bucket, "--delete-bucket", "--delete-data"];
    let gate = "Role to remove";
    let second = "Bucket to empty";
    for (first, then) in [
        ("", None),
        ("y", None),
        ("\u{3}", None),
        (bucket.as_str(), Some("")),
        (bucket.as_str(), Some("yes")),
        (bucket.as_str(), Some("no-such-bucket")),
        (bucket.as_str(), Some("\u{3}")),
    ] {
        cloud.forget();
        let mut terminal = Terminal::start(&cloud, &arguments);
        terminal.sees("everything in it goes").sees(gate);
        let mut last = first;
        terminal.types(first);
        if let Some(then) = then {
            terminal.enter().sees(second).types(then);
            last = then;
        }
        let code = match last {
            "\u{3}" => 130,
            _ => {
                terminal.enter();
                1
            }
        };
        let screen = terminal.ends(code);
        assert!(screen.contains("Nothing was "), "{screen}");
        assert!(!changed(&cloud));
    }
    let mut terminal = Terminal::start(&cloud, &arguments);
    terminal.sees(gate).types(&bucket).enter();
    terminal.sees(second).types(&bucket).enter();
    terminal
        .sees("Looked at again:")
        .sees(&format!("removed: bucket {bucket}"));
    terminal.ends(0);
    assert_eq!(cloud.everything()["buckets"], serde_json::json!({}));
}

/// A bucket by hand whose ACLs are all that could be safer, so that one offer to harden it comes right before the gate.
fn bucket_with_acls(cloud: &Cloud) -> String {
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    cloud.delete_bucket_tags(&bucket);
    cloud.set_ownership(&bucket, ObjectOwnership::ObjectWriter);
    cloud.forget();
    bucket
}

#[test]
fn an_answer_ends_with_enter_and_answers_one_question() {
    for typed in ["n\r", "no\r", "n\r\r\r", "\r\ry\r"] {
        let cloud = Cloud::start();
        let bucket = bucket_with_acls(&cloud);
        let other = "feedfacefeedfacefeedfacefeedface";
        let arguments = ["setup", "--bucket", &bucket, "--region", "eu-west-1"];
        let more = ["--role-name", &bucket, "--encryption", "aes"];
        let token = ["--project-token", other];
        let mut terminal = Terminal::start(&cloud, &[&arguments[..], &more[..], &token[..]].concat());
        terminal.sees("Is this the right account?").enter();
        terminal.sees("ACLs off").sees("Change this?").types(typed);
        terminal.sees("The plan:").sees("Shall setup do this?").types("\u{3}");
        let screen = terminal.ends(130);
        assert!(!screen.contains("Policy documents"), "{typed:?}:\n{screen}");
        assert!(!changed(&cloud), "{typed:?}:\n{screen}");
    }
}

#[test]
fn what_is_pasted_for_one_question_answers_no_other() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let arguments = ["setup", "--bucket", &bucket, "--region", "eu-west-1"];
    let arguments = [&arguments[..], &["--encryption", "aes"]].concat();
    // As a spreadsheet gives it, with what stood below it; and one that is refused, with another below.
    for paste in [
        format!("{TOKEN}\r\r\r\r"),
        format!("{TOKEN}\r\nsecond\r\n\r\n"),
        format!("2195193\r{TOKEN}\r\r\r"),
    ] {
        let mut terminal = Terminal::start(&cloud, &arguments);
        terminal.sees("Is this the right account?").enter();
        terminal.sees("Access keys").sees("Project token");
        terminal.types(&paste);
        match paste.starts_with(TOKEN) {
            true => terminal.sees("Name of the role"),
            false => terminal.sees("that looks like the project ID"),
        };
        terminal.types("\u{3}");
        let screen = terminal.ends(130);
        assert!(!screen.contains("The plan:"), "{paste:?}:\n{screen}");
    }
    assert!(!changed(&cloud));
}

#[test]
fn what_is_typed_before_a_gate_appears_is_thrown_away() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    cloud.forget();
    for typed in ["y", "yes\r", &format!("{bucket}\r")] {
        let mut terminal = Terminal::start(&cloud, &["teardown", "--role", &bucket]);
        terminal.types(typed);
        terminal.sees("What goes:").sees("Role to remove");
        // The gate still stands.
        terminal.types("\u{3}");
        let screen = terminal.ends(130);
        assert!(!changed(&cloud), "{typed:?}:\n{screen}");
    }
    // Down and Enter are "yes" at the gate of setup, once it is there.
    let arguments = ["setup", "--bucket", &bucket, "--region", "eu-west-1"];
    let more = ["--encryption", "aes", "--role-name", "another"];
    let token = ["--project-token", TOKEN];
    let arguments = [&arguments[..], &more[..], &token[..]].concat();
    let mut terminal = Terminal::start(&cloud, &arguments);
    terminal.types("y\r");
    terminal.sees("Is this the right account?");
    terminal.types(&format!("\r{DOWN}\r\ry"));
    terminal.sees("Shall setup do this?").enter();
    let screen = terminal.ends(1);
    assert!(screen.contains("Cancelled. Nothing was changed"), "{screen}");
    assert!(!changed(&cloud));
}

#[test]
fn quiet_hides_nothing_that_is_asked_about() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let arguments = ["setup", "--quiet", "--bucket", &bucket];
    let more = ["--region", "eu-west-1", "--encryption", "aes"];
    let token = ["--role-name", &bucket, "--project-token", TOKEN];
    let arguments = [&arguments[..], &more[..], &token[..]].concat();
    let mut terminal = Terminal::start(&cloud, &arguments);
    terminal.sees(&cloud.account).sees("Is this the right account?").enter();
    terminal
        .sees("The plan:")
        .sees(&format!("bucket {bucket}"))
        .sees("Shall setup do this?")
        .types(DOWN)
        .enter();
    terminal.sees("Live proof").sees(&cloud.account);
    terminal.sees("Prove it live?").enter();
    let screen = terminal.ends(0);
    assert!(!screen.contains("Read back from AWS:"), "{screen}");

    let mut terminal = Terminal::start(&cloud, &["teardown", "--quiet", "--role", &bucket]);
    terminal
        .sees(&cloud.account)
        .sees("What goes:")
        .sees(&format!("role {bucket}"))
        .sees("Role to remove")
        .types(&bucket)
        .enter();
    let screen = terminal.ends(0);
    assert!(!screen.contains("Looked at again:"), "{screen}");
}

#[test]
fn a_role_that_does_not_trust_mixpanel_is_opened_only_by_its_name() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let ec2 = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    cloud.role_by_hand("admin", &ec2, &[]);
    let flags = [
        "setup",
        "--bucket",
        &bucket,
        "--region",
        "eu-west-1",
        "--encryption",
        "aes",
        "--role-name",
        "admin",
        "--project-token",
        TOKEN,
    ];
    for (typed, opens) in [("yes", false), ("admin", true)] {
        cloud.forget();
        let mut terminal = Terminal::start(&cloud, &flags);
        terminal.sees("Is this the right account?").enter();
        terminal
            .sees("it does not trust Mixpanel")
            .sees("What now?")
            .types(&DOWN.repeat(2))
            .enter();
        terminal
            .sees("Type the role's name, admin, to let Mixpanel in")
            .types(typed)
            .enter();
        if opens {
            terminal
                .sees("ec2.amazonaws.com can assume it")
                .sees("Shall setup do this?")
                .enter();
            terminal.ends(1);
        } else {
            terminal
                .sees("it does not trust Mixpanel")
                .sees("What now?")
                .types(DOWN)
                .enter();
            terminal.ends(5);
        }
        assert!(!changed(&cloud));
    }
}
