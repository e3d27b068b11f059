//! Whose a thing is, and what proves it.
//!
//! A tag is what somebody wrote: templates copy it, tools spread it, and whoever may tag may put it anywhere. So a tag
//! alone proves nothing. A role is this program's where it is tagged so *and* trusts Mixpanel; a policy where it is
//! tagged so *and* says nothing but what Mixpanel's page says; a bucket where it is tagged so *and* the policies of
//! such a role name it; a key where it is tagged so *and* its policy lets nobody in from outside the account. What is
//! not proved is somebody else's.

use super::{Bucket, Policy, Reading, Role, Unread};
use crate::encryption::BucketEncryption;
use crate::names::{ADOPTED_BY_KEY, BucketName, MANAGED_BY_KEY, MANAGED_BY_VALUE, Tag};
use crate::policy::Document;
use crate::policy::outsiders;
use crate::policy::page::page_grants;
use crate::policy::read;
use crate::policy::trust::{Admission, Trust};

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This program made it.
    Us,
    /// Somebody else made it, and this program was told to take it over.
    Adopted,
    /// It is none of this program's business.
    Others,
}

/// Whose something with these tags claims to be. A claim, and no proof.
pub(crate) fn owner(tags: &[Tag]) -> Owner {
    let marked = |key: &str| tags.iter().any(|tag| tag.key == key && tag.value == MANAGED_BY_VALUE);
    if marked(MANAGED_BY_KEY) {
        Owner::Us
    } else if marked(ADOPTED_BY_KEY) {
        Owner::Adopted
    } else {
        Owner::Others
    }
}

/// Whose a role is: what its tags claim, where it trusts Mixpanel.
pub(crate) fn role_owner(role: &Role) -> Owner {
    match Trust::new(&role.trust, &role.arn).admission() {
        Admission::None => Owner::Others,
        _ => owner(&role.tags),
    }
}

/// Whose a policy is: what its tags claim, where it says nothing but what Mixpanel's page says, of one bucket at the
/// most.
pub(crate) fn policy_owner(policy: &Policy) -> Owner {
    match is_of_one_set_up(&policy.document) {
        true => owner(&policy.tags),
        false => Owner::Others,
    }
}

/// Whether a document says nothing but what Mixpanel's page says, of one bucket at the most.
fn is_of_one_set_up(document: &Document) -> bool {
    page_grants(document).is_some_and(|grants| grants.buckets.len() <= 1)
}

/// Whether a role of this program's names a bucket, in what is attached to it, in what is part of it, or in what was
/// made for it and is not attached yet.
pub(crate) fn role_names_bucket<'a>(
    role: &Role,
    policies: impl IntoIterator<Item = &'a Policy>,
    bucket: &BucketName,
) -> bool {
    let of_role = policies.into_iter().filter(|policy| {
        let attached = role.attached.iter().any(|arn| arn == policy.arn.as_str());
        attached || policy_owner(policy) != Owner::Others
    });
    let documents = of_role
        .map(|policy| &policy.document)
        .chain(role.inline.iter().map(|inline| &inline.document));
    role_owner(role) != Owner::Others && read::buckets_written(documents).contains(bucket)
}

/// Whether a role of this program's says that its set-up set out to make a bucket of this name.
pub(crate) fn claims_bucket(role: &Role, bucket: &BucketName) -> bool {
    role_owner(role) != Owner::Others && role.tags.contains(&Tag::of_bucket(bucket.as_str()))
}

/// Whether a bucket without tags is one whose making was cut short: a role claims it, its policies name it, and nobody
/// has put anything into it or set anything on it.
///
/// Where `s3:TagResource` is refused, or a store ignores the tags of CreateBucket, nothing on the bucket itself says
/// who made it. The claim is a tag, which whoever may tag the role can write, and the bucket may be older than the
/// claim. So it is believed only of a bucket in which there is nothing to lose, only for making it safer and tagging
/// it, and never for removing it: that takes the bucket's own tags.
pub(crate) fn bucket_was_begun<'a>(
    bucket: &Bucket,
    name: &BucketName,
    role: &Role,
    policies: impl IntoIterator<Item = &'a Policy>,
) -> bool {
    let nothing_set = bucket.tags.known().is_some_and(Vec::is_empty)
        && bucket.policy.known().is_some_and(Option::is_none)
        && bucket.lifecycle.known().is_some_and(|all| all.rules.is_empty())
        && matches!(bucket.encryption.known(), Some(None | Some(BucketEncryption::Aes)));
    nothing_set && bucket.empty == Some(true) && claims_bucket(role, name) && role_names_bucket(role, policies, name)
}

/// What shows whose a KMS key is. A description and an alias show nothing: whoever may make keys chooses them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyOwnership {
    /// Its tags.
    pub(crate) tags: Reading<Vec<Tag>>,
    /// Its policy.
    pub(crate) policy: Reading<Document>,
}

