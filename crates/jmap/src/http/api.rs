//! The API endpoint (RFC 8620 §3).

use std::collections::BTreeSet;

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::answer::{self, Body};
use super::body;
use super::clients::Client;
use crate::method::{self, Context, Room};
use crate::reply::Problem;
use crate::server::Inner;
use crate::wire::request::{self, Invocation};

/// Runs the request in a body.
pub(crate) async fn run(
    server: &Inner,
    client: &Client,
    session_state: String,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let place = server.requests.take(client.access.owner());
    let _place = place.ok_or(Problem::Limit("maxConcurrentRequests"))?;
    // RFC 8620 §3.6.1: notJSON is also for another media type.
    if !is_json(&request) {
        return Err(Problem::NotJson("the Content-Type is not application/json".to_owned()));
    }
    let bytes =
        body::read(request.into_body(), server.options.limits.request_bytes, "maxSizeRequest").await?;
    let request = request::Request::parse(&bytes)?;
    drop(bytes);
    let answer = answered(server, client, session_state, request).await?;
    Ok(answer::json(StatusCode::OK, &answer))
}

/// The Response object (RFC 8620 §3.4) to a request.
pub(crate) async fn answered(
    server: &Inner,
    client: &Client,
    session_state: String,
    mut request: request::Request,
) -> Result<Value, Problem> {
    let created_ids = request.created_ids.take();
    let wants_created_ids = created_ids.is_some();
    let mut context = Context {
        server,
        access: &client.access,
        using: BTreeSet::new(),
        created_ids: created_ids.unwrap_or_default(),
        implied: Vec::new(),
        room: Room::new(&server.options.limits),
    };
    let responses = method::run(request, &mut context).await?;
    let responses = responses
        .into_iter()
        .map(|Invocation { name, arguments, id }| json!([name, Value::Object(arguments), id]))
        .collect();
    let mut answer = Map::new();
    answer.insert("methodResponses".to_owned(), Value::Array(responses));
    answer.insert("sessionState".to_owned(), Value::String(session_state));
    if wants_created_ids {
        answer.insert("createdIds".to_owned(), json!(context.created_ids));
    }
    Ok(Value::Object(answer))
}

fn is_json(request: &Request<Incoming>) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
