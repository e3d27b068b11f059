//! The verdict of `verify`: failures first, passes folded, a line for a ticket; and the same as JSON.

use serde_json::{Value, json};
use time::{Date, Weekday};

use super::commands::{advice_text, command_text, sentence_and_commands};
use super::explain::decision_id;
use super::terminal::visible;
use super::{Printer, Tone};
use crate::command_line::{CommandLine, Target};
use crate::encryption::Method;
use crate::policy::evaluate::Decision;
use crate::prove::ProofEvent;
use crate::verify::evidence::{Evidence, Subject};
use crate::verify::freshness::{Export, Family, ago};
use crate::verify::ids::{Area, CheckId, listed};
use crate::verify::{Access, ByHand, Check, Findings, Fix, Status, Verdict};

/// How wide text is.
const WIDTH: usize = 80;

impl Printer {
    /// The verdict as text: everything that came to something, the access table, what was exported, and a line for a
    /// ticket.
    pub(crate) fn verdict_lines(&self, subject: &Subject, evidence: &Evidence, findings: &Findings) -> Vec<String> {
        let mut parts = vec![self.heading(subject, evidence)];
        let shown = [Status::Fail, Status::Warn, Status::Unknown];
        let folded = |check: &&Check| {
            !self.is_verbose()
                && check.status == Status::Unknown
                && [CheckId::RcpSts, CheckId::RcpNetwork].contains(&check.id)
        };
        for status in shown {
            let told = findings.with(status).filter(|check| !folded(check));
            parts.extend(told.map(|check| self.check(check)));
        }
        let hidden: Vec<&Check> = findings.checks.iter().filter(folded).collect();
        if !hidden.is_empty() {
            parts.push(self.out_of_sight(&hidden));
        }
        if self.is_verbose() {
            for status in [Status::Pass, Status::Skipped] {
                parts.extend(findings.with(status).map(|check| self.check(check)));
            }
        }
        if !findings.access.is_empty() {
            parts.push(self.access_table(&findings.access));
        }
        let tried = findings.checks.iter();
        let tried: Vec<&Check> = tried.filter(|check| check.id.area() == Area::Live).collect();
        if !tried.is_empty() {
            parts.push(self.tried_live(&tried));
        }
        if let Some(exports) = evidence.exports.as_ref().and_then(|exports| exports.known()) {
            let drawn = exports.read.iter().filter(|export| export.newest_of_all().is_some());
            parts.extend(drawn.map(|export| self.calendar(export, evidence)));
        }
        parts.push(vec![self.ticket(evidence, findings)]);
        parts.join(&String::new())
    }

    /// Tells what happens during a live proof.
    pub(crate) fn proof(&self, event: &ProofEvent) {
        match event {
            ProofEvent::Done(what) => self.note(&format!("  {} {what}", self.paint(Tone::Good, "·"))),
            ProofEvent::Waiting(why) => self.waiting(why),
            ProofEvent::Interrupted => {
                self.warning("interrupted: what the proof made is removed. Ctrl-C again leaves at once.");
            }
        }
    }

    /// What fails, in full.
    pub(crate) fn failures(&self, findings: &Findings) {
        for check in findings.with(Status::Fail) {
            self.note("");
            self.notes(self.check(check));
        }
    }

    /// What a live proof showed, a line each.
    fn tried_live(&self, checks: &[&Check]) -> Vec<String> {
        let mut lines = vec![self.paint(Tone::Heading, "Tried live")];
        for check in checks {
            let mark = match check.status {
                Status::Pass => "✓",
                Status::Fail => "✗",
                Status::Warn | Status::Unknown | Status::Skipped => "·",
            };
            lines.push(format!("  {} {}", self.paint(tone(check.status), mark), check.summary));
        }
        lines
    }

    /// The judgement at the end of `setup`: what fails in full, what is warned of in a line, and the command that tells
    /// more.
    pub(crate) fn judged(&self, findings: &Findings, more: &CommandLine) {
        self.failures(findings);
        let warned: Vec<CheckId> = findings.with(Status::Warn).map(|check| check.id).collect();
        let unknown = findings.with(Status::Unknown).map(|check| check.id);
        let unknown: Vec<CheckId> = unknown.filter(|id| id.area() != Area::Organization).collect();
        let passed = findings.with(Status::Pass).count();
        let failed = findings.with(Status::Fail).count();
        let mut text = match failed {
            0 => format!("Judged: {passed} checks pass"),
            _ => format!("Judged: {failed} fail, {passed} pass"),
        };
        if !warned.is_empty() {
            text.push_str(&format!(", and {} could be better: {}", warned.len(), listed(warned)));
        }
        if !unknown.is_empty() {
            text.push_str(&format!("; not known: {}", listed(unknown)));
        }
        let more = command_text(more, &self.target());
        text.push_str(&format!(". `{more}` tells more."));
        self.note("");
        self.notes(wrapped("", "  ", &text));
    }

