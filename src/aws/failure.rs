//! What it means when a call fails.
//!
//! The SDK's errors differ by operation; what a person needs does not: which action on what was refused, by which
//! layer, or whether the thing is not there, or whether nobody answered. [`Failure`] says that, and
//! [`Failure::into_error`] turns it into the program's error with the next command to run.

mod limits;

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::bounds::{Senseless, document_problem};
use super::profile::Profile;
use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::error::{DeniedCall, Error, ErrorKind};
use crate::names::Region;
use crate::observed::{Unanswered, Unread};
use crate::policy::Document;

/// A failed call.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The action in IAM's words, such as `s3:CreateBucket`.
    pub(crate) action: &'static str,
    /// What it was asked of.
    pub(crate) resource: String,
    /// What it means.
    pub(crate) cause: Cause,
    /// AWS's error code, or the HTTP status where there is none.
    pub(crate) code: String,
    /// AWS's message, or the SDK's.
    pub(crate) message: String,
    /// The bucket's region, where S3 named it in a header.
    pub(crate) bucket_region: Option<Region>,
}

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The thing is not there.
    NotFound,
    /// The caller may not.
    Denied,
    /// There are no credentials, or they are no longer good.
    Credentials,
    /// S3: the bucket is in another region.
    Redirect,
    /// It is there already.
    AlreadyExists,
    /// It is not what it was when it was looked at, so nothing was written over it.
    Changed,
    /// AWS is busy with it, or has not heard of it everywhere: worth another try.
    NotYet,
    /// It cannot go, since something else still holds it: a bucket its objects, a policy its users.
    InUse,
    /// AWS is overloaded, throttles, or failed by itself (5xx). The SDK has tried again where that is safe.
    Busy,
    /// No answer within the deadline.
    Timeout,
    /// No connection.
    Unreachable,
    /// What came back was no answer to the question. If it was one to act, that may have been done.
    Odd,
    /// AWS answered something else.
    Other,
}

const CREDENTIAL_CODES: [&str; 9] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];
const DENIED_CODES: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AllAccessDisabled",
];
const NOT_FOUND_CODES: [&str; 13] = [
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchEntity",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "NoSuchTagSetError",
    "NotFound",
    "NotFoundException",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
    "ReplicationConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
];
const EXISTS_CODES: [&str; 4] = [
    "AlreadyExistsException",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "EntityAlreadyExists",
];
/// S3 answers OperationAborted while a bucket of the name is still being made or removed; IAM answers the other two
/// while another change of the same thing is under way.
const NOT_YET_CODES: [&str; 3] = [
    "ConcurrentModification",
    "OperationAborted",
    "EntityTemporarilyUnmodifiable",
];

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
const IN_USE_CODES: [&str; 2] = ["DeleteConflict", "BucketNotEmpty"];

/// How much of an error code and of an error message is kept. AWS's own are shorter.
const LONGEST_CODE: usize = 128;
const LONGEST_MESSAGE: usize = 2048;

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What to do where a region may not be enabled.
fn opt_in_hint() -> Advice {
    Advice::from("If the bucket's region is one to opt into, such as me-south-1, it may not be enabled: ")
        .command(CommandLine::aws(["account", "get-region-opt-status"]).option("--region-name", "REGION"))
}

