//! Whether Mixpanel can write, and if not, why: checks over what was read, each with its evidence and what mends it.
//!
//! * [`evidence`] – what is judged;
//! * [`access`] – the access table: each call that Mixpanel makes, and what the documents say of it;
//! * [`explain`] – why a call is decided as it is, in words;
//! * [`checks`] – one check for each way in which a set-up is known to fail;
//! * [`ids`] – the registry of checks: what each looks at, and what hangs on it;
//! * [`freshness`] – what was exported lately.
//!
//! Pure: `observe` reads the evidence, and `report` prints the verdict. How a call is decided is `policy::evaluate`'s.

pub(crate) mod access;
pub(crate) mod checks;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod freshness;
pub(crate) mod ids;

use serde::Serialize;

use crate::advice::Advice;
use crate::command_line::CommandLine;

pub(crate) use access::Access;
pub(crate) use evidence::{Evidence, Subject};
pub(crate) use ids::CheckId;
use ids::{Decides, listed};

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// Mixpanel cannot write, or not where it should; or others can, or it can do more than it should.
    Fail,
    /// It works, and could be cheaper, safer or fresher.
    Warn,
    /// It cannot be known from here; the summary says why.
    Unknown,
    /// It is as it should be.
    Pass,
    /// It does not apply, or something else has to be mended first.
    Skipped,
}

/// What a whole set-up came to, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Mixpanel cannot write.
    Fail,
    /// Mixpanel may well be able to write, and others get in, or the role can do what it must not.
    Unsafe,
    /// Whether Mixpanel can write cannot be known from here.
    Unknown,
    /// It works, and could be better.
    Warn,
    /// It works, and is as it should be.
    Pass,
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fix {
    /// A command to run.
    Command(CommandLine),
    /// Something to do elsewhere: in Mixpanel, or by whoever administers the organization.
    Advice(Advice),
    /// A command, and what it changes in a document: what is there (-), and what is wanted (+).
    Edit {
        /// The difference, line by line.
        diff: String,
        /// The command.
        command: CommandLine,
    },
    /// A document to change by hand, between a command that writes it to a file and one that puts the file in its
    /// place.
    ByHand(Box<ByHand>),
}

/// What is changed by hand in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByHand {
    /// The command that writes the document to a file.
    pub(crate) read: CommandLine,
    /// What to do in the file, as a sentence without its full stop.
    pub(crate) change: String,
    /// The difference, line by line.
    pub(crate) diff: String,
    /// The command that puts the file in its place.
    pub(crate) write: CommandLine,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// Its stable ID.
    pub(crate) id: CheckId,
    /// What it came to.
    pub(crate) status: Status,
    /// What is so, in a line.
    pub(crate) summary: String,
    /// Where that was read: which API, which field, which statement.
    pub(crate) evidence: Vec<String>,
    /// The error that Mixpanel gets from AWS.
    pub(crate) mixpanel_sees: Option<String>,
    /// What mends it.
    pub(crate) fix: Vec<Fix>,
}

impl Check {
    /// A finding without evidence yet.
    pub(crate) fn new(id: CheckId, status: Status, summary: impl Into<String>) -> Self {
        Self {
            id,
            status,
            summary: summary.into(),
            evidence: Vec::new(),
            mixpanel_sees: None,
            fix: Vec::new(),
        }
    }

    /// A finding that all is well.
    pub(crate) fn pass(id: CheckId, summary: impl Into<String>) -> Self {
        Self::new(id, Status::Pass, summary)
    }

    /// A failure.
    pub(crate) fn fail(id: CheckId, summary: impl Into<String>) -> Self {
        Self::new(id, Status::Fail, summary)
    }

    /// A warning.
    pub(crate) fn warn(id: CheckId, summary: impl Into<String>) -> Self {
        Self::new(id, Status::Warn, summary)
    }

    /// Something that cannot be known.
    pub(crate) fn unknown(id: CheckId, summary: impl Into<String>) -> Self {
        Self::new(id, Status::Unknown, summary)
    }

    /// Something that does not apply.
    pub(crate) fn skipped(id: CheckId, summary: impl Into<String>) -> Self {
        Self::new(id, Status::Skipped, summary)
    }

    /// Adds where it was read.
    pub(crate) fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Says which error Mixpanel gets.
    pub(crate) fn mixpanel_sees(mut self, error: impl Into<String>) -> Self {
        self.mixpanel_sees = Some(error.into());
        self
    }

