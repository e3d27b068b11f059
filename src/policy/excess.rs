//! What a role may do beyond Mixpanel's page, statement by statement.
//!
//! Mixpanel asks for four actions on one bucket, and for seven on a key. Whatever else a role's policies allow,
//! Mixpanel, and whoever gets into Mixpanel, may do as well. What reaches beyond the export's own bucket and key is
//! [`Gravity::Open`]: IAM, STS, the administration of keys, the data of other buckets, every resource there is. More of
//! the same bucket or of another service's single resource is [`Gravity::Wide`].

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::document::texts;
use super::evaluate::covers::{action_covers, pattern_covers};
use super::evaluate::{AuthorizationRequest, Decision, Layer, Policies, Principal, RequestContext, Source, decide};
use super::read::covers;
use super::trust::Gravity;
use super::{Statement, build, page};
use crate::names::{BucketName, KeyArn, RoleArn};

/// A statement that allows more than the page, and what that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excess {
    /// The statement.
    pub(crate) source: Source,
    /// How far it reaches.
    pub(crate) reach: Reach,
    /// The actions, as they are written there.
    pub(crate) actions: Vec<String>,
    /// The resources, likewise.
    pub(crate) resources: Vec<String>,
}

/// How far a statement reaches. Ordered from the gravest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Every action on every resource.
    Everything,
    /// Who may do what in the account.
    Identities,
    /// Who may use keys, and whether there are any.
    KeyAdministration,
    /// What is in other buckets.
    OtherBuckets,
    /// Every resource of a service.
    EveryResource,
    /// More of the export's own bucket or key.
    SameBucket,
    /// Something of another kind.
    Other,
}

impl Reach {
    /// How grave that is.
    pub(crate) fn gravity(self) -> Gravity {
        match self {
            Self::SameBucket | Self::Other => Gravity::Wide,
            _ => Gravity::Open,
        }
    }
}

impl fmt::Display for Reach {
    /// What is reached, after "reaches".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everything => "everything in the account",
            Self::Identities => "IAM or STS: who may do what in the account",
            Self::KeyAdministration => "the administration of KMS keys",
            Self::OtherBuckets => "other buckets",
            Self::EveryResource => "every resource of a service",
            Self::SameBucket => "more of the export's own bucket or key",
            Self::Other => "something that an export does not need",
        })
    }
}

impl Excess {
    /// What is allowed on what, in a line.
    pub(crate) fn what(&self) -> String {
        let list = |items: &[String]| match items {
            [one, two, rest @ ..] if rest.len() > 1 => {
                format!("{one}, {two} and {} more", rest.len())
            }
            items => items.join(", "),
        };
        format!("{} on {}", list(&self.actions), list(&self.resources))
    }
}

/// What belongs to an export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    /// The role.
    pub(crate) role: &'a RoleArn,
    /// The bucket that Mixpanel writes to, where it is known.
    pub(crate) bucket: Option<&'a BucketName>,
    /// The key that encrypts it, where it is one of the customer's own.
    pub(crate) key: Option<&'a KeyArn>,
    /// What is known of the role's requests.
    pub(crate) context: &'a RequestContext,
}

/// The statements of a role's policies that allow more than the page, as far as no Deny and no permissions boundary
/// takes it away again.
pub(crate) fn beyond_page(own: &Own<'_>, policies: &Policies<'_>) -> Vec<Excess> {
    // A page's statement for another bucket or key alone is a mistake of its own kind.
    let page = own.bucket.map(build::data);
    let exports_here = page.is_some_and(|page| {
        let mut named = policies.identity.iter();
        named.any(|named| covers(named.document, &page))
    });
    let mut found = Vec::new();
    for named in &policies.identity {
        for (index, statement) in named.document.statements().iter().enumerate() {
            if !statement.allows() || (!exports_here && page::is_of_data(statement)) {
                continue;
            }
            if let Some((reach, actions, resources)) = own.reach(statement, policies) {
                found.push(Excess {
                    source: Source {
                        layer: Layer::Identity,
                        policy: named.name.clone(),
                        statement: index,
                        sid: statement.sid().map(str::to_owned),
                    },
                    reach,
                    actions,
                    resources,
                });
            }
        }
    }
    found.sort_by_key(|excess| excess.reach);
    found
}

