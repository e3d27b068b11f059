//! The policies' part of a plan: what grants Mixpanel its access, found by what it says.

use super::{
    Action, Change, Conflict, Difference, Planner, PolicyDocument, Remedy, Resource, Step, description, tags_difference,
};
use crate::names::PolicyArn;
use crate::observed::{InlinePolicy, Owner, Policy, owner};
use crate::policy::compare::same_meaning;
use crate::policy::merge::{SameSid, with_document};
use crate::policy::{Document, read};
use crate::spec::policy_arn;

/// One of the two documents of Mixpanel's page that the role needs.
pub(super) struct RequiredPolicy {
    /// What it is called.
    pub(super) what: &'static str,
    /// The name under which this program makes a policy of it.
    pub(super) name: String,
    /// What it says; a placeholder stands for a key that is yet to be made.
    pub(super) page: Document,
    /// Whether it names the key that this plan makes.
    pub(super) for_new_key: bool,
    /// The step that has to be done before.
    pub(super) depends_on: Option<usize>,
}

impl RequiredPolicy {
    /// What to say of a document that grants it.
    fn is_met_by(&self, document: &Document) -> String {
        match same_meaning(document, &self.page) {
            true => format!("{}, as it should be", self.what),
            false => format!("it grants what {} grants, and says more", self.what),
        }
    }
}

/// A customer-managed policy that the role needs: its ARN, and the step that makes it, if it is not there yet.
pub(super) type PolicyAndStep = (PolicyArn, Option<usize>);

