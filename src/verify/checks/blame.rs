//! Which check tells of a refused call. One mistake refuses many calls, and is told once.

use crate::observed::Reading;
use crate::policy::document::Effect;
use crate::policy::evaluate::explain::Matched;
use crate::policy::evaluate::{Decision, Layer, Refusal, Source};
use crate::policy::{Document, Statement, read};

use super::super::Access;
use super::super::evidence::{Evidence, KeyStanding};

/// A refused or undecided call, and the check that tells of it.
#[derive(Debug)]
pub(super) struct Blame<'a> {
    /// The check's ID.
    pub(super) id: &'static str,
    /// The call.
    pub(super) access: &'a Access,
    /// The statement that decides, where one does.
    pub(super) source: Option<&'a Source>,
    /// Whether it is known to be refused; else it cannot be known.
    pub(super) is_refused: bool,
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
        Decision::Denied(Refusal::NoAllow(layer)) => {
            blame(of_silence(access, *layer, evidence), None, true)
        }
        Decision::Unknown { by, .. } => match by.first() {
            Some(source) => blame(of_statement(access, source, evidence), Some(source), false),
            None => blame(of_unread(access, evidence), None, false),
        },
    }
}

/// The statements of which a check tells for this call: the one that decides, and those that deny the same behind it.
pub(super) fn sources(access: &Access, evidence: &Evidence, id: &str) -> Vec<Source> {
    let Some(blame) = blame(access, evidence).filter(|blame| blame.id == id) else {
        return Vec::new();
    };
    let weighed = access.judgement.weighed.iter();
    let behind = weighed
        .filter(|one| one.effect != Effect::Allow && one.matched != Matched::No)
        .map(|one| &one.source)
        .filter(|source| of_statement(access, source, evidence) == id);
    let mut sources: Vec<Source> = behind.chain(blame.source).cloned().collect();
    sources.sort();
    sources.dedup();
    sources
}

fn of_statement(access: &Access, source: &Source, evidence: &Evidence) -> &'static str {
    let statement = statement(access, source, evidence);
    let conditioned_on = |prefixes: &[&str]| {
        statement.is_some_and(|statement| {
            statement.condition_keys().iter().any(|key| {
                let key = key.to_ascii_lowercase();
                prefixes.iter().any(|prefix| key.starts_with(prefix))
            })
        })
    };
    let on_context = || conditioned_on(&["kms:encryptioncontext"]);
    match (source.layer, access.call.is_of_kms()) {
        (Layer::Boundary, _) => "permissions-boundary",
        (_, true) if on_context() => "kms-encryption-context",
        (Layer::Identity, true) => "kms-iam-actions",
        (Layer::Identity, false) => "s3-actions",
        (Layer::Resource, true) if is_foreign_key(evidence) => "kms-other-account",
        (Layer::Resource, true) => "kms-key-policy",
        (Layer::Resource, false) if conditioned_on(&["s3:x-amz-server-side-encryption"]) => {
            "bucket-policy-sse"
        }
        (Layer::Resource, false) if conditioned_on(&NETWORK_KEYS) => "bucket-policy-network",
        (Layer::Resource, false) => "bucket-policy-principal",
    }
}

/// Condition keys that speak of the network a request comes from, in lowercase.
const NETWORK_KEYS: [&str; 4] = [
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:vpcsourceip",
    "aws:vpce",
];

