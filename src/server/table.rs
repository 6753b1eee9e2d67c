//! A table whose keys never name two tenants.
//!
//! The kernel reports events by key, in batches. A connection may end while an event for it is
//! still in the batch, and another may move into its slot. A key therefore carries the slot's
//! generation: an old key finds nothing.

/// Names an entry of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) slot: u32,
    /// At most 31 bits, so that the top bit of a packed key is free for other uses.
    pub(super) generation: u32,
}

impl Key {
    const GENERATIONS: u32 = 0x7fff_ffff;

    /// The key as one number, for the kernel to hand back. Its top bit is clear.
    pub(super) fn pack(self) -> usize {
        // mio's tokens are pointer-sized; the crate asks for 64-bit targets, see `server/mod.rs`.
        ((self.generation as usize) << 32) | self.slot as usize
    }

    pub(super) fn unpack(number: usize) -> Self {
        Self { slot: number as u32, generation: (number >> 32) as u32 & Self::GENERATIONS }
    }
}

/// How many slots are allocated at a time.
const PAGE: usize = 128;

/// The entries are in pages that never move: growing copies nothing, and leaves no holes behind in
/// the allocator, which one array of a thousand connections, then of two thousand, would.
pub(super) struct Table<T> {
    pages: Vec<Vec<Slot<T>>>,
    free: Vec<u32>,
    length: usize,
}

struct Slot<T> {
    generation: u32,
    tenant: Option<T>,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self { pages: Vec::new(), free: Vec::new(), length: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn insert(&mut self, tenant: T) -> Key {
        self.length += 1;
        if let Some(slot) = self.free.pop()
            && let Some(entry) = self.slot_mut(slot)
        {
            entry.tenant = Some(tenant);
            return Key { slot, generation: entry.generation };
        }
        let full = self.pages.last().is_none_or(|page| page.len() == PAGE);
        if full {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        let mut slot = 0;
        if let Some(page) = self.pages.last_mut() {
            slot = (before + page.len()) as u32;
            page.push(Slot { generation: 0, tenant: Some(tenant) });
        }
        Key { slot, generation: 0 }
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        let slot = slot as usize;
        self.pages.get_mut(slot / PAGE)?.get_mut(slot % PAGE)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.slot_mut(key.slot)?;
        entry.tenant.as_mut().filter(|_| entry.generation == key.generation)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.slot_mut(key.slot)?;
        if entry.generation != key.generation {
            return None;
        }
        let tenant = entry.tenant.take()?;
        entry.generation = (entry.generation + 1) & Key::GENERATIONS;
        self.length -= 1;
        self.free.push(key.slot);
        Some(tenant)
    }

    /// The keys of all entries.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.iter().map(|(key, _)| key).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.pages.iter().flatten().enumerate().filter_map(|(slot, entry)| {
            let tenant = entry.tenant.as_ref()?;
            Some((Key { slot: slot as u32, generation: entry.generation }, tenant))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tenant_of_a_slot_is_not_reached_by_an_old_key() {
        let mut table = Table::new();
        let first = table.insert("first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second");
        assert_eq!(first.slot, second.slot);
        assert_eq!(table.get_mut(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get_mut(second), Some(&mut "second"));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn entries_of_all_pages_are_found_and_their_slots_used_again() {
        let mut table = Table::new();
        let keys: Vec<_> = (0..3 * PAGE + 1).map(|number| table.insert(number)).collect();
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(table.get_mut(*key), Some(&mut { number }));
        }
        assert_eq!(table.keys(), keys);
        for key in &keys {
            table.remove(*key);
        }
        assert!(table.keys().is_empty());
        let again: Vec<_> = keys.iter().map(|_| table.insert(0)).collect();
        assert!(again.iter().all(|key| (key.slot as usize) < keys.len() && key.generation == 1));
    }

    #[test]
    fn a_key_survives_packing_with_its_top_bit_clear() {
        for slot in [0, 1, u32::MAX] {
            for generation in [0, 1, Key::GENERATIONS] {
                let key = Key { slot, generation };
                assert_eq!(Key::unpack(key.pack()), key);
                assert_eq!(key.pack() >> 63, 0);
            }
        }
    }
}