impl Failure {
    /// Reads an SDK error. `action` is the IAM action that the call needs, `resource` what it was asked of.
    pub(super) fn new<E>(action: &'static str, resource: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let failure = |cause, code: &str, message: String| Self {
            action,
            resource: resource.to_owned(),
            cause,
            code: cut(code, LONGEST_CODE),
            message: cut(&message, LONGEST_MESSAGE),
            bucket_region: None,
        };
        if let Some(credentials) = find_source::<CredentialsError>(&error) {
            return failure(Cause::Credentials, "", credentials_message(credentials));
        }
        if let Some(senseless) = find_source::<Senseless>(&error) {
            return failure(Cause::Odd, "", senseless.to_string());
        }
        match &error {
            SdkError::TimeoutError(_) => failure(Cause::Timeout, "", "no answer within the deadline".into()),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
                failure(Cause::Timeout, "", "no answer within the deadline".into())
            }
            SdkError::DispatchFailure(_) => failure(Cause::Unreachable, "", innermost(&error)),
            SdkError::ServiceError(context)
                if context.raw().status().is_success() && context.err().code().is_none() =>
            {
                failure(Cause::Odd, "", innermost(&error))
            }
            SdkError::ServiceError(context) => {
                let raw = context.raw();
                let status = raw.status().as_u16();
                let code = context.err().code().unwrap_or_default();
                let message = context.err().message().unwrap_or_default();
                let bucket_region = raw
                    .headers()
                    .get("x-amz-bucket-region")
                    .and_then(|region| region.parse().ok());
                let shown_code = if code.is_empty() {
                    format!("HTTP {status}")
                } else {
                    code.to_owned()
                };
                let mut failure = failure(cause(code, status), &shown_code, message.to_owned());
                failure.bucket_region = bucket_region;
                failure
            }
            SdkError::ResponseError(_) => failure(Cause::Odd, "", innermost(&error)),
            other => failure(Cause::Other, "", DisplayErrorContext(other).to_string()),
        }
    }

    /// An answer that lacks what it must have.
    pub(crate) fn incomplete(action: &'static str, resource: &str, message: &str) -> Self {
        Self {
            action,
            resource: resource.to_owned(),
            cause: Cause::Other,
            code: String::new(),
            message: message.to_owned(),
            bucket_region: None,
        }
    }

    /// A call that was not made, since what it would replace has been changed by somebody else. `what` says what that
    /// is.
    pub(crate) fn changed(action: &'static str, resource: &str, what: &str) -> Self {
        Self {
            cause: Cause::Changed,
            ..Self::incomplete(action, resource, what)
        }
    }

    /// A refused call about which AWS said nothing more, as after a HEAD request.
    pub(crate) fn refused(action: &'static str, resource: &str) -> Self {
        Self {
            cause: Cause::Denied,
            code: "HTTP 403".into(),
            ..Self::incomplete(action, resource, "")
        }
    }

    /// The call as a refused one, for what cannot be read.
    pub(crate) fn denied_call(&self) -> DeniedCall {
        DeniedCall {
            action: self.action.to_owned(),
            resource: self.resource.clone(),
            layer: denying_layer(&self.message).map(str::to_owned),
        }
    }

    /// Why the call's answer is not known, where the rest can go on without it: it was refused, or made no sense.
    pub(crate) fn unread(self) -> Result<Unread, Self> {
        match self.cause {
            Cause::Denied => Ok(self.denied_call().into()),
            Cause::Odd => Ok(Unread {
                action: self.action.to_owned(),
                why: Unanswered::Senseless(self.message.trim_end_matches('.').to_owned()),
            }),
            _ => Err(self),
        }
    }

    /// A region that the account has not opted into answers as if the credentials were unknown. STS is asked at home,
    /// so only the other services can mean that.
    pub(crate) fn may_be_opt_in_region(&self) -> bool {
        let unknown = [
            "InvalidToken",
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
        ];
        !self.action.starts_with("sts:") && unknown.contains(&self.code.as_str())
    }

    /// Whether IAM refused a trust policy over a principal that it has not heard of, or has heard of no more.
    pub(crate) fn names_unknown_principal(&self) -> bool {
        self.action.starts_with("iam:")
            && self.code == "MalformedPolicyDocument"
            && self.message.to_ascii_lowercase().contains("invalid principal")
    }

    /// Takes "it is not there" for done, where something was to go: an earlier answer was lost, or somebody was
    /// quicker.
    pub(super) fn unless_gone(self) -> Result<(), Self> {
        match self.cause {
            Cause::NotFound => Ok(()),
            _ => Err(self),
        }
    }

    /// Whether AWS may have acted all the same: the answer was lost, or never came.
    pub(crate) fn may_have_acted(&self) -> bool {
        matches!(
            self.cause,
            Cause::Busy | Cause::Timeout | Cause::Unreachable | Cause::Odd
        )
    }

    /// The program's error for a failure that changed nothing.
    pub(crate) fn into_error(self, profile: &Profile) -> Error {
        let message = self.to_string();
        match self.cause {
            Cause::Credentials => {
                let error = Error::new(ErrorKind::Credentials, format!("{} {message}", profile.tried()));
                let error = match self.may_be_opt_in_region() {
                    true => error.hint(opt_in_hint()),
                    false => error,
                };
                error.hints(profile.mending_hints())
            }
            Cause::Denied => {
                let mut error = Error::new(ErrorKind::Denied, message).hint(format!(
                    "Ask whoever administers the account to allow {} on {}, or use another profile with --profile.",
                    self.action, self.resource
                ));
                if let Some(hint) = profile.mfa_hint() {
                    error = error.hint(hint);
                }
                error.denied.push(self.denied_call());
                error
            }
            // Whatever was done before, what is there has to be looked at again.
            Cause::Changed => Error::new(ErrorKind::Partial, message),
            Cause::AlreadyExists => {
                let hint = match self.code.as_str() {
                    "BucketAlreadyExists" => {
                        "Another AWS account has a bucket of that name. Choose another with --bucket."
                    }
                    _ => "Somebody else made it just now, or it is on another path. Run the same again to look at it.",
                };
                Error::new(ErrorKind::Conflict, message).hint(hint)
            }
            Cause::Timeout => Error::new(ErrorKind::Failed, message)
                .hint("Check the network, HTTPS_PROXY and AWS_ENDPOINT_URL; --timeout SECONDS waits longer."),
            Cause::Unreachable => Error::new(ErrorKind::Failed, message)
                .hint("Check the network, HTTPS_PROXY, AWS_CA_BUNDLE and AWS_ENDPOINT_URL."),
            Cause::Odd => Error::new(ErrorKind::Failed, message).hint(
                "AWS does not answer so. Check what stands between it and you: HTTPS_PROXY, AWS_ENDPOINT_URL, a \
                 network that asks to sign in.",
            ),
            // A HEAD request cannot say more than 400 for a token that the region does not know.
            _ if self.code == "HTTP 400" => Error::new(ErrorKind::Failed, message).hint(opt_in_hint()),
            _ => Error::new(ErrorKind::Failed, message).hints(limits::limit_hints(&self).iter().copied()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            action,
            resource,
            message,
            code,
            ..
        } = self;
        let said = match (code.is_empty(), message.is_empty()) {
            (false, false) => format!("{code}: {}", message.trim_end_matches('.')),
            (false, true) => code.clone(),
            (true, _) => message.trim_end_matches('.').to_owned(),
        };
        match self.cause {
            Cause::Credentials if code.is_empty() => write!(f, "{said}."),
            Cause::Credentials => write!(f, "AWS did not accept the credentials ({said})."),
            Cause::Denied => {
                write!(f, "AWS refused {action} on {resource}")?;
                if let Some(layer) = denying_layer(message) {
                    write!(f, "; the refusal comes from {layer}")?;
                }
                write!(f, " ({said}).")
            }
            Cause::Odd => write!(
                f,
                "{action} on {resource} was answered with something that makes no sense: {said}."
            ),
            Cause::Timeout | Cause::Unreachable => {
                write!(f, "{action} on {resource} got no answer: {said}.")
            }
            Cause::Changed => write!(
                f,
                "{action} on {resource} was not sent: somebody has changed {said} since it was read."
            ),
            _ => write!(f, "{action} on {resource} failed: {said}."),
        }
    }
}

