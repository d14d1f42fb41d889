//! Judging transactions without state: encoding, chain and signatures.
//! rule: verify-before-vote

use crate::codes;
use crate::machine::refusal;
use crate::transaction::Transaction;
use bedrock_crypto::address;
use bedrock_crypto::ed25519::{verify_batch, Key, Signed};
use bedrock_sdk::Verdict;

/// One verdict a transaction; all signatures are verified in batches, under
/// ZIP-215, with the verdicts of single verification.
pub(crate) fn verify(genesis_hash: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(transactions.len());
    let mut signed = Vec::with_capacity(transactions.len());
    let mut places = Vec::with_capacity(transactions.len());
    for (place, bytes) in transactions.iter().enumerate() {
        match decode(genesis_hash, bytes) {
            Err(verdict) => verdicts.push(verdict),
            Ok(transaction) => {
                places.push(place);
                signed.push(Signed {
                    key: Key::Encoded(transaction.body.payer),
                    signature: transaction.signature,
                    message: transaction.signed,
                });
                verdicts.push(Verdict {
                    code: codes::OK,
                    gas_limit: transaction.body.gas_limit,
                    sender: Some(address::of_public_key(transaction.body.payer)),
                    nonce: transaction.body.nonce,
                    log: String::new(),
                });
            }
        }
    }
    for (place, good) in places.into_iter().zip(verify_batch(&signed)) {
        if !good {
            let log = "the signature is not that of the payer's key on this body";
            verdicts[place] = refused(codes::BAD_SIGNATURE, log.into());
        }
    }
    verdicts
}

fn decode<'a>(genesis_hash: &[u8], bytes: &'a [u8]) -> Result<Transaction<'a>, Verdict> {
    let transaction = Transaction::decode(bytes).map_err(|error| {
        let refusal = refusal(error);
        refused(refusal.code, refusal.log)
    })?;
    if let crate::transaction::Operation::Governance(of) = transaction.body.operation {
        let refusal = refusal(crate::transaction::DecodeError::UnknownOperation(of.number()));
        return Err(refused(refusal.code, refusal.log));
    }
    if transaction.body.genesis_hash != genesis_hash {
        return Err(refused(codes::WRONG_CHAIN, "it is signed for a chain of another genesis".into()));
    }
    Ok(transaction)
}

fn refused(code: u32, log: String) -> Verdict {
    Verdict { code, log, ..Default::default() }
}
