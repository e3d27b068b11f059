//! The `Condition` of a statement.

use super::*;

pub(super) fn examples() -> Vec<Example> {
    [
        several_keys_and_values(),
        sets_of_values(),
        text_operators(),
        other_operators(),
        arn_operators(),
        if_exists(),
        global_keys(),
    ]
    .concat()
}

fn several_keys_and_values() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html";
    const DEPARTMENT: &str = "aws:PrincipalTag/department";
    const ROLE: &str = "aws:PrincipalTag/role";
    const ARN: &str = "aws:PrincipalArn";
    const MARY: &str = "arn:aws:iam::222222222222:user/Mary";
    const NIKKI: &str = "arn:aws:iam::222222222222:user/Nikki";
    let asked = |operator: &str| {
        Example::on(PAGE)
            .rule(Rule::Both)
            .by(MARY)
            .full_access()
            .asks("s3:ListBucket", "arn:aws:s3:::amzn-s3-demo-bucket")
            .resource_policy(json!({
                "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
                "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::amzn-s3-demo-bucket",
                "Condition": {
                    "StringEquals": {
                        DEPARTMENT: ["finance", "hr", "legal"],
                        ROLE: ["audit", "security"],
                    },
                    operator: {ARN: ["arn:aws:iam::222222222222:user/Ana", MARY]},
                },
            }))
    };
    let facts = |department, role, arn| [(DEPARTMENT, department), (ROLE, role), (ARN, is(arn))];
    let like = asked("ArnLike");
    let not_like = asked("ArnNotLike");
    vec![
        like.row(
            "each key has one of its values",
            &facts(is("legal"), is("audit"), MARY),
            Allowed,
        ),
        like.row(
            "the ARN is another",
            &facts(is("hr"), is("audit"), NIKKI),
            NoAllow(Resource),
        ),
        like.row(
            "one tag is another",
            &facts(is("hr"), is("payroll"), MARY),
            NoAllow(Resource),
        ),
        like.row("one tag is missing", &facts(is("hr"), Absent, MARY), NoAllow(Resource)),
        like.row("both tags are missing", &facts(Absent, Absent, MARY), NoAllow(Resource)),
        not_like.row(
            "the ARN is none of those that it must not be",
            &facts(is("legal"), is("audit"), NIKKI),
            Allowed,
        ),
        not_like.row(
            "the ARN is one of those that it must not be",
            &facts(is("hr"), is("audit"), MARY),
            NoAllow(Resource),
        ),
        not_like.row(
            "one tag is another, whatever the ARN is",
            &facts(is("hr"), is("payroll"), NIKKI),
            NoAllow(Resource),
        ),
        not_like.row(
            "one tag is missing, whatever the ARN is",
            &facts(is("hr"), Absent, NIKKI),
            NoAllow(Resource),
        ),
    ]
}

fn sets_of_values() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html";
    const RULES: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html";
    let tags = |page, condition: Value| {
        Example::on(page)
            .full_access()
            .asks("iam:TagUser", "arn:aws:iam::111122223333:user/x")
            .identity(json!({
                "Effect": "Deny", "Action": ["iam:Tag*", "iam:UnTag*"], "Resource": "*",
                "Condition": condition,
            }))
    };
    let on = |keys: Fact| [("aws:TagKeys", keys)];
    let one = tags(PAGE, json!({"ForAllValues:StringNotLike": {"aws:TagKeys": "key1*"}}));
    let two = tags(
        PAGE,
        json!({"ForAllValues:StringNotLike": {"aws:TagKeys": ["key1*", "key2*"]}}),
    );
    let present = tags(
        RULES,
        json!({
            "Null": {"aws:TagKeys": "false"},
            "ForAllValues:StringLike": {"aws:TagKeys": ["key1*", "key2*", "key3*"]},
        }),
    );
    let single = tags(RULES, json!({"StringEquals": {"aws:TagKeys": "key1"}}));
    let snapshots = Example::on(PAGE)
        .full_access()
        .asks("ec2:CreateSnapshot", "arn:aws:ec2:us-west-2::snapshot/x")
        .identity(json!({
            "Effect": "Deny", "Action": ["ec2:CreateSnapshot", "ec2:CreateSnapshots"],
            "Resource": "arn:aws:ec2:us-west-2::snapshot/*",
            "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "webserver"}},
        }));
    let denied = DeniedBy(Identity, 0);
    vec![
        one.row("the one tag is of key1", &on(is("key1:legal")), Allowed),
        one.row(
            "both tags are of key1",
            &on(are(&["key1:hr", "key1:personnel"])),
            Allowed,
        ),
        one.row("the one tag is of key2", &on(is("key2:audit")), denied),
        one.row("without tags, all are of another key", &on(Absent), denied),
        two.row(
            "the tags are of key1 and key2",
            &on(are(&["key1:hr", "key2:audit"])),
            Allowed,
        ),
        two.row("the one tag is of key3", &on(is("key3:legal")), denied),
        snapshots.row(
            "one of the tags is it",
            &on(are(&["environment", "webserver", "test"])),
            denied,
        ),
        snapshots.row("none of the tags is it", &on(are(&["environment", "test"])), Allowed),
        snapshots.row("without tags, none is it", &on(Absent), Allowed),
        present.row("all tags are of the keys", &on(are(&["key1:hr", "key3:x"])), denied),
        present.row("one tag is of another key", &on(are(&["key1:hr", "other"])), Allowed),
        present.row("a check for Null keeps a missing key out", &on(Absent), Allowed),
        single.row(
            "a key of several values needs a set operator",
            &on(is("key1")),
            Unknown("aws:TagKeys, which has several values and is compared without ForAnyValue or ForAllValues"),
        ),
    ]
}

