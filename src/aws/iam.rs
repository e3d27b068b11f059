//! IAM: roles and customer-managed policies. What takes them away is in `removal`, what IAM itself judges in
//! `simulate`.

mod removal;
mod simulate;

pub(crate) use simulate::ContextValues;

use aws_config::retry::RetryConfig;
use aws_sdk_iam::error::BuildError;
use aws_smithy_types::date_time::Format as DateTimeFormat;

use super::bounds::Listing;
use super::failure::document;
use super::{Aws, Cause, Failure};
use crate::names::{IamPath, PolicyArn, RoleArn, RoleName, Tag};
use crate::observed::{InlinePolicy, Others, Policy, Role, Version};
use crate::policy::Document;

/// A role as ListRoles shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoleSummary {
    /// Its name.
    pub(crate) name: RoleName,
    /// Its unique ID.
    pub(crate) id: String,
    /// Its ARN.
    pub(crate) arn: RoleArn,
    /// Who may assume it.
    pub(crate) trust: Document,
}

/// What GetPolicy says of a managed policy.
struct InForce {
    tags: Vec<Tag>,
    /// The ID of its default version.
    version: String,
    uses: Option<u32>,
}

/// What a new role is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRole<'a> {
    /// Its name.
    pub(crate) name: &'a RoleName,
    /// Its path.
    pub(crate) path: &'a IamPath,
    /// Who may assume it.
    pub(crate) trust: &'a Document,
    /// Its permissions boundary.
    pub(crate) boundary: Option<&'a PolicyArn>,
    /// What people read about it, in Latin-1.
    pub(crate) description: &'a str,
    /// Its tags.
    pub(crate) tags: &'a [Tag],
}

impl Aws {
    /// The account's alias, if it has one.
    pub(crate) async fn account_alias(&self) -> Result<Option<String>, Failure> {
        let answer = self.iam.list_account_aliases().send().await;
        let answer = answer.map_err(|error| Failure::new("iam:ListAccountAliases", "*", error))?;
        Ok(answer.account_aliases().first().cloned())
    }

