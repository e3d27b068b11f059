//! KMS: describing, listing and making keys.

use std::collections::BTreeSet;

use aws_config::retry::RetryConfig;

use super::bounds::Listing;
use super::failure::document;
use super::{Aws, Cause, Failure};
use crate::names::{AccountId, AliasName, KeyArn, Tag};
use crate::observed::{Key, KeyOwnership, Reading};
use crate::policy::Document;

impl Aws {
    /// The key of an ARN, ID or alias; `None` where there is none.
    pub(crate) async fn key(&self, reference: &str) -> Result<Option<Key>, Failure> {
        const ACTION: &str = "kms:DescribeKey";
        let answer = self.kms.describe_key().key_id(reference).send().await;
        let answer = match answer.map_err(|error| Failure::new(ACTION, reference, error)) {
            Ok(answer) => answer,
            Err(failure) if failure.cause == Cause::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let key = answer.key_metadata().and_then(key_of);
        let odd = || Failure::odd(ACTION, reference, "it does not say which key it is");
        key.ok_or_else(odd).map(Some)
    }

    /// The policy of a key, in the key's own region. KMS keeps one for each key, called `default`.
    /// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>
    pub(crate) async fn key_policy(&self, key: &KeyArn) -> Result<Reading<Document>, Failure> {
        const ACTION: &str = "kms:GetKeyPolicy";
        let request = self.kms.get_key_policy().key_id(key.as_str());
        let answer = request.policy_name("default").send().await;
        match answer.map_err(|error| Failure::new(ACTION, key.as_str(), error)) {
            Ok(answer) => document(ACTION, key.as_str(), answer.policy().unwrap_or_default()),
            Err(failure) => Err(failure),
        }
        .map(Reading::Known)
        .or_else(|failure| failure.unread().map(Reading::Unreadable))
    }

    /// The customer's own usable keys: symmetric, enabled, and named by an alias. `(alias, key)`, by alias.
    ///
    /// One DescribeKey for each alias, side by side: ListAliases does not say what kind of key an alias names.
    pub(crate) async fn usable_keys(&self) -> Result<Vec<(AliasName, Key)>, Failure> {
        let mut tasks = tokio::task::JoinSet::new();
        for (name, id) in self.aliases().await? {
            if name.starts_with("alias/aws/") {
                continue;
            }
            if let Ok(alias) = name.parse::<AliasName>() {
                let aws = self.clone();
                tasks.spawn(async move { (alias, aws.key(&id).await) });
            }
        }
        let mut keys: Vec<(AliasName, Key)> = tasks
            .join_all()
            .await
            .into_iter()
            .filter_map(|(alias, key)| Some((alias, key.ok()??)))
            .filter(|(_, key)| key.customer_managed && key.state == "Enabled" && key.spec == "SYMMETRIC_DEFAULT")
            .collect();
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(keys)
    }

    /// A usable key of that description that is ours and that no alias names: one whose making was cut short. A key
    /// that cannot be looked at, or that only looks like ours, is passed over.
    pub(crate) async fn unnamed_key(&self, description: &str, account: &AccountId) -> Result<Option<KeyArn>, Failure> {
        let named: BTreeSet<String> = self.aliases().await?.into_iter().map(|(_, id)| id).collect();
        let mut tasks = tokio::task::JoinSet::new();
        for id in self.key_ids().await? {
            if !named.contains(&id) {
                let aws = self.clone();
                tasks.spawn(async move { aws.key(&id).await });
            }
        }
        for key in tasks.join_all().await {
            let Ok(Some(key)) = key else { continue };
            let alike = key.description == description && key.state == "Enabled" && key.spec == "SYMMETRIC_DEFAULT";
            if !alike {
                continue;
            }
            let ownership = self.key_ownership(&key.arn).await?;
            if ownership.objection(account.as_str()).is_none() {
                return Ok(Some(key.arn));
            }
        }
        Ok(None)
    }

    /// What shows whose a key is, read side by side.
    pub(crate) async fn key_ownership(&self, key: &KeyArn) -> Result<KeyOwnership, Failure> {
        let (tags, policy) = tokio::try_join!(self.key_tags(key), self.key_policy(key))?;
        Ok(KeyOwnership { tags, policy })
    }

    /// The tags of a key.
    /// <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html>
    async fn key_tags(&self, key: &KeyArn) -> Result<Reading<Vec<Tag>>, Failure> {
        let request = self.kms.list_resource_tags().key_id(key.as_str());
        let answer = request.send().await;
        match answer.map_err(|error| Failure::new("kms:ListResourceTags", key.as_str(), error)) {
            Ok(answer) => Ok(Reading::Known(
                answer
                    .tags()
                    .iter()
                    .map(|tag| Tag {
                        key: tag.tag_key().to_owned(),
                        value: tag.tag_value().to_owned(),
                    })
                    .collect(),
            )),
            Err(failure) => failure.unread().map(Reading::Unreadable),
        }
    }

    /// The aliases that name a key, and the IDs of those keys.
    async fn aliases(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut list = Listing::new("kms:ListAliases", "*");
        let mut aliases = Vec::new();
        loop {
            let request = self.kms.list_aliases().limit(100);
            let page = request.set_marker(list.marker()).send().await;
            let page = page.map_err(|error| list.failure(error))?;
            aliases.extend(
                page.aliases()
                    .iter()
                    .filter_map(|entry| Some((entry.alias_name()?.to_owned(), entry.target_key_id()?.to_owned()))),
            );
            let count = page.aliases().len();
            if !list.goes_on(count, page.truncated(), page.next_marker())? {
                return Ok(aliases);
            }
        }
    }

    /// The IDs of all keys.
    async fn key_ids(&self) -> Result<Vec<String>, Failure> {
        let mut list = Listing::new("kms:ListKeys", "*");
        let mut ids = Vec::new();
        loop {
            let request = self.kms.list_keys().limit(1000);
            let page = request.set_marker(list.marker()).send().await;
            let page = page.map_err(|error| list.failure(error))?;
            ids.extend(page.keys().iter().filter_map(|key| Some(key.key_id()?.to_owned())));
            let count = page.keys().len();
            if !list.goes_on(count, page.truncated(), page.next_marker())? {
                return Ok(ids);
            }
        }
    }

    /// Makes a symmetric key with the default key policy, which delegates to the account's IAM.
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
    ///
    /// The SDK does not try this call again by itself: CreateKey has no client token, so a second try after a lost
    /// answer would make a second key. Whoever calls looks for [`Self::unnamed_key`] first.
    pub(crate) async fn create_key(&self, description: &str, tags: &[Tag]) -> Result<KeyArn, Failure> {
        const ACTION: &str = "kms:CreateKey";
        let mut request = self.kms.create_key().description(description);
        for Tag { key, value } in tags {
            let tag = aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value).build();
            request = request.tags(tag.map_err(|error| Failure::incomplete(ACTION, "*", &error.to_string()))?);
        }
        let once = aws_sdk_kms::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = request
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, "*", error))?;
        answer
            .key_metadata()
            .and_then(key_of)
            .map(|key| key.arn)
            .ok_or_else(|| Failure::incomplete(ACTION, "*", "AWS answered without the key's ARN"))
    }

    /// Names a key.
    pub(crate) async fn create_alias(&self, alias: &AliasName, key: &KeyArn) -> Result<(), Failure> {
        self.kms
            .create_alias()
            .alias_name(alias.as_str())
            .target_key_id(key.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("kms:CreateAlias", alias.as_str(), error))
    }

    /// Lets KMS replace the key's material once a year.
    pub(crate) async fn enable_key_rotation(&self, key: &KeyArn) -> Result<(), Failure> {
        self.kms
            .enable_key_rotation()
            .key_id(key.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("kms:EnableKeyRotation", key.as_str(), error))
    }
}

fn key_of(metadata: &aws_sdk_kms::types::KeyMetadata) -> Option<Key> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Some(Key {
        arn: metadata.arn()?.parse().ok()?,
        description: text(metadata.description()),
        state: text(metadata.key_state().map(|state| state.as_str())),
        spec: text(metadata.key_spec().map(|spec| spec.as_str())),
        customer_managed: metadata.key_manager() != Some(&aws_sdk_kms::types::KeyManagerType::Aws),
    })
}
