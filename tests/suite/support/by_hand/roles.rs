//! Roles, whom they trust, and what hangs on them.

use aws_sdk_iam::types::Tag;
use serde_json::Value;

use super::super::cloud::block_on;
use super::super::{Cloud, document};

impl Cloud {
    /// A role with customer-managed policies of these documents, named `<role>-0` and so on. The policies' ARNs.
    pub fn role_by_hand(&self, role: &str, trust: &Value, documents: &[Value]) -> Vec<String> {
        self.role_by_hand_under("/", role, trust);
        let attach = |(index, document): (usize, &Value)| {
            let arn = self.policy_by_hand(&format!("{role}-{index}"), document);
            self.attach(role, &arn);
            arn
        };
        documents.iter().enumerate().map(attach).collect()
    }

    /// A role on a path.
    pub fn role_by_hand_under(&self, path: &str, role: &str, trust: &Value) {
        let create = self.iam().create_role().path(path).role_name(role);
        let create = create.assume_role_policy_document(trust.to_string());
        block_on(create.send()).expect("a role");
    }

    /// Deletes a role, on which nothing hangs any more.
    pub fn delete_role(&self, role: &str) {
        block_on(self.iam().delete_role().role_name(role).send()).expect("deleted");
    }

    /// Whom a role trusts.
    pub fn trust(&self, role: &str) -> Value {
        let answer = block_on(self.iam().get_role().role_name(role).send()).expect("a role");
        let role = answer.role().expect("a role");
        document(role.assume_role_policy_document().expect("a trust policy"))
    }

    /// Has a role trust somebody else.
    pub fn set_trust(&self, role: &str, trust: &Value) {
        let update = self.iam().update_assume_role_policy().role_name(role);
        block_on(update.policy_document(trust.to_string()).send()).expect("a trust policy");
    }

    /// Tags a role.
    pub fn tag_role(&self, role: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build().expect("a tag");
        block_on(self.iam().tag_role().role_name(role).tags(tag).send()).expect("tagged");
    }

    /// Takes a tag off a role.
    pub fn untag_role(&self, role: &str, key: &str) {
        block_on(self.iam().untag_role().role_name(role).tag_keys(key).send()).expect("untagged");
    }

    /// Bounds what a role may do by a policy.
    pub fn bound(&self, role: &str, boundary: &str) {
        let put = self.iam().put_role_permissions_boundary().role_name(role);
        block_on(put.permissions_boundary(boundary).send()).expect("bounded");
    }

    /// Writes a policy into a role.
    pub fn put_inline(&self, role: &str, name: &str, document: &Value) {
        let put = self.iam().put_role_policy().role_name(role).policy_name(name);
        block_on(put.policy_document(document.to_string()).send()).expect("an inline policy");
    }

    /// What a policy says that is written into a role.
    pub fn inline(&self, role: &str, name: &str) -> Value {
        let get = self.iam().get_role_policy().role_name(role).policy_name(name);
        document(block_on(get.send()).expect("an inline policy").policy_document())
    }

    /// Takes a policy out of a role.
    pub fn delete_inline(&self, role: &str, name: &str) {
        let delete = self.iam().delete_role_policy().role_name(role).policy_name(name);
        block_on(delete.send()).expect("deleted");
    }

    /// Gives a role to the machines that an instance profile is for.
    pub fn put_into_instance_profile(&self, role: &str, profile: &str) {
        let create = self.iam().create_instance_profile().instance_profile_name(profile);
        block_on(create.send()).expect("an instance profile");
        let add = self.iam().add_role_to_instance_profile().instance_profile_name(profile);
        block_on(add.role_name(role).send()).expect("added");
    }

    /// Who the tests' AWS takes the caller for.
    pub fn caller(&self) -> String {
        let answer = block_on(self.sts().get_caller_identity().send()).expect("an identity");
        answer.arn().expect("an ARN").to_owned()
    }
}
