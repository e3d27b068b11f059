//! Networks and people that fail at the worst moment: every request of a run is hit in every way, once each. The first
//! run says truly how it ended, and a plain second one leaves what an undisturbed run leaves, object for object.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, side_by_side};

/// The deadline of a call, in seconds, where an attempt gets no answer, which takes a third of it.
const TIMEOUT: [&str; 2] = ["--timeout", "6"];

/// A run that is disturbed.
struct Scenario {
    name: &'static str,
    /// What is there before.
    prepare: fn(&Cloud),
    /// What AWS answers otherwise than the emulators do.
    script: fn(&Cloud),
    /// The command line.
    arguments: fn(&Cloud) -> Vec<String>,
    /// Which requests are disturbed; `None` for all of them.
    only: Option<&'static [&'static str]>,
    /// Whether a run that is not killed leaves nothing for the next one to do, or says that it does.
    cleans_up: bool,
}

/// How a request is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    InternalError,
    Unavailable,
    Throttled,
    ResetBefore,
    AnswerLost,
    NoAnswer,
    Denied,
    KilledBefore,
    KilledAfter,
    Interrupted,
}

const MODES: [Mode; 10] = [
    Mode::InternalError,
    Mode::Unavailable,
    Mode::Throttled,
    Mode::ResetBefore,
    Mode::AnswerLost,
    Mode::NoAnswer,
    Mode::Denied,
    Mode::KilledBefore,
    Mode::KilledAfter,
    Mode::Interrupted,
];

impl Mode {
    fn answer(self, action: &str) -> Scripted {
        let service = action.split(':').next().expect("service:action");
        let error = |status, code, message| Scripted::error(service, status, code, message);
        match (self, service) {
            (Self::InternalError, _) => error(500, "InternalError", "We had a problem."),
            (Self::Unavailable, _) => error(503, "ServiceUnavailable", "Try again."),
            (Self::Throttled, "s3") => error(503, "SlowDown", "Reduce your request rate."),
            (Self::Throttled, _) => error(400, "ThrottlingException", "Rate exceeded"),
            (Self::Denied, "kms") => error(400, "AccessDeniedException", "not authorized"),
            (Self::Denied, _) => error(403, "AccessDenied", "not authorized"),
            (Self::ResetBefore, _) => Scripted::ResetBefore,
            (Self::AnswerLost, _) => Scripted::LostAnswer,
            (Self::NoAnswer | Self::KilledBefore | Self::Interrupted, _) => Scripted::Hang,
            (Self::KilledAfter, _) => Scripted::HangAfter,
        }
    }
}

impl Scenario {
    /// Disturbs every request in every way.
    fn every_request_in_every_way(&self) {
        let prepared = self.prepared();
        let undisturbed = self.start(&prepared);
        let outcome = undisturbed.run(&(self.arguments)(&undisturbed));
        assert_eq!(outcome.code, 0, "{}: {}", self.name, outcome.stderr);
        let mut requests: BTreeMap<String, usize> = BTreeMap::new();
        let disturbed = |action: &str| self.only.is_none_or(|only| only.contains(&action));
        let calls = undisturbed.calls().into_iter();
        for call in calls.filter(|call| disturbed(&call.action)) {
            *requests.entry(call.action).or_default() += 1;
        }
        let expected = undisturbed.everything();
        let cases: Vec<(&str, usize, Mode)> = requests
            .iter()
            .flat_map(|(action, count)| (1..=*count).map(move |nth| (action.as_str(), nth)))
            .flat_map(|(action, nth)| MODES.map(|mode| (action, nth, mode)))
            .collect();
        side_by_side(&cases, |&(action, nth, mode)| {
            if let Err(failure) = self.case(&prepared, action, nth, mode, &expected) {
                panic!("{}: {action} #{nth}, {mode:?}: {failure}", self.name);
            }
        });
        // Straight to the stream: what is printed is swallowed when a test passes.
        writeln!(std::io::stderr(), "{} disturbances of {}", cases.len(), self.name).expect("stderr");
    }

    fn prepared(&self) -> Cloud {
        let cloud = Cloud::start();
        (self.prepare)(&cloud);
        cloud
    }

    /// An AWS in which everything is prepared: the same again, where that can be had.
    fn start(&self, prepared: &Cloud) -> Cloud {
        let cloud = prepared.again().unwrap_or_else(|| self.prepared());
        cloud.forget();
        (self.script)(&cloud);
        cloud
    }

