//! State keys that operations on validators may touch.

use crate::keys;
use crate::operation::{Governance, Join, Rotate};
use crate::validator::name_of;
use bedrock_sdk::{KeyRef, Keys};

/// Rows that every such operation may need, and the end of an epoch: declared
/// once a block, and only where there is one of these.
pub(crate) struct Frame {
    /// The list of names.
    pub(crate) names: KeyRef,
    /// The validators that the list named before the block, in order.
    pub(crate) validators: Vec<KeyRef>,
    /// Which epochs are kept.
    pub(crate) epochs: KeyRef,
    /// The epoch that would follow.
    pub(crate) next: KeyRef,
    /// Parameters.
    pub(crate) params: KeyRef,
    /// The authority.
    pub(crate) authority: KeyRef,
    /// What is scheduled.
    pub(crate) upgrade: KeyRef,
}

impl Frame {
    pub(crate) fn declare(names: &[[u8; 32]], epoch: u64, keys: &mut Keys) -> Self {
        Frame {
            names: keys.declare(&[keys::VALIDATOR]),
            validators: names.iter().map(|name| keys.declare(&keys::validator(name))).collect(),
            epochs: keys.declare(&[keys::EPOCH]),
            next: keys.declare(&keys::epoch(epoch.saturating_add(1))),
            params: keys.declare(&[keys::PARAMS]),
            authority: keys.declare(&[keys::AUTHORITY]),
            upgrade: keys.declare(&[keys::UPGRADE]),
        }
    }
}

/// Rows that one operation touches beside them.
#[derive(Default)]
pub(crate) struct OperationRows {
    /// The validator that it names.
    pub(crate) validator: Option<KeyRef>,
    /// Its readiness for a module.
    pub(crate) module_ready: Option<KeyRef>,
    /// Holder of the new identity, of the new consensus key, owner of the fees.
    pub(crate) new_keys: Option<[KeyRef; 3]>,
    /// `weigh`: those that it names.
    pub(crate) listed: Vec<KeyRef>,
}

impl OperationRows {
    pub(crate) fn declare(of: &Governance<'_>, keys: &mut Keys) -> Self {
        let mut rows = OperationRows::default();
        if let Some(name) = of.validator() {
            rows.validator = Some(keys.declare(&keys::validator(name)));
            rows.module_ready = Some(keys.declare(&keys::module_ready(name)));
        }
        match of {
            Governance::Join(Join { identity, consensus_key, .. }) => {
                rows.validator = Some(keys.declare(&keys::validator(&name_of(identity))));
                rows.new_keys = Some(new_keys(identity, consensus_key, keys));
            }
            Governance::Rotate(Rotate { identity, consensus_key, .. }) => {
                rows.new_keys = Some(new_keys(identity, consensus_key, keys));
            }
            Governance::Weigh { weights, .. } => {
                let listed = weights.iter().map(|(name, _)| keys.declare(&keys::validator(name)));
                rows.listed = listed.collect();
            }
            _ => {}
        }
        rows
    }
}

fn new_keys(identity: &[u8; 32], consensus_key: &[u8], keys: &mut Keys) -> [KeyRef; 3] {
    [
        keys.declare(&keys::key_holder(identity)),
        keys.declare(&keys::key_holder(consensus_key)),
        keys.declare(&keys::fee_owner(identity)),
    ]
}
