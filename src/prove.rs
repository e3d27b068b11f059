//! The live proof: a short-lived role beside the real one, with the same policies and boundary, does once what Mixpanel
//! does.
//!
//! * [`probe`] – that role: making it, finding one that a killed run left, and removing it whatever happens;
//! * this file – what is tried with it, in order, and what that shows.
//!
//! The real role is never touched. What cannot be proved so is [`NOT_PROVED`]: whoever names the real role or
//! Mixpanel's user is judged from the documents alone.

pub(crate) mod probe;

use std::time::Duration;

use crate::aws::s3::{Canary, Presence};
use crate::aws::{Aws, Cause, Failure, Session};
use crate::command_line::CommandLine;
use crate::encryption::Form;
use crate::names::{AccountId, BucketName, ProjectId, Region, RoleArn, Tag};
use crate::observed::{Caller, Role, probe_name};
use crate::process::Interrupts;
use crate::verify::evidence::{Evidence, Grant};
use crate::verify::freshness::Family;
use crate::verify::{Check, CheckId, Status};
use crate::wait::{Patience, retry_until};
use probe::Probe;

/// How long IAM may take until a new role can be assumed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long until its policies count everywhere: a refusal that lasts longer is one.
const PATIENCE_WITH_POLICIES: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many other buckets are looked at for one in the same region.
const OTHERS_LOOKED_AT: usize = 10;
/// An ExternalId that is nobody's.
const WRONG_EXTERNAL_ID: &str = "mixpanel-s3-verify-wrong-id";

/// What a live proof does not show.
pub(crate) const NOT_PROVED: [&str; 4] = [
    "that the real role trusts Mixpanel's user with your token: the trust checks judge that",
    "what a resource control policy says to Mixpanel's own account (rcp-sts)",
    "a bucket or key policy that names the real role's ARN: bucket-policy-principal and kms-key-policy judge that",
    "a Deny by network, which your own address may pass where Mixpanel's does not: bucket-policy-network",
];

/// What is proved.
#[derive(Debug, Clone)]
pub(crate) struct ProofSubject<'a> {
    /// Who proves it.
    pub(crate) caller: &'a Caller,
    /// The real role.
    pub(crate) role: &'a Role,
    /// What it may do.
    pub(crate) grants: &'a [Grant],
    /// The bucket.
    pub(crate) bucket: &'a BucketName,
    /// Where that is.
    pub(crate) region: &'a Region,
    /// Who owns it.
    pub(crate) owner: &'a AccountId,
    /// What Mixpanel's form says of encryption.
    pub(crate) form: &'a Form,
    /// The ExternalId with which Mixpanel comes.
    pub(crate) external_id: &'a str,
    /// The project under whose path the object is written.
    pub(crate) project: Option<&'a ProjectId>,
    /// Why no object is to be written, if so.
    pub(crate) without_objects: Option<String>,
    /// How long a call may take.
    pub(crate) deadline: Duration,
}

impl ProofSubject<'_> {
    /// The folder of the objects that are written: a place where exports go, under a name that says what it is.
    pub(crate) fn folder(&self) -> String {
        let project = self.project.map_or("0", |project| project.as_str());
        format!("{}_mixpanel-s3-probe/", Family::Events.prefix(project))
    }

    fn keys(&self) -> [String; 2] {
        ["whole", "in-parts"].map(|name| format!("{}{name}", self.folder()))
    }

    fn canary<'a>(&'a self, key: &'a str) -> Canary<'a> {
        Canary {
            bucket: self.bucket,
            owner: self.owner,
            key,
            form: self.form,
        }
    }
}

/// What happens during a proof.
#[derive(Debug)]
pub(crate) enum ProofEvent {
    /// Something is done.
    Done(String),
    /// AWS has to be asked again, and why.
    Waiting(String),
    /// Ctrl-C: nothing new is tried, and everything is removed.
    Interrupted,
}

/// What a proof came to.
#[derive(Debug)]
pub(crate) struct Proof {
    /// What was shown.
    pub(crate) checks: Vec<Check>,
    /// What could not be removed: the thing, and the command that removes it.
    pub(crate) left: Vec<(String, CommandLine)>,
    /// Why it ended before its end, if so.
    pub(crate) failure: Option<Failure>,
    /// Whether Ctrl-C ended it.
    pub(crate) interrupted: bool,
    /// Whether it removed what an earlier one had left.
    pub(crate) swept: bool,
}

