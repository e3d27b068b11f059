//! What AWS would decide about a request, given the policies that apply to it.
//!
//! This is <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html> with a third
//! answer: what is not known of a request, or of the policies, is never guessed. A decision other than
//! [`Decision::Unknown`] stays the same whatever the unknown facts turn out to be. The policies of AWS Organizations,
//! session policies and endpoint policies are not looked at.
//!
//! The libraries that evaluate IAM policies (iam-rs 0.8 was looked at) know yes and no only, compose no permissions
//! boundary with a resource's policy, and stop at a document that they cannot parse: so this is written here.

mod condition;
pub(crate) mod covers;
pub(crate) mod explain;
mod pattern;
mod principal;
mod request;
mod statement;
mod truth;

use std::collections::BTreeSet;
use std::fmt;

use super::document::{Document, Effect, Statement};
use statement::WithoutResource;
use truth::Truth;

pub(crate) use condition::date::moment;
#[cfg(test)]
pub(crate) use pattern::effort;
pub(crate) use request::{AuthorizationRequest, Fact, Principal, RequestContext};

/// The kinds of policies, as
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html> tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Layer {
    /// Attached to the user or role.
    Identity,
    /// The permissions boundary of the user or role.
    Boundary,
    /// Attached to the resource: a bucket policy, a key policy or a trust policy.
    Resource,
}

impl fmt::Display for Layer {
    /// The name that AWS' own messages use, for "no … allows".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Resource => "resource-based policy",
        })
    }
}

/// Where a statement stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    /// The kind of its policy.
    pub(crate) layer: Layer,
    /// The name of its policy, as [`Named`] gives it.
    pub(crate) policy: String,
    /// Its place in the policy, from 0.
    pub(crate) statement: usize,
    /// Its ID, if it has one.
    pub(crate) sid: Option<String>,
}

/// A policy with a name to show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named<'a> {
    /// What people know the policy by.
    pub(crate) name: String,
    /// The policy.
    pub(crate) document: &'a Document,
}

/// The policies that apply to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policies<'a> {
    /// Those of the user or role, including the groups of a user.
    pub(crate) identity: Vec<Named<'a>>,
    /// The permissions boundary, if there is one.
    pub(crate) boundary: Option<Named<'a>>,
    /// The policy of the resource, if there is one.
    pub(crate) resource: Option<Named<'a>>,
    /// What could not be read, and why. A layer that is partly unreadable may hold statements of any kind, and a
    /// boundary that is unreadable may not exist.
    pub(crate) unreadable: Vec<(Layer, String)>,
    /// Which layers must allow.
    pub(crate) rule: Rule,
}

/// Which layers must allow a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// A resource of the principal's account: one of identity-based and resource-based policies must allow.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>
    Either,
    /// A resource of another account: both must allow.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>
    Both,
    /// The resource-based policy must allow, and the policies of the principal are for his own account to mind: a trust
    /// policy, whose statements have no `Resource`.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
    ResourceOnly,
    /// A KMS key of the principal's account: the key policy must allow the principal, or the account and then
    /// identity-based policies as well. <https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html>
    KeyPolicy,
}

/// What AWS would decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The request is allowed.
    Allowed {
        /// The statements that allow it.
        by: Vec<Source>,
    },
    /// The request is refused.
    Denied(Refusal),
    /// It depends.
    Unknown {
        /// On what: context keys, policies that could not be read, and what AWS does not document.
        because: BTreeSet<String>,
        /// The statements that may decide.
        by: Vec<Source>,
        /// Whether they may allow or deny.
        doubt: Doubt,
    },
}

/// Why AWS would refuse a request; the distinction is that of
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_AccessPolicyLanguage_Interplay.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A statement denies it.
    Statement(Source),
    /// No policy of this kind allows it, though one would have to.
    NoAllow(Layer),
}

/// Which kind of statement an unknown decision hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Doubt {
    /// Without a doubtful `Allow`, the request would be refused; nothing may deny it.
    Allow,
    /// Without a doubtful `Deny`, the request would be allowed.
    Deny,
    /// The request may be allowed and it may be denied.
    Both,
}