    /// What the verdict is of.
    fn heading(&self, subject: &Subject, evidence: &Evidence) -> Vec<String> {
        let role = match &evidence.role {
            Some(role) => role.arn.to_string(),
            None => evidence.role_name.to_string(),
        };
        let bucket = match (evidence.bucket_name(), evidence.facts()) {
            (Some(name), Some(facts)) => format!("{name} ({})", facts.settings.region),
            (Some(name), None) => name.to_string(),
            (None, _) => "(none found)".into(),
        };
        let form = &subject.form;
        let encryption = match (form.encryption, &form.key) {
            (Method::None, _) => "(empty)".into(),
            (Method::Kms, Some(key)) => format!("KMS, {key}"),
            (Method::Kms, None) => "KMS, the account's aws/s3 key".into(),
            (Method::Aes, _) => "AES".into(),
        };
        let (encryption, guessed) = match (form.is_declared, evidence.facts()) {
            (true, _) => (encryption, ""),
            (false, Some(_)) => (encryption, " (most likely; --encryption says)"),
            (false, None) => ("(not known)".into(), ""),
        };
        let line = |name: &str, value: &str| format!("{} {value}", self.paint(Tone::Heading, &format!("{name:<12}")));
        vec![
            line("Role:", &role),
            line("Bucket:", &bucket),
            line("Encryption:", &format!("{encryption}{guessed}")),
        ]
    }

    /// A check: what is so, where it was read, what Mixpanel sees, what mends it.
    fn check(&self, check: &Check) -> Vec<String> {
        let mut lines = vec![format!(
            "{} {}",
            self.paint(tone(check.status), &format!("{:<7}", word(check.status))),
            self.paint(Tone::Heading, check.id.as_str())
        )];
        lines.extend(wrapped("  ", "  ", &sentence(&check.summary)));
        // What cannot be known is told briefly: most of it never can be.
        let told = [Status::Fail, Status::Warn].contains(&check.status);
        if told || self.is_verbose() {
            let evidence = check.evidence.iter();
            lines.extend(evidence.flat_map(|text| wrapped("    read: ", "          ", text)));
        }
        if let Some(error) = check.mixpanel_sees.as_ref().filter(|_| told) {
            lines.extend(wrapped("    Mixpanel sees: ", "          ", error));
        }
        let told = told || check.status == Status::Unknown;
        for fix in check.fix.iter().filter(|_| told) {
            match fix {
                Fix::Advice(advice) => {
                    let (sentence, commands) = sentence_and_commands(advice, &self.target());
                    lines.extend(wrapped("    mend: ", "          ", &sentence));
                    let commands = commands.iter();
                    lines.extend(commands.map(|command| format!("          {command}")));
                }
                // A command stays in one piece, to be copied.
                Fix::Command(command) => {
                    lines.push(format!("    mend: {}", command_text(command, &self.target())));
                }
                Fix::ByHand(edit) => lines.extend(self.by_hand(edit)),
                Fix::Edit { diff, command } => {
                    lines.push(format!("    mend: {}", command_text(command, &self.target())));
                    lines.extend(diff.lines().map(|line| format!("          {line}")));
                }
            }
        }
        lines
    }

    /// Each call that Mixpanel makes, and what decides it. Calls that fare alike for the same reason share a line.
    fn access_table(&self, access: &[Access]) -> Vec<String> {
        let mut rows: Vec<(&Access, Vec<String>, String)> = Vec::new();
        for one in access {
            let reason = one.reason();
            let alike = rows
                .iter_mut()
                .find(|(first, _, known)| first.call.action() == one.call.action() && *known == reason);
            match alike {
                Some((_, purposes, _)) => purposes.push(one.call.purpose()),
                None => rows.push((one, vec![one.call.purpose()], reason)),
            }
        }
        let mut lines = vec![self.paint(Tone::Heading, "What Mixpanel may do")];
        for (one, purposes, reason) in rows {
            let (tone, mark) = match one.judgement.decision {
                Decision::Allowed { .. } => (Tone::Good, "✓"),
                Decision::Denied(_) => (Tone::Bad, "✗"),
                Decision::Unknown { .. } => (Tone::Warning, "?"),
            };
            let purpose = match purposes.len() {
                3 => "all three folders".to_owned(),
                _ => purposes.join(", "),
            };
            lines.push(format!(
                "  {} {:<19} {purpose}",
                self.paint(tone, mark),
                one.call.action()
            ));
            let reason = wrapped("      ", "      ", &reason);
            lines.extend(reason.iter().map(|line| self.paint(Tone::Quiet, line)));
        }
        lines
    }

