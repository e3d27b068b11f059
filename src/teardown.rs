//! What goes and what stays when a set-up is taken away, as a function of what is there. Pure: no AWS, no async, no terminal.
//!
//! What this program made goes: the role, and the policies that nothing else uses. What it only took over is given back: its
//! mark comes off, and the thing stays, unless it is asked to go too. The bucket stays unless it is ours and asked to go, and
//! data goes only with consent of its own. A key never goes: what it encrypted would be lost with it.
//!
//! Policies are detached first, which ends Mixpanel's access at once, and the role goes last: as long as it stands, a run that
//! was cut short can be found and completed from it.

use crate::command_line::CommandLine;
use crate::names::{
    ADOPTED_BY_KEY, AccountId, BucketName, ENCRYPTION_KEY, KeyArn, PolicyArn, Region, RoleName,
};
use crate::observed::{Owner, Policy, Role, owner};
use crate::plan::{Change, Resource, Step};

/// What is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The role, whether or not it is still there.
    pub role: RoleName,
    /// Whether the bucket goes.
    pub bucket: bool,
    /// Whether what is in the bucket goes.
    pub data: bool,
    /// Whether what was taken over goes like what was made.
    pub adopted: bool,
}

/// What is there of a set-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The account that everything is in.
    pub account: AccountId,
    /// The role, if it is there.
    pub role: Option<Role>,
    /// The names of the instance profiles that hold the role.
    pub instance_profiles: Vec<String>,
    /// The policies of the set-up's own names, and those that are attached to the role, as far as they can be read.
    pub policies: Vec<StandingPolicy>,
    /// The bucket, if it is known and there.
    pub bucket: Option<StandingBucket>,
    /// The key that setup made, if it made one.
    pub key: Option<KeyArn>,
}

impl Standing {
    /// Whether anything but the bucket is there.
    pub fn has_something(&self) -> bool {
        self.role.is_some() || !self.policies.is_empty()
    }

    /// Whether anything is there that bears this program's mark, the role left aside.
    pub fn has_something_of_ours(&self) -> bool {
        let marked = |policy: &StandingPolicy| owner(&policy.policy.tags) != Owner::Others;
        let bucket = self.bucket.as_ref().and_then(|bucket| bucket.owner);
        self.policies.iter().any(marked) || bucket == Some(Owner::Us)
    }
}

/// A policy, and who uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingPolicy {
    /// The policy.
    pub policy: Policy,
    /// Who uses it besides the role: `role x`, `user y`, `group z`. Empty where the caller may not ask; IAM refuses to delete
    /// a policy in use all the same.
    pub others: Vec<String>,
}

/// A bucket of a set-up.
#[derive(Debug, Clone, PartialEq)]
pub struct StandingBucket {
    /// Its name.
    pub name: BucketName,
    /// Where it is.
    pub region: Region,
    /// Whose it is; `None` where its tags cannot be read.
    pub owner: Option<Owner>,
    /// Whether it is empty; `None` where the caller may not look. S3 refuses to delete a bucket that is not, all the same.
    pub empty: Option<bool>,
}

/// What AWS is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Detach a policy from the role.
    DetachPolicy(PolicyArn),
    /// Remove an inline policy of the role.
    DeleteInlinePolicy(String),
    /// Remove everything in the bucket.
    DeleteData(BucketName),
    /// Remove the bucket.
    DeleteBucket(BucketName),
    /// Remove a version that is not in force.
    DeletePolicyVersion {
        /// The policy.
        arn: PolicyArn,
        /// The version's ID.
        version: String,
    },
    /// Remove a policy.
    DeletePolicy(PolicyArn),
    /// Take this program's mark off a policy.
    ReleasePolicy(PolicyArn, Vec<String>),
    /// Remove the role.
    DeleteRole,
    /// Take this program's marks off the role.
    ReleaseRole(Vec<String>),
}

/// Something that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stays {
    /// What kind of thing.
    pub resource: Resource,
    /// Its name or ARN.
    pub id: String,
    /// Why.
    pub why: String,
    /// The command that removes it, or what stands in the way.
    pub command: Option<CommandLine>,
    /// Whether it was asked to go, so that the teardown is not complete.
    pub was_to_go: bool,
}