    /// A role, without what is attached to it; `None` where there is none. GetRole answers tags and boundary too.
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>
    pub(crate) async fn role(&self, name: &RoleName) -> Result<Option<Role>, Failure> {
        const ACTION: &str = "iam:GetRole";
        let answer = self.iam.get_role().role_name(name.as_str()).send().await;
        let answer = match answer.map_err(|error| Failure::new(ACTION, name.as_str(), error)) {
            Ok(answer) => answer,
            Err(failure) if failure.cause == Cause::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let odd = |message: String| Failure::odd(ACTION, name.as_str(), &message);
        let role = answer
            .role()
            .ok_or_else(|| odd("AWS answered without the role".into()))?;
        Ok(Some(Role {
            name: role.role_name().parse().map_err(|error| odd(format!("{error}")))?,
            id: role.role_id().to_owned(),
            arn: role.arn().parse().map_err(|error| odd(format!("{error}")))?,
            path: role.path().parse().map_err(|error| odd(format!("{error}")))?,
            trust: document(
                ACTION,
                name.as_str(),
                role.assume_role_policy_document().unwrap_or_default(),
            )?,
            tags: role.tags().iter().map(tag_of).collect(),
            boundary: role
                .permissions_boundary()
                .and_then(|b| b.permissions_boundary_arn())
                .map(str::to_owned),
            last_used: role
                .role_last_used()
                .and_then(|used| used.last_used_date())
                .and_then(|date| date.fmt(DateTimeFormat::DateTime).ok()),
            attached: Vec::new(),
            inline: Vec::new(),
            aws_managed: Vec::new(),
        }))
    }

    /// The managed policies that are attached to a role; none where there is no such role.
    pub(crate) async fn attached_policies(&self, role: &RoleName) -> Result<Vec<String>, Failure> {
        let mut list = Listing::new("iam:ListAttachedRolePolicies", role.as_str());
        let mut arns = Vec::new();
        loop {
            let request = self.iam.list_attached_role_policies();
            let request = request.role_name(role.as_str()).set_marker(list.marker());
            let page = match request.send().await.map_err(|error| list.failure(error)) {
                Err(failure) if failure.cause == Cause::NotFound => return Ok(arns),
                page => page?,
            };
            let policies = page.attached_policies();
            arns.extend(
                policies
                    .iter()
                    .filter_map(|policy| Some(policy.policy_arn()?.to_owned())),
            );
            if !list.goes_on(policies.len(), page.is_truncated(), page.marker())? {
                return Ok(arns);
            }
        }
    }

    /// The names of a role's inline policies; none where there is no such role.
    pub(crate) async fn inline_policy_names(&self, role: &RoleName) -> Result<Vec<String>, Failure> {
        let mut list = Listing::new("iam:ListRolePolicies", role.as_str());
        let mut names = Vec::new();
        loop {
            let request = self.iam.list_role_policies();
            let request = request.role_name(role.as_str()).set_marker(list.marker());
            let page = match request.send().await.map_err(|error| list.failure(error)) {
                Err(failure) if failure.cause == Cause::NotFound => return Ok(names),
                page => page?,
            };
            names.extend_from_slice(page.policy_names());
            let count = page.policy_names().len();
            if !list.goes_on(count, page.is_truncated(), page.marker())? {
                return Ok(names);
            }
        }
    }

    /// The document of a role's inline policy.
    pub(crate) async fn inline_policy(&self, role: &RoleName, name: &str) -> Result<InlinePolicy, Failure> {
        const ACTION: &str = "iam:GetRolePolicy";
        let answer = self
            .iam
            .get_role_policy()
            .role_name(role.as_str())
            .policy_name(name)
            .send()
            .await;
        let answer = answer.map_err(|error| Failure::new(ACTION, role.as_str(), error))?;
        Ok(InlinePolicy {
            name: name.to_owned(),
            document: document(ACTION, role.as_str(), answer.policy_document())?,
        })
    }

    /// A managed policy with its default version's document; `None` where there is none. GetPolicy says which version
    /// is the default; after it, side by side, GetPolicyVersion holds its document and ListPolicyVersions says which
    /// others there are.
    pub(crate) async fn policy(&self, arn: &PolicyArn) -> Result<Option<Policy>, Failure> {
        let Some(in_force) = self.version_in_force(arn).await? else {
            return Ok(None);
        };
        let InForce {
            tags,
            version: default_version,
            uses,
        } = in_force;
        let (document, versions) = tokio::join!(self.policy_document(arn, &default_version), self.policy_versions(arn));
        let versions = match versions {
            Ok(versions) => versions,
            // Only a change needs to know of them.
            Err(failure) if failure.cause == Cause::Denied => Vec::new(),
            Err(failure) => return Err(failure),
        };
        Ok(Some(Policy {
            arn: arn.clone(),
            tags,
            document: document?,
            versions,
            uses,
            others: Others::Unasked,
        }))
    }

    /// The document that a managed policy has in force; `None` where there is no such policy.
    pub(crate) async fn managed_document(&self, arn: &PolicyArn) -> Result<Option<Document>, Failure> {
        match self.version_in_force(arn).await? {
            Some(in_force) => self.policy_document(arn, &in_force.version).await.map(Some),
            None => Ok(None),
        }
    }

    /// What GetPolicy says of a managed policy; `None` where there is no such policy.
    async fn version_in_force(&self, arn: &PolicyArn) -> Result<Option<InForce>, Failure> {
        const ACTION: &str = "iam:GetPolicy";
        let answer = self.iam.get_policy().policy_arn(arn.as_str()).send().await;
        let answer = match answer.map_err(|error| Failure::new(ACTION, arn.as_str(), error)) {
            Ok(answer) => answer,
            Err(failure) if failure.cause == Cause::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let odd = || {
            let message = "AWS answered without its default version";
            Failure::odd(ACTION, arn.as_str(), message)
        };
        let policy = answer.policy().ok_or_else(odd)?;
        let version = policy.default_version_id().ok_or_else(odd)?.to_owned();
        let attached = policy.attachment_count().and_then(|n| u32::try_from(n).ok());
        let bounding = policy.permissions_boundary_usage_count().unwrap_or_default();
        Ok(Some(InForce {
            tags: policy.tags().iter().map(tag_of).collect(),
            version,
            uses: attached.map(|uses| uses + u32::try_from(bounding).unwrap_or_default()),
        }))
    }

    async fn policy_versions(&self, arn: &PolicyArn) -> Result<Vec<Version>, Failure> {
        let mut list = Listing::new("iam:ListPolicyVersions", arn.as_str());
        let mut versions = Vec::new();
        loop {
            let request = self.iam.list_policy_versions();
            let request = request.policy_arn(arn.as_str()).set_marker(list.marker());
            let page = request.send().await.map_err(|error| list.failure(error))?;
            versions.extend(page.versions().iter().filter_map(|version| {
                Some(Version {
                    id: version.version_id()?.to_owned(),
                    is_default: version.is_default_version(),
                })
            }));
            let count = page.versions().len();
            if !list.goes_on(count, page.is_truncated(), page.marker())? {
                break;
            }
        }
        let number = |id: &str| id.trim_start_matches('v').parse::<u32>().ok();
        versions.sort_by_key(|version| number(&version.id));
        Ok(versions)
    }

    async fn policy_document(&self, arn: &PolicyArn, version: &str) -> Result<Document, Failure> {
        const ACTION: &str = "iam:GetPolicyVersion";
        let answer = self
            .iam
            .get_policy_version()
            .policy_arn(arn.as_str())
            .version_id(version)
            .send()
            .await;
        let answer = answer.map_err(|error| Failure::new(ACTION, arn.as_str(), error))?;
        let text = answer
            .policy_version()
            .and_then(|version| version.document())
            .unwrap_or_default();
        document(ACTION, arn.as_str(), text)
    }

    /// Every role of the account, by name. ListRoles brings trust policies along, and leaves tags out.
    pub(crate) async fn roles(&self) -> Result<Vec<RoleSummary>, Failure> {
        const ACTION: &str = "iam:ListRoles";
        let mut list = Listing::new(ACTION, "*");
        let mut roles = Vec::new();
        loop {
            let request = self.iam.list_roles().max_items(1000);
            let page = request.set_marker(list.marker()).send().await;
            let page = page.map_err(|error| list.failure(error))?;
            // Not ours to complain of: a role whose name or document this program cannot read does not trust Mixpanel.
            roles.extend(page.roles().iter().filter_map(|role| {
                let trust = role.assume_role_policy_document().unwrap_or_default();
                Some(RoleSummary {
                    name: role.role_name().parse().ok()?,
                    id: role.role_id().to_owned(),
                    arn: role.arn().parse().ok()?,
                    trust: document(ACTION, role.role_name(), trust).ok()?,
                })
            }));
            let count = page.roles().len();
            if !list.goes_on(count, page.is_truncated(), page.marker())? {
                break;
            }
        }
        roles.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(roles)
    }

    /// Makes a customer-managed policy.
    pub(crate) async fn create_policy(
        &self,
        arn: &PolicyArn,
        path: &IamPath,
        description: &str,
        document: &Document,
        tags: &[Tag],
    ) -> Result<(), Failure> {
        const ACTION: &str = "iam:CreatePolicy";
        self.iam
            .create_policy()
            .policy_name(arn.policy_name())
            .path(path.as_str())
            .description(description)
            .policy_document(document.to_json())
            .set_tags(Some(iam_tags(ACTION, arn.as_str(), tags)?))
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, arn.as_str(), error))
    }

