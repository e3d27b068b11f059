//! What goes and what stays when a set-up is taken away, as a function of what is there. Pure: no AWS, no async, no
//! terminal.
//!
//! What this program made goes, where more than a tag proves it ([`crate::observed::role_owner`] and its neighbours).
//! What it only took over is given back: its mark comes off, and the thing stays, unless it is asked to go too. A role
//! that others have a part in stays whole (`holds`). The bucket stays unless it is ours and asked to go, and nobody can
//! write into it any more; data goes only with consent of its own. A key never goes: what it encrypted would be lost
//! with it.
//!
//! Policies are detached first, which ends Mixpanel's access at once, and the role goes last: as long as it stands, a
//! run that was cut short can be found and completed from it.

mod holds;

use crate::command_line::CommandLine;
use crate::names::{ADOPTED_BY_KEY, BUCKET_KEY, BucketName, ENCRYPTION_KEY, KeyArn, PolicyArn, RoleName};
use crate::observed::existing::{ExistingPolicy, ExistingSetup};
use crate::observed::{Owner, Policy, Reading, Role, owner, policy_owner, probe_name};
use crate::plan::{Change, Resource, Step};
use holds::Hold;

/// What is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeardownOptions {
    /// The role, whether or not it is still there.
    pub(crate) role: RoleName,
    /// Whether the bucket goes.
    pub(crate) bucket: bool,
    /// Whether what is in the bucket goes.
    pub(crate) data: bool,
    /// Whether what was taken over goes like what was made.
    pub(crate) adopted: bool,
}

/// What AWS is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Detach a policy from the role.
    DetachPolicy(PolicyArn),
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
    /// Remove the role that a live proof left, with what is attached to it and part of it.
    RemoveProbe(RoleName),
}

impl Removal {
    /// The bucket that it takes something of.
    pub(crate) fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::DeleteData(bucket) | Self::DeleteBucket(bucket) => Some(bucket),
            _ => None,
        }
    }
}

/// Something that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retained {
    /// What kind of thing.
    pub(crate) resource: Resource,
    /// Its name or ARN.
    pub(crate) id: String,
    /// Why.
    pub(crate) why: String,
    /// The command that removes it, or what stands in the way.
    pub(crate) command: Option<CommandLine>,
    /// Whether it was asked to go, so that the teardown is not complete.
    pub(crate) was_to_go: bool,
}

/// What goes, in an order in which it could go one by one, and what stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TeardownPlan {
    /// What goes.
    pub(crate) steps: Vec<Step<Removal>>,
    /// What stays.
    pub(crate) stays: Vec<Retained>,
}

impl TeardownPlan {
    /// What was asked to go and cannot.
    pub(crate) fn left(&self) -> impl Iterator<Item = &Retained> {
        self.stays.iter().filter(|stays| stays.was_to_go)
    }
}

/// What goes and what stays.
pub(crate) fn teardown(wish: &TeardownOptions, standing: &ExistingSetup) -> TeardownPlan {
    let mut planner = TeardownPlanner {
        wish,
        standing,
        leftover: standing.probe_left(&wish.role),
        teardown: TeardownPlan::default(),
    };
    planner.everything();
    planner.teardown
}

struct TeardownPlanner<'a> {
    wish: &'a TeardownOptions,
    standing: &'a ExistingSetup,
    /// The role that a live proof left, where it goes as well.
    leftover: Option<&'a Role>,
    teardown: TeardownPlan,
}

/// What becomes of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Goes,
    IsReleased,
    /// It is not ours to touch.
    IsLeftAlone,
    /// It would go, and something holds it.
    IsHeld(Vec<Hold>),
}

