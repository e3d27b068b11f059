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
    std::fs::write(
        home.path().join("config"),
        "[default]\ncredential_process = false\n",
    )
    .unwrap();
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

#[test]
fn a_state_that_cannot_be_read_is_said() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(sandbox_state(&home).parent().unwrap()).unwrap();
    std::fs::write(sandbox_state(&home), "not JSON").unwrap();
    run(bare(&home).args(["print-details", "--sandbox"]))
        .exits(1)
        .says("cannot be used")
        .says("Begin anew: remove");
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
