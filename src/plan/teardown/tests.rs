//! What goes and what stays, of everything that can be there.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::names::AccountId;
use crate::names::{IamPath, Partition, Tag};
use crate::observed::Unread;
use crate::observed::existing::{ExistingBucket, Writer};
use crate::observed::{InlinePolicy, Others, Unanswered, Version};
use crate::policy::{Document, build};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    ThePage,
    ThePageOfAnotherBucket,
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trusts {
    Mixpanel,
    MixpanelAndOthers,
    Others,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    No,
    Yes,
    Unreadable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    None,
    Left,
    Changed,
    SomebodyElses,
    Unreadable,
}

#[derive(Debug, Clone, Copy)]
struct APolicy {
    owner: Owner,
    says: Says,
    attached: bool,
    used: Used,
}

#[derive(Debug, Clone)]
struct World {
    role: Option<(Owner, Trusts)>,
    in_profile: Used,
    policies: Vec<APolicy>,
    inline: Option<Says>,
    /// AWS's own, or one that may not be read.
    unknown_attached: bool,
    bucket: Option<(Option<Owner>, Option<bool>)>,
    /// Whether the role itself, another one, and one that cannot be read write to the bucket; `None` where nobody may
    /// list.
    writers: Option<[bool; 3]>,
    /// The role of the name that a live proof uses. Where there is one, it uses every policy.
    probe: Probe,
    wish: (bool, bool, bool),
}

const BUCKET: &str = "acme-export";

fn tags(owner: Owner) -> Vec<Tag> {
    match owner {
        Owner::Us => vec![Tag::managed_by()],
        Owner::Adopted => vec![Tag::adopted_by(), "team=data".parse().unwrap()],
        Owner::Others => vec!["managed-by-somebody=else".parse().unwrap()],
    }
}

fn says(says: Says) -> Document {
    match says {
        Says::ThePage => build::data(&BUCKET.parse().unwrap()),
        Says::ThePageOfAnotherBucket => build::data(&"acme-prod".parse().unwrap()),
        Says::More => {
            let text = build::data(&BUCKET.parse().unwrap()).to_json();
            Document::parse(&text.replace("s3:GetObject", "sqs:*")).unwrap()
        }
    }
}

fn trust(trusts: Trusts) -> Document {
    let mixpanel = build::trust(&["aa".to_owned()].into());
    let text = mixpanel.to_json();
    let others = text.replace("485438090326:user/mixpanel-export", "111122223333:root");
    match trusts {
        Trusts::Mixpanel => mixpanel,
        Trusts::Others => Document::parse(&others).unwrap(),
        Trusts::MixpanelAndOthers => {
            let user = format!("\"{}\"", build::MIXPANEL_USER_ARN);
            let both = text.replace(&user, &format!("[{user},\"111122223333\"]"));
            Document::parse(&both).unwrap()
        }
    }
}

fn probe(probe: Probe, policies: &[APolicy]) -> Reading<Option<Role>> {
    let principal = match probe {
        Probe::None => return Reading::Known(None),
        Probe::Unreadable => return Reading::Unreadable(denied("iam:GetRole")),
        Probe::Changed => "arn:aws:iam::111122223333:root",
        Probe::Left | Probe::SomebodyElses => "arn:aws:iam::123456789012:user/me",
    };
    let attached = policies.iter().enumerate();
    let attached = attached.filter(|(_, policy)| policy.attached);
    Reading::Known(Some(Role {
        name: "export-probe".parse().unwrap(),
        id: "AROAPROBE".into(),
        arn: "arn:aws:iam::123456789012:role/export-probe".parse().unwrap(),
        path: IamPath::root(),
        trust: build::probe_trust(principal, "aa"),
        tags: match probe {
            Probe::SomebodyElses => Vec::new(),
            _ => vec![Tag::probe_of("export")],
        },
        boundary: None,
        last_used: None,
        attached: attached.map(|(index, _)| arn(index).to_string()).collect(),
        inline: Vec::new(),
        aws_managed: Vec::new(),
    }))
}

fn denied(action: &str) -> Unread {
    Unread {
        action: action.into(),
        why: Unanswered::Refused,
    }
}

