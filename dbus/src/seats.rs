//! Places of which one user may take only so many, and all users together only so many more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The places.
#[derive(Debug)]
pub struct Seats {
    of_a_user: usize,
    total: usize,
    taken: Mutex<HashMap<u32, usize>>,
}

/// One place; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    uid: u32,
}

impl Seats {
    /// `of_a_user` for one user, `total` for all.
    #[must_use]
    pub fn new(of_a_user: usize, total: usize) -> Arc<Self> {
        Arc::new(Self { of_a_user, total, taken: Mutex::default() })
    }

    /// A seat for `uid`.
    ///
    /// # Errors
    /// The bound that is reached: the user's or that of all.
    pub fn take(self: &Arc<Self>, uid: u32) -> Result<Seat, usize> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = taken.get(&uid).copied().unwrap_or_default();
        if of_user >= self.of_a_user {
            return Err(self.of_a_user);
        }
        if taken.values().sum::<usize>() >= self.total {
            return Err(self.total);
        }
        taken.insert(uid, of_user + 1);
        Ok(Seat { seats: self.clone(), uid })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = taken.get_mut(&self.uid) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_cannot_take_all_and_all_cannot_take_more_than_there_are() {
        let seats = Seats::new(2, 3);
        let taken = [seats.take(1000).unwrap(), seats.take(1000).unwrap()];
        assert_eq!(seats.take(1000).unwrap_err(), 2);
        let last = seats.take(1001).unwrap();
        assert_eq!(seats.take(1002).unwrap_err(), 3);
        drop((taken, last));
        assert!(seats.take(1000).is_ok());
        assert!(seats.taken.lock().unwrap().is_empty());
    }
}
