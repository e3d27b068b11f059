//! The walk at a terminal, in the order of Mixpanel's page. It fills the same [`Draft`] that flags fill, and an answer
//! that is edited later becomes the default of its own question. Only this room asks anybody anything.

pub(crate) mod account;
mod choose;
mod keyboard;
pub(crate) mod prompt;

use std::str::FromStr;

use crate::answers::draft::{Draft, region_problem};
use crate::answers::key::usable_key;
use crate::answers::question::Question;
use crate::aws::{Aws, Session};
use crate::encryption::{Encryption, EncryptionAnswer, KmsKey};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{
    BucketName, InvalidName, KeyReference, MIXPANEL_REGIONS, ProjectToken, Region, RoleName, TokenShape,
};
use crate::observe;
use crate::observe::roles::roles_that_write_to;
use crate::plan::{Offer, Remedy};
use crate::process::Interrupts;
use crate::report::{Printer, Tone};
use crate::spec::default_role_name;
use account::Identity;
use prompt::Prompter;

/// What a person may say to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanChoice {
    /// Do it.
    Apply,
    /// Show the policy documents first.
    Documents,
    /// Change an answer.
    Edit,
    /// Change nothing.
    Leave,
}

/// The questions, and what is answered so far.
pub(crate) struct Wizard<'a> {
    printer: &'a Printer,
    interrupts: &'a Interrupts,
    prompter: Prompter,
    draft: Draft,
    /// The questions that still have to be asked.
    open: Vec<Question>,
    identity: Identity,
    hardening_offered_for: Option<BucketName>,
    /// Whether the bucket that was asked for is still to be made.
    bucket_is_new: bool,
}

impl<'a> Wizard<'a> {
    /// A walk that asks for what the draft does not say.
    pub(crate) fn new(printer: &'a Printer, interrupts: &'a Interrupts, draft: Draft, identity: Identity) -> Self {
        let mut open = draft.missing();
        let unanswered = |question| match question {
            Question::Encryption => draft.choices.encryption.is_none(),
            Question::RoleName => draft.role.is_none(),
            _ => false,
        };
        open.extend(
            [Question::Encryption, Question::RoleName]
                .into_iter()
                .filter(|question| unanswered(*question)),
        );
        let prompter = Prompter::new(printer.has_color());
        Self {
            printer,
            interrupts,
            prompter,
            draft,
            open,
            identity,
            hardening_offered_for: None,
            bucket_is_new: false,
        }
    }

    /// What is answered so far.
    pub(crate) fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Shows what flags and the environment have answered already.
    pub(crate) fn show_given(&self) {
        let given: Vec<Question> = Question::ALL
            .into_iter()
            .filter(|question| !self.open.contains(question))
            .collect();
        if given.is_empty() {
            return;
        }
        self.printer
            .note(&self.printer.paint(Tone::Heading, "Given by flags or environment"));
        for question in given {
            let title = self.printer.paint(Tone::Quiet, &format!("{:<13}", question.title()));
            self.printer
                .note(&format!("  {title} {}", question.answer_of(&self.draft)));
        }
        self.printer.note("");
    }

    /// Has tokens confirmed that came by flag and do not look like Mixpanel's.
    pub(crate) fn unusual_tokens_from_flags(&mut self) -> Result<()> {
        let unusual: Vec<ProjectToken> = self.draft.unusual_tokens().into_iter().cloned().collect();
        for token in unusual {
            if !self.confirm_unusual(&token)? {
                self.draft.choices.tokens.retain(|known| *known != token);
            }
        }
        if self.draft.choices.tokens.is_empty() && !self.open.contains(&Question::ProjectToken) {
            self.open.push(Question::ProjectToken);
        }
        Ok(())
    }

    /// Asks every question that is open.
    pub(crate) async fn ask_missing(&mut self, session: &Session) -> Result<()> {
        for question in Question::ALL {
            // Looked at anew each time: a bucket that exists answers the region's question.
            if self.open.contains(&question) {
                self.ask(question, session).await?;
                self.open.retain(|open| *open != question);
            }
        }
        self.printer.note("");
        Ok(())
    }

