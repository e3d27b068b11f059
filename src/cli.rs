//! What may be typed. Types for clap, without behaviour: names are parsed in `answers`, so that one message can tell of
//! all that is wrong or missing at once.

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::encryption::Method;

const AFTER_HELP: &str = "\
Start with `mixpanel-s3 setup`, which asks for everything it needs.
Rehearse without an AWS account: `mixpanel-s3 setup --sandbox`.

Exit codes:
  0  done, or nothing to do      4    verify failed, or a change is pending
  1  failed                      5    something of that name is not ours
  2  usage or invalid input      6    stopped part-way
  3  credentials, permissions    130  interrupted";

/// Set up Mixpanel's JSON export to Amazon S3, and read the set-up back.
#[derive(Debug, Parser)]
#[command(name = "mixpanel-s3", version, about, after_help = AFTER_HELP, max_term_width = 100)]
#[command(propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the bucket, the policies and the role, and print the five values for Mixpanel.
    ///
    /// Asks for what no flag says, shows the plan, and changes nothing before you agree. A second run finds what the
    /// first one made and does only what is missing.
    Setup(Setup),
    /// Print the five values that Mixpanel asks for, rebuilt from AWS.
    PrintDetails(PrintDetails),
    /// Tell whether Mixpanel can write, and if not, why.
    ///
    /// Reads what there is, judges it with AWS's own rules, and says for each finding where it was read and what mends
    /// it. Changes nothing, unless --live is given.
    Verify(Verify),
    /// Remove what setup made: the role and its policies. The bucket and its data stay unless you say so.
    ///
    /// Shows what goes and what stays, and removes nothing before you agree. A key is never removed.
    Teardown(Teardown),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff.
    Man,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The AWS profile to use, before AWS_PROFILE and before credentials in the environment.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) profile: Option<String>,
    /// How results are printed on stdout.
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Global options")]
    pub(crate) output: Output,
    /// Ask nothing: apply the plan, and take every default.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) yes: bool,
    /// Print results and errors only.
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    pub(crate) quiet: bool,
    /// Print more: the policy documents, and what lies underneath an error.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
    /// When to use colour. `auto` looks at the terminal and at NO_COLOR.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) color: Color,
    /// Rehearse against an AWS in memory: no account, no credentials, nothing leaves this machine.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) sandbox: bool,
    /// How long one AWS call may take, retries included.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, help_heading = "Global options",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// The forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// Shell assignments (print-details only).
    Env,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// At a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The answers of `setup`, as flags.
#[derive(Debug, Args, Default)]
pub(crate) struct Setup {
    /// The bucket to export into. It is made if it does not exist.
    #[arg(long, value_name = "NAME", help_heading = "Answers")]
    pub(crate) bucket: Option<String>,
    /// The bucket's region. Default: AWS_REGION, or the profile's.
    #[arg(long, value_name = "REGION", help_heading = "Answers")]
    pub(crate) region: Option<String>,
    /// The Mixpanel project token, which becomes the role's ExternalId. Better set MIXPANEL_PROJECT_TOKEN, which does
    /// not show in the list of processes. Repeat it for several projects.
    #[arg(long, value_name = "TOKEN", help_heading = "Answers")]
    pub(crate) project_token: Vec<String>,
    /// A token that the role shall trust no longer: whole, or by its ends as setup shows it (0123…cdef). Repeatable.
    /// The last one cannot be removed.
    #[arg(long, value_name = "TOKEN", help_heading = "Answers")]
    pub(crate) remove_token: Vec<String>,
    /// What you will choose under "Encryption" in Mixpanel. Default: what the role remembers, else aes.
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Answers")]
    pub(crate) encryption: Option<Method>,
    /// A KMS key of your own, with --encryption kms: an ARN, a key ID, or alias/NAME.
    #[arg(
        long,
        value_name = "KEY",
        conflicts_with = "create_kms_key",
        help_heading = "Answers"
    )]
    pub(crate) kms_key: Option<String>,
    /// Make a new KMS key, with --encryption kms.
    #[arg(long, help_heading = "Answers")]
    pub(crate) create_kms_key: bool,
    /// The role that Mixpanel assumes. Default: the bucket's name.
    #[arg(long, value_name = "NAME", help_heading = "Answers")]
    pub(crate) role_name: Option<String>,
    /// The IAM path of the role and its policies, such as /export/.
    #[arg(long, value_name = "PATH", help_heading = "Answers")]
    pub(crate) path: Option<String>,
    /// The managed policy that bounds the role, where your organization wants one.
    #[arg(long, value_name = "ARN", help_heading = "Answers")]
    pub(crate) permissions_boundary: Option<String>,
    /// A tag for everything that is made. Repeatable.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Answers")]
    pub(crate) tag: Vec<String>,
    /// Take over a role and policies that mixpanel-s3 did not make. Without --role-name, the role that writes to the
    /// bucket.
    #[arg(long, help_heading = "How to run")]
    pub(crate) adopt: bool,
    /// Let Mixpanel assume a role that does not trust it yet. Repeat the role's name to confirm: Mixpanel can then do
    /// everything that the role can do.
    #[arg(long, value_name = "ROLE", help_heading = "How to run")]
    pub(crate) open_role: Option<String>,
    /// Harden a bucket that mixpanel-s3 did not make. Repeatable, or a list with commas.
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        value_delimiter = ',',
        help_heading = "How to run"
    )]
    pub(crate) harden: Vec<HardenFlag>,
    /// Accept a region that Mixpanel does not list. Its exports may then fail.
    #[arg(long, help_heading = "How to run")]
    pub(crate) allow_unlisted_region: bool,
    /// Show the plan and change nothing.
    #[arg(long, help_heading = "How to run")]
    pub(crate) dry_run: bool,
    /// With --dry-run: exit with 4 if something would change.
    #[arg(long, requires = "dry_run", help_heading = "How to run")]
    pub(crate) exit_code: bool,
}

