//! SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5032, RFC 5182, RFC 5267 §4, RFC 7162 §3.1.5 and §3.1.10, RFC 8474 §6,
//! RFC 8514 §4, RFC 9394 §3.1, RFC 9738 §3).
//!
//! How messages are found is in [`find`], what is told of them in [`results`], and how that is kept up to date in
//! [`update`]: other commands that search share them.

use crate::cmd::{Context, Done, enable, message_limit, sync};
use crate::reply::Failure;
use crate::session::view::Expunges;
use crate::wire::response::Response;
use crate::wire::search::{Search, SearchKey, SearchProgram, SearchReturn};
use crate::wire::status::{Code, Status};

pub(crate) mod find;
pub(crate) mod progress;
pub(crate) mod results;
mod test;
mod text;
pub(crate) mod update;

use find::Finder;
use results::Results;
use update::Question;

/// The command.
pub(crate) async fn run(context: &mut Context<'_>, search: Search) -> Result<Done, Failure> {
    context.session.selected()?;
    let saves = search.returns.as_ref().is_some_and(|returns| returns.contains(&SearchReturn::Save));
    let done = answer(context, search).await;
    if saves {
        results::forget_saved_unless_ok(context, &done);
    }
    done
}

async fn answer(context: &mut Context<'_>, search: Search) -> Result<Done, Failure> {
    let asks_update = update::is_asked(context, search.returns.as_deref())?;
    let SearchProgram::Keys(keys) = search.program else { return Ok(unknown_charset()) };
    let has_modseq = prepare(context, &keys).await?;
    let question =
        if asks_update { Some(Question::new(context, (&keys, search.numbering), None)?) } else { None };
    let (finder, mut progress) = Finder::of_selected(context)?;
    let (seqs, cut) = finder.find_newest(keys, &mut progress).await?;
    let results = Results { order: seqs.numbers().collect(), numbering: search.numbering, has_modseq };
    // RFC 9051 §6.4.4: without RETURN, it is ESEARCH with ALL.
    let returns = search.returns.or_else(|| context.session.enabled.rev2.then(|| vec![SearchReturn::All]));
    match returns.as_deref() {
        Some(returns) => results.tell(context, returns)?,
        None => {
            let (_, selected) = context.session.selected()?;
            let (numbers, modseq) = results.plain(&selected.view);
            context.untagged(&Response::Search { numbers: &numbers, modseq });
        }
    }
    match question {
        Some(_) if cut.is_some() => update::refuse(context, message_limit::TOO_MANY),
        Some(question) => update::begin(context, question, &results.order)?,
        None => {}
    }
    Ok(Done::Status(message_limit::told(context, Status::ok("SEARCH done"), cut)))
}

/// What comes before every search of the selected mailbox; whether MODSEQ is asked for.
pub(crate) async fn prepare(context: &mut Context<'_>, keys: &[SearchKey]) -> Result<bool, Failure> {
    let has_modseq = keys.iter().any(SearchKey::has_modseq);
    if has_modseq {
        enable::condstore(context);
    }
    // What the client asks for is told as it is now, not as it was at the last look.
    sync::look(context, sync::Look { expunges: Expunges::Hold, always: false }).await?;
    Ok(has_modseq)
}

/// The answer where the charset is not known.
pub(crate) fn unknown_charset() -> Done {
    Done::Status(Status::no("there is no such charset here").with(Code::BadCharset))
}
