//! The requests in which somebody assumes a role: who asks, and what AWS knows of the asking.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::names::RoleArn;
use crate::policy::build::{MIXPANEL_ACCOUNT, MIXPANEL_USER_ARN};
use crate::policy::evaluate::{AuthorizationRequest, Fact, Principal, RequestContext};

/// Somebody who asks to become the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Mixpanel's export user.
    MixpanelUser,
    /// Mixpanel's export user, from wherever it may ever call: with whatever tags, device and network, of which nobody
    /// but Mixpanel knows. How an export comes is [`Asker::MixpanelUser`]; what the role has to withstand is this.
    MixpanelAnyhow {
        /// Whether Mixpanel's account is in an organization.
        in_organization: bool,
    },
    /// Another user of Mixpanel's account.
    MixpanelColleague,
    /// A user of this account, who is nobody's friend and may give himself any name and tags.
    Stranger {
        /// The account's ID.
        account: String,
    },
}

impl Asker {
    /// Mixpanel's export user, in every way in which it may ask.
    pub(crate) const MIXPANEL_IN_ANY_WAY: [Self; 3] = [
        Self::MixpanelUser,
        Self::MixpanelAnyhow { in_organization: true },
        Self::MixpanelAnyhow { in_organization: false },
    ];

    fn account(&self) -> &str {
        match self {
            Self::MixpanelUser | Self::MixpanelAnyhow { .. } | Self::MixpanelColleague => MIXPANEL_ACCOUNT,
            Self::Stranger { account } => account,
        }
    }

    fn arn(&self) -> String {
        match self {
            Self::MixpanelUser | Self::MixpanelAnyhow { .. } => MIXPANEL_USER_ARN.to_owned(),
            Self::MixpanelColleague => {
                format!("arn:aws:iam::{MIXPANEL_ACCOUNT}:user/somebody-else")
            }
            Self::Stranger { account } => format!("arn:aws:iam::{account}:user/somebody"),
        }
    }
}

/// The request in which somebody assumes the role: from his own account and network.
pub(crate) fn assumption(
    role: &RoleArn,
    asker: &Asker,
    external_id: Option<&str>,
    now: Option<OffsetDateTime>,
) -> AuthorizationRequest {
    let id = external_id.map_or(Fact::Absent, known);
    let account = asker.account().to_owned();
    let arn = asker.arn();
    let context = everywhere(now)
        .with("sts:ExternalId", id)
        .with("aws:PrincipalAccount", known(&account))
        .with("aws:PrincipalType", known("User"))
        .with("aws:userid", Fact::StartsWith("AIDA".into()))
        .with("aws:ResourceAccount", known(role.account()))
        .with("sts:RoleSessionName", Fact::Present)
        .with("sts:SourceIdentity", Fact::Absent)
        .with("aws:ViaAWSService", known("false"))
        // A user's own keys have none, and credentials of a session are of today.
        .with(
            "aws:TokenIssueTime",
            now.map_or(Fact::Unknown, |now| Fact::Among(vec![Fact::Absent, time(now)])),
        )
        // There is no such key, and people write it.
        .with("aws:ExternalId", Fact::Absent);
    let context = match asker {
        // Mixpanel comes without MFA. Whether it is in an organization, and what tags its user has, nobody says; the
        // organization is not the customer's.
        Asker::MixpanelUser => context
            .with_default("aws:PrincipalTag/", Fact::Unknown)
            .with("aws:PrincipalArn", known(&arn))
            .with("aws:username", known("mixpanel-export"))
            .with("aws:PrincipalOrgID", Fact::Unnamed)
            .with("aws:PrincipalOrgPaths", Fact::Unnamed)
            .with("aws:MultiFactorAuthPresent", Fact::Absent),
        Asker::MixpanelAnyhow { in_organization } => {
            from_anywhere(in_mixpanels_organization(context, *in_organization))
                .with("aws:PrincipalArn", known(&arn))
                .with("aws:username", known("mixpanel-export"))
        }
        Asker::MixpanelColleague => from_anywhere(in_mixpanels_organization(context, true))
            .with("aws:PrincipalArn", known(&arn))
            .with("aws:username", Fact::Present),
        // A stranger chooses his name, his tags, his device; not his account, nor the customer's organization.
        Asker::Stranger { account } => context
            .with("aws:PrincipalArn", Fact::StartsWith(format!("arn:aws:iam::{account}:")))
            .with("aws:username", Fact::Present)
            .with("aws:PrincipalOrgID", known("(a stranger's organization)"))
            .with("aws:PrincipalOrgPaths", known("(a stranger's organization)"))
            .with("aws:MultiFactorAuthPresent", Fact::Unknown)
            .with_default("aws:PrincipalTag/", Fact::Unknown),
    };
    AuthorizationRequest {
        principal: Principal::User { account, arn },
        action: "sts:AssumeRole".into(),
        resource: role.to_string(),
        context,
    }
}

