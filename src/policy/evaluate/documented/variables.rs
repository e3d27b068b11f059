//! Policy variables.

use super::*;

pub(super) fn examples() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html";
    const TEAM: &str = "aws:PrincipalTag/team";
    const NAME: &str = "aws:username";
    let gets = |pattern: &str, object| {
        Example::on(PAGE)
            .asks("s3:GetObject", object)
            .identity(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": pattern}))
    };
    let home = |object| gets("arn:aws:s3:::amzn-s3-demo-bucket/${aws:username}/*", object);
    let own = home("arn:aws:s3:::amzn-s3-demo-bucket/David/x");
    let team = |object| {
        gets(
            "arn:aws:s3:::amzn-s3-demo-bucket-${aws:PrincipalTag/team, 'company-wide'}/*",
            object,
        )
    };
    let yellow = team("arn:aws:s3:::amzn-s3-demo-bucket-yellow/x");
    let wide = team("arn:aws:s3:::amzn-s3-demo-bucket-company-wide/x");
    let star = |object| gets("arn:aws:s3:::amzn-s3-demo-bucket/a${*}", object);
    let matching = |effect: &str, operator: &str| {
        Example::on(PAGE)
            .asks("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/x")
            .identity(json!({
                "Effect": effect, "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::amzn-s3-demo-bucket/*",
                "Condition": {operator: {"s3:ExistingObjectTag/Team": "${aws:PrincipalTag/Team}"}},
            }))
    };
    let tags = |object: Fact, own: Fact| [("s3:ExistingObjectTag/Team", object), (TEAM, own)];
    let differs = matching("Deny", "StringNotEquals").full_access();
    let cost = Example::on(PAGE)
        .asks("iam:UpdateUser", "arn:aws:iam::111122223333:user/x")
        .identity(json!({
            "Effect": "Allow", "Action": "iam:*user*", "Resource": "*",
            "Condition": {"StringLike": {"iam:ResourceTag/costCenter": ["12345", "67890"]}},
        }));
    vec![
        own.row("a user's own folder", &[(NAME, is("David"))], Allowed),
        own.row("another user's folder", &[(NAME, is("Adele"))], NoAllow(Identity)),
        own.row(
            "the session of a role has no user name",
            &[(NAME, Absent)],
            NoAllow(Identity),
        ),
        own.version("2008-10-17").row(
            "an older language has no variables",
            &[(NAME, is("David"))],
            NoAllow(Identity),
        ),
        home("arn:aws:s3:::amzn-s3-demo-bucket/${aws:username}/x")
            .version("2008-10-17")
            .row("and takes them for text", &[(NAME, is("David"))], Allowed),
        yellow.row("a team's bucket", &[(TEAM, is("yellow"))], Allowed),
        yellow.row("another team's bucket", &[(TEAM, is("red"))], NoAllow(Identity)),
        wide.row("without a team, the bucket of the default", &[(TEAM, Absent)], Allowed),
        wide.row("with a team, not that one", &[(TEAM, is("yellow"))], NoAllow(Identity)),
        star("arn:aws:s3:::amzn-s3-demo-bucket/a*").row("an asterisk", &[], Allowed),
        star("arn:aws:s3:::amzn-s3-demo-bucket/ab").row("an asterisk that is no wildcard", &[], NoAllow(Identity)),
        matching("Allow", "StringEquals").row(
            "a variable without a value equals nothing",
            &tags(is("blue"), Absent),
            NoAllow(Identity),
        ),
        differs.row("the tags are equal", &tags(is("blue"), is("blue")), Allowed),
        differs.row("the tags differ", &tags(is("blue"), is("red")), DeniedBy(Identity, 0)),
        differs.row(
            "a variable without a value differs from everything",
            &tags(is("blue"), Absent),
            DeniedBy(Identity, 0),
        ),
        cost.row(
            "a tag of the resource",
            &[("iam:ResourceTag/costCenter", is("67890"))],
            Allowed,
        ),
        cost.row(
            "a resource without the tag",
            &[("iam:ResourceTag/costCenter", Absent)],
            NoAllow(Identity),
        ),
    ]
}
