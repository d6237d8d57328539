//! Blob/upload (RFC 9404 §4.1): blobs that are put together from texts, base64 and stretches of other blobs.
//!
//! One may refer to another that the same call makes: those that others need are made first.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::SOURCES_MAX;
use crate::http::{blob, upload};
use crate::method::set::Outcomes;
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::{MethodError, SetError};
use crate::wire::blob::{BlobId, Whole};
use crate::wire::id;
use crate::wire::number::UnsignedInt;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UploadArguments {
    account_id: String,
    create: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    data: Vec<Source>,
    #[serde(default, rename = "type")]
    media_type: Option<String>,
}

/// Where octets come from; one of the first three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default, rename = "data:asText")]
    text: Option<String>,
    #[serde(default, rename = "data:asBase64")]
    base64: Option<String>,
    #[serde(default, rename = "blobId")]
    blob: Option<String>,
    #[serde(default)]
    offset: Option<UnsignedInt>,
    #[serde(default)]
    length: Option<UnsignedInt>,
}

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: UploadArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    if arguments.create.len() > context.server.options.limits.objects_in_set {
        return Err(MethodError::RequestTooLarge);
    }
    if let Some(key) = arguments.create.keys().find(|key| !id::is_id(key)) {
        return Err(MethodError::InvalidArguments(format!("{key:?} is not a creation id")));
    }
    let mut outcomes = Outcomes::default();
    let mut waiting: BTreeMap<String, Upload> = BTreeMap::new();
    for (key, value) in arguments.create {
        match Upload::parse(value) {
            Ok(upload) => {
                waiting.insert(key, upload);
            }
            Err(error) => outcomes.create(context, key, Err(error)),
        }
    }
    while let Some(key) = next(&waiting) {
        let Some(upload) = waiting.remove(&key) else { break };
        let outcome = make(upload, context).await;
        outcomes.create(context, key, outcome);
    }
    Ok(outcomes.creations(&arguments.account_id))
}

/// One that needs no other that is still to be made, or, where all need each other, any.
fn next(waiting: &BTreeMap<String, Upload>) -> Option<String> {
    let is_ready = |upload: &Upload| {
        let needs = upload.data.iter().filter_map(|source| source.blob.as_deref()?.strip_prefix('#'));
        needs.into_iter().all(|needed| !waiting.contains_key(needed))
    };
    let ready = waiting.iter().find(|(_, upload)| is_ready(upload));
    ready.or_else(|| waiting.iter().next()).map(|(key, _)| key.clone())
}

impl Upload {
    fn parse(value: Value) -> Result<Self, SetError> {
        let upload: Self = serde_json::from_value(value).map_err(|_| SetError::property("data"))?;
        if upload.data.len() > SOURCES_MAX {
            return Err(SetError::new("tooLarge", "a blob is of so many sources at most"));
        }
        let is_one = |source: &Source| {
            let kinds = [source.text.is_some(), source.base64.is_some(), source.blob.is_some()];
            let is_cut = source.offset.is_some() || source.length.is_some();
            kinds.into_iter().filter(|is_given| *is_given).count() == 1 && (source.blob.is_some() || !is_cut)
        };
        if upload.data.iter().all(is_one) { Ok(upload) } else { Err(SetError::property("data")) }
    }
}

async fn make(upload: Upload, context: &mut Context<'_>) -> Result<Value, SetError> {
    let max = usize::try_from(context.server.options.limits.upload_bytes).unwrap_or(usize::MAX);
    let mut octets = Vec::new();
    for source in upload.data {
        let piece = octets_of(source, context).await?;
        if piece.len() > max.saturating_sub(octets.len()) {
            return Err(SetError::new("tooLarge", "the blob is larger than maxSizeBlobSet"));
        }
        octets.extend_from_slice(&piece);
    }
    context.room.handle(octets.len()).map_err(|_| too_much())?;
    let (size, bytes_max) = (octets.len(), upload::kept_bytes_max(&context.server.options.limits));
    let (kept, _) = context.server.store.upload(context.access, Bytes::from(octets), bytes_max).await?;
    let id = BlobId { whole: Whole::Upload(kept), part: None };
    let media_type = upload.media_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    Ok(json!({ "id": id.to_string(), "type": media_type, "size": size }))
}

fn too_much() -> SetError {
    SetError::new("tooLarge", "one request may read and make so many octets of blobs at most")
}

async fn octets_of(source: Source, context: &mut Context<'_>) -> Result<Bytes, SetError> {
    if let Some(text) = source.text {
        return Ok(Bytes::from(text));
    }
    if let Some(encoded) = source.base64 {
        return STANDARD.decode(encoded).map(Bytes::from).map_err(|_| SetError::property("data"));
    }
    let text = source.blob.unwrap_or_default();
    let missing = || SetError::blob_not_found(&text);
    let id = context.blob(&text).ok_or_else(missing)?;
    let read = blob::read(context.server, context.access, &id).await;
    let whole = read.map_err(|error| SetError::new(error.name(), "a blob can't be read"))?;
    let whole = whole.ok_or_else(missing)?;
    context.room.handle(whole.len()).map_err(|_| too_much())?;
    let start = source.offset.map_or(0, |offset| usize::try_from(offset.0).unwrap_or(usize::MAX));
    let end = match source.length {
        None => whole.len().max(start),
        Some(length) => start.saturating_add(usize::try_from(length.0).unwrap_or(usize::MAX)),
    };
    // RFC 9404 §4.1: a stretch that is not all there is no source.
    match whole.get(start..end) {
        Some(stretch) => Ok(whole.slice_ref(stretch)),
        None => Err(SetError::property("data")),
    }
}
