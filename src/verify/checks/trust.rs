//! Whether the role lets Mixpanel in, with the right ExternalId and nobody else.

use std::collections::BTreeSet;

use super::super::access::{assumption, names_mixpanel, trusted_ids};
use super::{Case, Check, unread};
use crate::names::{ProjectToken, TokenShape};
use crate::observed::Role;
use crate::policy::build::MIXPANEL_USER_ARN;
use crate::policy::document::Principals;
use crate::policy::evaluate::{Decision, Fact, Named, Policies, Refusal, Rule, decide};
use crate::policy::{Statement, compare, merge};

const IDS: [&str; 5] = [
    "trust-external-id",
    "trust-principal",
    "trust-no-external-id",
    "trust-orphan-id",
    "trust-extra-conditions",
];
const REFUSED: &str = "AccessDenied: not authorized to perform: sts:AssumeRole";
const SOURCE: &str = "iam:GetRole → AssumeRolePolicyDocument";

pub(super) fn checks(case: &Case<'_>) -> Vec<Check> {
    let evidence = case.evidence;
    let Some(role) = &evidence.role else {
        let check = |id| match &evidence.unread_role {
            Some(denied) => unread(id, "the trust policy", &denied.action),
            None => Check::skipped(id, "there is no role"),
        };
        return IDS.map(check).into();
    };
    let naming: Vec<&Statement> = role
        .trust
        .statements()
        .iter()
        .filter(|statement| statement.allows() && names_mixpanel(statement))
        .collect();
    if naming.is_empty() {
        return not_named(case, role);
    }
    let trusted = trusted_ids(role);
    vec![
        external_id(case, role, &trusted),
        Check::pass("trust-principal", "the role trusts Mixpanel's export user")
            .because(format!("{SOURCE}: Principal {}", MIXPANEL_USER_ARN)),
        no_external_id(case, role),
        Check::pass(
            "trust-orphan-id",
            "no principal of the trust policy was deleted",
        )
        .because(SOURCE),
        extra_conditions(case, role, &trusted),
    ]
}

/// Nothing in the trust policy names Mixpanel: it names somebody else, or somebody who is gone.
fn not_named(case: &Case<'_>, role: &Role) -> Vec<Check> {
    let principals: BTreeSet<&str> = role
        .trust
        .statements()
        .iter()
        .filter(|statement| statement.allows())
        .flat_map(|statement| match statement.principals() {
            Principals::Aws(principals) => principals,
            _ => Vec::new(),
        })
        .collect();
    // IAM shows a deleted user or role by its unique ID, and a new one of the same name is another one.
    let is_orphan = |principal: &&&str| {
        principal.len() >= 16 && (principal.starts_with("AIDA") || principal.starts_with("AROA"))
    };
    let orphan = principals.iter().find(is_orphan);
    let wanted = case.wanted_trust(role);
    let diff = compare::diff(&role.trust, &wanted).to_string();
    let failure = match orphan {
        Some(orphan) => Check::fail(
            "trust-orphan-id",
            format!("the role trusts {orphan}, a user or role that was deleted since"),
        )
        .because(format!("{SOURCE}: Principal {orphan}, where an ARN was"))
        .advise("Saving the trust policy again with the ARN binds it to the one that exists now."),
        None => Check::fail(
            "trust-principal",
            format!("the role does not trust Mixpanel's export user ({MIXPANEL_USER_ARN})"),
        )
        .because(match principals.is_empty() {
            true => format!("{SOURCE}: no AWS principal in any Allow"),
            false => {
                let all: Vec<&str> = principals.iter().copied().collect();
                format!("{SOURCE}: Principal {}", all.join(", "))
            }
        }),
    }
    .mixpanel_sees(REFUSED)
    .edit(diff, case.setup_command(&[]));
    let id = failure.id;
    let mut failure = Some(failure);
    IDS.iter()
        .filter_map(|other| match *other == id {
            true => failure.take(),
            false => Some(Check::skipped(
                other,
                "the role does not trust Mixpanel at all",
            )),
        })
        .collect()
}

