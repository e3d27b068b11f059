//! `--role` names one role of one account: what its name would do elsewhere is done to nobody.

use crate::support::{Cloud, Outcome};

/// The commands that take `--role`.
const COMMANDS: [&[&str]; 3] = [
    &["print-details"],
    &["verify"],
    &["teardown", "--yes", "--delete-bucket"],
];

fn run(cloud: &Cloud, command: &[&str], role: &str) -> Outcome {
    cloud.run(&[command, &["--role", role]].concat())
}

#[test]
fn the_arn_of_another_account_does_nothing_to_the_role_of_that_name() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let before = cloud.everything();
    for (account, partition) in [("210987654321", "aws"), (cloud.account.as_str(), "aws-cn")] {
        let arn = format!("arn:{partition}:iam::{account}:role/{}", cloud.bucket());
        for command in COMMANDS {
            let outcome = run(&cloud, command, &arn)
                .exits(2)
                .says(&cloud.normalize(&arn))
                .says("123456789012");
            assert_eq!(outcome.stdout, "", "{command:?}");
        }
    }
    assert_eq!(cloud.everything(), before);
}

#[test]
fn an_arn_that_nearly_names_another_account_is_not_judged_as_this_accounts_role() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let odd = format!("arn:aws:iam::210987654321:roles/{}", cloud.bucket());
    run(&cloud, &["verify"], &odd)
        .exits(2)
        .says("names account 210987654321, and you are in account 123456789012");
}

#[test]
fn the_arn_of_another_path_does_nothing_to_the_role_of_that_name() {
    let cloud = Cloud::start();
    cloud.setup(&["--path", "/export/"]).exits(0);
    let before = cloud.everything();
    let bucket = cloud.bucket();
    let own = format!("arn:aws:iam::{}:role/export/{bucket}", cloud.account);
    for other in ["", "other/"] {
        let arn = format!("arn:aws:iam::{}:role/{other}{bucket}", cloud.account);
        for command in [COMMANDS[0], COMMANDS[2]] {
            let outcome = run(&cloud, command, &arn)
                .exits(2)
                .says(&cloud.normalize(&arn))
                .says(&cloud.normalize(&own));
            assert_eq!(outcome.stdout, "", "{command:?}");
        }
        // What is told Mixpanel has to be the role's ARN: that is what verify is asked.
        let judged = run(&cloud, &["verify", "--live", "--yes"], &arn)
            .exits(4)
            .says("is not the role's ARN: nothing was tried live");
        assert!(judged.stdout.contains("role-arn-shape"), "{judged:?}");
    }
    assert_eq!(cloud.everything(), before);
    run(&cloud, COMMANDS[0], &own).exits(0);
    run(&cloud, COMMANDS[1], &own).exits(0);
    run(&cloud, COMMANDS[2], &own).exits(0);
}

#[test]
fn a_role_that_does_not_exist_is_an_error() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let before = cloud.everything();
    run(&cloud, COMMANDS[0], "acme-typo")
        .exits(1)
        .says("There is no role acme-typo");
    for more in [&[][..], &["--dry-run"], &["--output", "json"]] {
        let command = [COMMANDS[2], more].concat();
        let outcome = run(&cloud, &command, "acme-typo")
            .exits(1)
            .says("There is no role acme-typo in account 123456789012");
        assert_eq!(outcome.stdout, "", "{more:?}");
    }
    assert_eq!(cloud.everything(), before);
}
