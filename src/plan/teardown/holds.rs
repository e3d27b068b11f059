//! What holds back something that was to go: what others have in it, and what is not proved.

use super::{Fate, TeardownOptions, TeardownPlanner};
use crate::command_line::CommandLine;
use crate::names::{ADOPTED_BY_KEY, RoleName};
use crate::observed::existing::{ExistingBucket, ExistingPolicy};
use crate::observed::{Owner, Reading, Role, owner, policy_owner, role_owner};
use crate::policy::trust::Trust;

/// A reason why something stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hold {
    /// Why, in words that go on from the thing's name.
    pub(super) why: String,
    /// What shows it, or removes it.
    pub(super) command: Option<CommandLine>,
    /// Whether a later run may find otherwise: something could not be read, or was not asked for.
    pub(super) may_pass: bool,
}

impl Hold {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            command: None,
            may_pass: false,
        }
    }

    fn that_may_pass(why: impl Into<String>) -> Self {
        Self {
            may_pass: true,
            ..Self::new(why)
        }
    }

    fn with(mut self, command: CommandLine) -> Self {
        self.command = Some(command);
        self
    }
}

impl TeardownPlanner<'_> {
    /// Why a role that is marked as this program's stays, whole.
    pub(super) fn holds_of_role(&self, role: &Role) -> Vec<Hold> {
        let mut holds = Vec::new();
        if role_owner(role) == Owner::Others {
            holds.push(
                Hold::new(
                    "its tags say that mixpanel-s3 made it, and it does not trust Mixpanel: a tag alone proves nothing",
                )
                .with(of_role("get-role", role)),
            );
        }
        let others = Trust::new(&role.trust, &role.arn).others();
        if !others.is_empty() {
            holds.push(Hold::new(format!("others may use it: {}", others.join(", "))).with(of_role("get-role", role)));
        }
        holds.extend(self.hold_of_profiles(role));
        let foreign: Vec<&str> = role
            .attached
            .iter()
            .map(String::as_str)
            .filter(|arn| self.is_foreign(arn))
            .collect();
        if let Some(first) = foreign.first() {
            holds.push(
                Hold::new(format!(
                    "mixpanel-s3 did not make what is attached to it: {}",
                    foreign.join(", ")
                ))
                .with(of_role("detach-role-policy", role).option("--policy-arn", first)),
            );
        }
        let inline: Vec<&str> = role.inline.iter().map(|policy| policy.name.as_str()).collect();
        if let Some(first) = inline.first() {
            holds.push(
                Hold::new(format!(
                    "mixpanel-s3 did not make what is part of it: inline policy {}",
                    inline.join(", ")
                ))
                .with(of_role("delete-role-policy", role).option("--policy-name", first)),
            );
        }
        let attached = role.attached.iter();
        for standing in attached.filter_map(|arn| self.standing.policy(arn)) {
            if self.is_removable(&standing.policy) {
                holds.extend(self.holds_of_use(standing));
            }
        }
        holds
    }

    /// A role in an instance profile is somebody's machine.
    fn hold_of_profiles(&self, role: &Role) -> Option<Hold> {
        match &self.standing.instance_profiles {
            Reading::Known(profiles) => {
                let first = profiles.first()?;
                Some(
                    Hold::new(format!("it is in the instance profile {}", profiles.join(", "))).with(
                        of_role("remove-role-from-instance-profile", role).option("--instance-profile-name", first),
                    ),
                )
            }
            Reading::Unreadable(denied) => Some(Hold::new(format!(
                "whether it is in an instance profile cannot be told, since {denied}"
            ))),
        }
    }

    /// Whether a policy that is attached to a role is neither this program's nor one that it took over.
    fn is_foreign(&self, arn: &str) -> bool {
        match self.standing.policy(arn) {
            None => true,
            Some(standing) => match owner(&standing.policy.tags) {
                // It is given back, and only its mark comes off.
                Owner::Adopted if !self.wish.adopted => false,
                _ => policy_owner(&standing.policy) == Owner::Others,
            },
        }
    }

    /// Why a policy that is marked as this program's stays.
    pub(super) fn holds_of_policy(&self, standing: &ExistingPolicy) -> Vec<Hold> {
        let policy = &standing.policy;
        let mut holds = Vec::new();
        if !self.is_removable(policy) {
            let in_force = policy.versions.iter().find(|version| version.is_default);
            let tag = match owner(&policy.tags) {
                Owner::Adopted => {
                    format!("its tag {ADOPTED_BY_KEY} says that mixpanel-s3 took it over")
                }
                _ => "its tags say that mixpanel-s3 made it".to_owned(),
            };
            holds.push(
                Hold::new(format!(
                    "{tag}, and it says more than Mixpanel's page does: a tag alone proves nothing"
                ))
                .with(
                    CommandLine::aws(["iam", "get-policy-version"])
                        .option("--policy-arn", &policy.arn)
                        .option("--version-id", in_force.map_or("v1", |version| &version.id)),
                ),
            );
        }
        holds.extend(self.holds_of_use(standing));
        holds
    }

    fn holds_of_use(&self, standing: &ExistingPolicy) -> Option<Hold> {
        let arn = &standing.policy.arn;
        let name = arn.policy_name();
        let why = match &standing.others {
            Reading::Known(others) => {
                // What goes in the same teardown does not use it any more.
                let goes = self.leftover.map(|probe| format!("role {}", probe.name));
                let others: Vec<&str> = others
                    .iter()
                    .filter(|user| Some(*user) != goes.as_ref())
                    .map(String::as_str)
                    .collect();
                if others.is_empty() {
                    return None;
                }
                format!("something else still uses policy {name}: {}", others.join(", "))
            }
            Reading::Unreadable(denied) => {
                format!("who else uses policy {name} cannot be told, since {denied}")
            }
        };
        let command = CommandLine::aws(["iam", "list-entities-for-policy"]).option("--policy-arn", arn);
        Some(Hold::new(why).with(command))
    }

    /// Why a bucket stays, with what is in it. A name that is given up while Mixpanel goes on writing to it is
    /// anybody's to claim.
    pub(super) fn holds_of_bucket(&self, bucket: &ExistingBucket, role: Option<&Fate>) -> Vec<Hold> {
        let name = &bucket.name;
        match bucket.owner {
            Some(Owner::Us) => {}
            Some(_) => return vec![Hold::new("it was not made by mixpanel-s3")],
            None => {
                let why = "its tags cannot be read, so nobody can tell whether mixpanel-s3 made it";
                return vec![Hold::that_may_pass(why)];
            }
        }
        let mut holds = Vec::new();
        if !self.standing.bucket_is_named() {
            holds.push(
                Hold::new(
                    "its tags say that mixpanel-s3 made it, and no policy of a role of this set-up names it: a tag \
                     alone proves nothing",
                )
                .with(CommandLine::aws(["s3", "rb"]).value(format!("s3://{name}"))),
            );
        }
        let goes_too = matches!(role, Some(Fate::Goes));
        match &self.standing.writers {
            Reading::Unreadable(denied) => holds.push(Hold::that_may_pass(format!(
                "whether Mixpanel can still write to it through another role cannot be told, since {denied}"
            ))),
            Reading::Known(writers) => {
                for writer in writers {
                    if goes_too && self.is_own(&writer.role) {
                        continue;
                    }
                    let why = match &writer.unread {
                        None => format!(
                            "Mixpanel can still write to it through role {}, which stays",
                            writer.role
                        ),
                        Some(denied) => format!(
                            "Mixpanel may still write to it through role {}, which stays and whose policies cannot \
                             all be read ({denied})",
                            writer.role
                        ),
                    };
                    let hold = Hold {
                        may_pass: writer.unread.is_some(),
                        ..Hold::new(why)
                    };
                    holds.push(match self.is_own(&writer.role) {
                        // What holds the role itself is told beside it.
                        true => hold,
                        false => hold.with(CommandLine::mixpanel_s3(["teardown"]).option("--role", &writer.role)),
                    });
                }
            }
        }
        if !bucket.outside_writers.is_empty() {
            let who = bucket.outside_writers.join(", ");
            let why = format!(
                "its own policy lets others write to it, and whether Mixpanel does so through them cannot be told: \
                 {who}"
            );
            let policy = CommandLine::aws(["s3api", "get-bucket-policy"]).option("--bucket", name);
            holds.push(Hold::that_may_pass(why).with(policy));
        }
        let TeardownOptions { bucket: goes, data, .. } = *self.wish;
        if goes && !data && bucket.empty == Some(false) {
            let why = "it is not empty; --delete-data removes what is in it";
            holds.push(Hold::that_may_pass(why));
        }
        holds
    }

    /// The other roles through which Mixpanel can write to the bucket, as far as they are known.
    pub(super) fn other_writers(&self) -> Vec<String> {
        let writers = self.standing.writers.known().into_iter().flatten();
        writers
            .filter(|writer| !self.is_own(&writer.role))
            .map(|writer| writer.role.to_string())
            .collect()
    }

    fn is_own(&self, role: &RoleName) -> bool {
        let own = self.standing.role.as_ref().map(|own| &own.name);
        own == Some(role)
    }
}

/// A call of IAM's about a role.
fn of_role(operation: &'static str, role: &Role) -> CommandLine {
    CommandLine::aws(["iam", operation]).option("--role-name", &role.name)
}