/// The account of somebody whom no document names.
pub(crate) const STRANGER: &str = "000000000000";

/// What is known of a request by somebody of another account, to a resource that its policy opens. Whose account it is
/// makes a stranger; of somebody who is named, nobody knows more.
pub(crate) fn of_outsider(account: &str, is_strange: bool) -> RequestContext {
    let context = from_anywhere(everywhere(None))
        .with("aws:PrincipalAccount", known(account))
        .with("kms:CallerAccount", known(account))
        .with("aws:PrincipalArn", Fact::StartsWith(format!("arn:aws:iam::{account}:")))
        .with("aws:Referer", Fact::Unknown)
        .with("ec2:RoleDelivery", Fact::Unknown);
    match is_strange {
        true => context
            .with("aws:PrincipalOrgID", known("(a stranger's organization)"))
            .with("aws:PrincipalOrgPaths", known("(a stranger's organization)")),
        false => context,
    }
}

/// Mixpanel's organization, if it has one, is none that a customer names.
fn in_mixpanels_organization(context: RequestContext, is_in_one: bool) -> RequestContext {
    let (id, path) = match is_in_one {
        true => (known("o-mixpanel00"), known("o-mixpanel00/r-mixp/ou-mixp/")),
        false => (Fact::Absent, Fact::Absent),
    };
    context
        .with("aws:PrincipalOrgID", id)
        .with("aws:PrincipalOrgPaths", path)
}

/// What AWS says of the VPC that a request comes out of.
const NETWORK: [&str; 7] = [
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
];

/// What a caller chooses, or may have: his network, his tags, his device, and what he passes on.
fn from_anywhere(context: RequestContext) -> RequestContext {
    let chosen = [
        "aws:MultiFactorAuthAge",
        "aws:MultiFactorAuthPresent",
        "ec2:SourceInstanceARN",
        "sts:SourceIdentity",
    ];
    chosen
        .into_iter()
        .chain(NETWORK)
        .fold(context, |context, key| context.with(key, Fact::Unknown))
        .with_default("aws:PrincipalTag/", Fact::Unknown)
}

/// What is known of every request that Mixpanel makes: it comes over TLS, from outside any VPC of the customer's, and
/// not through another AWS service. Which addresses it comes from, nobody says.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
pub(crate) fn everywhere(now: Option<OffsetDateTime>) -> RequestContext {
    let absent = [
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:CalledVia",
        "aws:CalledViaFirst",
        "aws:CalledViaLast",
        "aws:FederatedProvider",
        "aws:MultiFactorAuthAge",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "ec2:SourceInstanceARN",
        "ec2:RoleDelivery",
        // A browser sends it, and whoever calls the API by himself does not.
        "aws:Referer",
        // They are in the credentials of an EC2 instance's role only.
        "aws:Ec2InstanceSourceVpc",
        "aws:Ec2InstanceSourcePrivateIPv4",
    ];
    let (current, epoch) = match now {
        None => (Fact::Present, Fact::Present),
        Some(now) => (time(now), known(&now.unix_timestamp().to_string())),
    };
    let context = RequestContext::default()
        .with("aws:SecureTransport", known("true"))
        .with("aws:CurrentTime", current)
        .with("aws:EpochTime", epoch)
        .with("aws:PrincipalIsAWSService", known("false"))
        .with("aws:SourceIp", Fact::Present)
        .with("aws:UserAgent", Fact::Present)
        .with_default("aws:PrincipalTag/", Fact::Absent);
    absent
        .into_iter()
        .chain(NETWORK)
        .fold(context, |context, key| context.with(key, Fact::Absent))
}

/// A key that is a time.
pub(crate) fn time(time: OffsetDateTime) -> Fact {
    known(&time.format(&Rfc3339).unwrap_or_default())
}

/// A key that is known to have one value.
pub(crate) fn known(value: &str) -> Fact {
    Fact::Known(vec![value.to_owned()])
}
