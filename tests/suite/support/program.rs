//! The program, as a process of its own with an environment of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Cloud;

/// A token of the usual shape.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The JSON error on stderr's last line.
    pub fn json_error(&self) -> Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error} in {self:?}"))["error"].clone()
    }

    /// The run, after checking its exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The run, after checking that stderr has a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected: {text}\nstderr:\n{}", self.stderr);
        self
    }
}

/// A command that sees nothing of this machine's AWS configuration.
pub fn bare(home: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mixpanel-s3"));
    command.env_clear();
    // What Windows needs to open a socket, and coverage tools to write their data.
    for variable in ["SYSTEMROOT", "SystemRoot", "TEMP", "TMP", "LLVM_PROFILE_FILE"] {
        if let Ok(value) = std::env::var(variable) {
            command.env(variable, value);
        }
    }
    command
        .env("HOME", home.path())
        .env("USERPROFILE", home.path())
        .env("AWS_CONFIG_FILE", home.path().join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.path().join("credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("MIXPANEL_S3_SANDBOX_STATE", sandbox_state(home))
        .env("COLUMNS", "80")
        .stdin(Stdio::null());
    command
}

/// Where a rehearsal of that home keeps its state.
pub fn sandbox_state(home: &tempfile::TempDir) -> PathBuf {
    home.path().join("state").join("sandbox.json")
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Outcome {
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n");
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Cloud {
    /// A command that talks to this AWS.
    pub fn command(&self, home: &tempfile::TempDir, arguments: &[&str]) -> Command {
        let mut command = bare(home);
        command
            .args(arguments)
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", &self.keys.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.keys.secret)
            .env("AWS_REGION", "eu-west-1")
            .env("MIXPANEL_PROJECT_TOKEN", TOKEN);
        if let Some(token) = &self.keys.token {
            command.env("AWS_SESSION_TOKEN", token);
        }
        command
    }

    /// Runs the program against this AWS.
    pub fn run(&self, arguments: &[impl AsRef<str>]) -> Outcome {
        let home = tempfile::tempdir().expect("a directory");
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let mut outcome = run(&mut self.command(&home, &arguments));
        outcome.stdout = self.normalize(&outcome.stdout);
        outcome.stderr = self.normalize(&outcome.stderr);
        outcome
    }

    /// Runs the program until a scripted hang has begun, and kills it there. What was on its way then still arrives.
    pub fn killed(&self, arguments: &[impl AsRef<str>]) {
        let home = tempfile::tempdir().expect("a directory");
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let mut command = self.command(&home, &arguments);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().expect("the program starts");
        self.wait_for_hang();
        child.kill().expect("it can be killed");
        child.wait().expect("its end");
        self.wait_until_quiet();
    }

    /// `setup` of this test's bucket, with more flags.
    pub fn setup(&self, more: &[&str]) -> Outcome {
        let bucket = self.bucket();
        let mut arguments = vec!["setup", "--bucket", &bucket, "--yes"];
        arguments.extend(more);
        self.run(&arguments)
    }
}
