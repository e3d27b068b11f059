//! IAM: what taking a set-up away needs. What is gone already is as good as removed.

use aws_sdk_iam::types::PolicyScopeType;

use crate::aws::bounds::Listing;
use crate::aws::{Aws, Cause, Failure};
use crate::names::{PolicyArn, RoleName};

impl Aws {
    /// The names of the instance profiles that hold a role; none where there is no such role.
    pub(crate) async fn instance_profiles(&self, role: &RoleName) -> Result<Vec<String>, Failure> {
        let mut list = Listing::new("iam:ListInstanceProfilesForRole", role.as_str());
        let mut names = Vec::new();
        loop {
            let request = self.iam.list_instance_profiles_for_role();
            let request = request.role_name(role.as_str()).set_marker(list.marker());
            let page = match request.send().await.map_err(|error| list.failure(error)) {
                Err(failure) if failure.cause == Cause::NotFound => return Ok(names),
                page => page?,
            };
            let profiles = page.instance_profiles();
            names.extend(
                profiles
                    .iter()
                    .map(|profile| profile.instance_profile_name().to_owned()),
            );
            if !list.goes_on(profiles.len(), page.is_truncated(), page.marker())? {
                return Ok(names);
            }
        }
    }

    /// Who uses a managed policy, as permissions or as a boundary: `role x`, `user y`, `group z`.
    pub(crate) async fn policy_users(&self, arn: &PolicyArn) -> Result<Vec<String>, Failure> {
        let mut list = Listing::new("iam:ListEntitiesForPolicy", arn.as_str());
        let mut users = Vec::new();
        loop {
            let request = self.iam.list_entities_for_policy();
            let request = request.policy_arn(arn.as_str()).set_marker(list.marker());
            let page = match request.send().await.map_err(|error| list.failure(error)) {
                Err(failure) if failure.cause == Cause::NotFound => break,
                page => page?,
            };
            let before = users.len();
            let named = |kind: &str, name: Option<&str>| name.map(|name| format!("{kind} {name}"));
            let roles = page.policy_roles().iter().map(|role| role.role_name());
            users.extend(roles.filter_map(|name| named("role", name)));
            let people = page.policy_users().iter().map(|user| user.user_name());
            users.extend(people.filter_map(|name| named("user", name)));
            let groups = page.policy_groups().iter().map(|group| group.group_name());
            users.extend(groups.filter_map(|name| named("group", name)));
            if !list.goes_on(users.len() - before, page.is_truncated(), page.marker())? {
                break;
            }
        }
        users.sort();
        users.dedup();
        Ok(users)
    }

    /// The ARNs of the customer-managed policies of these names, whatever their path: a name stands once in an account.
    pub(crate) async fn policies_named(&self, names: &[String]) -> Result<Vec<PolicyArn>, Failure> {
        let mut list = Listing::new("iam:ListPolicies", "*");
        let mut found = Vec::new();
        loop {
            let request = self.iam.list_policies().scope(PolicyScopeType::Local);
            let request = request.max_items(1000).set_marker(list.marker());
            let page = request.send().await.map_err(|error| list.failure(error))?;
            let wanted = |name: &str| names.iter().any(|wanted| wanted == name);
            let policies = page.policies().iter();
            let policies = policies.filter(|policy| policy.policy_name().is_some_and(wanted));
            found.extend(policies.filter_map(|policy| policy.arn()?.parse().ok()));
            let count = page.policies().len();
            if !list.goes_on(count, page.is_truncated(), page.marker())? {
                return Ok(found);
            }
        }
    }

    /// Detaches a managed policy from a role.
    pub(crate) async fn detach_policy(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), Failure> {
        let request = self.iam.detach_role_policy();
        let request = request.role_name(role.as_str()).policy_arn(policy.as_str());
        let done = request.send().await.map(drop);
        done.map_err(|error| Failure::new("iam:DetachRolePolicy", policy.as_str(), error))
            .or_else(Failure::unless_gone)
    }

    /// Removes an inline policy of a role.
    pub(crate) async fn delete_inline_policy(&self, role: &RoleName, name: &str) -> Result<(), Failure> {
        let request = self.iam.delete_role_policy();
        let request = request.role_name(role.as_str()).policy_name(name);
        let done = request.send().await.map(drop);
        done.map_err(|error| Failure::new("iam:DeleteRolePolicy", role.as_str(), error))
            .or_else(Failure::unless_gone)
    }

    /// Removes a role, from which everything has been taken before.
    pub(crate) async fn delete_role(&self, role: &RoleName) -> Result<(), Failure> {
        let request = self.iam.delete_role().role_name(role.as_str());
        let done = request.send().await.map(drop);
        done.map_err(|error| Failure::new("iam:DeleteRole", role.as_str(), error))
            .or_else(Failure::unless_gone)
    }

    /// Removes a policy, which nothing uses any more and which has no version left but the default one.
    pub(crate) async fn delete_policy(&self, arn: &PolicyArn) -> Result<(), Failure> {
        let request = self.iam.delete_policy().policy_arn(arn.as_str());
        let done = request.send().await.map(drop);
        done.map_err(|error| Failure::new("iam:DeletePolicy", arn.as_str(), error))
            .or_else(Failure::unless_gone)
    }

    /// Takes tags off a role.
    pub(crate) async fn untag_role(&self, role: &RoleName, keys: &[String]) -> Result<(), Failure> {
        let request = self.iam.untag_role().role_name(role.as_str());
        let request = request.set_tag_keys(Some(keys.to_vec()));
        let done = request.send().await.map(drop);
        done.map_err(|error| Failure::new("iam:UntagRole", role.as_str(), error))
    }

    /// Takes tags off a policy.
    pub(crate) async fn untag_policy(&self, arn: &PolicyArn, keys: &[String]) -> Result<(), Failure> {
        let request = self.iam.untag_policy().policy_arn(arn.as_str());
        let request = request.set_tag_keys(Some(keys.to_vec()));
        let done = request.send().await.map(drop);
        done.map_err(|error| Failure::new("iam:UntagPolicy", arn.as_str(), error))
    }
}
