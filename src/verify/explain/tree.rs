//! The whole decision about one call, step by step, in the order in which AWS looks at policies.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>

use crate::policy::document::Effect;
use crate::policy::evaluate::explain::{Judgement, Matched, Weighed};
use crate::policy::evaluate::{Layer, Rule};

/// A kind of policies, in the order in which AWS looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The statements of all policies that deny.
    Deny,
    /// Resource control policies.
    ResourceControl,
    /// Service control policies.
    ServiceControl,
    /// The policy of the bucket, the key or the role.
    Resource,
    /// The policies of the role.
    Identity,
    /// The permissions boundary of the role.
    Boundary,
    /// What Mixpanel may narrow its own session with.
    Session,
}

impl Kind {
    /// The name in JSON.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Deny => "explicit-deny",
            Self::ResourceControl => "resource-control-policies",
            Self::ServiceControl => "service-control-policies",
            Self::Resource => "resource-based-policy",
            Self::Identity => "identity-based-policies",
            Self::Boundary => "permissions-boundary",
            Self::Session => "session-policies",
        }
    }

    /// The name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Deny => "Deny statements of every policy",
            Self::ResourceControl => "Resource control policies",
            Self::ServiceControl => "Service control policies",
            Self::Resource => "Resource-based policy",
            Self::Identity => "Identity-based policies",
            Self::Boundary => "Permissions boundary",
            Self::Session => "Session policies",
        }
    }
}

/// What a kind of policies comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A statement denies.
    Denies,
    /// No statement denies.
    DoesNotDeny,
    /// A statement allows.
    Allows,
    /// No statement allows.
    DoesNotAllow,
    /// It cannot be known; why.
    Unknown(Vec<String>),
    /// There is no such policy.
    None,
    /// No account sees these policies; why.
    OutOfSight(&'static str),
}

impl Outcome {
    /// The name in JSON.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            Self::Denies => "denies",
            Self::DoesNotDeny => "does-not-deny",
            Self::Allows => "allows",
            Self::DoesNotAllow => "does-not-allow",
            Self::Unknown(_) => "unknown",
            Self::None => "none",
            Self::OutOfSight(_) => "not-visible",
        }
    }
}

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExplainedStep<'a> {
    /// Which policies.
    pub(crate) kind: Kind,
    /// What they come to by themselves.
    pub(crate) outcome: Outcome,
    /// Their statements.
    pub(crate) statements: Vec<&'a Weighed>,
}

/// The steps of a decision, in AWS's order.
pub(crate) fn steps(judgement: &Judgement) -> Vec<ExplainedStep<'_>> {
    let hidden = |kind, why| ExplainedStep {
        kind,
        outcome: Outcome::OutOfSight(why),
        statements: Vec::new(),
    };
    let mut steps = vec![
        denying(judgement),
        hidden(
            Kind::ResourceControl,
            "AWS Organizations shows them to its management account",
        ),
        hidden(
            Kind::ServiceControl,
            "AWS Organizations shows them to its management account; the check scp says what the policy simulator \
             knows",
        ),
        allowing(judgement, Kind::Resource, Layer::Resource),
    ];
    // Whoever assumes a role is let in by its trust policy; his own policies are for his own account to mind.
    if judgement.rule != Rule::ResourceOnly {
        steps.push(allowing(judgement, Kind::Identity, Layer::Identity));
        steps.push(allowing(judgement, Kind::Boundary, Layer::Boundary));
        steps.push(hidden(
            Kind::Session,
            "Mixpanel passes them or does not when it assumes the role",
        ));
    }
    steps
}

/// Which of the steps have to allow, as a sentence.
pub(crate) fn rule_text(rule: Rule) -> &'static str {
    match rule {
        Rule::Either => {
            "The bucket is in the role's account: its policy or the role's policies must allow; a permissions boundary \
             limits the role's."
        }
        Rule::Both => {
            "The resource is another account's: its policy and the role's policies must allow, and the permissions \
             boundary too."
        }
        Rule::ResourceOnly => "The trust policy must allow.",
        Rule::KeyPolicy => {
            "The key's policy must allow the role, or allow the account; then the role's policies must allow as well. \
             A permissions boundary limits both."
        }
    }
}

fn denying(judgement: &Judgement) -> ExplainedStep<'_> {
    let statements: Vec<&Weighed> = of(judgement, |one| one.effect != Effect::Allow);
    let all = [Layer::Resource, Layer::Identity, Layer::Boundary];
    let outcome = match worst(judgement, &statements, &all) {
        Matched::Yes => Outcome::Denies,
        Matched::No => Outcome::DoesNotDeny,
        Matched::Unknown(why) => Outcome::Unknown(why),
    };
    ExplainedStep {
        kind: Kind::Deny,
        outcome,
        statements,
    }
}

fn allowing(judgement: &Judgement, kind: Kind, layer: Layer) -> ExplainedStep<'_> {
    let statements: Vec<&Weighed> = of(judgement, |one| one.source.layer == layer && one.effect != Effect::Deny);
    let outcome = match worst(judgement, &statements, &[layer]) {
        Matched::Yes => Outcome::Allows,
        Matched::Unknown(why) => Outcome::Unknown(why),
        Matched::No if !judgement.layers.contains(&layer) => Outcome::None,
        Matched::No => Outcome::DoesNotAllow,
    };
    ExplainedStep {
        kind,
        outcome,
        statements,
    }
}

fn of(judgement: &Judgement, wanted: impl Fn(&Weighed) -> bool) -> Vec<&Weighed> {
    let weighed = judgement.weighed.iter();
    weighed.filter(|one| wanted(one)).collect()
}

/// Whether one of these statements speaks of the call, or one that could not be read may.
fn worst(judgement: &Judgement, statements: &[&Weighed], layers: &[Layer]) -> Matched {
    let sure = |one: &&Weighed| one.matched == Matched::Yes && one.effect != Effect::Odd;
    if statements.iter().any(sure) {
        return Matched::Yes;
    }
    let mut why: Vec<String> = statements
        .iter()
        .filter_map(|one| match &one.matched {
            Matched::Unknown(why) => Some(why.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let unread = judgement.unreadable.iter();
    why.extend(
        unread
            .filter(|(layer, _)| layers.contains(layer))
            .map(|(_, what)| what.clone()),
    );
    why.sort();
    why.dedup();
    match why.is_empty() {
        true => Matched::No,
        false => Matched::Unknown(why),
    }
}
