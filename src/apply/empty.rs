//! Empties a bucket: every version, every delete marker, every unfinished upload.
//!
//! Pages are listed one after another, since each says where the next begins, and deleted side by side, a thousand
//! objects a request. At no time are more than [`AT_ONCE`] pages held.

use tokio::task::JoinSet;

use super::executor::Reporter;
use crate::aws::s3::{Marker, Undeleted};
use crate::aws::{Aws, Failure};
use crate::names::{AccountId, BucketName};
use crate::process::Interrupts;

/// How many pages are deleted at the same time.
const AT_ONCE: usize = 4;
/// How many uploads are aborted at the same time.
const ABORTS_AT_ONCE: usize = 16;
/// After how many objects it is told how far it is.
const TELL_EVERY: usize = 10_000;

/// Empties a bucket, or fails with how many objects are left and why.
///
/// Passes over the bucket are made until one finds nothing: Mixpanel may have written while an earlier one was under
/// way.
pub(super) async fn empty(
    aws: &Aws,
    bucket: &BucketName,
    owner: &AccountId,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<(), Failure> {
    const ACTION: &str = "s3:DeleteObjectVersion";
    abort_uploads(aws, bucket, owner).await?;
    let mut progress = Progress::default();
    loop {
        let before = progress.deleted;
        progress.left.clear();
        pass(aws, bucket, owner, interrupts, reporter, &mut progress).await?;
        let Progress { deleted, left, .. } = &progress;
        if interrupts.happened() {
            let message = format!("interrupted after {deleted} object versions");
            return Err(Failure::incomplete(ACTION, bucket.as_str(), &message));
        }
        if *deleted > before {
            continue;
        }
        let Some(first) = left.first() else {
            return Ok(());
        };
        let message = format!(
            "{} object version(s) stay, the first of them {}: {}",
            left.len(),
            first.key,
            first.why
        );
        let failure = match first.denied {
            true => Failure::refused(ACTION, bucket.as_str()),
            false => Failure::incomplete(ACTION, bucket.as_str(), ""),
        };
        return Err(Failure { message, ..failure });
    }
}

/// One pass over all versions.
async fn pass(
    aws: &Aws,
    bucket: &BucketName,
    owner: &AccountId,
    interrupts: &Interrupts,
    reporter: &Reporter,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut deletions: JoinSet<Result<(usize, Vec<Undeleted>), Failure>> = JoinSet::new();
    let mut from = Some(Marker::default());
    while let Some(marker) = from.filter(|_| !interrupts.happened()) {
        let page = aws.versions_page(bucket, owner, &marker).await?;
        from = page.next;
        if !page.items.is_empty() {
            let (aws, bucket, owner) = (aws.clone(), bucket.clone(), owner.clone());
            deletions.spawn(async move {
                let undeleted = aws.delete_versions(&bucket, &owner, &page.items).await?;
                Ok((page.items.len() - undeleted.len(), undeleted))
            });
        }
        while deletions.len() >= AT_ONCE {
            progress.add(&mut deletions, reporter).await?;
        }
    }
    while !deletions.is_empty() {
        progress.add(&mut deletions, reporter).await?;
    }
    Ok(())
}

/// What was deleted so far, and what S3 did not delete.
#[derive(Default)]
struct Progress {
    deleted: usize,
    told: usize,
    left: Vec<Undeleted>,
}

impl Progress {
    async fn add(
        &mut self,
        deletions: &mut JoinSet<Result<(usize, Vec<Undeleted>), Failure>>,
        reporter: &Reporter,
    ) -> Result<(), Failure> {
        if let Some(Ok(deleted)) = deletions.join_next().await {
            let (deleted, undeleted) = deleted?;
            self.deleted += deleted;
            self.left.extend(undeleted);
        }
        if self.deleted / TELL_EVERY > self.told / TELL_EVERY {
            reporter.tell(format!("{} object versions deleted so far", self.deleted));
            self.told = self.deleted;
        }
        Ok(())
    }
}

async fn abort_uploads(aws: &Aws, bucket: &BucketName, owner: &AccountId) -> Result<(), Failure> {
    let mut from = Some(Marker::default());
    while let Some(marker) = from {
        let page = aws.unfinished_uploads(bucket, owner, None, &marker).await?;
        from = page.next;
        let mut aborts = JoinSet::new();
        for upload in page.items {
            while aborts.len() >= ABORTS_AT_ONCE {
                if let Some(Ok(aborted)) = aborts.join_next().await {
                    aborted?;
                }
            }
            let (aws, bucket, owner) = (aws.clone(), bucket.clone(), owner.clone());
            aborts.spawn(async move { aws.abort_upload(&bucket, &owner, &upload).await });
        }
        for abort in aborts.join_all().await {
            abort?;
        }
    }
    Ok(())
}
