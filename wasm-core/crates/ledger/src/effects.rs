//! What each operation does once its fee is paid. Writes and events of a
//! refused one are dropped by the caller.

use crate::admission;
use crate::amount;
use crate::codes;
use crate::execution::account;
use crate::gas;
use crate::governance;
use crate::machine::{Block, Decoded, TxRows};
use crate::transaction::Operation;
use crate::values::{Account, RecordHead};
use bedrock_sdk::{KeyRef, Refusal, Step};

/// Applies the operation for its payer, whose account is `payer`.
pub(crate) fn apply(
    block: &mut Block,
    decoded: &Decoded<'_>,
    payer: Account,
    step: &mut Step<'_>,
) -> Result<(), Refusal> {
    match (decoded.transaction.body.operation, &decoded.rows) {
        (Operation::Transfer { to, amount }, TxRows::Recipient(key)) => {
            withdraw(decoded, payer, amount, step)?;
            credit(block, decoded, to, *key, amount, step)
        }
        (Operation::BatchTransfer(recipients), TxRows::Recipients(keys)) => {
            let total =
                recipients.iter().try_fold(0u128, |sum, (_, amount)| amount::checked_add(sum, amount));
            withdraw(decoded, payer, total.unwrap_or(u128::MAX), step)?;
            recipients
                .iter()
                .zip(keys)
                .try_for_each(|((to, amount), key)| credit(block, decoded, to, *key, amount, step))
        }
        (Operation::RecordPut { key, data }, TxRows::Record(row)) => {
            admission::record_size(&block.params, key, data)?;
            let deposit = gas::deposit(key, data, &block.params);
            exchange_deposit(block, decoded, payer, *row, deposit, step)?;
            let head = RecordHead { deposit, height: step.context.height };
            step.store.set(*row, &head.encode(data));
            step.emit("record_put", &[("owner", &decoded.payer), ("key", key)]);
            Ok(())
        }
        (Operation::RecordDelete { key }, TxRows::Record(row)) => {
            if step.store.get(*row).is_none() {
                return Err(Refusal::new(codes::NO_SUCH_RECORD, "the payer has no record of this key"));
            }
            exchange_deposit(block, decoded, payer, *row, 0, step)?;
            step.store.delete(*row);
            step.emit("record_delete", &[("owner", &decoded.payer), ("key", key)]);
            Ok(())
        }
        (Operation::Governance(_), TxRows::Governance(_)) => governance::apply(block, decoded, step),
        _ => {
            block.broken = Some("rows of another operation");
            Ok(())
        }
    }
}

/// Takes an amount from the payer.
fn withdraw(
    decoded: &Decoded<'_>,
    mut payer: Account,
    amount: u128,
    step: &mut Step<'_>,
) -> Result<(), Refusal> {
    let Some(balance) = amount::checked_sub(payer.balance, amount) else {
        let [balance, amount] = [payer.balance, amount].map(amount::text);
        let log = format!("the balance after the fee is {balance}, it takes {amount}");
        return Err(Refusal::new(codes::INSUFFICIENT_BALANCE, log));
    };
    payer.balance = balance;
    step.store.set(decoded.payer_key, &payer.encode());
    Ok(())
}

/// Gives an amount to a recipient, who may be the payer.
fn credit(
    block: &mut Block,
    decoded: &Decoded<'_>,
    to: &[u8; 32],
    key: KeyRef,
    amount: u128,
    step: &mut Step<'_>,
) -> Result<(), Refusal> {
    let mut recipient = account(block, step.store, key);
    // What is issued fits 127 bits, so no balance overflows.
    recipient.balance = amount::saturating_add(recipient.balance, amount);
    step.store.set(key, &recipient.encode());
    step.emit("transfer", &[("from", &decoded.payer), ("to", to), ("amount", &amount.to_le_bytes())]);
    Ok(())
}

/// Gives the deposit of what stands in the row back and takes a new one.
fn exchange_deposit(
    block: &mut Block,
    decoded: &Decoded<'_>,
    payer: Account,
    row: KeyRef,
    deposit: u128,
    step: &mut Step<'_>,
) -> Result<(), Refusal> {
    let held = match step.store.get(row).map(RecordHead::decode) {
        None => 0,
        Some(Some(head)) => head.deposit,
        Some(None) => {
            block.broken = Some("the row of a record");
            0
        }
    };
    let credited = Account { balance: amount::saturating_add(payer.balance, held), ..payer };
    withdraw(decoded, credited, deposit, step)?;
    block.supply.deposits =
        amount::saturating_add(amount::saturating_sub(block.supply.deposits, held), deposit);
    Ok(())
}