/// Short forms of what the page's KMS policy allows, which AWS's own policies use.
const SHORT_KEY_ACTIONS: [&str; 2] = ["kms:GenerateDataKey*", "kms:ReEncrypt*"];
/// Actions of S3 that tell of buckets and never of what is in them.
const BUCKET_FACTS: [&str; 3] = [
    "s3:listallmybuckets",
    "s3:getbucketlocation",
    "s3:getaccountpublicaccessblock",
];

fn is_one_of(action: &str, actions: &[&str]) -> bool {
    actions.iter().any(|known| known.eq_ignore_ascii_case(action))
}

type Reached = (Reach, Vec<String>, Vec<String>);

impl Own<'_> {
    /// The farthest that a statement reaches beyond the page, with the actions and resources by which it does.
    fn reach(&self, statement: &Statement, policies: &Policies<'_>) -> Option<Reached> {
        let map = statement.map();
        let actions = elements(map.get("Action"), map.get("NotAction"));
        let resources = elements(map.get("Resource"), map.get("NotResource"));
        let mut pairs: Vec<(Reach, &Extent, &Extent)> = Vec::new();
        for action in &actions {
            for resource in &resources {
                let reach = self.of_pair(action, resource);
                let alive = |reach: &Reach| self.is_alive(*reach, action, resource, policies);
                pairs.extend(reach.filter(alive).map(|reach| (reach, action, resource)));
            }
        }
        let reach = pairs.iter().map(|(reach, ..)| *reach).min()?;
        let told = |pick: fn(&(Reach, &Extent, &Extent)) -> String| {
            let mut seen = BTreeSet::new();
            let all = pairs.iter().filter(|(own, ..)| *own == reach).map(pick);
            all.filter(|text| seen.insert(text.clone())).collect()
        };
        Some((
            reach,
            told(|(_, action, _)| action.to_string()),
            told(|(.., resource)| resource.to_string()),
        ))
    }

    fn of_pair(&self, action: &Extent, resource: &Extent) -> Option<Reach> {
        let everywhere = resource.is_everything();
        let pattern = match action {
            Extent::AllBut(but) => {
                let excepted = |action: &str| but.iter().any(|not| action_covers(not, action));
                return [
                    (Reach::Identities, "iam:createrole", everywhere),
                    (Reach::KeyAdministration, "kms:putkeypolicy", everywhere),
                    (Reach::OtherBuckets, "s3:getobject", !self.is_own(resource)),
                    (Reach::SameBucket, "s3:putbucketpolicy", true),
                ]
                .into_iter()
                .filter(|(reach, ..)| !everywhere || *reach != Reach::SameBucket)
                .find(|(_, probe, applies)| *applies && !excepted(probe))
                .map(|(reach, ..)| reach)
                // Every service that is not excepted is covered, on every resource.
                .or(Some(match everywhere && !excepted("any:action") {
                    true => Reach::EveryResource,
                    false => Reach::Other,
                }));
            }
            Extent::Pattern(pattern) => pattern.to_ascii_lowercase(),
        };
        let service = pattern.split(':').next().unwrap_or_default();
        let of = |name: &str| pattern_covers(service, name);
        if !pattern.contains(':') || pattern_covers(&pattern, "anything:at-all") {
            return Some(match everywhere {
                true => Reach::Everything,
                false if self.is_own(resource) => Reach::SameBucket,
                false => Reach::OtherBuckets,
            });
        }
        if of("iam") || of("sts") {
            let harmless = pattern == "sts:getcalleridentity";
            return (!harmless).then_some(Reach::Identities);
        }
        if of("kms") {
            return self.of_kms(&pattern, resource);
        }
        if of("s3") {
            return self.of_s3(&pattern, resource);
        }
        Some(match everywhere {
            true => Reach::EveryResource,
            false => Reach::Other,
        })
    }

    fn of_s3(&self, pattern: &str, resource: &Extent) -> Option<Reach> {
        match self.is_own(resource) {
            true if is_one_of(pattern, &build::DATA_ACTIONS) => None,
            true => Some(Reach::SameBucket),
            false if is_one_of(pattern, &BUCKET_FACTS) => Some(Reach::Other),
            false => Some(Reach::OtherBuckets),
        }
    }

    fn of_kms(&self, pattern: &str, resource: &Extent) -> Option<Reach> {
        const READS: [&str; 3] = ["kms:describe", "kms:list", "kms:get"];
        let uses = is_one_of(pattern, &build::KMS_ACTIONS) || is_one_of(pattern, &SHORT_KEY_ACTIONS);
        let reads = READS.iter().any(|read| pattern.starts_with(read));
        let one_key = match resource {
            // An alias names no resource of a policy, and an exact key is one that somebody meant.
            Extent::Pattern(arn) => arn.contains(":alias/") || arn.parse::<KeyArn>().is_ok(),
            Extent::AllBut(_) => false,
        };
        match (uses, reads, one_key) {
            (true, _, true) => None,
            (true, _, false) => Some(Reach::EveryResource),
            (false, true, _) => Some(Reach::Other),
            (false, false, _) => Some(Reach::KeyAdministration),
        }
    }

    /// Whether a resource is the export's bucket, something in it, or its key.
    fn is_own(&self, resource: &Extent) -> bool {
        let Extent::Pattern(pattern) = resource else {
            return false;
        };
        let bucket = ["aws", "*"].iter().any(|partition| {
            let arn = self.bucket.map(|bucket| format!("arn:{partition}:s3:::{bucket}"));
            arn.and_then(|arn| pattern.strip_prefix(&arn))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        bucket || self.key.is_some_and(|key| key.as_str() == pattern)
    }

    /// Whether something of what a pair allows is left by every Deny and by the permissions boundary.
    fn is_alive(&self, reach: Reach, action: &Extent, resource: &Extent, policies: &Policies<'_>) -> bool {
        let account = self.role.account();
        let action = match action {
            Extent::Pattern(pattern) => Some(pattern.as_str()),
            Extent::AllBut(_) => None,
        };
        let probes: &[&str] = match reach {
            Reach::Everything => &["iam:CreateRole", "kms:PutKeyPolicy", "s3:GetObject", "ec2:RunInstances"],
            Reach::Identities => &["iam:CreateRole", "iam:PassRole", "sts:AssumeRole"],
            Reach::KeyAdministration => &["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
            Reach::OtherBuckets => &["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
            Reach::SameBucket => &["s3:PutBucketPolicy", "s3:PutObjectAcl"],
            Reach::EveryResource | Reach::Other if action.is_none() => {
                &["ec2:RunInstances", "secretsmanager:GetSecretValue", "any:Action"]
            }
            Reach::EveryResource | Reach::Other => &[],
        };
        let matching = |probe: &&&str| action.is_none_or(|pattern| action_covers(pattern, &probe.to_ascii_lowercase()));
        let mut asked: Vec<String> = probes
            .iter()
            .filter(matching)
            .map(|probe| (*probe).to_owned())
            .collect();
        if asked.is_empty() {
            asked.extend(action.map(|pattern| pattern.replace(['*', '?'], "x")));
        }
        asked.iter().any(|action| {
            let resources = self.examples(action, resource, account);
            resources.iter().any(|resource| {
                let request = AuthorizationRequest {
                    principal: Principal::Session {
                        account: account.to_owned(),
                        role_arn: self.role.to_string(),
                    },
                    action: action.clone(),
                    resource: resource.clone(),
                    context: self.context.clone(),
                };
                !matches!(decide(&request, policies), Decision::Denied(_))
            })
        })
    }

    /// Resources that an element covers, of the kind that an action is asked of.
    fn examples(&self, action: &str, resource: &Extent, account: &str) -> Vec<String> {
        match resource {
            Extent::Pattern(pattern) if !resource.is_everything() => {
                vec![pattern.replace(['*', '?'], "x")]
            }
            _ => vec![match action.split(':').next().unwrap_or_default() {
                "iam" | "sts" => format!("arn:aws:iam::{account}:role/another"),
                "kms" => format!("arn:aws:kms:us-east-1:{account}:key/another"),
                "s3" => "arn:aws:s3:::another-bucket/object".to_owned(),
                service => format!("arn:aws:{service}:us-east-1:{account}:another/thing"),
            }],
        }
    }
}

/// An entry of `Action` or `Resource`, or a whole negated one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Extent {
    Pattern(String),
    AllBut(Vec<String>),
}

impl Extent {
    /// Whether it covers resources of every kind, or everything but some.
    fn is_everything(&self) -> bool {
        match self {
            Self::AllBut(_) => true,
            Self::Pattern(pattern) => {
                pattern_covers(pattern, "arn:aws:any:any-where-1:000000000000:thing")
                    || pattern_covers(pattern, "arn:aws:s3:::any-bucket-at-all")
            }
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => f.write_str(pattern),
            Self::AllBut(but) => write!(f, "everything but {}", but.join(", ")),
        }
    }
}

fn elements(positive: Option<&Value>, negated: Option<&Value>) -> Vec<Extent> {
    let owned = |value| -> Vec<String> {
        let texts = texts(Some(value));
        texts.into_iter().map(str::to_owned).collect()
    };
    match (positive, negated) {
        (Some(value), None) => owned(value).into_iter().map(Extent::Pattern).collect(),
        (None, Some(value)) => vec![Extent::AllBut(owned(value))],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Document;
    use crate::policy::evaluate::{Named, Rule};

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn document(statements: Value) -> Document {
        Document::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap()
    }

    /// What a statement beside the page's reaches, under a boundary where one is given.
    fn reach_under(statement: Value, boundary: Option<Value>) -> Option<Reach> {
        let (role, bucket, key) = (
            "arn:aws:iam::123456789012:role/export".parse().unwrap(),
            "acme".parse().unwrap(),
            KEY.parse().unwrap(),
        );
        let page = build::data(&bucket);
        let more = document(json!([statement]));
        let boundary = boundary.map(document);
        let named = |name: &str, document| Named {
            name: name.into(),
            document,
        };
        let policies = Policies {
            identity: vec![named("page", &page), named("more", &more)],
            boundary: boundary.as_ref().map(|document| named("boundary", document)),
            resource: None,
            unreadable: Vec::new(),
            rule: Rule::Either,
        };
        let own = Own {
            role: &role,
            bucket: Some(&bucket),
            key: Some(&key),
            context: &RequestContext::new(),
        };
        let found = beyond_page(&own, &policies);
        assert!(found.len() <= 1, "the page itself is no excess: {found:?}");
        found.first().map(|excess| excess.reach)
    }

    fn reach(actions: Value, resources: Value) -> Option<Reach> {
        reach_under(
            json!({ "Effect": "Allow", "Action": actions, "Resource": resources }),
            None,
        )
    }

    #[test]
    fn the_page_and_what_is_within_it_is_no_excess() {
        assert_eq!(reach(json!("s3:PutObject"), json!("arn:aws:s3:::acme/7/*")), None);
        assert_eq!(reach(json!("S3:getobject"), json!(["arn:aws:s3:::acme/*"])), None);
        let kms = build::kms(&KEY.parse().unwrap()).to_value()["Statement"][0].clone();
        assert_eq!(reach_under(kms, None), None);
        assert_eq!(
            reach(json!(["kms:ReEncrypt*", "kms:GenerateDataKey*"]), json!(KEY)),
            None
        );
        assert_eq!(reach(json!("sts:GetCallerIdentity"), json!("*")), None);
    }

    #[test]
    fn what_reaches_beyond_the_bucket_is_open() {
        let bucket = "arn:aws:s3:::acme";
        for (actions, resources, wanted) in [
            (json!("*"), json!("*"), Reach::Everything),
            (json!("*:*"), json!("*"), Reach::Everything),
            (json!("*"), json!("arn:aws:*"), Reach::Everything),
            (
                json!("iam:PassRole"),
                json!("arn:aws:iam::123456789012:role/x"),
                Reach::Identities,
            ),
            (json!("i*:Get*"), json!("*"), Reach::Identities),
            (json!("sts:AssumeRole"), json!("*"), Reach::Identities),
            (json!("kms:*"), json!(KEY), Reach::KeyAdministration),
            (json!("kms:CreateGrant"), json!(KEY), Reach::KeyAdministration),
            (json!("kms:Decrypt"), json!("*"), Reach::EveryResource),
            (
                json!("kms:Decrypt"),
                json!("arn:aws:kms:*:123456789012:key/*"),
                Reach::EveryResource,
            ),
            (json!("s3:GetObject"), json!("*"), Reach::OtherBuckets),
            (
                json!("s3:GetObject"),
                json!("arn:aws:s3:::other/*"),
                Reach::OtherBuckets,
            ),
            (json!("s3:GetObject"), json!("arn:aws:s3:::acme*"), Reach::OtherBuckets),
            (json!("s3:*"), json!("arn:aws:s3:::acm?/*"), Reach::OtherBuckets),
            (
                json!(["s3:PutObject", "iam:CreateUser"]),
                json!([bucket, "*"]),
                Reach::Identities,
            ),
            (json!("sqs:*"), json!("*"), Reach::EveryResource),
        ] {
            assert_eq!(
                reach(actions.clone(), resources.clone()),
                Some(wanted),
                "{actions} on {resources}"
            );
            assert_eq!(wanted.gravity(), Gravity::Open);
        }
        let but = |not: Value, resource: Value| {
            reach_under(
                json!({ "Effect": "Allow", "NotAction": not, "Resource": resource }),
                None,
            )
        };
        assert_eq!(but(json!("s3:DeleteBucket"), json!("*")), Some(Reach::Identities));
        assert_eq!(but(json!(["iam:*", "kms:*"]), json!("*")), Some(Reach::OtherBuckets));
        assert_eq!(
            but(json!(["s3:*", "iam:*", "sts:*", "kms:*"]), json!("*")),
            Some(Reach::EveryResource)
        );
        assert_eq!(
            reach(json!("s3:GetObject"), json!("arn:aws:s3:::${aws:PrincipalTag/b}/*")),
            Some(Reach::OtherBuckets)
        );
        assert_eq!(
            but(json!("iam:*"), json!("arn:aws:s3:::acme/*")),
            Some(Reach::SameBucket)
        );
        let elsewhere = json!({ "Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::acme/*" });
        assert_eq!(reach_under(elsewhere, None), Some(Reach::OtherBuckets));
    }

    #[test]
    fn without_the_page_only_what_is_of_the_page_is_spared() {
        let alone = |statement: Value| {
            let role = "arn:aws:iam::123456789012:role/export".parse().unwrap();
            let document = document(json!([statement]));
            let policies = Policies {
                identity: vec![Named {
                    name: "alone".into(),
                    document: &document,
                }],
                boundary: None,
                resource: None,
                unreadable: Vec::new(),
                rule: Rule::Either,
            };
            let own = Own {
                role: &role,
                bucket: None,
                key: None,
                context: &RequestContext::new(),
            };
            beyond_page(&own, &policies).first().map(|excess| excess.reach)
        };
        let (put, acme) = ("s3:PutObject", "arn:aws:s3:::acme/*");
        let page = json!({ "Effect": "Allow", "Action": put, "Resource": acme });
        assert_eq!(alone(page), None);
        for more in [
            json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": acme }),
            json!({ "Effect": "Allow", "Action": put, "NotResource": acme }),
            json!({ "Effect": "Allow", "NotAction": put, "NotResource": acme }),
        ] {
            assert!(alone(more.clone()).is_some(), "{more}");
        }
    }

    #[test]
    fn more_of_the_same_is_wide() {
        for (actions, resources) in [
            (json!("s3:*"), json!(["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"])),
            (json!("s3:PutBucketPolicy"), json!("arn:aws:s3:::acme")),
            (json!("*"), json!("arn:aws:s3:::acme/*")),
            (json!("s3:ListAllMyBuckets"), json!("*")),
            (json!("sqs:SendMessage"), json!("arn:aws:sqs:eu-west-1:123456789012:q")),
            (json!("kms:ListGrants"), json!(KEY)),
        ] {
            let found = reach(actions.clone(), resources.clone());
            assert_eq!(
                found.map(Reach::gravity),
                Some(Gravity::Wide),
                "{actions} on {resources}: {found:?}"
            );
        }
    }

    #[test]
    fn what_a_deny_or_a_boundary_takes_away_is_no_excess() {
        let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let bounds =
            json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"] }]);
        assert_eq!(reach_under(all.clone(), Some(bounds)), None);
        let bounds = json!([{ "Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*" }]);
        assert_eq!(reach_under(all, Some(bounds)), Some(Reach::Everything));
    }
}
