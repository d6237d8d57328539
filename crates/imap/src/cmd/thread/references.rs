//! REFERENCES (RFC 5256 §3): messages hang below what they refer to; threads of one base subject are joined.
//!
//! The steps have the RFC's numbers. Depth costs no stack: threads may be as deep as the mailbox is large.

use std::collections::HashMap;

use super::Message;
use crate::wire::thread::Threads;

/// Collects messages in the order of the mailbox.
pub(super) struct References {
    by_id: HashMap<u64, usize>,
    nodes: Vec<Node>,
    nodes_max: usize,
    /// Whether more nodes would have been needed.
    is_over: bool,
}

/// A message, or one that others refer to and that is not here.
#[derive(Default)]
struct Node {
    message: Option<Message>,
    parent: Option<usize>,
    children: Vec<usize>,
}

impl References {
    /// For so many messages.
    pub(super) fn new(messages: usize) -> Self {
        let nodes_max = messages.saturating_mul(NODES_OF_MESSAGE).saturating_add(NODES_MORE);
        Self { by_id: HashMap::new(), nodes: Vec::new(), nodes_max, is_over: false }
    }

    // Step 1.
    /// Takes a message with its own identifier and those that it refers to, the oldest first.
    pub(super) fn add(&mut self, message: Message, own: Option<u64>, cited: &[u64]) {
        // What could be made of the rest would not be told any more.
        self.is_over |= self.nodes.len() + cited.len() + 1 > self.nodes_max;
        if self.is_over {
            return;
        }
        // 1.A: what is cited hangs together, unless it is known to hang elsewhere.
        let mut parent = None;
        let mut hops = THREAD_DEPTH_MAX;
        for id in cited {
            let node = self.node_of(*id);
            if let Some(parent) = parent
                && self.parent(node).is_none()
                && !self.makes_loop(node, parent, &mut hops)
            {
                self.set_parent(node, Some(parent));
            }
            parent = Some(node);
        }
        // 1.B: the message hangs below what it cites last, whatever others have said of it.
        let node = self.node_for(message, own);
        self.set_parent(node, None);
        let mut hops = THREAD_DEPTH_MAX;
        if let Some(parent) = parent.filter(|parent| !self.makes_loop(node, *parent, &mut hops)) {
            self.set_parent(node, Some(parent));
        }
    }

    /// The threads of what was taken; `None` if the messages refer to so many others that there would be too many nodes.
    pub(super) fn threads(mut self) -> Option<Threads> {
        if self.is_over {
            return None;
        }
        let mut roots = self.link();
        roots = self.prune(roots);
        self.sort_below_missing(&roots);
        self.sort(&mut roots);
        roots = self.join_by_subject(roots);
        // Step 6.
        for node in 0..self.nodes.len() {
            let mut children = self.take_children(node);
            self.sort(&mut children);
            self.put_children(node, children);
        }
        self.sort(&mut roots);
        Some(Threads {
            numbers: self.nodes.iter().map(|node| node.message.map(|message| message.number)).collect(),
            children: self.nodes.into_iter().map(|node| node.children).collect(),
            roots,
        })
    }

    /// Step 2: what has no parent is at a root.
    fn link(&mut self) -> Vec<usize> {
        let mut roots = Vec::new();
        for node in 0..self.nodes.len() {
            match self.parent(node) {
                Some(parent) => self.push_child(parent, node),
                None => roots.push(node),
            }
        }
        roots
    }

    /// Step 3: messages that are not here go, and what hangs below them moves up; but at a root only if it is one.
    fn prune(&mut self, roots: Vec<usize>) -> Vec<usize> {
        // Parents before children; turned round, what is below a node is pruned before it.
        let mut order = roots.clone();
        let mut at = 0;
        while let Some(children) = order.get(at).and_then(|node| self.nodes.get(*node)).map(|n| &n.children) {
            order.extend(children);
            at += 1;
        }
        for node in order.into_iter().rev() {
            let mut kept = Vec::new();
            for child in self.take_children(node) {
                if !self.is_missing(child) {
                    kept.push(child);
                    continue;
                }
                // Siblings are sorted later. The shorter list moves, else a long one would move at each step of a chain.
                let mut below = self.take_children(child);
                if below.len() > kept.len() {
                    std::mem::swap(&mut kept, &mut below);
                }
                kept.append(&mut below);
            }
            self.put_children(node, kept);
        }
        let promoted = roots.into_iter().flat_map(|root| match self.children(root) {
            [] if self.is_missing(root) => None,
            [only] if self.is_missing(root) => Some(*only),
            _ => Some(root),
        });
        promoted.collect()
    }

    /// Step 4, its second half: a root that is not here counts as its first child.
    fn sort_below_missing(&mut self, roots: &[usize]) {
        for root in roots.iter().filter(|root| self.is_missing(**root)).copied().collect::<Vec<_>>() {
            let mut children = self.take_children(root);
            self.sort(&mut children);
            self.put_children(root, children);
        }
    }

