//! Which layers must allow, and whom and what a statement speaks of.

use super::*;

pub(super) fn examples() -> Vec<Example> {
    [
        one_account(),
        explicit_and_implicit(),
        boundaries(),
        boundaries_and_resource_policies(),
        principals(),
        not_principal(),
        across_accounts(),
        actions_and_resources(),
    ]
    .concat()
}

fn one_account() -> Vec<Example> {
    const PAGE: &str =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html";
    const CARLOS: &str = "arn:aws:iam::123456789012:user/carlossalazar";
    let own = json!(["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]);
    let of_carlos = json!([
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": own},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"},
    ]);
    let bucket = json!({
        "Effect": "Allow", "Principal": {"AWS": CARLOS}, "Action": "s3:*", "Resource": own,
    });
    let carlos = Example::on(PAGE).by(CARLOS);
    let saves = carlos.asks("s3:PutObject", "arn:aws:s3:::carlossalazar/file");
    vec![
        carlos
            .identity(of_carlos.clone())
            .asks("s3:PutObject", "arn:aws:s3:::carlossalazar-logs/file")
            .row(
                "a Deny refuses buckets with log in their name",
                &[],
                DeniedBy(Identity, 2),
            ),
        saves
            .identity(of_carlos.clone())
            .resource_policy(bucket.clone())
            .row("both policies allow", &[], Allowed),
        saves
            .identity(of_carlos)
            .row("the user's policy alone allows", &[], Allowed),
        saves
            .resource_policy(bucket)
            .row("the bucket's policy alone allows", &[], Allowed),
        saves.row("without policies nothing is allowed", &[], NoAllow(Identity)),
    ]
}

fn explicit_and_implicit() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html";
    let reader = Example::on(PAGE).identity(json!([
        {"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:*Report", "Resource": "*"},
    ]));
    let report = reader.asks("iam:GenerateCredentialReport", "*");
    vec![
        reader
            .asks("iam:GetUser", "arn:aws:iam::111122223333:user/x")
            .row("reading is allowed", &[], Allowed),
        reader
            .asks("iam:CreatePolicy", "arn:aws:iam::111122223333:policy/x")
            .row("what nothing allows is denied", &[], NoAllow(Identity)),
        reader.asks("iam:GetOrganizationsAccessReport", "*").row(
            "a Deny wins over an Allow",
            &[],
            DeniedBy(Identity, 1),
        ),
        report
            .identity(json!({
                "Effect": "Allow", "Action": "iam:GenerateCredentialReport", "Resource": "*",
            }))
            .row("and over one of another policy", &[], DeniedBy(Identity, 1)),
    ]
}

