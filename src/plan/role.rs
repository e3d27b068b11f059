//! The role's part of a plan: who may assume it, what bounds it, and which policies it needs.
//!
//! What grants Mixpanel its access is looked for by what it says, not by its name: a policy of this set-up's own name,
//! or any other one that is attached to the role or part of it. So a set-up that somebody made by hand is recognised,
//! and nothing is made twice.

use super::policies::{PolicyAndStep, RequiredPolicy};
use super::{
    Action, Change, Conflict, Difference, Planner, Remedy, Resource, Step, description, missing_tags, tags_difference,
};
use crate::encryption::{Encryption, KmsKey};
use crate::names::{IamPath, PolicyArn, Tag};
use crate::observed::{Owner, Role, owner};
use crate::policy::compare::same_meaning;
use crate::policy::trust::amend::{Tenure, WantedTrust};
use crate::policy::trust::{Admission, Trust};
use crate::policy::{Document, build};
use crate::spec::{data_policy_name, kms_policy_name};

impl Planner<'_> {
    /// The step that makes the role, where there is none.
    pub(super) fn new_role(&mut self) -> Option<usize> {
        if self.observed.role.is_some() {
            return None;
        }
        let action = Action::CreateRole {
            path: self.path(),
            trust: build::trust(&self.spec.external_ids()),
            boundary: self.spec.boundary.clone(),
            description: description(&self.spec.bucket, "role"),
            tags: self.role_tags(self.spec.all_tags()),
        };
        Some(self.role_step(Change::Create, &self.trust_summary(), action))
    }

    /// A role's tags: with the bucket's name among them, where the plan makes the bucket.
    fn role_tags(&self, tags: Vec<Tag>) -> Vec<Tag> {
        let mut tags = self.spec.role_tags(tags);
        if self.observed.bucket.is_none() {
            tags.push(Tag::of_bucket(self.spec.bucket.as_str()));
        }
        tags
    }

    /// Makes or completes the policies and the role. `role` and `key` are the steps that make them.
    pub(super) fn role_and_policies(&mut self, role: Option<usize>, key: Option<usize>) {
        let mut needs = vec![RequiredPolicy {
            what: "Mixpanel's data-modification policy",
            name: data_policy_name(&self.spec.role),
            page: build::data(&self.spec.bucket),
            for_new_key: false,
            depends_on: None,
        }];
        let kms = |page, for_new_key| RequiredPolicy {
            what: "Mixpanel's KMS policy",
            name: kms_policy_name(&self.spec.role),
            page,
            for_new_key,
            depends_on: key,
        };
        match &self.spec.encryption {
            Encryption::Kms(KmsKey::Own(arn)) => needs.push(kms(build::kms(arn), false)),
            Encryption::Kms(KmsKey::New(_)) => needs.push(kms(build::kms_placeholder(), true)),
            _ => {}
        }
        let policies: Vec<PolicyAndStep> = needs.into_iter().filter_map(|need| self.ensure(need)).collect();
        match (&self.observed.role, role) {
            (Some(role), _) => self.present_role(role, &policies),
            (None, created) => {
                for (arn, policy) in policies {
                    self.attach(&arn, created.into_iter().chain(policy).collect());
                }
            }
        }
    }

    /// The path of role and policies: the given one, else that of the role that is there.
    pub(super) fn path(&self) -> IamPath {
        let present = || self.observed.role.as_ref().map(|role| role.path.clone());
        self.spec.path.clone().or_else(present).unwrap_or_else(IamPath::root)
    }

    /// The tags that something lacks: the mark of whoever made it or takes it over, and the user's. Somebody else's
    /// gets none.
    pub(super) fn tags_lacking(&self, present: &[Tag], more: impl Fn(Vec<Tag>) -> Vec<Tag>) -> Vec<Tag> {
        let wanted = match owner(present) {
            Owner::Us => self.spec.all_tags(),
            Owner::Others if !self.spec.adopt => return Vec::new(),
            Owner::Adopted | Owner::Others => self.spec.adopted_tags(),
        };
        missing_tags(&more(wanted), present)
    }

    /// What keeps a role that does not trust Mixpanel from being taken for one of an export, if something does: then
    /// Mixpanel would get whatever the role may do. A tag is no consent, since others can write tags.
    fn untrusting(&self, role: &Role) -> Option<Conflict> {
        let trust = Trust::new(&role.trust, &role.arn);
        let consented = self.spec.open_role.as_ref() == Some(&role.name);
        // A statement that names Mixpanel and lets it nowhere is no trust.
        if trust.admission() > Admission::Kept || consented {
            return None;
        }
        let what = match self.excess(role).first() {
            Some(gravest) => format!(
                "Mixpanel could then do what the role can do, and its policies allow {}",
                gravest.what()
            ),
            None => "Mixpanel could then do what the role can do".to_owned(),
        };
        let wanted = trust.amended(&self.wanted_trust(Tenure::Theirs, &self.spec.external_ids()));
        Some(Conflict {
            resource: Resource::Role,
            id: role.arn.to_string(),
            difference: format!("it does not trust Mixpanel, so it was not made for an export; {what}"),
            diff: Some(Difference::of_documents(&role.trust, &wanted)),
            remedy: Remedy::OpenRole,
        })
    }

    fn wanted_trust<'b>(
        &'b self,
        tenure: Tenure,
        external_ids: &'b std::collections::BTreeSet<String>,
    ) -> WantedTrust<'b> {
        WantedTrust {
            external_ids,
            removed: &self.spec.removed_ids,
            tenure,
        }
    }

    fn present_role(&mut self, role: &Role, policies: &[PolicyAndStep]) {
        if let Some(conflict) = self.untrusting(role) {
            self.conflicts.push(conflict);
            return;
        }
        let ours = owner(&role.tags) != Owner::Others || self.spec.adopt;
        let tenure = match owner(&role.tags) {
            Owner::Us => Tenure::Ours,
            Owner::Adopted => Tenure::Adopted,
            Owner::Others if self.spec.adopt => Tenure::Adopted,
            Owner::Others => Tenure::Theirs,
        };
        let before = (self.plan.steps.len(), self.conflicts.len());
        let mut differences = Vec::new();

        let external_ids = self.spec.external_ids();
        let trust = Trust::new(&role.trust, &role.arn).amended(&self.wanted_trust(tenure, &external_ids));
        let trust_diff = (!same_meaning(&role.trust, &trust)).then(|| Difference::of_documents(&role.trust, &trust));
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
        let attached = |arn: &PolicyArn| role.attached.iter().any(|attached| attached == arn.as_str());
        let to_attach: Vec<&PolicyAndStep> = policies.iter().filter(|(arn, _)| !attached(arn)).collect();
        if !to_attach.is_empty() {
            differences.push("its policies are not attached to it");
        }

        let conflict = |difference: String, diff, remedy| Conflict {
            resource: Resource::Role,
            id: role.arn.to_string(),
            difference,
            diff,
            remedy,
        };
        if let Some(path) = self.spec.path.as_ref().filter(|path| **path != role.path) {
            let difference = format!(
                "it is on the path {}, not {path}, and IAM cannot move a role",
                role.path
            );
            self.conflicts.push(conflict(difference, None, Remedy::None));
        }
        if !ours && !differences.is_empty() {
            let difference = format!(
                "it is not tagged as made by mixpanel-s3, and {}",
                differences.join(", and ")
            );
            self.conflicts.push(conflict(difference, trust_diff, Remedy::Adopt));
            return;
        }

        self.change_role(role, trust, trust_diff, boundary);
        for (arn, policy) in to_attach {
            self.attach(arn, policy.iter().copied().collect());
        }
        if (self.plan.steps.len(), self.conflicts.len()) == before {
            self.keep(Resource::Role, &role.arn, "as it should be");
        }
        let others = Trust::new(&role.trust, &role.arn)
            .external_ids()
            .iter()
            .filter(|id| !external_ids.contains(*id) && !self.spec.removed_ids.contains(*id))
            .count();
        if others > 0 {
            let note = format!("{others} other ExternalId(s) in its trust policy stay");
            self.keep(Resource::Role, &role.arn, note);
        }
    }

    /// The steps that give the role its trust policy, its boundary and its tags, where they differ.
    fn change_role(
        &mut self,
        role: &Role,
        trust: Document,
        trust_diff: Option<Difference>,
        boundary: Option<PolicyArn>,
    ) {
        if trust_diff.is_some() {
            let summary = self.trust_summary();
            let action = Action::UpdateTrust {
                before: role.trust.clone(),
                document: trust,
            };
            let step = self.role_step(Change::Update, &summary, action);
            self.plan.steps[step].diff = trust_diff;
        }
        if let Some(boundary) = boundary {
            let summary = format!("permissions boundary {boundary}");
            let diff = Difference::Values {
                present: role.boundary.iter().cloned().collect(),
                wanted: vec![boundary.to_string()],
            };
            let action = Action::SetBoundary {
                before: role.boundary.clone(),
                boundary,
            };
            let step = self.role_step(Change::Update, &summary, action);
            self.plan.steps[step].diff = Some(diff);
        }
        let missing = self.tags_lacking(&role.tags, |tags| self.role_tags(tags));
        if !missing.is_empty() {
            let diff = tags_difference(&missing, &role.tags);
            let step = self.role_step(Change::Update, "tags", Action::TagRole(missing));
            self.plan.steps[step].diff = Some(diff);
        }
    }

    fn trust_summary(&self) -> String {
        let tokens: Vec<String> = self.spec.tokens.iter().map(ToString::to_string).collect();
        format!("trust in Mixpanel's export user, by token {}", tokens.join(", "))
    }

    fn role_step(&mut self, change: Change, summary: &str, action: Action) -> usize {
        self.push(Step {
            change,
            resource: Resource::Role,
            id: self.spec.role.to_string(),
            summary: summary.to_owned(),
            action,
            depends_on: Vec::new(),
            diff: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::names::Partition;
    use crate::observed::{Caller, Observed, Others, Policy, Version};
    use crate::plan::plan;
    use crate::spec::SetupSpec;

    fn spec(adopt: bool) -> SetupSpec {
        SetupSpec {
            account: "123456789012".parse().unwrap(),
            bucket: "acme".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            encryption: Encryption::Aes,
            role: "theirs".parse().unwrap(),
            path: None,
            boundary: None,
            tokens: [String::from("0123456789abcdef0123456789abcdef").parse().unwrap()].into(),
            tags: Vec::new(),
            removed_ids: std::collections::BTreeSet::new(),
            adopt,
            open_role: Some("theirs".parse().unwrap()),
            harden: std::collections::BTreeSet::new(),
        }
    }

    /// A role with one attached policy, which holds these statements besides one that puts objects into the bucket.
    fn observed(statements: &[Value], trust: &[Value], tags: Vec<Tag>) -> Observed {
        let put = json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::acme/*" });
        let with = |statements: Vec<&Value>| {
            let value = json!({ "Version": "2012-10-17", "Id": "x", "Statement": statements });
            Document::parse(&value.to_string()).unwrap()
        };
        let policy = Policy {
            arn: "arn:aws:iam::123456789012:policy/of-theirs".parse().unwrap(),
            tags: tags.clone(),
            document: with(statements.iter().chain([&put]).collect()),
            versions: vec![Version {
                id: "v1".into(),
                is_default: true,
            }],
            uses: Some(1),
            others: Others::Unasked,
        };
        Observed {
            caller: Caller {
                account: "123456789012".parse().unwrap(),
                arn: String::new(),
                partition: Partition::Aws,
            },
            bucket: None,
            role: Some(Role {
                name: "theirs".parse().unwrap(),
                id: "AROAEXAMPLE".into(),
                arn: "arn:aws:iam::123456789012:role/theirs".parse().unwrap(),
                path: IamPath::root(),
                trust: with(trust.iter().collect()),
                tags,
                boundary: Some("arn:aws:iam::123456789012:policy/bounds".into()),
                last_used: None,
                attached: vec![policy.arn.to_string()],
                inline: Vec::new(),
                aws_managed: Vec::new(),
            }),
            policies: vec![policy],
            unread: Vec::new(),
        }
    }

    fn statements() -> impl Strategy<Value = Vec<Value>> {
        let text = "[a-zA-Z0-9:*/]{1,8}";
        let text_or_list = prop_oneof![
            text.prop_map(Value::from),
            prop::collection::vec(text, 0..3).prop_map(Value::from),
        ];
        let keys = [
            "Sid",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Principal",
            "NotPrincipal",
            "Odd",
        ];
        let statement = prop::collection::hash_map(prop::sample::select(keys.to_vec()), text_or_list, 0..6);
        prop::collection::vec(statement.prop_map(|map| json!(map)), 0..5)
    }

    proptest! {
        #[test]
        fn adopt_and_update_keep_every_statement_of_others(
            theirs in statements(),
            trusting in statements(),
            ours in any::<bool>(),
        ) {
            let tags = if ours { vec![Tag::managed_by()] } else { Vec::new() };
            let observed = observed(&theirs, &trusting, tags);
            let plan = plan(&spec(true), &observed).unwrap();
            let role = observed.role.as_ref().unwrap();
            for step in &plan.steps {
                let (before, after) = match &step.action {
                    Action::ReplacePolicyDocument { document, .. } => (&observed.policies[0].document, document.preview()),
                    Action::UpdateTrust { document, .. } => (&role.trust, document.clone()),
                    Action::SetBoundary { .. } => return Err(TestCaseError::fail("the boundary stays")),
                    _ => continue,
                };
                for statement in before.statements() {
                    prop_assert!(after.statements().contains(statement));
                }
                prop_assert_eq!(after.statements().len(), before.statements().len() + 1);
                prop_assert_eq!(&after.to_value()["Id"], "x");
            }
            let changes = |wanted: fn(&Action) -> bool| plan.steps.iter().any(|step| wanted(&step.action));
            let updates_trust = changes(|action| matches!(action, Action::UpdateTrust { .. }));
            prop_assert!(updates_trust);
            let makes_a_second = changes(|action| {
                matches!(action, Action::CreatePolicy { .. } | Action::AttachPolicy(_))
            });
            prop_assert!(!makes_a_second);
        }
    }
}