    /// Lets a person choose the answer to change; it is asked again with the present one as its default.
    pub(crate) fn edit(&mut self) -> Result<()> {
        let width = Question::ALL
            .iter()
            .map(|question| question.title().len())
            .max()
            .unwrap_or_default();
        let items: Vec<String> = Question::ALL
            .iter()
            .map(|question| format!("{:<width$}  {}", question.title(), question.answer_of(&self.draft)))
            .collect();
        let picked = self.prompter.choose("Which answer do you want to change?", &items, 0)?;
        self.open.push(Question::ALL[picked]);
        Ok(())
    }

    /// After an answer that cannot work, or something of somebody else's: take it over where that is possible, edit an
    /// answer, or leave. False is to leave.
    pub(crate) fn after_trouble(&mut self, remedy: Remedy) -> Result<bool> {
        let mut items = vec![
            "Change an answer".to_owned(),
            "Leave; nothing was changed in AWS".to_owned(),
        ];
        match remedy {
            Remedy::None => {}
            Remedy::Adopt => items.push("Take it over, and keep what others put there".to_owned()),
            Remedy::OpenRole => items.push("Let Mixpanel assume this role".to_owned()),
        }
        match (self.prompter.choose("What now?", &items, 0)?, remedy) {
            (0, _) => self.edit()?,
            (1, _) => return Ok(false),
            (_, Remedy::OpenRole) => self.consent_to_open()?,
            _ => self.draft.choices.adopt = true,
        }
        Ok(true)
    }

    /// A consent of its own: the role's name, typed. Anything else is none.
    fn consent_to_open(&mut self) -> Result<()> {
        let default = self.draft.bucket.as_ref().and_then(default_role_name);
        let Some(role) = self.draft.role.clone().or(default) else {
            return Ok(());
        };
        let prompt = format!("Type the role's name, {role}, to let Mixpanel in");
        if self.prompter.typed(&prompt, role.as_str())? {
            self.draft.choices.open_role = Some(role);
            self.draft.choices.adopt = true;
        }
        Ok(())
    }

    /// Offers, setting by setting, what would make somebody else's bucket safer; once for a bucket. True where
    /// something was agreed to, so that there is another plan to make.
    pub(crate) fn offer_hardening(&mut self, offers: &[Offer]) -> Result<bool> {
        if offers.is_empty() || self.hardening_offered_for == self.draft.bucket {
            return Ok(false);
        }
        self.hardening_offered_for.clone_from(&self.draft.bucket);
        let why = "The bucket was not made by setup and could be safer. It stays as it is unless you agree.";
        self.printer.note(&self.printer.paint(Tone::Heading, "Hardening"));
        self.printer
            .note(&format!("  {}", self.printer.paint(Tone::Quiet, why)));
        let before = self.draft.choices.harden.len();
        for offer in offers {
            self.printer.offer(offer);
            if self.prompter.confirm("Change this?", false)? {
                self.draft.choices.harden.insert(offer.hardening);
            }
        }
        self.printer.note("");
        Ok(self.draft.choices.harden.len() > before)
    }

    /// The last gate before anything is changed.
    pub(crate) fn gate(&self) -> Result<PlanChoice> {
        // What an Enter too many chooses changes nothing.
        let items = [
            "No, change nothing",
            "Yes, do this",
            "Show the policy documents first",
            "Change an answer",
        ];
        let picked = self
            .prompter
            .choose("Shall setup do this?", &items.map(str::to_owned), 0)?;
        Ok([
            PlanChoice::Leave,
            PlanChoice::Apply,
            PlanChoice::Documents,
            PlanChoice::Edit,
        ][picked])
    }

    async fn ask(&mut self, question: Question, session: &Session) -> Result<()> {
        self.printer.note(&self.printer.paint(Tone::Heading, question.title()));
        let why = self.printer.paint(Tone::Quiet, question.why());
        self.printer.note(&format!("  {why}"));
        match question {
            Question::Bucket => self.ask_bucket(session).await?,
            Question::Region => self.ask_region(session)?,
            Question::Encryption => self.ask_encryption(session).await?,
            Question::ProjectToken => self.ask_token()?,
            Question::RoleName => self.ask_role(session).await?,
        }
        self.printer.note(&format!(
            "  {} {}",
            self.printer.paint(Tone::Good, "✓"),
            question.answer_of(&self.draft)
        ));
        Ok(())
    }