impl StdError for Failure {}

/// A policy document that AWS answered. One that cannot be read, that is no policy, or that is longer than AWS keeps,
/// is no answer: taken for an empty policy, it would be written over what is really there.
pub(super) fn document(action: &'static str, resource: &str, text: &str) -> Result<Document, Failure> {
    if let Some(problem) = document_problem(text) {
        return Err(Failure::odd(action, resource, &problem));
    }
    let unreadable = |error: String| {
        let message = format!("the policy document cannot be read: {error}");
        Failure::odd(action, resource, &message)
    };
    let document = Document::parse(text).map_err(|error| unreadable(error.to_string()))?;
    match document.problem() {
        Some(problem) => Err(unreadable(problem.to_owned())),
        None => Ok(document),
    }
}

fn cause(code: &str, status: u16) -> Cause {
    let is = |codes: &[&str]| codes.contains(&code);
    if is(&CREDENTIAL_CODES) {
        Cause::Credentials
    } else if is(&DENIED_CODES) {
        Cause::Denied
    } else if is(&NOT_FOUND_CODES) {
        Cause::NotFound
    } else if is(&EXISTS_CODES) {
        Cause::AlreadyExists
    } else if is(&NOT_YET_CODES) {
        Cause::NotYet
    } else if is(&IN_USE_CODES) {
        Cause::InUse
    } else if matches!(
        code,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"
    ) {
        Cause::Redirect
    } else {
        // A HEAD request has no body, so S3 cannot send a code with it.
        match (code, status) {
            ("", 301 | 307) => Cause::Redirect,
            ("", 403) => Cause::Denied,
            ("", 404) => Cause::NotFound,
            (code, _) if code.contains("Throttl") => Cause::Busy,
            (_, 500..) => Cause::Busy,
            _ => Cause::Other,
        }
    }
}

