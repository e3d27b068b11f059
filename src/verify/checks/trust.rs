//! Whether the role lets Mixpanel in, with the right ExternalId and nobody else.

use std::collections::BTreeSet;

use super::super::access;
use super::super::explain::statement_text;
use super::edits::Edit;
use super::{Check, CheckId, Examined, unread};
use crate::command_line::CommandLine;
use crate::names::{ProjectToken, TOKEN_VARIABLE, TokenShape};
use crate::observed::{Owner, Role, owner};
use crate::policy::build::MIXPANEL_USER_ARN;
use crate::policy::document::Principals;
use crate::policy::evaluate::explain::{Judgement, Weighed};
use crate::policy::evaluate::{Decision, Refusal, Source};
use crate::policy::trust::amend::{Tenure, WantedTrust, without_the_deleted};
use crate::policy::trust::openings::is_unique_id;
use crate::policy::trust::{Gravity, Opening, Trust, speaks_to_mixpanel};
use crate::policy::{Document, compare};

const IDS: [CheckId; 6] = [
    CheckId::TrustExternalId,
    CheckId::TrustPrincipal,
    CheckId::TrustNoExternalId,
    CheckId::TrustOthers,
    CheckId::TrustOrphanId,
    CheckId::TrustExtraConditions,
];
/// What stands for a token that nobody gave and the role does not know.
const PLACEHOLDER: &str = "PROJECT_TOKEN";
/// How a diff of a trust policy is to be read.
const WHOLE_TOKENS: &str = ", with each project token whole where its ends stand here";
const REFUSED: &str = "AccessDenied: not authorized to perform: sts:AssumeRole";
const SOURCE: &str = "iam:GetRole → AssumeRolePolicyDocument";

pub(super) fn checks(case: &Examined<'_>) -> Vec<Check> {
    let evidence = case.evidence;
    let Some(role) = &evidence.role else {
        let check = |id| match &evidence.unread_role {
            Some(denied) => unread(id, "the trust policy", denied),
            None => Check::skipped(id, "there is no role"),
        };
        return IDS.map(check).into();
    };
    let mut speaking = role.trust.statements().iter();
    if !speaking.any(|statement| statement.allows() && speaks_to_mixpanel(statement)) {
        return not_named(case, role);
    }
    let trust = access::trust(evidence, role);
    let openings = trust.openings(&case.given_ids());
    let weighed = trust.judge_for_mixpanel(None).weighed;
    vec![
        external_id(case, role, &trust),
        Check::pass(CheckId::TrustPrincipal, "the role trusts Mixpanel's export user")
            .because(format!("{SOURCE}: Principal {}", MIXPANEL_USER_ARN)),
        no_external_id(case, role, &weighed, &openings),
        others(case, role, &weighed, &openings),
        orphan_beside(role),
        extra_conditions(case, role, &trust),
    ]
}

/// Whether somebody who was deleted is named beside Mixpanel: nobody gets in by that.
fn orphan_beside(role: &Role) -> Check {
    const ID: CheckId = CheckId::TrustOrphanId;
    let mut names = role
        .trust
        .statements()
        .iter()
        .flat_map(|statement| match statement.principals() {
            Principals::Aws(names) => names,
            _ => Vec::new(),
        });
    match names.find(|name| is_unique_id(name)) {
        Some(orphan) => {
            let check = Check::warn(
                ID,
                format!("the trust policy also names {orphan}, a user or role that was deleted since"),
            )
            .because(format!("{SOURCE}: Principal {orphan}, where an ARN was"));
            without_orphans(check, role)
        }
        None => Check::pass(ID, "no principal of the trust policy was deleted").because(SOURCE),
    }
}

/// The check with what takes everybody who was deleted out of the trust policy. IAM takes no document that names one.
fn without_orphans(check: Check, role: &Role) -> Check {
    let mut edit = Edit::of(&role.trust);
    for (at, statement) in role.trust.statements().iter().enumerate().rev() {
        let left = without_the_deleted(statement);
        if left.as_ref() != Some(statement) {
            let told = match left {
                Some(_) => format!("take whoever was deleted out of statement {}", at + 1),
                None => format!("remove statement {}, which names nobody else", at + 1),
            };
            edit.replace(at, left, told);
        }
    }
    check.by_hand(
        [read_trust(role), write_trust(role)],
        format!("{}{WHOLE_TOKENS}", edit.change()),
        edit.diff(),
    )
}

