//! What is changed by hand in a policy that somebody else wrote: which statement, and what it says afterwards.
//!
//! A change is judged before it is offered: what is left goes through the same evaluation until the check has nothing
//! to tell any more, since one Deny may hide another.

use std::collections::BTreeSet;

use super::super::access::{self, source_text};
use super::blame;
use super::settings::of_bucket;
use super::{Check, CheckId, Examined};
use crate::command_line::CommandLine;
use crate::names::BucketName;
use crate::observed::{Key, Reading};
use crate::policy::amend::{self, Amendment, Spared};
use crate::policy::evaluate::{Layer, Source};
use crate::policy::{Document, Statement, build};
use crate::verify::evidence::{BucketFacts, BucketStanding, Evidence, KeyStanding};

/// A document on its way, with what is said of each change.
pub(super) struct Edit {
    draft: Amendment,
    told: Vec<String>,
}

impl Edit {
    /// The document as it is.
    pub(super) fn of(document: &Document) -> Self {
        Self {
            draft: Amendment::new(document),
            told: Vec::new(),
        }
    }

    /// What the document says by now.
    pub(super) fn document(&self) -> &Document {
        self.draft.document()
    }

    /// The changes, as one sentence.
    pub(super) fn change(&self) -> String {
        self.told.join("; ")
    }

    /// What goes and what comes, line by line.
    pub(super) fn diff(&self) -> String {
        self.draft.diff().to_string()
    }

    /// Puts a statement, or none, in the place of one. Whether that could be done: what was put there already is not
    /// changed again.
    pub(super) fn replace(&mut self, at: usize, by: Option<Statement>, told: String) -> bool {
        let is_original = self.draft.original(at).is_some();
        if is_original {
            self.draft.replace(at, by);
            self.told.push(told);
        }
        is_original
    }

    /// Adds a statement, once.
    fn add(&mut self, statement: Statement) -> bool {
        let is_new = !self.document().statements().contains(&statement);
        if is_new {
            self.draft.add(statement);
            self.told.push("add this statement to those that are there".to_owned());
        }
        is_new
    }

    /// Removes the statement that a source names. `source` is where it stands by now.
    pub(super) fn remove(&mut self, source: &Source) -> bool {
        let place = self.place(source);
        self.replace(source.statement, None, format!("remove {place}"))
    }

    /// Where a statement stood in the original, as words.
    fn place(&self, source: &Source) -> String {
        let at = source.statement;
        source_text(&Source {
            statement: self.draft.original(at).unwrap_or(at),
            ..source.clone()
        })
    }

    /// Has a Deny spare the principal of an ARN, which is called so. `source` is where it stands by now.
    pub(super) fn spare(&mut self, source: &Source, arn: &str, called: &str) -> bool {
        let at = source.statement;
        let Some(statement) = self.document().statements().get(at) else {
            return false;
        };
        let place = self.place(source);
        match amend::spared(statement, arn) {
            Spared::Gone => self.replace(at, None, format!("remove {place}, which names {called}")),
            Spared::Unnamed(rest) => self.replace(at, Some(rest), format!("take {called} out of {place}")),
            Spared::Exempted(rest) => self.replace(at, Some(rest), format!("exempt {called} in {place}")),
        }
    }
}

/// How often a changed document is judged again: a change may show what was behind it, such as a call that nothing
/// allows.
const TURNS: usize = 4;

/// Changes a document until a check has nothing to tell of it any more, or nothing is left to change. `mend` is given
/// each statement that decides, from the last one on, so that what it removes moves nothing that comes; or none, where
/// nothing allows.
fn until_let_in(
    case: &Examined<'_>,
    id: CheckId,
    document: &Document,
    put: impl Fn(&mut Evidence, Document),
    mend: impl Fn(&mut Edit, Option<&Source>) -> bool,
) -> Edit {
    let mut edit = Edit::of(document);
    let mut evidence = case.evidence.clone();
    for _ in 0..TURNS {
        let access = access::table(case.subject, &evidence);
        let mut blamed = access.iter().filter_map(|access| blame::blame(access, &evidence));
        if !blamed.any(|blame| blame.id == id) {
            break;
        }
        let calls = access.iter();
        let sources: BTreeSet<Source> = calls
            .flat_map(|access| blame::sources(access, &evidence, id))
            .filter(|source| source.layer == Layer::Resource)
            .collect();
        let mut changed = sources.is_empty() && mend(&mut edit, None);
        for source in sources.iter().rev() {
            changed |= mend(&mut edit, Some(source));
        }
        if !changed {
            break;
        }
        put(&mut evidence, edit.document().clone());
    }
    edit
}

/// The check with what lets the role in through the bucket's policy; `note` ends the sentence.
pub(super) fn of_bucket_policy(case: &Examined<'_>, check: Check, note: &str) -> Check {
    let facts = case.evidence.facts();
    let (Some(facts), Some(bucket), Some(role)) = (facts, case.evidence.bucket_name(), &case.evidence.role) else {
        return check;
    };
    let Reading::Known(Some(policy)) = &facts.settings.policy else {
        return check;
    };
    let put = |evidence: &mut Evidence, document| {
        if let Some((_, BucketStanding::Here(facts))) = &mut evidence.bucket {
            facts.settings.policy = Reading::Known(Some(document));
        }
    };
    let edit = until_let_in(case, check.id, policy, put, |edit, source| {
        let Some(source) = source else {
            return false;
        };
        match is_allow(edit.document(), source) {
            true => edit.add(build::let_in(&role.arn, bucket)),
            false => edit.spare(source, role.arn.as_str(), "the role"),
        }
    });
    let change = format!("{}{note}", edit.change());
    bucket_policy_by_hand(check, facts, bucket, &edit, change)
}

