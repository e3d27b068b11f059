//! `--sandbox`: a rehearsal that goes on from one command to the next, without an account.

use crate::support::TOKEN;
use crate::support::program::{bare, run, sandbox_state};

#[test]
fn set_up_print_details_set_up_again() {
    let home = tempfile::tempdir().unwrap();
    let setup = [
        "setup",
        "--sandbox",
        "--bucket",
        "acme-export",
        "--region",
        "us-west-2",
        "--yes",
        "--project-token",
        TOKEN,
    ];
    let first = run(bare(&home).args(setup))
        .exits(0)
        .says("This is a rehearsal")
        .says("Read back from AWS:");
    let printed = run(bare(&home).args(["print-details", "--sandbox"]))
        .exits(0)
        .says("This is a rehearsal");
    assert_eq!(printed.stdout, first.stdout);
    let second = run(bare(&home).args(setup)).exits(0).says("Nothing to do");
    assert_eq!(second.stdout, first.stdout);
    assert!(sandbox_state(&home).exists());
}

#[test]
fn nothing_can_leave_the_machine() {
    let home = tempfile::tempdir().unwrap();
    // An endpoint and a profile that would fail if they were looked at.
    std::fs::write(home.path().join("config"), "[default]\ncredential_process = false\n").unwrap();
    let outcome = run(bare(&home)
        .args([
            "setup",
            "--sandbox",
            "--bucket",
            "acme-export",
            "--yes",
            "--project-token",
            TOKEN,
        ])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("HTTPS_PROXY", "http://127.0.0.1:9"));
    outcome.exits(0);
}

/// What is in a file that is not the sandbox's is nobody's to remove; the hint is about the variable that names it.
#[test]
fn what_is_no_state_is_left_alone_and_not_called_removable() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path();
    let file = |name: &str, text: &[u8]| {
        std::fs::write(place.join(name), text).unwrap();
        place.join(name)
    };
    let notes = br#"{"iam": "notes of somebody's", "more": 1}"#;
    let cases = [
        file("text", b"not JSON"),
        file("notes.json", notes),
        file("list.json", b"[1, 2, 3]"),
        file("bytes", b"\xff\xfe\0"),
        file(
            "other-format.json",
            br#"{"format": "something else", "iam": {}, "kms": {}, "s3": {}}"#,
        ),
        place.to_owned(),
        place.join("text").join("below-a-file"),
    ];
    for path in &cases {
        let outcome = run(bare(&home)
            .args(["print-details", "--sandbox"])
            .env("MIXPANEL_S3_SANDBOX_STATE", path));
        let outcome = outcome.exits(1).says("MIXPANEL_S3_SANDBOX_STATE");
        assert!(!outcome.stderr.contains("remove"), "{}", outcome.stderr);
    }
    assert_eq!(std::fs::read(place.join("notes.json")).unwrap(), notes);
}

