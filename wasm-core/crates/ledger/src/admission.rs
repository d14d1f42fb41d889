//! Which transactions are let in: the rules that `check` and `execute` share,
//! and what `check` says.

use crate::amount;
use crate::codes;
use crate::gas;
use crate::governance::{self, Failure};
use crate::machine::{Block, Decoded, Prepared};
use crate::params::Params;
use crate::transaction::Operation;
use crate::values::Account;
use bedrock_sdk::{CheckVerdict, Context, Refusal, Store};

/// What can be said of a transaction without its sender's account.
pub(crate) fn limits(block: &Block, decoded: &Decoded<'_>, context: &Context) -> Result<(), Refusal> {
    let (params, body) = (&block.params, &decoded.transaction.body);
    if body.genesis_hash != &block.genesis_hash[..] {
        return Err(Refusal::new(codes::WRONG_CHAIN, "it is signed for a chain of another genesis"));
    }
    if body.valid_until != 0 && body.valid_until < context.height {
        let log =
            format!("it was valid until height {}, the block's is {}", body.valid_until, context.height);
        return Err(Refusal::new(codes::EXPIRED, log));
    }
    if body.gas_price < params.min_gas_price && !body.is_fee_free() {
        let log = format!("its gas price is {}, the least is {}", body.gas_price, params.min_gas_price);
        return Err(Refusal::new(codes::GAS_PRICE_TOO_LOW, log));
    }
    if body.gas_limit > params.max_tx_gas {
        let log = format!("its gas limit is {}, the most is {}", body.gas_limit, params.max_tx_gas);
        return Err(Refusal::new(codes::GAS_LIMIT_TOO_HIGH, log));
    }
    size(params, decoded)
}

fn size(params: &Params, decoded: &Decoded<'_>) -> Result<(), Refusal> {
    if decoded.bytes as u64 > params.max_tx_bytes {
        let log = format!("it has {} bytes, the most is {}", decoded.bytes, params.max_tx_bytes);
        return Err(Refusal::new(codes::TOO_LARGE, log));
    }
    if let Operation::BatchTransfer(recipients) = decoded.transaction.body.operation {
        let most = params.max_recipients.min(params.max_tx_events);
        if recipients.len() as u64 > most {
            let log = format!("it has {} recipients, the most is {most}", recipients.len());
            return Err(Refusal::new(codes::TOO_LARGE, log));
        }
    } else if gas::Footprint::of(&decoded.transaction, decoded.bytes, params).events > params.max_tx_events {
        return Err(Refusal::new(
            codes::TOO_LARGE,
            format!("it has more than {} events", params.max_tx_events),
        ));
    }
    Ok(())
}

/// Whether a record is within the limits on records.
pub(crate) fn record_size(params: &Params, key: &[u8], data: &[u8]) -> Result<(), Refusal> {
    if key.len() as u64 > params.max_record_key_bytes || data.len() as u64 > params.max_record_bytes {
        let log = format!(
            "key and data have {} and {} bytes, the most are {} and {}",
            key.len(),
            data.len(),
            params.max_record_key_bytes,
            params.max_record_bytes
        );
        return Err(Refusal::new(codes::RECORD_TOO_LARGE, log));
    }
    Ok(())
}

/// The most that the payer can be charged for gas: it fits 128 bits.
pub(crate) fn max_fee(decoded: &Decoded<'_>) -> u128 {
    amount::product(decoded.transaction.body.gas_limit, decoded.transaction.body.gas_price)
}

/// The most that the transaction can take from its payer.
fn max_cost(decoded: &Decoded<'_>, params: &Params) -> u128 {
    let effects = match decoded.transaction.body.operation {
        Operation::Transfer { amount, .. } => amount,
        Operation::BatchTransfer(recipients) => {
            recipients.iter().fold(0u128, |sum, (_, amount)| amount::saturating_add(sum, amount))
        }
        Operation::RecordPut { key, data } => gas::deposit(key, data, params),
        Operation::RecordDelete { .. } | Operation::Governance(_) => 0,
    };
    amount::saturating_add(max_fee(decoded), effects)
}

