//! A SASL exchange (RFC 4422 §3): the client's messages in, challenges out, until it is settled.
//!
//! Whatever the protocol above does with an exchange, it holds no more than one client message and what was
//! computed from it. One that is dropped is given up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::{RevocationMark, ScramKeys, ScramRecord};

use crate::attempt::{Attempt, Rejection};
use crate::bearer::Bearer;
use crate::plain::Plain;
use crate::scram::{AwaitsProof, ClientFirst, Parameters};
use crate::{Authenticated, Bindings, Mechanism, Refusal};

/// An exchange under way.
pub struct Exchange {
    attempt: Attempt,
    bindings: Bindings,
    state: State,
}

/// How an exchange goes on.
#[derive(Debug)]
pub enum Progress {
    /// The client is to answer this, which may be empty.
    Challenge(Vec<u8>),
    /// It is who it says.
    Authenticated(Box<Authenticated>),
}

enum State {
    Begins,
    /// SCRAM: the client has been told salt and iterations.
    AwaitsProof(Box<Scram>),
    /// SCRAM: the client has been shown that the server knows its password's keys, and says nothing to that.
    AwaitsEnd(Box<Authenticated>),
    /// A token was not taken, and the client has been told why (RFC 7628 §3.2.3); what it says to that is no matter.
    Refused(Refusal),
    Over,
}

struct Scram {
    awaits: AwaitsProof,
    record: ScramRecord,
    authzid: String,
    began: RevocationMark,
}

impl Exchange {
    pub(crate) fn new(attempt: Attempt, bindings: Bindings) -> Self {
        Self { attempt, bindings, state: State::Begins }
    }

    /// Takes the client's next message; `None` if it has not sent an initial response (RFC 4422 §5, item 2a), which an
    /// empty one is not the same as.
    ///
    /// # Errors
    /// With any [`Refusal`]; the exchange is over then.
    pub async fn step(&mut self, message: Option<&[u8]>) -> Result<Progress, Rejection> {
        let stepped = match (std::mem::replace(&mut self.state, State::Over), message) {
            (State::Begins, None) => {
                self.state = State::Begins;
                Ok(Progress::Challenge(Vec::new()))
            }
            (State::Begins, Some(message)) => match self.attempt.mechanism {
                Mechanism::Plain => self.plain(message).await,
                Mechanism::OAuthBearer | Mechanism::XOAuth2 => self.bearer(message).await,
                Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => self.scram_first(message).await,
            },
            (State::AwaitsProof(scram), Some(message)) => self.scram_final(&scram, message).await,
            (State::AwaitsEnd(authenticated), Some(b"")) => Ok(Progress::Authenticated(authenticated)),
            (State::Refused(refusal), Some(_)) => Err(refusal),
            _ => Err(Refusal::Malformed("the exchange was over")),
        };
        let settled = match stepped {
            Ok(Progress::Challenge(challenge)) => return Ok(Progress::Challenge(challenge)),
            Ok(Progress::Authenticated(authenticated)) => self.attempt.settle(Ok(*authenticated)),
            Err(refusal) => self.attempt.settle(Err(refusal)),
        };
        settled.map(|authenticated| Progress::Authenticated(Box::new(authenticated)))
    }

    /// The client gives the exchange up; why it would have been refused, if it was told so already.
    #[must_use]
    pub fn give_up(self) -> Option<Rejection> {
        let State::Refused(refusal) = self.state else { return None };
        self.attempt.settle(Err(refusal)).err()
    }

    async fn plain(&mut self, message: &[u8]) -> Result<Progress, Refusal> {
        let authenticator = self.attempt.authenticator.clone();
        let authenticated = authenticator.check_password(Plain::parse(message)?, &mut self.attempt).await?;
        Ok(Progress::Authenticated(Box::new(authenticated)))
    }

    async fn bearer(&mut self, message: &[u8]) -> Result<Progress, Refusal> {
        let mechanism = self.attempt.mechanism;
        let shown = match mechanism {
            Mechanism::XOAuth2 => Bearer::parse_xoauth2(message)?,
            _ => Bearer::parse(message)?,
        };
        let authenticator = self.attempt.authenticator.clone();
        let refusal = match authenticator.check_token(shown, &mut self.attempt).await {
            Ok(authenticated) => return Ok(Progress::Authenticated(Box::new(authenticated))),
            Err(refusal) => refusal,
        };
        let told = authenticator.advice(&refusal).map(|advice| advice.challenge(mechanism));
        let challenge = told.ok_or_else(|| refusal.clone())?;
        self.state = State::Refused(refusal);
        Ok(Progress::Challenge(challenge))
    }

    async fn scram_first(&mut self, message: &[u8]) -> Result<Progress, Refusal> {
        let first = ClientFirst::parse(message)?;
        let authenticator = self.attempt.authenticator.clone();
        let who = authenticator.identities(&first.authzid, &first.username);
        let (record, began) = authenticator.scram(who.authcid, &mut self.attempt).await?;
        let authzid = who.authzid.to_owned();
        let nonce = nonce()?;
        let parameters = Parameters { salt: &record.salt, iterations: record.iterations, nonce: &nonce };
        let (server_first, awaits) = first.answer(self.attempt.mechanism, &self.bindings, parameters)?;
        self.state = State::AwaitsProof(Box::new(Scram { awaits, record, authzid, began }));
        Ok(Progress::Challenge(server_first.into_bytes()))
    }

    async fn scram_final(&mut self, scram: &Scram, message: &[u8]) -> Result<Progress, Refusal> {
        let known = scram.record.account.as_ref().map_or(&[][..], |(_, keys)| keys);
        // Without any, something is compared all the same, to which there is no password.
        let none = ScramKeys { stored_key: [0; 32], server_key: [0; 32] };
        let keys = known.iter().map(|(_, keys)| keys);
        let verified = scram.awaits.verify(message, keys.chain(known.is_empty().then_some(&none)))?;
        let authenticator = &self.attempt.authenticator;
        let access = authenticator.proven(&scram.record, verified.index).await?;
        let authenticated = authenticator.act_as(access, &scram.authzid, scram.began).await?;
        self.state = State::AwaitsEnd(Box::new(authenticated));
        Ok(Progress::Challenge(verified.server_final.into_bytes()))
    }
}

/// The server's part of a SCRAM nonce: 18 random bytes in base64, which has no comma.
fn nonce() -> Result<String, Refusal> {
    let mut bytes = [0; 18];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Refusal::Unavailable("no randomness".into()))?;
    Ok(STANDARD.encode(bytes))
}