    /// Adds a command that mends it.
    pub(crate) fn fix_command(mut self, command: CommandLine) -> Self {
        self.fix.push(Fix::Command(command));
        self
    }

    /// Adds what to do elsewhere.
    pub(crate) fn advise(mut self, advice: impl Into<Advice>) -> Self {
        self.fix.push(Fix::Advice(advice.into()));
        self
    }

    /// Adds a document to change by hand; where no change of it helps, only that.
    pub(crate) fn by_hand(
        self,
        [read, write]: [CommandLine; 2],
        change: impl Into<String>,
        diff: impl Into<String>,
    ) -> Self {
        let diff = diff.into();
        if diff.is_empty() {
            return self.advise("No change of this document alone fixes it. `--explain CALL` shows what decides.");
        }
        self.fixed_by(Fix::ByHand(Box::new(ByHand {
            read,
            change: change.into(),
            diff,
            write,
        })))
    }

    /// Adds what mends it.
    pub(crate) fn fixed_by(mut self, fix: Fix) -> Self {
        self.fix.push(fix);
        self
    }

    /// Adds a command, with what it changes in a document.
    pub(crate) fn edit(mut self, diff: impl Into<String>, command: CommandLine) -> Self {
        self.fix.push(Fix::Edit {
            diff: diff.into(),
            command,
        });
        self
    }
}

/// Everything that was found.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    /// The access table.
    pub(crate) access: Vec<Access>,
    /// The checks, in the order of how often each is the reason.
    pub(crate) checks: Vec<Check>,
}

impl Findings {
    /// Takes in what a live proof showed. One that removed what an earlier one had left ends that finding.
    pub(crate) fn take_in(&mut self, shown: &[Check], swept: bool) {
        if swept {
            let left = self.checks.iter_mut().filter(|check| check.id == CheckId::ProbeLeft);
            for check in left {
                *check = Check::pass(check.id, "what an earlier live proof had left is removed");
            }
        }
        self.checks.extend(shown.iter().cloned());
    }

    /// The worst of the checks; unknown where a call's fate is not known.
    pub(crate) fn verdict(&self) -> Verdict {
        let judged = self.access.iter().any(|access| access.call.is_of_s3());
        let mut failed = self.with(Status::Fail).peekable();
        if failed.peek().is_some() {
            match failed.all(|check| check.id.decides() == Decides::Safety) {
                true => Verdict::Unsafe,
                false => Verdict::Fail,
            }
        } else if !judged || self.access.iter().any(Access::is_undecided) || self.undecided().next().is_some() {
            Verdict::Unknown
        } else if self.with(Status::Warn).next().is_some() {
            Verdict::Warn
        } else {
            Verdict::Pass
        }
    }

    /// The checks on which it hangs whether Mixpanel can write, and of which nobody knows.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = &Check> {
        self.with(Status::Unknown)
            .filter(|check| check.id.decides() != Decides::Nothing)
    }

    /// What fails, as a sentence without its full stop; `None` where nothing does.
    pub(crate) fn failure(&self) -> Option<String> {
        let ids = |of_safety: bool| {
            let failed = self.with(Status::Fail).map(|check| check.id);
            listed(failed.filter(|id| (id.decides() == Decides::Safety) == of_safety))
        };
        match (ids(false), ids(true)) {
            (broken, unsafe_) if broken.is_empty() && unsafe_.is_empty() => None,
            (broken, unsafe_) if unsafe_.is_empty() => Some(format!("Mixpanel cannot write ({broken})")),
            (broken, unsafe_) if broken.is_empty() => Some(format!("the set-up is not safe ({unsafe_})")),
            (broken, unsafe_) => Some(format!(
                "Mixpanel cannot write ({broken}), and the set-up is not safe ({unsafe_})"
            )),
        }
    }

    /// Whether a command of `setup` mends something that was found.
    pub(crate) fn mended_by_setup(&self) -> bool {
        let found = self.with(Status::Fail).chain(self.with(Status::Warn));
        let mut fixes = found.flat_map(|check| &check.fix);
        fixes.any(|fix| match fix {
            Fix::Command(command) | Fix::Edit { command, .. } => command.is_of("setup"),
            Fix::Advice(_) | Fix::ByHand(_) => false,
        })
    }

    /// The checks that came to something.
    pub(crate) fn with(&self, status: Status) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.status == status)
    }
}

/// Judges what was read.
pub(crate) fn judge(subject: &Subject, evidence: &Evidence) -> Findings {
    let access = access::table(subject, evidence);
    let checks = checks::all(subject, evidence, &access);
    Findings { access, checks }
}
