//! What `app_state` may say, and that everything else is refused with a reason.

use bedrock_abi::generated::GenesisRequest;
use bedrock_ledger::keys;
use bedrock_ledger::params::Params;
use bedrock_ledger::values::Supply;
use bedrock_replay::load::{genesis, BLOCK_GAS, PROPOSER};
use bedrock_replay::{Chain, Engine};

fn request(app_state: &str) -> GenesisRequest {
    GenesisRequest { app_state: app_state.as_bytes().to_vec(), ..genesis(&[], "") }
}

fn refusal(app_state: &str) -> String {
    match Chain::genesis(&Engine::Native, &request(app_state)) {
        Ok(_) => panic!("accepted: {app_state}"),
        Err(fault) => fault.to_string(),
    }
}

const ONE: &str = "bed1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqlx7y5h";

#[test]
fn everything_may_be_said() {
    let other = "ff".repeat(32);
    let identity = hex::encode(PROPOSER);
    let text = format!(
        r#"{{"accounts":[{{"address":"{ONE}","balance":7}},{{"balance":"9","address":"{other}"}}],
           "authority":{{"keys":["{other}","{identity}"],"threshold":2}},
           "validators":[{{"delegate":"{other}","owner":"{ONE}","identity":"{identity}","moniker":"first"}}],
           "parameters":{{"min_gas_price":"5","gas_write":6}}}}"#
    );
    let chain = Chain::genesis(&Engine::Native, &request(&text)).unwrap();
    let row = |path: &str, data: &[u8]| chain.query(&Engine::Native, path, data).unwrap().value;
    assert_eq!(Supply::decode(&row("supply", &[])), Some(Supply { issued: 16, burned: 0, deposits: 0 }));
    let params = Params {
        min_gas_price: 5,
        gas_write: 6,
        max_block_bytes: 16 << 20,
        max_block_gas: BLOCK_GAS,
        ..Params::default()
    };
    assert_eq!(Params::decode(&row("params", &[])), Some(params));
    assert_eq!(row("schema", &[]), [1, 0, 0, 0]);
    assert_eq!(row("key", &[keys::AUTHORITY]), [&[2, 0, 2, 0], &PROPOSER[..], &[0xff; 32]].concat());
    assert_eq!(row(&format!("fee_owner/{identity}"), &[]), [0; 32]);
}

#[test]
fn fees_go_to_the_fee_owner() {
    let identity = hex::encode(PROPOSER);
    let payer = bedrock_replay::load::Signer::new(1, 1);
    let text = format!(
        r#"{{"accounts":[{{"address":"{}","balance":1000000}}],"validators":[{{"owner":"{ONE}","identity":"{identity}"}}]}}"#,
        hex::encode(payer.address)
    );
    let mut chain = Chain::genesis(&Engine::Native, &request(&text)).unwrap();
    let put = bedrock_ledger::transaction::Operation::RecordDelete { key: b"k" };
    let block = chain.execute(&Engine::Native, &[payer.priced(0, 100_000, 1, put)], false).unwrap();
    chain.commit(&block).unwrap();
    assert!(!chain.query(&Engine::Native, &format!("account/{ONE}"), &[]).unwrap().absent);
}

#[test]
fn what_is_wrong_is_named() {
    let account = |rest: &str| format!(r#"{{"accounts":[{{"address":"{ONE}"{rest}}}]}}"#);
    let twice =
        format!(r#"{{"accounts":[{{"address":"{ONE}","balance":1}},{{"address":"{ONE}","balance":1}}]}}"#);
    let most = format!(r#"{{"accounts":[{{"address":"{ONE}","balance":"{}"}}]}}"#, 1u128 << 127);
    for (text, part) in [
        ("", "expected '{' at byte 0"),
        ("[]", "expected '{'"),
        ("{} x", "something follows"),
        (r#"{"other":1}"#, r#"unknown member "other""#),
        (r#"{"accounts":[],"accounts":[]}"#, "stands twice"),
        (r#"{"accounts":[{}]}"#, "accounts[0]: address and balance are needed"),
        (r#"{"accounts":[{"address":"bed1x","balance":1}]}"#, "accounts[0]"),
        (&account(r#","balance":1.5"#), "no integer"),
        (&account(r#","balance":1e3"#), "no integer"),
        (&account(r#","balance":-1"#), "expected an integer"),
        (&account(r#","balance":01"#), "without leading zeros"),
        (&account(r#","balance":"1x""#), "expected an integer"),
        (&account(r#","balance":340282366920938463463374607431768211456"#), "above 128 bits"),
        (&account(r#","balance":0"#), "a balance of 0"),
        (&account(r#","nonce":0"#), r#"unknown member "nonce""#),
        (&twice, "stands twice"),
        (&most, "above 2^127 - 1"),
        (r#"{"parameters":{"gas_wrong":1}}"#, r#"unknown parameter "gas_wrong""#),
        (r#"{"parameters":{"max_block_gas":1}}"#, r#"unknown parameter "max_block_gas""#),
        (
            r#"{"parameters":{"burned_share":10001}}"#,
            "parameter burned_share is 10001, allowed is 0 to 10000",
        ),
        (r#"{"parameters":{"gas_write":18446744073709551616}}"#, "above 64 bits"),
        (r#"{"fee_owners":[]}"#, r#"unknown member "fee_owners""#),
        (r#"{"validators":[{"identity":"00"}]}"#, "64 hexadecimal digits"),
        (r#"{"validators":[{"moniker":"m"}]}"#, "identity is needed"),
        (r#"{"validators":[{"identity":"00","address":"x"}]}"#, "validators[0]"),
        (r#"{"authority":{"keys":[],"threshold":1}}"#, "a threshold of 1 to 0"),
        (r#"{"accounts":[{"address":"a\u0041","balance":1}]}"#, "escapes"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(part), "{text}: {refusal}");
    }
    let stranger = format!(r#"{{"validators":[{{"owner":"{ONE}","identity":"{}"}}]}}"#, "00".repeat(32));
    assert!(refusal(&stranger).contains("none of this genesis has the identity"));
    let mut limits = request("{}");
    limits.epoch.as_mut().unwrap().max_block_gas = 5;
    let fault = Chain::genesis(&Engine::Native, &limits).err().unwrap();
    assert!(fault.to_string().contains("parameter max_block_gas is 5"), "{fault}");
}

#[test]
fn nesting_does_not_recurse() {
    let deep = "[".repeat(1_000_000);
    assert!(refusal(&format!(r#"{{"accounts":{deep}"#)).contains("expected '{'"));
}