/// Nothing in the trust policy names Mixpanel: it names somebody else, or somebody who is gone.
fn not_named(case: &Examined<'_>, role: &Role) -> Vec<Check> {
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
    let orphan = principals.iter().find(|principal| is_unique_id(principal));
    let wanted = case.wanted_trust(role);
    let diff = compare::diff(&role.trust, &wanted).to_string();
    let failure = match orphan {
        Some(orphan) => Check::fail(
            CheckId::TrustOrphanId,
            format!("the role trusts {orphan}, a user or role that was deleted since"),
        )
        .because(format!("{SOURCE}: Principal {orphan}, where an ARN was"))
        .advise("Saving the trust policy again with the ARN binds it to the one that exists now."),
        None => Check::fail(
            CheckId::TrustPrincipal,
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
    .advise(
        "Is it the role that is meant for the export? Then --open-role in the command says so: from then on Mixpanel \
         can do what the role can do.",
    )
    .edit(diff, case.setup_command(&[]));
    let id = failure.id;
    let mut failure = Some(failure);
    let trust = access::trust(case.evidence, role);
    let openings = trust.openings(&BTreeSet::new());
    let weighed = trust.judge_for_mixpanel(None).weighed;
    IDS.iter()
        .filter_map(|other| match *other {
            other if other == id => failure.take(),
            // Who is named instead of Mixpanel is told already, unless the role is open to him.
            CheckId::TrustOthers if openings.iter().any(|opening| opening.gravity == Gravity::Open) => {
                Some(others(case, role, &weighed, &openings))
            }
            other => Some(Check::skipped(other, "the role does not trust Mixpanel at all")),
        })
        .collect()
}

/// Whether the tokens that were given are among the ExternalIds that the role trusts.
fn external_id(case: &Examined<'_>, role: &Role, trust: &Trust<'_>) -> Check {
    const ID: CheckId = CheckId::TrustExternalId;
    let asked = trust.asked_ids();
    let shown: Vec<String> = asked.iter().map(|id| ProjectToken::ends_of(id)).collect();
    let shown = shown.join(", ");
    let tokens = &case.subject.tokens;
    if tokens.is_empty() && asked.is_empty() {
        return Check::skipped(ID, "the role asks for no ExternalId");
    }
    if tokens.is_empty() {
        return Check::unknown(ID, format!("the token was not compared: the role trusts {shown}"))
            .because(format!("{SOURCE}: sts:ExternalId"))
            .advise(format!(
                "Set {TOKEN_VARIABLE} to the project's token, or give --project-token."
            ));
    }
    let refused = |id: &str| matches!(trust.decide_for_mixpanel(Some(id)), Decision::Denied(_));
    let named = trust.external_ids();
    let matches = |token: &&ProjectToken| {
        // Where not even a trusted ID gets in, something else is wrong as well: then the list itself tells.
        match named.iter().all(|id| refused(id)) {
            false => !refused(token.expose()),
            true => named.is_empty() || named.contains(token.expose()),
        }
    };
    let Some(wrong) = tokens.iter().find(|token| !matches(token)) else {
        let tokens: Vec<String> = tokens.iter().map(ToString::to_string).collect();
        return Check::pass(ID, format!("the role trusts the project token {}", tokens.join(", ")))
            .because(format!("{SOURCE}: sts:ExternalId"));
    };
    let why = asked.iter().find_map(|id| likeness(id, wrong));
    let summary = format!(
        "the role trusts {shown}, and not the project token {wrong}{}",
        why.map(|why| format!(": {why}")).unwrap_or_default()
    );
    let removed = case.mistaken_ids(&named);
    let wanted = trust.amended(&WantedTrust {
        external_ids: &case.wanted_ids(trust),
        removed: &removed,
        tenure: tenure(role),
    });
    let removing = removed.iter().fold(case.setup_command(&[]), |command, id| {
        command.option("--remove-token", ProjectToken::ends_of(id))
    });
    quoting(
        Check::fail(ID, summary).because(format!("{SOURCE}: sts:ExternalId {shown}")),
        &trust.judge_for_mixpanel(Some(wrong.expose())),
    )
    .mixpanel_sees(REFUSED)
    .edit(compare::diff(&role.trust, &wanted).to_string(), removing)
}

const ANOTHER_TOKEN: &str = "another project's token, an API secret, or an older token";

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
        Some(ANOTHER_TOKEN)
    } else {
        None
    }
}

/// Whether Mixpanel gets in without the token: another customer of Mixpanel's could have it write here, and read.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
fn no_external_id(case: &Examined<'_>, role: &Role, weighed: &[Weighed], openings: &[Opening]) -> Check {
    const ID: CheckId = CheckId::TrustNoExternalId;
    let mut openings = openings.iter();
    let Some(opening) = openings.find(|opening| opening.who.is_mixpanel_without_token()) else {
        return Check::pass(ID, "without your token Mixpanel does not get in").because(SOURCE);
    };
    let check = match opening.is_certain {
        true => Check::fail(ID, format!("the role is open without your token: {}", opening.who)),
        false => Check::unknown(ID, format!("the role may be open without your token: {}", opening.who)),
    };
    let check = check.because(format!("{SOURCE}: {}", opening.place()));
    case.narrowing(stating(check, opening, weighed), role)
}