/// Decides about a request.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html> gives the
/// order, <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html> what a boundary limits.
pub(crate) fn decide(request: &AuthorizationRequest, policies: &Policies<'_>) -> Decision {
    let denies = denies(request, policies);
    if denies.truth == Truth::Yes
        && let Some(source) = denies.by.first()
    {
        return Decision::Denied(Refusal::Statement(source.clone()));
    }
    let (allows, lacking) = Allows::new(request, policies).under(policies.rule);
    let (mut because, mut by, doubt) = match (allows.truth, &denies.truth) {
        (Truth::No, _) => return Decision::Denied(Refusal::NoAllow(lacking)),
        (Truth::Yes, Truth::Unknown(_)) => (BTreeSet::new(), Vec::new(), Doubt::Deny),
        (Truth::Yes, _) => {
            return Decision::Allowed { by: tidy(allows.by) };
        }
        (Truth::Unknown(reasons), Truth::Unknown(_)) => (reasons, allows.by, Doubt::Both),
        (Truth::Unknown(reasons), _) => (reasons, allows.by, Doubt::Allow),
    };
    if let Truth::Unknown(reasons) = denies.truth {
        because.extend(reasons);
        by.extend(denies.by);
    }
    Decision::Unknown {
        because,
        by: tidy(by),
        doubt,
    }
}

/// A statement may be counted in several ways, but is to be named once.
fn tidy(mut sources: Vec<Source>) -> Vec<Source> {
    sources.sort();
    sources.dedup();
    sources
}

/// Whether some statements have an effect together, and those which decide that: the ones that certainly apply, or if
/// there are none, the ones that may.
#[derive(Debug, Clone)]
struct Tally {
    truth: Truth,
    by: Vec<Source>,
}

impl Tally {
    fn new(truth: Truth, source: &Source) -> Self {
        Self {
            truth,
            by: vec![source.clone()],
        }
    }

    fn bare(truth: Truth) -> Self {
        Self { truth, by: Vec::new() }
    }

    fn and(self, other: Self) -> Self {
        self.combine(other, Truth::and)
    }

    fn or(self, other: Self) -> Self {
        self.combine(other, Truth::or)
    }

    fn any(tallies: impl IntoIterator<Item = Self>) -> Self {
        tallies.into_iter().fold(Self::bare(Truth::No), Self::or)
    }

    fn combine(self, other: Self, operation: impl Fn(Truth, Truth) -> Truth) -> Self {
        let truth = operation(self.truth.clone(), other.truth.clone());
        let by = [self, other]
            .into_iter()
            .filter(|tally| {
                std::mem::discriminant(&tally.truth) == std::mem::discriminant(&truth) && truth != Truth::No
            })
            .flat_map(|tally| tally.by)
            .collect();
        Self { truth, by }
    }
}

/// The statements of some policies of a layer.
fn statements<'a>(
    layer: Layer,
    policies: impl IntoIterator<Item = &'a Named<'a>>,
) -> impl Iterator<Item = (Source, &'a Document, &'a Statement)> {
    policies.into_iter().flat_map(move |named| {
        let statements = named.document.statements().iter().enumerate();
        statements.map(move |(index, statement)| {
            let source = Source {
                layer,
                policy: named.name.clone(),
                statement: index,
                sid: statement.sid().map(str::to_owned),
            };
            (source, named.document, statement)
        })
    })
}

/// What the unreadable policies of a layer may do.
fn unreadable(layer: Layer, policies: &Policies<'_>) -> Truth {
    Truth::any(
        policies
            .unreadable
            .iter()
            .filter(|(own, _)| *own == layer)
            .map(|(_, reason)| Truth::unknown(reason)),
    )
}

fn without_resource(layer: Layer, rule: Rule) -> WithoutResource {
    if layer == Layer::Resource && rule == Rule::ResourceOnly {
        WithoutResource::TheRole
    } else {
        WithoutResource::Nothing
    }
}

fn denies(request: &AuthorizationRequest, policies: &Policies<'_>) -> Tally {
    let boundary = match policies.boundary {
        Some(_) => Truth::Yes,
        None => unreadable(Layer::Boundary, policies),
    };
    let stated = statements(Layer::Resource, &policies.resource)
        .chain(statements(Layer::Identity, &policies.identity))
        .chain(statements(Layer::Boundary, &policies.boundary))
        .filter(|(_, _, statement)| statement.effect() != Effect::Allow)
        .map(|(source, document, statement)| {
            let without = without_resource(source.layer, policies.rule);
            let principal = match source.layer {
                Layer::Resource => principal::denied(statement, &request.principal, &boundary),
                Layer::Identity | Layer::Boundary => Truth::Yes,
            };
            let rest = statement::speaks_of(statement, document, request, without);
            Tally::new(principal.and(rest), &source)
        });
    let hidden =
        [Layer::Resource, Layer::Identity, Layer::Boundary].map(|layer| Tally::bare(unreadable(layer, policies)));
    Tally::any(stated.chain(hidden))
}