    /// Four weeks of events, a row a week: a full square is a day with events.
    fn calendar(&self, export: &Export, evidence: &Evidence) -> Vec<String> {
        let mut lines = vec![self.paint(Tone::Heading, &format!("Exports of project {}", export.project))];
        for family in Family::ALL {
            let newest = match export.newest(family) {
                Some(when) => format!("newest {} old", ago(when, evidence.now)),
                None if family == Family::Events => "none in the last four weeks".into(),
                None => "none".into(),
            };
            lines.push(format!("  {:<27} {newest}", format!("{}/", family.folder())));
        }
        let has = |day: Date| {
            let entry = export.days.iter().find(|(known, _)| *known == day);
            entry.map(|(_, exported)| exported.objects > 0)
        };
        let Some((first, _)) = export.days.first() else {
            return lines;
        };
        lines.push("  events by day    Mo Tu We Th Fr Sa Su".into());
        let back = i64::from(first.weekday().number_days_from_monday());
        let mut monday = *first - time::Duration::days(back);
        while export.days.last().is_some_and(|(last, _)| monday <= *last) {
            let cells: Vec<&str> = (0..7)
                .map(|offset| match has(monday + time::Duration::days(offset)) {
                    Some(true) => "■",
                    Some(false) => "·",
                    None => " ",
                })
                .collect();
            lines.push(format!("  {monday}       {}", cells.join("  ")).trim_end().to_owned());
            monday += time::Duration::weeks(1);
        }
        debug_assert_eq!(monday.weekday(), Weekday::Monday);
        let gaps = export.gaps();
        if !gaps.is_empty() {
            let gaps: Vec<String> = gaps.iter().map(ToString::to_string).collect();
            lines.extend(wrapped("  no events on: ", "  ", &gaps.join(", ")));
        }
        lines
    }

    /// A line for a ticket.
    fn ticket(&self, evidence: &Evidence, findings: &Findings) -> String {
        let verdict = findings.verdict();
        let bucket = evidence.bucket_name().map_or("(none)", |name| name.as_str());
        let undecided: Vec<CheckId> = findings.undecided().map(|check| check.id).collect();
        let says = match verdict {
            Verdict::Fail | Verdict::Unsafe => findings.failure().unwrap_or_default(),
            Verdict::Unknown if undecided.is_empty() => "whether Mixpanel can write cannot be known from here".into(),
            Verdict::Unknown => format!(
                "whether Mixpanel can write cannot be known from here ({})",
                listed(undecided)
            ),
            Verdict::Warn | Verdict::Pass => "Mixpanel can write, as far as it can be known from here".into(),
        };
        let (word, tone) = match verdict {
            Verdict::Fail => ("FAIL", Tone::Bad),
            Verdict::Unsafe => ("UNSAFE", Tone::Bad),
            Verdict::Unknown => ("UNKNOWN", tone(Status::Unknown)),
            Verdict::Warn => ("WARN", tone(Status::Warn)),
            Verdict::Pass => ("PASS", tone(Status::Pass)),
        };
        let count = |status| findings.with(status).count();
        let text = format!(
            "{word}: {says}. Role {}, bucket {bucket}, account {}: {} failed, {} warned, {} unknown, {} passed, {} \
             skipped.",
            evidence.role_name,
            evidence.caller.account,
            count(Status::Fail),
            count(Status::Warn),
            count(Status::Unknown),
            count(Status::Pass),
            count(Status::Skipped),
        );
        self.paint(tone, &text)
    }

    /// A command that writes a file, what to change in it, and the command that puts it back, in this order.
    fn by_hand(&self, edit: &ByHand) -> Vec<String> {
        let command = |command| command_text(command, &self.target());
        let mut lines = vec![format!("    mend: {}", command(&edit.read))];
        let change = format!("in that file, {}:", edit.change);
        lines.extend(wrapped("    then: ", "          ", &change));
        lines.extend(edit.diff.lines().map(|line| format!("          {line}")));
        lines.push(format!("    then: {}", command(&edit.write)));
        lines
    }

    /// What only the management account of an organization can see, in a line.
    fn out_of_sight(&self, hidden: &[&Check]) -> Vec<String> {
        let ids = listed(hidden.iter().map(|check| check.id));
        let first = format!("{:<7} {}", word(Status::Unknown), ids);
        let mut lines = vec![self.paint(tone(Status::Unknown), &first)];
        lines.extend(wrapped(
            "  ",
            "  ",
            "Resource control policies cannot be read from here; --verbose says what they could do.",
        ));
        lines
    }
}

