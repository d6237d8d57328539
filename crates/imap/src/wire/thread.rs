//! THREAD: how what a client looks for hangs together (RFC 5256 §3 and §4).

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::encode::number;
use crate::wire::search::SearchProgram;
use crate::wire::set::Numbering;
use crate::wire::sort::search_criteria;

/// THREAD and UID THREAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// What the answer's numbers are.
    pub numbering: Numbering,
    /// How threads are made.
    pub algorithm: ThreadAlgorithm,
    /// What to look for, unless the charset is unknown.
    pub program: SearchProgram,
}

/// How threads are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// By base subject.
    OrderedSubject,
    /// By what messages refer to, then by base subject.
    References,
}

// thread = "THREAD" SP thread-alg SP search-criteria
/// The arguments of THREAD.
pub fn thread(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Thread> {
    let start = cursor.clone();
    let algorithm = match cursor.keyword("a threading algorithm")?.as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        _ => return Err(start.invalid("there is no such threading algorithm")),
    };
    cursor.sp()?;
    Ok(Thread { numbering, algorithm, program: search_criteria(cursor)? })
}

/// Threads, as trees over places in these lists. A place without a number is a message that is not here, and stands at
/// a root only, with children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threads {
    /// The number of the message at each place.
    pub numbers: Vec<Option<u32>>,
    /// The places of what hangs below each place, in order.
    pub children: Vec<Vec<usize>>,
    /// The places at which threads begin, in order.
    pub roots: Vec<usize>,
}

enum Step {
    Thread(usize),
    Close,
}

impl Threads {
    // thread-data = "THREAD" [SP 1*thread-list]
    // thread-list = "(" (thread-members / thread-nested) ")"
    // thread-members = nz-number *(SP nz-number) [SP thread-nested]
    // thread-nested = 2*thread-list
    /// Writes it without `* ` and line end. Threads may be deeper than any stack, so none is used.
    pub fn encode(&self, out: &mut BytesMut) {
        out.extend_from_slice(b"THREAD");
        if !self.roots.is_empty() {
            out.extend_from_slice(b" ");
        }
        let mut steps: Vec<Step> = self.roots.iter().rev().map(|root| Step::Thread(*root)).collect();
        while let Some(step) = steps.pop() {
            let Step::Thread(root) = step else {
                out.extend_from_slice(b")");
                continue;
            };
            out.extend_from_slice(b"(");
            steps.push(Step::Close);
            let branches = self.members(root, out);
            steps.extend(branches.iter().rev().map(|branch| Step::Thread(*branch)));
        }
    }

    /// Writes a message and those below it as long as there is one at a time; what is below the last of them.
    fn members(&self, root: usize, out: &mut BytesMut) -> &[usize] {
        let mut place = root;
        let mut space: &[u8] = b"";
        loop {
            if let Some(Some(value)) = self.numbers.get(place) {
                out.extend_from_slice(space);
                number(out, u64::from(*value));
                space = b" ";
            }
            match self.children.get(place).map(Vec::as_slice).unwrap_or_default() {
                [only] => place = *only,
                [] => return &[],
                branches => {
                    out.extend_from_slice(space);
                    return branches;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