fn readable(used: Used, names: &str, action: &str) -> Reading<Vec<String>> {
    match used {
        Used::No => Reading::Known(Vec::new()),
        Used::Yes => Reading::Known(vec![names.to_owned()]),
        Used::Unreadable => Reading::Unreadable(denied(action)),
    }
}

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn arn(index: usize) -> PolicyArn {
    let name = format!("p{index}");
    PolicyArn::of(Partition::Aws, &account(), &IamPath::root(), &name)
}

fn standing(world: &World) -> ExistingSetup {
    let policies = world.policies.iter().enumerate();
    let mut attached: Vec<String> = policies
        .clone()
        .filter(|(_, policy)| policy.attached)
        .map(|(index, _)| arn(index).to_string())
        .collect();
    if world.unknown_attached {
        attached.push("arn:aws:iam::aws:policy/AmazonS3FullAccess".into());
    }
    let versions = ["v1", "v2"].map(|id| Version {
        id: id.into(),
        is_default: id == "v2",
    });
    let names = ["export", "another", "unread"];
    ExistingSetup {
        role: world.role.map(|(owner, trusts)| Role {
            name: "export".parse().unwrap(),
            id: "AROAEXAMPLE".into(),
            arn: "arn:aws:iam::123456789012:role/export".parse().unwrap(),
            path: IamPath::root(),
            trust: trust(trusts),
            tags: tags(owner),
            boundary: None,
            last_used: None,
            attached,
            inline: world
                .inline
                .map(|inline| InlinePolicy {
                    name: "inline".into(),
                    document: says(inline),
                })
                .into_iter()
                .collect(),
            aws_managed: Vec::new(),
        }),
        instance_profiles: readable(world.in_profile, "machine", "iam:ListInstanceProfilesForRole"),
        policies: policies
            .map(|(index, policy)| ExistingPolicy {
                policy: Policy {
                    arn: arn(index),
                    tags: tags(policy.owner),
                    document: says(policy.says),
                    versions: versions.to_vec(),
                    uses: None,
                    others: Others::Unasked,
                },
                others: match (policy.used, world.probe) {
                    (Used::No, Probe::Left | Probe::Changed | Probe::SomebodyElses) if policy.attached => {
                        Reading::Known(vec!["role export-probe".to_owned()])
                    }
                    (used, _) => readable(used, "role another", "iam:ListEntitiesForPolicy"),
                },
            })
            .collect(),
        bucket: world.bucket.map(|(owner, empty)| ExistingBucket {
            name: BUCKET.parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            owner,
            empty,
            outside_writers: Vec::new(),
        }),
        writers: match world.writers {
            None => Reading::Unreadable(denied("iam:ListRoles")),
            Some(write) => Reading::Known(
                names
                    .iter()
                    .zip(write)
                    .filter(|(_, writes)| *writes)
                    .map(|(name, _)| Writer {
                        role: name.parse().unwrap(),
                        unread: (*name == "unread").then(|| denied("iam:GetPolicy")),
                    })
                    .collect(),
            ),
        },
        probe: probe(world.probe, &world.policies),
        key: None,
        account: account(),
    }
}

fn wish(world: &World) -> TeardownOptions {
    let (bucket, data, adopted) = world.wish;
    TeardownOptions {
        role: "export".parse().unwrap(),
        bucket,
        data,
        adopted,
    }
}

/// A set-up as `setup` makes it, of which everything is asked to go.
fn sound() -> World {
    World {
        role: Some((Owner::Us, Trusts::Mixpanel)),
        in_profile: Used::No,
        policies: vec![APolicy {
            owner: Owner::Us,
            says: Says::ThePage,
            attached: true,
            used: Used::No,
        }],
        inline: None,
        unknown_attached: false,
        bucket: Some((Some(Owner::Us), Some(false))),
        writers: Some([true, false, false]),
        probe: Probe::None,
        wish: (true, true, false),
    }
}

fn left(world: &World) -> Vec<(Resource, String)> {
    let result = teardown(&wish(world), &standing(world));
    let left = result.left();
    left.map(|stays| (stays.resource, stays.why.clone())).collect()
}

