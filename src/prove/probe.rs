//! The role that stands in for the real one during a proof.
//!
//! Its name follows from the real role's, so that a run finds what an earlier, killed one left. What is not in every
//! part as this makes it ([`Original`]) is somebody's: nothing is attached to it, and it is not removed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ProofSubject;
use crate::aws::iam::NewRole;
use crate::aws::s3::Marker;
use crate::aws::{Aws, Cause, Failure, Session};
use crate::command_line::CommandLine;
use crate::names::{PolicyArn, RoleArn, RoleName, Tag};
use crate::observe::role::whole_role;
use crate::observed::{Original, Role, probe_name};
use crate::policy::compare::same_meaning;
use crate::policy::{Document, build};
use crate::process::Interrupts;
use crate::verify::evidence::original;
use crate::wait::{Patience, retry_until};

/// How long its removal is tried again.
const PATIENCE: Patience = Patience::steady(Duration::from_secs(4));

/// The probe of a proof.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    aws: Aws,
    /// The caller's own AWS, where the bucket is.
    at_bucket: Aws,
    subject: &'a ProofSubject<'a>,
    name: Option<RoleName>,
    made: AtomicBool,
    wrote: AtomicBool,
}

impl<'a> Probe<'a> {
    /// The probe of a role. Nothing is asked yet.
    pub(super) fn beside(session: &Session, subject: &'a ProofSubject<'a>) -> Self {
        Self {
            aws: Aws::new(session, &session.home_region()),
            at_bucket: Aws::new(session, subject.region),
            subject,
            name: probe_name(&subject.role.name),
            made: AtomicBool::new(false),
            wrote: AtomicBool::new(false),
        }
    }

    /// What the role is called.
    pub(crate) fn name(&self) -> String {
        self.name.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    fn role(&self) -> Result<&RoleName, Failure> {
        self.name.as_ref().ok_or_else(|| {
            let real = self.subject.role.name.as_str();
            Failure::incomplete("iam:CreateRole", real, "its probe would have no valid name")
        })
    }

    /// What it is made after.
    fn original(&self) -> Original<'_> {
        let ProofSubject {
            role, grants, caller, ..
        } = self.subject;
        original(&role.name, &caller.account, Some(role), grants)
    }

    /// Whether a role is the one that was made a moment ago, whose making was answered with "it is there": with that
    /// very trust, and with nothing attached yet.
    fn was_just_made(&self, found: &Role, trust: &Document) -> bool {
        same_meaning(&found.trust, trust)
            && found.attached.is_empty()
            && found.inline.is_empty()
            && self.original().differences(found).is_empty()
    }

    /// Says that objects are written from now on.
    pub(super) fn writes_objects(&self) {
        self.wrote.store(true, Ordering::SeqCst);
    }

    /// Removes what an earlier run left, if it did. A role of that name that is somebody else's is an error.
    pub(super) async fn sweep(&self) -> Result<bool, Failure> {
        let name = self.role()?;
        let Some(role) = whole_role(&self.aws, name).await? else {
            return Ok(false);
        };
        let differences = self.original().differences(&role);
        if !differences.is_empty() {
            let message = format!(
                "a role of that name exists that no live proof has left as it is, so it is not touched: {}",
                differences.join("; ")
            );
            return Err(Failure::incomplete("iam:CreateRole", name.as_str(), &message));
        }
        // What it wrote last is not known, and does not hinder.
        self.remove_objects(&self.at_bucket).await.ok();
        self.remove_role(name).await?;
        Ok(true)
    }

    /// Makes the role: narrow from its first moment, and with the real one's boundary before it has any policy.
    pub(super) async fn make(&self) -> Result<RoleArn, Failure> {
        let name = self.role()?;
        let ProofSubject { role, grants, .. } = self.subject;
        let trust = build::probe_trust(&self.subject.caller.arn, self.subject.external_id);
        let boundary = role.boundary.as_deref().and_then(|arn| arn.parse::<PolicyArn>().ok());
        self.made.store(true, Ordering::SeqCst);
        let made = self
            .aws
            .create_role(NewRole {
                name,
                path: &role.path,
                trust: &trust,
                boundary: boundary.as_ref(),
                description: "Stands in for Mixpanel's role while mixpanel-s3 verify --live runs. Safe to delete.",
                tags: &[Tag::probe_of(role.name.as_str())],
            })
            .await;
        match made {
            // The answer to an earlier try was lost: there was no such role when it was looked for.
            Err(failure) if failure.cause == Cause::AlreadyExists => {
                let there = whole_role(&self.aws, name).await?;
                if !there.is_some_and(|role| self.was_just_made(&role, &trust)) {
                    self.made.store(false, Ordering::SeqCst);
                    return Err(failure);
                }
            }
            Err(failure) => {
                self.made.store(failure.may_have_acted(), Ordering::SeqCst);
                return Err(failure);
            }
            Ok(()) => {}
        }
        for grant in *grants {
            match grant.arn.as_ref().and_then(|arn| arn.parse::<PolicyArn>().ok()) {
                Some(arn) => self.aws.attach_policy(name, &arn).await?,
                None => {
                    self.aws
                        .put_inline_policy(name, grant.inline_name(), &grant.document)
                        .await?;
                }
            }
        }
        let made = self.aws.role(name).await?;
        made.map(|role| role.arn).ok_or_else(|| {
            Failure::incomplete("iam:GetRole", name.as_str(), "the role that was just made is not there")
        })
    }

