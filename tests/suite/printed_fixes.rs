//! What mends a finding, done to the letter: for each way in which a set-up can be broken, the commands of the finding
//! run in a shell, the difference that it shows is made in the file between them, and `verify` passes afterwards.
//!
//! A person adds nothing but what the program asks of him: the project's token in the environment, as the note below a
//! verdict says, `--yes` since nobody sits at a terminal here, and what `setup` would ask for where nobody can know it.
//! Credentials and region are those of a profile, which every command has to name.

mod patch;
mod rows;

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::program::run;
use crate::support::{Call, Cloud, Outcome};
use rows::{ADVICE_ONLY, ELSEWHERE, Outcome as Wanted, Row, Tool};

/// The environment variable that says where the AWS CLI is.
const CLI_VARIABLE: &str = "MIXPANEL_S3_TEST_AWS_CLI";

/// The name of the profile. The SDK takes no odder one from a file.
const PROFILE: &str = "team/prod@eu+1%x:y";

/// A shell of a person's, in a directory of its own, with the two programs on its PATH.
struct Shell {
    home: tempfile::TempDir,
    work: tempfile::TempDir,
}

impl Shell {
    fn new(row: &Row, cloud: &Cloud) -> Self {
        let shell = Self {
            home: tempfile::tempdir().expect("a directory"),
            work: tempfile::tempdir().expect("a directory"),
        };
        let answers: Vec<String> = (row.answers)(cloud);
        let script = format!(
            "#!/bin/sh\nexec '{}' \"$@\" --yes {}\n",
            env!("CARGO_BIN_EXE_mixpanel-s3"),
            answers.join(" ")
        );
        let program = shell.home.path().join("mixpanel-s3");
        std::fs::write(&program, script).expect("written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(program, mode).expect("it can be run");
        if row.tool == Tool::AwsCli {
            let cli = std::env::var(CLI_VARIABLE)
                .unwrap_or_else(|_| panic!("{CLI_VARIABLE} has to say where the AWS CLI is"));
            symlink(Path::new(&cli), shell.home.path().join("aws")).expect("a link");
        }
        shell
    }

    /// Pastes a command.
    fn paste(&self, cloud: &Cloud, row: &Row, command: &str) -> Outcome {
        let mut shell = Command::new("sh");
        shell.env_clear();
        let own = with_a_profile(cloud, row, &self.home, &[]);
        for (name, value) in own.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        let path = std::env::var("PATH").unwrap_or_default();
        shell.args(["-c", command]).current_dir(self.work.path());
        shell.env("PATH", format!("{}:{path}", self.home.path().display()));
        shell.stdin(std::process::Stdio::null());
        run(&mut shell)
    }

    /// Makes a difference in the file that the last command has written.
    fn edit(&self, reading: &str, change: &str, diff: &str) -> Result<(), String> {
        let (_, file) = reading
            .rsplit_once(" > ")
            .ok_or_else(|| format!("nothing is written by: {reading}"))?;
        let file = self.work.path().join(file);
        let before = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        if diff.is_empty() {
            return Err(format!("no difference is shown: {change}"));
        }
        let after = patch::apply(&before, diff)?;
        std::fs::write(&file, after).map_err(|error| error.to_string())
    }
}

/// The program as somebody runs it whose credentials are a profile's alone.
fn with_a_profile(cloud: &Cloud, row: &Row, home: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let keys = &cloud.keys;
    let token = keys.token.as_ref();
    let token = token.map(|token| format!("aws_session_token = {token}\n"));
    let credentials = format!(
        "[{PROFILE}]\naws_access_key_id = {}\naws_secret_access_key = {}\n{}",
        keys.id,
        keys.secret,
        token.unwrap_or_default()
    );
    let config = format!("[profile {PROFILE}]\nregion = eu-west-1\n");
    std::fs::write(home.path().join("credentials"), credentials).expect("written");
    std::fs::write(home.path().join("config"), config).expect("written");
    let mut command = cloud.command(home, arguments);
    for variable in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
    ] {
        command.env_remove(variable);
    }
    if !row.has_token {
        command.env_remove("MIXPANEL_PROJECT_TOKEN");
    }
    command
}

