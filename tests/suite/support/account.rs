//! Everything that stands in a test's account, as one value: what two runs left can be compared object for object.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    PublicAccessBlockConfiguration,
};
use serde_json::{Value, json};

use super::Cloud;
use super::cloud::block_on;

type Objects = BTreeMap<String, Value>;

impl Cloud {
    /// Roles, customer-managed policies, buckets and keys, with everything that is set on them. Names that differ from
    /// test to test, and the keys' IDs, are made the same.
    pub fn everything(&self) -> Value {
        let (keys, ids) = self.keys_there();
        let all = json!({
            "roles": self.roles_there(),
            "policies": self.policies_there(),
            "buckets": self.buckets_there(),
            "keys": keys,
        });
        let mut text = self.normalize(&all.to_string());
        for (id, name) in ids {
            text = text.replace(&id, &self.normalize(&name));
        }
        serde_json::from_str(&text).expect("still JSON")
    }

    /// The same, to be read: all of it, or one kind of thing.
    pub fn shown(&self, kind: Option<&str>) -> String {
        let mut all = self.everything();
        // The emulator keeps no description of a role; moto does.
        for role in all["roles"].as_object_mut().expect("roles").values_mut() {
            role.as_object_mut().expect("a role").shift_remove("description");
        }
        match kind {
            Some(kind) => format!("{:#}", all[kind]),
            None => format!("{all:#}"),
        }
    }

    fn roles_there(&self) -> Objects {
        let iam = self.iam();
        let roles = block_on(iam.list_roles().send()).expect("roles");
        let describe = |name: &str| {
            let role = block_on(iam.get_role().role_name(name).send()).expect("a role");
            let role = role.role().expect("a role").clone();
            let tags = block_on(iam.list_role_tags().role_name(name).send()).expect("tags");
            let attached =
                block_on(iam.list_attached_role_policies().role_name(name).send()).expect("attached policies");
            let inline = block_on(iam.list_role_policies().role_name(name).send()).expect("inline policies");
            let inline: Objects = inline
                .policy_names()
                .iter()
                .map(|policy| {
                    let request = iam.get_role_policy().role_name(name).policy_name(policy);
                    let answer = block_on(request.send()).expect("an inline policy");
                    (policy.clone(), document(answer.policy_document()))
                })
                .collect();
            json!({
                "path": role.path(),
                "description": role.description(),
                "trust": document(role.assume_role_policy_document().unwrap_or_default()),
                "boundary": role.permissions_boundary().and_then(|b| b.permissions_boundary_arn()),
                "tags": tags.tags().iter().map(|tag| (tag.key(), tag.value())).collect::<BTreeMap<_, _>>(),
                "attached": sorted(attached.attached_policies().iter().filter_map(|policy| policy.policy_arn())),
                "inline": inline,
            })
        };
        let names = roles.roles().iter().map(|role| role.role_name().to_owned());
        names.map(|name| (name.clone(), describe(&name))).collect()
    }

    fn policies_there(&self) -> Objects {
        let iam = self.iam();
        let local = aws_sdk_iam::types::PolicyScopeType::Local;
        let policies = block_on(iam.list_policies().scope(local).send()).expect("policies");
        let describe = |arn: &str| {
            let tags = block_on(iam.list_policy_tags().policy_arn(arn).send()).expect("tags");
            let versions = block_on(iam.list_policy_versions().policy_arn(arn).send()).expect("versions");
            let documents: Objects = versions
                .versions()
                .iter()
                .map(|version| {
                    let id = version.version_id().expect("an ID").to_owned();
                    let request = iam.get_policy_version().policy_arn(arn).version_id(&id);
                    let answer = block_on(request.send()).expect("a version");
                    let text = answer.policy_version().and_then(|v| v.document());
                    let default = version.is_default_version();
                    let value = json!({ "default": default, "document": document(text.unwrap_or_default()) });
                    (id, value)
                })
                .collect();
            let tags: BTreeMap<_, _> = tags.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
            json!({ "tags": tags, "versions": documents })
        };
        let arns = policies.policies().iter().filter_map(|policy| policy.arn());
        arns.map(|arn| (arn.to_owned(), describe(arn))).collect()
    }