fn boundaries() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html";
    const COMPANY: &str = "arn:aws:iam::123456789012:policy/XCompanyBoundaries";
    let shirley = Example::on(PAGE).boundary(json!({
        "Effect": "Allow", "Action": ["s3:*", "cloudwatch:*", "ec2:*"], "Resource": "*",
    }));
    let creates = shirley.asks("iam:CreateUser", "arn:aws:iam::123456789012:user/new");
    let company = Example::on(PAGE).full_access().boundary(json!([
        {"Effect": "Allow", "Action": ["s3:*", "ec2:*"], "Resource": "*"},
        {
            "Effect": "Deny", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
        },
    ]));
    let zhang = Example::on(PAGE)
        .identity(json!([
            {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::ZhangBucket"},
        ]))
        .boundary(json!([
            {
                "Effect": "Allow", "Action": ["iam:CreateUser", "iam:AttachUserPolicy"], "Resource": "*",
                "Condition": {"StringEquals": {"iam:PermissionsBoundary": COMPANY}},
            },
            {"Effect": "Allow", "Action": ["cloudwatch:*", "iam:GetUser", "iam:*Group*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "iam:CreatePolicyVersion", "Resource": COMPANY},
            {"Effect": "Deny", "Action": "iam:DeleteUserPermissionsBoundary", "Resource": "*"},
        ]));
    let new = zhang.asks("iam:CreateUser", "arn:aws:iam::123456789012:user/new");
    let bounded = |by: Fact| [("iam:PermissionsBoundary", by)];
    vec![
        creates
            .identity(json!({"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*"}))
            .row("a policy allows more than the boundary", &[], NoAllow(Boundary)),
        shirley
            .asks("ec2:RunInstances", "*")
            .row("a boundary alone allows nothing", &[], NoAllow(Identity)),
        company
            .asks("s3:GetObject", "arn:aws:s3:::logs/x")
            .row("a boundary denies", &[], DeniedBy(Boundary, 1)),
        company
            .asks("s3:GetObject", "arn:aws:s3:::other/x")
            .row("policy and boundary allow", &[], Allowed),
        new.row("a user with the company's boundary", &bounded(is(COMPANY)), Allowed),
        new.row("a user without a boundary", &bounded(Absent), NoAllow(Boundary)),
        zhang
            .asks("iam:DeleteUserPermissionsBoundary", "*")
            .row("the boundary stays", &[], DeniedBy(Boundary, 3)),
        zhang
            .asks("s3:ListBucket", "arn:aws:s3:::ZhangBucket")
            .row("the boundary has no S3", &[], NoAllow(Boundary)),
    ]
}

fn boundaries_and_resource_policies() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html";
    const ROLE: &str = "arn:aws:iam::111122223333:role/examplerole";
    const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/examplerole/examplerolesessionname";
    const USER: &str = "arn:aws:iam::111122223333:user/exampleuser";
    let grant = |name: &str| {
        json!({
            "Effect": "Allow", "Principal": {"AWS": name}, "Action": "s3:GetObject", "Resource": "*",
        })
    };
    let nothing_of_s3 = json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"});
    let all_of_s3 = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let no_s3 = json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    let gets = Example::on(PAGE).asks("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/x");
    let session = gets.by(ROLE);
    let to_role = session.resource_policy(grant(ROLE));
    let to_session = session.resource_policy(grant(SESSION));
    let to_user = gets.by(USER).resource_policy(grant(USER));
    let to_all_with_arn = session.resource_policy(json!({
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
    }));
    let arn = [("aws:PrincipalArn", is(ROLE))];
    vec![
        to_role.row("a grant to the role needs no other policy", &[], Allowed),
        to_role
            .boundary(nothing_of_s3.clone())
            .row("a boundary limits a grant to the role", &[], NoAllow(Boundary)),
        to_role
            .boundary(all_of_s3)
            .row("unless the boundary allows it", &[], Allowed),
        to_session.boundary(nothing_of_s3.clone()).row(
            "a boundary limits no grant to the session, if it is this one",
            &[],
            Unknown(SESSION_NAME),
        ),
        to_user
            .boundary(nothing_of_s3.clone())
            .row("a boundary limits no grant to the user", &[], Allowed),
        to_user.boundary(no_s3.clone()).row(
            "a Deny in a boundary refuses what is granted to the user",
            &[],
            DeniedBy(Boundary, 0),
        ),
        to_all_with_arn.boundary(nothing_of_s3).row(
            "a boundary limits no grant to everyone whose condition names the role",
            &arn,
            Allowed,
        ),
        to_all_with_arn
            .boundary(no_s3)
            .row("unless it denies", &arn, DeniedBy(Boundary, 0)),
    ]
}

fn principals() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html";
    let gets = Example::on(PAGE)
        .by("arn:aws:iam::123456789012:user/user-name-1")
        .asks("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/x");
    let to = |names: Value| {
        gets.resource_policy(json!({
            "Effect": "Allow", "Principal": {"AWS": names}, "Action": "s3:*", "Resource": "*",
        }))
    };
    vec![
        to(json!("arn:aws:iam::123456789012:root")).row(
            "a grant to the account leaves it to the account to say who may",
            &[],
            NoAllow(Identity),
        ),
        to(json!("123456789012"))
            .full_access()
            .row("the account's ID names it as well", &[], Allowed),
        to(json!(["123456789012", "555555555555"]))
            .rule(Rule::Both)
            .full_access()
            .row("each name of a list is granted to", &[], Allowed),
        to(json!("arn:aws:iam::123456789012:user/User-Name-1")).row(
            "a user's name is compared with its case",
            &[],
            NoAllow(Identity),
        ),
        to(json!("arn:aws:iam::123456789012:user/*")).row(
            "a wildcard in a name stands for no users",
            &[],
            NoAllow(Identity),
        ),
    ]
}

