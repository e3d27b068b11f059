//! STS: who am I, and becoming a role for a while.

use aws_credential_types::Credentials;

use super::{Aws, Failure};
use crate::names::{Partition, RoleArn};
use crate::observed::Caller;

impl Aws {
    /// Who calls. GetCallerIdentity needs no permission.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    pub(crate) async fn caller(&self) -> Result<Caller, Failure> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let answer = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, "the caller", error))?;
        let incomplete = || Failure::incomplete(ACTION, "the caller", "AWS answered without a usable account or ARN");
        let arn = answer.arn().ok_or_else(incomplete)?;
        Ok(Caller {
            account: answer.account().and_then(|id| id.parse().ok()).ok_or_else(incomplete)?,
            partition: Partition::of_arn(arn).ok_or_else(incomplete)?,
            arn: arn.to_owned(),
        })
    }

    /// Assumes a role for the shortest time that STS has (15 minutes). The credentials show themselves nowhere.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
    pub(crate) async fn assume(&self, role: &RoleArn, external_id: Option<&str>) -> Result<Assumed, Failure> {
        const ACTION: &str = "sts:AssumeRole";
        let answer = self
            .sts
            .assume_role()
            .role_arn(role.as_str())
            .role_session_name("mixpanel-s3-verify")
            .duration_seconds(900)
            .set_external_id(external_id.map(str::to_owned))
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, role.as_str(), error))?;
        let credentials = answer
            .credentials()
            .ok_or_else(|| Failure::incomplete(ACTION, role.as_str(), "AWS answered without credentials"))?;
        Ok(Assumed(Credentials::new(
            credentials.access_key_id(),
            credentials.secret_access_key(),
            Some(credentials.session_token().to_owned()),
            None,
            "mixpanel-s3-verify",
        )))
    }
}

/// The credentials of a role that was assumed.
#[derive(Clone)]
pub(crate) struct Assumed(pub(super) Credentials);
