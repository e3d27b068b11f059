//! Properties that hold for all policies and requests.

mod worlds;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::explain::Matched;
use super::*;
use worlds::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_learnt_later_never_changes_a_decision(
        world in world(),
        suggestions in vec(fact(), KEYS.len()),
        suffix in select(&["", "a", "r"][..]),
        choice in any::<Index>(),
    ) {
        let before = world.decide();
        let mut after = world;
        for (fact, suggestion) in after.facts.iter_mut().zip(&suggestions) {
            *fact = refine(fact, suggestion, suffix, choice);
        }
        let after = after.decide();
        if allowed(&before) {
            prop_assert!(allowed(&after), "{:?} became {:?}", before, after);
        }
        if denied(&before) {
            prop_assert!(denied(&after), "{:?} became {:?}", before, after);
        }
    }

    /// The same where nothing but a condition decides, so that rare cases are met as well.
    #[test]
    fn what_is_learnt_later_never_changes_a_condition(
        condition in condition(),
        facts in vec(fact(), KEYS.len()),
        suggestions in vec(fact(), KEYS.len()),
        suffix in select(&["", "a", "r"][..]),
        choice in any::<Index>(),
    ) {
        let decided = |facts| {
            World {
                identity: vec![json!({
                    "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition,
                })],
                boundary: None,
                resource: Vec::new(),
                unreadable: Vec::new(),
                rule: Rule::Either,
                version: "2012-10-17",
                facts,
                user: false,
                resource_name: "a",
            }
            .decide()
        };
        let refined = facts.iter().zip(&suggestions);
        let refined = refined.map(|(fact, new)| refine(fact, new, suffix, choice));
        let after = decided(refined.collect());
        let before = decided(facts);
        prop_assert!(!allowed(&before) || allowed(&after), "{:?} became {:?}", before, after);
        prop_assert!(!denied(&before) || denied(&after), "{:?} became {:?}", before, after);
    }

    #[test]
    fn what_is_read_later_never_changes_a_decision(world in world()) {
        let after = World { unreadable: Vec::new(), ..world.clone() }.decide();
        let before = world.decide();
        prop_assert!(!allowed(&before) || allowed(&after));
        if world.unreadable.iter().all(|(layer, _)| *layer != Layer::Boundary) {
            prop_assert!(!denied(&before) || denied(&after));
        }
    }

    #[test]
    fn a_denying_statement_always_wins(mut world in world(), layer in any::<Index>()) {
        let deny = json!({
            "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
        });
        let mut layers = world.layers();
        let place = layer.index(layers.len());
        layers[place].push(deny);
        prop_assert!(matches!(world.decide(), Decision::Denied(Refusal::Statement(_))));
    }

    #[test]
    fn a_statement_that_speaks_of_nothing_changes_nothing(
        world in world(),
        idle in idle_statement(),
        layer in any::<Index>(),
    ) {
        let mut more = world.clone();
        let mut layers = more.layers();
        let place = layer.index(layers.len());
        layers[place].push(idle);
        prop_assert_eq!(world.decide(), more.decide());
    }

    #[test]
    fn one_more_deny_never_allows(
        world in world(),
        mut deny in statement(),
        layer in any::<Index>(),
    ) {
        deny["Effect"] = json!("Deny");
        let mut more = world.clone();
        let mut layers = more.layers();
        let place = layer.index(layers.len());
        layers[place].push(deny);
        let (before, after) = (world.decide(), more.decide());
        prop_assert!(!allowed(&after) || allowed(&before));
        prop_assert!(!denied(&before) || denied(&after));
    }

    #[test]
    fn one_allow_less_never_allows(world in world(), layer in any::<Index>(), place in any::<Index>()) {
        let mut less = world.clone();
        let mut layers = less.layers();
        let number = layer.index(layers.len());
        let statements = &mut layers[number];
        if !statements.is_empty() {
            let place = place.index(statements.len());
            if statements[place]["Effect"] == "Allow" {
                statements.remove(place);
            }
        }
        let (before, after) = (world.decide(), less.decide());
        prop_assert!(!allowed(&after) || allowed(&before));
        prop_assert!(!denied(&before) || denied(&after));
    }

    #[test]
    fn a_boundary_never_widens(world in world()) {
        let without = World { boundary: None, ..world.clone() }.decide();
        let with = world.decide();
        prop_assert!(!allowed(&with) || allowed(&without));
        if world.unreadable.iter().all(|(layer, _)| *layer != Layer::Boundary) {
            prop_assert!(!denied(&without) || denied(&with));
        }
    }

    #[test]
    fn any_json_is_borne(
        mut world in world(),
        elements in btree_map(
            select(&["Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Sid"][..]),
            json_value(),
            0..9,
        ),
        values in vec("[*?a:${},'é]{0,8}", 0..3),
    ) {
        world.facts[0] = Fact::Known(values);
        for layer in world.layers() {
            layer.push(json!(elements));
        }
        let _ = world.decide();
    }

    #[test]
    fn the_explanation_ends_with_the_verdict(world in world()) {
        let judgement = world.judge();
        let weighed = |source: &Source| {
            let mut all = judgement.weighed.iter();
            all.find(|one| one.source == *source).expect("every statement is weighed")
        };
        let certain = |effect, layer| {
            let mut all = judgement.weighed.iter();
            all.any(|one| {
                let here = Option::is_none_or(layer, |layer| one.source.layer == layer);
                one.effect == effect && one.matched == Matched::Yes && here
            })
        };
        for one in &judgement.weighed {
            let all = one.elements.iter().all(|element| element.matched == Matched::Yes);
            prop_assert_eq!(all, one.matched == Matched::Yes, "{:?}", one);
            let none = one.elements.iter().any(|element| element.matched == Matched::No);
            prop_assert_eq!(none, one.matched == Matched::No, "{:?}", one);
        }
        let denies = certain(Effect::Deny, None);
        prop_assert_eq!(denies, matches!(judgement.decision, Decision::Denied(Refusal::Statement(_))));
        match &judgement.decision {
            Decision::Denied(Refusal::Statement(source)) => {
                prop_assert_eq!(weighed(source).effect, Effect::Deny);
                prop_assert_eq!(&weighed(source).matched, &Matched::Yes);
            }
            Decision::Denied(Refusal::NoAllow(layer)) => {
                let unless_everyone = *layer == Layer::Resource || !certain(Effect::Allow, Some(Layer::Resource));
                prop_assert!(!unless_everyone || !certain(Effect::Allow, Some(*layer)));
            }
            Decision::Allowed { by } => {
                prop_assert!(!by.is_empty());
                for source in by {
                    prop_assert_eq!(weighed(source).effect, Effect::Allow);
                    prop_assert_eq!(&weighed(source).matched, &Matched::Yes);
                }
            }
            Decision::Unknown { by, .. } => {
                let no = |source: &&Source| weighed(source).matched == Matched::No;
                prop_assert!(!by.iter().any(|source| no(&source)));
            }
        }
    }

    #[test]
    fn unknown_decisions_give_their_reasons(world in world()) {
        if let Decision::Unknown { because, by, .. } = world.decide() {
            prop_assert!(!because.is_empty());
            prop_assert!(!by.is_empty() || !world.unreadable.is_empty());
            prop_assert!(!because.contains(""));
        }
    }
}

/// The properties would hold of an engine that always says the same.
#[test]
fn the_generated_worlds_are_of_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counts = [0; 3];
    for _ in 0..2000 {
        let decision = world().new_tree(&mut runner).unwrap().current().decide();
        let kind = match decision {
            Decision::Allowed { .. } => 0,
            Decision::Denied(_) => 1,
            Decision::Unknown { .. } => 2,
        };
        counts[kind] += 1;
    }
    assert!(counts.iter().all(|count| *count > 25), "{counts:?}");
}