/// What goes, in an order in which it could go one by one, and what stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Teardown {
    /// What goes.
    pub steps: Vec<Step<Removal>>,
    /// What stays.
    pub stays: Vec<Stays>,
}

impl Teardown {
    /// What was asked to go and cannot.
    pub fn left(&self) -> impl Iterator<Item = &Stays> {
        self.stays.iter().filter(|stays| stays.was_to_go)
    }
}

/// What goes and what stays.
pub fn teardown(wish: &Wish, standing: &Standing) -> Teardown {
    let mut planner = Planner {
        wish,
        standing,
        teardown: Teardown::default(),
    };
    planner.everything();
    planner.teardown
}

struct Planner<'a> {
    wish: &'a Wish,
    standing: &'a Standing,
    teardown: Teardown,
}

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Goes,
    IsReleased,
    IsLeftAlone,
}

impl Planner<'_> {
    fn everything(&mut self) {
        let standing = self.standing;
        let role_fate = standing.role.as_ref().map(|role| self.role_fate(role));
        let detached = match (&standing.role, role_fate) {
            (Some(role), Some(fate)) => self.detach(role, fate),
            _ => Vec::new(),
        };
        let bucket = self.bucket(&detached);
        let before_policies: Vec<usize> = match bucket {
            Some(step) => vec![step],
            None => detached,
        };
        let mut before_role = before_policies.clone();
        for policy in &standing.policies {
            before_role.extend(self.policy(policy, role_fate, &before_policies));
        }
        if let (Some(role), Some(fate)) = (&standing.role, role_fate) {
            self.role(role, fate, before_role);
        }
        self.key();
    }

    fn fate(&self, owner: Owner) -> Fate {
        match owner {
            Owner::Us => Fate::Goes,
            Owner::Adopted if self.wish.adopted => Fate::Goes,
            Owner::Adopted => Fate::IsReleased,
            Owner::Others => Fate::IsLeftAlone,
        }
    }

    /// A role in an instance profile is somebody's machine.
    fn role_fate(&self, role: &Role) -> Fate {
        match self.fate(owner(&role.tags)) {
            Fate::Goes if !self.standing.instance_profiles.is_empty() => Fate::IsLeftAlone,
            fate => fate,
        }
    }

    /// Everything that is attached to a role that goes, and the policies that we made and that are attached to one that is
    /// given back.
    fn detach(&mut self, role: &Role, fate: Fate) -> Vec<usize> {
        let made = |arn: &PolicyArn| {
            let mut policies = self.standing.policies.iter();
            policies.any(|standing| {
                standing.policy.arn == *arn && owner(&standing.policy.tags) == Owner::Us
            })
        };
        let arns: Vec<PolicyArn> = role
            .attached
            .iter()
            .filter_map(|arn| arn.parse().ok())
            .filter(|arn| match fate {
                Fate::Goes => true,
                Fate::IsReleased => made(arn),
                Fate::IsLeftAlone => false,
            })
            .collect();
        let mut steps = Vec::new();
        for arn in arns {
            steps.push(self.step(
                (Change::Detach, Resource::Policy, arn.to_string()),
                format!("from role {}", self.wish.role),
                Removal::DetachPolicy(arn),
                Vec::new(),
            ));
        }
        if fate == Fate::Goes {
            for policy in &role.inline {
                steps.push(self.step(
                    (Change::Delete, Resource::Role, role.name.to_string()),
                    format!("inline policy {} goes", policy.name),
                    Removal::DeleteInlinePolicy(policy.name.clone()),
                    Vec::new(),
                ));
            }
        }
        steps
    }

    /// The step after which the bucket is as it shall be.
    fn bucket(&mut self, after: &[usize]) -> Option<usize> {
        let bucket = self.standing.bucket.as_ref()?;
        let name = bucket.name.to_string();
        let Wish {
            bucket: goes, data, ..
        } = *self.wish;
        if !goes && !data {
            let why = match bucket.empty {
                Some(true) => "empty; --delete-bucket removes it",
                _ => "with what is in it",
            };
            self.stays(Resource::Bucket, name, why.to_owned(), None, false);
            return None;
        }
        if bucket.owner != Some(Owner::Us) {
            let why = match bucket.owner {
                Some(_) => "it was not made by mixpanel-s3",
                None => "its tags cannot be read, so nobody can tell whether mixpanel-s3 made it",
            };
            self.stays(Resource::Bucket, name, why.to_owned(), None, true);
            return None;
        }
        let mut after = after.to_vec();
        let mut last = None;
        if data && bucket.empty != Some(true) {
            let step = self.step(
                (Change::Delete, Resource::Bucket, name.clone()),
                "everything in it goes: objects, versions, unfinished uploads".to_owned(),
                Removal::DeleteData(bucket.name.clone()),
                after,
            );
            after = vec![step];
            last = Some(step);
        }
        if goes && !data && bucket.empty == Some(false) {
            let why = "it is not empty; --delete-data removes what is in it".to_owned();
            self.stays(Resource::Bucket, name, why, None, true);
            return None;
        }
        if goes {
            last = Some(self.step(
                (Change::Delete, Resource::Bucket, name),
                format!("the bucket goes, from {}", bucket.region),
                Removal::DeleteBucket(bucket.name.clone()),
                after,
            ));
        } else {
            self.stays(Resource::Bucket, name, "emptied".to_owned(), None, false);
        }
        last
    }

    /// The step after which a policy is gone or released.
    fn policy(
        &mut self,
        standing: &StandingPolicy,
        role_fate: Option<Fate>,
        after: &[usize],
    ) -> Option<usize> {
        let StandingPolicy { policy, others } = standing;
        let id = policy.arn.to_string();
        let whose = owner(&policy.tags);
        let attached = self.standing.role.as_ref().is_some_and(|role| {
            role.attached
                .iter()
                .any(|attached| attached == policy.arn.as_str())
        });
        let held_by_role = attached
            && match role_fate {
                Some(Fate::Goes) => false,
                Some(Fate::IsReleased) => whose != Owner::Us,
                _ => true,
            };
        match self.fate(whose) {
            Fate::IsLeftAlone => None,
            Fate::IsReleased => {
                self.stays(
                    Resource::Policy,
                    id.clone(),
                    "somebody else made it: given back".to_owned(),
                    None,
                    false,
                );
                let keys = vec![ADOPTED_BY_KEY.to_owned()];
                Some(self.step(
                    (Change::Release, Resource::Policy, id),
                    "given back: the tag adopted-by goes".to_owned(),
                    Removal::ReleasePolicy(policy.arn.clone(), keys),
                    Vec::new(),
                ))
            }
            Fate::Goes if !others.is_empty() => {
                let why = format!("something else still uses it: {}", others.join(", "));
                let command = CommandLine::aws(["iam", "list-entities-for-policy"])
                    .option("--policy-arn", &policy.arn);
                self.stays(Resource::Policy, id, why, Some(command), true);
                None
            }
            Fate::Goes if held_by_role => {
                let why = format!("role {} stays, and uses it", self.wish.role);
                self.stays(Resource::Policy, id, why, None, true);
                None
            }
            Fate::Goes => {
                let mut before = after.to_vec();
                for version in policy.versions.iter().filter(|version| !version.is_default) {
                    before.push(self.step(
                        (Change::Delete, Resource::Policy, id.clone()),
                        format!("version {} goes", version.id),
                        Removal::DeletePolicyVersion {
                            arn: policy.arn.clone(),
                            version: version.id.clone(),
                        },
                        after.to_vec(),
                    ));
                }
                Some(self.step(
                    (Change::Delete, Resource::Policy, id),
                    "the policy goes".to_owned(),
                    Removal::DeletePolicy(policy.arn.clone()),
                    before,
                ))
            }
        }
    }

    fn role(&mut self, role: &Role, fate: Fate, after: Vec<usize>) {
        let name = role.name.to_string();
        match fate {
            Fate::Goes => {
                let used = match &role.last_used {
                    Some(date) => format!("the role goes; it was last used on {}", day(date)),
                    None => "the role goes".to_owned(),
                };
                self.step(
                    (Change::Delete, Resource::Role, name),
                    used,
                    Removal::DeleteRole,
                    after,
                );
            }
            Fate::IsReleased => {
                self.stays(
                    Resource::Role,
                    name.clone(),
                    "somebody else made it: given back. Mixpanel can still assume it; --include-adopted removes it"
                        .to_owned(),
                    None,
                    false,
                );
                let marks = [ADOPTED_BY_KEY, ENCRYPTION_KEY];
                let keys: Vec<String> = marks
                    .iter()
                    .filter(|mark| role.tags.iter().any(|tag| tag.key == **mark))
                    .map(|mark| (*mark).to_owned())
                    .collect();
                self.step(
                    (Change::Release, Resource::Role, name),
                    format!("given back: the tags {} go", keys.join(", ")),
                    Removal::ReleaseRole(keys),
                    after,
                );
            }
            Fate::IsLeftAlone => {
                let profiles = &self.standing.instance_profiles;
                let (why, command) = match profiles.first() {
                    Some(first) if owner(&role.tags) != Owner::Others => (
                        format!("it is in the instance profile {}", profiles.join(", ")),
                        Some(
                            CommandLine::aws(["iam", "remove-role-from-instance-profile"])
                                .option("--role-name", &name)
                                .option("--instance-profile-name", first),
                        ),
                    ),
                    _ => ("it was not made by mixpanel-s3".to_owned(), None),
                };
                self.stays(Resource::Role, name, why, command, true);
            }
        }
    }

    fn key(&mut self) {
        let Some(key) = &self.standing.key else {
            return;
        };
        let command = key_deletion(key);
        self.stays(
            Resource::Key,
            key.to_string(),
            "a key is never removed here: what it encrypted could not be read any more".to_owned(),
            Some(command),
            false,
        );
    }

    fn step(
        &mut self,
        (change, resource, id): (Change, Resource, String),
        summary: String,
        action: Removal,
        after: Vec<usize>,
    ) -> usize {
        self.teardown.steps.push(Step {
            change,
            resource,
            id,
            summary,
            action,
            after,
            diff: None,
        });
        self.teardown.steps.len() - 1
    }

    fn stays(
        &mut self,
        resource: Resource,
        id: String,
        why: String,
        command: Option<CommandLine>,
        was_to_go: bool,
    ) {
        self.teardown.stays.push(Stays {
            resource,
            id,
            why,
            command,
            was_to_go,
        });
    }
}