    /// Gives a policy a new default version. IAM keeps five, so of five one has to go before.
    pub(crate) async fn replace_policy_document(&self, arn: &PolicyArn, document: &Document) -> Result<(), Failure> {
        // Not tried again by the SDK: after a lost answer, a second try would make a second version.
        let once = aws_sdk_iam::config::Builder::new().retry_config(RetryConfig::disabled());
        self.iam
            .create_policy_version()
            .policy_arn(arn.as_str())
            .policy_document(document.to_json())
            .set_as_default(true)
            .customize()
            .config_override(once)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("iam:CreatePolicyVersion", arn.as_str(), error))
    }

    /// Removes a version of a policy that is not the default one; one that is gone already is as good.
    pub(crate) async fn delete_policy_version(&self, arn: &PolicyArn, version: &str) -> Result<(), Failure> {
        self.iam
            .delete_policy_version()
            .policy_arn(arn.as_str())
            .version_id(version)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("iam:DeletePolicyVersion", arn.as_str(), error))
            .or_else(Failure::unless_gone)
    }

    /// Replaces an inline policy of a role.
    pub(crate) async fn put_inline_policy(
        &self,
        role: &RoleName,
        name: &str,
        document: &Document,
    ) -> Result<(), Failure> {
        self.iam
            .put_role_policy()
            .role_name(role.as_str())
            .policy_name(name)
            .policy_document(document.to_json())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("iam:PutRolePolicy", role.as_str(), error))
    }

    /// Adds tags to a policy.
    pub(crate) async fn tag_policy(&self, arn: &PolicyArn, tags: &[Tag]) -> Result<(), Failure> {
        const ACTION: &str = "iam:TagPolicy";
        self.iam
            .tag_policy()
            .policy_arn(arn.as_str())
            .set_tags(Some(iam_tags(ACTION, arn.as_str(), tags)?))
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, arn.as_str(), error))
    }

    /// Makes a role.
    pub(crate) async fn create_role(&self, role: NewRole<'_>) -> Result<(), Failure> {
        const ACTION: &str = "iam:CreateRole";
        let NewRole {
            name,
            path,
            trust,
            boundary,
            description,
            tags,
        } = role;
        self.iam
            .create_role()
            .role_name(name.as_str())
            .path(path.as_str())
            .assume_role_policy_document(trust.to_json())
            .set_permissions_boundary(boundary.map(|arn| arn.to_string()))
            .description(description)
            .set_tags(Some(iam_tags(ACTION, name.as_str(), tags)?))
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, name.as_str(), error))
    }

    /// Replaces who may assume a role.
    pub(crate) async fn update_trust(&self, role: &RoleName, trust: &Document) -> Result<(), Failure> {
        self.iam
            .update_assume_role_policy()
            .role_name(role.as_str())
            .policy_document(trust.to_json())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("iam:UpdateAssumeRolePolicy", role.as_str(), error))
    }

    /// Adds tags to a role.
    pub(crate) async fn tag_role(&self, role: &RoleName, tags: &[Tag]) -> Result<(), Failure> {
        const ACTION: &str = "iam:TagRole";
        self.iam
            .tag_role()
            .role_name(role.as_str())
            .set_tags(Some(iam_tags(ACTION, role.as_str(), tags)?))
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, role.as_str(), error))
    }

    /// Sets a role's permissions boundary.
    pub(crate) async fn put_boundary(&self, role: &RoleName, boundary: &PolicyArn) -> Result<(), Failure> {
        self.iam
            .put_role_permissions_boundary()
            .role_name(role.as_str())
            .permissions_boundary(boundary.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("iam:PutRolePermissionsBoundary", role.as_str(), error))
    }

    /// Attaches a managed policy to a role.
    pub(crate) async fn attach_policy(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), Failure> {
        self.iam
            .attach_role_policy()
            .role_name(role.as_str())
            .policy_arn(policy.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("iam:AttachRolePolicy", role.as_str(), error))
    }
}

fn tag_of(tag: &aws_sdk_iam::types::Tag) -> Tag {
    Tag {
        key: tag.key().to_owned(),
        value: tag.value().to_owned(),
    }
}

fn iam_tags(action: &'static str, resource: &str, tags: &[Tag]) -> Result<Vec<aws_sdk_iam::types::Tag>, Failure> {
    tags.iter()
        .map(|tag| {
            aws_sdk_iam::types::Tag::builder()
                .key(&tag.key)
                .value(&tag.value)
                .build()
        })
        .collect::<Result<_, BuildError>>()
        .map_err(|error| Failure::incomplete(action, resource, &error.to_string()))
}
