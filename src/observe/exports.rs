//! What Mixpanel exported into a bucket lately, by project and day. Reads only.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws::{Aws, Failure};
use crate::names::{AccountId, BucketName, ProjectId};
use crate::verify::freshness::{self, Export, Exports, Family};

/// How many listings run at the same time.
const LISTINGS_AT_ONCE: usize = 16;
/// How many pages of a thousand objects are looked at in a day's folder.
const PAGES_A_DAY: usize = 3;
/// How many in a family that has no days.
const PAGES_A_FAMILY: usize = 20;
/// How many projects are looked at where none was named: the freshest.
const MOST_PROJECTS: usize = 5;

/// What was exported lately, by project: of the one that was named, or of those that the bucket's first level shows.
/// Each day is a listing of its own, so a bucket of millions of objects costs no more than one of thousands.
pub(super) async fn exports(
    aws: &Aws,
    bucket: &BucketName,
    owner: &AccountId,
    project: Option<&ProjectId>,
) -> Result<Exports, Failure> {
    let place = ProjectFolders {
        aws: aws.clone(),
        bucket: bucket.clone(),
        owner: owner.clone(),
        turns: Arc::new(Semaphore::new(LISTINGS_AT_ONCE)),
    };
    let (mut projects, complete) = match project {
        Some(project) => (vec![project.clone()], true),
        None => {
            let (folders, complete) = aws.project_folders(bucket, owner).await?;
            let ids = folders.iter().filter_map(|folder| folder.parse().ok());
            (ids.collect(), complete)
        }
    };
    if projects.len() > MOST_PROJECTS {
        projects = place.freshest_first(projects).await?;
    }
    let not_read = projects.split_off(projects.len().min(MOST_PROJECTS));
    let read = in_order(projects.into_iter().map(|project| {
        let place = place.clone();
        async move { place.export(project).await }
    }));
    Ok(Exports {
        read: read.await?,
        not_read,
        complete,
    })
}

/// Runs everything side by side, and answers in the order of the calls.
async fn in_order<T: Send + 'static>(
    calls: impl IntoIterator<Item = impl Future<Output = Result<T, Failure>> + Send + 'static>,
) -> Result<Vec<T>, Failure> {
    let mut running = JoinSet::new();
    for (index, call) in calls.into_iter().enumerate() {
        running.spawn(async move { call.await.map(|answer| (index, answer)) });
    }
    let answers: Result<Vec<(usize, T)>, Failure> = running.join_all().await.into_iter().collect();
    let mut answers = answers?;
    answers.sort_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// The bucket that is looked through, by so many at a time.
#[derive(Clone)]
struct ProjectFolders {
    aws: Aws,
    bucket: BucketName,
    owner: AccountId,
    turns: Arc<Semaphore>,
}

impl ProjectFolders {
    /// The projects by the newest day that has a folder of events, the newest first. Three listings a project.
    async fn freshest_first(&self, projects: Vec<ProjectId>) -> Result<Vec<ProjectId>, Failure> {
        let newest = in_order(projects.into_iter().map(|project| {
            let place = self.clone();
            async move {
                let day = place.newest_day(&project).await?;
                Ok((day, project))
            }
        }));
        let mut newest = newest.await?;
        newest.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(newest.into_iter().map(|(_, project)| project).collect())
    }

    /// The folder of the newest day of events, such as `7/mp_master_event/2026/03/01/`.
    async fn newest_day(&self, project: &ProjectId) -> Result<Option<String>, Failure> {
        let mut folder = Family::Events.prefix(project.as_str());
        // Year, month, day.
        for _ in 0..3 {
            let _turn = self.turns.acquire().await;
            let below = self.aws.folders(&self.bucket, &self.owner, &folder).await?;
            match below.into_iter().max() {
                Some(newest) => folder = newest,
                None => return Ok(None),
            }
        }
        // Only what follows the project can be compared.
        Ok(folder.split_once('/').map(|(_, day)| day.to_owned()))
    }

    async fn export(&self, project: ProjectId) -> Result<Export, Failure> {
        let listing = |prefix: String, pages: usize| {
            let place = self.clone();
            async move {
                // The semaphore is never closed.
                let _turn = place.turns.acquire().await;
                let Self { aws, bucket, owner, .. } = &place;
                aws.exported(bucket, owner, &prefix, pages).await
            }
        };
        let days = freshness::days(OffsetDateTime::now_utc()).into_iter();
        let days = in_order(days.map(|day| {
            let of_day = listing(freshness::day_prefix(project.as_str(), day), PAGES_A_DAY);
            async move { of_day.await.map(|exported| (day, exported)) }
        }));
        let family = |family: Family| listing(family.prefix(project.as_str()), PAGES_A_FAMILY);
        let (people, identities, days) = tokio::join!(family(Family::People), family(Family::Identities), days);
        Ok(Export {
            project,
            days: days?,
            people: people?,
            identities: identities?,
        })
    }
}
