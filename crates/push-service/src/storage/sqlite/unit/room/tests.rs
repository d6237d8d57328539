use std::iter::repeat_n;

use rusqlite::types::Null;
use rusqlite::{Connection, params_from_iter};

use super::*;
use crate::storage::sqlite::schema;

/// A full queue is met by every push to it, so what is looked for there must not be found by reading all of it.
#[test]
fn the_oldest_of_an_urgency_is_found_by_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let connection = Connection::open(dir.path().join("push.sqlite")).unwrap();
    schema::prepare(&connection).unwrap();
    for statement in [OLDEST_OF_AGENT, OLDEST_OF_SUBSCRIPTION] {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let bound = params_from_iter(repeat_n(Null, explain.parameter_count()));
        let plan: Vec<String> =
            explain.query_map(bound, |row| row.get("detail")).unwrap().map(Result::unwrap).collect();
        assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
        assert!(plan[0].contains("message_agent_urgency (agent=? AND urgency=?"), "{plan:?}");
    }
}