    fn buckets_there(&self) -> Objects {
        let s3 = self.s3("eu-west-1");
        let buckets = block_on(s3.list_buckets().send()).expect("buckets");
        let describe = |name: &str| {
            let head = block_on(s3.head_bucket().bucket(name).send()).ok();
            let tags = block_on(s3.get_bucket_tagging().bucket(name).send()).ok();
            let blocks = block_on(s3.get_public_access_block().bucket(name).send()).ok();
            let ownership = block_on(s3.get_bucket_ownership_controls().bucket(name).send()).ok();
            let encryption = block_on(s3.get_bucket_encryption().bucket(name).send()).ok();
            let policy = block_on(s3.get_bucket_policy().bucket(name).send()).ok();
            let lifecycle = block_on(s3.get_bucket_lifecycle_configuration().bucket(name).send()).ok();
            let versions = block_on(s3.list_object_versions().bucket(name).send()).ok();
            let tags = tags
                .as_ref()
                .map(|tags| tags.tag_set().iter().map(|tag| (tag.key(), tag.value())));
            json!({
                "region": head.and_then(|head| head.bucket_region().map(str::to_owned)),
                "tags": tags.map(|tags| tags.collect::<BTreeMap<_, _>>()),
                "blocks": blocks.and_then(|blocks| blocks.public_access_block_configuration().map(blocked)),
                "ownership": ownership.map(|ownership| {
                    let controls = ownership.ownership_controls().expect("controls");
                    sorted(controls.rules().iter().map(|rule| rule.object_ownership().as_str()))
                }),
                "encryption": encryption.and_then(|encryption| default_encryption(&encryption)),
                "policy": policy.map(|policy| document(policy.policy().unwrap_or_default())),
                "lifecycle": lifecycle.map(|lifecycle| {
                    let mut rules: Vec<Value> = lifecycle.rules().iter().map(lifecycle_rule).collect();
                    rules.sort_by_key(Value::to_string);
                    rules
                }),
                "objects": versions.map(|versions| versions.versions().len() + versions.delete_markers().len()),
            })
        };
        let names = buckets.buckets().iter().filter_map(|bucket| bucket.name());
        names.map(|name| (name.to_owned(), describe(name))).collect()
    }

    /// The keys, and what to call their IDs.
    fn keys_there(&self) -> (Vec<Value>, Vec<(String, String)>) {
        let kms = self.kms("eu-west-1");
        let aliases = block_on(kms.list_aliases().send()).expect("aliases");
        let keys = block_on(kms.list_keys().send()).expect("keys");
        let mut ids = Vec::new();
        let mut described: Vec<Value> = keys
            .keys()
            .iter()
            .filter_map(|key| key.key_id())
            .map(|id| {
                let key = block_on(kms.describe_key().key_id(id).send()).expect("a key");
                let key = key.key_metadata().expect("metadata").clone();
                let tags = block_on(kms.list_resource_tags().key_id(id).send()).expect("tags");
                let rotation = block_on(kms.get_key_rotation_status().key_id(id).send()).ok();
                let names = sorted(
                    aliases
                        .aliases()
                        .iter()
                        .filter_map(|alias| alias.alias_name().filter(|_| alias.target_key_id() == Some(id))),
                );
                ids.push((id.to_owned(), format!("key {}", names.join(" "))));
                json!({
                    "aliases": names,
                    "description": key.description(),
                    "state": key.key_state().map(|state| state.as_str()),
                    "tags": sorted(tags.tags().iter().map(|tag| format!("{}={}", tag.tag_key(), tag.tag_value()))),
                    "rotates": rotation.map(|status| status.key_rotation_enabled()),
                })
            })
            .collect();
        described.sort_by_key(Value::to_string);
        (described, ids)
    }
}

fn sorted(items: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let mut items: Vec<String> = items.into_iter().map(Into::into).collect();
    items.sort();
    items
}

/// Which kinds of public access are blocked.
fn blocked(blocks: &PublicAccessBlockConfiguration) -> Value {
    json!({
        "block_public_acls": blocks.block_public_acls(),
        "ignore_public_acls": blocks.ignore_public_acls(),
        "block_public_policy": blocks.block_public_policy(),
        "restrict_public_buckets": blocks.restrict_public_buckets(),
    })
}

/// A rule with what the tests and the program set; whatever else it has stands there as the SDK shows it.
fn lifecycle_rule(rule: &LifecycleRule) -> Value {
    let (id, prefix) = (rule.id(), rule.filter().and_then(|filter| filter.prefix()));
    let expires = rule.expiration().and_then(|expiration| expiration.days());
    let aborts = rule
        .abort_incomplete_multipart_upload()
        .and_then(|abort| abort.days_after_initiation());
    let known = LifecycleRule::builder()
        .status(rule.status().clone())
        .set_id(rule.id.clone())
        .set_filter(prefix.map(|prefix| LifecycleRuleFilter::builder().prefix(prefix).build()))
        .set_expiration(expires.map(|days| LifecycleExpiration::builder().days(days).build()))
        .set_abort_incomplete_multipart_upload(aborts.map(|days| {
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(days)
                .build()
        }));
    let known = known.build().expect("a rule");
    json!({
        "id": id,
        "status": rule.status().as_str(),
        "prefix": prefix,
        "expires_after_days": expires,
        "aborts_uploads_after_days": aborts,
        "more": (*rule != known).then(|| format!("{rule:?}")),
    })
}

/// A bucket that was never told says the same as one that was told SSE-S3, but for a bucket key that is off either way.
fn default_encryption(
    answer: &aws_sdk_s3::operation::get_bucket_encryption::GetBucketEncryptionOutput,
) -> Option<Value> {
    let rule = answer.server_side_encryption_configuration()?.rules().first()?;
    let default = rule.apply_server_side_encryption_by_default()?;
    Some(json!({
        "algorithm": default.sse_algorithm().as_str(),
        "key": default.kms_master_key_id(),
        "bucket_key": rule.bucket_key_enabled() == Some(true),
    }))
}

/// A document as IAM and S3 answer it, raw or percent-encoded.
pub fn document(text: &str) -> Value {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().expect("UTF-8");
    serde_json::from_str(&decoded).unwrap_or_else(|error| panic!("{error} in {decoded}"))
}
