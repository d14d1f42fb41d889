//! Named counters that anybody may raise: a second state machine on the sdk.
//!
//! A transaction is text, `add NAME N` or `move FROM TO N`; a further word makes it
//! another one, to be sent again. Nobody signs and nothing is paid: what a real machine
//! adds is in docs/state-machines.md. Guarded by `tests/machine.rs` and `test/counter`.

use bedrock_crypto::sha256;
use bedrock_sdk::{
    CheckVerdict, Context, Ending, Genesis, GenesisRequest, KeyRef, Keys, Refusal, StateMachine, Step, Store,
    TxResult, Verdict,
};

#[cfg(target_arch = "wasm32")]
bedrock_sdk::export!(Counter);

/// Not a transaction; codes of a machine's own begin where the ledger's end.
pub const MALFORMED: u32 = 1_000;
/// A counter would pass [`MOST`].
pub const TOO_HIGH: u32 = 1_001;
/// A counter holds less than what is moved from it.
pub const TOO_LOW: u32 = 1_002;
/// Not the path of a query.
pub const BAD_QUERY: u32 = 1_003;
/// Gas of every transaction, and with the block's limit what bounds their number.
pub const GAS: u64 = 20_000;
/// Where every counter ends.
pub const MOST: u64 = 1_000_000_000;

/// The state machine; its state is one row for each counter that is not 0.
pub struct Counter;

/// What a transaction does: takes `n` from one counter, if it names one, and adds it to another.
pub struct Change<K> {
    from: Option<K>,
    to: K,
    n: u64,
}

/// A counter's state key.
pub fn key(name: &str) -> Vec<u8> {
    [b"counter/", name.as_bytes()].concat()
}

fn parse(bytes: &[u8]) -> Result<Change<&str>, Refusal> {
    let usage = |why: &str| Refusal::new(MALFORMED, format!("{why}: write `add NAME N` or `move FROM TO N`"));
    let text = std::str::from_utf8(bytes).map_err(|_| usage("not a text"))?;
    let words: Vec<_> = text.split(' ').take(6).collect();
    let (from, to, n) = match words[..] {
        ["add", to, n] | ["add", to, n, _] => (None, to, n),
        ["move", from, to, n] | ["move", from, to, n, _] => (Some(from), to, n),
        _ => return Err(usage("not a change of counters")),
    };
    let letters = |name: &str| (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase());
    if !letters(to) || from.is_some_and(|from| !letters(from)) {
        return Err(usage("a name has 1 to 32 letters of a-z"));
    }
    let n = n.parse().ok().filter(|n| (1..=MOST).contains(n));
    Ok(Change { from, to, n: n.ok_or_else(|| usage("N is a number of 1 to 1000000000"))? })
}

fn value(store: &Store, key: KeyRef) -> u64 {
    store.get(key).and_then(|row| row.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn raise(store: &Store, change: &Change<KeyRef>) -> Result<u64, Refusal> {
    let had = value(store, change.to);
    let refused = || Refusal::new(TOO_HIGH, format!("the counter is {had}, it ends at {MOST}"));
    had.checked_add(change.n).filter(|n| *n <= MOST).ok_or_else(refused)
}

impl StateMachine for Counter {
    type Rows = ();
    type Block = ();
    type Transaction<'a> = (&'a [u8], Result<Change<KeyRef>, Refusal>);

    fn genesis(&self, request: &GenesisRequest, state: &mut Genesis) -> Result<(), String> {
        let usage = "app_state is {\"NAME\":N,...}: names of counters, and where each begins";
        let text = std::str::from_utf8(&request.app_state).map_err(|_| usage)?;
        let members = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or(usage)?;
        for member in members.split(',').filter(|member| !member.is_empty()) {
            let (name, n) = member.split_once(':').ok_or(usage)?;
            let add = format!("add {} {n}", name.trim_matches('"'));
            let change = parse(add.as_bytes()).map_err(|refusal| format!("{member}: {}", refusal.log))?;
            state.set(key(change.to), change.n.to_le_bytes().to_vec());
        }
        Ok(())
    }

    fn verify(&self, _: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
        let verdict = |bytes: &&[u8]| match parse(bytes) {
            // No nonces: each transaction is alone in a lane of its own.
            Ok(_) => Verdict { gas_limit: GAS, sender: Some(sha256::hash(bytes)), ..Default::default() },
            Err(Refusal { code, log }) => Verdict { code, log, ..Default::default() },
        };
        transactions.iter().map(verdict).collect()
    }

    fn begin(&self, _: &Context, _: &mut Keys) {}

    fn open(&self, _: &Context, _: (), _: &Store, _: &mut Keys) -> Result<(), String> {
        Ok(())
    }

    fn prepare<'a>(&self, _: &(), bytes: &'a [u8], keys: &mut Keys) -> Self::Transaction<'a> {
        let mut row = |name: &str| keys.declare(&key(name));
        (bytes, parse(bytes).map(|c| Change { from: c.from.map(&mut row), to: row(c.to), n: c.n }))
    }

    fn apply(&self, _: &mut (), (_, change): &Self::Transaction<'_>, step: &mut Step<'_>) -> TxResult {
        let gas_used = GAS.min(step.gas_left);
        let effects = |change: &Change<KeyRef>| {
            // Both counters change, or neither.
            step.attempt(|step| {
                if let Some(from) = change.from {
                    let had = value(step.store, from);
                    let short = || Refusal::new(TOO_LOW, format!("the counter is {had}"));
                    match had.checked_sub(change.n).ok_or_else(short)? {
                        0 => step.store.delete(from),
                        left => step.store.set(from, &left.to_le_bytes()),
                    }
                }
                let raised = raise(step.store, change)?;
                step.store.set(change.to, &raised.to_le_bytes());
                step.emit("raised", &[("value", &raised.to_le_bytes())]);
                Ok(())
            })
        };
        TxResult { gas_used, result: change.as_ref().map_err(Clone::clone).and_then(effects) }
    }

    fn finish(&self, _: (), _: &mut Store) -> Result<Ending, String> {
        Ok(Ending::default())
    }

    fn admit(&self, _: &(), tx: &Self::Transaction<'_>, _: u128, _: &Context, store: &Store) -> CheckVerdict {
        let (bytes, change) = tx;
        let admitted = change.as_ref().map_err(Clone::clone).and_then(|change| raise(store, change));
        let (code, log) = admitted.map_or_else(|refusal| (refusal.code, refusal.log), |_| (0, String::new()));
        CheckVerdict { code, log, sender: sha256::hash(bytes).to_vec(), gas_limit: GAS, ..Default::default() }
    }

    fn query_key(&self, path: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        match path.strip_prefix("counter/") {
            Some(name) if (1..=32).contains(&name.len()) => Ok(key(name)),
            _ if path == "key" && (1..=256).contains(&data.len()) => Ok(data.to_vec()),
            _ => Err(Refusal::new(BAD_QUERY, "paths are counter/NAME, and key with a raw state key as data")),
        }
    }
}
