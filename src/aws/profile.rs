//! The profile that credentials come from, as far as errors and the wizard have to know it: its name, its region, and
//! the command that renews what it holds.

use aws_config::profile::{ProfileSet, load};
use aws_types::os_shim_internal::{Env, Fs};

use super::environment::REGIONS;
use crate::advice::Advice;
use crate::command_line::CommandLine;
use crate::error::{Error, Result};
use crate::names::{Region, without_tokens};
use crate::process::Process;

/// The selected profile, and the names of the others.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    name: String,
    /// Where the choice comes from.
    origin: Origin,
    kind: CredentialKind,
    region: Option<Region>,
    /// Whether what stands where its region should is none.
    no_region: bool,
    /// The file of certificates that it names.
    ca_bundle: Option<String>,
    mfa: bool,
    exists: bool,
    others: Vec<String>,
    /// Whether credentials in the environment come before the profile's.
    shadowed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Flag,
    Environment,
    Default,
    #[cfg(feature = "sandbox")]
    Sandbox,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CredentialKind {
    Sso,
    Login,
    Other,
}

impl Profile {
    /// Reads the configuration files. No request is made, and no credentials are loaded.
    pub(crate) async fn select(process: &Process, flag: Option<&str>) -> Self {
        let (name, origin) = match (flag, process.variable("AWS_PROFILE")) {
            (Some(name), _) => (name, Origin::Flag),
            (None, Some(name)) => (name, Origin::Environment),
            (None, None) => ("default", Origin::Default),
        };
        // A file that cannot be read or parsed is reported by the SDK when it loads credentials from it.
        let set = load(
            &Fs::real(),
            &Env::real(),
            &Default::default(),
            Some(name.to_owned().into()),
        )
        .await
        .ok();
        let own_region = property(set.as_ref(), name, "region").map(str::parse::<Region>);
        let of_environment = region_of_environment(process);
        let no_region = of_environment.is_none() && matches!(own_region, Some(Err(_)));
        let region = of_environment.or_else(|| own_region.and_then(std::result::Result::ok));
        let has = |key: &str| property(set.as_ref(), name, key).is_some();
        let kind = if has("sso_session") || has("sso_start_url") {
            CredentialKind::Sso
        } else if has("login_session") {
            CredentialKind::Login
        } else {
            CredentialKind::Other
        };
        let mut others: Vec<String> = set
            .as_ref()
            .map(|set| set.profiles().map(str::to_owned).collect())
            .unwrap_or_default();
        others.sort();
        Self {
            exists: others.iter().any(|other| other == name),
            name: name.to_owned(),
            origin,
            kind,
            region,
            no_region,
            ca_bundle: property(set.as_ref(), name, "ca_bundle").map(str::to_owned),
            mfa: has("mfa_serial"),
            others,
            shadowed: origin != Origin::Flag && process.variable("AWS_ACCESS_KEY_ID").is_some(),
        }
    }

    /// What stands for a profile in a rehearsal.
    #[cfg(feature = "sandbox")]
    pub(crate) fn sandbox(process: &Process) -> Self {
        Self {
            name: "sandbox".into(),
            origin: Origin::Sandbox,
            kind: CredentialKind::Other,
            region: region_of_environment(process).or_else(|| Some(Region::us_east_1())),
            no_region: false,
            ca_bundle: None,
            mfa: false,
            exists: true,
            others: Vec::new(),
            shadowed: false,
        }
    }

    /// The profile's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether `--profile` named it, so that its credentials come before those of the environment.
    pub(crate) fn is_explicit(&self) -> bool {
        self.origin == Origin::Flag
    }

    /// Whether credentials in the environment come before the profile's.
    pub(crate) fn is_shadowed(&self) -> bool {
        self.shadowed
    }

    /// The region of the environment or of the profile.
    pub(crate) fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Refuses a profile whose region is none.
    pub(crate) fn check(&self) -> Result<()> {
        match self.no_region {
            false => Ok(()),
            true => Err(Error::usage(format!(
                "The region of profile '{}' is not a region code, such as eu-west-1.",
                without_tokens(&self.name)
            ))
            .hint(
                Advice::from("Correct it with ")
                    .code(CommandLine::aws(["configure", "set", "region", "REGION"]).option("--profile", &self.name))
                    .text(", or set AWS_REGION."),
            )),
        }
    }

