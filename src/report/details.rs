//! The five values: as text, JSON, shell assignments, or one of them bare.

use serde_json::Value;

use super::{Printer, Tone};
use crate::cli::Output;
use crate::details::{Details, Field};

/// Where the values are pasted.
const WHERE_TO_PASTE: [&str; 2] = [
    "Paste these in Mixpanel: Settings → Destinations → AWS S3 → Create Pipeline.",
    "A pipeline's destination cannot be changed afterwards.",
];

impl Printer {
    /// Prints the five values in the form that was asked for.
    pub(crate) fn details(&self, details: &Details) {
        match self.output() {
            Output::Text => {
                self.results(as_text(details));
                self.where_to_paste();
            }
            Output::Json => self.json(&as_json(details)),
            Output::Env => self.results(as_assignments(details)),
        }
    }

    /// Prints one bare value; an empty line for what the form leaves empty.
    pub(crate) fn field(&self, details: &Details, field: Field) {
        self.result(details.value(field));
    }

    /// Says where the values are pasted.
    pub(crate) fn where_to_paste(&self) {
        self.note("");
        self.notes(WHERE_TO_PASTE.map(|line| self.paint(Tone::Quiet, line)));
    }
}

/// What stands for a value that the form leaves empty.
const EMPTY: &str = "(leave empty)";
/// What stands for the ARN of a key that a plan is yet to make.
const KEY_TO_BE: &str = "(the new key's ARN, once it is made)";

/// The values as text, in Mixpanel's own order and words.
pub(crate) fn as_text(details: &Details) -> [String; 5] {
    lines(details, EMPTY)
}

/// The values as text where the key is yet to be made.
pub(crate) fn as_text_before_the_key(details: &Details) -> [String; 5] {
    lines(details, KEY_TO_BE)
}

fn lines(details: &Details, no_key: &str) -> [String; 5] {
    let line = |field: Field| {
        let value = match (details.value(field), field) {
            ("", Field::KmsKeyId) => no_key,
            ("", _) => EMPTY,
            (value, _) => value,
        };
        format!("{:<13}{value}", format!("{}:", field.label()))
    };
    Field::ALL.map(line)
}

/// The values as JSON.
pub(crate) fn as_json(details: &Details) -> Value {
    serde_json::to_value(details).unwrap_or(Value::Null)
}

/// The values as assignments that a POSIX shell can `eval`.
pub(crate) fn as_assignments(details: &Details) -> [String; 5] {
    let line = |field: Field| {
        // Single quotes always, so that the form does not depend on the value; no value holds a single quote.
        format!("{}='{}'", field.variable(), details.value(field).replace('\'', "'\\''"))
    };
    Field::ALL.map(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::Method;

    fn details() -> Details {
        Details {
            bucket: "acme-mixpanel-export".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            role: "arn:aws:iam::123456789012:role/acme-mixpanel-export".parse().unwrap(),
            encryption: Method::Kms,
            kms_key_id: Some(
                "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                    .parse()
                    .unwrap(),
            ),
        }
    }

    #[test]
    fn every_form_says_the_same() {
        let details = details();
        insta::assert_snapshot!(as_text(&details).join("\n"), @r"
        Bucket:      acme-mixpanel-export
        Region:      eu-west-1
        Role:        arn:aws:iam::123456789012:role/acme-mixpanel-export
        Encryption:  KMS
        KMS Key ID:  arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
        ");
        insta::assert_snapshot!(as_assignments(&details).join("\n"), @r"
        MIXPANEL_BUCKET='acme-mixpanel-export'
        MIXPANEL_REGION='eu-west-1'
        MIXPANEL_ROLE='arn:aws:iam::123456789012:role/acme-mixpanel-export'
        MIXPANEL_ENCRYPTION='KMS'
        MIXPANEL_KMS_KEY_ID='arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'
        ");
        assert_eq!(
            as_json(&details),
            serde_json::json!({
                "bucket": "acme-mixpanel-export",
                "region": "eu-west-1",
                "role": "arn:aws:iam::123456789012:role/acme-mixpanel-export",
                "encryption": "KMS",
                "kms_key_id": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            })
        );
    }

    #[test]
    fn what_the_form_leaves_empty_is_said() {
        let details = Details {
            encryption: Method::None,
            kms_key_id: None,
            ..details()
        };
        assert_eq!(
            as_text(&details)[3..],
            ["Encryption:  (leave empty)", "KMS Key ID:  (leave empty)"]
        );
        assert_eq!(as_json(&details)["encryption"], Value::Null);
        assert_eq!(as_json(&details)["kms_key_id"], Value::Null);
    }
}
