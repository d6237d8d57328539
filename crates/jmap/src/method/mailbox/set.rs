//! Mailbox/set (RFC 8621 §2.5).

use serde_json::{Map, Value, json};
use store::{Mailbox, MailboxId, MailboxName, SpecialUse};

use super::{Tree, role};
use crate::method::set::{Outcomes, SetArguments};
use crate::method::{Arguments, Context, Outcome, typed};
use crate::reply::{MethodError, SetError};
use crate::wire::id;
use crate::wire::state::State;

/// Runs the method.
pub(crate) async fn run(arguments: Arguments, context: &mut Context<'_>) -> Outcome {
    let arguments: SetArguments = typed(arguments)?;
    context.check_account(&arguments.account_id)?;
    let old = state(context).await?;
    arguments.check(context, &old)?;
    let mut outcomes = Outcomes::default();
    // One may be made below another of the same call, whichever comes first.
    let mut waiting: Vec<(String, Map<String, Value>)> =
        arguments.create.unwrap_or_default().into_iter().collect();
    while !waiting.is_empty() {
        let parents: Vec<String> = waiting.iter().map(|(key, _)| format!("#{key}")).collect();
        let is_ready = |object: &Map<String, Value>| {
            let parent = object.get("parentId").and_then(Value::as_str);
            parent.is_none_or(|parent| !parents.iter().any(|other| other == parent))
        };
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, object)| is_ready(object));
        if ready.is_empty() {
            for (key, _) in rest {
                outcomes.create(context, key, Err(SetError::property("parentId")));
            }
            break;
        }
        for (key, object) in ready {
            let outcome = create(object, context).await;
            outcomes.create(context, key, outcome);
        }
        waiting = rest;
    }
    let destroyed = arguments.destroy.unwrap_or_default();
    for (key, patch) in arguments.update.unwrap_or_default() {
        let outcome = match destroyed.contains(&key) {
            true => Err(SetError::new("willDestroy", "it is destroyed by the same call")),
            false => update(&key, patch, context).await,
        };
        outcomes.update(key, outcome);
    }
    destroy(destroyed, arguments.on_destroy_remove_emails.unwrap_or(false), context, &mut outcomes).await?;
    Ok(outcomes.response(&arguments.account_id, old, state(context).await?))
}

async fn state(context: &Context<'_>) -> Result<String, MethodError> {
    let states = context.server.store.type_states(context.access).await?;
    Ok(State::at(states.epoch, states.mailbox).to_string())
}

async fn tree(context: &Context<'_>) -> Result<Tree, SetError> {
    Ok(Tree::new(context.server.store.mailboxes(context.access).await?))
}

/// What is to be set.
#[derive(Default)]
struct Wanted {
    name: Option<String>,
    parent: Option<Option<MailboxId>>,
    role: Option<Option<SpecialUse>>,
    sort_order: Option<u32>,
    is_subscribed: Option<bool>,
}

impl Wanted {
    fn parse(object: Map<String, Value>, tree: &Tree, context: &Context<'_>) -> Result<Self, SetError> {
        let mut wanted = Self::default();
        for (name, value) in object {
            let wrong = || SetError::property(&name);
            match name.as_str() {
                "name" => wanted.name = Some(level(&value).ok_or_else(wrong)?),
                "parentId" if value.is_null() => wanted.parent = Some(None),
                "parentId" => {
                    let text = value.as_str().ok_or_else(wrong)?;
                    let resolved = context.resolved(text);
                    let parent = id::mailbox(resolved.as_deref().unwrap_or(text));
                    let parent = parent.filter(|parent| tree.find(*parent).is_some());
                    wanted.parent = Some(Some(parent.ok_or_else(wrong)?));
                }
                "role" if value.is_null() => wanted.role = Some(None),
                "role" => {
                    let special_use = value.as_str().and_then(special_use).ok_or_else(wrong)?;
                    wanted.role = Some(Some(special_use));
                }
                "sortOrder" => {
                    let order = value.as_u64().and_then(|order| u32::try_from(order).ok());
                    wanted.sort_order = Some(order.filter(|order| *order < 1 << 31).ok_or_else(wrong)?);
                }
                "isSubscribed" => wanted.is_subscribed = Some(value.as_bool().ok_or_else(wrong)?),
                _ => return Err(wrong()),
            }
        }
        Ok(wanted)
    }
}