#[test]
fn a_state_that_is_ours_and_broken_may_be_removed() {
    let home = tempfile::tempdir().unwrap();
    rehearse(&home).exits(0);
    let state = sandbox_state(&home);
    let text = std::fs::read_to_string(&state).unwrap();
    assert!(text.starts_with(r#"{"format":"mixpanel-s3 sandbox 1","#), "{text:.60}");
    let older = text.replacen(r#""format":"mixpanel-s3 sandbox 1","#, "", 1);
    let newer = text.replacen("sandbox 1", "sandbox 2", 1);
    // The state of an earlier version had no name for its format.
    std::fs::write(&state, &older).unwrap();
    rehearse(&home).exits(0).says("Nothing to do");
    let cut = &text[..text.len() / 2];
    let odd = older.replacen(r#""users":{}"#, r#""users":3"#, 1);
    assert_ne!(odd, older);
    for broken in [cut, &newer, &odd] {
        std::fs::write(&state, broken).unwrap();
        rehearse(&home)
            .exits(1)
            .says("cannot be used")
            .says("Begin anew: remove");
    }
    // What is empty holds nothing that could be lost.
    std::fs::write(&state, "").unwrap();
    rehearse(&home).exits(0).says("Read back from AWS:");
}

#[test]
fn a_place_where_no_state_can_be_kept_is_named_before_anything_is_rehearsed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let state = file.join("sandbox.json");
    let outcome = run(bare(&home)
        .args(["setup", "--sandbox", "--bucket", "acme-export", "--yes"])
        .args(["--region", "eu-west-1", "--project-token", TOKEN])
        .env("MIXPANEL_S3_SANDBOX_STATE", &state));
    let outcome = outcome.exits(1).says("cannot be used");
    let outcome = outcome.says(&state.display().to_string());
    assert!(!outcome.stderr.contains("trying again"), "{outcome:?}");
}

#[test]
fn a_state_that_is_far_too_long_is_not_read() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("long");
    // A file of zeros that takes no room on a disk.
    let file = std::fs::File::create(&state).unwrap();
    file.set_len(8 * 1024 * 1024 * 1024).unwrap();
    let outcome = run(bare(&home)
        .args(["print-details", "--sandbox"])
        .env("MIXPANEL_S3_SANDBOX_STATE", &state));
    outcome.exits(1).says("MIXPANEL_S3_SANDBOX_STATE");
}

fn rehearse(home: &tempfile::TempDir) -> crate::support::Outcome {
    let arguments = ["setup", "--sandbox", "--bucket", "acme-export", "--yes"];
    run(bare(home)
        .args(arguments)
        .args(["--region", "eu-west-1", "--project-token", TOKEN]))
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_state_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let state = sandbox_state(&home);
        rehearse(&home).exits(0);
        assert_eq!(mode(&state), 0o600);
        assert_eq!(mode(state.parent().unwrap()), 0o700);
        let names: Vec<_> = fs::read_dir(state.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        // One that is open to others, as an earlier version wrote it, is closed by the next change.
        fs::set_permissions(&state, fs::Permissions::from_mode(0o644)).unwrap();
        let tag = ["--tag", "team=data"];
        let arguments = ["setup", "--sandbox", "--bucket", "acme-export", "--yes"];
        let token = ["--region", "eu-west-1", "--project-token", TOKEN];
        run(bare(&home).args(arguments).args(token).args(tag)).exits(0);
        assert_eq!(mode(&state), 0o600);
        // A directory that was there is its owner's business.
        let place = home.path().join("open");
        fs::create_dir(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = bare(&home);
        command.env("MIXPANEL_S3_SANDBOX_STATE", place.join("state.json"));
        run(command.args(arguments).args(token)).exits(0);
        assert_eq!(mode(&place), 0o755);
        assert_eq!(mode(&place.join("state.json")), 0o600);
    }

    #[test]
    fn no_link_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let victim = home.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let state = sandbox_state(&home);
        fs::create_dir_all(state.parent().unwrap()).unwrap();
        for target in [victim.clone(), home.path().join("nothing")] {
            symlink(&target, &state).unwrap();
            let outcome = rehearse(&home).exits(1).says("a symbolic link");
            assert!(!outcome.stderr.contains("remove"), "{}", outcome.stderr);
            fs::remove_file(&state).unwrap();
        }
        assert!(!home.path().join("nothing").exists());
        // Links where a temporary would be are neither followed nor in the way.
        symlink(&victim, state.with_extension("json.new")).unwrap();
        rehearse(&home).exits(0);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        // The directory that is looked for where no file is named.
        let elsewhere = home.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let base = home.path().join("base");
        fs::create_dir(&base).unwrap();
        symlink(&elsewhere, base.join("mixpanel-s3")).unwrap();
        let mut command = bare(&home);
        command
            .env_remove("MIXPANEL_S3_SANDBOX_STATE")
            .env("XDG_STATE_HOME", &base)
            .args(["print-details", "--sandbox"]);
        // Elsewhere than on Linux, the directory is another one.
        if cfg!(target_os = "linux") {
            run(&mut command).exits(1).says("a symbolic link");
        }
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_half_written_goes_in_time() {
        let home = tempfile::tempdir().unwrap();
        rehearse(&home).exits(0);
        let state = sandbox_state(&home);
        let beside = |name: &str| state.with_file_name(name);
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        for name in [".sandbox.json.12-ab.new", ".sandbox.json.34-cd.new", "mine.new"] {
            let file = fs::File::create(beside(name)).unwrap();
            if !name.contains("34") {
                file.set_modified(old).unwrap();
            }
        }
        let arguments = ["teardown", "--sandbox", "--role", "acme-export", "--yes"];
        run(bare(&home).args(arguments)).exits(0);
        assert!(!beside(".sandbox.json.12-ab.new").exists());
        // This one may be under way, and that one is somebody else's.
        assert!(beside(".sandbox.json.34-cd.new").exists());
        assert!(beside("mine.new").exists());
    }

    #[test]
    fn a_device_or_a_pipe_is_no_state() {
        let home = tempfile::tempdir().unwrap();
        for path in ["/dev/zero", "/dev/null"] {
            let outcome = run(bare(&home)
                .args(["print-details", "--sandbox"])
                .env("MIXPANEL_S3_SANDBOX_STATE", path));
            let outcome = outcome.exits(1).says("MIXPANEL_S3_SANDBOX_STATE");
            assert!(!outcome.stderr.contains("remove"), "{}", outcome.stderr);
        }
    }
}

#[test]
fn the_rehearsal_knows_regions_as_aws_does() {
    let home = tempfile::tempdir().unwrap();
    let setup = |region: &str| {
        run(bare(&home).args([
            "setup",
            "--sandbox",
            "--bucket",
            "acme-export",
            "--region",
            region,
            "--yes",
            "--project-token",
            TOKEN,
        ]))
    };
    setup("eu-west-1").exits(0);
    setup("us-east-1")
        .exits(2)
        .says("Bucket acme-export is in eu-west-1, not in us-east-1.")
        .says("--region eu-west-1");
}
