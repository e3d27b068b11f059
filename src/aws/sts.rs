//! STS: who am I.

use super::{Aws, Failure};
use crate::names::Partition;
use crate::observed::Caller;

impl Aws {
    /// Who calls. GetCallerIdentity needs no permission.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    pub async fn caller(&self) -> Result<Caller, Failure> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let answer = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, "the caller", error))?;
        let incomplete = || {
            Failure::incomplete(
                ACTION,
                "the caller",
                "AWS answered without a usable account or ARN",
            )
        };
        let arn = answer.arn().ok_or_else(incomplete)?;
        Ok(Caller {
            account: answer
                .account()
                .and_then(|id| id.parse().ok())
                .ok_or_else(incomplete)?,
            partition: Partition::of_arn(arn).ok_or_else(incomplete)?,
            arn: arn.to_owned(),
        })
    }
}
