//! Which check tells of a refused call. One mistake refuses many calls, and is told once.

use std::collections::BTreeSet;

use crate::observed::Reading;
use crate::policy::Document;
use crate::policy::evaluate::covers::pattern_covers;
use crate::policy::evaluate::explain::Weighed;
use crate::policy::evaluate::{Decision, Layer, Refusal, Source};

use super::super::Access;
use super::super::evidence::{Evidence, KeyStanding};
use super::CheckId;

/// A refused or undecided call, and the check that tells of it.
#[derive(Debug)]
pub(super) struct Blame<'a> {
    /// The check's ID.
    pub(super) id: CheckId,
    /// The call.
    pub(super) access: &'a Access,
    /// The statement that decides, where one does.
    pub(super) source: Option<&'a Source>,
    /// Whether it is known to be refused; else it cannot be known.
    pub(super) is_refused: bool,
}

impl Blame<'_> {
    /// Whether a statement decides that does not allow.
    pub(super) fn is_deny(&self) -> bool {
        let judgement = &self.access.judgement;
        self.source.is_some_and(|source| !judgement.allows(source))
    }
}

/// Which check tells of this call; none where it is allowed. Of AssumeRole the trust checks tell by themselves.
pub(super) fn blame<'a>(access: &'a Access, evidence: &Evidence) -> Option<Blame<'a>> {
    if !access.call.is_of_s3() && !access.call.is_of_kms() {
        return None;
    }
    let blame = |id, source, is_refused| {
        Some(Blame {
            id,
            access,
            source,
            is_refused,
        })
    };
    match &access.judgement.decision {
        Decision::Allowed { .. } => None,
        Decision::Denied(Refusal::Statement(source)) => {
            blame(of_statement(access, source, evidence), Some(source), true)
        }
        Decision::Denied(Refusal::NoAllow(layer)) => blame(of_silence(access, *layer, evidence), None, true),
        Decision::Unknown { by, .. } => match by.first() {
            Some(source) => blame(of_statement(access, source, evidence), Some(source), false),
            None => blame(of_unread(access, evidence), None, false),
        },
    }
}

/// The statements of which a check tells for this call: the one that decides, and those that deny the same behind it.
pub(super) fn sources(access: &Access, evidence: &Evidence, id: CheckId) -> BTreeSet<Source> {
    let Some(blame) = blame(access, evidence).filter(|blame| blame.id == id) else {
        return BTreeSet::new();
    };
    let weighed = access.judgement.weighed.iter();
    let behind = weighed
        .filter(|one| one.may_deny())
        .map(|one| &one.source)
        .filter(|source| of_statement(access, source, evidence) == id);
    behind.chain(blame.source).cloned().collect()
}

fn of_statement(access: &Access, source: &Source, evidence: &Evidence) -> CheckId {
    let statement = access.judgement.statement(source);
    let conditioned_on =
        |prefixes: &[&str]| statement.is_some_and(|one| prefixes.iter().any(|prefix| one.asks_for(prefix)));
    let on_context = || conditioned_on(&[ENCRYPTION_CONTEXT]);
    match (source.layer, access.call.is_of_kms()) {
        (Layer::Boundary, _) => CheckId::PermissionsBoundary,
        (_, true) if on_context() => CheckId::KmsEncryptionContext,
        (Layer::Identity, true) => CheckId::KmsIamActions,
        (Layer::Identity, false) => CheckId::S3Actions,
        (Layer::Resource, true) if is_foreign_key(evidence) => CheckId::KmsOtherAccount,
        (Layer::Resource, true) => CheckId::KmsKeyPolicy,
        (Layer::Resource, false) if conditioned_on(&["s3:x-amz-server-side-encryption"]) => CheckId::BucketPolicySse,
        (Layer::Resource, false) if conditioned_on(&NETWORK_KEYS) => CheckId::BucketPolicyNetwork,
        (Layer::Resource, false) => CheckId::BucketPolicyPrincipal,
    }
}

/// How the condition keys of an encryption context begin, in lowercase.
const ENCRYPTION_CONTEXT: &str = "kms:encryptioncontext";

/// Condition keys that speak of the network a request comes from, in lowercase.
const NETWORK_KEYS: [&str; 4] = ["aws:sourceip", "aws:sourcevpc", "aws:vpcsourceip", "aws:vpce"];

/// No document of a layer allows the call.
fn of_silence(access: &Access, layer: Layer, evidence: &Evidence) -> CheckId {
    let is_kms = access.call.is_of_kms();
    let mut allowing = access
        .judgement
        .weighed
        .iter()
        .filter(|one| one.source.layer == layer && one.allows_action());
    let asks_for_context = allowing.clone().any(|one| one.asks_for(ENCRYPTION_CONTEXT));
    match layer {
        Layer::Boundary => CheckId::PermissionsBoundary,
        Layer::Identity if is_kms && asks_for_context => CheckId::KmsEncryptionContext,
        Layer::Identity if is_kms && allowing.any(Weighed::names_other_resources) => CheckId::KmsArnMatch,
        Layer::Identity if is_kms => CheckId::KmsIamActions,
        Layer::Identity => {
            let bucket = evidence.bucket_name();
            let names_bucket = bucket.is_some_and(|bucket| {
                let prefix = format!("arn:aws:s3:::{bucket}");
                let documents = evidence.grants.iter().map(|grant| &grant.document);
                documents
                    .flat_map(Document::statements)
                    .filter(|statement| statement.allows())
                    .any(|statement| {
                        // A statement that says where it is not speaks of the bucket, and leaves it out.
                        let by_exception = statement.map().contains_key("NotResource");
                        by_exception || names(&statement.resources(), &prefix)
                    })
            });
            match names_bucket {
                true => CheckId::S3Actions,
                false => CheckId::PolicyAttached,
            }
        }
        Layer::Resource if !is_kms => CheckId::BucketOtherAccount,
        Layer::Resource if is_foreign_key(evidence) => CheckId::KmsOtherAccount,
        Layer::Resource if asks_for_context => CheckId::KmsEncryptionContext,
        Layer::Resource => CheckId::KmsKeyPolicy,
    }
}

/// Whether one of these resources is the bucket, or something in it.
fn names(resources: &[&str], bucket: &str) -> bool {
    resources.iter().any(|resource| {
        let rest = resource.strip_prefix(bucket);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*'])) || pattern_covers(resource, bucket)
    })
}

/// It hangs on what could not be read.
fn of_unread(access: &Access, evidence: &Evidence) -> CheckId {
    let boundary_unread = matches!(evidence.boundary, Some(Reading::Unreadable(_)));
    match access.call.is_of_kms() {
        _ if boundary_unread => CheckId::PermissionsBoundary,
        _ if !evidence.unread_grants.is_empty() => CheckId::PolicyAttached,
        true => CheckId::KmsKeyPolicy,
        false
            if evidence
                .facts()
                .is_some_and(|facts| facts.settings.policy.known().is_none()) =>
        {
            CheckId::BucketPolicyPrincipal
        }
        false => CheckId::S3Actions,
    }
}

fn is_foreign_key(evidence: &Evidence) -> bool {
    match (&evidence.key, &evidence.role) {
        (KeyStanding::Here { key, .. }, Some(role)) => key.arn.account() != role.arn.account(),
        _ => false,
    }
}
