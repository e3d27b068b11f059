//! Roles: whom they trust, what they may do, and what is left beside them.

use serde_json::{Value, json};

use super::*;
use crate::support::by_hand::{USER, data, for_machines, trust};
use crate::support::{Scripted, TOKEN};

const OTHER_TOKEN: &str = "feedfacefeedfacefeedfacefeedface";
const ORPHAN: &str = "AIDAJQABLZS4A3QDU576Q";

fn page(principal: Value, id: &str) -> Value {
    json!({
        "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": id } },
    })
}

/// The page's statement with another condition beside the ExternalId.
fn page_with(operator: &str, key: &str, value: &str) -> Value {
    let mut statement = page(json!(USER), TOKEN);
    statement["Condition"][operator][key] = json!(value);
    statement
}

fn denied_inline(cloud: &Cloud, role: &str, statements: Value) {
    cloud.put_inline(role, "guard +1", &document(statements));
}

fn removed(cloud: &Cloud, role: &str) {
    detaches(cloud, role, "s3");
    cloud.delete_role(role);
}

fn names_nobody_deleted(cloud: &Cloud, role: &str) -> Result<(), String> {
    // IAM takes no document that names a unique ID; the emulators take any.
    match cloud.trust(role).to_string().contains(ORPHAN) {
        true => Err("what is written names somebody who was deleted".into()),
        false => Ok(()),
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = trust_rows();
    rows.extend(grant_rows());
    rows
}

fn trust_rows() -> Vec<Row> {
    vec![
        Row {
            id: "role-exists",
            name: "the role is gone",
            breaks: |cloud, role| removed(cloud, role),
            ..ROW
        },
        Row {
            id: "role-exists",
            name: "a role under a path is gone",
            setup: &["--encryption", "aes", "--path", "/export/"],
            breaks: |cloud, role| {
                cloud.detach(role, &cloud.policy_arn(&format!("export/{role}-s3")));
                cloud.delete_role(role);
            },
            verify: |cloud| {
                let bucket = cloud.bucket();
                let arn = role_arn(cloud, &format!("export/{bucket}"));
                ["--role", &arn, "--bucket", &bucket].map(str::to_owned).into()
            },
            ..ROW
        },
        Row {
            id: "trust-external-id",
            name: "another project's token",
            breaks: |cloud, role| trusts(cloud, role, json!([page(json!(USER), OTHER_TOKEN)])),
            ..ROW
        },
        Row {
            id: "trust-external-id",
            name: "the token in capitals, beside another project's",
            breaks: |cloud, role| {
                let ids = json!([TOKEN.to_uppercase(), OTHER_TOKEN]);
                let mut statement = page(json!(USER), TOKEN);
                statement["Condition"]["StringEquals"]["sts:ExternalId"] = ids;
                trusts(cloud, role, json!([statement]));
            },
            ..ROW
        },
        Row {
            id: "trust-external-id",
            name: "a role that somebody else made",
            setup: &[],
            breaks: |cloud, role| {
                cloud.bucket_by_hand(role, "eu-west-1");
                cloud.role_by_hand(role, &trust(USER, Some("2195193")), &[data(role)]);
            },
            ..ROW
        },
        Row {
            id: "trust-principal",
            name: "somebody else is trusted",
            breaks: |cloud, role| {
                let other = format!("arn:aws:iam::{}:root", cloud.account);
                trusts(cloud, role, json!([page(json!(other), TOKEN)]));
            },
            ..ROW
        },
        Row {
            id: "trust-orphan-id",
            name: "nobody but somebody who was deleted",
            breaks: |cloud, role| trusts(cloud, role, json!([page(json!(ORPHAN), TOKEN)])),
            holds: names_nobody_deleted,
            ..ROW
        },
        Row {
            id: "trust-orphan-id",
            name: "beside Mixpanel in one statement, and alone in another",
            breaks: |cloud, role| {
                let (both, alone) = (json!([USER, ORPHAN]), json!(ORPHAN));
                trusts(cloud, role, json!([page(both, TOKEN), page(alone, TOKEN)]));
            },
            before: "warn",
            holds: names_nobody_deleted,
            ..BY_CLI
        },
        Row {
            id: "trust-no-external-id",
            name: "no condition",
            breaks: |cloud, role| {
                let statement = trust(USER, None)["Statement"][0].clone();
                trusts(cloud, role, json!([statement]));
            },
            ..BY_CLI
        },
        Row {
            id: "trust-no-external-id",
            name: "no condition, and nobody has said which token it should be",
            breaks: |cloud, role| {
                let statement = trust(USER, None)["Statement"][0].clone();
                trusts(cloud, role, json!([statement]));
            },
            has_token: false,
            ..BY_CLI
        },
        Row {
            id: "trust-others",
            name: "another account, and a service",
            breaks: |cloud, role| {
                let service = for_machines()["Statement"][0].clone();
                let account = trust("arn:aws:iam::111122223333:root", None)["Statement"][0].clone();
                let two = json!([TOKEN, OTHER_TOKEN]);
                let mut page = page(json!(USER), TOKEN);
                page["Condition"]["StringEquals"]["sts:ExternalId"] = two;
                trusts(cloud, role, json!([page, account, service]));
            },
            ..BY_CLI
        },
        Row {
            id: "trust-extra-conditions",
            name: "a condition that Mixpanel does not meet",
            breaks: |cloud, role| {
                let other = page_with("StringEquals", "aws:PrincipalOrgID", "o-1234567890");
                trusts(cloud, role, json!([other]));
            },
            ..BY_CLI
        },
        Row {
            id: "trust-extra-conditions",
            name: "an address of one's own",
            breaks: |cloud, role| {
                let other = page_with("IpAddress", "aws:SourceIp", "203.0.113.0/24");
                trusts(cloud, role, json!([other]));
            },
            before: "unknown",
            ..BY_CLI
        },
        Row {
            id: "trust-extra-conditions",
            name: "a Deny for Mixpanel alone",
            breaks: |cloud, role| {
                let deny = json!({ "Effect": "Deny", "Principal": { "AWS": USER }, "Action": "sts:AssumeRole" });
                trusts(cloud, role, json!([page(json!(USER), TOKEN), deny]));
            },
            ..BY_CLI
        },
        Row {
            id: "trust-extra-conditions",
            name: "a Deny for everybody outside the organization",
            breaks: |cloud, role| {
                let deny = json!({
                    "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
                    "Condition": { "StringNotEquals": { "aws:PrincipalAccount": cloud.account } },
                });
                trusts(cloud, role, json!([page(json!(USER), TOKEN), deny]));
            },
            ..BY_CLI
        },
        Row {
            id: "trust-extra-conditions",
            name: "another action",
            breaks: |cloud, role| {
                let mut statement = page(json!(USER), TOKEN);
                statement["Action"] = json!("sts:TagSession");
                trusts(cloud, role, json!([statement]));
            },
            ..BY_CLI
        },
    ]
}

fn grant_rows() -> Vec<Row> {
    vec![
        Row {
            id: "policy-attached",
            name: "it is detached",
            breaks: |cloud, role| detaches(cloud, role, "s3"),
            ..ROW
        },
        Row {
            id: "policy-attached",
            name: "it is detached, and nothing says which bucket is meant",
            breaks: |cloud, role| detaches(cloud, role, "s3"),
            verify: |cloud| vec!["--role".into(), cloud.bucket()],
            answers: |cloud| vec!["--bucket".into(), cloud.bucket()],
            ..ROW
        },
        Row {
            id: "s3-actions",
            name: "one action is missing",
            breaks: |cloud, bucket| {
                let mut statement = data(bucket)["Statement"][0].clone();
                statement["Action"] = json!(["s3:GetObject", "s3:ListBucket", "s3:DeleteObject"]);
                grants(cloud, "s3", json!([statement]));
            },
            ..ROW
        },
        Row {
            id: "s3-actions",
            name: "a condition that nobody knows of",
            breaks: |cloud, bucket| {
                let mut statement = data(bucket)["Statement"][0].clone();
                statement["Condition"] = json!({ "StringEquals": { "aws:SourceVpc": "vpc-1a2b3c4d" } });
                grants(cloud, "s3", json!([statement]));
            },
            before: "fail",
            ..ROW
        },
        Row {
            id: "s3-actions",
            name: "an inline policy denies, and a managed one",
            breaks: |cloud, role| {
                let deny = |action: &str| json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
                let list =
                    json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{role}") });
                let mixed = json!([deny("s3:PutObject"), list, deny("s3:Put*")]);
                denied_inline(cloud, role, mixed);
                let guard = document(json!([deny("s3:DeleteObject")]));
                cloud.attach(role, &cloud.policy_by_hand(&format!("{role}-guard"), &guard));
            },
            ..BY_CLI
        },
        Row {
            id: "s3-actions",
            name: "an inline policy denies, and says nothing else",
            breaks: |cloud, role| {
                let deny = json!({ "Sid": "No", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "*" });
                denied_inline(cloud, role, json!([deny]));
            },
            ..BY_CLI
        },
        Row {
            id: "bucket-type",
            name: "an access point",
            breaks: |cloud, _| {
                let resource = "arn:aws:s3:eu-west-1:123456789012:accesspoint/acme/object/*";
                grants(
                    cloud,
                    "s3",
                    json!([{ "Effect": "Allow", "Action": "s3:PutObject", "Resource": resource }]),
                );
            },
            verify: |cloud| vec!["--role".into(), cloud.bucket()],
            // The statement stays, and reaches what is no bucket of the export.
            exits: 4,
            answers: |cloud| vec!["--bucket".into(), cloud.bucket()],
            ..ROW
        },
        Row {
            id: "role-excess",
            name: "a policy of AWS's own and an inline one",
            breaks: |cloud, role| {
                let all = document(json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
                cloud.put_inline(role, "too much", &all);
                cloud.attach(role, &cloud.policy_by_hand(&format!("{role}-admin"), &all));
            },
            ..BY_CLI
        },
        Row {
            id: "rcp-network",
            name: "the tag of a network perimeter",
            breaks: |cloud, role| cloud.tag_role(role, "dp:include:network", "true"),
            before: "unknown",
            after: Outcome::OffersNothing,
            ..BY_CLI
        },
        Row {
            id: "probe-left",
            name: "a live proof was cut short",
            breaks: |cloud, bucket| {
                cloud.let_plain_http_in();
                cloud.script("s3:PUT object", None, Scripted::Hang);
                cloud.killed(&["verify", "--live", "--yes", "--role", bucket]);
                cloud.clear_script();
            },
            before: "warn",
            ..ROW
        },
    ]
}