/// An identity-based policy that allows the management of access keys under a condition, as many examples of the page
/// do.
fn access_keys(page: &'static str, condition: Value) -> Example {
    Example::on(page)
        .asks("iam:CreateAccessKey", "arn:aws:iam::111122223333:user/x")
        .identity(json!({
            "Effect": "Allow", "Action": "iam:*AccessKey*",
            "Resource": "arn:aws:iam::111122223333:user/*", "Condition": condition,
        }))
}

fn text_operators() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String";
    const KEYS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html";
    const TAG: &str = "aws:PrincipalTag/job-category";
    let tagged = access_keys(PAGE, json!({"StringEquals": {TAG: "iamuser-admin"}}));
    let home = Example::on(PAGE)
        .asks("s3:ListBucket", "arn:aws:s3:::BUCKET-NAME")
        .identity(json!({
            "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::BUCKET-NAME",
            "Condition": {"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/"]}},
        }));
    let listing = |prefix: Fact| [("s3:prefix", prefix), ("aws:username", is("David"))];
    let named = |operator: &str| access_keys(KEYS, json!({operator: {"aws:username": "john"}}));
    let john = [("aws:username", is("John"))];
    vec![
        tagged.row("the tag is it", &[(TAG, is("iamuser-admin"))], Allowed),
        tagged.row(
            "the tag is written otherwise",
            &[(TAG, is("IAMuser-admin"))],
            NoAllow(Identity),
        ),
        tagged.row("there is no tag", &[(TAG, Absent)], NoAllow(Identity)),
        home.row("the user's home", &listing(is("home/David/")), Allowed),
        home.row("the top of the bucket", &listing(is("")), Allowed),
        home.row("another user's home", &listing(is("home/Adele/")), NoAllow(Identity)),
        named("StringEquals").row("the case of a value counts", &john, NoAllow(Identity)),
        named("StringEqualsIgnoreCase").row("the case of a value does not count", &john, Allowed),
        access_keys(KEYS, json!({"IpAddress": {"aws:SourceIP": "203.0.113.0/24"}})).row(
            "the case of a key never counts",
            &[("AWS:SourceIp", is("203.0.113.7"))],
            Allowed,
        ),
    ]
}

