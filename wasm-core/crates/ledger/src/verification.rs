//! Judging transactions without state: encoding, chain, keys and signatures.
//! rule: verify-before-vote

use crate::codes;
use crate::governance;
use crate::machine::refusal;
use crate::operation::{Governance, Join, Operation, Rotate};
use crate::transaction::Transaction;
use bedrock_crypto::address;
use bedrock_crypto::bls;
use bedrock_crypto::ed25519::{verify_batch, Key, PublicKey, Signed};
use bedrock_sdk::Verdict;

/// Least gas limit of what brings a BLS key, whatever the schedule says: hosts give up a
/// block whose limits exceed its gas before all of it is verified, so this bounds the
/// pairings that a proposer can ask of the others.
pub const POSSESSION_GAS: u64 = 1_000_000;

/// A signature over something other than the body.
struct Consent<'a> {
    place: usize,
    key: &'a [u8; 32],
    signature: &'a [u8; 64],
    message: Vec<u8>,
}

/// Keys that come with a transaction: its place, an identity, a consensus key and
/// its proof of possession.
struct NewKeys<'a> {
    place: usize,
    identity: &'a [u8; 32],
    consensus_key: &'a [u8],
    possession: &'a [u8],
    gas_limit: u64,
}

/// What is verified of a batch, beside the bodies' own signatures.
#[derive(Default)]
struct Extras<'a> {
    consents: Vec<Consent<'a>>,
    new_keys: Vec<NewKeys<'a>>,
}

/// One verdict a transaction; all signatures are verified in batches, under
/// ZIP-215, with the verdicts of single verification.
pub(crate) fn verify(genesis_hash: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(transactions.len());
    let mut signed = Vec::with_capacity(transactions.len());
    let mut places = Vec::with_capacity(transactions.len());
    let mut extras = Extras::default();
    let mut lanes = Lanes::default();
    for (place, bytes) in transactions.iter().enumerate() {
        match decode(genesis_hash, bytes) {
            Err(verdict) => verdicts.push(verdict),
            Ok(transaction) => {
                let message = transaction.signed;
                let payer = (transaction.body.payer, transaction.signature);
                for (key, signature) in std::iter::once(payer).chain(transaction.cosigners.iter()) {
                    places.push((place, codes::BAD_SIGNATURE));
                    signed.push(Signed { key: Key::Encoded(key), signature, message });
                }
                extras.of(place, &transaction);
                lanes.of(place, &transaction);
                let gas_limit = transaction.body.gas_limit;
                verdicts.push(Verdict { code: codes::OK, gas_limit, ..Default::default() });
            }
        }
    }
    lanes.fill(&mut verdicts);
    for consent in &extras.consents {
        places.push((consent.place, codes::BAD_CONSENT));
        let (signature, message) = (consent.signature, &consent.message[..]);
        signed.push(Signed { key: Key::Encoded(consent.key), signature, message });
    }
    for ((place, code), good) in places.into_iter().zip(verify_batch(&signed)) {
        if !good && verdicts[place].code == codes::OK {
            let log = match code {
                codes::BAD_CONSENT => {
                    "the identity's signature is not over this chain, validator, keys and last height"
                }
                _ => "a signature is not that of its key on this body",
            };
            verdicts[place] = refused(code, log.into());
        }
    }
    for keys in extras.new_keys {
        // Pairings are dear: not for what is refused already.
        if verdicts[keys.place].code == codes::OK {
            if let Err((code, log)) = keys.check() {
                verdicts[keys.place] = refused(code, log.into());
            }
        }
    }
    verdicts
}

/// Lanes of accounts, whose addresses are hashed together, and of what pays no fee.
#[derive(Default)]
struct Lanes<'a> {
    payers: Vec<(usize, &'a [u8; 32], u64)>,
    free: Vec<(usize, [u8; 32])>,
}

impl<'a> Lanes<'a> {
    fn of(&mut self, place: usize, transaction: &Transaction<'a>) {
        match governance::free_lane(transaction) {
            Some(lane) => self.free.push((place, lane)),
            None => self.payers.push((place, transaction.body.payer, transaction.body.nonce)),
        }
    }

    fn fill(self, verdicts: &mut [Verdict]) {
        for (place, lane) in self.free {
            verdicts[place].sender = Some(lane);
        }
        let addresses = address::of_public_keys(self.payers.iter().map(|(_, payer, _)| *payer));
        for ((place, _, nonce), address) in self.payers.into_iter().zip(addresses) {
            (verdicts[place].sender, verdicts[place].nonce) = (Some(address), nonce);
        }
    }
}

impl<'a> Extras<'a> {
    fn of(&mut self, place: usize, transaction: &Transaction<'a>) {
        let body = &transaction.body;
        match body.operation {
            Operation::Governance(Governance::Join(join)) => {
                let Join { identity, consensus_key, possession, consent: signature, .. } = join;
                let message = Join::signed(body.genesis_hash, body.payer, consensus_key);
                self.consents.push(Consent { place, key: identity, signature, message });
                let gas_limit = body.gas_limit;
                self.new_keys.push(NewKeys { place, identity, consensus_key, possession, gas_limit });
            }
            Operation::Governance(Governance::Rotate(rotate)) => {
                let Rotate { identity, consensus_key, possession, consent: signature, .. } = rotate;
                let message = Rotate::signed(
                    body.genesis_hash,
                    rotate.validator,
                    rotate.expected,
                    consensus_key,
                    body.valid_until,
                );
                self.consents.push(Consent { place, key: identity, signature, message });
                let gas_limit = body.gas_limit;
                self.new_keys.push(NewKeys { place, identity, consensus_key, possession, gas_limit });
            }
            _ => {}
        }
    }
}

impl NewKeys<'_> {
    /// No set may hold what is no key: the host would fail the block that asks for
    /// such an epoch. rule: epoch-set-valid
    fn check(&self) -> Result<(), (u32, &'static str)> {
        if self.identity[..] == *self.consensus_key {
            return Err((codes::BAD_KEY, "the network identity and the consensus key are one key"));
        }
        if let Ok(key) = <&[u8; 32]>::try_from(self.consensus_key) {
            let decoded = PublicKey::decode(key);
            return decoded
                .map(|_| ())
                .ok_or((codes::BAD_KEY, "the consensus key is no point of edwards25519"));
        }
        if self.gas_limit < POSSESSION_GAS {
            return Err((
                codes::GAS_LIMIT_TOO_LOW,
                "a BLS key takes a gas limit of at least 1000000: verifying its proof is dear",
            ));
        }
        let key = self.consensus_key.try_into().ok().and_then(bls::PublicKey::decode);
        let key = key.ok_or((codes::BAD_KEY, "the consensus key is no point of G2, or its identity"))?;
        match self.possession.try_into() {
            Ok(proof) if key.verify_possession(proof) => Ok(()),
            _ => Err((codes::BAD_POSSESSION, "the proof of possession does not verify")),
        }
    }
}

fn decode<'a>(genesis_hash: &[u8], bytes: &'a [u8]) -> Result<Transaction<'a>, Verdict> {
    let transaction = Transaction::decode(bytes).map_err(|error| {
        let refusal = refusal(error);
        refused(refusal.code, refusal.log)
    })?;
    if transaction.body.genesis_hash != genesis_hash {
        return Err(refused(codes::WRONG_CHAIN, "it is signed for a chain of another genesis".into()));
    }
    Ok(transaction)
}

fn refused(code: u32, log: String) -> Verdict {
    Verdict { code, log, ..Default::default() }
}