    async fn ask_bucket(&mut self, session: &Session) -> Result<()> {
        let aws = Aws::new(session, &session.home_region());
        let existing = self
            .interrupts
            .or(async { Ok(aws.bucket_names().await.unwrap_or_default()) })
            .await?;
        loop {
            let ways = ["Make a new bucket".to_owned(), "Use a bucket that exists".to_owned()];
            let name = if !existing.is_empty() && self.prompter.choose("Which bucket?", &ways, 0)? == 1 {
                let names: Vec<String> = existing.iter().map(ToString::to_string).collect();
                let present = self
                    .draft
                    .bucket
                    .as_ref()
                    .and_then(|bucket| existing.iter().position(|b| b == bucket));
                existing[self.prompter.search("Which one?", &names, present.unwrap_or(0))?].clone()
            } else {
                let default = self
                    .draft
                    .bucket
                    .as_ref()
                    .map_or_else(|| self.suggested_bucket(), ToString::to_string);
                self.prompter.text("Name of the bucket", Some(default), parsed)?
            };
            let found = self
                .interrupts
                .or(observe::find_bucket(
                    session,
                    &session.home_region(),
                    &name,
                    &self.identity.caller.account,
                ))
                .await;
            match found {
                Ok(found) => {
                    self.bucket_is_new = found.is_none();
                    let problem = found
                        .as_ref()
                        .and_then(|region| region_problem(region, self.draft.choices.allow_unlisted_region));
                    if let Some(problem) = problem {
                        self.printer.note(&format!("  Bucket {name} exists."));
                        self.printer.error(&problem);
                        continue;
                    }
                    self.region_of_bucket(found);
                    self.draft.bucket = Some(name);
                    return Ok(());
                }
                // Somebody else's name: told, and asked again.
                Err(error) if error.kind == ErrorKind::Conflict => self.printer.error(&error),
                Err(error) => return Err(error),
            }
        }
    }

    /// A bucket that exists has a region, which need not be asked.
    fn region_of_bucket(&mut self, found: Option<Region>) {
        if let Some(region) = found {
            self.printer.note(&format!("  The bucket exists, in {region}."));
            self.draft.region = Some(region);
            self.open.retain(|open| *open != Question::Region);
        }
    }

    /// The account's alias makes a good name; its number makes one that nobody else has.
    fn suggested_bucket(&self) -> String {
        match &self.identity.alias {
            Some(alias) => format!("{alias}-mixpanel-export"),
            None => format!("mixpanel-export-{}", self.identity.caller.account),
        }
    }

    fn ask_region(&mut self, session: &Session) -> Result<()> {
        let default = self
            .draft
            .region
            .clone()
            .or_else(|| session.profile().region().cloned());
        let mut codes: Vec<String> = MIXPANEL_REGIONS.iter().map(|(code, _)| (*code).to_owned()).collect();
        let mut items: Vec<String> = MIXPANEL_REGIONS
            .iter()
            .map(|(code, place)| format!("{code:<15} {place}"))
            .collect();
        let unlisted = default
            .as_ref()
            .filter(|region| !region.is_listed() && self.draft.choices.allow_unlisted_region);
        if let Some(region) = unlisted {
            codes.push(region.to_string());
            items.push(format!("{region:<15} not listed by Mixpanel"));
        }
        let at = default
            .and_then(|region| codes.iter().position(|code| code == region.as_str()))
            .unwrap_or(0);
        let picked = self.prompter.search("Which region?", &items, at)?;
        let region: Region = codes[picked]
            .parse()
            .map_err(|invalid| Error::usage(format!("{invalid}")))?;
        match region_problem(&region, self.draft.choices.allow_unlisted_region) {
            Some(problem) => Err(problem),
            None => {
                self.draft.region = Some(region);
                Ok(())
            }
        }
    }