/// Who else can assume the role. Each is named; who needs no ExternalId for it is a failure.
fn others(case: &Examined<'_>, role: &Role, weighed: &[Weighed], openings: &[Opening]) -> Check {
    const ID: CheckId = CheckId::TrustOthers;
    let others: Vec<&Opening> = openings
        .iter()
        .filter(|opening| !opening.who.is_mixpanel_without_token())
        .collect();
    let is_open = |opening: &&&Opening| opening.gravity == Gravity::Open;
    let gravest = others.iter().find(is_open).or_else(|| others.first());
    let Some(gravest) = gravest else {
        return Check::pass(ID, "nobody but Mixpanel's export user can assume the role").because(SOURCE);
    };
    let more = match others.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let mut check = match (gravest.gravity, gravest.is_certain) {
        (Gravity::Open, true) => Check::fail(
            ID,
            format!("the role is open to others than Mixpanel: {}{more}", gravest.who),
        ),
        (Gravity::Open, false) => Check::unknown(
            ID,
            format!("the role may be open to others than Mixpanel: {}{more}", gravest.who),
        ),
        (Gravity::Wide, _) => Check::warn(
            ID,
            format!("the role's trust is wider than the export needs: {}{more}", gravest.who),
        ),
    };
    for opening in others {
        let because = format!("{SOURCE}: {}: {}", opening.place(), opening.who);
        check = stating(check.because(because), opening, weighed);
    }
    case.narrowing(check, role)
}

/// The check, with what keeps Mixpanel out, or may.
fn quoting(check: Check, judgement: &Judgement) -> Check {
    let quotes = judgement.quotes().into_iter();
    let quotes = quotes.map(|quote| format!("{SOURCE}: {quote}"));
    quotes.fold(check, Check::because)
}

/// The check, with the statements that let somebody in as they are written.
fn stating(check: Check, opening: &Opening, weighed: &[Weighed]) -> Check {
    let stated = opening.statements.iter().filter_map(|index| {
        let text = statement_text(weighed.get(*index)?);
        Some(format!("{SOURCE}: statement {}: {text}", index + 1))
    });
    stated.fold(check, Check::because)
}

/// Whether anything but the principal and the ExternalId stands in the way.
fn extra_conditions(case: &Examined<'_>, role: &Role, trust: &Trust<'_>) -> Check {
    const ID: CheckId = CheckId::TrustExtraConditions;
    let given = case.subject.tokens.first().map(|token| token.expose().to_owned());
    let tries: Vec<Option<String>> = match given {
        Some(given) => [given].into_iter().chain(trust.external_ids()).map(Some).collect(),
        // Nobody said with what Mixpanel comes.
        None => trust.tries(),
    };
    let judge = |id: Option<String>| trust.judge_for_mixpanel(id.as_deref());
    let judged: Vec<Judgement> = tries.into_iter().map(judge).collect();
    let allowed = |one: &Judgement| matches!(one.decision, Decision::Allowed { .. });
    if judged.iter().any(allowed) {
        return Check::pass(ID, "nothing but the ExternalId is asked for").because(SOURCE);
    }
    let undecided = judged.iter().find_map(|one| match &one.decision {
        Decision::Unknown { because, .. } => Some((one, because)),
        _ => None,
    });
    if let Some((judgement, because)) = undecided {
        let check = Check::unknown(
            ID,
            format!(
                "whether Mixpanel gets in hangs on {}, which cannot be known from here",
                list(because)
            ),
        );
        let check = quoting(check, judgement).mixpanel_sees(REFUSED);
        return case.letting_in(check, role);
    }
    let Some(judgement) = judged.first() else {
        return Check::skipped(ID, "the role asks for nothing");
    };
    let summary = match &judgement.decision {
        Decision::Denied(Refusal::Statement(_)) => "a Deny in the trust policy keeps Mixpanel out".to_owned(),
        _ => {
            let keys = judgement.deciding_keys().into_iter();
            let keys: Vec<&str> = keys.filter(|key| !key.eq_ignore_ascii_case("sts:ExternalId")).collect();
            match keys.is_empty() {
                true => {
                    "the trust policy's statement for Mixpanel does not allow sts:AssumeRole as it calls it".to_owned()
                }
                false => format!(
                    "the trust policy asks Mixpanel for more than the ExternalId: {}",
                    keys.join(", ")
                ),
            }
        }
    };
    let check = quoting(Check::fail(ID, summary), judgement).mixpanel_sees(REFUSED);
    case.letting_in(check, role)
}