/// Whether the tokens that were given are among the ExternalIds that the role trusts.
fn external_id(case: &Case<'_>, role: &Role, trusted: &BTreeSet<String>) -> Check {
    const ID: &str = "trust-external-id";
    let shown: Vec<String> = trusted.iter().map(|id| masked(id)).collect();
    let shown = shown.join(", ");
    let tokens = &case.subject.tokens;
    if tokens.is_empty() && trusted.is_empty() {
        return Check::skipped(ID, "the role asks for no ExternalId");
    }
    if tokens.is_empty() {
        return Check::skipped(
            ID,
            format!("the role trusts the project token {shown}; --project-token compares it"),
        )
        .because(format!("{SOURCE}: sts:ExternalId"));
    }
    let matches = |token: &&ProjectToken| {
        let with = |id: &str| matches!(decision(case, role, Some(id)), Decision::Denied(_));
        let trusted_ok = trusted.iter().any(|id| !with(id));
        // Where not even a trusted ID gets in, something else is wrong as well: then the list itself tells.
        match trusted_ok {
            true => !with(token.expose()),
            false => trusted.is_empty() || trusted.contains(token.expose()),
        }
    };
    let Some(wrong) = tokens.iter().find(|token| !matches(token)) else {
        let tokens: Vec<String> = tokens.iter().map(ToString::to_string).collect();
        return Check::pass(
            ID,
            format!("the role trusts the project token {}", tokens.join(", ")),
        )
        .because(format!("{SOURCE}: sts:ExternalId"));
    };
    let why = trusted.iter().find_map(|id| likeness(id, wrong));
    let summary = format!(
        "the role trusts {shown}, and not the project token {wrong}{}",
        why.map(|why| format!(": {why}")).unwrap_or_default()
    );
    let wanted = case.wanted_trust(role);
    Check::fail(ID, summary)
        .because(format!("{SOURCE}: StringEquals sts:ExternalId {shown}"))
        .mixpanel_sees(REFUSED)
        .edit(
            compare::diff(&role.trust, &wanted).to_string(),
            case.setup_command(&[]),
        )
}

/// What an ExternalId that is not the token looks like.
fn likeness(id: &str, token: &ProjectToken) -> Option<&'static str> {
    if id.trim() == token.expose() {
        Some("there is white space around it")
    } else if id.eq_ignore_ascii_case(token.expose()) {
        Some("the two differ in case")
    } else if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("that looks like the project ID")
    } else if id
        .parse::<ProjectToken>()
        .is_ok_and(|id| id.shape() == TokenShape::Usual)
    {
        Some("another project's token, an API secret, or an older token")
    } else {
        None
    }
}

fn masked(id: &str) -> String {
    match id.parse::<ProjectToken>() {
        Ok(token) => token.to_string(),
        Err(invalid) => invalid.value,
    }
}

/// Whether the role can be assumed without an ExternalId: it works, and another customer of Mixpanel's could have it write here.
fn no_external_id(case: &Case<'_>, role: &Role) -> Check {
    const ID: &str = "trust-no-external-id";
    match decision(case, role, None) {
        Decision::Allowed { by } => {
            let statement = by.first().map_or(1, |source| source.statement + 1);
            let wanted = merge::trust_with(&role.trust, &case.wanted_ids(role), true);
            Check::warn(
                ID,
                "the role can be assumed without an ExternalId: anybody who learns its ARN can have Mixpanel write here",
            )
            .because(format!("{SOURCE}: statement {statement} has no condition on sts:ExternalId"))
            .mended_by(read_trust(role))
            .edit(
                compare::diff(&role.trust, &wanted).to_string(),
                write_trust(role),
            )
        }
        Decision::Denied(_) => {
            Check::pass(ID, "without an ExternalId nobody gets in").because(SOURCE)
        }
        Decision::Unknown { because, .. } => Check::unknown(
            ID,
            format!(
                "whether an ExternalId is needed hangs on {}",
                list(&because)
            ),
        ),
    }
}