#[test]
fn a_sound_set_up_goes_whole_and_its_data_after_its_access() {
    let result = teardown(&wish(&sound()), &standing(&sound()));
    assert_eq!(result.stays, []);
    let order: Vec<&Removal> = result.steps.iter().map(|step| &step.action).collect();
    assert!(
        matches!(
            order.as_slice(),
            [
                Removal::DetachPolicy(_),
                Removal::DeleteData(_),
                Removal::DeleteBucket(_),
                Removal::DeletePolicyVersion { .. },
                Removal::DeletePolicy(_),
                Removal::DeleteRole
            ]
        ),
        "{order:?}"
    );
}

#[test]
fn what_a_live_proof_left_goes_with_the_role_and_before_its_policies() {
    let mut world = sound();
    world.probe = Probe::Left;
    let result = teardown(&wish(&world), &standing(&world));
    assert_eq!(result.stays, []);
    let at = |wanted: fn(&Removal) -> bool| {
        let mut steps = result.steps.iter();
        steps.position(|step| wanted(&step.action)).unwrap()
    };
    let probe = at(|removal| matches!(removal, Removal::RemoveProbe(name) if name.as_str() == "export-probe"));
    for later in [
        at(|removal| matches!(removal, Removal::DeletePolicy(_))),
        at(|removal| *removal == Removal::DeleteRole),
        at(|removal| matches!(removal, Removal::DeleteData(_))),
    ] {
        assert!(before(&result.steps, later).contains(&probe));
    }
    // What is not as a proof makes it uses the policies like anybody else.
    for other in [Probe::Changed, Probe::SomebodyElses] {
        world.probe = other;
        let left = left(&world);
        let role = left.iter().find(|(resource, _)| *resource == Resource::Role);
        let why = &role.unwrap().1;
        assert!(why.contains("still uses policy p0: role export-probe"), "{why}");
    }
    // Where the role stays, so does its probe, and is named.
    world.probe = Probe::Left;
    world.in_profile = Used::Yes;
    let result = teardown(&wish(&world), &standing(&world));
    assert_eq!(result.steps, []);
    let named = result.stays.iter().find(|stays| stays.id == "export-probe");
    assert!(named.unwrap().why.contains("a live proof that was cut short left it"));
}

type Spoil = fn(&mut World);

#[test]
fn each_part_that_others_have_in_it_is_named_and_holds_everything() {
    let spoils: [(&str, Spoil); 10] = [
        ("it does not trust Mixpanel", |world| {
            world.role = Some((Owner::Us, Trusts::Others))
        }),
        ("others may use it: 111122223333", |world| {
            world.role = Some((Owner::Us, Trusts::MixpanelAndOthers));
        }),
        ("it is in the instance profile machine", |world| {
            world.in_profile = Used::Yes
        }),
        ("iam:ListInstanceProfilesForRole is refused", |world| {
            world.in_profile = Used::Unreadable
        }),
        ("attached to it: arn:aws:iam::aws:policy/AmazonS3FullAccess", |world| {
            world.unknown_attached = true;
        }),
        ("attached to it: arn:aws:iam::123456789012:policy/p0", |world| {
            world.policies[0].says = Says::More;
        }),
        ("part of it: inline policy inline", |world| {
            world.inline = Some(Says::More)
        }),
        // Setup makes none, whatever this one says.
        ("part of it: inline policy inline", |world| {
            world.inline = Some(Says::ThePage)
        }),
        ("something else still uses policy p0: role another", |world| {
            world.policies[0].used = Used::Yes;
        }),
        ("iam:ListEntitiesForPolicy is refused", |world| {
            world.policies[0].used = Used::Unreadable
        }),
    ];
    for (why, spoil) in spoils {
        let mut world = sound();
        spoil(&mut world);
        let result = teardown(&wish(&world), &standing(&world));
        assert_eq!(result.steps, [], "{why}");
        let left = left(&world);
        let role = left.iter().find(|(resource, _)| *resource == Resource::Role);
        assert!(role.unwrap().1.contains(why), "{why}: {left:?}");
        let kinds: Vec<Resource> = left.iter().map(|(resource, _)| *resource).collect();
        assert!(kinds.contains(&Resource::Bucket), "{why}: {left:?}");
    }
}