    /// Removes everything, whatever of it there is. What could not be removed is answered, with the command that does.
    pub(super) async fn remove(&self, as_role: Option<&Aws>) -> Vec<(String, CommandLine)> {
        let mut left = Vec::new();
        if self.wrote.load(Ordering::SeqCst) {
            let mut gone = match as_role {
                Some(aws) => self.remove_objects(aws).await,
                None => Err(Failure::refused("s3:DeleteObject", self.subject.bucket.as_str())),
            };
            // What the role may not, whoever runs this may.
            if gone.is_err() {
                gone = self.remove_objects(&self.at_bucket).await;
            }
            if let Err(failure) = gone {
                left.push(self.objects_left(&failure.to_string()));
            }
        }
        if self.made.load(Ordering::SeqCst)
            && let Ok(name) = self.role()
            && let Err(failure) = self.remove_role_patiently(name).await
        {
            left.push(match failure.cause {
                Cause::Changed => self.role_changed(&failure.to_string()),
                _ => self.role_left(&failure.to_string()),
            });
        }
        left
    }

    /// Everything that may be there, for whoever leaves before it is removed.
    pub(super) fn everything(&self) -> Vec<(String, CommandLine)> {
        let why = "left at once, so it was not removed";
        let mut left = Vec::new();
        if self.wrote.load(Ordering::SeqCst) {
            left.push(self.objects_left(why));
        }
        if self.made.load(Ordering::SeqCst) {
            left.push(self.role_left(why));
        }
        left
    }

    fn objects_left(&self, why: &str) -> (String, CommandLine) {
        let place = format!("s3://{}/{}", self.subject.bucket, self.subject.folder());
        (
            format!("objects under {place} ({})", why.trim_end_matches('.')),
            CommandLine::aws(["s3", "rm", "--recursive"]).value(place),
        )
    }

    fn role_left(&self, why: &str) -> (String, CommandLine) {
        (
            format!("role {} ({})", self.name(), why.trim_end_matches('.')),
            CommandLine::mixpanel_s3(["verify", "--live"]).option("--role", &self.subject.role.name),
        )
    }

    /// The role, which is no longer as it was made: no command removes what somebody put there.
    fn role_changed(&self, why: &str) -> (String, CommandLine) {
        let (thing, _) = self.role_left(why);
        let look = CommandLine::aws(["iam", "get-role"]).option("--role-name", self.name());
        (thing, look)
    }

    async fn remove_objects(&self, aws: &Aws) -> Result<(), Failure> {
        for key in self.subject.keys() {
            aws.delete_canary(self.subject.canary(&key)).await?;
        }
        // An upload in parts that was cut short.
        let (bucket, owner) = (self.subject.bucket, self.subject.owner);
        let folder = self.subject.folder();
        let first = Marker::default();
        let page = self
            .at_bucket
            .unfinished_uploads(bucket, owner, Some(&folder), &first)
            .await?;
        let uploads = page.items;
        for upload in uploads.iter().filter(|upload| upload.key.starts_with(&folder)) {
            self.at_bucket.abort_upload(bucket, owner, upload).await?;
        }
        Ok(())
    }

    /// Tries again for a while, since nobody comes after it: IAM may not have heard everywhere that a policy is
    /// detached.
    async fn remove_role_patiently(&self, name: &RoleName) -> Result<(), Failure> {
        let reason = |answer: &Result<(), Failure>| {
            let failure = answer.as_ref().err()?;
            let final_causes = [Cause::Denied, Cause::Changed];
            (!final_causes.contains(&failure.cause)).then_some("IAM does not let the role go yet")
        };
        let quietly = |_| {};
        retry_until(PATIENCE, &Interrupts::never(), quietly, reason, || {
            self.remove_role(name)
        })
        .await
    }

    async fn remove_role(&self, name: &RoleName) -> Result<(), Failure> {
        let Some(found) = whole_role(&self.aws, name).await? else {
            return Ok(());
        };
        let original = self.original();
        // Another one's by now.
        if !original.is_named_by(&found) {
            return Ok(());
        }
        remove_probe(&self.aws, &original, &found).await
    }
}

/// Removes a probe that was read a moment ago, where it is one in every part.
pub(crate) async fn remove_probe(aws: &Aws, original: &Original<'_>, found: &Role) -> Result<(), Failure> {
    let name = &found.name;
    let differences = original.differences(found);
    if !differences.is_empty() {
        let what = format!("the role ({})", differences.join("; "));
        return Err(Failure::changed("iam:DeleteRole", name.as_str(), &what));
    }
    for arn in &found.attached {
        if let Ok(arn) = arn.parse() {
            aws.detach_policy(name, &arn).await?;
        }
    }
    for policy in &found.inline {
        aws.delete_inline_policy(name, &policy.name).await?;
    }
    aws.delete_role(name).await
}
