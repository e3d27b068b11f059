//! What the environment says about reaching AWS, checked before the SDK sees it. The SDK stops with a panic at some of
//! what can stand there, and passes over the rest: a proxy that it cannot read is one that it does not use. Here each
//! is an error that names the variable, and never its value, which may hold a password.

use http::Uri;

use crate::error::{Error, Result};
use crate::names::{Region, TOKEN_VARIABLE};
use crate::process::Process;

/// The endpoints of the services that this program calls, and of those that credentials come from.
const ENDPOINTS: [&str; 8] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SIGNIN",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ENDPOINT_URL_STS",
];
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];
/// What else is read as text.
const OTHERS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    TOKEN_VARIABLE,
];
/// Where a region can stand; the first that is set counts.
pub(super) const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Refuses what cannot be used. An empty proxy is none, as everywhere; an empty endpoint or bundle is a mistake.
pub(super) fn check(process: &Process) -> Result<()> {
    for name in ENDPOINTS.iter().chain(&PROXIES).chain(&OTHERS).chain(&REGIONS) {
        if process.is_garbled(name) {
            return Err(Error::usage(format!("{name} is not text in UTF-8.")));
        }
    }
    for name in ENDPOINTS.iter().filter(|name| process.is_set(name)) {
        let value = process.variable(name).unwrap_or_default();
        if let Some(problem) = endpoint_problem(value) {
            return Err(unusable(name, problem));
        }
    }
    for name in PROXIES {
        if let Some(problem) = process.variable(name).and_then(proxy_problem) {
            return Err(unusable(name, problem));
        }
    }
    if process.is_set("AWS_CA_BUNDLE") && process.variable("AWS_CA_BUNDLE").is_none() {
        return Err(unusable("AWS_CA_BUNDLE", "is empty"));
    }
    for name in REGIONS {
        let region = process.variable(name).map(str::parse::<Region>);
        if let Some(Err(_)) = region {
            return Err(unusable(name, "is not a region code, such as eu-west-1"));
        }
    }
    Ok(())
}

/// What is wrong with an endpoint's URL, as the end of a sentence.
pub(super) fn endpoint_problem(url: &str) -> Option<&'static str> {
    if url.is_empty() {
        return Some("is empty");
    }
    let Ok(uri) = url.parse::<Uri>() else {
        return Some("is not a URL");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Some("begins neither with http:// nor with https://");
    }
    if uri.query().is_some() {
        return Some("has a query, which an endpoint cannot have");
    }
    authority_problem(&uri).or_else(|| {
        let has_user = uri.authority()?.as_str().contains('@');
        has_user.then_some("has a user name, which is not sent to an endpoint")
    })
}

fn proxy_problem(url: &str) -> Option<&'static str> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Some("is not the URL of a proxy");
    };
    match uri.scheme_str() {
        None | Some("http" | "https") => authority_problem(&uri),
        Some("socks4" | "socks4a" | "socks5" | "socks5h") => {
            Some("names a SOCKS proxy, and only HTTP proxies can be used")
        }
        Some(_) => Some("is not the URL of an HTTP proxy"),
    }
}

fn authority_problem(uri: &Uri) -> Option<&'static str> {
    let Some(authority) = uri.authority() else {
        return Some("names no host");
    };
    if authority.host().is_empty() {
        return Some("names no host");
    }
    let named = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = named.strip_prefix(authority.host()).unwrap_or_default();
    let sound = port.is_empty() || authority.port_u16().is_some_and(|port| port > 0);
    (!sound).then_some("has a port that is none")
}

fn unusable(name: &str, problem: &str) -> Error {
    Error::usage(format!("{name} {problem}.")).hint(format!("Correct {name}, or unset it."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for sound in [
            "http://127.0.0.1:5000",
            "https://s3.example.com/base/",
            "http://[::1]:9000",
        ] {
            assert_eq!(endpoint_problem(sound), None, "{sound}");
        }
        for wrong in [
            "",
            " ",
            "foo",
            "localhost:5000",
            "http://",
            "http:///path",
            "http://a b",
            "http://host:99999",
            "http://host:0",
            "http://host:",
            "ftp://host",
            "file:///etc/passwd",
            "http://user:secret@host",
            "http://host?x=y",
            "http://host\n",
            "http://[::1",
        ] {
            assert!(endpoint_problem(wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn proxies() {
        for sound in [
            "http://proxy:3128",
            "proxy:3128",
            "proxy",
            "https://user:secret@proxy.example.com",
        ] {
            assert_eq!(proxy_problem(sound), None, "{sound}");
        }
        for wrong in [
            ":://",
            "http://",
            "http://user:secret@",
            "foo bar",
            "ftp://proxy",
            "socks5://proxy:1080",
            "http://proxy:port",
            "http://user:sec ret@proxy:1",
            "http://[::1",
            "/proxy",
        ] {
            assert!(proxy_problem(wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn the_message_names_the_variable_and_not_its_value() {
        let secret = "http://user:hunter2@:x";
        for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTPS_PROXY", "all_proxy"] {
            let process = Process::stand_in(&[], &[(name, secret)]);
            let error = check(&process).unwrap_err();
            let text = format!("{error:?}");
            assert!(error.message.contains(name), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        for name in ["AWS_ENDPOINT_URL_KMS", "AWS_CA_BUNDLE"] {
            let error = check(&Process::stand_in(&[], &[(name, "")])).unwrap_err();
            assert_eq!(error.message, format!("{name} is empty."));
        }
        assert!(check(&Process::stand_in(&[], &[("HTTPS_PROXY", "")])).is_ok());
    }
}