/// A name of one level: not empty, and without what parts levels in IMAP.
fn level(value: &Value) -> Option<String> {
    let name = value.as_str()?;
    let is_right = !name.trim().is_empty() && !name.contains('/') && !name.chars().any(char::is_control);
    is_right.then(|| name.to_owned())
}

fn special_use(role: &str) -> Option<SpecialUse> {
    Some(match role {
        "archive" => SpecialUse::Archive,
        "drafts" => SpecialUse::Drafts,
        "junk" => SpecialUse::Junk,
        "sent" => SpecialUse::Sent,
        "trash" => SpecialUse::Trash,
        _ => return None,
    })
}

fn full_name(tree: &Tree, parent: Option<MailboxId>, level: &str) -> Result<MailboxName, SetError> {
    let above = parent.and_then(|parent| tree.find(parent));
    let full = match above {
        Some(above) => format!("{}/{level}", above.mailbox.name.as_str()),
        None => level.to_owned(),
    };
    MailboxName::new(&full).map_err(|_| SetError::property("name"))
}

async fn create(object: Map<String, Value>, context: &Context<'_>) -> Result<Value, SetError> {
    let tree = tree(context).await?;
    let wanted = Wanted::parse(object, &tree, context)?;
    let level = wanted.name.ok_or_else(|| SetError::property("name"))?;
    let name = full_name(&tree, wanted.parent.flatten(), &level)?;
    let special_use = wanted.role.flatten();
    check_role(&tree, special_use, None)?;
    let (store, access) = (&context.server.store, context.access);
    let made = store.create_mailbox(access, &name, special_use).await;
    let (made, _) = made.map_err(|error| taken(error, &tree, &name))?;
    finish(context, &made, (wanted.sort_order, Some(wanted.is_subscribed.unwrap_or(false)))).await?;
    Ok(json!({
        "id": id::of_mailbox(made.id),
        "sortOrder": wanted.sort_order.unwrap_or(0),
        "totalEmails": 0,
        "unreadEmails": 0,
        "totalThreads": 0,
        "unreadThreads": 0,
        "isSubscribed": wanted.is_subscribed.unwrap_or(false),
        "myRights": super::rights(false),
    }))
}

/// RFC 8621 §2.5: siblings have different names, and a role is that of one mailbox.
fn taken(error: store::Error, tree: &Tree, name: &MailboxName) -> SetError {
    match error {
        store::Error::Exists(_) => {
            let other = tree.all().find(|place| place.mailbox.name == *name);
            SetError::exists(other.map(|place| id::of_mailbox(place.mailbox.id)))
        }
        store::Error::Invalid { .. } => SetError::property("parentId"),
        other => SetError::from(other),
    }
}

fn check_role(tree: &Tree, wanted: Option<SpecialUse>, own: Option<MailboxId>) -> Result<(), SetError> {
    let is_taken = wanted.is_some()
        && tree.all().any(|place| place.mailbox.special_use == wanted && Some(place.mailbox.id) != own);
    if is_taken { Err(SetError::property("role")) } else { Ok(()) }
}

async fn finish(
    context: &Context<'_>,
    mailbox: &Mailbox,
    (sort_order, is_subscribed): (Option<u32>, Option<bool>),
) -> Result<(), SetError> {
    let (store, access) = (&context.server.store, context.access);
    if let Some(order) = sort_order {
        let _ = store.set_sort_order(access, mailbox.id, order).await?;
    }
    if let Some(wanted) = is_subscribed.filter(|wanted| *wanted != mailbox.subscribed) {
        let _ = store.set_subscribed(access, &mailbox.name, wanted).await?;
    }
    Ok(())
}

