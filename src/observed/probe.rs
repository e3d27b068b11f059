//! The role that stands in for the real one during a live proof, and how one that a killed run left is known.
//!
//! Its name follows from the real role's, and its tag names the real role. Both can be anybody's, so neither proves
//! anything: a probe is one that is in every part as a proof makes it. It trusts one principal of the account, with an
//! ExternalId, and nobody else; it has the real role's path and boundary; and it holds nothing that the real role does
//! not hold.

use super::Role;
use crate::names::{AccountId, IamPath, PROBE_KEY, RoleName, Tag};
use crate::policy::compare::{same_meaning, same_statement};
use crate::policy::document::Principals;
use crate::policy::{Document, build};

/// How long a role's name may be.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LONGEST_NAME: usize = 64;
const SUFFIX: &str = "-probe";

/// A probe's name: the role's, cut so that it stays within IAM's limit.
pub(crate) fn probe_name(role: &RoleName) -> Option<RoleName> {
    let kept: String = role.as_str().chars().take(LONGEST_NAME - SUFFIX.len()).collect();
    format!("{kept}{SUFFIX}").parse().ok()
}

/// What a probe is made after.
#[derive(Debug, Clone)]
pub(crate) struct Original<'a> {
    /// The real role's name.
    pub(crate) name: &'a RoleName,
    /// The account that both are in.
    pub(crate) account: &'a AccountId,
    /// The real role's path and permissions boundary; `None` where the role is gone.
    pub(crate) place: Option<(&'a IamPath, Option<&'a str>)>,
    /// The ARNs of what is attached to the real role.
    pub(crate) attached: Vec<&'a str>,
    /// The inline policies of the real role.
    pub(crate) inline: Vec<(&'a str, &'a Document)>,
}

