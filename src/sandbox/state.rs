//! The emulator's state, in a file between one command and the next.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use winterbaume_core::StatefulService;
use winterbaume_iam::views::IamStateView;
use winterbaume_kms::views::KmsStateView;
use winterbaume_s3::S3StateView;

use super::{ACCOUNT, Emulator};
use crate::error::{Error, ErrorKind, Result};

/// IAM is global; the emulator keeps its state under this region.
pub(super) const IAM_REGION: &str = "us-east-1";

/// Everything that lasts, by region.
#[derive(Serialize, Deserialize)]
struct Saved {
    iam: IamStateView,
    kms: BTreeMap<String, KmsStateView>,
    s3: BTreeMap<String, S3StateView>,
}

impl Emulator {
    /// The emulator with the state of an earlier command, or a new one where there is no file.
    pub(super) async fn load(file: &Path) -> Result<Self> {
        let emulator = Self::new(Some(file.to_owned()));
        let unusable = |error: &dyn std::fmt::Display| {
            Error::new(
                ErrorKind::Failed,
                format!(
                    "The sandbox's state in {} cannot be used: {error}.",
                    file.display()
                ),
            )
            .hint(format!("Begin anew: remove {}", file.display()))
        };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(emulator),
            Err(error) => return Err(unusable(&error)),
        };
        let Saved { iam, kms, s3 } =
            serde_json::from_str(&text).map_err(|error| unusable(&error))?;
        emulator
            .0
            .iam
            .restore(ACCOUNT, IAM_REGION, iam)
            .await
            .map_err(|error| unusable(&error))?;
        for (region, view) in kms {
            emulator.remember_region(&region);
            emulator
                .0
                .kms
                .restore(ACCOUNT, &region, view)
                .await
                .map_err(|error| unusable(&error))?;
        }
        for (region, view) in s3 {
            emulator.remember_region(&region);
            emulator
                .0
                .s3
                .restore(ACCOUNT, &region, view)
                .await
                .map_err(|error| unusable(&error))?;
        }
        Ok(emulator)
    }

    /// Writes the state, if it has a file. The file is replaced in one step, so that a kill leaves the one before.
    pub(super) async fn save(&self) -> io::Result<()> {
        let Some(file) = &self.0.file else {
            return Ok(());
        };
        let _one_at_a_time = self.0.saving.lock().await;
        let mut saved = Saved {
            iam: self.0.iam.snapshot(ACCOUNT, IAM_REGION).await,
            kms: BTreeMap::new(),
            s3: BTreeMap::new(),
        };
        for region in self.regions() {
            saved
                .kms
                .insert(region.clone(), self.0.kms.snapshot(ACCOUNT, &region).await);
            saved
                .s3
                .insert(region.clone(), self.0.s3.snapshot(ACCOUNT, &region).await);
        }
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let unfinished = file.with_extension("json.new");
        std::fs::write(&unfinished, serde_json::to_vec(&saved)?)?;
        std::fs::rename(unfinished, file)
    }
}
