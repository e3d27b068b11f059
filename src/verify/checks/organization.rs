//! What the organization says, as far as it can be seen from one account: little.

use super::{Check, CheckId, Examined, unread};
use crate::command_line::CommandLine;
use crate::observed::{Reading, Simulated};
use crate::policy::build::MIXPANEL_ACCOUNT;
use crate::policy::evaluate::Decision;

const SIMULATOR: &str = "iam:SimulatePrincipalPolicy";

pub(super) fn checks(case: &Examined<'_>) -> Vec<Check> {
    vec![
        service_control_policies(case),
        agreement(case),
        resource_control_policies(case),
        network_perimeter(case),
        opt_in(case),
        token_version(case),
    ]
}

fn service_control_policies(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::Scp;
    if case.evidence.role.is_none() {
        return Check::skipped(ID, "there is no role");
    }
    let simulated = match &case.evidence.simulated {
        Some(Reading::Known(simulated)) if !simulated.is_empty() => simulated,
        Some(Reading::Unreadable(denied)) => {
            return unread(ID, "what the organization allows", denied);
        }
        Some(Reading::Known(_)) | None => {
            return Check::unknown(
                ID,
                "the policy simulator, which alone sees service control policies, was not asked or did not answer",
            )
            .because(SIMULATOR);
        }
    };
    let refused: Vec<&Simulated> = simulated
        .iter()
        .filter(|one| one.by_organization == Some(false))
        .collect();
    if refused.is_empty() {
        let summary = match simulated.iter().any(|one| one.by_organization == Some(true)) {
            true => "the policy simulator finds no service control policy in the way",
            false => "no service control policy is in the way",
        };
        return Check::pass(ID, summary).because(format!("{SIMULATOR} → OrganizationsDecisionDetail"));
    }
    let actions: Vec<&str> = refused.iter().map(|one| one.action.as_str()).collect();
    // It is told no condition of a real request, so a service control policy with conditions may refuse it alone.
    let mut check = Check::unknown(
        ID,
        format!(
            "the policy simulator says that a service control policy of the organization refuses {}; where that has \
             conditions, the simulator may be wrong, and --live decides",
            actions.join(", ")
        ),
    )
    .mixpanel_sees(format!(
        "AccessDenied: not authorized to perform: {} with an explicit deny in a service control policy",
        actions[0]
    ))
    .advise("Ask whoever administers the organization to exempt the role, by aws:PrincipalArn.");
    for one in refused {
        check = check.because(format!(
            "{SIMULATOR} → OrganizationsDecisionDetail: {} on {} is not allowed",
            one.action, one.resource
        ));
    }
    check
}

/// Whether the simulator and this program say the same of the role's own policies.
fn agreement(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::SimulatorAgrees;
    let Some(Reading::Known(simulated)) = &case.evidence.simulated else {
        return Check::skipped(ID, "the policy simulator was not asked");
    };
    let differing: Vec<String> = simulated
        .iter()
        // What the simulator was not told of, it cannot judge.
        .filter(|one| one.by_organization != Some(false) && one.missing_context.is_empty())
        .filter_map(|one| {
            let access = case.access.iter().find(|access| access.call.action() == one.action)?;
            let allowed = match access.by_role.as_ref()? {
                Decision::Allowed { .. } => true,
                Decision::Denied(_) => false,
                Decision::Unknown { .. } => return None,
            };
            let yes_no = |allowed| if allowed { "allowed" } else { "refused" };
            (allowed != one.allowed).then(|| {
                format!(
                    "{}: {} by the simulator, {} by the documents",
                    one.action,
                    yes_no(one.allowed),
                    yes_no(allowed)
                )
            })
        })
        .collect();
    if differing.is_empty() {
        return Check::pass(ID, "IAM's policy simulator says the same of the role's policies").because(SIMULATOR);
    }
    let mut check = Check::warn(
        ID,
        "IAM's policy simulator and the documents do not say the same; --live tells which is right",
    );
    check.evidence = differing;
    check
}