/// The layer that refused, from the words of AWS's "access denied" messages.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn denying_layer(message: &str) -> Option<&'static str> {
    let message = message.to_ascii_lowercase();
    let layers = [
        ("service control policy", "the organization (a service control policy)"),
        (
            "resource control policy",
            "the organization (a resource control policy)",
        ),
        ("permissions boundary", "the caller's permissions boundary"),
        ("session policy", "the session policy of the assumed role"),
        ("vpc endpoint policy", "the policy of the VPC endpoint"),
        ("explicit deny in a resource-based policy", "the resource's own policy"),
        (
            "explicit deny in an identity-based policy",
            "a Deny in the caller's policies",
        ),
        (
            "no identity-based policy allows",
            "the caller's policies, none of which allows it",
        ),
    ];
    layers
        .iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, layer)| *layer)
}

fn credentials_message(error: &CredentialsError) -> String {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => "No AWS credentials were found".into(),
        CredentialsError::ProviderTimedOut(_) => "Loading AWS credentials took too long".into(),
        other => {
            let inner = innermost(other);
            format!("AWS credentials could not be loaded: {}", inner.trim_end_matches('.'))
        }
    }
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

fn find_source<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        current = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_bare_statuses_have_a_cause() {
        assert_eq!(cause("AccessDenied", 403), Cause::Denied);
        assert_eq!(cause("ExpiredToken", 400), Cause::Credentials);
        assert_eq!(cause("NoSuchEntity", 404), Cause::NotFound);
        assert_eq!(cause("BucketAlreadyExists", 409), Cause::AlreadyExists);
        assert_eq!(cause("OperationAborted", 409), Cause::NotYet);
        assert_eq!(cause("", 301), Cause::Redirect);
        assert_eq!(cause("", 403), Cause::Denied);
        assert_eq!(cause("", 404), Cause::NotFound);
        assert_eq!(cause("InternalError", 500), Cause::Busy);
        assert_eq!(cause("ThrottlingException", 400), Cause::Busy);
        assert_eq!(cause("MalformedPolicyDocument", 400), Cause::Other);
    }

    #[test]
    fn a_message_of_any_length_is_cut() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äöü…");
    }

    #[test]
    fn the_refusing_layer_is_read_from_the_message() {
        let message =
            "User: x is not authorized to perform: iam:CreateRole with an explicit deny in a service control policy";
        assert_eq!(
            denying_layer(message),
            Some("the organization (a service control policy)")
        );
        let message = "… because no permissions boundary allows the iam:CreateRole action";
        assert_eq!(denying_layer(message), Some("the caller's permissions boundary"));
        assert_eq!(denying_layer("Access Denied"), None);
    }
}