impl Proof {
    /// The role that stood in, as the documents see it: the real one's policies, and another name, ID and tags.
    pub(crate) fn stand_in(&self, evidence: &Evidence) -> Option<Role> {
        let real = evidence.role.as_ref()?;
        let name = probe_name(&real.name)?;
        let arn = real.arn.as_str().rsplit_once('/')?.0;
        Some(Role {
            arn: format!("{arn}/{name}").parse().ok()?,
            name,
            id: String::new(),
            tags: vec![Tag::probe_of(real.name.as_str())],
            ..real.clone()
        })
    }

    /// Takes refusals back to what they are where the documents treat the stand-in otherwise than the real role.
    pub(crate) fn doubt(&mut self) {
        for check in &mut self.checks {
            if check.status == Status::Fail
                && ![CheckId::LiveNoExternalId, CheckId::LiveWrongExternalId].contains(&check.id)
            {
                check.status = Status::Unknown;
                check.evidence.push(
                    "the documents name the real role, or go by its tags, so its stand-in is refused where it need \
                     not be"
                        .into(),
                );
            }
        }
    }
}

/// Tries it out. Whatever happens, what was made is removed; what cannot be is told. A second Ctrl-C leaves at once.
pub(crate) async fn prove(
    session: &Session,
    subject: &ProofSubject<'_>,
    interrupts: &Interrupts,
    tell: impl Fn(ProofEvent),
) -> Proof {
    let probe = Probe::beside(session, subject);
    let mut trial = Trial {
        session,
        subject,
        probe: &probe,
        interrupts,
        tell: &tell,
        checks: Vec::new(),
        as_role: None,
        swept: false,
    };
    let failure = tokio::select! {
        ended = trial.run() => ended.err(),
        () = interrupts.wait(2) => None,
    };
    let (checks, as_role, swept) = (trial.checks, trial.as_role, trial.swept);
    if interrupts.happened() {
        tell(ProofEvent::Interrupted);
    }
    let left = tokio::select! {
        left = probe.remove(as_role.as_ref()) => left,
        () = interrupts.wait(2) => probe.everything(),
    };
    if left.is_empty() {
        tell(ProofEvent::Done("everything that was made for it is removed".into()));
    }
    Proof {
        checks,
        left,
        failure,
        interrupted: interrupts.happened(),
        swept,
    }
}

/// A proof under way.
struct Trial<'a, T> {
    session: &'a Session,
    subject: &'a ProofSubject<'a>,
    probe: &'a Probe<'a>,
    interrupts: &'a Interrupts,
    tell: &'a T,
    checks: Vec<Check>,
    /// AWS, as the probe sees it.
    as_role: Option<Aws>,
    swept: bool,
}