fn resource_control_policies(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::RcpSts;
    if case.evidence.role.is_none() {
        return Check::skipped(ID, "there is no role");
    }
    Check::unknown(
        ID,
        "whether a resource control policy of the organization keeps other accounts from assuming roles cannot be \
         read from here",
    )
    .because("Organizations shows resource control policies to its management account only")
    .mixpanel_sees(
        "AccessDenied: not authorized to perform: sts:AssumeRole with an explicit deny in a resource control policy",
    )
    .advise(format!(
        "If Mixpanel is refused although every check passes, ask whoever administers the organization to exempt \
         account {MIXPANEL_ACCOUNT} from it."
    ))
}

/// AWS's own examples of data perimeters go by tags of the principal.
/// <https://github.com/aws-samples/data-perimeter-policy-examples>
fn network_perimeter(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::RcpNetwork;
    let Some(role) = &case.evidence.role else {
        return Check::skipped(ID, "there is no role");
    };
    let included = role
        .tags
        .iter()
        .find(|tag| tag.key == "dp:include:network" && tag.value == "true");
    match included {
        Some(_) => Check::unknown(
            ID,
            "the role's tag dp:include:network puts it under the organization's network perimeter, if it has one",
        )
        .because("iam:GetRole → Tags: dp:include:network = true")
        .mixpanel_sees("AccessDenied: … with an explicit deny in a resource control policy")
        .fix_command(
            CommandLine::aws(["iam", "untag-role"])
                .option("--role-name", &role.name)
                .option("--tag-keys", "dp:include:network"),
        ),
        None => Check::unknown(
            ID,
            "whether a resource control policy refuses requests from outside the organization's networks cannot be \
             read from here",
        )
        .because(
            "Organizations shows resource control policies to its management account only; no tag of the role puts it \
             under one",
        )
        .advise("If it does, ask whoever administers the organization to exempt the role."),
    }
}

fn opt_in(case: &Examined<'_>) -> Check {
    use crate::verify::evidence::BucketStanding;
    const ID: CheckId = CheckId::OptInRegion;
    match &case.evidence.bucket {
        Some((_, BucketStanding::Disabled(region))) => Check::fail(
            ID,
            format!("the bucket's region {region} has to be opted into, and takes no request of this account's"),
        )
        .because(format!("S3 in {region} does not know the account's credentials"))
        .mixpanel_sees("InvalidToken, InvalidClientTokenId")
        .fix_command(CommandLine::aws(["account", "enable-region"]).option("--region-name", region)),
        Some((_, BucketStanding::Here(facts))) if facts.settings.region.is_opt_in() => Check::pass(
            ID,
            format!("region {} is enabled for the account", facts.settings.region),
        )
        .because("S3 answers there"),
        Some((_, BucketStanding::Here(_))) => Check::pass(ID, "the bucket's region is enabled for every account")
            .because("s3:HeadBucket → x-amz-bucket-region"),
        _ => Check::skipped(ID, case.no_bucket()),
    }
}

fn token_version(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::StsV1Token;
    let Some(facts) = case.evidence.facts() else {
        return Check::skipped(ID, case.no_bucket());
    };
    let region = &facts.settings.region;
    if !region.is_opt_in() {
        return Check::pass(ID, format!("region {region} takes every version of tokens"))
            .because("it need not be opted into");
    }
    match &case.evidence.token_version {
        None => Check::skipped(ID, "it was not asked for"),
        Some(Reading::Unreadable(denied)) => unread(ID, "the version of global STS tokens", denied),
        Some(Reading::Known(Some(1))) => Check::warn(
            ID,
            format!(
                "global STS tokens are of version 1, which region {region} does not take; whose setting counts for \
                 Mixpanel's session is not documented"
            ),
        )
        .because("iam:GetAccountSummary → GlobalEndpointTokenVersion 1")
        .mixpanel_sees("InvalidToken")
        .fix_command(
            CommandLine::aws(["iam", "set-security-token-service-preferences"])
                .option("--global-endpoint-token-version", "v2Token"),
        ),
        Some(Reading::Known(_)) => Check::pass(ID, "global STS tokens work in every region")
            .because("iam:GetAccountSummary → GlobalEndpointTokenVersion"),
    }
}
