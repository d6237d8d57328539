//! What a server costs: processor time and memory of a process with all its descendants, read from `/proc`.
//!
//! Not here: memory that the kernel holds for sockets, which belongs to no process.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// A process and its descendants.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    root: u32,
}

struct Stat {
    parent: u32,
    /// Own time and that of children that have ended, in clock ticks.
    ticks: u64,
}

impl Tree {
    /// The tree below (and with) this process.
    #[must_use]
    pub fn of(root: u32) -> Self {
        Self { root }
    }

    /// Processor time that the tree has used, its ended children included. Resolution: one clock tick, 10 ms.
    ///
    /// # Errors
    /// If `/proc` can't be read.
    pub fn cpu(self) -> Result<Duration> {
        let ticks: u64 = self.members()?.iter().map(|(_, stat)| stat.ticks).sum();
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_micros(ticks.saturating_mul(1_000_000) / per_second))
    }

    /// Proportional set size of the tree in bytes: memory shared between its processes counts once.
    ///
    /// # Errors
    /// If `/proc` can't be read.
    pub fn memory(self) -> Result<u64> {
        let mut bytes = 0_u64;
        for (pid, _) in self.members()? {
            // A process that has just ended has no memory.
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            let kib = rollup
                .lines()
                .find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse::<u64>().ok())
                .unwrap_or(0);
            bytes = bytes.saturating_add(kib.saturating_mul(1024));
        }
        Ok(bytes)
    }

    fn members(self) -> Result<Vec<(u32, Stat)>> {
        let mut all: HashMap<u32, Stat> = HashMap::new();
        for entry in fs::read_dir("/proc").context("reading /proc")? {
            let name = entry?.file_name();
            if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
                && let Some(stat) = Stat::read(pid)
            {
                all.insert(pid, stat);
            }
        }
        let below = |pid: &u32| {
            std::iter::successors(Some(*pid), |pid| all.get(pid).map(|stat| stat.parent))
                .take(DEPTH_MAX)
                .any(|ancestor| ancestor == self.root)
        };
        let members: Vec<u32> = all.keys().copied().filter(below).collect();
        Ok(members.into_iter().filter_map(|pid| all.remove(&pid).map(|stat| (pid, stat))).collect())
    }
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc(5): the name, in parentheses, may hold spaces and parentheses; fields are counted after it.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
        let ticks = (14..=17).map(field).sum::<Option<u64>>()?;
        Some(Self { parent: u32::try_from(field(4)?).ok()?, ticks })
    }
}

/// How far up a process's ancestors are followed.
const DEPTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn this_process_uses_memory_and_time() {
        let tree = Tree::of(std::process::id());
        let started = std::time::Instant::now();
        while tree.cpu().unwrap().is_zero() && started.elapsed().as_secs() < 30 {
            std::hint::black_box((0..1_000_000_u64).sum::<u64>());
        }
        assert!(!tree.cpu().unwrap().is_zero());
        assert!(tree.memory().unwrap() > 100_000);
    }

    #[test]
    fn a_child_counts_as_part_of_the_tree() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let members = Tree::of(std::process::id()).members().unwrap();
        let found = members.iter().any(|(pid, _)| *pid == child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }
}