fn other_operators() -> Vec<Example> {
    const PAGE: &str =
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html";
    const ISSUED: &str = "aws:TokenIssueTime";
    const KEYS: &str = "s3:max-keys";
    const IP: &str = "aws:SourceIp";
    let pages = Example::on(PAGE)
        .asks("s3:ListBucket", "arn:aws:s3:::example_bucket")
        .identity(json!({
            "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::example_bucket",
            "Condition": {"NumericLessThanEquals": {KEYS: "10"}},
        }));
    let fresh = access_keys(PAGE, json!({"DateGreaterThan": {ISSUED: "2020-01-01T00:00:01Z"}}));
    let tls = Example::on(PAGE)
        .full_access()
        .asks("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/x")
        .identity(json!({
            "Effect": "Deny", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::amzn-s3-demo-bucket", "arn:aws:s3:::amzn-s3-demo-bucket/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }));
    let binary = access_keys(PAGE, json!({"BinaryEquals": {"key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}));
    let office = access_keys(PAGE, json!({"IpAddress": {IP: "203.0.113.0/24"}}));
    let networks = json!(["203.0.113.0/24", "2001:DB8:1234:5678::/64"]);
    let offices = access_keys(PAGE, json!({"IpAddress": {IP: networks}}));
    let users = Example::on(PAGE).asks("ec2:DescribeInstances", "*").identity(json!({
        "Effect": "Allow", "Action": "ec2:*", "Resource": "*",
        "Condition": {"Null": {ISSUED: "true"}},
    }));
    vec![
        pages.row("up to ten keys at a time", &[(KEYS, is("10"))], Allowed),
        pages.row("eleven at a time", &[(KEYS, is("11"))], NoAllow(Identity)),
        pages.row("no number of keys", &[(KEYS, Absent)], NoAllow(Identity)),
        fresh.row(
            "credentials issued later",
            &[(ISSUED, is("2020-06-01T00:00:00Z"))],
            Allowed,
        ),
        fresh.row(
            "credentials issued before",
            &[(ISSUED, is("2019-06-01T00:00:00Z"))],
            NoAllow(Identity),
        ),
        fresh.row("a user's own access keys", &[(ISSUED, Absent)], NoAllow(Identity)),
        tls.row(
            "a request without TLS",
            &[("aws:SecureTransport", is("false"))],
            DeniedBy(Identity, 0),
        ),
        tls.row("a request with TLS", &[("aws:SecureTransport", is("true"))], Allowed),
        binary.row("no binary value", &[("key", Absent)], NoAllow(Identity)),
        office.row("from the network", &[(IP, is("203.0.113.255"))], Allowed),
        office.row("from beside the network", &[(IP, is("203.0.114.0"))], NoAllow(Identity)),
        office.row(
            "through a VPC endpoint there is no address",
            &[(IP, Absent)],
            NoAllow(Identity),
        ),
        offices.row("from the IPv6 network", &[(IP, is("2001:db8:1234:5678::1"))], Allowed),
        offices.row(
            "from another IPv6 network",
            &[(IP, is("2001:db8:1234:5679::1"))],
            NoAllow(Identity),
        ),
        users.row("a user without a token", &[(ISSUED, Absent)], Allowed),
        users.row("temporary credentials", &[(ISSUED, Present)], NoAllow(Identity)),
    ]
}

fn arn_operators() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN";
    const SOURCE: &str = "aws:SourceArn";
    const STORE: &str = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
    const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:TOPIC-ID";
    let finance = |operator: &str| {
        let pattern = "arn:aws:someservice:*:111122223333:finance/*";
        access_keys(PAGE, json!({operator: {SOURCE: pattern}}))
    };
    let of_store = [(SOURCE, is(STORE))];
    let queue = Example::on(PAGE)
        .by("arn:aws:iam::123456789012:user/u")
        .asks("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:QUEUE-ID")
        .resource_policy(json!({
            "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "SQS:SendMessage",
            "Resource": "arn:aws:sqs:us-east-1:123456789012:QUEUE-ID",
            "Condition": {"ArnEquals": {SOURCE: TOPIC}},
        }));
    vec![
        finance("ArnLike").row(
            "a wildcard of ArnLike stays within its part",
            &of_store,
            NoAllow(Identity),
        ),
        finance("ArnEquals").row("ArnEquals is the same as ArnLike", &of_store, NoAllow(Identity)),
        finance("StringLike").row("a wildcard of StringLike does not", &of_store, Allowed),
        queue.row(
            "a user comes himself, and for no topic",
            &[(SOURCE, Absent)],
            NoAllow(Identity),
        ),
    ]
}

fn if_exists() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists";
    const TYPE: &str = "ec2:InstanceType";
    let run = |effect: &str, operator: &str| {
        Example::on(PAGE)
            .asks("ec2:RunInstances", "arn:aws:ec2:us-east-1::image/ami-1")
            .identity(json!({
                "Effect": effect, "Action": "ec2:RunInstances", "Resource": "*",
                "Condition": {operator: {TYPE: ["t1.*", "t2.*", "m3.*"]}},
            }))
    };
    let allow = run("Allow", "StringLikeIfExists");
    vec![
        run("Allow", "StringLike").row("an image has no type", &[(TYPE, Absent)], NoAllow(Identity)),
        allow.row("an image needs no type", &[(TYPE, Absent)], Allowed),
        allow.row("an instance is of a type", &[(TYPE, is("t2.micro"))], Allowed),
        allow.row(
            "an instance is of another type",
            &[(TYPE, is("c5.large"))],
            NoAllow(Identity),
        ),
        run("Deny", "StringNotLikeIfExists").full_access().row(
            "a Deny with a negated operator holds without the key",
            &[(TYPE, Absent)],
            DeniedBy(Identity, 0),
        ),
    ]
}

fn global_keys() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html";
    const ORG: &str = "aws:PrincipalOrgID";
    const MFA: &str = "aws:MultiFactorAuthPresent";
    const VIA: &str = "aws:ViaAWSService";
    const IP: &str = "aws:SourceIp";
    let ninja = Example::on(PAGE)
        .rule(Rule::Both)
        .full_access()
        .asks("s3:PutObject", "arn:aws:s3:::policy-ninja-dev/x")
        .resource_policy(json!({
            "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::policy-ninja-dev/*",
            "Condition": {"StringEquals": {ORG: ["o-xxxxxxxxxxx"]}},
        }));
    let genius = Example::on(PAGE)
        .full_access()
        .asks("s3:PutObject", "arn:aws:s3:::policy-genius-dev/x")
        .identity(json!({
            "Effect": "Deny", "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::policy-genius-dev/*",
            "Condition": {"StringNotEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
        }));
    let of_orgs = |resource: Fact, own: Fact| [("aws:ResourceOrgID", resource), (ORG, own)];
    let mfa = |effect: &str, operator: &str, value: &str| {
        Example::on(PAGE).asks("ec2:StopInstances", "*").identity(json!({
            "Effect": effect, "Action": "*", "Resource": "*",
            "Condition": {operator: {MFA: value}},
        }))
    };
    let bool = mfa("Deny", "Bool", "false").full_access();
    let if_exists = mfa("Deny", "BoolIfExists", "false").full_access();
    let ip = Example::on(PAGE)
        .asks("s3:PutObject", "arn:aws:s3:::my-service-bucket/x")
        .identity(json!([
            {
                "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::my-service-bucket/*",
                "Condition": {"Bool": {VIA: "false"}, "IpAddress": {IP: "123.45.167.89"}},
            },
            {
                "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::my-service-bucket/*",
                "Condition": {"Bool": {VIA: "true"}},
            },
        ]));
    let from = |address: &str, via: &str| [(IP, is(address)), (VIA, is(via))];
    let called = Example::on(PAGE)
        .asks("kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/my-example-key")
        .identity(json!({
            "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": ["dynamodb.amazonaws.com"]}},
        }));
    let units = |value: &str| {
        Example::on(PAGE)
            .asks("s3:GetObject", "arn:aws:s3:::bucket/x")
            .identity(json!({
                "Effect": "Allow", "Action": "*", "Resource": "*",
                "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [value]}},
            }))
    };
    let path = [("aws:PrincipalOrgPaths", is("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"))];
    vec![
        ninja.row("of the organization", &[(ORG, is("o-xxxxxxxxxxx"))], Allowed),
        ninja.row(
            "of another organization",
            &[(ORG, is("o-yyyyyyyyyyy"))],
            NoAllow(Resource),
        ),
        ninja.row("of no organization", &[(ORG, Absent)], NoAllow(Resource)),
        genius.row(
            "a bucket of one's own organization",
            &of_orgs(is("o-a"), is("o-a")),
            Allowed,
        ),
        genius.row(
            "a bucket of another organization",
            &of_orgs(is("o-b"), is("o-a")),
            DeniedBy(Identity, 0),
        ),
        bool.row("Bool misses long-term keys", &[(MFA, Absent)], Allowed),
        if_exists.row(
            "BoolIfExists denies long-term keys",
            &[(MFA, Absent)],
            DeniedBy(Identity, 0),
        ),
        if_exists.row(
            "and temporary ones without MFA",
            &[(MFA, is("false"))],
            DeniedBy(Identity, 0),
        ),
        mfa("Allow", "BoolIfExists", "true").row(
            "an Allow with BoolIfExists takes long-term keys",
            &[(MFA, Absent)],
            Allowed,
        ),
        mfa("Allow", "Bool", "true").row("an Allow with Bool does not", &[(MFA, Absent)], NoAllow(Identity)),
        ip.row("from the address", &from("123.45.167.89", "false"), Allowed),
        ip.row(
            "from another address",
            &from("198.51.100.1", "false"),
            NoAllow(Identity),
        ),
        ip.row(
            "by a service from another address",
            &from("198.51.100.1", "true"),
            Allowed,
        ),
        called.row(
            "a chain of services with DynamoDB in it",
            &[(
                "aws:CalledVia",
                are(&["cloudformation.amazonaws.com", "dynamodb.amazonaws.com"]),
            )],
            Allowed,
        ),
        called.row("no service between", &[("aws:CalledVia", Absent)], NoAllow(Identity)),
        units("o-a1b2c3d4e5/*").row("anywhere in the organization", &path, Allowed),
        units("o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/*").row("in another unit", &path, NoAllow(Identity)),
    ]
}
