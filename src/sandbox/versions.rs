//! ListObjectVersions in pages, as S3 documents it: the emulator says that there is more, and not where.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>

use super::fidelity::{between, encoded, escaped, parameter};
use super::{Emulator, Request, Response};

/// A version or a delete marker, as the emulator wrote it.
struct Entry {
    key: String,
    version: String,
    xml: String,
}

/// A page of versions and delete markers.
pub(super) async fn list(emulator: &Emulator, region: &str, request: Request) -> Response {
    let (path, query) = request
        .path_and_query
        .split_once('?')
        .unwrap_or((&request.path_and_query, ""));
    let asked = |name: &str| parameter(query.as_bytes(), name);
    let most = asked("max-keys").and_then(|most| most.parse().ok());
    let most: usize = most.unwrap_or(1000).min(1000);
    let after = asked("key-marker").zip(Some(asked("version-id-marker")));
    let prefix = encoded(&asked("prefix").unwrap_or_default());
    let whole = format!("{path}?versions&max-keys={}&prefix={prefix}", i32::MAX);
    let whole = Request {
        path_and_query: whole,
        ..request
    };
    let mut response = emulator.forward("s3", region, whole).await;
    if response.status != 200 {
        return response;
    }
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let mut entries = entries(&text);
    if let Some((key, version)) = &after {
        entries = behind(entries, key, version.as_deref());
    }
    let more = entries.len() > most;
    entries.truncate(most);
    let next = entries.last().filter(|_| more).map(|last| {
        format!(
            "<NextKeyMarker>{}</NextKeyMarker><NextVersionIdMarker>{}</NextVersionIdMarker>",
            escaped(&last.key),
            escaped(&last.version)
        )
    });
    let listed: String = entries.into_iter().map(|entry| entry.xml).collect();
    response.body = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult><IsTruncated>{more}</IsTruncated>{}{listed}</ListVersionsResult>"#,
        next.unwrap_or_default()
    )
    .into();
    response.headers.remove(http::header::CONTENT_LENGTH);
    response
}

/// What the emulator lists, by key; the versions of a key in its order.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (opens, closes) in [("<Version>", "</Version>"), ("<DeleteMarker>", "</DeleteMarker>")] {
        let parts = text.split(opens).skip(1);
        entries.extend(parts.filter_map(|part| {
            let inner = part.split_once(closes)?.0;
            let of = |start, end| unescaped(between(inner, start, end).unwrap_or_default());
            Some(Entry {
                key: of("<Key>", "</Key>"),
                version: of("<VersionId>", "</VersionId>"),
                xml: format!("{opens}{inner}{closes}"),
            })
        }));
    }
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    entries
}

/// What comes after a marker. A version that is gone since leaves the rest of its key.
fn behind(mut entries: Vec<Entry>, key: &str, version: Option<&str>) -> Vec<Entry> {
    let of_key = |entry: &Entry| entry.key == key;
    let last = entries
        .iter()
        .rposition(|entry| of_key(entry) && version == Some(entry.version.as_str()));
    let cut = match (last, version) {
        (Some(last), _) => last + 1,
        (None, Some(_)) => entries.iter().take_while(|entry| entry.key.as_str() < key).count(),
        (None, None) => entries.iter().take_while(|entry| entry.key.as_str() <= key).count(),
    };
    entries.drain(..cut);
    entries
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
