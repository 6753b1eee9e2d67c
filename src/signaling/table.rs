//! A hash table that gives memory back.
//!
//! The standard table keeps what it once needed: after an hour with a million rooms it holds room
//! for a million for ever. This one shrinks when it has become much smaller than it was.
//!
//! Its hashes are keyed at random (the standard library's default), so nobody can choose names
//! that collide.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A table below this size is not worth shrinking.
const SMALL: usize = 64;

/// By what factor a table has shrunk before it is moved to a smaller place. The move costs one
/// step for each entry left, so it is paid for by the removals before it.
const SHRINK_AT: usize = 4;

/// A table from keys to values.
#[derive(Debug)]
pub struct Table<K, V> {
    map: HashMap<K, V>,
    /// The most entries since the table was last moved. Counted here, because the capacity that
    /// the standard table reports also depends on where its removed entries stood.
    peak: usize,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { map: HashMap::new(), peak: 0 }
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// The value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.map.get(key)
    }

    /// The value of a key, to change.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.map.get_mut(key)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        self.map.insert(key, value);
        self.peak = self.peak.max(self.map.len());
    }

    /// Takes a key and its value out.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let removed = self.map.remove(key)?;
        let length = self.map.len();
        if self.peak > SMALL && length < self.peak / SHRINK_AT {
            self.peak = length.saturating_mul(2);
            self.map.shrink_to(self.peak);
        }
        Some(removed)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// For how many entries there is room.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_follows_the_number_of_entries_down() {
        let mut table = Table::default();
        for key in 0..100_000 {
            table.insert(key, key);
        }
        assert!(table.capacity() >= 100_000);
        for key in 0..99_990 {
            assert_eq!(table.remove(&key), Some(key));
            let (length, capacity) = (table.len(), table.capacity());
            assert!(capacity <= (16 * length).max(16 * SMALL), "{capacity} for {length}");
        }
        for key in 99_990..100_000 {
            assert_eq!(table.get(&key), Some(&key));
        }
    }

    /// Whoever knows the keys of the hashes can choose names that all fall into one place, and then
    /// each of them is compared with all. With keys of its own, each table has an order of its own.
    #[test]
    fn each_table_has_hashes_of_its_own() {
        let order = || {
            let mut table = Table::default();
            for name in 0..1000 {
                table.insert(format!("k{name}"), ());
            }
            table.map.into_keys().collect::<Vec<_>>()
        };
        let (one, other) = (order(), order());
        assert_eq!(one.len(), 1000);
        assert!(one != other, "whoever has seen one table knows the other");
    }

    #[test]
    fn coming_and_going_does_not_let_it_grow() {
        let mut table = Table::default();
        for key in 0..100_000 {
            table.insert(key, ());
            assert_eq!(table.remove(&key), Some(()));
        }
        assert!(table.capacity() <= 2 * SMALL, "{}", table.capacity());
    }
}
