//! The role's and the policies' part of a plan.

use super::{
    Action, Change, Conflict, Planner, PolicyDocument, Resource, Step, description, missing_tags,
};
use crate::names::{IamPath, PolicyArn};
use crate::observed::{Policy, Role, is_ours};
use crate::policy::compare::{diff, same_meaning};
use crate::policy::merge::trust_with;
use crate::policy::{build, read};
use crate::spec::{Encryption, KmsKey, data_policy_name, kms_policy_name, policy_arn};

/// A policy of this set-up: its ARN, and the step that makes it, if it is not there yet.
type Wanted = (PolicyArn, Option<usize>);

impl Planner<'_> {
    /// Makes or completes the policies and the role. `key` is the step that makes the key.
    pub(super) fn role_and_policies(&mut self, key: Option<usize>) {
        let path = self.path();
        let data = self.policy(
            &path,
            &data_policy_name(&self.spec.role),
            PolicyDocument::Ready(build::data(&self.spec.bucket)),
            self.observed.data_policy.as_ref(),
            "Mixpanel's data-modification policy",
            Vec::new(),
        );
        let kms_document = match &self.spec.encryption {
            Encryption::Kms(KmsKey::Own(arn)) => Some(PolicyDocument::Ready(build::kms(arn))),
            Encryption::Kms(KmsKey::New(_)) => Some(PolicyDocument::KmsForNewKey),
            _ => None,
        };
        let kms = kms_document.map(|document| {
            self.policy(
                &path,
                &kms_policy_name(&self.spec.role),
                document,
                self.observed.kms_policy.as_ref(),
                "Mixpanel's KMS policy",
                key.into_iter().collect(),
            )
        });
        let policies: Vec<Wanted> = std::iter::once(data).chain(kms).collect();
        match &self.observed.role {
            None => self.new_role(path, &policies),
            Some(role) => self.present_role(role, &policies),
        }
    }

    /// The path of role and policies: the given one, else that of the role that is there.
    fn path(&self) -> IamPath {
        let present = || self.observed.role.as_ref().map(|role| role.path.clone());
        self.spec
            .path
            .clone()
            .or_else(present)
            .unwrap_or_else(IamPath::root)
    }

    fn policy(
        &mut self,
        path: &IamPath,
        name: &str,
        document: PolicyDocument,
        present: Option<&Policy>,
        what: &str,
        after: Vec<usize>,
    ) -> Wanted {
        let arn = policy_arn(&self.spec.account, path, name);
        let step = |change, summary: String, action, diff| Step {
            change,
            resource: Resource::Policy,
            id: arn.to_string(),
            summary,
            action,
            after: after.clone(),
            diff,
        };
        let Some(present) = present else {
            let action = Action::CreatePolicy {
                arn: arn.clone(),
                path: path.clone(),
                description: description(&self.spec.bucket, "policy"),
                document,
                tags: self.spec.all_tags(),
            };
            let created = self.push(step(Change::Create, what.to_owned(), action, None));
            return (arn, Some(created));
        };
        let wanted = document.preview();
        let differs = !same_meaning(&present.document, &wanted);
        let ours = is_ours(&present.tags) || self.spec.adopt;
        let others = read::buckets_written([&present.document]);
        let conflict = |difference: String, diff, adoptable| Conflict {
            resource: Resource::Policy,
            id: arn.to_string(),
            difference,
            diff,
            adoptable,
        };
        if differs && !others.is_empty() && !others.contains(&self.spec.bucket) {
            let names: Vec<&str> = others.iter().map(|bucket| bucket.as_str()).collect();
            self.conflicts.push(conflict(
                format!(
                    "it grants another bucket, {}, to which Mixpanel may be writing",
                    names.join(", ")
                ),
                None,
                false,
            ));
        } else if differs && !ours {
            self.conflicts.push(conflict(
                "it is not tagged as made by mixpanel-s3, and it says something else".into(),
                Some(diff(&present.document, &wanted)),
                true,
            ));
        } else if differs {
            let difference = Some(diff(&present.document, &wanted));
            let action = Action::ReplacePolicyDocument {
                arn: arn.clone(),
                document,
            };
            let summary = format!("{what}, as a new default version");
            self.push(step(Change::Update, summary, action, difference));
        } else {
            self.keep(Resource::Policy, &arn, format!("{what}, as it should be"));
        }
        let missing = missing_tags(&self.spec.all_tags(), &present.tags);
        if ours && !missing.is_empty() {
            let action = Action::TagPolicy {
                arn: arn.clone(),
                tags: missing,
            };
            self.push(step(Change::Update, "tags".into(), action, None));
        }
        (arn, None)
    }

    fn new_role(&mut self, path: IamPath, policies: &[Wanted]) {
        let action = Action::CreateRole {
            path,
            trust: build::trust(&self.spec.external_ids()),
            boundary: self.spec.boundary.clone(),
            description: description(&self.spec.bucket, "role"),
            tags: self.spec.role_tags(),
        };
        let created = self.role_step(Change::Create, &self.trust_summary(), action);
        for (arn, policy) in policies {
            self.attach(arn, std::iter::once(created).chain(*policy).collect());
        }
    }

    fn present_role(&mut self, role: &Role, policies: &[Wanted]) {
        let ours = is_ours(&role.tags) || self.spec.adopt;
        let before = (self.plan.steps.len(), self.conflicts.len());
        let mut differences = Vec::new();

        let trust = trust_with(&role.trust, &self.spec.external_ids(), ours);
        let trust_diff = (!same_meaning(&role.trust, &trust)).then(|| diff(&role.trust, &trust));
        if trust_diff.is_some() {
            differences.push("its trust policy does not let Mixpanel in with this project token");
        }
        let boundary = self
            .spec
            .boundary
            .clone()
            .filter(|wanted| role.boundary.as_deref() != Some(wanted.as_str()));
        if boundary.is_some() {
            differences.push("its permissions boundary is another");
        }
        let attached = |arn: &PolicyArn| {
            role.attached
                .iter()
                .any(|attached| attached == arn.as_str())
        };
        let to_attach: Vec<&Wanted> = policies.iter().filter(|(arn, _)| !attached(arn)).collect();
        if !to_attach.is_empty() {
            differences.push("its policies are not attached to it");
        }

        let conflict = |difference: String, diff, adoptable| Conflict {
            resource: Resource::Role,
            id: role.arn.to_string(),
            difference,
            diff,
            adoptable,
        };
        if let Some(path) = self.spec.path.as_ref().filter(|path| **path != role.path) {
            let difference = format!(
                "it is on the path {}, not {path}, and IAM cannot move a role",
                role.path
            );
            self.conflicts.push(conflict(difference, None, false));
        }
        if !ours && !differences.is_empty() {
            let difference = format!(
                "it is not tagged as made by mixpanel-s3, and {}",
                differences.join(", and ")
            );
            self.conflicts.push(conflict(difference, trust_diff, true));
            return;
        }

        if trust_diff.is_some() {
            let summary = self.trust_summary();
            let step = self.role_step(Change::Update, &summary, Action::UpdateTrust(trust));
            self.plan.steps[step].diff = trust_diff;
        }
        if let Some(boundary) = boundary {
            let summary = format!("permissions boundary {boundary}");
            self.role_step(Change::Update, &summary, Action::SetBoundary(boundary));
        }
        let missing = missing_tags(&self.spec.role_tags(), &role.tags);
        if ours && !missing.is_empty() {
            self.role_step(Change::Update, "tags", Action::TagRole(missing));
        }
        for (arn, policy) in to_attach {
            self.attach(arn, policy.iter().copied().collect());
        }
        if (self.plan.steps.len(), self.conflicts.len()) == before {
            self.keep(Resource::Role, &role.arn, "as it should be");
        }
        let others = read::external_ids(&role.trust)
            .difference(&self.spec.external_ids())
            .count();
        if others > 0 {
            let note = format!("{others} other ExternalId(s) in its trust policy stay");
            self.keep(Resource::Role, &role.arn, note);
        }
    }

    fn trust_summary(&self) -> String {
        let tokens: Vec<String> = self.spec.tokens.iter().map(ToString::to_string).collect();
        format!(
            "trust in Mixpanel's export user, by token {}",
            tokens.join(", ")
        )
    }

    fn role_step(&mut self, change: Change, summary: &str, action: Action) -> usize {
        self.push(Step {
            change,
            resource: Resource::Role,
            id: self.spec.role.to_string(),
            summary: summary.to_owned(),
            action,
            after: Vec::new(),
            diff: None,
        })
    }

    fn attach(&mut self, arn: &PolicyArn, after: Vec<usize>) {
        self.push(Step {
            change: Change::Attach,
            resource: Resource::Policy,
            id: arn.to_string(),
            summary: format!("to role {}", self.spec.role),
            action: Action::AttachPolicy(arn.clone()),
            after,
            diff: None,
        });
    }
}
