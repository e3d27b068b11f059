//! What IAM itself says of a role: the policy simulator, which alone sees the organization's service control policies,
//! and the account's version of global STS tokens.

use std::collections::BTreeSet;

use aws_config::retry::RetryConfig;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};

use crate::aws::{Aws, Failure};
use crate::names::RoleArn;
use crate::observed::Simulated;

/// The values of a request's context, by key, as the simulator is told them.
pub(crate) type ContextValues = Vec<(String, String)>;

impl Aws {
    /// What the policies of a role, its permissions boundary and the organization say of some actions, each on its
    /// resource. Resource policies are left out: the simulator takes them for users only.
    ///
    /// All are asked at once. The simulator tries each action on each resource; what nobody asked is left out of the
    /// answer.
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
    pub(crate) async fn simulate(
        &self,
        role: &RoleArn,
        asked: &[(&str, &str)],
        context: &ContextValues,
    ) -> Result<Vec<Simulated>, Failure> {
        const ACTION: &str = "iam:SimulatePrincipalPolicy";
        // It says more than the documents do, and is not worth long waiting where it fails.
        let twice = aws_sdk_iam::config::Builder::new().retry_config(RetryConfig::standard().with_max_attempts(2));
        let entries = context.iter().map(|(key, value)| {
            ContextEntry::builder()
                .context_key_name(key)
                .context_key_values(value)
                .context_key_type(ContextKeyTypeEnum::String)
                .build()
        });
        let actions: BTreeSet<&str> = asked.iter().map(|(action, _)| *action).collect();
        let resources: BTreeSet<&str> = asked.iter().map(|(_, resource)| *resource).collect();
        let owned = |texts: BTreeSet<&str>| Some(texts.into_iter().map(str::to_owned).collect());
        let answer = self
            .iam
            .simulate_principal_policy()
            .policy_source_arn(role.as_str())
            .set_action_names(owned(actions))
            .set_resource_arns(owned(resources))
            .set_context_entries(Some(entries.collect()))
            .customize()
            .config_override(twice)
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, role.as_str(), error))?;
        let results = answer.evaluation_results().iter().flat_map(simulated);
        Ok(results
            .filter(|one| asked.contains(&(one.action.as_str(), one.resource.as_str())))
            .collect())
    }

    /// Which version of tokens the global STS endpoint gives out for this account: 1 or 2. Regions that have to be
    /// opted into take no version 1 tokens.
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetSecurityTokenServicePreferences.html>
    pub(crate) async fn global_token_version(&self) -> Result<Option<i32>, Failure> {
        let answer = self.iam.get_account_summary().send().await;
        let answer = answer.map_err(|error| Failure::new("iam:GetAccountSummary", "*", error))?;
        let key = aws_sdk_iam::types::SummaryKeyType::from("GlobalEndpointTokenVersion");
        Ok(answer.summary_map().and_then(|summary| summary.get(&key)).copied())
    }
}

/// What one result says: of one resource, or of each of several.
fn simulated(result: &EvaluationResult) -> Vec<Simulated> {
    let one = |resource: &str, decision: &PolicyEvaluationDecisionType| Simulated {
        action: result.eval_action_name().to_owned(),
        resource: resource.to_owned(),
        allowed: decision == &PolicyEvaluationDecisionType::Allowed,
        by_organization: result
            .organizations_decision_detail()
            .map(|detail| detail.allowed_by_organizations()),
        by_boundary: result
            .permissions_boundary_decision_detail()
            .map(|detail| detail.allowed_by_permissions_boundary()),
        missing_context: result.missing_context_values().to_vec(),
    };
    let each = result.resource_specific_results();
    if each.is_empty() {
        let resource = result.eval_resource_name().unwrap_or_default();
        return vec![one(resource, result.eval_decision())];
    }
    each.iter()
        .map(|specific| Simulated {
            by_boundary: specific
                .permissions_boundary_decision_detail()
                .map(|detail| detail.allowed_by_permissions_boundary()),
            missing_context: specific.missing_context_values().to_vec(),
            ..one(specific.eval_resource_name(), specific.eval_resource_decision())
        })
        .collect()
}
