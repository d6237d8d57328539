//! Push subscriptions that are not Web Push: what is to be posted is the client's, and there are no keys.
//!
//! Their client's id is a digest, since what identifies them may be an endpoint, which is a capability.

use rusqlite::{ToSql, params};

use super::push::{ACTIVE, PENDING, credential_of, find, insert, may_see, one, update};
use super::writer::Tx;
use super::{accounts, int};
use crate::{
    Access, EndpointProof, Error, NewPushRequest, NewPushSubscription, PushKind, PushState, PushSubscription,
    PushSubscriptionId, PutPushSubscription, Result, UnixTime,
};

/// Asks, or asks anew.
pub(crate) fn put(tx: &Tx<'_>, access: &Access, new: &NewPushRequest) -> Result<PutPushSubscription> {
    let credential = credential_of(tx, access)?;
    let client_id = digest(&new.identity);
    let old = find(tx.sql, access.owner(), new.kind, &client_id)?;
    if old.as_ref().is_some_and(|old| !may_see(access, old)) {
        return Err(Error::Exists("push subscription"));
    }
    let standing = old.as_ref().map(|old| Standing::read(tx, old.id)).transpose()?.unwrap_or_default();
    if new.version.is_some_and(|version| version <= standing.version) {
        return Err(Error::Invalid { what: "version", why: "not above the one before".into() });
    }
    let pending = match &new.proof {
        EndpointProof::Token { token, expires_at, not_before }
            if standing.confirmed_at.is_none_or(|at| at < not_before.0) =>
        {
            Some((token.as_str(), expires_at.0))
        }
        EndpointProof::Token { .. } | EndpointProof::NotNeeded => None,
    };
    let (token, expires_at) = pending.unwrap_or_default();
    let state = if pending.is_some() { PENDING } else { ACTIVE };
    let id = match old {
        Some(old) => old.id,
        None => {
            let row = NewPushSubscription {
                account_max: new.account_max,
                kind: new.kind,
                client_id,
                endpoint: new.endpoint.clone(),
                public_key: Vec::new(),
                auth: Vec::new(),
                enabled: Vec::new(),
                vapid_key: String::new(),
                token: token.to_owned(),
                expires_at: UnixTime(expires_at),
            };
            insert(tx, access.owner(), credential, &row)?.subscription.id
        }
    };
    let version = new.version.unwrap_or_default().max(standing.version).cast_signed();
    let cursor = int(accounts::modseq(tx.sql, access.owner())?.0);
    let (credential, now) = (int(credential.0), tx.now.0);
    let changes: [(&str, &dyn ToSql); 12] = [
        ("credential_id", &credential),
        ("endpoint", &new.endpoint),
        ("request", &new.request),
        ("version", &version),
        ("state", &state),
        ("token", &token),
        ("token_expires_at", &expires_at),
        ("token_sent", &false),
        ("acknowledged", &true),
        ("updated_at", &now),
        ("cursor", &cursor),
        ("failures", &0),
    ];
    update(tx, id, &changes)?;
    tx.touch(access.owner());
    Ok(PutPushSubscription { subscription: one(tx.sql, id)?, must_acknowledge: pending.is_some() })
}

/// The endpoint is the client's own if the token is the one that was put there.
pub(crate) fn confirm(
    tx: &Tx<'_>,
    access: &Access,
    (kind, identity): (PushKind, &str),
    (token, now): (&str, UnixTime),
) -> Result<Option<PushSubscription>> {
    let found = find(tx.sql, access.owner(), kind, &digest(identity))?;
    let Some(found) = found.filter(|found| may_see(access, found)) else { return Ok(None) };
    let is_right = matches!(&found.state, PushState::Pending { token: known, expires_at, .. }
        if *expires_at > now
            && aws_lc_rs::constant_time::verify_slices_are_equal(known.as_bytes(), token.as_bytes()).is_ok());
    if !is_right {
        return Ok(None);
    }
    let standing = Standing::read(tx, found.id)?;
    let version = token.parse::<u64>().unwrap_or_default().max(standing.version);
    tx.sql.run(
        "confirm push request",
        "UPDATE push_subscription SET state = 1, token = '', token_sent = 0, failures = 0, next_attempt_at = NULL, \
         confirmed_at = ?2, version = ?3 WHERE id = ?1",
        params![int(found.id.0), now.0, version.cast_signed()],
    )?;
    tx.touch(access.owner());
    one(tx.sql, found.id).map(Some)
}

/// What is known of an endpoint.
#[derive(Default)]
struct Standing {
    /// The highest version that it has been told, or is about to be.
    version: u64,
    /// When it was last proven to be the client's own.
    confirmed_at: Option<i64>,
}

impl Standing {
    fn read(tx: &Tx<'_>, id: PushSubscriptionId) -> Result<Self> {
        let found = tx.sql.one(
            "read the standing of an endpoint",
            "SELECT version, confirmed_at FROM push_subscription WHERE id = ?1",
            [int(id.0)],
            |row| Ok(Self { version: row.get::<_, i64>(0)?.cast_unsigned(), confirmed_at: row.get(1)? }),
        )?;
        found.ok_or(Error::NotFound("push subscription"))
    }
}

fn digest(identity: &str) -> String {
    blake3::hash(identity.as_bytes()).to_hex().to_string()
}