    /// Step 5: threads of one base subject are joined.
    fn join_by_subject(&mut self, roots: Vec<usize>) -> Vec<usize> {
        let mut table: HashMap<u64, usize> = HashMap::new();
        // 5.B
        for &root in &roots {
            let Some(subject) = self.shown(root).and_then(|message| message.subject) else { continue };
            let first = *table.entry(subject).or_insert(root);
            let is_better = (self.is_missing(root) && !self.is_missing(first))
                || (self.is_reply(first) && !self.is_reply(root));
            if is_better {
                table.insert(subject, root);
            }
        }
        // 5.C
        let mut kept = Vec::new();
        let mut moved = vec![false; self.nodes.len()];
        for root in roots {
            let subject = self.shown(root).and_then(|message| message.subject);
            let other = subject.and_then(|subject| table.get(&subject).copied());
            let (Some(subject), Some(other)) = (subject, other.filter(|other| *other != root)) else {
                kept.push(root);
                continue;
            };
            // It has been put below a new root already.
            if moved.get(root) == Some(&true) {
                continue;
            }
            if let Some(gone) = moved.get_mut(root) {
                *gone = true;
            }
            if self.is_missing(other) && self.is_missing(root) {
                let children = self.take_children(root);
                children.into_iter().for_each(|child| self.push_child(other, child));
            } else if self.is_missing(other) || (self.is_reply(root) && !self.is_reply(other)) {
                self.push_child(other, root);
            } else {
                let joint = self.nodes.len();
                self.nodes.push(Node { children: vec![other, root], ..Node::default() });
                moved.push(false);
                if let Some(gone) = moved.get_mut(other) {
                    *gone = true;
                }
                table.insert(subject, joint);
                kept.push(joint);
            }
        }
        kept.retain(|root| moved.get(*root) != Some(&true));
        kept
    }

    /// Siblings by sent date; equal ones by their numbers.
    fn sort(&self, siblings: &mut [usize]) {
        siblings.sort_by_key(|node| self.shown(*node).map(|message| (message.sent_at, message.number)));
    }

    /// A node's message; of one that is not here its first child's.
    fn shown(&self, node: usize) -> Option<Message> {
        let message = |node: usize| self.nodes.get(node).and_then(|node| node.message);
        message(node).or_else(|| self.children(node).first().and_then(|first| message(*first)))
    }

    fn is_missing(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|node| node.message.is_none())
    }

    fn is_reply(&self, node: usize) -> bool {
        self.nodes.get(node).and_then(|node| node.message).is_some_and(|message| message.is_reply)
    }

    fn node_of(&mut self, id: u64) -> usize {
        let new = self.nodes.len();
        let node = *self.by_id.entry(id).or_insert(new);
        if node == new {
            self.nodes.push(Node::default());
        }
        node
    }

    /// Step 1: an identifier that is missing, or that another message has, makes the message one of its own.
    fn node_for(&mut self, message: Message, own: Option<u64>) -> usize {
        let known = own.map(|id| self.node_of(id)).filter(|node| self.is_missing(*node));
        let node = known.unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        if let Some(node) = self.nodes.get_mut(node) {
            node.message = Some(message);
        }
        node
    }

    /// Whether `node` would be its own ancestor. So is it taken for where that is more hops away than are left.
    fn makes_loop(&self, node: usize, parent: usize, hops: &mut usize) -> bool {
        let mut above = Some(parent);
        while let Some(found) = above {
            if found == node || *hops == 0 {
                return true;
            }
            *hops -= 1;
            above = self.parent(found);
        }
        false
    }

    fn parent(&self, node: usize) -> Option<usize> {
        self.nodes.get(node)?.parent
    }

    fn set_parent(&mut self, node: usize, parent: Option<usize>) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.parent = parent;
        }
    }

    fn children(&self, node: usize) -> &[usize] {
        self.nodes.get(node).map(|node| node.children.as_slice()).unwrap_or_default()
    }

    fn take_children(&mut self, node: usize) -> Vec<usize> {
        self.nodes.get_mut(node).map(|node| std::mem::take(&mut node.children)).unwrap_or_default()
    }

    fn put_children(&mut self, node: usize, children: Vec<usize>) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.children = children;
        }
    }

    fn push_child(&mut self, node: usize, child: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.children.push(child);
        }
    }
}

/// Ancestors that are looked at before a message is hung below another, and again before all that it cites is: a message
/// that is deeper begins a thread of its own. Bounds what a sender of made-up references can cost.
const THREAD_DEPTH_MAX: usize = 1_000;

/// Nodes for each message, and beside them: what most mailboxes need, several times. With more, THREAD is refused.
const NODES_OF_MESSAGE: usize = 4;
const NODES_MORE: usize = 1_000_000;

#[cfg(test)]
mod tests;