#[test]
fn a_bucket_stays_while_somebody_may_write_to_it_or_nobody_can_tell() {
    let spoils: [(&str, Spoil); 5] = [
        ("through role another, which stays", |world| {
            world.writers = Some([true, true, false])
        }),
        (
            "through role unread, which stays and whose policies cannot all be read",
            |world| {
                world.writers = Some([true, false, true]);
            },
        ),
        ("iam:ListRoles is refused", |world| world.writers = None),
        ("no policy of a role of this set-up names it", |world| {
            world.policies[0].says = Says::ThePageOfAnotherBucket;
        }),
        ("it is not empty", |world| world.wish = (true, false, false)),
    ];
    for (why, spoil) in spoils {
        let mut world = sound();
        spoil(&mut world);
        let left = left(&world);
        assert!(
            matches!(left.first(), Some((Resource::Bucket, told)) if told.contains(why)),
            "{why}: {left:?}"
        );
        // What proves whose the bucket is stays as long as the bucket may yet go.
        let for_good = ["role another", "no policy of a role"];
        let result = teardown(&wish(&world), &standing(&world));
        let role_goes = result.steps.iter().any(|step| step.action == Removal::DeleteRole);
        assert_eq!(role_goes, for_good.iter().any(|good| why.contains(good)), "{why}");
        let result = teardown(&wish(&world), &standing(&world));
        assert!(
            !result.steps.iter().any(|step| step.resource == Resource::Bucket),
            "{why}"
        );
    }
}

fn worlds() -> impl Strategy<Value = World> {
    let owners = || prop::sample::select(vec![Owner::Us, Owner::Us, Owner::Adopted, Owner::Others]);
    let says = || {
        prop::sample::select(vec![
            Says::ThePage,
            Says::ThePage,
            Says::ThePageOfAnotherBucket,
            Says::More,
        ])
    };
    let used = || prop::sample::select(vec![Used::No, Used::No, Used::Yes, Used::Unreadable]);
    let trusts = prop::sample::select(vec![
        Trusts::Mixpanel,
        Trusts::Mixpanel,
        Trusts::MixpanelAndOthers,
        Trusts::Others,
    ]);
    let policy = (owners(), says(), any::<bool>(), used()).prop_map(|(owner, says, attached, used)| APolicy {
        owner,
        says,
        attached,
        used,
    });
    let place = (
        prop::option::weighted(0.9, (prop::option::of(owners()), prop::option::of(any::<bool>()))),
        prop::option::weighted(0.9, any::<[bool; 3]>()),
        prop::sample::select(vec![
            Probe::None,
            Probe::None,
            Probe::Left,
            Probe::Changed,
            Probe::SomebodyElses,
            Probe::Unreadable,
        ]),
        any::<(bool, bool, bool)>(),
    );
    (
        prop::option::weighted(0.9, (owners(), trusts)),
        used(),
        prop::collection::vec(policy, 0..3),
        prop::option::of(says()),
        prop::bool::weighted(0.2),
        place,
    )
        .prop_map(
            |(role, in_profile, policies, inline, unknown_attached, (bucket, writers, probe, wish))| World {
                role,
                in_profile,
                policies,
                inline,
                unknown_attached,
                bucket,
                writers,
                probe,
                wish,
            },
        )
}