fn verify(cloud: &Cloud, row: &Row) -> Value {
    let home = tempfile::tempdir().expect("a directory");
    let flags = (row.verify)(cloud);
    let mut arguments = vec!["verify", "--output", "json", "--profile", PROFILE];
    arguments.extend(flags.iter().map(String::as_str));
    // Not `Cloud::run`, which makes what differs from run to run the same.
    let verdict = run(&mut with_a_profile(cloud, row, &home, &arguments)).json();
    for (id, why) in ADVICE_ONLY {
        let found = check(&verdict, id);
        assert!(steps(found).is_empty(), "no row, since {why}: {found:#}");
    }
    verdict
}

fn status(verdict: &Value, id: &str) -> String {
    let check = check(verdict, id);
    check["status"].as_str().unwrap_or("gone").to_owned()
}

fn check<'a>(verdict: &'a Value, id: &str) -> &'a Value {
    let checks = verdict["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| check["id"] == id);
    found.unwrap_or(&Value::Null)
}

fn failing(verdict: &Value) -> Vec<String> {
    let checks = verdict["checks"].as_array().expect("checks").iter();
    checks
        .filter(|check| check["status"] == "fail")
        .filter_map(|check| check["id"].as_str().map(str::to_owned))
        .collect()
}

/// The commands of a finding and what is changed between them.
fn steps(check: &Value) -> Vec<&Value> {
    let fix = check["fix"].as_array().into_iter().flatten();
    fix.filter(|step| step["advice"].is_null()).collect()
}

/// Breaks a set-up, does what the finding says, and judges it again.
fn try_row(row: &Row) -> Result<(), String> {
    let cloud = Cloud::start();
    if !row.setup.is_empty() {
        let made = cloud.setup(row.setup);
        if made.code != 0 {
            return Err(format!("no set-up: {made:?}"));
        }
    }
    let bucket = cloud.bucket();
    (row.breaks)(&cloud, &bucket);
    let before = verify(&cloud, row);
    let found = check(&before, row.id).clone();
    if found["status"] != row.before {
        return Err(format!("before: {} of {found:#}", failing(&before).join(", ")));
    }
    let steps = steps(&found);
    if steps.is_empty() {
        return Err(format!("nothing to do: {found:#}"));
    }
    let shell = Shell::new(row, &cloud);
    let mut last = "";
    cloud.forget();
    for step in steps {
        let Some(command) = step["command"].as_str() else {
            let text = |name: &str| step[name].as_str().unwrap_or_default();
            shell
                .edit(last, text("change"), text("diff"))
                .map_err(|why| format!("{why}\n{found:#}"))?;
            continue;
        };
        if row.tool == Tool::Program && command.starts_with("aws ") {
            return Err(format!("it takes the AWS CLI: {command}"));
        }
        let done = shell.paste(&cloud, row, command);
        let exits = match command.starts_with("mixpanel-s3 ") {
            true => row.exits,
            false => 0,
        };
        if done.code != exits {
            let files = std::fs::read_dir(shell.work.path()).expect("files").flatten();
            let files: Vec<String> = files
                .filter_map(|file| std::fs::read_to_string(file.path()).ok())
                .collect();
            return Err(format!("{command}\n{}\n{}", done.stderr, files.join("\n")));
        }
        last = command;
    }
    if let Some(asked) = &row.asks {
        let is_asked = |call: &Call| {
            let text = format!("{} {}", call.path, call.body);
            call.action == asked.action && text.contains(asked.text)
        };
        if !cloud.calls().iter().any(is_asked) {
            return Err(format!("{} was not asked: {:?}", asked.action, cloud.calls()));
        }
        (asked.then)(&cloud);
    }
    let after = verify(&cloud, row);
    let now = status(&after, row.id);
    let mended = match row.after {
        Wanted::Passes => ["pass", "skipped", "gone"].contains(&now.as_str()),
        Wanted::OffersNothing => self::steps(check(&after, row.id)).is_empty(),
    };
    if !mended {
        return Err(format!("after {last}: {:#}", check(&after, row.id)));
    }
    let known = failing(&before);
    let new: Vec<String> = failing(&after).into_iter().filter(|id| !known.contains(id)).collect();
    if !new.is_empty() {
        let checks: Vec<&Value> = new.iter().map(|id| check(&after, id)).collect();
        return Err(format!("it fails now: {checks:#?}"));
    }
    (row.holds)(&cloud, &bucket)
}