/// The verdict of `check`.
pub(crate) fn admit(
    block: &Block,
    prepared: &Prepared<'_>,
    queued_cost: u128,
    context: &Context,
    store: &Store,
) -> CheckVerdict {
    let decoded = match &prepared.decoded {
        Ok(decoded) => decoded,
        Err(refusal) => {
            return CheckVerdict { code: refusal.code, log: refusal.log.clone(), ..Default::default() }
        }
    };
    if decoded.transaction.body.is_fee_free() {
        return admit_free(block, decoded, context, store);
    }
    let body = &decoded.transaction.body;
    let account = Account::decode(store.get(decoded.payer_key)).unwrap_or_default();
    let cost = max_cost(decoded, &block.params);
    let mut verdict = CheckVerdict {
        code: codes::OK,
        sender: decoded.payer.to_vec(),
        nonce: body.nonce,
        account_nonce: account.nonce,
        gas_limit: body.gas_limit,
        gas_price: body.gas_price,
        max_cost: cost.to_le_bytes().to_vec(),
        valid_until: body.valid_until,
        log: String::new(),
    };
    let refused =
        limits(block, decoded, context).and_then(|()| affordable(block, decoded, account, cost, queued_cost));
    if let Err(refusal) = refused {
        verdict.code = refusal.code;
        verdict.log = refusal.log;
    }
    verdict
}

/// The gas that it needs, if its limit covers that.
pub(crate) fn enough_gas(block: &Block, decoded: &Decoded<'_>) -> Result<u64, Refusal> {
    let limit = decoded.transaction.body.gas_limit;
    let needed = gas::needed(&decoded.transaction, decoded.bytes, &block.params);
    if limit < needed {
        let log = format!("its gas limit is {limit}, it needs {needed}");
        return Err(Refusal::new(codes::GAS_LIMIT_TOO_LOW, log));
    }
    Ok(needed)
}

/// The verdict on a fee-free transaction: in only if it would do something now. It
/// stands alone in its lane, and blocks take it first.
fn admit_free(block: &Block, decoded: &Decoded<'_>, context: &Context, store: &Store) -> CheckVerdict {
    let body = &decoded.transaction.body;
    let (sender, nonce) = match governance::free_lane(&decoded.transaction) {
        Some(lane) => (lane, 0),
        None => (decoded.payer, decoded.transaction.body.nonce),
    };
    let mut verdict = CheckVerdict {
        code: codes::OK,
        sender: sender.to_vec(),
        nonce,
        account_nonce: 0,
        gas_limit: body.gas_limit,
        gas_price: u64::MAX,
        max_cost: 0u128.to_le_bytes().to_vec(),
        valid_until: body.valid_until,
        log: String::new(),
    };
    let judged = limits(block, decoded, context).and_then(|()| enough_gas(block, decoded).map(|_| ()));
    let refusal = match judged.map(|()| governance::decide(block, decoded, store)) {
        Ok(Ok(_)) => return verdict,
        Ok(Err(Failure::Refused(refusal))) | Err(refusal) => refusal,
        Ok(Err(Failure::Broken(what))) => Refusal::new(codes::MALFORMED, what),
    };
    verdict.code = refusal.code;
    verdict.log = refusal.log;
    verdict
}

fn affordable(
    block: &Block,
    decoded: &Decoded<'_>,
    account: Account,
    cost: u128,
    queued_cost: u128,
) -> Result<(), Refusal> {
    let body = &decoded.transaction.body;
    if let Operation::RecordPut { key, data } = body.operation {
        record_size(&block.params, key, data)?;
    }
    enough_gas(block, decoded)?;
    if body.nonce < account.nonce {
        let log = format!("its nonce is {}, the account's next is {}", body.nonce, account.nonce);
        return Err(Refusal::new(codes::BAD_NONCE, log));
    }
    if account.balance < amount::saturating_add(queued_cost, cost) {
        let [balance, cost, queued] = [account.balance, cost, queued_cost].map(amount::text);
        let log =
            format!("the balance is {balance}, it may take {cost} and what is queued before it {queued}");
        return Err(Refusal::new(codes::INSUFFICIENT_FUNDS, log));
    }
    Ok(())
}