    fn case(&self, prepared: &Cloud, action: &str, nth: usize, mode: Mode, expected: &Value) -> Result<(), String> {
        let cloud = self.start(prepared);
        let arguments = (self.arguments)(&cloud);
        cloud.script_nth(action, nth, mode.answer(action));
        let first = match mode {
            Mode::KilledBefore | Mode::KilledAfter | Mode::Interrupted => stopped_run(&cloud, &arguments, mode),
            Mode::NoAnswer => Some(cloud.run(&[&arguments[..], &TIMEOUT.map(str::to_owned)].concat())),
            _ => Some(cloud.run(&arguments)),
        };
        cloud.wait_until_quiet();
        let acted = cloud.calls().iter().any(|call| !call.reads() && call.acted);
        cloud.clear_script();
        let first = match first {
            None => String::new(),
            Some(outcome) => {
                let shown = format!("exit {}\n{}", outcome.code, outcome.stderr);
                let truth = match self.cleans_up {
                    true => is_clean(&outcome, mode),
                    false => is_true(&outcome, mode, acted),
                };
                truth.map_err(|why| format!("{why}\n{shown}"))?;
                let told = outcome.stderr.contains("left something behind");
                if outcome.code == 0 || self.cleans_up {
                    let left = cloud.everything();
                    let is_well = left == *expected;
                    if self.cleans_up && !told && !is_well {
                        let left = differing_lines(expected, &left);
                        return Err(format!("it left, without a word:\n{left}\n{shown}"));
                    }
                    // Where all is well already, a second run has nothing to do, which has a test of its own.
                    if outcome.code == 0 && is_well {
                        return Ok(());
                    }
                }
                shown
            }
        };
        let second = cloud.run(&arguments);
        if second.code != 0 {
            let code = second.code;
            return Err(format!(
                "the second run ended with {code}\n{}\nafter the first:\n{first}",
                second.stderr
            ));
        }
        let left = cloud.everything();
        if left != *expected {
            return Err(format!(
                "what is left differs:\n{}\nafter the first:\n{first}",
                differing_lines(expected, &left)
            ));
        }
        Ok(())
    }
}

