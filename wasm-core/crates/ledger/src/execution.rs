//! Executing one transaction: admission, fee, effects, in this order.

use crate::admission;
use crate::amount;
use crate::codes;
use crate::effects;
use crate::epochs;
use crate::gas;
use crate::governance::{self, Failure};
use crate::machine::{Block, Decoded, Prepared};
use crate::values::Account;
use bedrock_sdk::{Ending, Refusal, Step, Store, TxResult};

/// Executes one transaction of a block.
pub(crate) fn apply(block: &mut Block, prepared: &Prepared<'_>, step: &mut Step<'_>) -> TxResult {
    let executed = match &prepared.decoded {
        Ok(decoded) if decoded.transaction.body.is_fee_free() => run_free(block, decoded, step),
        Ok(decoded) => payer_of(block, decoded, step).map(|account| run(block, decoded, account, step)),
        Err(refusal) => Err(refusal.clone()),
    };
    match executed {
        Ok(result) => result,
        // Nothing is charged, but the block has had the work.
        Err(refusal) => {
            let decoded = prepared.decoded.as_ref().ok().map(|decoded| &decoded.transaction);
            let gas = gas::skipped(decoded, prepared.bytes, &block.params);
            TxResult { gas_used: gas.min(step.gas_left), result: Err(refusal) }
        }
    }
}

/// Whether it is within the limits, and the block has room for it.
fn room(block: &Block, decoded: &Decoded<'_>, step: &Step<'_>) -> Result<(), Refusal> {
    admission::limits(block, decoded, step.context)?;
    let body = &decoded.transaction.body;
    let footprint = gas::Footprint::of(&decoded.transaction, decoded.bytes, &block.params);
    if body.gas_limit > step.gas_left || footprint.events > step.events_left() as u64 {
        return Err(Refusal::new(codes::BLOCK_FULL, "the block has not enough gas or events left"));
    }
    Ok(())
}

/// The payer's account, if the transaction may execute at all.
fn payer_of(block: &mut Block, decoded: &Decoded<'_>, step: &Step<'_>) -> Result<Account, Refusal> {
    room(block, decoded, step)?;
    let body = &decoded.transaction.body;
    let spent = gas::skipped(Some(&decoded.transaction), decoded.bytes, &block.params);
    if body.gas_limit < spent {
        let log = format!("its gas limit is {}, reading it and its rows alone takes {spent}", body.gas_limit);
        return Err(Refusal::new(codes::GAS_LIMIT_TOO_LOW, log));
    }
    let account = account(block, step.store, decoded.payer_key);
    if body.nonce != account.nonce {
        let log = format!("its nonce is {}, the account's next is {}", body.nonce, account.nonce);
        return Err(Refusal::new(codes::BAD_NONCE, log));
    }
    let fee = admission::max_fee(decoded);
    if account.balance < fee {
        let [balance, fee] = [account.balance, fee].map(amount::text);
        let log = format!("the balance is {balance}, the fee may be {fee}");
        return Err(Refusal::new(codes::INSUFFICIENT_FUNDS, log));
    }
    Ok(account)
}

/// A fee-free transaction does what it says or is skipped: nobody is charged.
fn run_free(block: &mut Block, decoded: &Decoded<'_>, step: &mut Step<'_>) -> Result<TxResult, Refusal> {
    room(block, decoded, step)?;
    let gas_used = admission::enough_gas(block, decoded)?;
    step.attempt(|step| governance::apply(block, decoded, step))?;
    Ok(TxResult { gas_used, result: Ok(()) })
}

/// Fee first, then effects.
fn run(block: &mut Block, decoded: &Decoded<'_>, mut account: Account, step: &mut Step<'_>) -> TxResult {
    let body = &decoded.transaction.body;
    let needed = gas::needed(&decoded.transaction, decoded.bytes, &block.params);
    let gas_used = needed.min(body.gas_limit);
    let fee = amount::product(gas_used, body.gas_price);
    // The balance covers gas limit times price, and no nonce lives that long.
    account.balance = amount::saturating_sub(account.balance, fee);
    account.nonce = account.nonce.saturating_add(1);
    step.store.set(decoded.payer_key, &account.encode());
    let burned = amount::share(fee, block.params.burned_share);
    block.supply.burned = amount::saturating_add(block.supply.burned, burned);
    block.proposer_fees = amount::saturating_add(block.proposer_fees, amount::saturating_sub(fee, burned));
    if needed > body.gas_limit {
        let log = format!("its gas limit is {}, it needs {needed}", body.gas_limit);
        return TxResult { gas_used, result: Err(Refusal::new(codes::OUT_OF_GAS, log)) };
    }
    let supply = block.supply;
    let result = step.attempt(|step| effects::apply(block, decoded, account, step));
    if result.is_err() {
        block.supply = supply;
    }
    TxResult { gas_used, result }
}

/// An account of the state; one that this machine cannot have written breaks
/// the block.
pub(crate) fn account(block: &mut Block, store: &Store, key: bedrock_sdk::KeyRef) -> Account {
    Account::decode(store.get(key)).unwrap_or_else(|| {
        block.broken = Some("the row of an account");
        Account::default()
    })
}

/// Credits the proposer and writes the supply.
pub(crate) fn finish(mut block: Block, store: &mut Store) -> Result<Ending, String> {
    if block.proposer_fees > 0 {
        let key = block.proposer;
        let mut proposer = account(&mut block, store, key);
        proposer.balance = amount::checked_add(proposer.balance, block.proposer_fees)
            .ok_or("the proposer's balance overflows")?;
        store.set(key, &proposer.encode());
    }
    if let Some(broken) = block.broken {
        return Err(format!("state that this module cannot have written: {broken}"));
    }
    let row = block.supply.encode();
    if store.get(block.supply_key) != Some(&row[..]) {
        store.set(block.supply_key, &row);
    }
    match epochs::finish(&mut block, store) {
        Ok(epoch_change) => Ok(Ending { epoch_change, ..Ending::default() }),
        Err(Failure::Refused(refusal)) => Err(refusal.log),
        Err(Failure::Broken(what)) => Err(format!("state that this module cannot have written: {what}")),
    }
}
