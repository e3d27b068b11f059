//! What a request asks for, by the service's own protocol.

use http::HeaderMap;

/// The ID of the access key that a request is signed with.
pub(super) fn signer_of(headers: &HeaderMap) -> &str {
    let authorization = headers.get(http::header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credential = authorization.split_once("Credential=").map_or("", |(_, rest)| rest);
    credential.split('/').next().unwrap_or_default()
}

/// `iam:GetRole`, `kms:DescribeKey`, `s3:PUT tagging`, `s3:HEAD`, `s3:GET` (the list of buckets), …
pub(super) fn action_of(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let authorization = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let service = authorization.split('/').nth(3).unwrap_or("unsigned");
    match service {
        "s3" => {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let sub = query.split('&').find_map(|part| {
                let name = part.split('=').next().unwrap_or_default();
                let known = [
                    "tagging",
                    "publicAccessBlock",
                    "ownershipControls",
                    "encryption",
                    "policy",
                    "lifecycle",
                    "versions",
                    "uploads",
                    "delete",
                    "versioning",
                    "object-lock",
                    "requestPayment",
                ];
                known.contains(&name).then_some(name)
            });
            let place = path.split('?').next().unwrap_or_default();
            let key = place.trim_start_matches('/').split_once('/');
            match (sub, key.is_some_and(|(_, key)| !key.is_empty())) {
                (Some(sub), _) => format!("s3:{method} {sub}"),
                (None, true) => format!("s3:{method} object"),
                (None, false) => format!("s3:{method}"),
            }
        }
        "kms" => {
            let target = headers
                .get("x-amz-target")
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            format!("kms:{}", target.split('.').nth(1).unwrap_or_default())
        }
        service => {
            let body = String::from_utf8_lossy(body);
            let action = body
                .split('&')
                .find_map(|pair| pair.strip_prefix("Action="))
                .unwrap_or_default();
            format!("{service}:{action}")
        }
    }
}