/// A run that is stopped at a request that gets no answer. `None` where it was killed, and could say nothing.
fn stopped_run(cloud: &Cloud, arguments: &[String], mode: Mode) -> Option<Outcome> {
    let home = tempfile::tempdir().expect("a directory");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = cloud
        .command(&home, &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let hangs = cloud.wait_for_hang_of(&mut child);
    if mode == Mode::Interrupted {
        // The second one does not wait for what is under way.
        while hangs && child.try_wait().expect("a child").is_none() {
            interrupt(&child);
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = child.wait_with_output().expect("its end");
        let text = |bytes: &[u8]| cloud.normalize(&String::from_utf8_lossy(bytes));
        return Some(Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        });
    }
    child.kill().expect("it can be killed");
    child.wait().expect("its end");
    None
}

/// The lines of one value that the other has not, and the other way round.
fn differing_lines(expected: &Value, left: &Value) -> String {
    let (expected, left) = (format!("{expected:#}"), format!("{left:#}"));
    let only = |of: &str, than: &str, mark: &str| {
        let known: Vec<&str> = than.lines().collect();
        let lines = of.lines().filter(|line| !known.contains(line));
        lines.map(|line| format!("{mark}{line}\n")).collect::<String>()
    };
    only(&expected, &left, "-") + &only(&left, &expected, "+")
}

fn interrupt(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    // One that ended just now is a child still, until it is waited for.
    kill_process(Pid::from_child(child), Signal::INT).expect("a signal");
}

/// Whether a run said truly how it ended.
fn is_true(outcome: &Outcome, mode: Mode, acted: bool) -> Result<(), String> {
    let says = |text: &str| match outcome.stderr.contains(text) {
        true => Ok(()),
        false => Err(format!("it does not say: {text}")),
    };
    let one_of = |codes: &[i32]| match codes.contains(&outcome.code) {
        true => Ok(()),
        false => Err(format!("the exit code should be one of {codes:?}")),
    };
    match mode {
        // What passes is tried again until it has passed, and told.
        Mode::InternalError
        | Mode::Unavailable
        | Mode::Throttled
        | Mode::ResetBefore
        | Mode::AnswerLost
        | Mode::NoAnswer => {
            one_of(&[0])?;
            says("trying again, since").or_else(|_| says("looking whether it acted"))
        }
        // Some readings can be done without.
        Mode::Denied if outcome.code == 0 => Ok(()),
        // Whose bucket it is that HeadBucket is refused on, S3 does not say.
        Mode::Denied if outcome.code == 5 && !acted => says("it belongs to another account")
            .or_else(|_| says("belongs to a bucket of another AWS account"))
            // What a teardown cannot read holds what it would remove.
            .or_else(|_| says("is refused"))
            .or_else(|_| says("cannot be read")),
        Mode::Denied => {
            one_of(if acted { &[6] } else { &[3] })?;
            says("AWS refuse")
                .or_else(|_| says("this stays although it was to go"))
                .or_else(|_| says("may not list them (iam:ListPolicyVersions)"))?;
            match acted {
                true => says("one:")
                    .or_else(|_| says("emoved:"))
                    .or_else(|_| says("The rest was removed"))
                    .or_else(|_| says("Everything was ")),
                false => says("hint:"),
            }
        }
        Mode::Interrupted => {
            one_of(&[130])?;
            says("Interrupted.")?;
            match acted {
                // It left at once, so some answers may not have been waited for.
                true => says("one:")
                    .or_else(|_| says("emoved:"))
                    .or_else(|_| says("Everything was "))
                    .or_else(|_| says("AWS may have acted")),
                false => says("Nothing was ").or_else(|_| says("AWS may have acted")),
            }
        }
        Mode::KilledBefore | Mode::KilledAfter => Ok(()),
    }
}

/// Whether a run that cleans up after itself said truly how it ended. What it left is looked at apart.
fn is_clean(outcome: &Outcome, mode: Mode) -> Result<(), String> {
    let codes: &[i32] = match mode {
        Mode::Interrupted => &[130],
        // A reading that can be done without; a caller who may not; a finding; something that stays.
        Mode::Denied => &[0, 3, 4, 6],
        _ => &[0],
    };
    match codes.contains(&outcome.code) {
        true => Ok(()),
        false => Err(format!("the exit code should be one of {codes:?}")),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_fresh_set_up_with_sse_s3() {
    Scenario {
        name: "a fresh set-up with SSE-S3",
        prepare: |_| {},
        script: |_| {},
        arguments: |cloud| words(&["setup", "--bucket", &cloud.bucket(), "--yes"]),
        only: None,
        cleans_up: false,
    }
    .every_request_in_every_way();
}

#[test]
fn a_fresh_set_up_with_a_new_key() {
    Scenario {
        name: "a fresh set-up with a new key",
        prepare: |_| {},
        // With these it writes all that it ever writes to a new bucket.
        script: Cloud::has_bare_buckets,
        arguments: |cloud| {
            let bucket = cloud.bucket();
            let kms = ["--encryption", "kms", "--create-kms-key"];
            words(&[&["setup", "--bucket", &bucket, "--yes"], kms.as_slice()].concat())
        },
        only: None,
        cleans_up: false,
    }
    .every_request_in_every_way();
}

#[test]
fn an_update_of_everything() {
    Scenario {
        name: "an update",
        prepare: drifted,
        script: |_| {},
        arguments: |cloud| {
            let other = "feedfacefeedfacefeedfacefeedface";
            let more = ["--yes", "--tag", "team=data", "--project-token", other];
            words(&[&["setup", "--bucket", &cloud.bucket()], more.as_slice()].concat())
        },
        only: None,
        cleans_up: false,
    }
    .every_request_in_every_way();
}

/// A set-up of which everything is otherwise, with things of others in it.
fn drifted(cloud: &Cloud) {
    cloud.setup(&[]).exits(0);
    let (bucket, policy) = (cloud.bucket(), cloud.data_policy());
    let theirs = statements(json!([{
        "Sid": "Theirs", "Effect": "Allow", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]));
    for document in [data(&bucket), theirs.clone(), data(&bucket), theirs] {
        cloud.set_policy(&policy, &document);
    }
    cloud.set_trust(&bucket, &trust(USER, Some("0ddba110ddba110ddba110ddba110ddb")));
    cloud.detach(&bucket, &policy);
    cloud.delete_bucket_policy(&bucket);
    cloud.delete_lifecycle(&bucket);
    cloud.unblock(&bucket);
}

#[test]
fn a_teardown() {
    Scenario {
        name: "a teardown",
        prepare: furnished,
        script: |_| {},
        arguments: |cloud| {
            let bucket = cloud.bucket();
            words(&[
                "teardown",
                "--bucket",
                &bucket,
                "--yes",
                "--delete-bucket",
                "--delete-data",
                &bucket,
            ])
        },
        only: None,
        cleans_up: false,
    }
    .every_request_in_every_way();
}

/// A set-up with a key, data in its bucket, and a policy with two versions.
fn furnished(cloud: &Cloud) {
    cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
    cloud.let_plain_http_in();
    let bucket = cloud.bucket();
    for key in ["1/mp_master_event/a", "1/mp_people_data/b"] {
        cloud.put_object(&bucket, key);
    }
    cloud.begin_upload(&bucket, "u");
    cloud.set_policy(&cloud.data_policy(), &data(&bucket));
}

#[test]
fn a_live_proof() {
    Scenario {
        name: "a live proof",
        prepare: |cloud| {
            cloud.setup(&[]).exits(0);
            cloud.let_plain_http_in();
        },
        script: |_| {},
        arguments: |_| words(&["verify", "--live", "--yes"]),
        only: Some(&[
            "iam:CreateRole",
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:DeleteRole",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "sts:AssumeRole",
            "s3:PUT object",
            "s3:GET object",
            "s3:POST object",
            "s3:POST uploads",
            "s3:GET uploads",
            "s3:DELETE object",
        ]),
        cleans_up: true,
    }
    .every_request_in_every_way();
}