/// The first letter in upper case, and a full stop: a summary as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // A name begins as it is written.
        Some(first) if first.is_lowercase() && !text.starts_with("arn:") => {
            format!("{}{}.", first.to_uppercase(), letters.as_str())
        }
        _ => format!("{text}."),
    }
}

/// Text in lines of at most 80 columns. A line break within the text is none, and what stands between backquotes is not
/// broken: a command is copied whole.
pub(crate) fn wrapped(first: &str, rest: &str, text: &str) -> Vec<String> {
    // No text has it any more once it is visible.
    const KEPT_SPACE: char = '\u{fdd2}';
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let text: String = visible(text)
        .split('`')
        .enumerate()
        .map(|(at, part)| match at % 2 {
            0 => part.to_owned(),
            _ => part.replace(' ', &KEPT_SPACE.to_string()),
        })
        .collect::<Vec<_>>()
        .join("`");
    let lines = textwrap::wrap(&text, options).into_iter();
    lines.map(|line| line.replace(KEPT_SPACE, " ")).collect()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Fail => "FAIL",
        Status::Warn => "WARN",
        Status::Unknown => "UNKNOWN",
        Status::Pass => "PASS",
        Status::Skipped => "SKIPPED",
    }
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Fail => Tone::Bad,
        Status::Warn => Tone::Warning,
        Status::Unknown => Tone::Change,
        Status::Pass => Tone::Good,
        Status::Skipped => Tone::Quiet,
    }
}

/// The verdict as JSON.
pub(crate) fn verdict_json(evidence: &Evidence, findings: &Findings, target: &Target) -> Value {
    let role = evidence.role.as_ref().map(|role| role.arn.to_string());
    let checks: Vec<Value> = findings.checks.iter().map(|check| check_json(check, target)).collect();
    let access: Vec<Value> = findings
        .access
        .iter()
        .map(|access| {
            json!({
                "action": access.call.action(),
                "resource": access.judgement.request.resource,
                "decision": decision_id(access),
                "reason": access.reason(),
            })
        })
        .collect();
    let exports = evidence.exports.as_ref().and_then(|exports| exports.known());
    json!({
        "verdict": findings.verdict(),
        "judgement": judgement_json(findings),
        "role": role.unwrap_or_else(|| evidence.role_name.to_string()),
        "bucket": evidence.bucket_name(),
        "account": evidence.caller.account,
        "checks": checks,
        "access": access,
        "exports": exports.map(|exports| exports.read.iter().map(export_json).collect::<Vec<_>>()),
        "projects_not_read": exports.map(|exports| &exports.not_read),
    })
}

/// What a judgement came to, in numbers.
pub(crate) fn judgement_json(findings: &Findings) -> Value {
    let count = |status| findings.with(status).count();
    json!({
        "verdict": findings.verdict(),
        "fail": count(Status::Fail),
        "warn": count(Status::Warn),
        "unknown": count(Status::Unknown),
        "pass": count(Status::Pass),
        "skipped": count(Status::Skipped),
    })
}

/// A check as JSON.
pub(crate) fn check_json(check: &Check, target: &Target) -> Value {
    let fix: Vec<Value> = check
        .fix
        .iter()
        .flat_map(|fix| match fix {
            Fix::Command(command) => vec![json!({ "command": command_text(command, target) })],
            Fix::Advice(advice) => vec![json!({ "advice": advice_text(advice, target) })],
            Fix::Edit { diff, command } => {
                vec![json!({ "command": command_text(command, target), "diff": diff })]
            }
            Fix::ByHand(edit) => vec![
                json!({ "command": command_text(&edit.read, target) }),
                json!({ "change": edit.change, "diff": edit.diff }),
                json!({ "command": command_text(&edit.write, target) }),
            ],
        })
        .collect();
    json!({
        "id": check.id,
        "status": check.status,
        "summary": check.summary,
        "evidence": check.evidence,
        "mixpanel_sees": check.mixpanel_sees,
        "fix": fix,
    })
}

fn export_json(export: &Export) -> Value {
    let newest = |family| {
        let when = export.newest(family)?;
        when.format(&time::format_description::well_known::Rfc3339).ok()
    };
    let days: Vec<Value> = export
        .days
        .iter()
        .map(|(day, exported)| json!({ "day": day.to_string(), "objects": exported.objects, "complete": exported.complete }))
        .collect();
    json!({
        "project_id": export.project,
        "newest_events": newest(Family::Events),
        "newest_people": newest(Family::People),
        "newest_identities": newest(Family::Identities),
        "events_by_day": days,
    })
}