/// The steps that are done before one.
fn before(steps: &[Step<Removal>], index: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::new();
    for direct in &steps[index].depends_on {
        all.insert(*direct);
        all.extend(before(steps, *direct));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn only_what_is_proved_to_be_ours_goes(world in worlds()) {
        let standing = standing(&world);
        let result = teardown(&wish(&world), &standing);
        let adopted_goes = world.wish.2;
        let may_go = |owner: Owner| owner == Owner::Us || (adopted_goes && owner == Owner::Adopted);
        let policy = |arn: &PolicyArn| {
            let index = standing.policies.iter().position(|known| known.policy.arn == *arn);
            index.map(|index| world.policies[index])
        };
        let deletes_role = result.steps.iter().any(|step| step.action == Removal::DeleteRole);
        let releases_role = result.steps.iter().any(|step| matches!(step.action, Removal::ReleaseRole(_)));
        for (index, step) in result.steps.iter().enumerate() {
            prop_assert!(step.depends_on.iter().all(|before| *before < index), "an order in which it could go");
            match &step.action {
                Removal::DeleteRole => {
                    let (owner, trusts) = world.role.unwrap();
                    prop_assert!(may_go(owner) && trusts == Trusts::Mixpanel && world.in_profile == Used::No);
                    prop_assert!(!world.unknown_attached && world.inline.is_none());
                    for policy in world.policies.iter().filter(|policy| policy.attached) {
                        prop_assert!(policy.owner != Owner::Others);
                        prop_assert!(!may_go(policy.owner) || (policy.says != Says::More && policy.used == Used::No));
                    }
                }
                Removal::RemoveProbe(_) => {
                    prop_assert_eq!(world.probe, Probe::Left);
                    prop_assert!(world.role.is_none() || deletes_role || releases_role);
                }
                Removal::ReleaseRole(keys) => {
                    prop_assert_eq!(world.role.unwrap().0, Owner::Adopted);
                    prop_assert!(keys.iter().all(|key| key != "team"));
                }
                Removal::DeletePolicy(arn) | Removal::DeletePolicyVersion { arn, .. } => {
                    let policy = policy(arn).unwrap();
                    prop_assert!(may_go(policy.owner) && policy.says != Says::More && policy.used == Used::No);
                    let detached = result.steps.iter().position(|step| step.action == Removal::DetachPolicy(arn.clone()));
                    let role_is_there = world.role.is_some();
                    prop_assert!(!policy.attached || !role_is_there || before(&result.steps, index).contains(&detached.unwrap()));
                }
                Removal::ReleasePolicy(arn, _) => {
                    let policy = policy(arn).unwrap();
                    prop_assert_eq!(policy.owner, Owner::Adopted);
                    prop_assert!(!policy.attached || world.role.is_none() || deletes_role || releases_role);
                }
                // From a role that goes, everything; from one that is given back, what goes itself; else nothing.
                Removal::DetachPolicy(arn) => {
                    let goes = policy(arn).is_some_and(|policy| may_go(policy.owner));
                    prop_assert!(deletes_role || (releases_role && goes));
                }
                Removal::DeleteData(_) | Removal::DeleteBucket(_) => {
                    let (wanted_bucket, wanted_data, _) = world.wish;
                    let is_wanted = match step.action {
                        Removal::DeleteData(_) => wanted_data,
                        _ => wanted_bucket,
                    };
                    prop_assert!(is_wanted);
                    prop_assert_eq!(world.bucket.unwrap().0, Some(Owner::Us));
                    prop_assert!(standing.bucket_is_named());
                    let [own, others @ ..] = world.writers.unwrap();
                    prop_assert_eq!(others, [false, false]);
                    prop_assert!(!own || deletes_role);
                    let before = before(&result.steps, index);
                    for (other, step) in result.steps.iter().enumerate() {
                        if matches!(step.action, Removal::DetachPolicy(_)) {
                            prop_assert!(before.contains(&other), "access ends first");
                        }
                    }
                }
            }
        }
        // What was asked for and does not happen is told.
        let told = |resource| result.left().any(|stays| stays.resource == resource);
        let does = |removal: fn(&Removal) -> bool| result.steps.iter().any(|step| removal(&step.action));
        if world.bucket.is_some() && world.wish.0 && !does(|removal| matches!(removal, Removal::DeleteBucket(_))) {
            prop_assert!(told(Resource::Bucket));
        }
        if world.role.is_some() && !deletes_role && !releases_role {
            prop_assert!(told(Resource::Role));
        }
        let removes_probe = does(|removal| matches!(removal, Removal::RemoveProbe(_)));
        if [Probe::Left, Probe::Changed, Probe::Unreadable].contains(&world.probe) && !removes_probe {
            prop_assert!(result.stays.iter().any(|stays| stays.id == "export-probe"));
        }
    }
}