/// The command that has KMS delete a key, at the latest date that KMS takes.
pub fn key_deletion(key: &KeyArn) -> CommandLine {
    CommandLine::aws(["kms", "schedule-key-deletion"])
        .option("--region", key.region())
        .option("--key-id", key)
        .option("--pending-window-in-days", 30)
}

/// The date of a time in RFC 3339.
fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::{IamPath, Partition, Tag};
    use crate::observed::{InlinePolicy, Others, Version};
    use crate::policy::build;

    fn tags(owner: Owner) -> Vec<Tag> {
        match owner {
            Owner::Us => vec![Tag::managed_by()],
            Owner::Adopted => vec![Tag::adopted_by(), "team=data".parse().unwrap()],
            Owner::Others => vec!["managed-by-somebody=else".parse().unwrap()],
        }
    }

    fn owners() -> impl Strategy<Value = Owner> {
        prop::sample::select(vec![Owner::Us, Owner::Adopted, Owner::Others])
    }

    fn standing(
        role: Option<Owner>,
        policies: &[(Owner, bool, bool)],
        bucket: Option<(Option<Owner>, Option<bool>)>,
        in_profile: bool,
    ) -> Standing {
        let account: AccountId = "123456789012".parse().unwrap();
        let name: BucketName = "acme-export".parse().unwrap();
        let arn = |index: usize| {
            PolicyArn::of(
                Partition::Aws,
                &account,
                &IamPath::root(),
                &format!("p{index}"),
            )
        };
        let document = build::data(&name);
        let versions = ["v1", "v2"].map(|id| Version {
            id: id.into(),
            is_default: id == "v2",
        });
        let attached = policies
            .iter()
            .enumerate()
            .filter(|(_, (_, attached, _))| *attached);
        let attached = attached.map(|(index, _)| arn(index).to_string()).collect();
        Standing {
            role: role.map(|owner| Role {
                name: "export".parse().unwrap(),
                id: "AROAEXAMPLE".into(),
                arn: "arn:aws:iam::123456789012:role/export".parse().unwrap(),
                path: IamPath::root(),
                trust: build::trust(&["aa".to_owned()].into()),
                tags: tags(owner),
                boundary: None,
                last_used: None,
                attached,
                inline: vec![InlinePolicy {
                    name: "inline".into(),
                    document: document.clone(),
                }],
                aws_managed: Vec::new(),
            }),
            instance_profiles: in_profile
                .then(|| "machine".to_owned())
                .into_iter()
                .collect(),
            policies: policies
                .iter()
                .enumerate()
                .map(|(index, (owner, _, used))| StandingPolicy {
                    policy: Policy {
                        arn: arn(index),
                        tags: tags(*owner),
                        document: document.clone(),
                        versions: versions.to_vec(),
                        uses: None,
                        others: Others::Unasked,
                    },
                    others: used
                        .then(|| "role another".to_owned())
                        .into_iter()
                        .collect(),
                })
                .collect(),
            bucket: bucket.map(|(owner, empty)| StandingBucket {
                name,
                region: "eu-west-1".parse().unwrap(),
                owner,
                empty,
            }),
            key: None,
            account,
        }
    }

    proptest! {
        #[test]
        fn only_what_is_ours_goes(
            role in prop::option::of(owners()),
            policies in prop::collection::vec((owners(), any::<bool>(), any::<bool>()), 0..4),
            bucket in prop::option::of((prop::option::of(owners()), prop::option::of(any::<bool>()))),
            in_profile in any::<bool>(),
            wish in (any::<bool>(), any::<bool>(), any::<bool>()),
        ) {
            let standing = standing(role, &policies, bucket, in_profile);
            let wish = Wish { role: "export".parse().unwrap(), bucket: wish.0, data: wish.1, adopted: wish.2 };
            let result = teardown(&wish, &standing);
            let may_go = |owner: Owner| owner == Owner::Us || (wish.adopted && owner == Owner::Adopted);
            let policy = |arn: &PolicyArn| {
                let index = standing.policies.iter().position(|known| known.policy.arn == *arn);
                index.map(|index| policies[index])
            };
            for (index, step) in result.steps.iter().enumerate() {
                prop_assert!(step.after.iter().all(|before| *before < index), "an order in which it could go");
                match &step.action {
                    Removal::DeleteRole | Removal::DeleteInlinePolicy(_) => {
                        prop_assert!(role.is_some_and(may_go) && !in_profile);
                    }
                    Removal::ReleaseRole(keys) => {
                        prop_assert_eq!(role, Some(Owner::Adopted));
                        prop_assert!(keys.iter().all(|key| key != "team"));
                    }
                    Removal::DeletePolicy(arn) => {
                        let (owner, _, used) = policy(arn).unwrap();
                        prop_assert!(may_go(owner) && !used);
                    }
                    Removal::DeletePolicyVersion { arn, version } => {
                        prop_assert!(may_go(policy(arn).unwrap().0));
                        prop_assert_eq!(version, "v1");
                    }
                    Removal::ReleasePolicy(arn, _) => {
                        prop_assert_eq!(policy(arn).unwrap().0, Owner::Adopted);
                    }
                    // From a role that goes, everything; from one that stays, only what we made.
                    Removal::DetachPolicy(arn) => {
                        let made = policy(arn).is_some_and(|(owner, ..)| owner == Owner::Us);
                        prop_assert!(role.is_some_and(may_go) || (role == Some(Owner::Adopted) && made));
                    }
                    Removal::DeleteData(_) => {
                        prop_assert!(wish.data && bucket.unwrap().0 == Some(Owner::Us));
                    }
                    Removal::DeleteBucket(_) => {
                        prop_assert!(wish.bucket && bucket.unwrap().0 == Some(Owner::Us));
                    }
                }
            }
        }
    }
}