    /// The file of certificates that the profile names, as the AWS CLI reads it: AWS_CA_BUNDLE comes before it.
    pub(crate) fn ca_bundle(&self) -> Option<&str> {
        self.ca_bundle.as_deref()
    }

    /// Every profile in the configuration files, sorted.
    pub(crate) fn all_names(&self) -> &[String] {
        &self.others
    }

    /// Where the credentials come from, in a few words.
    pub(crate) fn description(&self) -> String {
        match self.origin {
            #[cfg(feature = "sandbox")]
            Origin::Sandbox => "sandbox".into(),
            _ if self.shadowed => "AWS_ACCESS_KEY_ID in the environment".into(),
            Origin::Flag => format!("profile {}, from --profile", self.name),
            Origin::Environment => format!("profile {}, from AWS_PROFILE", self.name),
            Origin::Default => format!("profile {}", self.name),
        }
    }

    /// What was tried, as the beginning of a message about credentials.
    pub(crate) fn tried(&self) -> String {
        if self.shadowed {
            return "Tried the credentials in the environment (AWS_ACCESS_KEY_ID).".into();
        }
        let name = without_tokens(&self.name);
        if !self.exists && self.origin != Origin::Default {
            return format!("Tried profile '{name}', which your AWS configuration does not have.");
        }
        format!("Tried profile '{name}'.")
    }

    /// The commands that may mend the credentials.
    pub(crate) fn mending_hints(&self) -> Vec<Advice> {
        let sso_login = CommandLine::aws(["sso", "login"]).option("--profile", &self.name);
        let login = CommandLine::aws(["login"]).option("--profile", &self.name);
        let mut hints: Vec<Advice> = Vec::new();
        if self.shadowed {
            hints.push(
                "The environment's AWS_ACCESS_KEY_ID comes before any profile. Renew it, unset it, or name a profile \
                 with --profile."
                    .into(),
            );
        } else if !self.exists && !self.others.is_empty() {
            let exist = self.others.join(", ");
            let hint = format!("Profiles that exist: {exist}. Choose one with --profile.");
            hints.push(hint.into());
        } else if without_tokens(&self.name) != self.name {
            hints.push("That looks like a project token, which goes to --project-token.".into());
        } else {
            match self.kind {
                CredentialKind::Sso => hints.push(Advice::from("Run: ").command(sso_login)),
                CredentialKind::Login => hints.push(Advice::from("Run: ").command(login)),
                CredentialKind::Other => hints.push(
                    Advice::from("Sign in with ")
                        .code(sso_login)
                        .text(" (IAM Identity Center) or ")
                        .code(login)
                        .text(" (console credentials), or set one up with `aws configure sso`."),
                ),
            }
        }
        hints.extend(self.mfa_hint());
        hints.push("No account at hand? `mixpanel-s3 setup --sandbox` rehearses without one.".into());
        hints
    }

    /// What to do where the profile wants a second factor, which the AWS SDK for Rust does not ask for.
    pub(crate) fn mfa_hint(&self) -> Option<Advice> {
        self.mfa.then(|| {
            let export = CommandLine::aws(["configure", "export-credentials"])
                .option("--profile", &self.name)
                .option("--format", "env");
            Advice::from(format!(
                "Profile '{}' names an mfa_serial, which the AWS SDK for Rust cannot ask for. Let the AWS CLI do it: ",
                self.name
            ))
            .command(export.evaluated())
        })
    }
}

fn property<'a>(set: Option<&'a ProfileSet>, profile: &str, key: &str) -> Option<&'a str> {
    set?.get_profile(profile)?.get(key)
}

fn region_of_environment(process: &Process) -> Option<Region> {
    REGIONS
        .iter()
        .find_map(|variable| process.variable(variable))
        .and_then(|region| region.parse().ok())
}
