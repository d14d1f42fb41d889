//! A stopwatch for measurements on a machine that others use as well.

use std::time::{Duration, Instant};

/// Measures the time that this thread was on a core, where the system says so
/// (Linux: `/proc/thread-self/schedstat`), and else the time that passed.
pub struct Stopwatch {
    began: Instant,
    on_core: Option<u64>,
}

fn on_core() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().filter(|nanos| *nanos > 0)
}

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Stopwatch { began: Instant::now(), on_core: on_core() }
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        match (self.on_core, on_core()) {
            (Some(before), Some(now)) => Duration::from_nanos(now.saturating_sub(before)),
            _ => self.began.elapsed(),
        }
    }
}