/// The check with a change of the bucket's policy.
fn bucket_policy_by_hand(check: Check, facts: &BucketFacts, bucket: &BucketName, edit: &Edit, change: String) -> Check {
    let of_bucket = |operation| of_bucket(operation, facts, bucket);
    // S3 takes no policy without a statement.
    if edit.document().statements().is_empty() {
        return check.edit(edit.diff(), of_bucket("delete-bucket-policy"));
    }
    let read = of_bucket("get-bucket-policy")
        .option("--query", "Policy")
        .option("--output", "text")
        .written_to("policy.json");
    let write = of_bucket("put-bucket-policy").file("--policy", "policy.json");
    check.by_hand([read, write], change, edit.diff())
}

/// The check with what lets the role use the key through the key's policy.
pub(super) fn of_key_policy(case: &Examined<'_>, check: Check) -> Check {
    let (
        KeyStanding::Here {
            key,
            policy: Reading::Known(policy),
        },
        Some(role),
    ) = (&case.evidence.key, &case.evidence.role)
    else {
        return check;
    };
    let put = |evidence: &mut Evidence, document| {
        if let KeyStanding::Here { policy, .. } = &mut evidence.key {
            *policy = Reading::Known(document);
        }
    };
    let bucket = case.evidence.bucket_name();
    let asking = bucket.filter(|_| check.id == CheckId::KmsEncryptionContext);
    let edit = until_let_in(case, check.id, policy, put, |edit, source| match source {
        Some(source) if !is_allow(edit.document(), source) => edit.spare(source, role.arn.as_str(), "the role"),
        _ => match asking {
            Some(bucket) => fit_context(edit, bucket),
            None => edit.add(build::key_delegation(key.arn.account())),
        },
    });
    check.by_hand(key_policy_as_a_file(key), edit.change(), edit.diff())
}

/// Has the first statement of a key's policy that allows for another encryption context only take S3's.
fn fit_context(edit: &mut Edit, bucket: &BucketName) -> bool {
    let statements = edit.document().statements().iter().enumerate();
    let asks = |(at, statement): &(usize, &Statement)| {
        let mut keys = statement.condition_keys().into_iter();
        statement.allows()
            && edit.draft.original(*at).is_some()
            && keys.any(|key| {
                let key = key.to_ascii_lowercase();
                key.starts_with("kms:encryptioncontext")
            })
    };
    let Some((at, statement)) = statements.into_iter().find(asks) else {
        return false;
    };
    let fitting = amend::with_context_of_s3(statement, bucket);
    let number = edit.draft.original(at).unwrap_or(at) + 1;
    let told = format!("have statement {number} ask for the encryption context that S3 sends");
    edit.replace(at, Some(fitting), told)
}

/// The commands that write a key's policy to a file, and the file to the key.
fn key_policy_as_a_file(key: &Key) -> [CommandLine; 2] {
    let of_key = |operation| {
        CommandLine::aws(["kms", operation])
            .option("--region", key.arn.region())
            .option("--key-id", &key.arn)
            .option("--policy-name", "default")
    };
    let read = of_key("get-key-policy")
        .option("--query", "Policy")
        .option("--output", "text")
        .written_to("key-policy.json");
    [read, of_key("put-key-policy").file("--policy", "key-policy.json")]
}

/// A key's policy in which nobody is named from outside the key's account. One that nobody could administer any more
/// delegates to the account's IAM, without which KMS takes no policy.
fn without_outsiders(policy: &Document, account: &str, found: &[usize]) -> Edit {
    let mut edit = Edit::of(policy);
    // From the last one on, so that what is removed moves nothing that comes.
    for (at, statement) in policy.statements().iter().enumerate().rev() {
        if found.contains(&at) {
            let left = amend::for_account_alone(statement, account);
            let told = match left {
                Some(_) => format!("leave nobody but the account's own in statement {}", at + 1),
                None => format!("remove statement {}", at + 1),
            };
            edit.replace(at, left, told);
        }
    }
    edit
}

/// The check with what keeps those out whom statements of the bucket's policy let in from outside its account.
pub(super) fn bucket_without_outsiders(case: &Examined<'_>, check: Check, policy: &Document, found: &[usize]) -> Check {
    let (Some(facts), Some(bucket)) = (case.evidence.facts(), case.evidence.bucket_name()) else {
        return check;
    };
    let edit = without_outsiders(policy, facts.owner.as_str(), found);
    let change = format!("unless they are meant to read or write there, {}", edit.change());
    bucket_policy_by_hand(check, facts, bucket, &edit, change)
}

/// The check with what keeps those out whom statements of the key's policy let in from outside its account.
pub(super) fn key_without_outsiders(check: Check, key: &Key, policy: &Document, found: &[usize]) -> Check {
    let mut edit = without_outsiders(policy, key.arn.account(), found);
    if !edit.document().statements().iter().any(Statement::allows) {
        edit.add(build::key_delegation(key.arn.account()));
    }
    let change = format!("unless they are meant to read the exports, {}", edit.change());
    check.by_hand(key_policy_as_a_file(key), change, edit.diff())
}

fn is_allow(document: &Document, source: &Source) -> bool {
    let statement = document.statements().get(source.statement);
    statement.is_some_and(Statement::allows)
}