impl Planner<'_> {
    /// Finds or makes what grants a need. The answer is the policy that has to be attached, if it is not part of the
    /// role.
    pub(super) fn ensure(&mut self, need: RequiredPolicy) -> Option<PolicyAndStep> {
        let arn = policy_arn(&self.spec.account, &self.path(), &need.name);
        let observed = self.observed;
        if let Some(present) = observed.policy(&arn) {
            self.present_policy(&need, present);
            return Some((arn, None));
        }
        let inline = || observed.role.iter().flat_map(|role| &role.inline);
        if let Some(policy) = observed
            .attached_policies()
            .find(|policy| read::covers(&policy.document, &need.page))
        {
            self.present_policy(&need, policy);
            return Some((policy.arn.clone(), None));
        }
        if let Some(policy) = inline().find(|policy| read::covers(&policy.document, &need.page)) {
            self.present_inline(&need, policy);
            return None;
        }
        let speaking = observed
            .attached_policies()
            .find(|policy| speaks_of(&policy.document, &need.page));
        match speaking.map(|policy| (policy, policy.used_elsewhere(true))) {
            Some((policy, None)) => {
                self.present_policy(&need, policy);
                return Some((policy.arn.clone(), None));
            }
            // What it said to this role, it would say to those as well.
            Some((policy, Some(others))) => self.keep(
                Resource::Policy,
                &policy.arn,
                format!("left as it is, since others use it too: {others}"),
            ),
            None => {}
        }
        if let Some(policy) = inline().find(|policy| speaks_of(&policy.document, &need.page)) {
            self.present_inline(&need, policy);
            return None;
        }
        let action = Action::CreatePolicy {
            arn: arn.clone(),
            path: self.path(),
            description: description(&self.spec.bucket, "policy"),
            document: match need.for_new_key {
                true => PolicyDocument::KmsForNewKey { into: None },
                false => PolicyDocument::Ready(need.page),
            },
            tags: self.spec.all_tags(),
        };
        let depends_on = need.depends_on.into_iter().collect();
        let created = self.policy_step(&arn, Change::Create, need.what, action, depends_on, None);
        Some((arn, Some(created)))
    }

    /// A customer-managed policy that is there: as it should be, or to be completed, or in the way.
    fn present_policy(&mut self, need: &RequiredPolicy, present: &Policy) {
        let whose = owner(&present.tags);
        let ours = whose != Owner::Others || self.spec.adopt;
        let wanted = merged(need, &present.document, whose);
        let differs = !same_meaning(&present.document, &wanted);
        let diff = Some(Difference::of_documents(&present.document, &wanted));
        let written = read::buckets_written([&present.document]);
        let conflict = |difference: String, diff, remedy| Conflict {
            resource: Resource::Policy,
            id: present.arn.to_string(),
            difference,
            diff,
            remedy,
        };
        let attached = self.observed.attached_policies();
        let attached = attached.into_iter().any(|policy| policy.arn == present.arn);
        let others = present.used_elsewhere(attached);
        if differs && !written.is_empty() && !written.contains(&self.spec.bucket) {
            let names: Vec<&str> = written.iter().map(|bucket| bucket.as_str()).collect();
            self.conflicts.push(conflict(
                format!(
                    "it grants another bucket, {}, to which Mixpanel may be writing",
                    names.join(", ")
                ),
                None,
                Remedy::None,
            ));
        } else if differs && !ours {
            self.conflicts.push(conflict(
                "it is not tagged as made by mixpanel-s3, and it says something else".into(),
                diff,
                Remedy::Adopt,
            ));
        } else if let Some(others) = others.as_ref().filter(|_| differs) {
            self.conflicts.push(conflict(
                format!(
                    "it says something else, and others use it too ({others}): changing it would change what they may \
                     do"
                ),
                diff,
                Remedy::None,
            ));
        } else if differs {
            self.new_version(need, present, wanted);
        } else {
            self.keep(Resource::Policy, &present.arn, need.is_met_by(&present.document));
        }
        let missing = self.tags_lacking(&present.tags, |tags| tags);
        // What others use as well is not taken over.
        if !missing.is_empty() && (whose != Owner::Others || others.is_none()) {
            let diff = tags_difference(&missing, &present.tags);
            let action = Action::TagPolicy {
                arn: present.arn.clone(),
                tags: missing,
            };
            self.policy_step(&present.arn, Change::Update, "tags", action, Vec::new(), Some(diff));
        }
    }

    /// A new default version of a policy, and room for it.
    fn new_version(&mut self, need: &RequiredPolicy, present: &Policy, wanted: Document) {
        let diff = Some(Difference::of_documents(&present.document, &wanted));
        let mut depends_on: Vec<usize> = need.depends_on.into_iter().collect();
        if let Some(old) = present.version_to_drop() {
            let action = Action::DeletePolicyVersion {
                arn: present.arn.clone(),
                version: old.id.clone(),
                before: present.document.clone(),
            };
            let summary = format!(
                "version {} goes, the oldest not in force: IAM keeps {}",
                old.id,
                present.versions.len()
            );
            depends_on.push(self.policy_step(&present.arn, Change::Delete, &summary, action, Vec::new(), None));
        }
        let action = Action::ReplacePolicyDocument {
            arn: present.arn.clone(),
            before: present.document.clone(),
            document: match need.for_new_key {
                true => PolicyDocument::KmsForNewKey {
                    into: Some(present.document.clone()),
                },
                false => PolicyDocument::Ready(wanted),
            },
        };
        let summary = format!("{}, as a new default version", need.what);
        self.policy_step(&present.arn, Change::Update, &summary, action, depends_on, diff);
    }

    /// An inline policy of the role that grants a need, or some of it.
    fn present_inline(&mut self, need: &RequiredPolicy, present: &InlinePolicy) {
        let role = self.observed.role.as_ref();
        let ours = role.is_some_and(|role| owner(&role.tags) != Owner::Others) || self.spec.adopt;
        let wanted = merged(need, &present.document, Owner::Others);
        let id = format!("{} (inline)", present.name);
        if same_meaning(&present.document, &wanted) {
            self.keep(Resource::Policy, id, need.is_met_by(&present.document));
            return;
        }
        let diff = Some(Difference::of_documents(&present.document, &wanted));
        if ours {
            let action = Action::PutInlinePolicy {
                name: present.name.clone(),
                before: present.document.clone(),
                document: wanted,
            };
            let summary = format!("{}, in the role's inline policy", need.what);
            self.push(Step {
                change: Change::Update,
                resource: Resource::Policy,
                id,
                summary,
                action,
                depends_on: need.depends_on.into_iter().collect(),
                diff,
            });
        } else {
            self.conflicts.push(Conflict {
                resource: Resource::Policy,
                id,
                difference: "its role is not tagged as made by mixpanel-s3, and it says something else".into(),
                diff,
                remedy: Remedy::Adopt,
            });
        }
    }

    fn policy_step(
        &mut self,
        arn: &PolicyArn,
        change: Change,
        summary: &str,
        action: Action,
        depends_on: Vec<usize>,
        diff: Option<Difference>,
    ) -> usize {
        self.push(Step {
            change,
            resource: Resource::Policy,
            id: arn.to_string(),
            summary: summary.to_owned(),
            action,
            depends_on,
            diff,
        })
    }

    pub(super) fn attach(&mut self, arn: &PolicyArn, depends_on: Vec<usize>) {
        self.push(Step {
            change: Change::Attach,
            resource: Resource::Policy,
            id: arn.to_string(),
            summary: format!("to role {}", self.spec.role),
            action: Action::AttachPolicy(arn.clone()),
            depends_on,
            diff: None,
        });
    }
}

/// The document that a policy shall have: its own statements, and the page's. What this program made says exactly what
/// the page says; of somebody else's it is enough that it grants as much.
fn merged(need: &RequiredPolicy, present: &Document, whose: Owner) -> Document {
    if whose != Owner::Us && read::covers(present, &need.page) {
        return present.clone();
    }
    let is_for_a_key = read::buckets_written([&need.page]).is_empty();
    let same_sid = match whose {
        Owner::Us if is_for_a_key => SameSid::Replaced,
        _ => SameSid::ReplacedIfNarrower,
    };
    with_document(present, &need.page, same_sid)
}

/// Whether a document grants something of what a page's document grants: the same bucket, or the same key.
fn speaks_of(document: &Document, page: &Document) -> bool {
    let buckets = read::buckets_written([page]);
    let keys = read::keys_used([page]);
    !buckets.is_disjoint(&read::buckets_written([document])) || !keys.is_disjoint(&read::keys_used([document]))
}
