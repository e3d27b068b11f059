//! Credentials, looked at before the SDK signs with them: it panics at a key ID that cannot go into a header.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

/// Credentials of somewhere, as long as they can be used.
#[derive(Debug)]
pub(super) struct Checked {
    inner: SharedCredentialsProvider,
    /// Whether they are those of the environment, whose variables can be named.
    from_environment: bool,
}

impl Checked {
    pub(super) fn new(inner: SharedCredentialsProvider, from_environment: bool) -> Self {
        Self {
            inner,
            from_environment,
        }
    }
}

impl ProvideCredentials for Checked {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.inner.provide_credentials().await?;
            match problem(&credentials, self.from_environment) {
                Some(problem) => Err(CredentialsError::invalid_configuration(problem)),
                None => Ok(credentials),
            }
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.inner.fallback_on_interrupt()
    }
}

/// What cannot be used, by its name; its value is a secret.
fn problem(credentials: &Credentials, from_environment: bool) -> Option<String> {
    let sound = |text: &str, but: &[char]| {
        !text.is_empty() && text.chars().all(|one| one.is_ascii_graphic() && !but.contains(&one))
    };
    let names = match from_environment {
        true => ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
        false => ["the access key ID", "the secret access key", "the session token"],
    };
    // The key ID is a part of a list with slashes and commas.
    let checks = [
        sound(credentials.access_key_id(), &['/', ',', '=']),
        sound(credentials.secret_access_key(), &[]),
        credentials.session_token().is_none_or(|token| sound(token, &[])),
    ];
    let (name, _) = names.iter().zip(checks).find(|(_, sound)| !sound)?;
    Some(format!(
        "{name} has a line break, a space or another character that no key has"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_key_has_is_named_without_its_value() {
        let of = |id: &str, secret: &str, token: Option<&str>| {
            let token = token.map(str::to_owned);
            problem(&Credentials::new(id, secret, token, None, "test"), true)
        };
        assert_eq!(of("AKIATEST", "test/+=", Some("to/ken+==")), None);
        for (problem, name) in [
            (of("AKIA\nTEST", "test", None), "AWS_ACCESS_KEY_ID"),
            (of("AKIA/TEST", "test", None), "AWS_ACCESS_KEY_ID"),
            (of("AKIATEST", "te\nst", None), "AWS_SECRET_ACCESS_KEY"),
            (of("AKIATEST", "test ", None), "AWS_SECRET_ACCESS_KEY"),
            (of("AKIATEST", "test", Some("tö")), "AWS_SESSION_TOKEN"),
            (of("AKIATEST", "test", Some("")), "AWS_SESSION_TOKEN"),
        ] {
            let problem = problem.unwrap();
            assert!(problem.starts_with(name), "{problem}");
        }
    }
}
