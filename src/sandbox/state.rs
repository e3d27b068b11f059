//! The emulator's state, in a file between one command and the next.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use winterbaume_core::StatefulService;
use winterbaume_iam::views::IamStateView;
use winterbaume_kms::views::KmsStateView;
use winterbaume_s3::S3StateView;

use super::{ACCOUNT, Emulator, STATE_VARIABLE};
use crate::error::{Error, ErrorKind, Result};

/// IAM is global; the emulator keeps its state under this region.
pub(super) const IAM_REGION: &str = "us-east-1";

/// What a state begins with. The number grows where an earlier version could not read it.
const FORMAT: &str = "mixpanel-s3 sandbox 1";

/// Everything that lasts, by region.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// [`FORMAT`]. States of earlier versions have none.
    #[serde(default = "first_format")]
    format: String,
    iam: IamStateView,
    kms: BTreeMap<String, KmsStateView>,
    s3: BTreeMap<String, S3StateView>,
}

fn first_format() -> String {
    FORMAT.to_owned()
}

/// Whether a text is a state that this program wrote, of whatever version and however broken: only that may be called
/// removable.
fn is_ours(text: &str) -> bool {
    let begins = format!(r#"{{"format":"{}"#, FORMAT.trim_end_matches(char::is_numeric));
    if text.starts_with(&begins) {
        return true;
    }
    // Before the format had a name.
    let Ok(Value::Object(object)) = serde_json::from_str(text) else {
        return false;
    };
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    names == ["iam", "kms", "s3"] && object.values().all(Value::is_object)
}

impl Emulator {
    /// The emulator with the state of an earlier command, or a new one where there is no file.
    pub(super) async fn load(file: &Path) -> Result<Self> {
        let unusable = |error: &dyn std::fmt::Display| {
            Error::new(
                ErrorKind::Failed,
                format!("The sandbox's state in {} cannot be used: {error}.", file.display()),
            )
        };
        let other_file = |error: Error| {
            error.hint(format!(
                "Name another file with {STATE_VARIABLE}; it is made if it is not there."
            ))
        };
        let read = super::file::read(file).and_then(|text| super::file::check_writable(file).map(|()| text));
        let text = match read.map_err(|error| other_file(unusable(&error)))? {
            Some(text) => text,
            None => return Ok(Self::new(Some(file.to_owned()))),
        };
        match is_ours(&text) {
            false => Err(other_file(unusable(&"it holds something else"))),
            true => Self::restore(file, &text)
                .await
                .map_err(|error| unusable(&error).hint(format!("Begin anew: remove {}", file.display()))),
        }
    }

    async fn restore(file: &Path, text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let emulator = Self::new(Some(file.to_owned()));
        let saved: Saved = serde_json::from_str(text)?;
        if saved.format != FORMAT {
            return Err(format!("it is of another version, '{}'", saved.format).into());
        }
        let Saved { iam, kms, s3, .. } = saved;
        emulator.0.iam.restore(ACCOUNT, IAM_REGION, iam).await?;
        for (region, view) in kms {
            emulator.remember_region(&region);
            emulator.0.kms.restore(ACCOUNT, &region, view).await?;
        }
        for (region, view) in s3 {
            emulator.remember_region(&region);
            emulator.0.s3.restore(ACCOUNT, &region, view).await?;
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
            format: FORMAT.to_owned(),
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
        super::file::write(file, &serde_json::to_vec(&saved)?)
    }
}