impl Original<'_> {
    /// Whether a role's tag says that it is this role's probe.
    pub(crate) fn is_named_by(&self, found: &Role) -> bool {
        found.tags.contains(&Tag::probe_of(self.name.as_str()))
    }

    /// In what a role is not as a proof makes this one's probe; nothing where it is one.
    pub(crate) fn differences(&self, found: &Role) -> Vec<String> {
        let mut differences = Vec::new();
        if !self.is_named_by(found) {
            differences.push(format!("it has no tag {PROBE_KEY} = {}", self.name));
        }
        if !self.is_trust_of_probe(&found.trust) {
            differences.push("it trusts others than one principal of your account with an ExternalId".to_owned());
        }
        if let Some((path, boundary)) = self.place {
            if found.path != *path {
                differences.push(format!("it is on the path {}", found.path));
            }
            if found.boundary.as_deref() != boundary {
                differences.push(match &found.boundary {
                    Some(other) => format!("its permissions boundary is {other}"),
                    None => "it has no permissions boundary".to_owned(),
                });
            }
        }
        let attached = found.attached.iter();
        let foreign: Vec<&str> = attached
            .map(String::as_str)
            .filter(|arn| !self.attached.contains(arn))
            .collect();
        if !foreign.is_empty() {
            differences.push(format!("it holds {}", foreign.join(", ")));
        }
        let is_copied = |name: &str, document: &Document| {
            let mut known = self.inline.iter();
            known.any(|(own, wanted)| *own == name && same_meaning(wanted, document))
        };
        let inline = found.inline.iter();
        let foreign: Vec<&str> = inline
            .filter(|policy| !is_copied(&policy.name, &policy.document))
            .map(|policy| policy.name.as_str())
            .collect();
        if !foreign.is_empty() {
            differences.push(format!("it has the inline policy {}", foreign.join(", ")));
        }
        differences
    }

    /// Whether a trust policy is a probe's, whoever of the account made it.
    fn is_trust_of_probe(&self, trust: &Document) -> bool {
        let [statement] = trust.statements() else {
            return false;
        };
        let Principals::Aws(principals) = statement.principals() else {
            return false;
        };
        let ids = statement.condition("StringEquals", "sts:ExternalId");
        let (&[principal], Some(&[id])) = (principals.as_slice(), ids.as_deref()) else {
            return false;
        };
        let wanted = build::probe_trust(principal, id);
        principal.split(':').nth(4) == Some(self.account.as_str())
            && !id.is_empty()
            && wanted
                .statements()
                .iter()
                .all(|wanted| same_statement(statement, wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::InlinePolicy;

    const DATA: &str = "arn:aws:iam::123456789012:policy/export-s3";
    const ME: &str = "arn:aws:iam::123456789012:user/me";

    fn found() -> Role {
        Role {
            name: "export-probe".parse().unwrap(),
            id: "AROAEXAMPLE".into(),
            arn: "arn:aws:iam::123456789012:role/export-probe".parse().unwrap(),
            path: IamPath::root(),
            trust: build::probe_trust(ME, "aa"),
            tags: vec![Tag::probe_of("export")],
            boundary: None,
            last_used: None,
            attached: vec![DATA.into()],
            inline: vec![InlinePolicy {
                name: "export".into(),
                document: build::data(&"acme".parse().unwrap()),
            }],
            aws_managed: Vec::new(),
        }
    }

    fn differences(found: &Role) -> Vec<String> {
        let (name, account) = ("export".parse().unwrap(), "123456789012".parse().unwrap());
        let (path, document) = (IamPath::root(), build::data(&"acme".parse().unwrap()));
        let original = Original {
            name: &name,
            account: &account,
            place: Some((&path, None)),
            attached: vec![DATA, "arn:aws:iam::aws:policy/AmazonS3FullAccess"],
            inline: vec![("export", &document)],
        };
        original.differences(found)
    }

    #[test]
    fn a_probe_is_named_after_its_role_within_the_limit() {
        let name = |role: &str| probe_name(&role.parse().unwrap()).unwrap().to_string();
        assert_eq!(name("acme-export"), "acme-export-probe");
        assert_eq!(name(&"a".repeat(64)).len(), 64);
    }

    #[test]
    fn a_probe_is_one_in_every_part() {
        assert_eq!(differences(&found()), Vec::<String>::new());
        let bare = Role {
            attached: Vec::new(),
            inline: Vec::new(),
            ..found()
        };
        assert_eq!(differences(&bare), Vec::<String>::new());
        type Spoil = fn(&mut Role);
        let spoils: [(&str, Spoil); 10] = [
            ("no tag", |role| role.tags = vec![Tag::managed_by()]),
            ("no tag", |role| role.tags = vec![Tag::probe_of("another")]),
            ("trusts others", |role| {
                role.trust = build::probe_trust("arn:aws:iam::111122223333:root", "aa");
            }),
            ("trusts others", |role| role.trust = build::probe_trust(ME, "")),
            ("trusts others", |role| {
                role.trust = build::trust(&["aa".to_owned()].into())
            }),
            ("trusts others", |role| {
                let two = [ME, "arn:aws:iam::111122223333:root"];
                let text = build::probe_trust(ME, "aa").to_json();
                let text = text.replace(&format!("\"{ME}\""), &format!("{two:?}"));
                role.trust = Document::parse(&text).unwrap();
            }),
            ("path /other/", |role| role.path = "/other/".parse().unwrap()),
            ("boundary is", |role| role.boundary = Some(DATA.into())),
            ("it holds arn:aws:iam::aws:policy/AdministratorAccess", |role| {
                role.attached.push("arn:aws:iam::aws:policy/AdministratorAccess".into());
            }),
            ("the inline policy export", |role| {
                role.inline[0].document = build::data(&"other".parse().unwrap());
            }),
        ];
        for (what, spoil) in spoils {
            let mut role = found();
            spoil(&mut role);
            let told = differences(&role);
            assert!(told.len() == 1 && told[0].contains(what), "{what}: {told:?}");
        }
    }
}
