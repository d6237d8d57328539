//! How many test pushes an account may ask for in a minute. In memory, forgotten by a restart; an account counts while it has asked
//! within the last minute.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use store::AccountId;

/// When the last test pushes of each account were asked for.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<AccountId, VecDeque<Instant>>>);

impl Pace {
    /// Counts one more.
    ///
    /// # Errors
    /// How long to wait, if the account has had [`PER_MINUTE`]; then nothing has been counted.
    pub(super) fn admit(&self, account: AccountId, now: Instant) -> Result<(), Duration> {
        let mut recent = self.0.lock();
        recent.retain(|_, asked| {
            asked.retain(|at| now.saturating_duration_since(*at) < MINUTE);
            !asked.is_empty()
        });
        let asked = recent.entry(account).or_default();
        match asked.front() {
            Some(first) if asked.len() >= PER_MINUTE => {
                Err(MINUTE.saturating_sub(now.saturating_duration_since(*first)))
            }
            _ => {
                asked.push_back(now);
                Ok(())
            }
        }
    }
}

/// Each of them wakes a device.
pub(super) const PER_MINUTE: usize = 6;
const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_so_many_in_a_minute_whatever_others_do() {
        let (pace, start) = (Pace::default(), Instant::now());
        let at = |account, seconds| pace.admit(AccountId(account), start + Duration::from_secs(seconds));
        for number in 0..PER_MINUTE {
            assert_eq!(at(1, number as u64), Ok(()), "{number}");
        }
        assert_eq!(at(1, 20), Err(Duration::from_secs(40)));
        assert_eq!(at(2, 20), Ok(()));
        assert_eq!(at(1, 60), Ok(()), "the first is a minute ago, and what was refused does not count");
        assert_eq!(at(1, 60), Err(Duration::from_secs(1)));
        assert_eq!(at(3, 200), Ok(()));
        assert_eq!(pace.0.lock().len(), 1, "those who asked long ago are forgotten");
    }
}