impl<T: Fn(ProofEvent)> Trial<'_, T> {
    async fn run(&mut self) -> Result<(), Failure> {
        self.swept = self.probe.sweep().await?;
        if self.swept {
            (self.tell)(ProofEvent::Done(format!(
                "removed role {}, which an earlier run had left",
                self.probe.name()
            )));
        }
        if self.interrupts.happened() {
            return Ok(());
        }
        let arn = self.probe.make().await?;
        (self.tell)(ProofEvent::Done(format!("made role {}", self.probe.name())));
        let Some(aws) = self.assume(&arn).await? else {
            return Ok(());
        };
        self.as_role = Some(aws.clone());
        for step in 0..6 {
            if self.interrupts.happened() {
                return Ok(());
            }
            let check = match step {
                0 => self.of_objects(CheckId::LivePut, self.put(&aws)).await?,
                1 => self.list(&aws).await?,
                2 => self.of_objects(CheckId::LiveGet, self.get(&aws)).await?,
                3 => self.of_objects(CheckId::LiveMultipart, self.put_in_parts(&aws)).await?,
                4 => self.of_objects(CheckId::LiveDelete, self.delete(&aws)).await?,
                _ => self.elsewhere(&aws).await?,
            };
            (self.tell)(ProofEvent::Done(check.summary.clone()));
            self.checks.push(check);
        }
        Ok(())
    }

    /// With the right ExternalId, without one, and with a wrong one. The role's AWS, where it can be assumed.
    async fn assume(&mut self, arn: &RoleArn) -> Result<Option<Aws>, Failure> {
        let aws = Aws::new(self.session, &self.session.home_region());
        let right = self.subject.external_id;
        let patience = PATIENCE.min(self.subject.deadline);
        let assumed = self
            .retry(patience, "IAM does not know the new role everywhere yet", || {
                aws.assume(arn, Some(right))
            })
            .await;
        let assumed = match assumed {
            Ok(assumed) => assumed,
            Err(failure) if failure.cause == Cause::Denied => {
                let refusal = refused(
                    CheckId::LiveAssume,
                    "a role that trusts you with the token cannot be assumed, so nothing was proved: you may not, or \
                     the organization forbids it",
                    &failure,
                );
                // It is the caller who is refused here, and not Mixpanel.
                self.checks.push(Check {
                    status: Status::Unknown,
                    mixpanel_sees: None,
                    ..refusal
                });
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let pass = Check::pass(CheckId::LiveAssume, "the stand-in can be assumed with the token")
            .because("sts:AssumeRole with the right ExternalId → 200");
        (self.tell)(ProofEvent::Done(pass.summary.clone()));
        self.checks.push(pass);
        for (id, with, external_id) in [
            (CheckId::LiveNoExternalId, "without an ExternalId", None),
            (
                CheckId::LiveWrongExternalId,
                "with a wrong ExternalId",
                Some(WRONG_EXTERNAL_ID),
            ),
        ] {
            if self.interrupts.happened() {
                return Ok(None);
            }
            let check = match aws.assume(arn, external_id).await {
                Ok(_) => Check::fail(id, format!("the stand-in can be assumed {with}"))
                    .because(format!("sts:AssumeRole {with} → 200")),
                Err(failure) if failure.cause == Cause::Denied => {
                    Check::pass(id, format!("the stand-in cannot be assumed {with}"))
                        .because(format!("sts:AssumeRole {with} → {}", failure.code))
                }
                Err(failure) => return Err(failure),
            };
            (self.tell)(ProofEvent::Done(check.summary.clone()));
            self.checks.push(check);
        }
        let session = self.session.of_role(&assumed);
        Ok(Some(Aws::new(&session, self.subject.region)))
    }

    /// A trial that needs objects, where there may be some.
    async fn of_objects(
        &self,
        id: CheckId,
        trial: impl Future<Output = Result<Check, Failure>>,
    ) -> Result<Check, Failure> {
        match &self.subject.without_objects {
            Some(why) => Ok(Check::skipped(id, why.clone())),
            None => trial.await,
        }
    }

    async fn put(&self, aws: &Aws) -> Result<Check, Failure> {
        let [key, _] = self.subject.keys();
        self.probe.writes_objects();
        self.tried(
            CheckId::LivePut,
            (
                "an object can be written as Mixpanel writes it",
                "no object can be written as Mixpanel writes it",
            ),
            || aws.put_canary(self.subject.canary(&key)),
        )
        .await
    }

    async fn put_in_parts(&self, aws: &Aws) -> Result<Check, Failure> {
        let [_, key] = self.subject.keys();
        self.tried(
            CheckId::LiveMultipart,
            ("an object can be written in parts", "no object can be written in parts"),
            || aws.put_canary_in_parts(self.subject.canary(&key)),
        )
        .await
    }

    async fn list(&self, aws: &Aws) -> Result<Check, Failure> {
        let folder = self.subject.folder();
        let says = ("the bucket can be listed", "the bucket cannot be listed");
        self.tried(CheckId::LiveList, says, || {
            aws.list_one(self.subject.bucket, self.subject.owner, &folder)
        })
        .await
    }

    async fn get(&self, aws: &Aws) -> Result<Check, Failure> {
        const ID: CheckId = CheckId::LiveGet;
        let written = |check: &Check| check.id == CheckId::LivePut && check.status == Status::Pass;
        if !self.checks.iter().any(written) {
            return Ok(Check::skipped(ID, "there is no object to read"));
        }
        let [key, _] = self.subject.keys();
        let says = (
            "the object reads as it was written",
            "the object cannot be read as it was written",
        );
        self.tried(ID, says, || async {
            match aws.get_canary(self.subject.canary(&key)).await? {
                true => Ok(()),
                false => Err(Failure::incomplete("s3:GetObject", &key, "other bytes came back")),
            }
        })
        .await
    }

    async fn delete(&self, aws: &Aws) -> Result<Check, Failure> {
        let [whole, in_parts] = self.subject.keys();
        let says = ("the objects can be removed", "the objects cannot be removed");
        self.tried(CheckId::LiveDelete, says, || async {
            aws.delete_canary(self.subject.canary(&whole)).await?;
            aws.delete_canary(self.subject.canary(&in_parts)).await
        })
        .await
    }

    /// Whether the role is kept out of another bucket of the account.
    async fn elsewhere(&self, aws: &Aws) -> Result<Check, Failure> {
        const ID: CheckId = CheckId::LiveOtherBucket;
        let own = Aws::new(self.session, self.subject.region);
        let other = match own.bucket_names().await {
            Ok(names) => {
                let others = names.into_iter().filter(|name| name != self.subject.bucket);
                self.of_this_region(&own, others.take(OTHERS_LOOKED_AT).collect())
                    .await?
            }
            Err(failure) if failure.cause == Cause::Denied => None,
            Err(failure) => return Err(failure),
        };
        let Some(other) = other else {
            return Ok(Check::skipped(
                ID,
                "there is no other bucket in this region to try, or it cannot be looked for",
            ));
        };
        match aws.list_one(&other, self.subject.owner, "").await {
            Ok(()) => Ok(Check::warn(ID, format!("the role may list another bucket, {other}"))
                .because(format!("s3:ListObjectsV2 on {other} → 200"))
                .advise("Narrow the role's policies, or that bucket's, to what the export needs.")),
            Err(failure) if failure.cause == Cause::Denied => Ok(Check::pass(
                ID,
                format!("the role is refused in another bucket, {other}"),
            )
            .because(format!("s3:ListObjectsV2 on {other} → {}", failure.code))),
            Err(failure) => Err(failure),
        }
    }

    /// The first of these buckets that is in the region, since another region's answers whoever asks alike.
    async fn of_this_region(&self, aws: &Aws, names: Vec<BucketName>) -> Result<Option<BucketName>, Failure> {
        for name in names {
            match aws.bucket_presence(&name, self.subject.owner).await? {
                Presence::Here(Some(region)) if region == *self.subject.region => {
                    return Ok(Some(name));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    async fn tried<W>(
        &self,
        id: CheckId,
        (works, fails): (&str, &str),
        attempt: impl Fn() -> W,
    ) -> Result<Check, Failure>
    where
        W: Future<Output = Result<(), Failure>>,
    {
        // A third of a call's deadline, so that the wait is as long as whoever calls wants to wait for anything.
        let patience = PATIENCE_WITH_POLICIES.min(self.subject.deadline / 3);
        let reason = "it is refused, which it may be until the new role's policies count everywhere";
        match self.retry(patience, reason, attempt).await {
            Ok(()) => Ok(Check::pass(id, works).because(format!("tried with role {}", self.probe.name()))),
            // The wait was cut short, so the refusal shows nothing.
            Err(_) if self.interrupts.happened() => Ok(Check::skipped(id, "interrupted before it was known")),
            Err(failure) => outcome(id, fails, failure),
        }
    }

    /// Tries again for as long as it is refused and there is patience. Ctrl-C ends the waiting, never a request.
    async fn retry<V, W>(&self, patience: Duration, why: &'static str, attempt: impl Fn() -> W) -> Result<V, Failure>
    where
        W: Future<Output = Result<V, Failure>>,
    {
        let tell = |reason| (self.tell)(ProofEvent::Waiting(format!("waiting: {reason}")));
        let reason = |answer: &Result<V, Failure>| {
            let failure = answer.as_ref().err()?;
            let worth_it = matches!(failure.cause, Cause::Denied | Cause::NotFound)
                // A key of a session that IAM has not told every region of yet.
                || failure.code == "InvalidAccessKeyId";
            worth_it.then_some(why)
        };
        let patience = Patience::growing(patience, LONGEST_PAUSE);
        retry_until(patience, self.interrupts, tell, reason, attempt).await
    }
}

/// A refusal is a finding; anything else is a failure of the trial itself.
fn outcome(id: CheckId, summary: &str, failure: Failure) -> Result<Check, Failure> {
    match failure.cause {
        Cause::Denied | Cause::NotFound => Ok(refused(id, summary, &failure)),
        // What S3 says of the key.
        Cause::Other if failure.code.starts_with("KMS.") => Ok(refused(id, summary, &failure)),
        Cause::Other => Ok(Check {
            status: Status::Unknown,
            ..refused(id, summary, &failure)
        }),
        _ => Err(failure),
    }
}

fn refused(id: CheckId, summary: &str, failure: &Failure) -> Check {
    let layer = failure.denied_call().layer;
    let advice = match layer {
        Some(layer) => format!("AWS says that the refusal comes from {layer}: the check of that layer says more."),
        None => {
            "The checks of the documents say more; where all of them pass, the organization's policies are left.".into()
        }
    };
    Check::new(id, Status::Fail, summary)
        .because(failure.to_string().trim_end_matches('.').to_owned())
        .mixpanel_sees(format!("{}: {}", failure.code, failure.message))
        .advise(advice)
}
