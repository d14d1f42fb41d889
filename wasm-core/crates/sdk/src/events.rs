//! Events of a block.

use bedrock_abi::lists::EventList;
use bedrock_abi::{Fault, Host, MAX_BLOCK_EVENTS};

/// Collects the events of a block and hands them over at its end.
pub struct Events {
    list: EventList,
}

impl Events {
    pub(crate) fn with_capacity(transactions: usize) -> Self {
        Events { list: EventList::with_capacity(transactions * 160) }
    }

    /// Events that the block may still emit.
    pub fn left(&self) -> usize {
        MAX_BLOCK_EVENTS.saturating_sub(self.list.len())
    }

    pub(crate) fn emitted(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn push(&mut self, transaction: u32, kind: &str, attributes: &[(&str, &[u8])]) {
        self.list.event(transaction, kind, attributes);
    }

    pub(crate) fn mark(&self) -> (usize, u32) {
        self.list.mark()
    }

    pub(crate) fn rewind(&mut self, mark: (usize, u32)) {
        self.list.rewind(mark);
    }

    pub(crate) fn emit(mut self, host: &mut dyn Host) -> Result<(), Fault> {
        if self.list.is_empty() {
            return Ok(());
        }
        if !self.list.is_full(0) {
            return host.emit_event(self.list.finish());
        }
        for chunk in self.list.chunks() {
            host.emit_event(&chunk)?;
        }
        Ok(())
    }
}
