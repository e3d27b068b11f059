//! Discovery and judgement agree on which roles Mixpanel can assume.

use proptest::prelude::*;

use super::*;
use crate::policy::build::MIXPANEL_USER_ARN;
use crate::policy::trust::{Admission, Trust};
use crate::verify::ids::Decides;

fn trust_documents() -> impl Strategy<Value = Document> {
    let root = "arn:aws:iam::485438090326:root";
    let principal = prop::sample::select(vec![
        json!({ "AWS": MIXPANEL_USER_ARN }),
        json!({ "AWS": root }),
        json!("*"),
        json!({ "AWS": ["*"] }),
        json!({ "Service": "ec2.amazonaws.com" }),
        json!({ "AWS": "arn:aws:iam::111122223333:root" }),
        json!({ "AWS": "AIDAEXAMPLEEXAMPLE00" }),
    ]);
    let condition = prop::sample::select(vec![
        json!({}),
        json!({ "StringEquals": { "sts:ExternalId": TOKEN } }),
        json!({ "StringLike": { "sts:ExternalId": "*" } }),
        json!({ "Null": { "sts:ExternalId": "true" } }),
        json!({ "StringEquals": { "aws:PrincipalAccount": ACCOUNT } }),
        json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }),
        json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
        json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }),
    ]);
    let negated = prop::sample::select(vec![false, false, false, true]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Deny"]);
    let one = (principal, condition, effect, negated).prop_map(|(principal, condition, effect, negated)| {
        let element = if negated { "NotPrincipal" } else { "Principal" };
        json!({ "Effect": effect, element: principal, "Action": "sts:AssumeRole", "Condition": condition })
    });
    prop::collection::vec(one, 0..4).prop_map(|statements| document(json!(statements)))
}

proptest! {
    #[test]
    fn a_role_is_discovered_exactly_when_mixpanel_can_assume_it(trust in trust_documents()) {
        let (mut subject, mut evidence) = sound();
        subject.tokens.clear();
        let role = evidence.role.as_mut().unwrap();
        role.trust = trust;
        let admission = Trust::new(&role.trust, &role.arn).at(evidence.now).admission();
        let findings = judge(&subject, &evidence);
        let refused = findings
            .with(Status::Fail)
            .any(|check| check.id.area() == Area::Trust && check.id.decides() == Decides::Writing);
        prop_assert_eq!(admission > Admission::Kept, !refused, "{:?}: {:?}", admission, findings.with(Status::Fail).collect::<Vec<_>>());
    }
}