/// What each layer allows.
struct Allows {
    identity: Tally,
    boundary: Tally,
    /// The ways in which the resource-based policy allows, as in [`principal::Granted`].
    direct: Tally,
    everyone: Tally,
    role: Tally,
    account: Tally,
}

impl Allows {
    fn new(request: &AuthorizationRequest, policies: &Policies<'_>) -> Self {
        let own = |layer, named: &[Named<'_>]| {
            let stated = statements(layer, named)
                .filter(|(_, _, statement)| statement.effect() != Effect::Deny)
                .map(|(source, document, statement)| {
                    let without = without_resource(layer, policies.rule);
                    let truth = statement::speaks_of(statement, document, request, without);
                    Tally::new(truth, &source)
                });
            Tally::any(stated).or(Tally::bare(unreadable(layer, policies)))
        };
        let hidden = unreadable(Layer::Boundary, policies);
        let boundary = match &policies.boundary {
            None if hidden == Truth::No => Tally::bare(Truth::Yes),
            boundary => own(Layer::Boundary, boundary.as_slice()),
        };
        let unread = Tally::bare(unreadable(Layer::Resource, policies));
        let mut allows = Self {
            identity: own(Layer::Identity, &policies.identity),
            boundary,
            direct: unread.clone(),
            everyone: unread.clone(),
            role: unread.clone(),
            account: unread,
        };
        for (source, document, statement) in statements(Layer::Resource, &policies.resource) {
            if statement.effect() != Effect::Deny {
                allows.add(&source, document, statement, request, policies.rule);
            }
        }
        allows
    }

    fn add(
        &mut self,
        source: &Source,
        document: &Document,
        statement: &Statement,
        request: &AuthorizationRequest,
        rule: Rule,
    ) {
        let without = without_resource(Layer::Resource, rule);
        let rest = statement::speaks_of(statement, document, request, without);
        let grant = principal::granted(statement, &request.principal);
        for (tally, truth) in [
            (&mut self.direct, grant.direct),
            (&mut self.everyone, grant.everyone),
            (&mut self.role, grant.role),
            (&mut self.account, grant.account),
        ] {
            *tally = tally.clone().or(Tally::new(truth.and(rest.clone()), source));
        }
    }

    /// Whether the layers allow together, and which of them lacks an `Allow` if they do not.
    fn under(self, rule: Rule) -> (Tally, Layer) {
        let Self {
            identity,
            boundary,
            direct,
            everyone,
            role,
            account,
        } = self;
        let never = |tally: &Tally| tally.truth == Truth::No;
        let undocumented = Tally {
            truth: Truth::unknown("whether the permissions boundary limits a grant to everyone"),
            by: everyone.by.clone(),
        };
        let everyone_bounded = everyone.clone().and(boundary.clone().or(undocumented));
        match rule {
            Rule::Either => {
                let bounded = role.or(identity);
                let lacking = if never(&bounded) {
                    Layer::Identity
                } else {
                    Layer::Boundary
                };
                let allows = Tally::any([direct, everyone_bounded, bounded.and(boundary)]);
                (allows, lacking)
            }
            Rule::Both => {
                let resource = Tally::any([direct, everyone, role, account]);
                let lacking = if never(&resource) {
                    Layer::Resource
                } else if never(&identity) {
                    Layer::Identity
                } else {
                    Layer::Boundary
                };
                (resource.and(identity).and(boundary), lacking)
            }
            Rule::ResourceOnly => (Tally::any([direct, everyone, role, account]), Layer::Resource),
            Rule::KeyPolicy => {
                let lacking = if never(&role) && never(&account) {
                    Layer::Resource
                } else if never(&role) && never(&identity) {
                    Layer::Identity
                } else {
                    Layer::Boundary
                };
                let bounded = role.or(account.and(identity)).and(boundary);
                (Tally::any([direct, everyone_bounded, bounded]), lacking)
            }
        }
    }
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
