//! Aggregates and their members (draft-thomson-webpush-aggregate-00 §3).

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, Row};

use super::messages::unsigned;
use super::{Unit, is_out_of_date, maker_of, read_subscription, unusable};
use crate::aggregate::{Aggregate, Member, MemberChange, MembersChanged, Membership, Setting, Terms};
use crate::clock::Instant;
use crate::id::{AggregateId, SubscriptionId};
use crate::receipt::Maker;
use crate::storage::sqlite::Step;

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn create_aggregate(
        &mut self,
        maker: Maker,
        now: Instant,
    ) -> rusqlite::Result<Option<AggregateId>> {
        let made = self.made_by(maker, "SELECT count(*) FROM aggregate WHERE maker = ?1")?;
        if made >= self.retention.sender_aggregates_max {
            return Ok(None);
        }
        let id = AggregateId::random().map_err(unusable)?;
        self.connection
            .prepare_cached(
                "INSERT INTO aggregate (id, maker, bound, members, used) VALUES (?1, ?2, ?3, 0, ?4)",
            )?
            .execute((
                id.bytes(),
                maker.sender().bytes(),
                i64::from(matches!(maker, Maker::Key(_))),
                now.micros(),
            ))?;
        Ok(Some(id))
    }

    pub(in crate::storage::sqlite) fn aggregate(
        &mut self,
        id: AggregateId,
        now: Instant,
    ) -> rusqlite::Result<Option<Aggregate>> {
        let found: Option<(Maker, i64, i64)> = self
            .connection
            .prepare_cached("SELECT maker, bound, members, used FROM aggregate WHERE id = ?1")?
            .query_row([id.bytes()], |row| Ok((maker_of(row)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let Some((maker, members, used)) = found else { return Ok(None) };
        if is_out_of_date(used, now) {
            self.connection
                .prepare_cached("UPDATE aggregate SET used = ?2 WHERE id = ?1")?
                .execute((id.bytes(), now.micros()))?;
        }
        Ok(Some(Aggregate { id, maker, members: unsigned(members) }))
    }

    pub(in crate::storage::sqlite) fn change_members(
        &mut self,
        id: AggregateId,
        changes: &[MemberChange],
    ) -> rusqlite::Result<MembersChanged> {
        let members: Option<i64> = self
            .connection
            .prepare_cached("SELECT members FROM aggregate WHERE id = ?1")?
            .query_row([id.bytes()], |row| row.get(0))
            .optional()?;
        let Some(members) = members.map(unsigned) else { return Ok(MembersChanged::Gone) };
        // Before anything is changed: what is refused changes nothing.
        let (added, removed) = self.difference(id, changes)?;
        let after = members.saturating_add(added).saturating_sub(removed);
        if added > 0 && after > self.retention.aggregate_members_max {
            return Ok(MembersChanged::TooMany);
        }
        for change in changes {
            match change {
                MemberChange::Put(member, terms) => self.put_member(id, *member, *terms)?,
                MemberChange::Remove(member) => self.remove_member(id, *member)?,
            }
        }
        self.connection
            .prepare_cached("UPDATE aggregate SET members = ?2 WHERE id = ?1")?
            .execute((id.bytes(), after.cast_signed()))?;
        Ok(MembersChanged::Done(after))
    }

    pub(in crate::storage::sqlite) fn members(
        &mut self,
        id: AggregateId,
        after: Option<SubscriptionId>,
        limit: usize,
    ) -> rusqlite::Result<Vec<Member>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // The empty blob stands before every id.
        let after = after.as_ref().map_or(&[][..], |after| after.bytes());
        self.connection
            .prepare_cached(
                "SELECT subscription.id, agent, channel, restricted_to, member.subscription, expires, ttl
                 FROM aggregate_member AS member
                 LEFT JOIN subscription ON subscription.id = member.subscription
                 WHERE aggregate = ?1 AND member.subscription > ?2 ORDER BY member.subscription LIMIT ?3",
            )?
            .query_map((id.bytes(), after, limit), read_member)?
            .collect()
    }

    /// Removes some of the members, and the aggregate once it has none.
    pub(in crate::storage::sqlite) fn remove_aggregate(&mut self, id: AggregateId) -> rusqlite::Result<Step> {
        let removed = self
            .connection
            .prepare_cached(
                "DELETE FROM aggregate_member WHERE aggregate = ?1 AND subscription IN
                 (SELECT subscription FROM aggregate_member WHERE aggregate = ?1 LIMIT ?2)",
            )?
            .execute((id.bytes(), MEMBERS_AT_ONCE))?;
        if i64::try_from(removed).unwrap_or(i64::MAX) >= MEMBERS_AT_ONCE {
            return Ok(Step::More);
        }
        let gone =
            self.connection.prepare_cached("DELETE FROM aggregate WHERE id = ?1")?.execute([id.bytes()])?;
        Ok(if gone > 0 { Step::Done } else { Step::Nothing })
    }

    /// How many of the changes add a member, and how many remove one. Each member is named once at most.
    fn difference(&self, id: AggregateId, changes: &[MemberChange]) -> rusqlite::Result<(u64, u64)> {
        let mut present = self
            .connection
            .prepare_cached("SELECT 1 FROM aggregate_member WHERE aggregate = ?1 AND subscription = ?2")?;
        let (mut added, mut removed) = (0, 0);
        for change in changes {
            match change {
                MemberChange::Put(member, _) => {
                    added += u64::from(!present.exists((id.bytes(), member.bytes()))?);
                }
                MemberChange::Remove(member) => {
                    removed += u64::from(present.exists((id.bytes(), member.bytes()))?);
                }
            }
        }
        Ok((added, removed))
    }

    fn put_member(&self, id: AggregateId, member: SubscriptionId, terms: Terms) -> rusqlite::Result<()> {
        let [keeps_expires, keeps_ttl] =
            [terms.expires == Setting::Unchanged, terms.ttl_max == Setting::Unchanged];
        self.connection
            .prepare_cached(
                "INSERT INTO aggregate_member (aggregate, subscription, expires, ttl) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (aggregate, subscription)
                 DO UPDATE SET expires = iif(?5, expires, ?3), ttl = iif(?6, ttl, ?4)",
            )?
            .execute((
                id.bytes(),
                member.bytes(),
                terms.expires.value().map(Instant::micros),
                terms.ttl_max.value().map(|ttl| i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
                keeps_expires,
                keeps_ttl,
            ))?;
        Ok(())
    }

    fn remove_member(&self, id: AggregateId, member: SubscriptionId) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM aggregate_member WHERE aggregate = ?1 AND subscription = ?2")?
            .execute((id.bytes(), member.bytes()))?;
        Ok(())
    }
}

fn read_member(row: &Row<'_>) -> rusqlite::Result<Member> {
    let found: Option<[u8; 16]> = row.get(0)?;
    let subscription = found.map(|_| read_subscription(row)).transpose()?;
    let expires: Option<i64> = row.get(5)?;
    let ttl: Option<i64> = row.get(6)?;
    Ok(Member {
        id: SubscriptionId::from_bytes(row.get(4)?),
        subscription: subscription.map(Arc::new),
        membership: Membership {
            expires: expires.map(Instant::from_micros),
            ttl_max: ttl.map(|seconds| Duration::from_secs(unsigned(seconds))),
        },
    })
}

const MEMBERS_AT_ONCE: i64 = 500;