/// The trust policy as a file, in which the difference is made by hand.
fn read_trust(role: &Role) -> CommandLine {
    CommandLine::aws(["iam", "get-role"])
        .option("--role-name", &role.name)
        .option("--query", "Role.AssumeRolePolicyDocument")
        .option("--output", "json")
        .written_to("trust.json")
}

fn write_trust(role: &Role) -> CommandLine {
    CommandLine::aws(["iam", "update-assume-role-policy"])
        .option("--role-name", &role.name)
        .file("--policy-document", "trust.json")
}

fn list(keys: &BTreeSet<String>) -> String {
    keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Whose the role is, for what `setup` would replace.
fn tenure(role: &Role) -> Tenure {
    match owner(&role.tags) {
        Owner::Us => Tenure::Ours,
        Owner::Adopted | Owner::Others => Tenure::Adopted,
    }
}

impl Examined<'_> {
    fn given_ids(&self) -> BTreeSet<String> {
        let tokens = self.subject.tokens.iter();
        tokens.map(|token| token.expose().to_owned()).collect()
    }

    /// The tokens that were given, or else those that the role trusts.
    fn wanted_ids(&self, trust: &Trust<'_>) -> BTreeSet<String> {
        let given = self.given_ids();
        let named = trust.external_ids();
        match (given.is_empty(), named.is_empty()) {
            (false, _) => given,
            (true, false) => named,
            (true, true) => [PLACEHOLDER.to_owned()].into(),
        }
    }

    /// The ExternalIds among these that are the given token mistyped, or that stand alone in its place. What may be
    /// another project's token is not taken for a mistake.
    fn mistaken_ids(&self, named: &BTreeSet<String>) -> BTreeSet<String> {
        let given = self.given_ids();
        let others: Vec<&String> = named.iter().filter(|id| !given.contains(*id)).collect();
        let is_mistake = |id: &str| {
            self.subject
                .tokens
                .iter()
                .any(|token| likeness(id, token).is_some_and(|like| like != ANOTHER_TOKEN))
        };
        match others.as_slice() {
            [only] => [(*only).clone()].into(),
            several => several
                .iter()
                .filter(|id| is_mistake(id))
                .map(|id| (*id).clone())
                .collect(),
        }
    }

    /// The trust policy with Mixpanel's statement in it, and nothing of others lost.
    fn wanted_trust(&self, role: &Role) -> Document {
        let trust = access::trust(self.evidence, role);
        trust.amended(&WantedTrust {
            external_ids: &self.wanted_ids(&trust),
            removed: &BTreeSet::new(),
            tenure: Tenure::Theirs,
        })
    }

    /// The check with the commands that leave nobody in but Mixpanel's user with its tokens.
    fn narrowing(&self, check: Check, role: &Role) -> Check {
        let trust = access::trust(self.evidence, role);
        let narrow = trust.narrowest(&self.wanted_ids(&trust));
        self.saying(check, role, &narrow)
    }

    /// The same, with what denies sparing Mixpanel's user.
    fn letting_in(&self, check: Check, role: &Role) -> Check {
        let trust = access::trust(self.evidence, role);
        let ids = self.wanted_ids(&trust);
        let mut edit = Edit::of(&trust.narrowest(&ids));
        let denying: BTreeSet<Source> = {
            let trust = Trust::new(edit.document(), &role.arn).at(self.evidence.now);
            let judged = ids.iter().map(|id| trust.judge_for_mixpanel(Some(id)));
            let weighed = judged.flat_map(|judgement| judgement.weighed);
            weighed.filter(Weighed::may_deny).map(|one| one.source).collect()
        };
        // From the last one on, so that what is removed moves nothing that comes.
        for source in denying.iter().rev() {
            edit.spare(source, MIXPANEL_USER_ARN, "Mixpanel's user");
        }
        self.saying(check, role, edit.document())
    }

    /// The check with the commands that have the trust policy say this.
    fn saying(&self, check: Check, role: &Role, wanted: &Document) -> Check {
        let diff = compare::diff(&role.trust, wanted).to_string();
        let trust = access::trust(self.evidence, role);
        let (note, diff) = match self.wanted_ids(&trust).contains(PLACEHOLDER) {
            true => (
                format!(", with your project's token in the place of {PLACEHOLDER}"),
                diff.replace(&ProjectToken::ends_of(PLACEHOLDER), PLACEHOLDER),
            ),
            false => (WHOLE_TOKENS.to_owned(), diff),
        };
        check.by_hand(
            [read_trust(role), write_trust(role)],
            format!("make it say this{note}"),
            diff,
        )
    }
}
