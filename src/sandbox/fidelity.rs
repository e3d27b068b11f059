//! Where the emulator differs from AWS's documentation and a rehearsal would show it, AWS wins.
//!
//! * S3: a bucket of another region answers 301 with its region; CreateBucket minds LocationConstraint, keeps the tags
//!   and the object ownership that it is given, and turns on what AWS turns on in every new bucket;
//!   `ExpectedBucketOwner` is compared; ListObjectVersions comes in pages.
//! * STS: AssumeRole minds the role's trust policy, its ExternalId above all.
//! * IAM: CreateRole keeps the permissions boundary that it is given; GetRole answers the role's tags and permissions
//!   boundary.

use http::HeaderMap;
use winterbaume_core::StatefulService;

use crate::observed::PublicAccess;
use crate::policy::Document;
use crate::policy::evaluate::{self, Decision, Fact, Named, Policies, Principal, RequestContext, Rule};

use super::state::IAM_REGION;
use super::{ACCOUNT, Emulator, Request, Response, versions};

const S3_NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// S3, with what AWS documents and the emulator leaves out.
pub(super) async fn s3(emulator: &Emulator, region: &str, request: Request) -> Response {
    let (path, query) = request
        .path_and_query
        .split_once('?')
        .unwrap_or((&request.path_and_query, ""));
    let bucket = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let is_head = request.method == "HEAD";
    if bucket.is_empty() {
        return list_buckets(emulator, region, request).await;
    }
    if let Some(owner) = request.headers.get("x-amz-expected-bucket-owner")
        && owner != ACCOUNT
    {
        return s3_error(403, "AccessDenied", "Access Denied", !is_head);
    }
    // SDKs add x-id to some requests; it selects no sub-resource.
    let creates = request.method == "PUT"
        && query
            .split('&')
            .all(|part| part.is_empty() || part.starts_with("x-id="));
    if creates && path.trim_matches('/') == bucket {
        return create_bucket(emulator, region, &bucket, request).await;
    }
    if let Some(home) = region_of(emulator, &bucket).await.filter(|home| home != region) {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint.";
        let mut response = s3_error(301, "PermanentRedirect", message, !is_head);
        if let Ok(home) = home.parse() {
            response.headers.insert("x-amz-bucket-region", home);
        }
        return response;
    }
    if request.method == "GET" && query.split('&').any(|part| part.trim_end_matches('=') == "versions") {
        return versions::list(emulator, region, request).await;
    }
    emulator.forward("s3", region, request).await
}

/// Buckets of every region, and only those of the wanted prefix.
async fn list_buckets(emulator: &Emulator, region: &str, request: Request) -> Response {
    if request.method != "GET" {
        return emulator.forward("s3", region, request).await;
    }
    let query = request.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let prefix = parameter(query.as_bytes(), "prefix").unwrap_or_default();
    let mut buckets = Vec::new();
    for region in emulator.regions() {
        let view = emulator.0.s3.snapshot(ACCOUNT, &region).await;
        buckets.extend(
            view.buckets
                .into_keys()
                .filter(|name| name.starts_with(&prefix))
                .map(|name| (name, region.clone())),
        );
    }
    buckets.sort();
    let entries: String = buckets
        .iter()
        .map(|(name, region)| {
            format!(
                "<Bucket><Name>{name}</Name><CreationDate>2026-01-01T00:00:00Z</CreationDate><BucketRegion>{region}</\
                 BucketRegion></Bucket>"
            )
        })
        .collect();
    xml(
        200,
        format!(
            r#"<ListAllMyBucketsResult xmlns="{S3_NAMESPACE}"><Owner><ID>{ACCOUNT}</ID></Owner><Buckets>{entries}</Buckets></ListAllMyBucketsResult>"#
        ),
    )
}