/// Whether anything but the principal and the ExternalId stands in the way.
fn extra_conditions(case: &Case<'_>, role: &Role, trusted: &BTreeSet<String>) -> Check {
    const ID: &str = "trust-extra-conditions";
    let given = case.subject.tokens.first().map(|token| token.expose());
    let candidates: Vec<&str> = trusted.iter().map(String::as_str).chain(given).collect();
    let decisions = match candidates.is_empty() {
        true => vec![decision(case, role, None)],
        false => candidates
            .into_iter()
            .map(|id| decision(case, role, Some(id)))
            .collect(),
    };
    if decisions
        .iter()
        .any(|decision| matches!(decision, Decision::Allowed { .. }))
    {
        return Check::pass(ID, "nothing but the ExternalId is asked for").because(SOURCE);
    }
    let undecided = decisions.iter().find_map(|decision| match decision {
        Decision::Unknown { because, by, .. } => Some((because, by)),
        _ => None,
    });
    if let Some((because, by)) = undecided {
        let statement = by.first().map_or(1, |source| source.statement + 1);
        return Check::unknown(
            ID,
            format!(
                "whether Mixpanel gets in hangs on {}, which cannot be known from here",
                list(because)
            ),
        )
        .because(format!("{SOURCE}: the condition of statement {statement}"))
        .mixpanel_sees(REFUSED)
        .advise("Remove the condition: the ExternalId is what keeps others out.");
    }
    let check = match decisions.first() {
        Some(Decision::Denied(Refusal::Statement(source))) => {
            Check::fail(ID, "a Deny in the trust policy keeps Mixpanel out")
                .because(format!("{SOURCE}: statement {}", source.statement + 1))
        }
        _ => {
            let keys: BTreeSet<String> = role
                .trust
                .statements()
                .iter()
                .filter(|statement| statement.allows() && names_mixpanel(statement))
                .flat_map(Statement::condition_keys)
                .filter(|key| !key.eq_ignore_ascii_case("sts:ExternalId"))
                .map(str::to_owned)
                .collect();
            match keys.is_empty() {
                true => Check::fail(ID, "the trust policy's statement for Mixpanel does not allow sts:AssumeRole as it calls it"),
                false => Check::fail(
                    ID,
                    format!("the trust policy asks Mixpanel for more than the ExternalId: {}", list(&keys)),
                ),
            }
            .because(format!("{SOURCE}: Condition"))
        }
    };
    let wanted = merge::trust_with(&role.trust, &case.wanted_ids(role), true);
    check
        .mixpanel_sees(REFUSED)
        .mended_by(read_trust(role))
        .edit(
            compare::diff(&role.trust, &wanted).to_string(),
            write_trust(role),
        )
}

/// The trust policy as a file, in which the difference is made by hand.
fn read_trust(role: &Role) -> String {
    format!(
        "aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument --output json > trust.json",
        role.name
    )
}

fn write_trust(role: &Role) -> String {
    format!(
        "aws iam update-assume-role-policy --role-name {} --policy-document file://trust.json",
        role.name
    )
}

fn list(keys: &BTreeSet<String>) -> String {
    keys.iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What the trust policy says to Mixpanel with this ExternalId, or with none.
fn decision(case: &Case<'_>, role: &Role, external_id: Option<&str>) -> Decision {
    // A token of any text stands in: only the ExternalId of the request is read from it.
    let mut request = match "0".repeat(32).parse() {
        Ok(token) => assumption(case.evidence, role, &token),
        Err(_) => {
            return Decision::Denied(Refusal::NoAllow(crate::policy::evaluate::Layer::Resource));
        }
    };
    let id = external_id.map_or(Fact::Absent, |id| Fact::Known(vec![id.to_owned()]));
    request.context = request.context.with("sts:ExternalId", id);
    decide(
        &request,
        &Policies {
            identity: Vec::new(),
            boundary: None,
            resource: Some(Named {
                name: "trust policy".into(),
                document: &role.trust,
            }),
            unreadable: Vec::new(),
            rule: Rule::ResourceOnly,
        },
    )
}

impl Case<'_> {
    /// The tokens that were given, or else those that the role trusts.
    fn wanted_ids(&self, role: &Role) -> BTreeSet<String> {
        let given: BTreeSet<String> = self
            .subject
            .tokens
            .iter()
            .map(|token| token.expose().to_owned())
            .collect();
        match given.is_empty() {
            true => {
                let trusted = trusted_ids(role);
                match trusted.is_empty() {
                    true => ["PROJECT_TOKEN".to_owned()].into(),
                    false => trusted,
                }
            }
            false => given,
        }
    }

    /// The trust policy with Mixpanel's statement in it, and nothing of others lost.
    fn wanted_trust(&self, role: &Role) -> crate::policy::Document {
        merge::trust_with(&role.trust, &self.wanted_ids(role), false)
    }
}
