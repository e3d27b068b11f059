//! The world after a plan: what is there, with the plan's changes in it. One pure function, so that what `setup` judges
//! at its end, and whatever else wants to know what will be there, reads nothing twice.

use super::{Action, Plan};
use crate::encryption::{Encryption, KmsKey};
use crate::names::{KeyArn, Tag};
use crate::observed::{
    Bucket, Lifecycle, LifecycleRule, Observed, Others, Ownership, Policy, PublicAccess, Reading, Role, Version,
};
use crate::spec::{ABORT_RULE_ID, SetupSpec};

/// What will be there once the plan is done. `new_key` is the key that it makes, where that is made already; else a
/// placeholder stands for its ARN, and the bucket's default encryption is as if there were none.
///
/// A role that is made has no unique ID yet, and a policy that gets another version has the versions of before: IAM gives
/// these out.
pub(crate) fn projected(spec: &SetupSpec, observed: &Observed, plan: &Plan, new_key: Option<&KeyArn>) -> Observed {
    let mut world = observed.clone();
    for step in &plan.steps {
        apply_to_role(&mut world.role, spec, &step.action);
        apply_to_policies(&mut world.policies, &step.action, new_key);
        apply_to_bucket(&mut world.bucket, spec, &step.action, new_key);
    }
    world
}

/// The key of one's own that a set-up uses, once it is made.
pub(crate) fn key_of<'a>(spec: &'a SetupSpec, new_key: Option<&'a KeyArn>) -> Option<&'a KeyArn> {
    match &spec.encryption {
        Encryption::Kms(KmsKey::Own(arn)) => Some(arn),
        Encryption::Kms(KmsKey::New(_)) => new_key,
        Encryption::None | Encryption::Aes | Encryption::Kms(KmsKey::AwsManaged) => None,
    }
}

fn apply_to_role(present: &mut Option<Role>, spec: &SetupSpec, action: &Action) {
    if let Action::CreateRole {
        path,
        trust,
        boundary,
        tags,
        ..
    } = action
    {
        *present = Some(Role {
            name: spec.role.clone(),
            id: String::new(),
            arn: spec.role_arn(path),
            path: path.clone(),
            trust: trust.clone(),
            tags: tags.clone(),
            boundary: boundary.as_ref().map(ToString::to_string),
            last_used: None,
            attached: Vec::new(),
            inline: Vec::new(),
            aws_managed: Vec::new(),
        });
    }
    let Some(role) = present else { return };
    match action {
        Action::UpdateTrust { document, .. } => role.trust.clone_from(document),
        Action::SetBoundary { boundary, .. } => role.boundary = Some(boundary.to_string()),
        Action::TagRole(tags) => add_tags(&mut role.tags, tags),
        Action::AttachPolicy(arn) => role.attached.push(arn.to_string()),
        Action::PutInlinePolicy { name, document, .. } => {
            if let Some(inline) = role.inline.iter_mut().find(|inline| inline.name == *name) {
                inline.document.clone_from(document);
            }
        }
        _ => {}
    }
}

fn apply_to_policies(policies: &mut Vec<Policy>, action: &Action, new_key: Option<&KeyArn>) {
    match action {
        Action::CreatePolicy {
            arn, document, tags, ..
        } => policies.push(Policy {
            arn: arn.clone(),
            tags: tags.clone(),
            document: document.resolved(new_key).unwrap_or_else(|| document.preview()),
            versions: vec![Version {
                id: "v1".into(),
                is_default: true,
            }],
            uses: None,
            others: Others::Known(Vec::new()),
        }),
        Action::ReplacePolicyDocument { arn, document, .. } => {
            if let Some(policy) = policies.iter_mut().find(|policy| policy.arn == *arn) {
                policy.document = document.resolved(new_key).unwrap_or_else(|| document.preview());
            }
        }
        Action::TagPolicy { arn, tags } => {
            if let Some(policy) = policies.iter_mut().find(|policy| policy.arn == *arn) {
                add_tags(&mut policy.tags, tags);
            }
        }
        Action::DeletePolicyVersion { arn, version, .. } => {
            if let Some(policy) = policies.iter_mut().find(|policy| policy.arn == *arn) {
                policy.versions.retain(|present| present.id != *version);
            }
        }
        _ => {}
    }
}

fn apply_to_bucket(present: &mut Option<Bucket>, spec: &SetupSpec, action: &Action, new_key: Option<&KeyArn>) {
    if let Action::CreateBucket { tags } = action {
        *present = Some(Bucket {
            tags: Reading::Known(tags.clone()),
            ..Bucket::new_born(spec.region.clone())
        });
    }
    let Some(bucket) = present else { return };
    match action {
        Action::TagBucket { tags, .. } => bucket.tags = Reading::Known(tags.clone()),
        Action::BlockPublicAccess => bucket.public_access = Reading::Known(PublicAccess::all()),
        Action::TurnAclsOff => bucket.ownership = Reading::Known(Ownership::enforced()),
        Action::SetEncryption { default, .. } => bucket.encryption = Reading::Known(default.resolved(new_key)),
        Action::SetBucketPolicy { document, .. } => {
            bucket.policy = Reading::Known(Some(document.clone()));
        }
        Action::AbortUnfinishedUploads { .. } => add_abort_rule(&mut bucket.lifecycle),
        _ => {}
    }
}