async fn update(key: &str, patch: Map<String, Value>, context: &Context<'_>) -> Result<Value, SetError> {
    let resolved = context.resolved(key);
    let id = id::mailbox(resolved.as_deref().unwrap_or(key)).ok_or_else(SetError::not_found)?;
    let tree = tree(context).await?;
    let place = tree.find(id).ok_or_else(SetError::not_found)?;
    let wanted = Wanted::parse(patch, &tree, context)?;
    let (store, access) = (&context.server.store, context.access);
    let is_inbox = role(&place.mailbox) == Some("inbox");
    let mut mailbox = place.mailbox.clone();
    if wanted.role.is_some_and(|wanted| wanted != mailbox.special_use) {
        check_role(&tree, wanted.role.flatten(), Some(id))?;
        if is_inbox {
            return Err(SetError::property("role"));
        }
        let _ = store.set_special_use(access, id, wanted.role.flatten()).await?;
    }
    let parent = wanted.parent.unwrap_or(place.parent);
    let level = wanted.name.as_deref().unwrap_or_else(|| super::shown_name(place));
    let is_moved = parent != place.parent || level != super::shown_name(place);
    if is_moved && is_inbox {
        return Err(SetError::new("forbidden", "the inbox keeps its name and place"));
    }
    if is_moved {
        if parent.is_some_and(|parent| tree.path(parent).iter().any(|above| above.mailbox.id == id)) {
            return Err(SetError::property("parentId"));
        }
        let name = full_name(&tree, parent, level)?;
        let renamed = store.rename_mailbox(access, &mailbox.name, &name).await;
        let _ = renamed.map_err(|error| taken(error, &tree, &name))?;
        mailbox.name = name;
    }
    finish(context, &mailbox, (wanted.sort_order, wanted.is_subscribed)).await?;
    Ok(Value::Null)
}

/// Those below go before those above.
async fn destroy(
    texts: Vec<String>,
    removes_emails: bool,
    context: &Context<'_>,
    outcomes: &mut Outcomes,
) -> Result<(), MethodError> {
    let all = Tree::new(context.server.store.mailboxes(context.access).await?);
    let mut order: Vec<(usize, String, Option<MailboxId>)> = Vec::new();
    for text in texts {
        let resolved = context.resolved(&text).unwrap_or(text);
        let found = id::mailbox(&resolved).filter(|id| all.find(*id).is_some());
        order.push((found.map_or(0, |id| all.path(id).len()), resolved, found));
    }
    order.sort_by_key(|(depth, ..)| std::cmp::Reverse(*depth));
    for (_, text, found) in order {
        let outcome = match found {
            Some(id) => destroy_one(id, removes_emails, context).await,
            None => Err(SetError::not_found()),
        };
        outcomes.destroy(text, outcome);
    }
    Ok(())
}

async fn destroy_one(id: MailboxId, removes_emails: bool, context: &Context<'_>) -> Result<(), SetError> {
    let tree = tree(context).await?;
    let place = tree.find(id).ok_or_else(SetError::not_found)?;
    if tree.all().any(|other| other.parent == Some(id)) {
        return Err(SetError::new("mailboxHasChild", "there are mailboxes below it"));
    }
    let counts = context.server.store.mailbox_counts(context.access, id).await?;
    if counts.emails > 0 && !removes_emails {
        return Err(SetError::new("mailboxHasEmail", "there are emails in it"));
    }
    let (store, access) = (&context.server.store, context.access);
    let _ = store.delete_mailbox(access, id).await?;
    if place.mailbox.subscribed {
        let _ = store.set_subscribed(access, &place.mailbox.name, false).await?;
    }
    Ok(())
}
