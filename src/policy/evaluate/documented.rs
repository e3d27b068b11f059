//! AWS' own examples as a table: what a page of its documentation says of a request, and the policies that it says it
//! of.
//!
//! The other tests say what this evaluator does; this table says what AWS does, so an answer here changes only when the
//! page does. The policies keep the structure of AWS' and leave out what decides nothing.

mod conditions;
mod logic;
mod services;
mod variables;

use serde_json::{Value, json};

use super::*;
use Fact::{Absent, Present};
use Layer::{Boundary, Identity, Resource};
use Says::{Allowed, DeniedBy, NoAllow, Unknown};

/// What a page says becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Allowed,
    /// This statement of a policy of this kind denies it.
    DeniedBy(Layer, usize),
    /// Nothing denies it, and no policy of this kind allows it.
    NoAllow(Layer),
    /// The page leaves it open, or lets it depend on this, which the row does not give.
    Unknown(&'static str),
}

/// A row of the table.
#[derive(Debug, Clone)]
struct Example {
    page: &'static str,
    what: &'static str,
    rule: Rule,
    version: &'static str,
    principal: Principal,
    action: &'static str,
    resource: &'static str,
    facts: Vec<(&'static str, Fact)>,
    identity: Vec<Value>,
    boundary: Option<Value>,
    resource_policy: Option<Value>,
    says: Says,
}

impl Example {
    /// The beginning of the rows of a page: a user of the resource's account, to whom nothing applies.
    fn on(page: &'static str) -> Self {
        Self {
            page,
            what: "",
            rule: Rule::Either,
            version: "2012-10-17",
            principal: principal("arn:aws:iam::111122223333:user/exampleuser"),
            action: "",
            resource: "",
            facts: Vec::new(),
            identity: Vec::new(),
            boundary: None,
            resource_policy: None,
            says: Allowed,
        }
    }

    fn rule(&self, rule: Rule) -> Self {
        let own = self.clone();
        Self { rule, ..own }
    }

    fn version(&self, version: &'static str) -> Self {
        let own = self.clone();
        Self { version, ..own }
    }

    fn by(&self, arn: &'static str) -> Self {
        let own = self.clone();
        Self {
            principal: principal(arn),
            ..own
        }
    }

    fn asks(&self, action: &'static str, resource: &'static str) -> Self {
        let own = self.clone();
        Self {
            action,
            resource,
            ..own
        }
    }

    fn identity(&self, statements: Value) -> Self {
        let mut own = self.clone();
        own.identity.push(statements);
        own
    }

    /// The other policy that an example of nothing but a `Deny` needs, so that its answer shows.
    fn full_access(&self) -> Self {
        self.identity(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}))
    }

    fn boundary(&self, statements: Value) -> Self {
        let own = self.clone();
        Self {
            boundary: Some(statements),
            ..own
        }
    }

    fn resource_policy(&self, statements: Value) -> Self {
        let own = self.clone();
        Self {
            resource_policy: Some(statements),
            ..own
        }
    }

    /// A row: this request, with these facts. Of keys that are not mentioned nothing is known.
    fn row(&self, what: &'static str, facts: &[(&'static str, Fact)], says: Says) -> Self {
        let own = self.clone();
        Self {
            what,
            facts: facts.to_vec(),
            says,
            ..own
        }
    }

    fn decide(&self) -> Decision {
        let read = |statements: &Value| {
            let text = json!({"Version": self.version, "Statement": statements}).to_string();
            Document::parse(&text).unwrap()
        };
        let identity: Vec<Document> = self.identity.iter().map(read).collect();
        let boundary = self.boundary.as_ref().map(read);
        let resource = self.resource_policy.as_ref().map(read);
        let named = |document| Named {
            name: "policy".into(),
            document,
        };
        let context = self.facts.iter().fold(RequestContext::new(), |context, fact| {
            context.with(fact.0, fact.1.clone())
        });
        let request = AuthorizationRequest {
            principal: self.principal.clone(),
            action: self.action.into(),
            resource: self.resource.into(),
            context,
        };
        decide(
            &request,
            &Policies {
                identity: identity.iter().map(named).collect(),
                boundary: boundary.as_ref().map(named),
                resource: resource.as_ref().map(named),
                unreadable: Vec::new(),
                rule: self.rule,
            },
        )
    }

    /// How the decision differs from what the page says, if it does.
    fn mistake(&self) -> Option<String> {
        let decision = self.decide();
        let agrees = match (&decision, self.says) {
            (Decision::Allowed { .. }, Allowed) => true,
            (Decision::Denied(Refusal::Statement(source)), DeniedBy(layer, statement)) => {
                source.layer == layer && source.statement == statement
            }
            (Decision::Denied(Refusal::NoAllow(own)), NoAllow(layer)) => *own == layer,
            (Decision::Unknown { because, .. }, Unknown(reason)) => because.iter().eq([reason].iter().copied()),
            _ => false,
        };
        let Self { page, what, says, .. } = self;
        (!agrees).then(|| format!("{page}, {what}: {says:?}, and not {decision:?}"))
    }
}

/// A user or a session of a role, by the ARN.
fn principal(arn: &str) -> Principal {
    let account = arn.split(':').nth(4).unwrap().to_owned();
    match arn.contains(":role/") {
        true => Principal::Session {
            account,
            role_arn: arn.into(),
        },
        false => Principal::User {
            account,
            arn: arn.into(),
        },
    }
}

fn is(value: &str) -> Fact {
    Fact::Known(vec![value.into()])
}

fn are(values: &[&str]) -> Fact {
    Fact::Known(values.iter().map(|value| (*value).to_owned()).collect())
}

/// The session's name is the one thing about a session that is not known here.
const SESSION_NAME: &str = "the session's name";

fn examples() -> Vec<Example> {
    [
        logic::examples(),
        conditions::examples(),
        variables::examples(),
        services::examples(),
    ]
    .concat()
}

#[test]
fn every_example_is_decided_as_its_page_says() {
    let mistakes: Vec<String> = examples().iter().filter_map(Example::mistake).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("; "));
}

/// A table that hardly asked for some answer would hold of a worse evaluator, and two rows of one name could not be
/// told apart when they fail.
#[test]
fn the_table_asks_for_every_answer_and_names_each_row_once() {
    let examples = examples();
    let says = |is_it: fn(Says) -> bool| examples.iter().filter(|row| is_it(row.says)).count();
    let counts = [
        says(|says| says == Allowed),
        says(|says| matches!(says, DeniedBy(..))),
        says(|says| matches!(says, NoAllow(_))),
        says(|says| matches!(says, Unknown(_))),
    ];
    assert!(counts.iter().all(|count| *count > 3), "{counts:?}");
    let mut names = BTreeSet::new();
    for Example { page, what, .. } in &examples {
        assert!(names.insert((page, what)), "{page}: {what}");
    }
}