    async fn ask_encryption(&mut self, session: &Session) -> Result<()> {
        let items = [
            "AES   SSE-S3: Amazon S3 keeps the keys; nothing more to do",
            "KMS   with the account's aws/s3 key",
            "KMS   with a key of your own",
            "none  Mixpanel asks for nothing; the bucket's default applies",
        ];
        let present = match &self.draft.choices.encryption {
            None | Some(Encryption::Aes) => 0,
            Some(Encryption::Kms(KmsKey::AwsManaged)) => 1,
            Some(Encryption::Kms(KmsKey::Own(_)) | Encryption::Kms(KmsKey::New(()))) => 2,
            Some(Encryption::None) => 3,
        };
        let picked = self
            .prompter
            .choose("How shall Mixpanel encrypt?", &items.map(str::to_owned), present)?;
        self.draft.choices.encryption = Some(match picked {
            0 => Encryption::Aes,
            1 => Encryption::Kms(KmsKey::AwsManaged),
            2 => self.ask_key(session).await?,
            _ => Encryption::None,
        });
        Ok(())
    }

    async fn ask_key(&mut self, session: &Session) -> Result<EncryptionAnswer> {
        let region = self.draft.region.clone().unwrap_or_else(|| session.home_region());
        let aws = Aws::new(session, &region);
        // A caller who may not list keys can still type one.
        let keys = self
            .interrupts
            .or(async { Ok(aws.usable_keys().await.unwrap_or_default()) })
            .await?;
        let mut items: Vec<String> = keys.iter().map(|(alias, _)| alias.to_string()).collect();
        items.push("Type an ARN, a key ID or an alias".into());
        items.push("Make a new key (KMS charges for it)".into());
        let picked = self.prompter.choose(&format!("Which key in {region}?"), &items, 0)?;
        if let Some((_, key)) = keys.get(picked) {
            return Ok(Encryption::Kms(KmsKey::Own(KeyReference::Arn(key.arn.clone()))));
        }
        if picked == keys.len() + 1 {
            return Ok(Encryption::Kms(KmsKey::New(())));
        }
        loop {
            let reference: KeyReference = self.prompter.text("Key", None, parsed)?;
            let found = self
                .interrupts
                .or(async {
                    aws.key(reference.as_str())
                        .await
                        .map_err(|failure| failure.into_error(session.profile()))
                })
                .await?;
            match usable_key(found.as_ref(), &reference, &region) {
                Ok(key) => return Ok(Encryption::Kms(KmsKey::Own(KeyReference::Arn(key.arn)))),
                Err(error) => self.printer.error(&error),
            }
        }
    }

    fn ask_token(&mut self) -> Result<()> {
        loop {
            let token: ProjectToken = self.prompter.text("Project token", None, parsed)?;
            if token.shape() == TokenShape::Usual || self.confirm_unusual(&token)? {
                self.draft.choices.tokens = vec![token];
                return Ok(());
            }
        }
    }

    fn confirm_unusual(&self, token: &ProjectToken) -> Result<bool> {
        self.printer.warning(token.unusual_warning());
        self.prompter.confirm("Use it all the same?", false)
    }

    async fn ask_role(&mut self, session: &Session) -> Result<()> {
        let suggested = match self.role_of_bucket(session).await? {
            Some(role) => {
                self.printer.note(&format!(
                    "  Mixpanel can write to this bucket already, through the role {role}."
                ));
                Some(role)
            }
            None => self.draft.bucket.as_ref().and_then(default_role_name),
        };
        let default = self.draft.role.clone().or(suggested).map(|role| role.to_string());
        let role: RoleName = self.prompter.text("Name of the role", default, parsed)?;
        self.draft.role = Some(role);
        Ok(())
    }
}

impl Wizard<'_> {
    /// The role through which Mixpanel writes to the bucket already, if there is one. A courtesy: not every caller may
    /// look.
    async fn role_of_bucket(&self, session: &Session) -> Result<Option<RoleName>> {
        let Some(bucket) = self.draft.bucket.as_ref().filter(|_| !self.bucket_is_new) else {
            return Ok(None);
        };
        let aws = Aws::new(session, &session.home_region());
        let roles = self
            .interrupts
            .or(async { Ok(roles_that_write_to(&aws, bucket).await.unwrap_or_default()) })
            .await?;
        Ok(match roles.as_slice() {
            [only] => Some(only.clone()),
            // The usual name is among them, or a person has to say which.
            _ => None,
        })
    }
}

/// An answer as its type, or what to tell the person who has just typed it.
fn parsed<T: FromStr<Err = InvalidName>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: InvalidName| invalid.in_a_line())
}
