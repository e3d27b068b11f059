//! The policies that AWS shows for buckets, keys and roles.

use super::*;

pub(super) fn examples() -> Vec<Example> {
    [
        buckets(),
        key_policies(),
        key_conditions(),
        confused_deputy(),
        data_perimeter(),
    ]
    .concat()
}

fn buckets() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html";
    const ENDPOINT: &str =
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies-vpc-endpoint.html";
    const SSE: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html";
    const MFA: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_s3_full-access-except-production.html";
    const IP: &str = "aws:SourceIp";
    const AGE: &str = "aws:MultiFactorAuthAge";
    const HEADER: &str = "s3:x-amz-server-side-encryption";
    let objects = "arn:aws:s3:::amzn-s3-demo-bucket/*";
    let put = ("s3:PutObject", "arn:aws:s3:::amzn-s3-demo-bucket/x");
    let get = ("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/x");
    let policy = |page, effect: &str, action: &str, condition: Value| {
        Example::on(page).resource_policy(json!({
            "Effect": effect, "Principal": "*", "Action": action, "Resource": objects,
            "Condition": condition,
        }))
    };
    let with_acl = Example::on(PAGE)
        .rule(Rule::Both)
        .by("arn:aws:iam::123456789012:user/u")
        .full_access()
        .asks(put.0, put.1)
        .resource_policy(json!({
            "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        }));
    let network = policy(PAGE, "Deny", "s3:*", json!({"NotIpAddress": {IP: "54.240.143.0/24"}}))
        .full_access()
        .asks(get.0, get.1);
    let mix = policy(
        PAGE,
        "Allow",
        "s3:*",
        json!({
            "IpAddress": {IP: ["54.240.143.0/24", "2001:DB8:1234:5678::/64"]},
            "NotIpAddress": {IP: ["54.240.143.128/30", "2001:DB8:1234:5678:ABCD::/80"]},
        }),
    )
    .asks(get.0, get.1);
    let referer = policy(
        PAGE,
        "Allow",
        "s3:GetObject",
        json!({"StringLike": {"aws:Referer": ["http://www.example.com/*", "http://example.com/*"]}}),
    )
    .asks(get.0, get.1);
    let taxes = "arn:aws:s3:::amzn-s3-demo-bucket/taxdocuments/*";
    let tax = Example::on(PAGE)
        .asks("s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/taxdocuments/x")
        .resource_policy(json!([
            {
                "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": taxes,
                "Condition": {"Null": {AGE: true}},
            },
            {
                "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": taxes,
                "Condition": {"NumericGreaterThan": {AGE: 3600}},
            },
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects},
        ]));
    let endpoint = policy(
        ENDPOINT,
        "Deny",
        "s3:*",
        json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}),
    )
    .full_access()
    .asks(get.0, get.1);
    let encrypted = policy(
        SSE,
        "Deny",
        "s3:PutObject",
        json!({"StringNotEquals": {HEADER: "aws:kms"}}),
    )
    .full_access();
    let uploads = encrypted.asks(put.0, put.1);
    let production = Example::on(MFA)
        .full_access()
        .asks("s3:PutObject", "arn:aws:s3:::Production/x")
        .identity(json!({
            "Effect": "Deny", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::Production/*", "arn:aws:s3:::Production"],
            "Condition": {"NumericGreaterThanIfExists": {AGE: "1800"}},
        }));
    let denied = DeniedBy(Resource, 0);
    vec![
        with_acl.row(
            "the bucket's owner is given full control",
            &[("s3:x-amz-acl", is("bucket-owner-full-control"))],
            Allowed,
        ),
        with_acl.row(
            "the bucket's owner is given nothing",
            &[("s3:x-amz-acl", Absent)],
            NoAllow(Resource),
        ),
        network.row("from the network", &[(IP, is("54.240.143.7"))], Allowed),
        network.row("from another network", &[(IP, is("198.51.100.1"))], denied),
        mix.row("IPv4 inside", &[(IP, is("54.240.143.1"))], Allowed),
        mix.row(
            "IPv4 that is excepted",
            &[(IP, is("54.240.143.129"))],
            NoAllow(Identity),
        ),
        mix.row("IPv6 inside", &[(IP, is("2001:DB8:1234:5678::1"))], Allowed),
        mix.row(
            "IPv6 that is excepted",
            &[(IP, is("2001:DB8:1234:5678:ABCD::1"))],
            NoAllow(Identity),
        ),
        referer.row(
            "a link of the site",
            &[("aws:Referer", is("http://example.com/a.html"))],
            Allowed,
        ),
        referer.row("no link", &[("aws:Referer", Absent)], NoAllow(Identity)),
        tax.row("without MFA", &[(AGE, Absent)], denied),
        tax.row(
            "with MFA an hour and a second ago",
            &[(AGE, is("3601"))],
            DeniedBy(Resource, 1),
        ),
        tax.row("with MFA an hour ago", &[(AGE, is("3600"))], Allowed),
        tax.asks(get.0, get.1)
            .row("another folder needs no MFA", &[(AGE, Absent)], Allowed),
        endpoint.row(
            "through the endpoint",
            &[("aws:SourceVpce", is("vpce-1a2b3c4d"))],
            Allowed,
        ),
        endpoint.row(
            "through another endpoint",
            &[("aws:SourceVpce", is("vpce-other"))],
            denied,
        ),
        endpoint.row("from the console, through none", &[("aws:SourceVpce", Absent)], denied),
        uploads.row("encrypted by KMS", &[(HEADER, is("aws:kms"))], Allowed),
        uploads.row("encrypted by S3", &[(HEADER, is("AES256"))], denied),
        uploads.row("without the header", &[(HEADER, Absent)], denied),
        uploads.row("with a header of which nothing is known", &[], Unknown(HEADER)),
        production.row(
            "long-term keys never reach production",
            &[(AGE, Absent)],
            DeniedBy(Identity, 0),
        ),
        production.row("MFA half an hour ago does", &[(AGE, is("1800"))], Allowed),
    ]
}

fn key_policies() -> Vec<Example> {
    const DEFAULT: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html";
    const EXTERNAL: &str =
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html";
    const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ROLE: &str = "arn:aws:iam::111122223333:role/ExampleRole";
    const EXTERNAL_ROLE: &str = "arn:aws:iam::444455556666:role/ExampleRole";
    const GRANT: &str = "kms:GrantIsForAWSResource";
    let allow = |name: &str, actions: &str| {
        json!({
            "Effect": "Allow", "Principal": {"AWS": name}, "Action": actions, "Resource": "*",
        })
    };
    let account = json!([allow("arn:aws:iam::111122223333:root", "kms:*")]);
    let user_only = json!([allow("arn:aws:iam::111122223333:user/ExampleUser", "kms:*")]);
    let decrypts = Example::on(DEFAULT)
        .rule(Rule::KeyPolicy)
        .by(ROLE)
        .asks("kms:Decrypt", KEY);
    let attaches = decrypts.asks("kms:CreateGrant", KEY).resource_policy(json!({
        "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:CreateGrant", "Resource": "*",
        "Condition": {"Bool": {GRANT: true}},
    }));
    let outside = Example::on(EXTERNAL)
        .rule(Rule::Both)
        .by(EXTERNAL_ROLE)
        .asks("kms:Decrypt", KEY)
        .resource_policy(allow("arn:aws:iam::444455556666:root", "kms:Decrypt"));
    vec![
        decrypts
            .resource_policy(account.clone())
            .full_access()
            .row("the key delegates, and IAM allows", &[], Allowed),
        decrypts.resource_policy(account).row(
            "the key delegates, and gives nobody permission by that",
            &[],
            NoAllow(Identity),
        ),
        decrypts.resource_policy(user_only.clone()).full_access().row(
            "without delegation, what IAM allows has no effect",
            &[],
            NoAllow(Resource),
        ),
        decrypts
            .by("arn:aws:iam::111122223333:user/ExampleUser")
            .resource_policy(user_only)
            .identity(json!({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}))
            .row(
                "without delegation, what IAM denies still has",
                &[],
                DeniedBy(Identity, 0),
            ),
        decrypts.resource_policy(allow(ROLE, "kms:Decrypt")).row(
            "the key names the role, which needs no IAM",
            &[],
            Allowed,
        ),
        attaches.row("a service asks for a grant", &[(GRANT, is("true"))], Allowed),
        attaches.row(
            "the role asks for one itself",
            &[(GRANT, is("false"))],
            NoAllow(Resource),
        ),
        outside.full_access().row("both accounts allow", &[], Allowed),
        outside.row("the key's account alone allows", &[], NoAllow(Identity)),
        outside.asks("kms:Encrypt", KEY).full_access().row(
            "the key's policy limits the actions",
            &[],
            NoAllow(Resource),
        ),
    ]
}

fn key_conditions() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html";
    const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ROLE: &str = "arn:aws:iam::111122223333:role/RoleForExampleApp";
    const VIA: &str = "kms:ViaService";
    const APP: &str = "kms:EncryptionContext:AppName";
    const NAMES: &str = "kms:EncryptionContextKeys";
    let when = |condition: Value| {
        Example::on(PAGE)
            .rule(Rule::KeyPolicy)
            .by(ROLE)
            .asks("kms:GenerateDataKey", KEY)
            .resource_policy(json!({
                "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:GenerateDataKey",
                "Resource": "*", "Condition": condition,
            }))
    };
    let services = json!(["ec2.us-west-2.amazonaws.com", "rds.us-west-2.amazonaws.com"]);
    let via = when(json!({"StringEquals": {VIA: services}}));
    let app = when(json!({"StringEquals": {"kms:EncryptionContext:appname": "ExampleApp"}}));
    let only_app = when(json!({
        "StringEquals": {APP: "ExampleApp"},
        "ForAllValues:StringEquals": {NAMES: ["AppName"]},
    }));
    let context = |app: Fact, names: Fact| [(APP, app), (NAMES, names)];
    let some_app = when(json!({"ForAnyValue:StringEquals": {NAMES: "AppName"}}));
    let some = when(json!({"Null": {NAMES: false}}));
    vec![
        via.row(
            "by one of the services",
            &[(VIA, is("rds.us-west-2.amazonaws.com"))],
            Allowed,
        ),
        via.row(
            "by one of another region",
            &[(VIA, is("rds.us-east-1.amazonaws.com"))],
            NoAllow(Resource),
        ),
        via.row("by no service", &[(VIA, Absent)], NoAllow(Resource)),
        app.row(
            "the case of a context's key does not count",
            &[(APP, is("ExampleApp"))],
            Allowed,
        ),
        app.row(
            "the case of its value does",
            &[(APP, is("exampleapp"))],
            NoAllow(Resource),
        ),
        only_app.row("the pair alone", &context(is("ExampleApp"), is("AppName")), Allowed),
        only_app.row(
            "the pair and another",
            &context(is("ExampleApp"), are(&["AppName", "Project"])),
            NoAllow(Resource),
        ),
        only_app.row("no encryption context", &context(Absent, Absent), NoAllow(Resource)),
        some_app.row(
            "one key of two is it",
            &[(NAMES, are(&["AppName", "Project"]))],
            Allowed,
        ),
        some_app.row("no key is it", &[(NAMES, is("Project"))], NoAllow(Resource)),
        some.row("any encryption context", &[(NAMES, Present)], Allowed),
        some.row("none at all", &[(NAMES, Absent)], NoAllow(Resource)),
    ]
}

fn confused_deputy() -> Vec<Example> {
    const PAGE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html";
    const ID: &str = "sts:ExternalId";
    let assumes = Example::on(PAGE)
        .rule(Rule::ResourceOnly)
        .by("arn:aws:iam::999999999999:user/example-corp")
        .asks("sts:AssumeRole", "arn:aws:iam::111122223333:role/ExampleRole")
        .resource_policy(json!({
            "Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {ID: "12345"}},
        }));
    vec![
        assumes.row("for us", &[(ID, is("12345"))], Allowed),
        assumes.row("for another customer", &[(ID, is("67890"))], NoAllow(Resource)),
        assumes.row("for nobody", &[(ID, Absent)], NoAllow(Resource)),
        assumes.by("arn:aws:iam::888888888888:user/u").row(
            "by another company that knows the ID",
            &[(ID, is("12345"))],
            NoAllow(Resource),
        ),
    ]
}

fn data_perimeter() -> Vec<Example> {
    const BUCKET: &str = "https://github.com/aws-samples/data-perimeter-policy-examples/blob/main/resource_based_policies/s3_bucket_policy.json";
    const TRUST: &str = "https://github.com/aws-samples/data-perimeter-policy-examples/blob/main/resource_based_policies/iam_role_trust_policy.json";
    const OUR_SERVICE_ROLES: &str = "arn:aws:iam::111122223333:role/aws-service-role/*";
    let identities = json!({
        "StringNotEqualsIfExists": {
            "aws:PrincipalOrgID": "o-ours",
            "aws:PrincipalAccount": ["444444444444", "555555555555"],
        },
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    });
    let networks = json!({
        "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
        "StringNotEqualsIfExists": {
            "aws:SourceVpc": "vpc-ours",
            "aws:PrincipalTag/network-perimeter-exception": "true",
            "aws:PrincipalAccount": ["444444444444", "555555555555"],
        },
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
        "ArnNotLikeIfExists": {"aws:PrincipalArn": OUR_SERVICE_ROLES},
        "StringEquals": {"aws:PrincipalTag/data-perimeter-include": "true"},
    });
    let deny = |condition: &Value| {
        json!({
            "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::my-data-bucket", "arn:aws:s3:::my-data-bucket/*"],
            "Condition": condition,
        })
    };
    let bucket = Example::on(BUCKET)
        .full_access()
        .asks("s3:GetObject", "arn:aws:s3:::my-data-bucket/x")
        .resource_policy(json!([deny(&identities), deny(&networks)]));
    let who = |organization: Fact, account: &str| {
        vec![
            ("aws:PrincipalOrgID", organization),
            ("aws:PrincipalAccount", is(account)),
            ("aws:PrincipalIsAWSService", is("false")),
            ("aws:PrincipalTag/data-perimeter-include", Absent),
        ]
    };
    let from = |address: Fact, vpc: Fact| {
        vec![
            ("aws:PrincipalOrgID", is("o-ours")),
            ("aws:PrincipalAccount", is("111122223333")),
            ("aws:PrincipalIsAWSService", is("false")),
            ("aws:PrincipalTag/data-perimeter-include", is("true")),
            ("aws:PrincipalTag/network-perimeter-exception", Absent),
            ("aws:PrincipalArn", is("arn:aws:iam::111122223333:role/app")),
            ("aws:SourceIp", address),
            ("aws:SourceVpc", vpc),
            ("aws:ViaAWSService", is("false")),
        ]
    };
    let elsewhere = || from(is("198.51.100.1"), Absent);
    let but = |key: &'static str, fact: Fact| {
        let others = elsewhere().into_iter().filter(|(name, _)| *name != key);
        others.chain([(key, fact)]).collect::<Vec<_>>()
    };
    let assumes = Example::on(TRUST)
        .rule(Rule::ResourceOnly)
        .by("arn:aws:iam::555555555555:user/u")
        .asks("sts:AssumeRole", "arn:aws:iam::111122223333:role/r")
        .resource_policy(json!([
            {
                "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
                "Condition": identities,
            },
            {"Effect": "Allow", "Principal": {"AWS": ["555555555555", "666666666666"]}, "Action": "sts:AssumeRole"},
        ]));
    vec![
        bucket.row("of our organization", &who(is("o-ours"), "111122223333"), Allowed),
        bucket.row(
            "of another organization",
            &who(is("o-theirs"), "999999999999"),
            DeniedBy(Resource, 0),
        ),
        bucket.row(
            "of no organization",
            &who(Absent, "999999999999"),
            DeniedBy(Resource, 0),
        ),
        bucket.row(
            "of a third party's account",
            &who(is("o-theirs"), "555555555555"),
            Allowed,
        ),
        bucket.row("from our network", &from(is("203.0.113.9"), Absent), Allowed),
        bucket.row("through our VPC", &from(Absent, is("vpc-ours")), Allowed),
        bucket.row(
            "through another VPC",
            &from(Absent, is("vpc-theirs")),
            DeniedBy(Resource, 1),
        ),
        bucket.row("from elsewhere", &elsewhere(), DeniedBy(Resource, 1)),
        bucket.row(
            "from elsewhere, by a service for us",
            &but("aws:ViaAWSService", is("true")),
            Allowed,
        ),
        bucket.row(
            "from elsewhere, with a tag that excepts",
            &but("aws:PrincipalTag/network-perimeter-exception", is("true")),
            Allowed,
        ),
        bucket.row(
            "from elsewhere, without the tag that includes",
            &but("aws:PrincipalTag/data-perimeter-include", Absent),
            Allowed,
        ),
        bucket.row(
            "from elsewhere, by a role of a service",
            &but(
                "aws:PrincipalArn",
                is("arn:aws:iam::111122223333:role/aws-service-role/s3.amazonaws.com/x"),
            ),
            Allowed,
        ),
        assumes.row(
            "a third party of the list assumes the role",
            &who(is("o-theirs"), "555555555555"),
            Allowed,
        ),
        assumes.by("arn:aws:iam::666666666666:user/u").row(
            "a third party beside the list does not",
            &who(is("o-theirs"), "666666666666"),
            DeniedBy(Resource, 0),
        ),
    ]
}