#[track_caller]
fn try_rows(tool: Tool) {
    let only = std::env::var("PRINTED_FIX").unwrap_or_default();
    let rows = rows::all();
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.tool == tool && format!("{}: {}", row.id, row.name).contains(&only))
        .collect();
    let failed: Vec<String> = std::thread::scope(|scope| {
        let halves = rows.chunks(rows.len().div_ceil(2).max(1));
        let halves: Vec<_> = halves
            .map(|rows| {
                scope.spawn(move || {
                    let tried = rows.iter().map(|row| (row, try_row(row)));
                    tried
                        .filter_map(|(row, tried)| Some(format!("{}, {}: {}", row.id, row.name, tried.err()?)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let failed = halves.into_iter();
        failed.flat_map(|half| half.join().expect("the rows")).collect()
    });
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        rows.len(),
        failed.join("\n\n")
    );
}

#[test]
fn what_this_program_mends_is_mended_by_what_is_printed() {
    try_rows(Tool::Program);
}

#[test]
#[ignore = "needs the AWS CLI: .ci/run runs it"]
fn what_the_aws_cli_mends_is_mended_by_what_is_printed() {
    try_rows(Tool::AwsCli);
}

#[test]
fn every_check_that_offers_a_command_is_tried() {
    let cloud = Cloud::start();
    cloud.setup(&["--encryption", "aes"]).exits(0);
    let verdict = cloud.run(&["verify", "--output", "json"]).exits(0).json();
    let checks = verdict["checks"].as_array().expect("checks").iter();
    let ids: BTreeSet<&str> = checks.filter_map(|check| check["id"].as_str()).collect();
    let rows = rows::all();
    let tried: BTreeSet<&str> = rows.iter().map(|row| row.id).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(id, _)| *id).collect();
    let advised: BTreeSet<&str> = ADVICE_ONLY.iter().map(|(id, _)| *id).collect();
    for id in &ids {
        let lists = [&tried, &elsewhere, &advised];
        let in_lists = lists.iter().filter(|list| list.contains(id)).count();
        assert_eq!(in_lists, 1, "{id} has a row, or a reason why it has none");
    }
    let listed = tried.union(&elsewhere).chain(&advised);
    let gone: Vec<_> = listed.filter(|id| !ids.contains(*id)).collect();
    assert!(gone.is_empty(), "there is no check {gone:?}");
    let said = rows.iter().map(|row| row.name);
    let said = said.chain(ELSEWHERE.iter().chain(ADVICE_ONLY).map(|(_, why)| *why));
    assert!(said.into_iter().all(|why| !why.is_empty()));
}

/// The form in Mixpanel is mended there; what is printed judges what would stand in it then.
#[test]
fn what_would_stand_in_the_form_is_judged_by_the_command_that_says_so() {
    let row = rows::of_the_form();
    let cloud = Cloud::start();
    cloud.setup(row.setup).exits(0);
    let bucket = cloud.bucket();
    (row.breaks)(&cloud, &bucket);
    let verdict = verify(&cloud, &row);
    let found = check(&verdict, row.id);
    assert_eq!(found["status"], row.before, "{found:#}");
    let advice = found["fix"][0]["advice"].as_str().expect("an advice");
    let (_, command) = advice.rsplit_once("again: ").expect("a command");
    let shell = Shell::new(&row, &cloud);
    let again = shell.paste(&cloud, &row, &format!("{command} --output json"));
    assert_eq!(status(&again.json(), row.id), "pass", "{again:?}");
}