impl KeyOwnership {
    /// Why a key is not taken for one that this program made, if it is not: as a clause about "it".
    pub(crate) fn objection(&self, account: &str) -> Option<String> {
        let unreadable = |what: &str, unread: &Unread| Some(format!("{what} cannot be read: {unread}"));
        match &self.tags {
            Reading::Unreadable(denied) => return unreadable("its tags", denied),
            Reading::Known(tags) if owner(tags) != Owner::Us => {
                return Some(format!("it has no tag {MANAGED_BY_KEY} = {MANAGED_BY_VALUE}"));
            }
            Reading::Known(_) => {}
        }
        match &self.policy {
            Reading::Unreadable(denied) => unreadable("its key policy", denied),
            Reading::Known(policy) => {
                let outsiders = outsiders::of_key(policy, account);
                let first = outsiders.first()?;
                Some(format!(
                    "statement {} of its key policy lets {} in, from outside the account",
                    first.statement + 1,
                    first.principal
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lifecycle, LifecycleRule, Others, Unanswered};
    use super::*;
    use crate::encryption::DefaultKey;
    use crate::names::IamPath;
    use crate::policy::build;

    fn role(trust: Document, tags: Vec<Tag>, attached: &[&Policy]) -> Role {
        Role {
            name: "export".parse().unwrap(),
            id: "AROAEXAMPLE".into(),
            arn: "arn:aws:iam::123456789012:role/export".parse().unwrap(),
            path: IamPath::root(),
            trust,
            tags,
            boundary: None,
            last_used: None,
            attached: attached.iter().map(|one| one.arn.to_string()).collect(),
            inline: Vec::new(),
            aws_managed: Vec::new(),
        }
    }

    fn policy(document: Document, tags: Vec<Tag>) -> Policy {
        Policy {
            arn: "arn:aws:iam::123456789012:policy/export-s3".parse().unwrap(),
            tags,
            document,
            versions: Vec::new(),
            uses: None,
            others: Others::Unasked,
        }
    }

    fn mixpanel() -> Document {
        build::trust(&["aa".to_owned()].into())
    }

    fn ec2() -> Document {
        Document::parse(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#).unwrap()
    }

    #[test]
    fn a_tag_alone_proves_nothing() {
        let ours = || vec![Tag::managed_by()];
        let bucket: BucketName = "acme".parse().unwrap();
        assert_eq!(role_owner(&role(mixpanel(), ours(), &[])), Owner::Us);
        assert_eq!(role_owner(&role(ec2(), ours(), &[])), Owner::Others);
        assert_eq!(role_owner(&role(mixpanel(), vec![], &[])), Owner::Others);
        let page = policy(build::data(&bucket), ours());
        assert_eq!(policy_owner(&page), Owner::Us);
        let theirs = policy(build::data(&bucket), Vec::new());
        assert_eq!(policy_owner(&theirs), Owner::Others);
        let wide =
            Document::parse(r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/*"}]}"#)
                .unwrap();
        assert_eq!(policy_owner(&policy(wide, ours())), Owner::Others);
    }

    #[test]
    fn a_bucket_is_named_by_a_role_that_is_proved() {
        let ours = || vec![Tag::managed_by()];
        let bucket: BucketName = "acme".parse().unwrap();
        let page = policy(build::data(&bucket), ours());
        let untagged = policy(build::data(&bucket), Vec::new());
        let names = |role: &Role, policy: &Policy| role_names_bucket(role, [policy], &bucket);
        let proved = role(mixpanel(), ours(), &[&page]);
        assert!(names(&proved, &page));
        // Made, and not attached yet.
        assert!(names(&role(mixpanel(), ours(), &[]), &page));
        assert!(names(&proved, &untagged));
        assert!(!names(&role(mixpanel(), ours(), &[]), &untagged));
        assert!(!names(&role(ec2(), ours(), &[&page]), &page));
        assert!(!names(&role(mixpanel(), vec![], &[&page]), &page));
        let elsewhere = "acme-prod".parse().unwrap();
        assert!(!role_names_bucket(&proved, [&page], &elsewhere));
    }

    #[test]
    fn a_claim_is_believed_only_where_there_is_nothing_to_lose() {
        type Spoil = fn(&mut Bucket);
        let name: BucketName = "acme".parse().unwrap();
        let tags = vec![Tag::managed_by(), Tag::of_bucket("acme")];
        let page = policy(build::data(&name), vec![Tag::managed_by()]);
        let claiming = role(mixpanel(), tags.clone(), &[&page]);
        let new_born = || Bucket::new_born("eu-west-1".parse().unwrap());
        let begun = |bucket: &Bucket, role: &Role| bucket_was_begun(bucket, &name, role, [&page]);
        assert!(begun(&new_born(), &claiming));
        let spoils: [Spoil; 8] = [
            |bucket| bucket.tags = Reading::Known(vec!["team=logs".parse().unwrap()]),
            |bucket| bucket.tags = Reading::Known(vec![Tag::adopted_by()]),
            |bucket| {
                bucket.tags = Reading::Unreadable(Unread {
                    action: "s3:GetBucketTagging".into(),
                    why: Unanswered::Refused,
                });
            },
            |bucket| bucket.policy = Reading::Known(Some(Document::new(Vec::new()))),
            |bucket| {
                let rules = vec![LifecycleRule::default()];
                let others = String::new();
                bucket.lifecycle = Reading::Known(Lifecycle { rules, others });
            },
            |bucket| {
                bucket.encryption = Reading::Known(Some(BucketEncryption::Kms {
                    key: DefaultKey::AwsManaged,
                    bucket_key: true,
                }));
            },
            |bucket| bucket.empty = Some(false),
            |bucket| bucket.empty = None,
        ];
        for (index, spoil) in spoils.iter().enumerate() {
            let mut bucket = new_born();
            spoil(&mut bucket);
            assert!(!begun(&bucket, &claiming), "spoil {index}");
        }
        let elsewhere = vec![Tag::managed_by(), Tag::of_bucket("acme-2")];
        for other in [
            role(ec2(), tags, &[&page]),
            role(mixpanel(), vec![Tag::of_bucket("acme")], &[&page]),
            role(mixpanel(), vec![Tag::managed_by()], &[&page]),
            role(mixpanel(), elsewhere, &[&page]),
        ] {
            assert!(!begun(&new_born(), &other), "{:?}", other.tags);
        }
    }
}