fn add_abort_rule(lifecycle: &mut Reading<Lifecycle>) {
    if let Reading::Known(lifecycle) = lifecycle {
        lifecycle.rules.retain(|rule| rule.id != ABORT_RULE_ID);
        lifecycle.rules.push(LifecycleRule {
            id: ABORT_RULE_ID.into(),
            enabled: true,
            aborts_uploads: true,
            ..LifecycleRule::default()
        });
    }
}

fn add_tags(present: &mut Vec<Tag>, added: &[Tag]) {
    present.retain(|tag| added.iter().all(|new| new.key != tag.key));
    present.extend(added.iter().cloned());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::names::{AliasName, Partition};
    use crate::observed::{Caller, Role};
    use crate::plan::plan;
    use crate::spec::Hardening;

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn spec(encryption: Encryption, tokens: &[&str]) -> SetupSpec {
        SetupSpec {
            account: "123456789012".parse().unwrap(),
            bucket: "acme".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            encryption,
            role: "export".parse().unwrap(),
            path: None,
            boundary: Some("arn:aws:iam::123456789012:policy/bounds".parse().unwrap()),
            tokens: tokens.iter().map(|token| token.parse().unwrap()).collect(),
            tags: vec![Tag::own("team", "data")],
            removed_ids: BTreeSet::new(),
            adopt: false,
            open_role: None,
            harden: Hardening::ALL.into(),
        }
    }

    fn nothing() -> Observed {
        Observed {
            caller: Caller {
                account: "123456789012".parse().unwrap(),
                arn: String::new(),
                partition: Partition::Aws,
            },
            bucket: None,
            role: None,
            policies: Vec::new(),
            unread: Vec::new(),
        }
    }

    fn encryptions() -> impl Strategy<Value = Encryption> {
        prop::sample::select(vec![
            Encryption::None,
            Encryption::Aes,
            Encryption::Kms(KmsKey::AwsManaged),
            Encryption::Kms(KmsKey::Own(KEY.parse().unwrap())),
            Encryption::Kms(KmsKey::New(AliasName::for_text("mixpanel-s3-export"))),
        ])
    }

    /// The next run finds the key that this one makes.
    fn later(spec: &SetupSpec) -> SetupSpec {
        let encryption = match &spec.encryption {
            Encryption::Kms(KmsKey::New(_)) => Encryption::Kms(KmsKey::Own(KEY.parse().unwrap())),
            other => other.clone(),
        };
        SetupSpec {
            encryption,
            ..spec.clone()
        }
    }

    fn done(spec: &SetupSpec, observed: &Observed) -> Observed {
        let key: KeyArn = KEY.parse().unwrap();
        projected(spec, observed, &plan(spec, observed).unwrap(), Some(&key))
    }

    fn tokens() -> impl Strategy<Value = Vec<&'static str>> {
        let all = vec![
            "0123456789abcdef0123456789abcdef",
            "fedcba9876543210fedcba9876543210",
            "00000000000000000000000000000001",
        ];
        prop::sample::subsequence(all, 1..=3)
    }

    proptest! {
        /// The plan says all that it does, and the world after it says all that the plan did.
        #[test]
        fn nothing_is_left_to_do_in_the_world_after_a_plan(
            first in encryptions(),
            second in encryptions(),
            before in tokens(),
            after in tokens(),
            loosened in any::<bool>(),
        ) {
            let spec = spec(first, &before);
            let world = done(&spec, &nothing());
            let again = plan(&later(&spec), &world).unwrap();
            prop_assert!(again.steps.is_empty(), "{:?}", again.steps);

            // The same of a set-up that is there and is changed.
            let mut there = world;
            if loosened {
                let bucket = there.bucket.as_mut().unwrap();
                bucket.policy = Reading::Known(None);
                bucket.public_access = Reading::Known(PublicAccess::none());
                bucket.lifecycle = Reading::Known(Lifecycle::default());
                there.role = there.role.map(|role| Role { attached: Vec::new(), boundary: None, ..role });
            }
            let changed = SetupSpec { encryption: second, ..self::spec(Encryption::None, &after) };
            let world = done(&changed, &there);
            let again = plan(&later(&changed), &world).unwrap();
            prop_assert!(again.steps.is_empty(), "{:?}", again.steps);
        }
    }
}
