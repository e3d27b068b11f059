//! What stays open when a plan is done: who else gets into a role that is there, and what it may do beyond Mixpanel's
//! page. Said before anybody agrees to the plan.

use super::{Action, Exposure, Planner, Resource};
use crate::encryption::{Encryption, KmsKey};
use crate::observed::Role;
use crate::policy::Document;
use crate::policy::evaluate::{Named, Policies, RequestContext, Rule};
use crate::policy::excess::{Excess, Own, beyond_page};
use crate::policy::trust::{Gravity, Trust};

impl Planner<'_> {
    /// Adds what stays open of a role that is there. One that this plan makes is as narrow as the page.
    pub(super) fn exposures(&mut self) {
        let Some(role) = &self.observed.role else {
            return;
        };
        let written = self.plan.steps.iter().find_map(|step| match &step.action {
            Action::UpdateTrust { document, .. } => Some(document.clone()),
            _ => None,
        });
        let document = written.unwrap_or_else(|| role.trust.clone());
        let trust = Trust::new(&document, &role.arn);
        let openings = trust.openings(&self.spec.external_ids()).into_iter().map(|opening| {
            let place = opening.place();
            let gravity = opening.gravity;
            (gravity, format!("{} ({place} of its trust)", opening.who))
        });
        let excesses = self.excess(role).into_iter().map(|excess| {
            (
                excess.reach.gravity(),
                format!(
                    "its policies allow {}, which reaches {} (statement {} of {})",
                    excess.what(),
                    excess.reach,
                    excess.source.statement + 1,
                    excess.source.policy
                ),
            )
        });
        let mut found: Vec<(Gravity, String)> = openings.chain(excesses).collect();
        found.sort();
        self.plan.exposures = found
            .into_iter()
            .map(|(gravity, what)| Exposure {
                resource: Resource::Role,
                id: role.name.to_string(),
                open: gravity == Gravity::Open,
                what,
            })
            .collect();
    }

    /// What the role's policies allow beyond the page. Its permissions boundary is not read here and may take some of
    /// it away.
    pub(super) fn excess(&self, role: &Role) -> Vec<Excess> {
        let own_key = match &self.spec.encryption {
            Encryption::Kms(KmsKey::Own(arn)) => Some(arn),
            _ => None,
        };
        let managed = self
            .observed
            .attached_policies()
            .map(|policy| (policy.arn.policy_name(), &policy.document));
        let aws_managed = role.aws_managed.iter();
        let aws_managed = aws_managed.map(|policy| (policy.arn.policy_name(), &policy.document));
        let inline = role.inline.iter();
        let inline = inline.map(|policy| (policy.name.as_str(), &policy.document));
        let named = |(name, document): (&str, _)| Named {
            name: format!("policy {name}"),
            document,
        };
        let mut identity: Vec<Named<'_>> = managed.chain(inline).chain(aws_managed).map(named).collect();
        // What this plan attaches is the page's, and says that the role exports to this bucket.
        let page: Document = crate::policy::build::data(&self.spec.bucket);
        identity.push(Named {
            name: String::new(),
            document: &page,
        });
        let policies = Policies {
            identity,
            boundary: None,
            resource: None,
            unreadable: Vec::new(),
            rule: Rule::Either,
        };
        let own = Own {
            role: &role.arn,
            bucket: Some(&self.spec.bucket),
            key: own_key,
            context: &RequestContext::new(),
        };
        beyond_page(&own, &policies)
    }
}