/// No document of a layer allows the call.
fn of_silence(access: &Access, layer: Layer, evidence: &Evidence) -> &'static str {
    let documents = || evidence.grants.iter().map(|grant| &grant.document);
    let is_kms = access.call.is_of_kms();
    match layer {
        Layer::Boundary => "permissions-boundary",
        Layer::Identity if is_kms && asks_for_context(documents(), access) => {
            "kms-encryption-context"
        }
        Layer::Identity if is_kms && names_another_key(documents(), access) => "kms-arn-match",
        Layer::Identity if is_kms => "kms-iam-actions",
        Layer::Identity => {
            let bucket = evidence.bucket_name();
            let names_bucket = bucket.is_some_and(|bucket| {
                let prefix = format!("arn:aws:s3:::{bucket}");
                documents()
                    .flat_map(Document::statements)
                    .filter(|statement| statement.allows())
                    .any(|statement| {
                        // A statement that says where it is not speaks of the bucket, and leaves it out.
                        let by_exception = statement.map().contains_key("NotResource");
                        by_exception || names(&statement.resources(), &prefix)
                    })
            });
            match names_bucket {
                true => "s3-actions",
                false => "policy-attached",
            }
        }
        Layer::Resource if !is_kms => "bucket-other-account",
        Layer::Resource if is_foreign_key(evidence) => "kms-other-account",
        Layer::Resource => match &evidence.key {
            KeyStanding::Here {
                policy: Reading::Known(policy),
                ..
            } if asks_for_context([policy], access) => "kms-encryption-context",
            _ => "kms-key-policy",
        },
    }
}

/// Whether one of these resources is the bucket, or something in it.
fn names(resources: &[&str], bucket: &str) -> bool {
    resources.iter().any(|resource| {
        let rest = resource.strip_prefix(bucket);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']))
            || read::matches_pattern(resource, bucket)
    })
}

/// It hangs on what could not be read.
fn of_unread(access: &Access, evidence: &Evidence) -> &'static str {
    let boundary_unread = matches!(evidence.boundary, Some(Reading::Unreadable(_)));
    match access.call.is_of_kms() {
        _ if boundary_unread => "permissions-boundary",
        _ if !evidence.unread_grants.is_empty() => "policy-attached",
        true => "kms-key-policy",
        false
            if evidence
                .facts()
                .is_some_and(|facts| facts.settings.policy.known().is_none()) =>
        {
            "bucket-policy-principal"
        }
        false => "s3-actions",
    }
}

fn is_foreign_key(evidence: &Evidence) -> bool {
    match (&evidence.key, &evidence.role) {
        (KeyStanding::Here { key, .. }, Some(role)) => key.arn.account() != role.arn.account(),
        _ => false,
    }
}

/// Whether some statement that would allow the call asks for an encryption context.
fn asks_for_context<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
    access: &Access,
) -> bool {
    allowing(documents, access).any(|statement| {
        let keys = statement.condition_keys();
        keys.iter().any(|key| {
            key.to_ascii_lowercase()
                .starts_with("kms:encryptioncontext")
        })
    })
}

/// Whether some statement allows the call's action, on other keys than this one.
fn names_another_key<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
    access: &Access,
) -> bool {
    allowing(documents, access).any(|statement| {
        let resources = statement.resources();
        !resources.is_empty()
            && !resources
                .iter()
                .any(|pattern| read::matches_pattern(pattern, &access.judgement.request.resource))
    })
}

fn allowing<'a>(
    documents: impl IntoIterator<Item = &'a Document>,
    access: &Access,
) -> impl Iterator<Item = &'a Statement> {
    let action = access.call.action().to_ascii_lowercase();
    documents
        .into_iter()
        .flat_map(Document::statements)
        .filter(move |statement| {
            let mut actions = statement.actions().into_iter();
            statement.allows() && actions.any(|pattern| read::action_matches(pattern, &action))
        })
}

/// The statement that a source names.
pub(super) fn statement<'a>(
    access: &Access,
    source: &Source,
    evidence: &'a Evidence,
) -> Option<&'a Statement> {
    let document = match source.layer {
        Layer::Identity => {
            let mut grants = evidence.grants.iter();
            &grants.find(|grant| grant.name == source.policy)?.document
        }
        Layer::Boundary => evidence.boundary.as_ref()?.known()?,
        Layer::Resource if access.call.is_of_kms() => match &evidence.key {
            KeyStanding::Here { policy, .. } => policy.known()?,
            _ => return None,
        },
        Layer::Resource if access.call.is_of_s3() => {
            evidence.facts()?.settings.policy.known()?.as_ref()?
        }
        Layer::Resource => &evidence.role.as_ref()?.trust,
    };
    document.statements().get(source.statement)
}
