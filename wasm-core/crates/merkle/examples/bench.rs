//! Time of an update: `cargo run --release --example bench [keys] [changes]`.
//!
//! Grows a tree to the number of keys, then replaces values of random keys, batch by batch, from pages in
//! memory; and a batch that inserts and deletes as many. One line a phase, microseconds a change.

// Means are for people to read; nothing here runs in the core.
#![allow(clippy::float_arithmetic)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bedrock_merkle::{key_hash, update, Base, Change, PageBatch, PageId, PageReader, Update};

/// Pages in memory; reading copies them into one buffer, as the host's answer is.
#[derive(Default)]
struct Memory {
    pages: BTreeMap<PageId, Vec<u8>>,
    reading: Duration,
    read: usize,
}

impl PageReader for Memory {
    type Error = std::convert::Infallible;

    fn read(&mut self, pages: &[PageId]) -> Result<PageBatch, Self::Error> {
        let start = Instant::now();
        let mut batch = PageBatch::default();
        for id in pages {
            batch.push(self.pages.get(id).map(Vec::as_slice));
        }
        self.reading += start.elapsed();
        self.read += pages.len();
        Ok(batch)
    }
}

struct Bench {
    memory: Memory,
    base: Option<Base>,
    seed: u64,
}

/// What a phase took in all.
#[derive(Default)]
struct Cost {
    changes: usize,
    total: Duration,
    written: usize,
    bytes: usize,
}

impl Bench {
    fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    fn value(&mut self) -> Option<[u8; 32]> {
        let word = self.random().to_le_bytes();
        Some(std::array::from_fn(|i| word[i % 8]))
    }

    fn apply(&mut self, changes: BTreeMap<[u8; 32], Option<[u8; 32]>>, cost: &mut Cost) {
        let changes: Vec<Change> = changes.into_iter().map(|(key, value)| Change { key, value }).collect();
        let version = self.base.map_or(0, |base| base.version + 1);
        let start = Instant::now();
        let made = update(&mut self.memory, self.base, version, &changes).expect("the pages are there");
        cost.total += start.elapsed();
        cost.changes += changes.len();
        self.store(&made, version, cost);
    }

    fn store(&mut self, made: &Update, version: u64, cost: &mut Cost) {
        for (path, page) in made.pages() {
            cost.written += 1;
            cost.bytes += page.len();
            self.memory.pages.insert(PageId { version, path: *path }, page.to_vec());
        }
        for id in &made.stale {
            self.memory.pages.remove(id);
        }
        self.base = Some(Base { version, root: made.root });
    }

    fn report(&mut self, phase: &str, cost: &Cost) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / cost.changes as f64;
        let per = |count: usize| count as f64 / cost.changes as f64;
        println!(
            "{phase:<28} {:>9} {:>9.2} {:>9.2} {:>8.2} {:>8.2} {:>8.0}",
            cost.changes,
            micros(cost.total - self.memory.reading),
            micros(self.memory.reading),
            per(self.memory.read),
            per(cost.written),
            per(cost.bytes),
        );
        (self.memory.reading, self.memory.read) = (Duration::ZERO, 0);
    }
}

fn key(i: u64) -> [u8; 32] {
    key_hash(&i.to_le_bytes())
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let keys = arguments.next().unwrap_or(1_000_000);
    let size = arguments.next().unwrap_or(10_000);
    let mut bench = Bench { memory: Memory::default(), base: None, seed: 0x9e37_79b9_7f4a_7c15 };
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8}",
        "phase", "changes", "us", "us read", "read", "written", "bytes"
    );

    let mut cost = Cost::default();
    for start in (0..keys).step_by(50_000) {
        let batch = (start..keys.min(start + 50_000)).map(|i| (key(i), bench.value())).collect();
        bench.apply(batch, &mut cost);
    }
    bench.report("insert all, by 50,000", &cost);

    let mut cost = Cost::default();
    for _ in 0..20 {
        let batch = (0..size).map(|_| (key(bench.random() % keys), bench.value())).collect();
        bench.apply(batch, &mut cost);
    }
    bench.report("update", &cost);

    let mut cost = Cost::default();
    for round in 0..10 {
        let added = keys + round * size..keys + (round + 1) * size;
        let mut batch: BTreeMap<_, _> = added.map(|i| (key(i), bench.value())).collect();
        batch.extend((0..size).map(|_| (key(bench.random() % keys), None)));
        bench.apply(batch, &mut cost);
    }
    bench.report("insert and delete", &cost);
}