fn not_principal() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html";
    const BOB: &str = "arn:aws:iam::444455556666:user/Bob";
    const ROLE: &str = "arn:aws:iam::444455556666:role/cross-account-read-only-role";
    const ROOT: &str = "arn:aws:iam::444455556666:root";
    const SESSION: &str = "arn:aws:sts::444455556666:assumed-role/cross-account-read-only-role/cross-account-audit-app";
    let gets = Example::on(PAGE)
        .full_access()
        .asks("s3:GetObject", "arn:aws:s3:::BUCKETNAME/x");
    let but = |names: &[&str]| {
        gets.resource_policy(json!({
            "Effect": "Deny", "NotPrincipal": {"AWS": names}, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::BUCKETNAME", "arn:aws:s3:::BUCKETNAME/*"],
        }))
    };
    let but_bob = but(&[BOB, ROOT]);
    let by_arn = gets.resource_policy(json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::BUCKETNAME", "arn:aws:s3:::BUCKETNAME/*"],
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/read-only-role"}},
    }));
    let arn = |name: &str| [("aws:PrincipalArn", is(name))];
    let denied = DeniedBy(Resource, 0);
    vec![
        but_bob.by(BOB).row("he is listed with his account", &[], Allowed),
        but_bob
            .by("arn:aws:iam::444455556666:user/Alice")
            .row("another user of his account", &[], denied),
        but_bob
            .by("arn:aws:iam::999999999999:user/Bob")
            .row("a user of another account", &[], denied),
        but_bob
            .by(BOB)
            .boundary(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}))
            .row("nobody with a boundary is excepted", &[], denied),
        but(&[SESSION, ROLE, ROOT]).by(ROLE).row(
            "a session is listed with its role and account, if it is this one",
            &[],
            Unknown(SESSION_NAME),
        ),
        by_arn.by("arn:aws:iam::444455556666:role/read-only-role").row(
            "a condition excepts the role",
            &arn("arn:aws:iam::444455556666:role/read-only-role"),
            Allowed,
        ),
        by_arn
            .by(ROLE)
            .row("a condition excepts no other role", &arn(ROLE), denied),
    ]
}

fn across_accounts() -> Vec<Example> {
    const PAGE: &str =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html";
    const CARLOS: &str = "arn:aws:iam::111111111111:user/carlossalazar";
    let carlos = Example::on(PAGE).rule(Rule::Both).by(CARLOS);
    let of_carlos = json!([
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*Object*", "Resource": "arn:aws:s3:::Production/*"},
        {
            "Effect": "Deny", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::*log*", "arn:aws:s3:::*log*/*"],
        },
    ]);
    let bucket = json!({
        "Effect": "Allow", "Principal": {"AWS": CARLOS},
        "Action": ["s3:GetObject*", "s3:PutObject*"], "Resource": "arn:aws:s3:::Production/*",
    });
    let saves = carlos.asks("s3:PutObject", "arn:aws:s3:::Production/file");
    vec![
        carlos
            .identity(of_carlos.clone())
            .asks("s3:PutObject", "arn:aws:s3:::Production-logs/file")
            .row("his own account denies", &[], DeniedBy(Identity, 2)),
        saves
            .identity(of_carlos.clone())
            .resource_policy(bucket.clone())
            .row("both accounts allow", &[], Allowed),
        saves
            .identity(of_carlos.clone())
            .row("his own account alone allows", &[], NoAllow(Resource)),
        saves
            .resource_policy(bucket.clone())
            .row("the other account alone allows", &[], NoAllow(Identity)),
        carlos
            .identity(of_carlos)
            .resource_policy(bucket)
            .asks("s3:DeleteObject", "arn:aws:s3:::Production/file")
            .row("he may not delete", &[], NoAllow(Resource)),
    ]
}