impl TeardownPlanner<'_> {
    fn everything(&mut self) {
        let standing = self.standing;
        let mut role_fate = standing.role.as_ref().map(|role| self.role_fate(role));
        let bucket_holds = self.bucket_holds(role_fate.as_ref());
        // As long as the bucket may yet go, what proves whose it is stays: a second run finds it.
        if role_fate == Some(Fate::Goes) && bucket_holds.iter().any(|hold| hold.may_pass) {
            role_fate = Some(Fate::IsHeld(vec![Hold::new(
                "it proves whose the bucket is, and the bucket cannot go yet; without --delete-bucket and \
                 --delete-data, the role goes",
            )]));
        }
        if matches!(role_fate, Some(Fate::IsLeftAlone | Fate::IsHeld(_))) {
            self.leftover = None;
        }
        let mut detached = match (&standing.role, &role_fate) {
            (Some(role), Some(fate)) => self.detach(role, fate),
            _ => Vec::new(),
        };
        detached.extend(self.probe());
        let bucket = self.bucket(bucket_holds, &detached);
        let before_policies: Vec<usize> = match bucket {
            Some(step) => vec![step],
            None => detached,
        };
        let mut before_role = before_policies.clone();
        for policy in &standing.policies {
            before_role.extend(self.policy(policy, role_fate.as_ref(), &before_policies));
        }
        if let (Some(role), Some(fate)) = (&standing.role, role_fate) {
            self.role(role, fate, before_role);
        }
        self.key();
    }

    /// The step after which the role that a live proof left is gone. Where the role stays, so does that one, and is
    /// named.
    fn probe(&mut self) -> Option<usize> {
        let role = &self.wish.role;
        let found = match &self.standing.probe {
            Reading::Known(None) => return None,
            Reading::Known(Some(found)) => found,
            Reading::Unreadable(unread) => {
                let name = probe_name(role)?.to_string();
                let why = format!("whether a live proof left it cannot be told, since {unread}");
                self.stays(Resource::Role, name, why, None, false);
                return None;
            }
        };
        let name = found.name.to_string();
        if self.leftover.is_some() {
            return Some(self.step(
                (Change::Delete, Resource::Role, name),
                "the role goes; a live proof that was cut short left it".to_owned(),
                Removal::RemoveProbe(found.name.clone()),
                Vec::new(),
            ));
        }
        let original = self.standing.original(role);
        if !original.is_named_by(found) {
            return None;
        }
        let differences = original.differences(found);
        let (why, command) = match differences.is_empty() {
            true => (
                "a live proof that was cut short left it".to_owned(),
                CommandLine::mixpanel_s3(["verify", "--live"]).option("--role", role),
            ),
            false => (
                format!(
                    "its tag says that a live proof left it, and it is not as one makes it: {}",
                    differences.join("; ")
                ),
                CommandLine::aws(["iam", "get-role"]).option("--role-name", &found.name),
            ),
        };
        self.stays(Resource::Role, name, why, Some(command), false);
        None
    }

    fn role_fate(&self, role: &Role) -> Fate {
        match owner(&role.tags) {
            Owner::Others => Fate::IsLeftAlone,
            Owner::Adopted if !self.wish.adopted => Fate::IsReleased,
            Owner::Us | Owner::Adopted => match self.holds_of_role(role) {
                none if none.is_empty() => Fate::Goes,
                holds => Fate::IsHeld(holds),
            },
        }
    }

    /// Whether a policy is one to remove: ours, and proved to be.
    fn is_removable(&self, policy: &Policy) -> bool {
        match policy_owner(policy) {
            Owner::Us => true,
            Owner::Adopted => self.wish.adopted,
            Owner::Others => false,
        }
    }

    /// Everything that is attached to a role that goes, and the policies that go from one that is given back.
    fn detach(&mut self, role: &Role, fate: &Fate) -> Vec<usize> {
        let arns: Vec<PolicyArn> = role
            .attached
            .iter()
            .filter(|arn| match fate {
                Fate::Goes => true,
                Fate::IsReleased => self.standing.policy(arn).is_some_and(|standing| {
                    self.is_removable(&standing.policy) && self.holds_of_policy(standing).is_empty()
                }),
                Fate::IsLeftAlone | Fate::IsHeld(_) => false,
            })
            .filter_map(|arn| arn.parse().ok())
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
        steps
    }

    /// Why the bucket stays, where it is asked to go or to be emptied.
    fn bucket_holds(&self, role: Option<&Fate>) -> Vec<Hold> {
        let asked = self.wish.bucket || self.wish.data;
        let bucket = self.standing.bucket.as_ref().filter(|_| asked);
        bucket.map_or_else(Vec::new, |bucket| self.holds_of_bucket(bucket, role))
    }

    /// The step after which the bucket is as it shall be. `depends_on` is what ends the role's access to it.
    fn bucket(&mut self, holds: Vec<Hold>, depends_on: &[usize]) -> Option<usize> {
        let bucket = self.standing.bucket.as_ref()?;
        let name = bucket.name.to_string();
        let TeardownOptions { bucket: goes, data, .. } = *self.wish;
        if !goes && !data {
            let mut why = match bucket.empty {
                Some(true) => {
                    "empty; --delete-bucket removes it, together with the role that proves whose it is".to_owned()
                }
                _ => "with what is in it".to_owned(),
            };
            let sharing = self.other_writers();
            if !sharing.is_empty() {
                why = format!(
                    "{why}; Mixpanel can write to it through another role too: {}",
                    sharing.join(", ")
                );
            }
            self.stays(Resource::Bucket, name, why, None, false);
            return None;
        }
        if !holds.is_empty() {
            self.held(Resource::Bucket, name, holds);
            return None;
        }
        let mut depends_on = depends_on.to_vec();
        let mut last = None;
        if data && bucket.empty != Some(true) {
            let step = self.step(
                (Change::Delete, Resource::Bucket, name.clone()),
                "everything in it goes: objects, versions, unfinished uploads".to_owned(),
                Removal::DeleteData(bucket.name.clone()),
                depends_on,
            );
            depends_on = vec![step];
            last = Some(step);
        }
        if goes {
            last = Some(self.step(
                (Change::Delete, Resource::Bucket, name),
                format!("the bucket goes, from {}", bucket.region),
                Removal::DeleteBucket(bucket.name.clone()),
                depends_on,
            ));
        } else {
            self.stays(Resource::Bucket, name, "emptied".to_owned(), None, false);
        }
        last
    }

    /// The step after which a policy is gone or released.
    fn policy(&mut self, standing: &ExistingPolicy, role_fate: Option<&Fate>, depends_on: &[usize]) -> Option<usize> {
        let policy = &standing.policy;
        let id = policy.arn.to_string();
        let attached = self
            .standing
            .role
            .as_ref()
            .is_some_and(|role| role.attached.iter().any(|attached| attached == policy.arn.as_str()));
        // What is attached to a role that stays whole stays with it.
        let held_by_role = attached && matches!(role_fate, Some(Fate::IsLeftAlone | Fate::IsHeld(_)));
        match owner(&policy.tags) {
            Owner::Others => return None,
            Owner::Adopted if !self.wish.adopted => {
                return match held_by_role {
                    true => None,
                    false => Some(self.release_policy(policy)),
                };
            }
            Owner::Us | Owner::Adopted => {}
        }
        let mut holds = self.holds_of_policy(standing);
        if held_by_role {
            let why = format!("role {} stays, and uses it", self.wish.role);
            holds.push(Hold::new(why));
        }
        if !holds.is_empty() {
            self.held(Resource::Policy, id, holds);
            return None;
        }
        let mut before = depends_on.to_vec();
        for version in policy.versions.iter().filter(|version| !version.is_default) {
            before.push(self.step(
                (Change::Delete, Resource::Policy, id.clone()),
                format!("version {} goes", version.id),
                Removal::DeletePolicyVersion {
                    arn: policy.arn.clone(),
                    version: version.id.clone(),
                },
                depends_on.to_vec(),
            ));
        }
        Some(self.step(
            (Change::Delete, Resource::Policy, id),
            "the policy goes".to_owned(),
            Removal::DeletePolicy(policy.arn.clone()),
            before,
        ))
    }

    fn release_policy(&mut self, policy: &Policy) -> usize {
        let id = policy.arn.to_string();
        self.stays(
            Resource::Policy,
            id.clone(),
            "somebody else made it: given back".to_owned(),
            None,
            false,
        );
        let keys = vec![ADOPTED_BY_KEY.to_owned()];
        self.step(
            (Change::Release, Resource::Policy, id),
            "given back: the tag adopted-by goes".to_owned(),
            Removal::ReleasePolicy(policy.arn.clone(), keys),
            Vec::new(),
        )
    }

    fn role(&mut self, role: &Role, fate: Fate, depends_on: Vec<usize>) {
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
                    depends_on,
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
                let marks = [ADOPTED_BY_KEY, ENCRYPTION_KEY, BUCKET_KEY];
                let keys: Vec<String> = marks
                    .iter()
                    .filter(|mark| role.tags.iter().any(|tag| tag.key == **mark))
                    .map(|mark| (*mark).to_owned())
                    .collect();
                self.step(
                    (Change::Release, Resource::Role, name),
                    format!("given back: the tags {} go", keys.join(", ")),
                    Removal::ReleaseRole(keys),
                    depends_on,
                );
            }
            Fate::IsLeftAlone => {
                let why = "it was not made by mixpanel-s3".to_owned();
                self.stays(Resource::Role, name, why, None, true);
            }
            Fate::IsHeld(holds) => self.held(Resource::Role, name, holds),
        }
    }

    /// Something that was to go stays, for all of these reasons.
    fn held(&mut self, resource: Resource, id: String, holds: Vec<Hold>) {
        let why: Vec<String> = holds.iter().map(|hold| hold.why.clone()).collect();
        let command = holds.into_iter().find_map(|hold| hold.command);
        self.stays(resource, id, why.join("; "), command, true);
    }

    fn key(&mut self) {
        let Some(key) = &self.standing.key else {
            return;
        };
        // Whoever may make aliases can point this one at any key: the command that deletes it is told of a key of ours
        // only.
        let (why, command) = match &key.objection {
            None => (
                "a key is never removed here: what it encrypted could not be read any more".to_owned(),
                Some(key_deletion(&key.arn)),
            ),
            Some(objection) => (
                format!("it has the alias of this set-up's key and is not known to be that one: {objection}"),
                None,
            ),
        };
        self.stays(Resource::Key, key.arn.to_string(), why, command, false);
    }

    fn step(
        &mut self,
        (change, resource, id): (Change, Resource, String),
        summary: String,
        action: Removal,
        depends_on: Vec<usize>,
    ) -> usize {
        self.teardown.steps.push(Step {
            change,
            resource,
            id,
            summary,
            action,
            depends_on,
            diff: None,
        });
        self.teardown.steps.len() - 1
    }

    fn stays(&mut self, resource: Resource, id: String, why: String, command: Option<CommandLine>, was_to_go: bool) {
        self.teardown.stays.push(Retained {
            resource,
            id,
            why,
            command,
            was_to_go,
        });
    }
}

/// The command that has KMS delete a key, at the latest date that KMS takes.
pub(crate) fn key_deletion(key: &KeyArn) -> CommandLine {
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
mod tests;