/// What S3 says of a region that is not the one that is asked, if so.
fn wrong_location(body: &str, region: &str) -> Option<Response> {
    let (code, message) = match between(body, "<LocationConstraint>", "</LocationConstraint>") {
        Some("us-east-1") => (
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        ),
        Some(other) if other != region => (
            "IllegalLocationConstraintException",
            "The location constraint is incompatible for the region specific endpoint this request was sent to.",
        ),
        None if region != "us-east-1" => (
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint this request was \
             sent to.",
        ),
        _ => return None,
    };
    Some(s3_error(400, code, message, true))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
async fn create_bucket(emulator: &Emulator, region: &str, bucket: &str, request: Request) -> Response {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    if let Some(refused) = wrong_location(&body, region) {
        return refused;
    }
    if let Some(home) = region_of(emulator, bucket).await
        && !(home == "us-east-1" && region == "us-east-1")
    {
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return s3_error(409, "BucketAlreadyOwnedByYou", message, true);
    }
    let ownership = request
        .headers
        .get("x-amz-object-ownership")
        .and_then(|rule| rule.to_str().ok())
        .map(str::to_owned);
    let headers = request.headers.clone();
    let response = emulator.forward("s3", region, request).await;
    if response.status != 200 {
        return response;
    }
    let sub_resource = |name: &str, body: String| Request {
        method: "PUT".into(),
        path_and_query: format!("/{bucket}?{name}"),
        headers: headers.clone(),
        body: body.into(),
    };
    if let Some(rule) = ownership {
        let body = format!(
            r#"<OwnershipControls xmlns="{S3_NAMESPACE}"><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule></OwnershipControls>"#
        );
        emulator
            .forward("s3", region, sub_resource("ownershipControls", body))
            .await;
    }
    // What AWS sets on every new bucket.
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>
    let blocks: String = PublicAccess::BLOCKS
        .iter()
        .map(|block| format!("<{block}>true</{block}>"))
        .collect();
    let from_the_start = [
        (
            "publicAccessBlock",
            format!(
                r#"<PublicAccessBlockConfiguration xmlns="{S3_NAMESPACE}">{blocks}</PublicAccessBlockConfiguration>"#
            ),
        ),
        (
            "encryption",
            format!(
                r#"<ServerSideEncryptionConfiguration xmlns="{S3_NAMESPACE}"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"#
            ),
        ),
    ];
    for (name, body) in from_the_start {
        emulator.forward("s3", region, sub_resource(name, body)).await;
    }
    if let Some(tags) = between(&body, "<Tags>", "</Tags>") {
        let body = format!(r#"<Tagging xmlns="{S3_NAMESPACE}"><TagSet>{tags}</TagSet></Tagging>"#);
        emulator.forward("s3", region, sub_resource("tagging", body)).await;
    }
    response
}

/// Bucket names are unique across regions.
async fn region_of(emulator: &Emulator, bucket: &str) -> Option<String> {
    for region in emulator.regions() {
        if emulator
            .0
            .s3
            .snapshot(ACCOUNT, &region)
            .await
            .buckets
            .contains_key(bucket)
        {
            return Some(region);
        }
    }
    None
}

/// IAM, with what AWS documents and the emulator leaves out.
pub(super) async fn iam(emulator: &Emulator, request: Request) -> Response {
    let action = parameter(&request.body, "Action").unwrap_or_default();
    let role = parameter(&request.body, "RoleName").unwrap_or_default();
    let boundary = parameter(&request.body, "PermissionsBoundary");
    let follow_up = request.clone();
    let mut response = emulator.forward("iam", IAM_REGION, request).await;
    if response.status != 200 {
        return response;
    }
    match (action.as_str(), boundary) {
        ("GetRole", _) => complete_role(emulator, &role, &mut response).await,
        ("CreateRole", Some(boundary)) => {
            let body = format!(
                "Action=PutRolePermissionsBoundary&Version=2010-05-08&RoleName={}&PermissionsBoundary={}",
                encoded(&role),
                encoded(&boundary)
            );
            let request = Request {
                body: body.into(),
                ..follow_up
            };
            emulator.forward("iam", IAM_REGION, request).await;
        }
        _ => {}
    }
    response
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
async fn complete_role(emulator: &Emulator, role: &str, response: &mut Response) {
    let mut view = emulator.0.iam.snapshot(ACCOUNT, IAM_REGION).await;
    let Some(role) = view.roles.remove(role) else {
        return;
    };
    let boundary = role.permissions_boundary.map(|arn| {
        format!(
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</\
             PermissionsBoundaryType><PermissionsBoundaryArn>{}</PermissionsBoundaryArn></PermissionsBoundary>",
            escaped(&arn)
        )
    });
    let mut tags: Vec<_> = role.tags.into_iter().collect();
    tags.sort();
    let members: String = tags
        .iter()
        .map(|(key, value)| {
            format!(
                "<member><Key>{}</Key><Value>{}</Value></member>",
                escaped(key),
                escaped(value)
            )
        })
        .collect();
    let more = format!("{}<Tags>{members}</Tags></Role>", boundary.unwrap_or_default());
    response.body = String::from_utf8_lossy(&response.body).replace("</Role>", &more).into();
    response.headers.remove(http::header::CONTENT_LENGTH);
}

/// AssumeRole is refused where the role's trust policy does not let the caller in with that ExternalId.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(super) async fn sts(emulator: &Emulator, region: &str, request: Request) -> Response {
    let action = parameter(&request.body, "Action").unwrap_or_default();
    let arn = parameter(&request.body, "RoleArn").unwrap_or_default();
    let name = arn.rsplit('/').next().unwrap_or_default();
    if action == "AssumeRole" {
        let view = emulator.0.iam.snapshot(ACCOUNT, IAM_REGION).await;
        // A role that the emulator does not know is none of the rehearsal's.
        if let Some(role) = view.roles.get(name)
            && !lets_in(&role.assume_role_policy_document, &arn, &request)
        {
            let message = format!("User: {CALLER} is not authorized to perform: sts:AssumeRole on resource: {arn}");
            return xml(
                403,
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></\
                     Error></ErrorResponse>"
                ),
            );
        }
    }
    let mut response = emulator.forward("sts", region, request).await;
    // Users are IAM's, and their ARNs begin so.
    response.body = String::from_utf8_lossy(&response.body)
        .replace("arn:aws:sts::123456789012:user/moto", CALLER)
        .into();
    response.headers.remove(http::header::CONTENT_LENGTH);
    response
}

/// Whoever calls.
const CALLER: &str = "arn:aws:iam::123456789012:user/rehearsal";

fn lets_in(trust: &str, arn: &str, request: &Request) -> bool {
    let Ok(document) = Document::parse(trust) else {
        return false;
    };
    let external_id = parameter(&request.body, "ExternalId");
    let external_id = external_id.map_or(Fact::Absent, |id| Fact::Known(vec![id]));
    let request = evaluate::AuthorizationRequest {
        principal: Principal::User {
            account: ACCOUNT.into(),
            arn: CALLER.into(),
        },
        action: "sts:AssumeRole".into(),
        resource: arn.into(),
        context: RequestContext::new().with("sts:ExternalId", external_id),
    };
    let policies = Policies {
        identity: Vec::new(),
        boundary: None,
        resource: Some(Named {
            name: "trust policy".into(),
            document: &document,
        }),
        unreadable: Vec::new(),
        rule: Rule::ResourceOnly,
    };
    matches!(evaluate::decide(&request, &policies), Decision::Allowed { .. })
}

/// A parameter of a form-encoded body or query.
pub(super) fn parameter(form: &[u8], name: &str) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let value = form
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let spaced = value.replace('+', " ");
    Some(
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned(),
    )
}

pub(super) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inner, _)| inner)
}

pub(super) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An error in S3's form; a HEAD request gets no body.
pub(super) fn s3_error(status: u16, code: &str, message: &str, with_body: bool) -> Response {
    if !with_body {
        return Response {
            status,
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
        };
    }
    xml(
        status,
        format!(
            "<Error><Code>{code}</Code><Message>{}</Message><RequestId>sandbox</RequestId></Error>",
            escaped(message)
        ),
    )
}

fn xml(status: u16, body: String) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/xml"),
    );
    Response {
        status,
        headers,
        body: format!(r#"<?xml version="1.0" encoding="UTF-8"?>{body}"#).into(),
    }
}