fn actions_and_resources() -> Vec<Example> {
    const ACTION: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html";
    const NOT_ACTION: &str =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html";
    const REGION: &str =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html";
    const NOT_RESOURCE: &str =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html";
    const MFA: &str = "aws:MultiFactorAuthPresent";
    let action = |name: &str| {
        Example::on(ACTION)
            .asks("iam:ListAccessKeys", "arn:aws:iam::111122223333:user/x")
            .identity(json!({"Effect": "Allow", "Action": name, "Resource": "*"}))
    };
    let but_deleting = Example::on(NOT_ACTION).identity(json!({
        "Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "arn:aws:s3:::*",
    }));
    let but_iam = Example::on(NOT_ACTION).identity(json!({
        "Effect": "Allow", "NotAction": "iam:*", "Resource": "*",
    }));
    let mfa = Example::on(NOT_ACTION).full_access().identity(json!({
        "Effect": "Deny", "NotAction": "iam:*", "Resource": "*",
        "Condition": {"BoolIfExists": {MFA: "false"}},
    }));
    let europe = Example::on(REGION).full_access().identity(json!({
        "Effect": "Deny", "NotAction": ["cloudfront:*", "iam:*", "route53:*", "support:*"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
    }));
    let region = |name: &str| [("aws:RequestedRegion", is(name))];
    let payroll = Example::on(NOT_RESOURCE).full_access().identity(json!({
        "Effect": "Deny", "Action": "s3:*",
        "NotResource": ["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"],
    }));
    let denied = DeniedBy(Identity, 0);
    vec![
        action("IAM:listaccesskeys").row("the case of an action never counts", &[], Allowed),
        action("iam:*AccessKey*").row("a wildcard in an action", &[], Allowed),
        but_deleting
            .asks("s3:PutObject", "arn:aws:s3:::bucket/x")
            .row("all but one action", &[], Allowed),
        but_deleting
            .asks("s3:DeleteBucket", "arn:aws:s3:::bucket")
            .row("the one action", &[], NoAllow(Identity)),
        but_deleting
            .asks("s3:ListAllMyBuckets", "*")
            .row("an action on no bucket", &[], NoAllow(Identity)),
        but_iam
            .asks("ec2:RunInstances", "*")
            .row("all but one service", &[], Allowed),
        but_iam.asks("iam:CreateUser", "arn:aws:iam::111122223333:user/x").row(
            "the one service",
            &[],
            NoAllow(Identity),
        ),
        mfa.asks("ec2:RunInstances", "*")
            .row("without MFA", &[(MFA, is("false"))], denied),
        mfa.asks("ec2:RunInstances", "*")
            .row("with MFA", &[(MFA, is("true"))], Allowed),
        mfa.asks("iam:CreateVirtualMFADevice", "*").row(
            "IAM is excepted from the Deny",
            &[(MFA, is("false"))],
            Allowed,
        ),
        europe
            .asks("ec2:RunInstances", "*")
            .row("outside of the regions", &region("us-east-1"), denied),
        europe
            .asks("ec2:RunInstances", "*")
            .row("inside of the regions", &region("eu-west-1"), Allowed),
        europe.asks("iam:GetUser", "arn:aws:iam::111122223333:user/x").row(
            "a global service",
            &region("us-east-1"),
            Allowed,
        ),
        payroll.asks("s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/x").row(
            "the folder that is excepted",
            &[],
            Allowed,
        ),
        payroll
            .asks("s3:GetObject", "arn:aws:s3:::HRBucket/Other/x")
            .row("any other folder", &[], denied),
    ]
}