impl ValueEnum for Method {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::None => "Mixpanel asks for nothing; the bucket's default applies",
            Self::Aes => "SSE-S3: Amazon S3 manages the keys",
            Self::Kms => "SSE-KMS: the account's aws/s3 key, or a key of your own",
        };
        Some(PossibleValue::new(self.flag_value()).help(help))
    }
}

/// The choices of `--harden`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HardenFlag {
    /// All four public-access blocks on.
    PublicAccess,
    /// ACLs off: the bucket's owner owns every object.
    Acls,
    /// The default encryption that is chosen for the export.
    Encryption,
    /// A bucket policy statement that refuses plain HTTP.
    PlainHttp,
    /// A lifecycle rule that aborts unfinished uploads.
    Uploads,
    /// All of these.
    All,
}

/// The flags of `print-details`.
#[derive(Debug, Args)]
pub(crate) struct PrintDetails {
    /// The role: its name or ARN. Default: the only role in the account that trusts Mixpanel's export user.
    #[arg(long, value_name = "NAME|ARN")]
    pub(crate) role: Option<String>,
    /// The bucket, where the role may write to several or names none.
    #[arg(long, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// The account that owns the bucket. Default: your own.
    #[arg(long, value_name = "ID")]
    pub(crate) bucket_account: Option<String>,
    /// Print one bare value.
    #[arg(long, value_enum, value_name = "FIELD")]
    pub(crate) field: Option<FieldFlag>,
}

/// The flags of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The role: its name or ARN. Default: the only role in the account that trusts Mixpanel's export user.
    #[arg(long, value_name = "NAME|ARN")]
    pub(crate) role: Option<String>,
    /// The bucket. Default: the one that the role's policies write to.
    #[arg(long, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// The account that owns the bucket. Default: your own. A bucket of any other account is a failure.
    #[arg(long, value_name = "ID")]
    pub(crate) bucket_account: Option<String>,
    /// The project token, to compare with what the role trusts. Better set MIXPANEL_PROJECT_TOKEN, which does not show
    /// in the list of processes. Repeatable.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) project_token: Vec<String>,
    /// The project's ID, a number, which begins the paths of its exports. Default: found in the bucket.
    #[arg(long, value_name = "ID")]
    pub(crate) project_id: Option<String>,
    /// What stands under "Region" in Mixpanel, to compare with the bucket's.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// What stands under "Encryption" in Mixpanel. Default: what the role remembers, or the likeliest.
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) encryption: Option<Method>,
    /// What stands under "KMS Key ID" in Mixpanel, with --encryption kms: an ARN, a key ID, or alias/NAME.
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
    /// Print the whole decision about one call that Mixpanel makes, such as s3:PutObject: every policy in AWS's order,
    /// every statement, and which element of it matches or does not.
    #[arg(long, value_name = "CALL", ignore_case = true, conflicts_with = "live",
        value_parser = clap::builder::PossibleValuesParser::new(crate::verify::access::ACTIONS))]
    pub(crate) explain: Option<String>,
    /// Prove it with a short-lived role beside the real one: assume it, write, list, read and remove an object in the
    /// bucket.
    #[arg(long)]
    pub(crate) live: bool,
}

/// The flags of `teardown`.
#[derive(Debug, Args)]
pub(crate) struct Teardown {
    /// The role: its name or ARN. Default: that of --bucket, or the only one in the account that setup made.
    #[arg(long, value_name = "NAME|ARN")]
    pub(crate) role: Option<String>,
    /// The bucket. Default: the one that the role's policies write to.
    #[arg(long, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// Remove the bucket too, if setup made it and it is empty.
    #[arg(long)]
    pub(crate) delete_bucket: bool,
    /// Remove everything in the bucket, versions and unfinished uploads included. Give the bucket's name as proof that
    /// you mean it; at a terminal it can be typed.
    #[arg(long, value_name = "BUCKET", num_args = 0..=1)]
    pub(crate) delete_data: Option<Option<String>>,
    /// Remove a role and policies that setup took over with --adopt, instead of giving them back.
    #[arg(long)]
    pub(crate) include_adopted: bool,
    /// Show what would go and what would stay, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: exit with 4 if something would go.
    #[arg(long, requires = "dry_run")]
    pub(crate) exit_code: bool,
}

/// The choices of `--field`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FieldFlag {
    /// Bucket.
    Bucket,
    /// Region.
    Region,
    /// Role.
    Role,
    /// Encryption.
    Encryption,
    /// KMS Key ID.
    #[value(name = "kms-key-id", alias = "kms_key_id")]
    KmsKeyId,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
