//! KMS: describing, listing and making keys.

use super::{Aws, Cause, Failure};
use crate::names::{AliasName, KeyArn, Tag};
use crate::observed::Key;

impl Aws {
    /// The key of an ARN, ID or alias; `None` where there is none.
    pub async fn key(&self, reference: &str) -> Result<Option<Key>, Failure> {
        const ACTION: &str = "kms:DescribeKey";
        let answer = self.kms.describe_key().key_id(reference).send().await;
        let answer = match answer.map_err(|error| Failure::new(ACTION, reference, error)) {
            Ok(answer) => answer,
            Err(failure) if failure.cause == Cause::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        Ok(answer.key_metadata().and_then(key_of))
    }

    /// The customer's own usable keys: symmetric, enabled, and named by an alias. `(alias, key)`, by alias.
    ///
    /// One DescribeKey for each alias, side by side: ListAliases does not say what kind of key an alias names.
    pub async fn usable_keys(&self) -> Result<Vec<(AliasName, Key)>, Failure> {
        const ACTION: &str = "kms:ListAliases";
        let mut pages = self.kms.list_aliases().into_paginator().items().send();
        let mut tasks = tokio::task::JoinSet::new();
        while let Some(entry) = pages.next().await {
            let entry = entry.map_err(|error| Failure::new(ACTION, "*", error))?;
            let (Some(name), Some(id)) = (entry.alias_name(), entry.target_key_id()) else {
                continue;
            };
            if name.starts_with("alias/aws/") {
                continue;
            }
            if let Ok(alias) = name.parse::<AliasName>() {
                let (aws, id) = (self.clone(), id.to_owned());
                tasks.spawn(async move { (alias, aws.key(&id).await) });
            }
        }
        let mut keys: Vec<(AliasName, Key)> = tasks
            .join_all()
            .await
            .into_iter()
            .filter_map(|(alias, key)| Some((alias, key.ok()??)))
            .filter(|(_, key)| {
                key.customer_managed && key.state == "Enabled" && key.spec == "SYMMETRIC_DEFAULT"
            })
            .collect();
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(keys)
    }

    /// Makes a symmetric key with the default key policy, which delegates to the account's IAM.
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
    pub async fn create_key(&self, description: &str, tags: &[Tag]) -> Result<KeyArn, Failure> {
        const ACTION: &str = "kms:CreateKey";
        let mut request = self.kms.create_key().description(description);
        for Tag { key, value } in tags {
            let tag = aws_sdk_kms::types::Tag::builder()
                .tag_key(key)
                .tag_value(value)
                .build();
            request = request
                .tags(tag.map_err(|error| Failure::incomplete(ACTION, "*", &error.to_string()))?);
        }
        let answer = request
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
    pub async fn create_alias(&self, alias: &AliasName, key: &KeyArn) -> Result<(), Failure> {
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
    pub async fn enable_key_rotation(&self, key: &KeyArn) -> Result<(), Failure> {
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
        state: text(metadata.key_state().map(|state| state.as_str())),
        spec: text(metadata.key_spec().map(|spec| spec.as_str())),
        customer_managed: metadata.key_manager() != Some(&aws_sdk_kms::types::KeyManagerType::Aws),
    })
}
