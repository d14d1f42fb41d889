//! A second state machine: named counters that anybody may raise. A
//! transaction is a name of 1 to 32 letters and how much to add, one byte.

use bedrock_sdk::{
    CheckVerdict, Context, Ending, Genesis, GenesisRequest, KeyRef, Keys, Refusal, StateMachine, Step, Store,
    TxResult, Verdict,
};

pub const MALFORMED: u32 = 1;
pub const OVERFLOW: u32 = 2;
pub const GAS: u64 = 10;

pub struct Counter;

/// Name, what to add, and the row.
pub struct Add<'a>(Option<(&'a [u8], u8, KeyRef)>);

fn parse(bytes: &[u8]) -> Option<(&[u8], u8)> {
    let (add, name) = bytes.split_last()?;
    ((1..=32).contains(&name.len()) && name.iter().all(u8::is_ascii_lowercase)).then_some((name, *add))
}

fn value(row: Option<&[u8]>) -> u64 {
    row.and_then(|row| row.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl StateMachine for Counter {
    type Rows = ();
    type Block = ();
    type Transaction<'a> = Add<'a>;

    fn genesis(&self, request: &GenesisRequest, state: &mut Genesis) -> Result<(), String> {
        let (name, add) = parse(&request.app_state).ok_or("app_state is no transaction")?;
        state.set(name.to_vec(), u64::from(add).to_le_bytes().to_vec());
        Ok(())
    }

    fn verify(&self, _: &[u8], transactions: &[&[u8]]) -> Vec<Verdict> {
        let verdict = |bytes: &&[u8]| match parse(bytes) {
            Some(_) => Verdict { gas_limit: GAS, ..Default::default() },
            None => Verdict { code: MALFORMED, ..Default::default() },
        };
        transactions.iter().map(verdict).collect()
    }

    fn begin(&self, _: &Context, _: &mut Keys) {}

    fn open(&self, _: &Context, _: (), _: &Store, _: &mut Keys) -> Result<(), String> {
        Ok(())
    }

    fn prepare<'a>(&self, _: &(), bytes: &'a [u8], keys: &mut Keys) -> Add<'a> {
        Add(parse(bytes).map(|(name, add)| (name, add, keys.declare(name))))
    }

    fn apply(&self, _: &mut (), transaction: &Add<'_>, step: &mut Step<'_>) -> TxResult {
        let Add(Some((name, add, key))) = transaction else {
            return TxResult { gas_used: 0, result: Err(Refusal::new(MALFORMED, "not a name and a number")) };
        };
        let result = step.attempt(|step| {
            let raised = value(step.store.get(*key)) + u64::from(*add);
            // Written before it is judged, so that a refusal has something to undo.
            step.store.set(*key, &raised.to_le_bytes());
            step.emit("raised", &[("name", name), ("value", &raised.to_le_bytes())]);
            if raised > 1_000 {
                return Err(Refusal::new(OVERFLOW, "a counter ends at 1,000"));
            }
            if raised == 0 {
                step.store.delete(*key);
            }
            Ok(())
        });
        TxResult { gas_used: GAS.min(step.gas_left), result }
    }

    fn finish(&self, _: (), _: &mut Store) -> Result<Ending, String> {
        Ok(Ending::default())
    }

    fn admit(&self, _: &(), transaction: &Add<'_>, _: u128, _: &Context, store: &Store) -> CheckVerdict {
        let code = match transaction {
            Add(Some((_, add, key))) if value(store.get(*key)) + u64::from(*add) > 1_000 => OVERFLOW,
            Add(Some(_)) => 0,
            Add(None) => MALFORMED,
        };
        CheckVerdict { code, gas_limit: GAS, ..Default::default() }
    }

    fn query_key(&self, path: &str, _: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(path.as_bytes().to_vec())
    }
}
